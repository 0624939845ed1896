//! Who is let in, and what an intruder learns.

use std::time::Duration;

use domain::access::{Grants, Scope};
use domain::limits::LOGIN_FAILURES_MAX;
use domain::{SensorId, Timestamp};

use super::*;
use crate::security::key::ApiKey;
use crate::security::store::{Device, Key, Life};

/// Stands still until it is set.
#[derive(Default)]
struct Still(Mutex<Duration>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus(*self.0.lock())
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock()
    }

    fn sleep(&self, _: Duration) -> domain::time::Sleep {
        Box::pin(std::future::pending())
    }
}

fn life(expires_s: Option<u64>) -> Life {
    let expires_at = expires_s.map(|s| Timestamp::UNIX_EPOCH.plus(Duration::from_secs(s)));
    Life { created_at: Timestamp::UNIX_EPOCH, expires_at, revoked_at: None }
}

fn device(id: &str, password: Option<&str>, expires_s: Option<u64>) -> Device {
    let id = SensorId::new(id).expect("an id");
    Device {
        password: password.map(|password| Hash::of(password.as_bytes())),
        certificate: password.is_none(),
        grants: Grants::of_device(&id),
        life: life(expires_s),
        id,
    }
}

fn guard(policy: Anonymous) -> (Guard, Arc<Still>) {
    let clock = Arc::new(Still::default());
    let devices =
        vec![device("bay-1", Some("right-1"), None), device("bay-2", None, None), device("old", Some("right-2"), Some(10))];
    (Guard::new(Roster::new(devices, Vec::new()), policy, clock.clone()), clock)
}

fn far() -> Peer {
    Peer::plain(([192, 0, 2, 1], 4000).into(), ([0, 0, 0, 0], 8883).into())
}

fn near() -> Peer {
    Peer::plain(([127, 0, 0, 1], 4000).into(), ([127, 0, 0, 1], 1883).into())
}

fn ask(guard: &Guard, peer: &Peer, user: Option<&str>, password: &str) -> Result<Principal, Denied> {
    let credentials = Credentials { client_id: "c", user, password: Some(password.as_bytes()), peer };
    match guard.authenticate(&credentials) {
        Admission::Decided(decided) => decided,
        Admission::Costly(work) => work(),
    }
}

fn named(id: &str) -> Result<Principal, Denied> {
    Ok(Principal::Device(id.into()))
}

#[test]
fn a_right_password_lets_in_and_everything_else_is_one_answer() {
    let (guard, _) = guard(Anonymous::LoopbackOnly);
    assert_eq!(ask(&guard, &far(), Some("bay-1"), "right-1"), named("bay-1"));
    for (user, password) in [("bay-1", "wrong"), ("nobody", "right-1"), ("bay-2", ""), ("bay-1", "")] {
        assert_eq!(ask(&guard, &far(), Some(user), password), Err(Denied::BadCredentials), "{user}");
    }
}

#[test]
fn an_unknown_user_costs_a_hash_as_a_known_one_does() {
    let (guard, _) = guard(Anonymous::LoopbackOnly);
    for user in ["bay-1", "bay-2", "nobody"] {
        let (peer, password) = (far(), Some(&b"wrong"[..]));
        let credentials = Credentials { client_id: "c", user: Some(user), password, peer: &peer };
        assert!(matches!(guard.authenticate(&credentials), Admission::Costly(_)), "{user}");
    }
}

#[test]
fn a_password_that_was_right_a_moment_ago_is_not_hashed_again() {
    let (guard, _) = guard(Anonymous::LoopbackOnly);
    assert_eq!(ask(&guard, &far(), Some("bay-1"), "right-1"), named("bay-1"));
    let peer = far();
    let again = |password: &'static [u8]| {
        guard.authenticate(&Credentials { client_id: "c", user: Some("bay-1"), password: Some(password), peer: &peer })
    };
    assert!(matches!(again(b"right-1"), Admission::Decided(Ok(_))));
    assert!(matches!(again(b"right-2"), Admission::Costly(_)));
    guard.replace(Roster::default());
    assert!(matches!(again(b"right-1"), Admission::Costly(_)), "revoked since");
}

#[test]
fn failed_logins_are_followed_by_a_pause_in_which_the_right_password_is_not_even_checked() {
    let (guard, clock) = guard(Anonymous::LoopbackOnly);
    for _ in 0..LOGIN_FAILURES_MAX {
        assert_eq!(ask(&guard, &far(), Some("bay-1"), "wrong"), Err(Denied::BadCredentials));
    }
    assert_eq!(ask(&guard, &far(), Some("bay-1"), "right-1"), Err(Denied::BackedOff));
    *clock.0.lock() = Duration::from_secs(2);
    assert_eq!(ask(&guard, &far(), Some("bay-1"), "right-1"), named("bay-1"));
}

#[test]
fn nobody_in_particular_is_let_in_only_where_the_policy_says_so() {
    let local = guard(Anonymous::LoopbackOnly).0;
    assert_eq!(ask(&local, &near(), None, ""), Ok(Principal::Anonymous));
    assert_eq!(ask(&local, &near(), Some("stranger"), "x"), Ok(Principal::Anonymous));
    assert_eq!(ask(&local, &near(), Some("bay-1"), "wrong"), Err(Denied::BadCredentials));
    assert_eq!(ask(&local, &far(), None, ""), Err(Denied::NotAuthorised));
    let never = guard(Anonymous::Never).0;
    assert_eq!(ask(&never, &near(), None, ""), Err(Denied::NotAuthorised));
    assert_eq!(ask(&never, &near(), Some("stranger"), "x"), Err(Denied::BadCredentials));
}

#[test]
fn a_certificate_is_its_device_while_that_is_in_force() {
    let (guard, _) = guard(Anonymous::LoopbackOnly);
    let shown = |name: &str| Peer { certificate: Some(name.into()), ..far() };
    assert_eq!(ask(&guard, &shown("bay-2"), None, ""), named("bay-2"));
    assert_eq!(ask(&guard, &shown("bay-2"), Some("bay-2"), ""), named("bay-2"));
    assert_eq!(ask(&guard, &shown("bay-2"), Some("bay-1"), "right-1"), Err(Denied::BadCredentials));
    assert_eq!(ask(&guard, &shown("bay-1"), None, ""), Err(Denied::NotAuthorised), "it has a password only");
    assert_eq!(ask(&guard, &shown("bay-9"), None, ""), Err(Denied::NotAuthorised));
    guard.replace(Roster::default());
    assert!(!guard.is_in_force(&Principal::Device("bay-2".into())));
    assert_eq!(ask(&guard, &shown("bay-2"), None, ""), Err(Denied::NotAuthorised));
}

#[test]
fn a_device_says_only_what_is_its_own_until_its_time_is_over() {
    let (guard, clock) = guard(Anonymous::LoopbackOnly);
    let old = Principal::Device("old".into());
    assert!(guard.may_publish(&old, "kerbside/v1/parking/old") && guard.is_in_force(&old));
    assert!(!guard.may_publish(&old, "kerbside/v1/parking/bay-1"));
    assert!(!guard.may_subscribe(&old, "kerbside/v1/parking/old"));
    *clock.0.lock() = Duration::from_secs(10);
    assert!(!guard.may_publish(&old, "kerbside/v1/parking/old") && !guard.is_in_force(&old));
    assert_eq!(ask(&guard, &far(), Some("old"), "right-2"), Err(Denied::BadCredentials));
}

#[test]
fn a_key_is_its_caller_until_it_is_over() {
    let (clock, key) = (Arc::new(Still::default()), ApiKey::generate());
    let scopes = [Scope::Ops].into_iter().collect();
    let kept = Key { id: key.id.as_str().into(), name: "An".into(), scopes, hash: key.hash, life: life(Some(10)) };
    let guard = Guard::new(Roster::new(Vec::new(), vec![kept]), Anonymous::Never, clock.clone());
    let caller = guard.caller(&key.text).expect("the key is right");
    assert_eq!((caller.name.as_str(), caller.scopes), ("An", scopes));
    for wrong in [format!("{}x", key.text), format!("kbk_{}_", key.id), key.id.clone(), String::new()] {
        assert_eq!(guard.caller(&wrong), None, "{wrong}");
    }
    *clock.0.lock() = Duration::from_secs(10);
    assert_eq!(guard.caller(&key.text), None);
}
