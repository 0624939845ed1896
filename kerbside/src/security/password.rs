//! Passwords of devices: Argon2id (RFC 9106) as a PHC string, which carries its own salt and costs.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::limits::{PASSWORD_MEMORY_KIB, PASSWORD_PASSES};
use domain::rng;

/// A password as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Takes about 20 ms and 19 MiB, on purpose.
    pub fn of(password: &[u8]) -> Self {
        let hash = argon2().hash_password_with_salt(password, &rng::secret::<16>()).expect("the costs and the salt are valid");
        Self(hash.to_string())
    }

    /// As it was stored; `None` when it is no hash of ours.
    pub fn stored(text: String) -> Option<Self> {
        PasswordHash::new(&text).is_ok().then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes as long as [`Hash::of`], whatever the answer.
    pub fn is_of(&self, password: &[u8]) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| argon2().verify_password(password, &hash).is_ok())
    }

    /// Of nobody's password: checked where a user is not known, so that the answer takes as long as for one who is.
    pub fn of_nobody() -> &'static Self {
        static NOBODY: LazyLock<Hash> = LazyLock::new(|| Hash::of(&rng::secret::<32>()));
        &NOBODY
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(PASSWORD_MEMORY_KIB, PASSWORD_PASSES, 1, None).expect("the costs are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A password that nobody has to remember.
pub fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rng::secret::<24>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_kept_as_argon2id() {
        let hash = Hash::of(b"street lamp");
        assert!(hash.is_of(b"street lamp") && !hash.is_of(b"street lamq") && !hash.is_of(b""));
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert_eq!(Hash::stored(hash.as_str().to_owned()), Some(hash));
        assert_eq!(Hash::stored("street lamp".to_owned()), None);
    }

    #[test]
    fn two_devices_with_one_password_have_two_hashes() {
        assert_ne!(Hash::of(b"same"), Hash::of(b"same"));
    }
}
