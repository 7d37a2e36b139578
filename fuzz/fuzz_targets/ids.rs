//! A list of IDs.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| element_mirror_fuzz::claims::ids(text));
