//! What the fuzz targets assert: the claims that proptest tries too.

#[path = "../../tests/it/parsers/claims.rs"]
pub mod claims;
