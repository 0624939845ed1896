//! Who may call what. On a loopback listener every local caller is the operator, unless the request came from elsewhere.
//!
//! A proxy on the same machine makes the whole world look local, and so does a web page whose host name resolves to
//! 127.0.0.1: forwarded headers, a foreign `Host` or a foreign `Origin` therefore end the exemption. Keys are judged by
//! the front binary's list, which is absent until keys exist: without exemption only public operations answer.

use http::HeaderMap;
use http::header::{FORWARDED, HOST, ORIGIN, VIA};

use crate::api::Access;
use crate::problem::Problem;

pub struct Gate {
    /// The listener's address is a loopback address.
    pub loopback: bool,
}

const FORWARDING: [&str; 6] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

impl Gate {
    pub fn judge(&self, access: Access, headers: &HeaderMap) -> Result<(), Problem> {
        if access == Access::Public || self.is_exempt(headers) { Ok(()) } else { Err(Problem::Key) }
    }

    fn is_exempt(&self, headers: &HeaderMap) -> bool {
        let forwarded = headers.contains_key(FORWARDED)
            || headers.contains_key(VIA)
            || FORWARDING.iter().any(|name| headers.contains_key(*name));
        let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or_default());
        let origin = text(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
        self.loopback && !forwarded && text(HOST).is_some_and(is_local) && origin.is_none_or(is_local)
    }
}

/// `localhost`, `*.localhost` or a loopback address, with or without a port.
fn is_local(host: &str) -> bool {
    if let Ok(addr) = host.parse::<std::net::SocketAddr>() {
        return addr.ip().is_loopback();
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<std::net::IpAddr>() {
        return ip.is_loopback();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn a_local_caller_needs_no_key() {
        let gate = Gate { loopback: true };
        for host in ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:80", "127.9.9.9", "demo.localhost"] {
            assert!(gate.judge(Access::Admin, &headers(&[("host", host)])).is_ok(), "{host}");
        }
        assert!(gate.judge(Access::Admin, &headers(&[("host", "localhost"), ("origin", "http://localhost:5173")])).is_ok());
    }

    #[test]
    fn a_request_that_came_from_elsewhere_needs_a_key() {
        let gate = Gate { loopback: true };
        let cases: &[&[(&str, &str)]] = &[
            &[],
            &[("host", "kerbside.example")],
            &[("host", "192.168.0.4:8080")],
            &[("host", "localhost.evil.example")],
            &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")],
            &[("host", "localhost"), ("forwarded", "for=10.0.0.1")],
            &[("host", "localhost"), ("origin", "https://evil.example")],
            &[("host", "localhost"), ("origin", "null")],
        ];
        for pairs in cases {
            let pairs: Vec<(&'static str, &str)> = pairs.to_vec();
            assert!(gate.judge(Access::Key("ops"), &headers(&pairs)).is_err(), "{pairs:?}");
            assert!(gate.judge(Access::Public, &headers(&pairs)).is_ok(), "{pairs:?}");
        }
    }

    #[test]
    fn off_loopback_nobody_is_exempt() {
        let gate = Gate { loopback: false };
        assert!(gate.judge(Access::Key("ops"), &headers(&[("host", "localhost")])).is_err());
    }
}
