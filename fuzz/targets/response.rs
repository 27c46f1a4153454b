//! Fuzzes `response::check`.
#![no_main]

use enkash_auth_fuzz::response::check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check(input));
