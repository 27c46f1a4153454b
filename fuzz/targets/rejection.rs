//! Fuzzes `rejection::check`.
#![no_main]

use enkash_auth_fuzz::rejection::check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check(input));
