//! The files that `[tls]` names, as bytes: read together, so that what changed is seen by comparing them.

use std::path::Path;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::Options;

/// Empty where no file is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    device_authorities: Vec<u8>,
    revoked: Vec<u8>,
}

impl Material {
    pub fn read(options: &Options) -> anyhow::Result<Self> {
        let Options { certificate, key, device_authorities, revoked, .. } = options;
        anyhow::ensure!(
            certificate.as_os_str().is_empty() == key.as_os_str().is_empty(),
            "tls.certificate and tls.key: name both or none"
        );
        Ok(Self {
            certificate: read("tls.certificate", certificate)?,
            key: read("tls.key", key)?,
            device_authorities: read("tls.device_authorities", device_authorities)?,
            revoked: read("tls.revoked", revoked)?,
        })
    }

    /// The named chain and its key, where they are named.
    pub fn server(&self) -> anyhow::Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
        if self.certificate.is_empty() {
            return Ok(None);
        }
        let chain = all("tls.certificate", &self.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| anyhow::anyhow!("tls.key: no private key: {error}"))?;
        Ok(Some((chain, key)))
    }

    /// The named authorities of devices; none where none are named.
    pub fn device_authorities(&self) -> anyhow::Result<Option<Vec<CertificateDer<'static>>>> {
        if self.device_authorities.is_empty() {
            Ok(None)
        } else {
            all("tls.device_authorities", &self.device_authorities).map(Some)
        }
    }

    pub fn revoked(&self) -> anyhow::Result<Vec<CertificateRevocationListDer<'static>>> {
        if self.revoked.is_empty() { Ok(Vec::new()) } else { all("tls.revoked", &self.revoked) }
    }
}

fn read(key: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let bytes = std::fs::read(path).with_context(|| format!("{key}: {}", path.display()))?;
    anyhow::ensure!(!bytes.is_empty(), "{key}: {} is empty", path.display());
    Ok(bytes)
}

fn all<T: PemObject>(key: &str, bytes: &[u8]) -> anyhow::Result<Vec<T>> {
    let items: Vec<_> = T::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|error| anyhow::anyhow!("{key}: {error}"))?;
    anyhow::ensure!(!items.is_empty(), "{key}: nothing of its kind in this file");
    Ok(items)
}
