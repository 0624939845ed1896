//! What this program trusts and shows when it is the client: of a broker over TLS, or of a server's API over HTTPS.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The files, as whoever named them calls them; all PEM.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientFiles<'a> {
    /// Authorities; those of the system unless named.
    pub ca: Named<'a>,
    /// Shown to a server that asks for it, with its key.
    pub certificate: Named<'a>,
    pub key: Named<'a>,
}

/// A file, and the flag or key that names it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    pub key: &'a str,
    pub path: Option<&'a Path>,
}

pub fn client_config(files: &ClientFiles<'_>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for authority in authorities(files.ca)? {
        roots.add(authority).with_context(|| format!("{}: no authority's certificate", files.ca.key))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let config = match (files.certificate.path, files.key.path) {
        (None, None) => config.with_no_client_auth(),
        (Some(_), Some(path)) => {
            let key = PrivateKeyDer::from_pem_file(path);
            let key = key.map_err(|error| anyhow::anyhow!("{}: {}: {error}", files.key.key, path.display()))?;
            config.with_client_auth_cert(certificates(files.certificate)?, key).context(files.certificate.key.to_owned())?
        }
        _ => anyhow::bail!("{} and {}: name both or none", files.certificate.key, files.key.key),
    };
    Ok(Arc::new(config))
}

/// The named ones, else the system's.
pub fn authorities(ca: Named<'_>) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    if ca.path.is_some() {
        return certificates(ca);
    }
    let found = rustls_native_certs::load_native_certs();
    let none = || match found.errors.first() {
        Some(error) => format!("this system's certificate authorities cannot be read ({error}): name one by {}", ca.key),
        None => format!("this system knows no certificate authority: name one by {}", ca.key),
    };
    anyhow::ensure!(!found.certs.is_empty(), none());
    Ok(found.certs)
}

fn certificates(Named { key, path }: Named<'_>) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let path = path.expect("asked for a file that is named");
    let at = || format!("{key}: {}", path.display());
    let items: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let items = items.map_err(|error| anyhow::anyhow!("{}: {error}", at()))?;
    anyhow::ensure!(!items.is_empty(), "{}: no certificate in this file", at());
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(files: &ClientFiles<'_>) -> String {
        format!("{:#}", client_config(files).expect_err("refused"))
    }

    #[test]
    fn a_file_that_does_not_fit_is_named_by_its_flag() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "").expect("written");
        let ca = |path| Named { key: "--ca", path };
        let missing = refused(&ClientFiles { ca: ca(Some(Path::new("/nowhere/ca.pem"))), ..ClientFiles::default() });
        assert!(missing.starts_with("--ca: /nowhere/ca.pem: "), "{missing}");
        let nothing = refused(&ClientFiles { ca: ca(Some(&empty)), ..ClientFiles::default() });
        assert!(nothing.ends_with("no certificate in this file"), "{nothing}");
    }
}
