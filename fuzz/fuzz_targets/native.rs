//! The codec of native payloads: `fuzz/checks/native.rs` for libFuzzer.

#![no_main]

#[path = "../checks/native.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes));
