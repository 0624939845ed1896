//! Another broker as a source: how it is reached, and that it is another one.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use domain::Clock;
use ingest::source::{Options, Source};
use journal::Journal;
use rustls::ClientConfig;

use crate::config::Fault;
use crate::tls::{self, ClientFiles, Named};

pub fn open(options: Options, journal: &Journal, clock: &Arc<dyn Clock>) -> anyhow::Result<Source> {
    let tls = tls(&options)?;
    Ok(Source::new(options, tls, journal.clone(), Arc::clone(clock))?)
}

/// Whom a broker over TLS is trusted by, and what is shown to it. Files that are named for a broker in the clear would secure nothing.
pub fn tls(options: &Options) -> Result<Option<Arc<ClientConfig>>, Fault> {
    let files = ClientFiles {
        ca: Named { key: "source.ca_file", path: options.ca_file.as_deref() },
        certificate: Named { key: "source.certificate_file", path: options.certificate_file.as_deref() },
        key: Named { key: "source.key_file", path: options.key_file.as_deref() },
    };
    if options.is_secure() {
        return tls::client_config(&files).map(Some);
    }
    match files.all().into_iter().find(|file| file.path.is_some()) {
        Some(file) => Err(Fault { key: file.key, detail: "is for TLS: write mqtts:// in source.url".to_owned() }),
        None => Ok(None),
    }
}

/// Refuses a source whose host and port are one of `listeners`: its readings would go round for ever. A name that cannot be resolved now
/// is left to the source, which tries again for ever. Asking for the name may take seconds: not on an async thread.
pub fn refuse(source: &Options, listeners: &[SocketAddr]) -> anyhow::Result<()> {
    let (host, port) = source.host_and_port().context("source")?;
    let addresses = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    let own = addresses.iter().find_map(|there| Some((there, listeners.iter().find(|own| is_reached(own, there))?)));
    if let Some((there, own)) = own {
        bail!(
            "source.url names {host}:{port}, which is this process itself ({there} reaches its MQTT listener {own}): its readings would go \
             round for ever; name another broker, or leave the source out"
        );
    }
    Ok(())
}

fn is_reached(listener: &SocketAddr, there: &SocketAddr) -> bool {
    listener.port() == there.port()
        && (listener.ip() == there.ip() || listener.ip().is_unspecified() && is_of_this_machine(there.ip()))
}

/// Only an address of its own can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified() || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_for_tls_are_judged_by_their_keys_before_anything_is_opened() {
        let with = |url: &str, ca: &str| Options { url: url.to_owned(), ca_file: Some(ca.into()), ..Options::default() };
        for url in ["mqtts://broker", "MQTTS://broker", "mqtt://broker"] {
            assert_eq!(tls(&with(url, "/nowhere/ca.pem")).map(drop).expect_err("refused").key, "source.ca_file", "{url}");
        }
        assert!(matches!(tls(&Options::default()), Ok(None)));
    }

    fn refused(url: &str, listener: &str) -> bool {
        let options = Options { url: url.to_owned(), ..Options::default() };
        let listener = listener.parse().expect("an address");
        refuse(&options, &[listener]).is_err_and(|error| error.to_string().contains("round for ever"))
    }

    #[test]
    fn a_source_that_reaches_an_own_listener_is_refused_by_whatever_name() {
        assert!(refused("mqtt://127.0.0.1:1883", "127.0.0.1:1883"));
        assert!(refused("mqtt://localhost:1883", "127.0.0.1:1883"));
        assert!(refused("mqtt://127.0.0.1", "0.0.0.0:1883"));
        assert!(refused("mqtt://[::1]:1884", "[::]:1884"));
        assert!(!refused("mqtt://127.0.0.1:1884", "127.0.0.1:1883"));
        assert!(!refused("mqtt://192.0.2.7:1883", "0.0.0.0:1883"));
    }
}
