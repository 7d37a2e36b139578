//! The options of `verify`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::store::Access;
use element_mirror::verify::RepairOptions;
use element_mirror::{ApiBase, BucketOptions, LocalOptions, Stop, VerifyOptions};

use super::{
    AccountArgs, Credentials, DONE, Destination, NamedArgs, NetworkArgs, ReportArgs, SayingArgs, SelectArgs, StoreArgs,
    TimeArgs, value,
};

/// What is used most.
pub(super) const MOST_USED: &[&str] =
    &["destination", "words", "ids", "history", "quick", "repair", "email", "token_file", "report", "quiet", "verbose"];

pub(super) const EXAMPLES: &str = "\
Without --repair nothing is written, no request is sent and no lock is taken: a
run may be going on. Account, network and writing matter to --repair alone.

Examples:
  element-mirror verify mirror                        every file of all elements
  element-mirror verify mirror u_123456789012345      one element
  element-mirror verify mirror --history --repair -q  mend what is damaged

Exit codes:
  0  every file is as it should be, or is so again
  3  some are damaged or missing
  6  --max-time was up
  1, 2, 4, 5, 130, 143, 141 as of run";

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The mirror: a folder, or s3://bucket/prefix, gs://…, az://….
    #[arg(value_name = "DEST", value_parser = value::Discreet(Destination::parse), value_hint = ValueHint::DirPath)]
    pub(crate) destination: Destination,

    #[command(flatten)]
    pub(crate) named: NamedArgs,

    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Look at superseded versions too.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          help_heading = DONE, env = "ELEMENT_MIRROR_HISTORY", hide_env = true)]
    history: bool,

    /// Look at presence and size, and read no file.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          help_heading = DONE, env = "ELEMENT_MIRROR_QUICK", hide_env = true)]
    quick: bool,

    /// Fetch again what is damaged or missing.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          help_heading = DONE, env = "ELEMENT_MIRROR_REPAIR", hide_env = true)]
    pub(crate) repair: bool,

    #[command(flatten)]
    pub(crate) time: TimeArgs,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    #[command(flatten)]
    network: NetworkArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

impl VerifyArgs {
    /// What the mirror is opened for.
    pub(crate) fn access(&self) -> Access {
        if self.repair { Access::Change } else { Access::Read }
    }

    /// How a bucket is opened.
    pub(crate) fn bucket_options(&self, stop: Stop) -> BucketOptions {
        let mut options = self.store.bucket_options(self.network.http_options(false), stop);
        options.distrust = self.repair;
        options
    }

    /// How a folder is opened to be repaired.
    pub(crate) fn local_options(&self, stop: Stop) -> LocalOptions {
        // What was found damaged by its hash may have its size and time: the repair has to see that too.
        let mut options = self.store.local_options(stop);
        options.distrust = true;
        options
    }

    /// What is done: with `credentials` also how what is damaged is fetched again; `demo` is the sample API's base URL
    /// where that is used.
    pub(crate) fn options(&self, credentials: Option<Credentials>, demo: Option<ApiBase>) -> VerifyOptions {
        let mut options = VerifyOptions::default();
        options.depth.history = self.history;
        options.depth.quick = self.quick;
        options.repair = credentials.map(|credentials| {
            let http = self.network.http_options(demo.is_some());
            let mut repair = RepairOptions::new(self.account.upstream(credentials, demo, http));
            repair.max_size = self.network.max_size;
            repair
        });
        options
    }
}
