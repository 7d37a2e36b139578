//! The options of `run`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::error::RunError;
use element_mirror::ids::{Input, Sieve};
use element_mirror::mirror::{All, MirrorOptions};
use element_mirror::store::Access;
use element_mirror::{ApiBase, BucketOptions, LocalOptions, Role, Stop};

use super::{
    AccountArgs, Credentials, Destination, ENDING, FilterArgs, KeepArgs, NetworkArgs, ReportArgs, STORE, SayingArgs,
    SelectArgs, StoreArgs, TimeArgs, WHAT, WHICH, value,
};

/// What is used most.
pub(super) const MOST_USED: &[&str] = &[
    "lists",
    "ids",
    "out",
    "all",
    "only_failed",
    "roles",
    "dry_run",
    "keep_versions",
    "email",
    "token_file",
    "demo",
    "concurrency",
    "limit_rate",
    "report",
    "quiet",
    "verbose",
];

pub(super) const EXAMPLES: &str = "\
Examples:
  element-mirror run --demo --all                   try it: no token, no network
  element-mirror run ids.txt -o backup              mirror a list into backup/
  element-mirror run --all -q --report last.ndjson  all; says only what failed
  element-mirror run --only-failed last.ndjson      once more what failed
  element-mirror run ids.txt -o s3://bucket/prefix  into a bucket; gs://, az://

Sizes are numbers, with K, M or G behind them for powers of 1024; durations are
such as 30s, 5m, 2h or 30d. Every option can be set by an environment variable
too: ELEMENT_MIRROR_ and its name, as in ELEMENT_MIRROR_CONCURRENCY=8.

Exit codes:
  0  all is mirrored           3  some elements failed or are incomplete
  1  it could not be done      4  the token or the subscription is refused
  2  usage error               5  another run is working on the destination
  6  --max-time was up
  130, 143, 141  interrupted; what was committed is whole";

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// ID lists: files, or - for standard input; one ID per line, or NDJSON.
    #[arg(value_name = "IDS", value_hint = ValueHint::FilePath)]
    lists: Vec<PathBuf>,

    /// An ID; repeatable.
    #[arg(long = "id", value_name = "ID", value_delimiter = ',', value_parser = value::id, env = "ELEMENT_MIRROR_ID", hide_env = true)]
    ids: Vec<String>,

    /// Destination: folder or bucket URL.
    ///
    /// s3://bucket/prefix, gs://bucket/prefix and az://container/prefix are buckets.
    #[arg(short, long, value_name = "DIR|URL", default_value = "mirror", value_parser = value::Discreet(Destination::parse),
        value_hint = ValueHint::DirPath, env = "ELEMENT_MIRROR_OUT", hide_env = true)]
    out: Destination,

    /// Every element of the account, or of all accounts.
    ///
    /// The accounts' own lists tell which. An element that they show just as it is mirrored is not asked for by itself.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(), help_heading = WHICH,
          env = "ELEMENT_MIRROR_ALL", hide_env = true)]
    all: bool,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Only some of cover,secondary,video,voice,other.
    ///
    /// A role once mirrored for an element stays mirrored.
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = value::Roles, hide_possible_values = true, help_heading = WHAT,
          env = "ELEMENT_MIRROR_ROLES", hide_env = true)]
    roles: Vec<Role>,

    /// Download again even what looks unchanged.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(), help_heading = WHAT,
          env = "ELEMENT_MIRROR_REFRESH", hide_env = true)]
    refresh: bool,

    /// Say what would be done, and write nothing.
    ///
    /// The API is asked; the report asked for is written; no lock is taken.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(), help_heading = WHAT,
          env = "ELEMENT_MIRROR_DRY_RUN", hide_env = true)]
    dry_run: bool,

    #[command(flatten, next_help_heading = WHAT)]
    keep: KeepArgs,

    #[command(flatten)]
    ending: EndingArgs,

    #[command(flatten)]
    store: StoreArgs,

    /// Write index.ndjson at the end: a manifest per line.
    ///
    /// Each mirrored element's manifest, in DEST/index.ndjson, which is replaced at once.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(), help_heading = STORE,
          env = "ELEMENT_MIRROR_INDEX", hide_env = true)]
    index: bool,

    /// Write index.html at the end: a page to look the mirror through.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(), help_heading = STORE,
          env = "ELEMENT_MIRROR_GALLERY", hide_env = true)]
    gallery: bool,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    #[command(flatten)]
    pub(super) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

/// When a run ends, and with which exit code.
#[derive(Args, Debug)]
#[command(next_help_heading = ENDING)]
struct EndingArgs {
    /// Begin nothing new after so many failures.
    ///
    /// What is in flight is finished, and the exit code is 3. Bad lines count, incomplete and gone elements do not.
    #[arg(long, value_name = "N", value_parser = value::count(1, u64::MAX), env = "ELEMENT_MIRROR_MAX_ERRORS", hide_env = true)]
    max_errors: Option<u64>,

    #[command(flatten)]
    time: TimeArgs,

    /// An element incomplete as before is a success.
    ///
    /// An element that is incomplete just as it was before counts as success.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_ACCEPT_KNOWN_MISSING", hide_env = true)]
    accept_known_missing: bool,

    /// Note newly gone elements without alarm.
    ///
    /// Otherwise suspiciously many are not noted, and the exit code is 3.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_ACCEPT_GONE", hide_env = true)]
    accept_gone: bool,

    /// Exit with 0, not 3: failures are in the report.
    ///
    /// Only where every ID was taken up, so not after --max-errors.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_PARTIAL_OK", hide_env = true)]
    partial_ok: bool,
}

impl RunArgs {
    /// The ID lists, opened.
    pub(crate) fn inputs(&self) -> Result<Vec<Input>, RunError> {
        if !self.all && !self.filter.filter().is_all() {
            let message = "--tag, --favored and --official choose among the elements of --all, which is not given";
            return Err(RunError::Usage(message.into()));
        }
        if self.lists.is_empty() && self.ids.is_empty() && !self.all {
            let message =
                "no elements named: give an ID list (a file, or - for standard input), an ID by --id, or --all";
            return Err(RunError::Usage(message.into()));
        }
        if self.gallery && self.out.folder().is_none() {
            let message = "--gallery is for folders: the links of its page lead to files beside it";
            return Err(RunError::Usage(message.into()));
        }
        let named = (!self.ids.is_empty()).then(|| Ok(Input::from_ids(&self.ids)));
        named.into_iter().chain(self.lists.iter().map(Input::open)).collect()
    }

    /// The ID lists that are read, by their paths.
    pub(crate) fn lists(&self) -> &[PathBuf] {
        &self.lists
    }

    /// The file of metrics; a dry run writes none.
    pub(crate) fn metrics(&self) -> Option<&Path> {
        self.report.metrics.as_deref().filter(|_| !self.dry_run)
    }

    /// Whether it is only to be said what a run would do.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The options given that leave elements out.
    pub(crate) fn leaving_out(&self) -> Vec<&'static str> {
        [self.filter.leaving_out(), self.select.leaving_out()].concat()
    }

    /// Where to.
    pub(crate) fn destination(&self) -> &Destination {
        &self.out
    }

    /// What the destination is opened for.
    pub(crate) fn access(&self) -> Access {
        if self.dry_run { Access::Look } else { Access::Write }
    }

    /// How a folder is opened.
    pub(crate) fn local_options(&self, stop: Stop) -> LocalOptions {
        self.store.local_options(stop)
    }

    /// How a bucket is opened.
    pub(crate) fn bucket_options(&self, stop: Stop) -> BucketOptions {
        self.store.bucket_options(self.network.http_options(false), stop)
    }

    /// After how long nothing new is begun.
    pub(crate) fn max_time(&self) -> Option<Duration> {
        self.ending.time.max_time
    }

    /// That the accounts' lists are walked, where they are; `sieve` passes over what is left out.
    pub(crate) fn all(&self, sieve: Sieve) -> Option<All> {
        self.all.then(|| All::new(self.filter.filter(), sieve))
    }

    /// What the run does; `demo` is the sample API's base URL where that is used.
    pub(crate) fn mirror_options(&self, credentials: Credentials, demo: Option<ApiBase>) -> MirrorOptions {
        let http = self.network.http_options(demo.is_some());
        let mut options = MirrorOptions::new(self.account.upstream(credentials, demo, http));
        if !self.roles.is_empty() {
            options.policy.roles = Some(self.roles.clone());
        }
        options.policy.refresh = self.refresh;
        options.max_size = self.network.max_size;
        options.keep = self.keep.keep();
        options.index = self.index;
        options.gallery = self.gallery;
        options.dry_run = self.dry_run;
        let ending = &self.ending;
        options.max_errors = ending.max_errors;
        options.accepts.known_missing = ending.accept_known_missing;
        options.accepts.gone = ending.accept_gone;
        options.accepts.partial = ending.partial_ok;
        options
    }
}
