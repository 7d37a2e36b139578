//! The options of `history`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::{BucketOptions, LocalOptions, Stop};

use super::{Destination, NamedArgs, SayingArgs, value};

pub(super) const EXAMPLES: &str = "\
One line per version, in columns that are separated by tabs. Nothing is written,
and no lock is taken: a run may be going on.

Examples:
  element-mirror history mirror                     all that was superseded
  element-mirror history mirror u_123456789012345   the past of one element
  element-mirror history mirror --json | jq .path   for programs

Exit codes:
  0  all that was asked for is listed
  3  an element is not known, or a superseded version is damaged
  1, 2, 130, 143, 141 as of run";

#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// The mirror: a folder, or s3://bucket/prefix, gs://…, az://….
    #[arg(value_name = "DEST", value_parser = value::Discreet(Destination::parse), value_hint = ValueHint::DirPath)]
    pub(crate) destination: Destination,

    #[command(flatten)]
    pub(crate) named: NamedArgs,

    /// Write a JSON object per version.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_JSON", hide_env = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

impl HistoryArgs {
    /// How a folder is opened.
    pub(crate) fn local_options(&self, stop: Stop) -> LocalOptions {
        let mut options = LocalOptions::default();
        options.stop = stop;
        options
    }

    /// How a bucket is opened.
    pub(crate) fn bucket_options(&self, stop: Stop) -> BucketOptions {
        let mut options = BucketOptions::default();
        options.stop = stop;
        options
    }
}
