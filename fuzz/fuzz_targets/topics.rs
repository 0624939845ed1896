//! Topics, filters and what grants cover: `fuzz/checks/topics.rs` for libFuzzer.

#![no_main]

#[path = "../checks/topics.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::check(bytes));
