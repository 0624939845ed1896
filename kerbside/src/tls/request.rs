//! A signing request: a public key whose holder proves that the private one is there. Nothing else of it is taken over.

use anyhow::Context as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{DecodePem as _, Encode as _};
use x509_cert::request::CertReq;

/// A key that asks for a certificate.
pub struct Request {
    key: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

/// The object identifier of a request's signature, what checks it, and what its key is.
type Known = (ObjectIdentifier, &'static dyn VerificationAlgorithm, &'static SignatureAlgorithm);

/// What devices use: small keys and short signatures.
fn known() -> [Known; 3] {
    let oid = ObjectIdentifier::new_unwrap;
    [
        (oid("1.2.840.10045.4.3.2"), &ECDSA_P256_SHA256_ASN1, &PKCS_ECDSA_P256_SHA256),
        (oid("1.2.840.10045.4.3.3"), &ECDSA_P384_SHA384_ASN1, &PKCS_ECDSA_P384_SHA384),
        (oid("1.3.101.112"), &ED25519, &PKCS_ED25519),
    ]
}

impl Request {
    /// PEM, signed by the key that it shows.
    pub fn parse(pem: &str) -> anyhow::Result<Self> {
        let request =
            CertReq::from_pem(pem.trim_start()).map_err(|error| anyhow::anyhow!("it is no signing request: {error}"))?;
        let found = known().into_iter().find(|(oid, ..)| *oid == request.algorithm.oid);
        let (_, check, algorithm) = found.context("its key is none of P-256 (with SHA-256), P-384 (with SHA-384) and Ed25519")?;
        let key = request.info.public_key.subject_public_key.raw_bytes().to_vec();
        let signed = request.info.to_der().map_err(|error| anyhow::anyhow!("it is no signing request: {error}"))?;
        let is_signed = UnparsedPublicKey::new(check, &key).verify(&signed, request.signature.raw_bytes()).is_ok();
        anyhow::ensure!(is_signed, "its signature is not by the key that it shows");
        Ok(Self { key, algorithm })
    }
}

impl PublicKeyData for Request {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}
