//! API keys: `kbk_{id}_{secret}`. The id names the key in lists and logs; the secret is known to its holder alone.
//!
//! The secret has 256 bits of chance, so that one SHA-256 keeps it as well as a slow hash would keep a password.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::rng;

const PREFIX: &str = "kbk_";

/// A new key; its text is told once.
pub struct ApiKey {
    pub id: String,
    pub text: String,
    pub hash: [u8; 32],
}

impl ApiKey {
    pub fn generate() -> Self {
        let id: String = rng::secret::<6>().iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = URL_SAFE_NO_PAD.encode(rng::secret::<32>());
        Self { text: format!("{PREFIX}{id}_{secret}"), hash: hash(&secret), id }
    }
}

/// A key as somebody shows it.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub id: &'a str,
    secret: &'a str,
}

impl<'a> Shown<'a> {
    /// `None` when it is no key at all.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self { id, secret })
    }

    /// Whether it is the key of this hash, in a time that tells nothing of where they differ.
    pub fn is(&self, kept: &[u8; 32]) -> bool {
        verify_slices_are_equal(&hash(self.secret), kept).is_ok()
    }
}

fn hash(secret: &str) -> [u8; 32] {
    digest(&SHA256, secret.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_again_and_no_other_is() {
        let (key, other) = (ApiKey::generate(), ApiKey::generate());
        let shown = Shown::parse(&key.text).expect("a key");
        assert_eq!(shown.id, key.id);
        assert!(shown.is(&key.hash) && !shown.is(&other.hash));
        assert_ne!(key.text, other.text);
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "kbk_", "kbk_abc", "Bearer kbk_a_b", "kb_a_b"] {
            assert!(Shown::parse(text).is_none(), "{text}");
        }
    }
}
