//! The certificates in force: read at the start, read again while the process runs, told before they end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use compact_str::CompactString;
use domain::limits::CERTIFICATES_LOOK;
use domain::{Clock, Timestamp};
use metrics::{Unit, describe_gauge, gauge};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::Options;
use super::authority::Authority;
use super::identity;
use super::material::Material;

const DAY: Duration = Duration::from_secs(86_400);
/// An own server certificate lives for so long, and is made anew when half of it is over.
const OWN_DAYS: u32 = 90;
/// Before its end a certificate is told of, once at each.
const TOLD_DAYS: [u32; 2] = [7, 30];
const ENDS: &str = "kerbside_certificate_seconds_left";

/// A cheap handle.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    options: Options,
    /// Where the own authority is kept.
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Current>,
}

/// What handshakes are made with.
struct Current {
    material: Material,
    mqtt: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    /// When the server's certificate ends, and the own one is made anew.
    ends: Timestamp,
    renew: Option<Timestamp>,
}

impl Certificates {
    pub fn open(options: Options, dir: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        describe_gauge!(ENDS, Unit::Seconds, "until the server's certificate ends");
        let current = Current::load(&options, dir, Material::read(&options)?, clock.now())?;
        Ok(Self(Arc::new(Inner { options, dir: dir.to_owned(), clock, current: ArcSwap::from_pointee(current) })))
    }

    /// For HTTP: the same certificate, and nobody is asked for one.
    pub fn http(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.load().http)
    }

    /// Looks until `shutdown`, on a thread that may wait for the disk.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut told = Told::default();
        while shutdown.run_until_cancelled(self.0.clock.sleep(CERTIFICATES_LOOK)).await.is_some() {
            let inner = Arc::clone(&self.0);
            told = tokio::task::spawn_blocking(move || {
                inner.look(&mut told);
                told
            })
            .await?;
        }
        Ok(())
    }
}

impl broker::Tls for Certificates {
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current.load().mqtt)
    }

    fn name(&self, certificate: &CertificateDer<'_>) -> Option<CompactString> {
        identity::device(certificate)
    }
}

/// What the log has heard already.
#[derive(Default)]
struct Told {
    failure: Option<String>,
    /// The fewest days of [`TOLD_DAYS`] that were told, and for which end.
    days: Option<(Timestamp, u32)>,
}

impl Inner {
    fn look(&self, told: &mut Told) {
        match self.renewed() {
            Ok(Some(current)) => {
                info!(ends = %current.ends, "certificates were read anew");
                self.current.store(Arc::new(current));
                told.failure = None;
            }
            Ok(None) => told.failure = None,
            Err(failure) => {
                let failure = format!("{failure:#}");
                if told.failure.as_ref() != Some(&failure) {
                    error!(%failure, "certificates cannot be read anew: those that were read before stay in force");
                    told.failure = Some(failure);
                }
            }
        }
        self.tell_the_end(told);
    }

    /// `None`: everything is as it was.
    fn renewed(&self) -> anyhow::Result<Option<Current>> {
        let (material, now) = (Material::read(&self.options)?, self.clock.now());
        let current = self.current.load();
        if material == current.material && current.renew.is_none_or(|renew| now < renew) {
            return Ok(None);
        }
        Current::load(&self.options, &self.dir, material, now).map(Some)
    }

    fn tell_the_end(&self, told: &mut Told) {
        let (ends, now) = (self.current.load().ends, self.clock.now());
        let left = Duration::from_micros(ends.micros_since(now).max(0) as u64);
        gauge!(ENDS).set(left.as_secs_f64());
        let Some(days) = TOLD_DAYS.into_iter().find(|days| left <= DAY.saturating_mul(*days)) else { return };
        if told.days.is_none_or(|(of, least)| of != ends || days < least) {
            told.days = Some((ends, days));
            warn!(%ends, days_left = left.as_secs() / DAY.as_secs(), "the server's certificate ends soon: put a new one in its place");
        }
    }
}

impl Current {
    fn load(options: &Options, dir: &Path, material: Material, now: Timestamp) -> anyhow::Result<Self> {
        let trusted = match material.device_authorities()? {
            Some(authorities) => authorities,
            None => vec![CertificateDer::from_pem_slice(Authority::open(dir, now)?.certificate().as_bytes())?],
        };
        let (chain, key, renew) = match material.server()? {
            Some((chain, key)) => (chain, key, None),
            None => {
                let (certificate, key) = own_server(options, dir, now)?;
                (vec![certificate], key, Some(now.plus(DAY.saturating_mul(OWN_DAYS / 2))))
            }
        };
        let ends = identity::end(chain.first().context("tls.certificate: it holds no certificate")?)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mqtt = mqtt(&provider, &material, trusted, chain.clone(), key.clone_key())?;
        let mut http =
            builder(&provider)?.with_no_client_auth().with_single_cert(chain, key).context("tls.certificate and tls.key")?;
        http.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { material, mqtt: Arc::new(mqtt), http: Arc::new(http), ends, renew })
    }
}

type Builder = rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>;

/// TLS 1.3 and 1.2.
fn builder(provider: &Arc<CryptoProvider>) -> anyhow::Result<Builder> {
    Ok(ServerConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions()?)
}

/// A client may show a certificate; one that is shown has to be good.
fn mqtt(
    provider: &Arc<CryptoProvider>,
    material: &Material,
    trusted: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<ServerConfig> {
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        roots.add(authority).context("tls.device_authorities")?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(material.revoked()?)
        .only_check_end_entity_revocation()
        .allow_unauthenticated()
        .build()
        .context("tls.device_authorities and tls.revoked")?;
    let mut config = builder(provider)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .context("tls.certificate and tls.key")?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A certificate of the own authority for the names of the configuration, this machine's among them.
fn own_server(
    options: &Options,
    dir: &Path,
    now: Timestamp,
) -> anyhow::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let mut names = options.names.clone();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let issued = Authority::open(dir, now)?.server(names, OWN_DAYS, now).context("tls.names")?;
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(|error| anyhow::anyhow!("an own key: {error}"))?;
    Ok((CertificateDer::from_pem_slice(issued.certificate.as_bytes())?, key))
}
