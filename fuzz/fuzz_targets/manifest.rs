//! A `manifest.json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| element_mirror_fuzz::claims::manifest(bytes));
