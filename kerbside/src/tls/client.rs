//! What this program trusts and shows when it is the client: of a broker over TLS, or of a server's API over HTTPS.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Fault;

/// The files, as whoever named them calls them; all PEM.
#[derive(Clone, Copy, Debug)]
pub struct ClientFiles<'a> {
    /// Authorities; those of the system unless named.
    pub ca: Named<'a>,
    /// Shown to a server that asks for it, with its key.
    pub certificate: Named<'a>,
    pub key: Named<'a>,
}

impl<'a> ClientFiles<'a> {
    pub fn all(&self) -> [Named<'a>; 3] {
        [self.ca, self.certificate, self.key]
    }
}

/// A file, and the flag or key that names it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub key: &'static str,
    pub path: Option<&'a Path>,
}

impl Named<'_> {
    fn fault(&self, why: impl Display) -> Fault {
        let detail = match self.path {
            Some(path) => format!("{}: {why}", path.display()),
            None => why.to_string(),
        };
        Fault { key: self.key, detail }
    }
}

pub fn client_config(files: &ClientFiles<'_>) -> Result<Arc<ClientConfig>, Fault> {
    let mut roots = RootCertStore::empty();
    for authority in authorities(files.ca)? {
        roots.add(authority).map_err(|error| files.ca.fault(error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("the provider has the suites of both versions");
    let config = config.with_root_certificates(roots);
    let config = match (files.certificate.path, files.key.path) {
        (None, None) => config.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| files.key.fault(error))?;
            let chain = certificates(files.certificate, certificate)?;
            config.with_client_auth_cert(chain, key).map_err(|error| files.certificate.fault(error))?
        }
        (Some(_), None) => return Err(files.key.fault(format!("is missing: {} is named", files.certificate.key))),
        (None, Some(_)) => return Err(files.certificate.fault(format!("is missing: {} is named", files.key.key))),
    };
    Ok(Arc::new(config))
}

/// The named ones, else the system's.
pub fn authorities(ca: Named<'_>) -> Result<Vec<CertificateDer<'static>>, Fault> {
    if let Some(path) = ca.path {
        return certificates(ca, path);
    }
    let found = rustls_native_certs::load_native_certs();
    match (found.certs.is_empty(), found.errors.first()) {
        (false, _) => Ok(found.certs),
        (true, Some(error)) => Err(ca.fault(format!("has to name one: this system's authorities cannot be read ({error})"))),
        (true, None) => Err(ca.fault("has to name one: this system knows no certificate authority")),
    }
}

fn certificates(file: Named<'_>, path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let items: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let items = items.map_err(|error| file.fault(error))?;
    if items.is_empty() {
        return Err(file.fault("no certificate in this file"));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ca: &Path) -> Fault {
        let none = |key| Named { key, path: None };
        let files =
            ClientFiles { ca: Named { key: "--ca", path: Some(ca) }, certificate: none("--certificate"), key: none("--key") };
        client_config(&files).expect_err("refused")
    }

    #[test]
    fn a_file_that_does_not_fit_is_named_by_its_flag() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "").expect("written");
        let missing = refused(Path::new("/nowhere/ca.pem"));
        assert!(missing.to_string().starts_with("--ca: /nowhere/ca.pem: "), "{missing}");
        let nothing = refused(&empty);
        assert!(nothing.key == "--ca" && nothing.detail.ends_with("no certificate in this file"), "{nothing}");
    }
}
