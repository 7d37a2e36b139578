//! The reply to a request for a page of elements.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| element_mirror_fuzz::claims::page(body));
