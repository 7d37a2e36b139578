//! The destination: where versions of elements live. A version is staged in a folder, sealed, and then committed whole;
//! `local` does that on a file system.

pub mod local;
