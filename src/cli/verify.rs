//! The options of `verify`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::keep::Keep;
use element_mirror::mirror::{Accepts, MirrorOptions, Purpose};
use element_mirror::plan::Policy;
use element_mirror::store::Access;
use element_mirror::store::inspect::Depth;
use element_mirror::store::local::LocalOptions;
use element_mirror::store::object::BucketOptions;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    AccountArgs, DONE, Destination, NamedArgs, NetworkArgs, ReportArgs, SayingArgs, SelectArgs, StoreArgs, TimeArgs,
    value,
};

/// What is used most.
pub(super) const MOST_USED: &[&str] =
    &["destination", "words", "ids", "history", "quick", "repair", "email", "token_file", "report", "quiet", "verbose"];

pub(super) const EXAMPLES: &str = "\
Without --repair nothing is written, nobody is asked and no lock is taken: a run
may be going on. Account, network and writing matter to --repair alone.

Examples:
  element-mirror verify mirror                        every file of all elements
  element-mirror verify mirror u_123456789012345      one element
  element-mirror verify mirror --history --repair -q  mend what is damaged

Exit codes:
  0  every file is as it should be, or is so again
  3  some are damaged or missing
  6  its --max-time was up
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
    /// How much is looked at.
    pub(crate) fn depth(&self) -> Depth {
        Depth { history: self.history, quick: self.quick }
    }

    /// What the mirror is opened for.
    pub(crate) fn access(&self) -> Access {
        if self.repair { Access::Change } else { Access::Read }
    }

    /// How a bucket is opened.
    pub(crate) fn bucket_options(&self, stop: CancellationToken) -> BucketOptions {
        let distrust = self.repair;
        BucketOptions { distrust, ..self.store.bucket_options(self.network.client_settings(), stop) }
    }

    /// How a folder is opened to be repaired.
    pub(crate) fn local_options(&self, stop: CancellationToken) -> LocalOptions {
        // Damage that a file's size and time do not show is to be seen when it is fetched, too.
        LocalOptions { distrust: true, ..self.store.local_options(stop) }
    }

    /// How what is damaged is fetched again; `demo` is the sample API's base URL where that is used.
    pub(crate) fn mirror_options(&self, token: SecretString, demo: Option<Url>) -> MirrorOptions {
        MirrorOptions {
            token,
            email: self.account.email(),
            // Whatever roles an element has had.
            policy: Policy { roles: Vec::new(), refresh: false },
            max_size: self.network.max_size,
            keep: Keep::default(),
            index: false,
            purpose: Purpose::Repair,
            max_errors: None,
            accepts: Accepts::default(),
            http: self.network.http_options(demo.is_some()),
            api_base: self.account.api_base(demo),
        }
    }
}
