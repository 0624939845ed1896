//! Passwords that were right a moment ago: when a whole street reconnects after a network failure, they are not hashed again.
//!
//! What is remembered is a keyed digest that means nothing outside this process. It covers the stored hash, so that a new password or a
//! revocation ends it.

use std::time::Duration;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use compact_str::CompactString;
use domain::limits::PASSWORD_REMEMBERED;
use domain::rng;
use hashbrown::HashMap;

use super::password::Hash;

pub struct Remembered {
    key: hmac::Key,
    devices: HashMap<CompactString, Right>,
}

struct Right {
    tag: hmac::Tag,
    until: Duration,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { key: hmac::Key::new(HMAC_SHA256, &rng::secret::<32>()), devices: HashMap::new() }
    }
}

impl Remembered {
    pub fn note(&mut self, device: &str, hash: &Hash, password: &[u8], now: Duration) {
        let tag = hmac::sign(&self.key, &message(hash, password));
        self.devices.insert(device.into(), Right { tag, until: now + PASSWORD_REMEMBERED });
    }

    pub fn knows(&self, device: &str, hash: &Hash, password: &[u8], now: Duration) -> bool {
        let right = self.devices.get(device).filter(|right| now < right.until);
        right.is_some_and(|right| hmac::verify(&self.key, &message(hash, password), right.tag.as_ref()).is_ok())
    }

    /// Only those are kept that still exist.
    pub fn retain(&mut self, exists: impl Fn(&str) -> bool) {
        self.devices.retain(|device, _| exists(device));
    }
}

/// A hash has no NUL, so that no two pairs give the same message.
fn message(hash: &Hash, password: &[u8]) -> Vec<u8> {
    [hash.as_str().as_bytes(), b"\0", password].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_remembered_for_its_hash_and_its_time() {
        let hash =
            |text: &str| Hash::stored(format!("$argon2id$v=19$m=8,t=1,p=1${text}$AAAAAAAAAAAAAAAAAAAAAA")).expect("a hash");
        let (first, second) = (hash("c29tZXNhbHQ"), hash("b3RoZXJzYWx0"));
        let mut remembered = Remembered::default();
        remembered.note("d", &first, b"p", Duration::ZERO);
        let later = PASSWORD_REMEMBERED;
        assert!(remembered.knows("d", &first, b"p", later - Duration::from_secs(1)));
        assert!(!remembered.knows("d", &first, b"p", later));
        assert!(!remembered.knows("d", &first, b"q", Duration::ZERO));
        assert!(!remembered.knows("d", &second, b"p", Duration::ZERO));
        assert!(!remembered.knows("e", &first, b"p", Duration::ZERO));
        remembered.retain(|_| false);
        assert!(!remembered.knows("d", &first, b"p", Duration::ZERO));
    }
}
