//! Handshakes in memory: who is let in by a certificate, and that a changed file is seen.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use broker::Tls as _;
use domain::{SensorId, Timestamp};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConnection};
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::*;
use crate::clock;

const YEAR: u32 = 365;

fn now() -> Timestamp {
    clock::system().now()
}

fn open(options: Options, dir: &Path) -> anyhow::Result<Certificates> {
    Certificates::open(options, dir, clock::system())
}

fn bay() -> SensorId {
    SensorId::new("bay-1").expect("an id")
}

/// A directory with an authority, and a device's certificate by it.
fn issued(days: u32, at: Timestamp) -> (TempDir, Authority, Issued) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let authority = Authority::open(dir.path(), at).expect("a new authority");
    let device = authority.device(&bay(), days, at).expect("issued");
    (dir, authority, device)
}

/// Who the server takes the client for; an error is a refused handshake.
fn shake(certificates: &Certificates, authority: &str, client: Option<&Issued>) -> Result<Option<String>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("a certificate"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let config = match client {
        Some(Issued { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key"))?
        }
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client: Connection = ClientConnection::new(Arc::new(config), name)?.into();
    let mut server: Connection = ServerConnection::new(certificates.config())?.into();
    while client.is_handshaking() || server.is_handshaking() {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    let shown = server.peer_certificates().and_then(<[_]>::first);
    Ok(shown.and_then(|certificate| certificates.name(certificate)).map(Into::into))
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), rustls::Error> {
    let mut wire = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut wire).expect("memory takes all");
    }
    let mut rest = wire.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).expect("memory gives all");
        to.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn a_device_is_who_its_certificate_says_and_nobody_without_one() {
    let (dir, authority, device) = issued(YEAR, now());
    let certificates = open(Options::default(), dir.path()).expect("an own server certificate");
    assert_eq!(shake(&certificates, authority.certificate(), Some(&device)), Ok(Some("bay-1".to_owned())));
    assert_eq!(shake(&certificates, authority.certificate(), None), Ok(None));
}

#[test]
fn a_certificate_that_is_over_or_of_another_authority_is_refused() {
    let (dir, authority, over) = issued(1, now().minus(Duration::from_secs(3 * 86_400)));
    let certificates = open(Options::default(), dir.path()).expect("an own server certificate");
    assert!(shake(&certificates, authority.certificate(), Some(&over)).is_err());
    let (_other, _, stranger) = issued(YEAR, now());
    assert!(shake(&certificates, authority.certificate(), Some(&stranger)).is_err());
}

#[test]
fn a_revoked_certificate_is_refused_and_its_neighbour_is_not() {
    let (dir, authority, device) = issued(YEAR, now());
    let neighbour = authority.device(&SensorId::new("bay-2").expect("an id"), YEAR, now()).expect("issued");
    let list = dir.path().join("revoked.pem");
    std::fs::write(&list, revocation(dir.path(), &device)).expect("writable");
    let certificates = open(Options { revoked: list, ..Options::default() }, dir.path()).expect("a list that is read");
    assert!(shake(&certificates, authority.certificate(), Some(&device)).is_err());
    assert_eq!(shake(&certificates, authority.certificate(), Some(&neighbour)), Ok(Some("bay-2".to_owned())));
}

/// A revocation list of the directory's authority.
fn revocation(dir: &Path, revoked: &Issued) -> String {
    let der = CertificateDer::from_pem_slice(revoked.certificate.as_bytes()).expect("a certificate");
    let certificate = Certificate::from_der(&der).expect("a certificate");
    let serial = SerialNumber::from_slice(certificate.tbs_certificate().serial_number().as_bytes());
    let text = std::fs::read_to_string(dir.join("authority.pem")).expect("an authority");
    let key = &text[text.find("-----BEGIN PRIVATE KEY").expect("a key")..];
    let issuer = Issuer::new(super::authority::params(), KeyPair::from_pem(key).expect("a key"));
    let (this_update, next_update) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2046, 1, 1));
    let params = CertificateRevocationListParams {
        this_update,
        next_update,
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: serial,
            revocation_time: this_update,
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer).expect("signed").pem().expect("PEM")
}

#[test]
fn a_signing_request_gets_a_certificate_for_its_own_key_and_the_name_it_is_given() {
    let (dir, authority, _) = issued(YEAR, now());
    let key = KeyPair::generate().expect("a key");
    let request = rcgen::CertificateParams::new(vec!["evil.example".to_owned()]).expect("params");
    let request = request.serialize_request(&key).expect("a request").pem().expect("PEM");
    let certificate = authority.sign(&bay(), &request, YEAR, now()).expect("signed");
    let certificates = open(Options::default(), dir.path()).expect("an own server certificate");
    let device = Issued { certificate, key: key.serialize_pem() };
    assert_eq!(shake(&certificates, authority.certificate(), Some(&device)), Ok(Some("bay-1".to_owned())));
    assert!(authority.sign(&bay(), "nonsense", YEAR, now()).is_err());
}

#[test]
fn of_two_openings_of_one_directory_both_have_the_same_authority() {
    let (dir, authority, _) = issued(YEAR, now());
    let again = Authority::open(dir.path(), now()).expect("the same");
    assert_eq!(again.certificate(), authority.certificate());
    assert_eq!(std::fs::read_to_string(dir.path().join("ca.pem")).expect("for clients"), authority.certificate());
}

#[test]
fn files_that_are_missing_or_of_another_kind_are_an_error_that_names_the_key() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let text = dir.path().join("text.pem");
    std::fs::write(&text, "no certificate").expect("writable");
    let refused = |options: Options| format!("{:#}", open(options, dir.path()).err().expect("refused"));
    assert!(refused(Options { certificate: text.clone(), ..Options::default() }).contains("name both"));
    assert!(refused(Options { certificate: text.clone(), key: text.clone(), ..Options::default() }).contains("tls.certificate"));
    assert!(refused(Options { device_authorities: text, ..Options::default() }).contains("tls.device_authorities"));
    let absent = dir.path().join("absent.pem");
    assert!(refused(Options { revoked: absent, ..Options::default() }).contains("tls.revoked"));
}
