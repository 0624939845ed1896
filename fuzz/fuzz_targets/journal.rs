//! A journal that is opened on any bytes: `fuzz/checks/journal.rs` for libFuzzer.

#![no_main]

#[path = "../checks/journal.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes));
