//! What the fuzz targets assert: the claims that proptest tries too.

#[path = "../../src/claims.rs"]
pub mod claims;
