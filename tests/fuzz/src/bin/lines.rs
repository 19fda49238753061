#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| verse_fuzz::targets::lines(data));
