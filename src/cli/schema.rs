//! The options of `schema`.

use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  element-mirror schema report > report.schema.json
  element-mirror schema manifest | jq '.properties.assets'";

#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// Of what.
    #[arg(value_name = "WHAT")]
    pub(crate) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// manifest.json, and a line of index.ndjson
    Manifest,
    /// A line of the report
    Report,
}
