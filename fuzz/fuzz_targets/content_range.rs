//! `Content-Range`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| element_mirror_fuzz::claims::content_range(text));
