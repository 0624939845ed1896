//! What a certificate says: whose it is, and when it ends.

use compact_str::CompactString;
use domain::{SensorId, Timestamp};
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;

/// The device that a certificate names: its subject's one common name, which is a device id.
pub fn device(certificate: &CertificateDer<'_>) -> Option<CompactString> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let subject = certificate.tbs_certificate().subject();
    let names = subject.iter().filter(|part| part.oid == COMMON_NAME).count();
    let name = subject.common_name().ok()?.filter(|_| names == 1)?;
    SensorId::new(&name.value()).ok().map(|id| id.as_str().into())
}

/// When it ends.
pub fn end(certificate: &CertificateDer<'_>) -> anyhow::Result<Timestamp> {
    let certificate = Certificate::from_der(certificate).map_err(|error| anyhow::anyhow!("no X.509 certificate: {error}"))?;
    Ok(Timestamp::UNIX_EPOCH.plus(certificate.tbs_certificate().validity().not_after.to_unix_duration()))
}
