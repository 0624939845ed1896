//! Where a walk over a list goes on: opaque to callers, bound to the question it belongs to.
//!
//! A cursor names the last item by its own key, never by a place in a result, so that rows which move from memory to the
//! lake, are compacted or arrive in between are neither missed nor doubled.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::parameter::{Arguments, CURSOR, FaultKind};
use crate::problem::Problem;

/// The first byte of every cursor: the version of its format.
const VERSION: u8 = 1;

pub fn write<K: Serialize>(arguments: &Arguments, salt: &str, last: &K) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&fingerprint(arguments, salt).to_le_bytes());
    serde_json::to_writer(&mut bytes, last).expect("keys are plain data and a Vec takes every byte");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `None` on a first page; a cursor of another question is a fault of the parameter. `salt` names the operation.
pub fn read<K: DeserializeOwned>(arguments: &Arguments, salt: &str) -> Result<Option<K>, Problem> {
    let Some(text) = arguments.text(CURSOR.name) else {
        return Ok(None);
    };
    let bad = || Problem::parameter(CURSOR.name, FaultKind::BadCursor);
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
    let (version, rest) = bytes.split_first().ok_or_else(bad)?;
    let (hash, key) = rest.split_at_checked(8).ok_or_else(bad)?;
    if *version != VERSION || hash != fingerprint(arguments, salt).to_le_bytes() {
        return Err(bad());
    }
    serde_json::from_slice(key).map(Some).map_err(|_| bad())
}

fn fingerprint(arguments: &Arguments, salt: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(salt.as_bytes(), arguments.fingerprint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::{LIMIT, Parameter, Place};

    const DECLARED: &[Parameter] = &[LIMIT, CURSOR];

    fn arguments(limit: &str, cursor: Option<&str>) -> Arguments {
        let mut given = vec![(Place::Query, "limit".to_owned(), limit.to_owned())];
        given.extend(cursor.map(|cursor| (Place::Query, "cursor".to_owned(), cursor.to_owned())));
        Arguments::parse(DECLARED, &given).expect("valid")
    }

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = write(&arguments("5", None), "sites", &("a".to_owned(), 7_u64));
        let key: Option<(String, u64)> = read(&arguments("5", Some(&cursor)), "sites").expect("valid");
        assert_eq!(key, Some(("a".to_owned(), 7)));
    }

    #[test]
    fn a_cursor_of_another_question_is_refused() {
        let cursor = write(&arguments("5", None), "sites", &1);
        assert!(read::<i32>(&arguments("6", Some(&cursor)), "sites").is_err());
        assert!(read::<i32>(&arguments("5", Some(&cursor)), "bays").is_err());
        for broken in ["", "!", "AAAA", &cursor[..cursor.len() - 2]] {
            assert!(read::<(i32, i32)>(&arguments("5", Some(broken)), "sites").is_err(), "{broken}");
        }
    }
}
