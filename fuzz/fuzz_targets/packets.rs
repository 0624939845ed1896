//! The front's packet path: `fuzz/checks/packets.rs` for libFuzzer.

#![no_main]

#[path = "../checks/packets.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes));
