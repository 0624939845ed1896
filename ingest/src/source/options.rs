//! Which broker, as whom, and what to ask it for.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use domain::limits::BRIDGE_INFLIGHT;
use rumqttc::tokio_rustls::rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use url::Url;

/// The external broker and the subscription.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `mqtt://[user:password@]host[:port]`, port 1883 unless said otherwise; `mqtts://…` over TLS, port 8883.
    pub url: String,
    /// TLS: the authorities that the broker's certificate is judged by, PEM; those of the system unless named.
    pub ca_file: Option<PathBuf>,
    /// TLS: the certificate and key that are shown to a broker which asks for one, PEM.
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// In place of the URL's.
    pub user: Option<String>,
    /// In place of the URL's; a trailing line break is cut.
    pub password_file: Option<PathBuf>,
    /// Names the session at the broker: the same after each restart, and of nobody else.
    pub client_id: String,
    pub version: Version,
    /// Several sources of one group share the messages (`$share/{group}/…`; MQTT 5, and brokers that offer it to 3.1.1 too).
    pub share: Option<String>,
    pub filters: Vec<String>,
    /// MQTT 5: publishes that may be unacknowledged. Under 3.1.1 the broker's own setting counts (Mosquitto: `max_inflight_messages`).
    pub inflight: u16,
}

/// Of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Version {
    /// 3.1.1
    V3,
    V5,
}

/// What is wrong with the options.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("source url {url:?} is not mqtt://[user:password@]host[:port], nor mqtts://…")]
    Url { url: String },
    #[error("source url {url:?} names an IPv6 address, at which no certificate is checked: write the broker's name")]
    Literal { url: String },
    #[error("source url asks for TLS, and it was not said whom to trust")]
    Tls,
    #[error("source needs a client id, which names its session at the broker")]
    ClientId,
    #[error("source needs at least one topic filter")]
    Filters,
    #[error("source share group {group:?} may not be empty or hold / + #")]
    Share { group: String },
    #[error("source inflight must be at least 1")]
    Inflight,
    #[error("source password file {}: {error}", .path.display())]
    PasswordFile { path: PathBuf, error: io::Error },
    #[error("source has a password and no user")]
    User,
}

impl Default for Options {
    /// Every topic that a codec of the contract reads.
    fn default() -> Self {
        let filters = [
            "kerbside/v1/parking/+",
            "kerbside/v1/air/+",
            "kerbside/v1/senml/+",
            "v3/+/devices/+/up",
            "application/+/device/+/event/up",
            "spBv1.0/#",
        ];
        Self {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            ca_file: None,
            certificate_file: None,
            key_file: None,
            user: None,
            password_file: None,
            client_id: "kerbside-ingest".to_owned(),
            version: Version::V5,
            share: None,
            filters: filters.map(str::to_owned).to_vec(),
            inflight: BRIDGE_INFLIGHT,
        }
    }
}

/// What a URL's scheme says.
struct Scheme {
    usual_port: u16,
    is_secure: bool,
}

/// In lower case, however it was written.
fn scheme(url: &Url) -> Option<Scheme> {
    match url.scheme() {
        "mqtt" | "tcp" => Some(Scheme { usual_port: 1883, is_secure: false }),
        "mqtts" | "ssl" => Some(Scheme { usual_port: 8883, is_secure: true }),
        _ => None,
    }
}

/// The options as judged.
#[derive(Clone)]
pub(super) struct Broker {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_secure: bool,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) login: Option<(String, String)>,
    pub(super) client_id: String,
    pub(super) version: Version,
    pub(super) filters: Vec<String>,
    pub(super) inflight: u16,
}

impl Broker {
    pub(super) fn address(&self) -> impl fmt::Display {
        format!("{}:{}", self.host, self.port)
    }
}

impl Options {
    /// Where the broker is, as the URL says it: a name or an address, without brackets, and a port.
    pub fn host_and_port(&self) -> Result<(String, u16), Error> {
        let Broker { host, port, .. } = self.clone().broker()?;
        Ok((host.trim_matches(['[', ']']).to_owned(), port))
    }

    /// Whether a TLS configuration is needed to reach it; what is no URL is refused by whoever opens it.
    pub fn is_secure(&self) -> bool {
        Url::parse(&self.url).is_ok_and(|url| scheme(&url).is_some_and(|scheme| scheme.is_secure))
    }

    pub(super) fn broker(self) -> Result<Broker, Error> {
        let url = Url::parse(&self.url).map_err(|_| Error::Url { url: shown(&self.url) })?;
        let Scheme { usual_port, is_secure } = scheme(&url).ok_or_else(|| Error::Url { url: shown(&self.url) })?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| Error::Url { url: shown(&self.url) })?.to_owned();
        if is_secure && host.starts_with('[') {
            return Err(Error::Literal { url: shown(&self.url) });
        }
        let login = self.login(&url)?;
        if self.client_id.is_empty() {
            return Err(Error::ClientId);
        }
        if self.filters.is_empty() {
            return Err(Error::Filters);
        }
        if self.inflight == 0 {
            return Err(Error::Inflight);
        }
        let filters = match self.share {
            None => self.filters,
            Some(group) if group.is_empty() || group.contains(['/', '+', '#']) => return Err(Error::Share { group }),
            Some(group) => self.filters.iter().map(|filter| format!("$share/{group}/{filter}")).collect(),
        };
        let port = url.port().unwrap_or(usual_port);
        Ok(Broker {
            host,
            port,
            is_secure,
            tls: None,
            login,
            client_id: self.client_id,
            version: self.version,
            filters,
            inflight: self.inflight,
        })
    }

    fn login(&self, url: &Url) -> Result<Option<(String, String)>, Error> {
        let decoded = |text: &str| percent_decoded(text).ok_or_else(|| Error::Url { url: shown(&self.url) });
        let user = match &self.user {
            Some(user) => user.clone(),
            None => decoded(url.username())?,
        };
        let password = match &self.password_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| Error::PasswordFile { path: path.clone(), error })?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            None => decoded(url.password().unwrap_or_default())?,
        };
        match (user.is_empty(), password.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(Error::User),
            (false, _) => Ok(Some((user, password))),
        }
    }
}

impl fmt::Debug for Options {
    /// Without the password that the URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &shown(&self.url))
            .field("ca_file", &self.ca_file)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .field("user", &self.user)
            .field("password_file", &self.password_file)
            .field("client_id", &self.client_id)
            .field("version", &self.version)
            .field("share", &self.share)
            .field("filters", &self.filters)
            .field("inflight", &self.inflight)
            .finish()
    }
}

/// A URL as it may be told: without what stands before the `@`.
fn shown(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

/// `%41` is `A`; `None` when it gives no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let code = (byte == b'%').then(|| behind.get(..2)).flatten();
        match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

impl TryFrom<u8> for Version {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            3 => Ok(Self::V3),
            5 => Ok(Self::V5),
            _ => Err("the protocol version is 3 (for 3.1.1) or 5"),
        }
    }
}

impl From<Version> for u8 {
    fn from(version: Version) -> Self {
        match version {
            Version::V3 => 3,
            Version::V5 => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_url(url: &str) -> Result<Broker, Error> {
        Options { url: url.to_owned(), ..Options::default() }.broker()
    }

    #[test]
    fn a_url_gives_host_port_and_login() {
        let broker = with_url("mqtt://bob:p%40ss@example.org:1999").expect("valid");
        assert_eq!((broker.host.as_str(), broker.port), ("example.org", 1999));
        assert_eq!(broker.login, Some(("bob".to_owned(), "p@ss".to_owned())));
        assert_eq!(with_url("mqtt://[::1]").expect("valid").address().to_string(), "[::1]:1883");
        assert_eq!(with_url("mqtts://example.org").expect("valid").port, 8883);
    }

    #[test]
    fn a_url_that_asks_for_tls_asks_for_it_however_it_is_written() {
        for (url, is_secure) in [
            ("mqtts://example.org", true),
            ("MQTTS://example.org", true),
            (" Ssl://example.org", true),
            ("mqtt://example.org", false),
            ("MQTT://example.org", false),
        ] {
            let options = Options { url: url.to_owned(), ..Options::default() };
            assert_eq!((options.is_secure(), with_url(url).expect("valid").is_secure), (is_secure, is_secure), "{url}");
        }
        assert!(matches!(with_url("mqtts://[::1]"), Err(Error::Literal { .. })));
    }

    #[test]
    fn what_cannot_be_served_is_refused_without_telling_the_password() {
        let error = with_url("wss://bob:secret@example.org").err().expect("refused");
        assert!(matches!(error, Error::Url { .. }));
        assert!(!error.to_string().contains("secret"));
        assert!(!format!("{:?}", Options { url: "mqtt://a:secret@b".to_owned(), ..Options::default() }).contains("secret"));
        for url in ["", "example.org:1883", "http://example.org", "mqtt://"] {
            assert!(matches!(with_url(url), Err(Error::Url { .. })), "{url}");
        }
    }

    #[test]
    fn a_share_group_stands_before_each_filter() {
        let options = Options { share: Some("city".to_owned()), filters: vec!["a/+".to_owned()], ..Options::default() };
        assert_eq!(options.broker().expect("valid").filters, ["$share/city/a/+"]);
        assert!(Options { share: Some("a/b".to_owned()), ..Options::default() }.broker().is_err());
    }
}
