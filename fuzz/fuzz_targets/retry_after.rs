//! `Retry-After`, HTTP dates and times.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| element_mirror_fuzz::claims::waits(text));
