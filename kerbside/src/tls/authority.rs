//! The data directory's own certificate authority, for a city that has none: made when it is first needed.
//!
//! One file holds its certificate and its key, readable by its owner alone; `ca.pem` beside it is for clients. Server certificates live in
//! memory only and are made anew before they end.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use domain::{SensorId, Timestamp, rng};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use time::OffsetDateTime;

use super::request::Request;

const DAY: Duration = Duration::from_secs(86_400);
/// Devices on a street are visited rarely: the authority outlives them.
const AUTHORITY_DAYS: u32 = 20 * 365;
/// Clocks of clients may be behind.
const EARLIER: Duration = Duration::from_secs(3_600);

/// A certificate and its private key, PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority of a directory, or makes it.
    pub fn open(dir: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let path = dir.join("authority.pem");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => make(dir, &path, now)?,
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Self::parse(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        const END: &str = "-----END CERTIFICATE-----";
        let (certificate, key) = text.split_once(END).context("it holds no certificate")?;
        let certificate = format!("{certificate}{END}\n");
        Ok(Self { certificate, issuer: Issuer::new(params(), KeyPair::from_pem(key.trim_start())?) })
    }

    /// What clients and listeners trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// For a server of these names and addresses.
    pub fn server(&self, names: Vec<String>, days: u32, now: Timestamp) -> anyhow::Result<Issued> {
        let name = names.first().context("a server has a name")?.clone();
        let mut params = CertificateParams::new(names)?;
        describe(&mut params, &name, ExtendedKeyUsagePurpose::ServerAuth, days, now)?;
        self.issue(&params)
    }

    /// For a device, with a new key.
    pub fn device(&self, id: &SensorId, days: u32, now: Timestamp) -> anyhow::Result<Issued> {
        let mut params = CertificateParams::default();
        describe(&mut params, id.as_str(), ExtendedKeyUsagePurpose::ClientAuth, days, now)?;
        self.issue(&params)
    }

    /// For a device that keeps its key to itself: of its request only the public key is taken over.
    pub fn sign(&self, id: &SensorId, request: &str, days: u32, now: Timestamp) -> anyhow::Result<String> {
        let request = Request::parse(request)?;
        let mut params = CertificateParams::default();
        describe(&mut params, id.as_str(), ExtendedKeyUsagePurpose::ClientAuth, days, now)?;
        Ok(params.signed_by(&request, &self.issuer)?.pem())
    }

    fn issue(&self, params: &CertificateParams) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        Ok(Issued { certificate: params.signed_by(&key, &self.issuer)?.pem(), key: key.serialize_pem() })
    }
}

fn describe(
    params: &mut CertificateParams,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
    days: u32,
    now: Timestamp,
) -> anyhow::Result<()> {
    params.distinguished_name = named(name);
    params.extended_key_usages = vec![usage];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    valid(params, days, now)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// From an hour ago, for so many days, under a serial number of its own.
fn valid(params: &mut CertificateParams, days: u32, now: Timestamp) -> anyhow::Result<()> {
    let at = |at: Timestamp| OffsetDateTime::from_unix_timestamp(at.as_micros().div_euclid(1_000_000));
    params.not_before = at(now.minus(EARLIER))?;
    params.not_after = at(now.plus(DAY.saturating_mul(days)))?;
    let mut serial = rng::secret::<16>();
    // Positive in any reading of it.
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(())
}

/// The authority's own, without its dates.
pub fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Kerbside authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Of two processes that make it at once one wins, and both read that one.
fn make(dir: &Path, path: &Path, now: Timestamp) -> anyhow::Result<String> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| dir.display().to_string())?;
    let key = KeyPair::generate()?;
    let mut params = params();
    valid(&mut params, AUTHORITY_DAYS, now)?;
    let certificate = params.self_signed(&key)?.pem();
    let staged = dir.join(format!("authority.{:016x}", u64::from_le_bytes(rng::secret::<8>())));
    write(&staged, &format!("{certificate}{}", key.serialize_pem()), 0o600)?;
    let linked = fs::hard_link(&staged, path);
    fs::remove_file(&staged)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).with_context(|| path.display().to_string()),
        _ => {}
    }
    let text = fs::read_to_string(path)?;
    write(&dir.join("ca.pem"), Authority::parse(&text)?.certificate(), 0o644)?;
    File::open(dir)?.sync_all()?;
    Ok(text)
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
