//! Where a process will be heard: what cannot be had is told before anything is recovered, which takes minutes in a large city.
//!
//! Ports are only tried here. The parts bind them when they can serve, since a client is better refused than left waiting at a
//! socket that nobody reads yet.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use anyhow::Context as _;
use tokio::net::TcpSocket;

use crate::config::{Config, Fault};
use crate::node::Roles;

/// The listeners that a command opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    mqtt: bool,
    http: Http,
    link: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    Off,
    Api,
    /// Liveness, readiness and metrics of a broker alone, where it is named.
    Watched,
}

impl Doors {
    pub const NONE: Self = Self { mqtt: false, http: Http::Off, link: false };
    pub const HTTP: Self = Self { http: Http::Api, ..Self::NONE };

    pub const fn of(roles: Roles) -> Self {
        let http = if roles.ingest { Http::Api } else { Http::Watched };
        Self { mqtt: roles.broker, http, link: roles.ingest }
    }

    /// Whether readings come in by this process, from another broker where one is named.
    pub const fn let_readings_in(self) -> bool {
        self.mqtt || self.link
    }
}

/// An address that will be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    pub key: &'static str,
    pub address: SocketAddr,
}

/// Without TLS only where nobody else listens, or where the operator asked for it by name (SEC-1).
struct Clear {
    is_allowed: bool,
    by: &'static str,
    instead: &'static str,
}

/// Each address, none of them twice, and none in the clear beyond this machine unasked.
pub fn resolve(config: &Config, doors: Doors) -> Result<Vec<Door>, Fault> {
    let mut found: Vec<Door> = Vec::new();
    for (key, text, clear) in named(config, doors) {
        let fault = |detail: String| Fault { key, detail };
        let address = found_by(text).map_err(fault)?;
        if let Some(Clear { is_allowed: false, by, instead }) = clear
            && !address.ip().to_canonical().is_loopback()
        {
            return Err(fault(format!(
                "{address} is not loopback, and what is said there can be read on the way: {instead}, or allow it by name with {by}"
            )));
        }
        if let Some(other) = found.iter().find(|other| is_one_door(other.address, address)) {
            return Err(fault(format!("{address} is where {} listens, too ({}): each needs its own", other.key, other.address)));
        }
        found.push(Door { key, address });
    }
    Ok(found)
}

/// Whether one connection could be for both: an unspecified address stands for all of its family, that of IPv6 for IPv4's as well.
fn is_one_door(a: SocketAddr, b: SocketAddr) -> bool {
    let holds = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let (one, other) = (a.ip().to_canonical(), b.ip().to_canonical());
    a.port() == b.port() && a.port() != 0 && (one == other || holds(one, other) || holds(other, one))
}

/// Binds each address for a moment.
pub fn try_all(config: &Config, doors: Doors) -> anyhow::Result<()> {
    for Door { key, address } in resolve(config, doors)? {
        try_one(address).with_context(|| format!("{key}: cannot listen on {address}"))?;
    }
    Ok(())
}

/// As tokio's listener binds it, so that what is free here is free there.
fn try_one(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Of a key of the configuration.
pub fn address(key: &str, text: &str) -> anyhow::Result<SocketAddr> {
    found_by(text).map_err(|detail| anyhow::anyhow!("{key}: {detail}"))
}

/// A host and port; names are resolved once.
fn found_by(text: &str) -> Result<SocketAddr, String> {
    let wrong = |why: String| format!("{text:?} is no address such as 127.0.0.1:8080 ({why})");
    let mut addresses = text.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    addresses.next().ok_or_else(|| wrong("its name has none".to_owned()))
}

type Named<'a> = (&'static str, &'a str, Option<Clear>);

fn named(config: &Config, Doors { mqtt, http, link }: Doors) -> Vec<Named<'_>> {
    let clear_mqtt = || {
        let by = "broker.allow_plaintext_off_loopback";
        let is_allowed = config.broker.allow_plaintext_off_loopback;
        Some(Clear { is_allowed, by, instead: "listen with TLS (--mqtts, --mqtt-wss)" })
    };
    let mut named: Vec<Named<'_>> = Vec::new();
    let http = match http {
        Http::Off => None,
        Http::Api => Some(("http", config.http.as_str())),
        Http::Watched => config.broker_http.as_deref().map(|text| ("broker_http", text)),
    };
    if let Some((key, text)) = http {
        let by = "query.allow_plaintext_off_loopback";
        let is_allowed = config.query.allow_plaintext_off_loopback;
        named.push((key, text, Some(Clear { is_allowed, by, instead: "listen with TLS (--https)" })));
        named.extend(config.https.as_deref().map(|text| ("https", text, None)));
    }
    if mqtt {
        named.push(("mqtt", config.mqtt.as_str(), clear_mqtt()));
        named.extend(config.mqtt_ws.as_deref().map(|text| ("mqtt_ws", text, clear_mqtt())));
        named.extend(config.mqtts.as_deref().map(|text| ("mqtts", text, None)));
        named.extend(config.mqtt_wss.as_deref().map(|text| ("mqtt_wss", text, None)));
    }
    if link {
        let by = "ingest.allow_link_off_loopback";
        let clear = Clear { is_allowed: config.ingest.allow_link_off_loopback, by, instead: "keep it on this machine" };
        named.extend(config.link.as_deref().map(|text| ("link", text, Some(clear))));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(change: impl FnOnce(&mut Config)) -> Result<Vec<Door>, Fault> {
        let mut config = Config::default();
        change(&mut config);
        resolve(&config, Doors::of(Roles::ALL))
    }

    #[test]
    fn a_fault_of_an_address_names_its_key() {
        type Change = fn(&mut Config);
        let cases: [(Change, &str, &str); 8] = [
            (|config| config.http = "nowhere".into(), "http", "no address"),
            (|config| config.mqtts = Some("127.0.0.1".into()), "mqtts", "no address"),
            (|config| config.mqtt = "0.0.0.0:1883".into(), "mqtt", "broker.allow_plaintext_off_loopback"),
            (|config| config.http = "[::]:8080".into(), "http", "query.allow_plaintext_off_loopback"),
            (|config| config.link = Some("0.0.0.0:7400".into()), "link", "ingest.allow_link_off_loopback"),
            (|config| config.mqtt = "127.0.0.1:8080".into(), "mqtt", "where http listens, too"),
            (|config| config.mqtts = Some("0.0.0.0:8080".into()), "mqtts", "where http listens, too"),
            (|config| config.mqtt = "[::ffff:127.0.0.1]:8080".into(), "mqtt", "where http listens, too"),
        ];
        for (change, key, detail) in cases {
            let fault = all(change).expect_err("refused");
            assert!(fault.key == key && fault.detail.contains(detail), "{fault:?}");
        }
    }

    #[test]
    fn two_free_ports_are_no_conflict_and_tls_may_be_heard_everywhere() {
        let doors = all(|config| {
            config.http = "127.0.0.1:0".into();
            config.mqtt = "127.0.0.1:0".into();
            config.https = Some("0.0.0.0:8443".into());
        });
        assert_eq!(doors.map(|doors| doors.len()), Ok(3));
    }

    #[test]
    fn an_address_that_a_command_does_not_open_is_not_judged() {
        let mut config = Config { http: "0.0.0.0:8080".into(), ..Config::default() };
        assert!(resolve(&config, Doors::of(Roles::BROKER)).is_ok());
        config.mqtt = "nowhere".into();
        assert_eq!(resolve(&config, Doors::NONE), Ok(Vec::new()));
    }

    #[test]
    fn a_broker_alone_is_watched_where_it_is_named() {
        let mut config = Config::default();
        let keys = |config: &Config| -> Vec<_> {
            let doors = resolve(config, Doors::of(Roles::BROKER)).expect("good addresses");
            doors.into_iter().map(|door| door.key).collect()
        };
        assert_eq!(keys(&config), ["mqtt"]);
        config.broker_http = Some("127.0.0.1:0".into());
        assert_eq!(keys(&config), ["broker_http", "mqtt"]);
        config.broker_http = Some("0.0.0.0:9100".into());
        let fault = resolve(&config, Doors::of(Roles::BROKER)).expect_err("in the clear");
        assert_eq!(fault.key, "broker_http");
    }

    #[tokio::test]
    async fn a_taken_port_is_told_with_its_key() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound");
        let config = Config { http: address.to_string(), ..Config::default() };
        let error = format!("{:#}", try_all(&config, Doors::HTTP).expect_err("taken"));
        assert!(error.starts_with(&format!("http: cannot listen on {address}")), "{error}");
        drop(taken);
        try_all(&config, Doors::HTTP).expect("free again");
    }
}
