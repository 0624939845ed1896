//! Who may call what. On a loopback listener every local caller is the operator, unless the request came from elsewhere.
//!
//! A proxy on the same machine makes the whole world look local, and so does a web page whose host name resolves to
//! 127.0.0.1: forwarded headers, a foreign `Host` or a foreign `Origin` therefore end the exemption. A key that is shown is judged
//! wherever it is shown: a wrong one is told, not overlooked.

use compact_str::CompactString;
use domain::access::{Caller, Keys, Scope};
use domain::registry::{Bay, Feature};
use http::HeaderMap;
use http::header::{AUTHORIZATION, FORWARDED, HOST, ORIGIN, VIA};

use crate::api::Access;
use crate::problem::Problem;

/// Where a request was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// The listener's address is a loopback address.
    pub is_loopback: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Nobody in particular: what is public answers.
    Public,
    /// Whoever sits at this machine.
    Local,
    Holder(Caller),
}

impl Asker {
    /// As logs and the audit name it.
    pub fn name(&self) -> CompactString {
        match self {
            Self::Public => "public".into(),
            Self::Local => "local".into(),
            Self::Holder(caller) => caller.name.clone(),
        }
    }

    /// Whether a bay is told of by itself. Of the few that belong to residents or to disabled drivers, each would show a person's days:
    /// to the public they are numbers of their site.
    pub fn sees(&self, bay: &Bay) -> bool {
        let is_personal = |feature: &Feature| matches!(feature, Feature::Resident | Feature::Accessible);
        *self != Self::Public || !bay.features.iter().any(is_personal)
    }

    fn may(&self, access: Access) -> Result<(), Problem> {
        match (access, self) {
            (Access::Public, _) | (_, Self::Local) => Ok(()),
            (_, Self::Public) => Err(Problem::Key),
            (Access::Key(scope), Self::Holder(caller)) if caller.scopes.opens(scope) => Ok(()),
            (Access::Admin, Self::Holder(caller)) if caller.scopes.opens(Scope::Admin) => Ok(()),
            (Access::Key(scope), Self::Holder(_)) => Err(Problem::Scope(scope)),
            (Access::Admin, Self::Holder(_)) => Err(Problem::Scope(Scope::Admin)),
        }
    }
}

/// Judges a request by where it was heard and what it shows.
pub fn judge(door: Door, keys: &dyn Keys, access: Access, headers: &HeaderMap) -> Result<Asker, Problem> {
    let asker = match bearer(headers)? {
        Some(key) => Asker::Holder(keys.caller(key).ok_or(Problem::Key)?),
        None if door.is_exempt(headers) => Asker::Local,
        None => Asker::Public,
    };
    asker.may(access).map(|()| asker)
}

/// The key that is shown, if any.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let Some(first) = shown.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|_| shown.next().is_none()).ok_or(Problem::Key)?;
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(key.trim())),
        _ => Err(Problem::Key),
    }
}

const FORWARDING: [&str; 6] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

impl Door {
    fn is_exempt(&self, headers: &HeaderMap) -> bool {
        let forwarded = headers.contains_key(FORWARDED)
            || headers.contains_key(VIA)
            || FORWARDING.iter().any(|name| headers.contains_key(*name));
        let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or_default());
        let origin = text(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
        self.is_loopback && !forwarded && text(HOST).is_some_and(is_local) && origin.is_none_or(is_local)
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

    const HERE: Door = Door { is_loopback: true };
    const STREET: Door = Door { is_loopback: false };

    /// One key, `right`, for operators.
    struct OneKey;

    impl Keys for OneKey {
        fn caller(&self, key: &str) -> Option<Caller> {
            let scopes = [Scope::Ops].into_iter().collect();
            (key == "right").then(|| Caller { name: "night shift".into(), key: "k1".into(), scopes })
        }
    }

    fn ask(door: Door, access: Access, pairs: &[(&'static str, &str)]) -> Result<Asker, Problem> {
        judge(door, &OneKey, access, &headers(pairs))
    }

    #[test]
    fn a_local_caller_needs_no_key() {
        for host in ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:80", "127.9.9.9", "demo.localhost"] {
            assert_eq!(ask(HERE, Access::Admin, &[("host", host)]).ok(), Some(Asker::Local), "{host}");
        }
        assert!(ask(HERE, Access::Admin, &[("host", "localhost"), ("origin", "http://localhost:5173")]).is_ok());
    }

    #[test]
    fn a_request_that_came_from_elsewhere_needs_a_key() {
        let cases: &[&[(&'static str, &str)]] = &[
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
            assert!(matches!(ask(HERE, Access::Key(Scope::Ops), pairs), Err(Problem::Key)), "{pairs:?}");
            assert_eq!(ask(HERE, Access::Public, pairs).ok(), Some(Asker::Public), "{pairs:?}");
        }
    }

    #[test]
    fn off_loopback_nobody_is_exempt_and_a_key_opens_its_scope_only() {
        assert!(matches!(ask(STREET, Access::Key(Scope::Ops), &[("host", "localhost")]), Err(Problem::Key)));
        let right = [("authorization", "Bearer right")];
        let asker = ask(STREET, Access::Key(Scope::Ops), &right).expect("its scope");
        assert_eq!(asker.name(), "night shift");
        assert!(matches!(ask(STREET, Access::Key(Scope::Sql), &right), Err(Problem::Scope(Scope::Sql))));
        assert!(matches!(ask(STREET, Access::Admin, &right), Err(Problem::Scope(Scope::Admin))));
    }

    #[test]
    fn a_wrong_key_is_told_even_where_none_is_needed() {
        for shown in ["Bearer wrong", "Bearer", "Basic cmlnaHQ=", "right"] {
            let pairs = [("host", "localhost"), ("authorization", shown)];
            assert!(matches!(ask(HERE, Access::Public, &pairs), Err(Problem::Key)), "{shown}");
        }
    }
}
