//! The options of `prune`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::error::RunError;
use element_mirror::store::Access;
use element_mirror::{BucketOptions, HttpOptions, LocalOptions, PruneOptions, Stop};

use super::{Destination, KeepArgs, SayingArgs, StoreArgs, value};

pub(super) const EXAMPLES: &str = "\
One of --keep-versions and --keep-within has to be given; with both, what either
keeps is kept. The version that stands is never removed, nor what others put
beside the program's files. In a bucket a version that was superseded less than
24 hours ago stays whatever the rules say.

Examples:
  element-mirror prune mirror --keep-versions 3 --dry-run  see what would go
  element-mirror prune mirror --keep-versions 3            keep three of each
  element-mirror prune mirror --keep-within 30d            keep the last 30 days

Exit codes:
  0  done
  3  the versions of some elements could not be removed
  1, 2, 5, 130, 143 as of run";

#[derive(Args, Debug)]
pub(crate) struct PruneArgs {
    /// The mirror: a folder, or s3://bucket/prefix, gs://…, az://….
    #[arg(value_name = "DEST", value_parser = value::Discreet(Destination::parse), value_hint = ValueHint::DirPath)]
    pub(crate) destination: Destination,

    #[command(flatten)]
    keep: KeepArgs,

    /// Say what would be removed, and write nothing.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_DRY_RUN", hide_env = true)]
    dry_run: bool,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

impl PruneArgs {
    /// What is kept: it has to be said.
    pub(crate) fn options(&self) -> Result<PruneOptions, RunError> {
        let keep = self.keep.keep();
        if keep.is_all() {
            let message = "nothing is said about what to keep: give --keep-versions, --keep-within, or both";
            return Err(RunError::Usage(message.into()));
        }
        let mut options = PruneOptions::default();
        options.keep = keep;
        options.dry_run = self.dry_run;
        Ok(options)
    }

    /// What the mirror is opened for.
    pub(crate) fn access(&self) -> Access {
        if self.dry_run { Access::Read } else { Access::Change }
    }

    /// How a folder is opened.
    pub(crate) fn local_options(&self, stop: Stop) -> LocalOptions {
        self.store.local_options(stop)
    }

    /// How a bucket is opened.
    pub(crate) fn bucket_options(&self, stop: Stop) -> BucketOptions {
        self.store.bucket_options(HttpOptions::default(), stop)
    }
}
