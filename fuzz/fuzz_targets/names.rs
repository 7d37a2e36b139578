//! Views of an element, and names that stand in its folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| element_mirror_fuzz::claims::names(text));
