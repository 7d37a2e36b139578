//! The reply to a request for an element.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| element_mirror_fuzz::claims::element(body));
