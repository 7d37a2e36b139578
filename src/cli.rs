//! The command line, turned into the core's options. Nothing else knows clap.

mod account;
mod destination;
mod gallery;
mod history;
mod list;
mod named;
mod network;
mod prune;
mod report;
mod run;
mod schema;
mod select;
mod value;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use element_mirror::keep::Keep;
use element_mirror::report::log::Verbosity;
use element_mirror::store::local::LocalOptions;
use element_mirror::store::object::BucketOptions;
use element_mirror::store::object::connect::ClientSettings;
use tokio_util::sync::CancellationToken;

use account::AccountArgs;
pub(crate) use destination::Destination;
pub(crate) use gallery::GalleryArgs;
pub(crate) use history::HistoryArgs;
pub(crate) use list::ListArgs;
use named::NamedArgs;
use network::{ApiArgs, NetworkArgs};
pub(crate) use prune::PruneArgs;
pub(crate) use report::ReportArgs;
pub(crate) use run::RunArgs;
pub(crate) use schema::{SchemaArgs, SchemaOf};
use select::{FilterArgs, SelectArgs, ShardArgs};
pub(crate) use verify::VerifyArgs;

const NETWORK: &str = "Network";
const ACCOUNT: &str = "Account";
const WHICH: &str = "Which elements";
const WHAT: &str = "What is mirrored";
const ENDING: &str = "When it ends";
const STORE: &str = "How it is written";
const SAYING: &str = "What is said";

/// Keeps copies of Kling AI elements that live behind useapi.net.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 100, after_help = "Try it: element-mirror run --demo sample-ids.txt")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Mirror elements into a destination.
    #[command(after_help = run::EXAMPLES)]
    Run(Box<RunArgs>),
    /// List the elements of an account, or of all.
    #[command(after_help = list::EXAMPLES)]
    List(Box<ListArgs>),
    /// Hash a mirror's files and hold them against its manifests; --repair fetches again what is damaged or missing.
    #[command(after_help = verify::EXAMPLES)]
    Verify(Box<VerifyArgs>),
    /// List superseded versions: id, when, why it differs from the next one, size, path.
    #[command(after_help = history::EXAMPLES)]
    History(Box<HistoryArgs>),
    /// Remove superseded versions that are not to be kept, of every element, gone ones too.
    #[command(after_help = prune::EXAMPLES)]
    Prune(Box<PruneArgs>),
    /// Write index.html, a page to look a mirror through.
    #[command(after_help = gallery::EXAMPLES)]
    Gallery(Box<GalleryArgs>),
    /// Print the JSON Schema of what the program writes for other programs.
    #[command(after_help = schema::EXAMPLES)]
    Schema(SchemaArgs),
}

#[derive(Args, Debug)]
#[command(next_help_heading = STORE)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Where versions are put together on their way to a bucket [default: the system's temporary folder].
    #[arg(long, value_name = "DIR", value_parser = value::folder,
          env = "ELEMENT_MIRROR_STAGING", hide_env = true)]
    staging: Option<PathBuf>,
}

/// How a folder is written.
#[derive(Args, Debug)]
#[command(next_help_heading = STORE)]
pub(crate) struct FolderArgs {
    /// Leave flushing to the operating system: faster, but not safe against power loss.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_NO_SYNC", hide_env = true)]
    no_sync: bool,

    /// How long to wait for another run on this destination.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration,
          env = "ELEMENT_MIRROR_LOCK_WAIT", hide_env = true)]
    lock_wait: Duration,
}

#[derive(Args, Debug)]
#[command(next_help_heading = ENDING)]
pub(crate) struct TimeArgs {
    /// Begin no more elements after so long, and finish those in flight.
    #[arg(long, value_name = "DURATION", value_parser = value::duration,
          env = "ELEMENT_MIRROR_MAX_TIME", hide_env = true)]
    pub(crate) max_time: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct KeepArgs {
    /// Keep so many superseded versions of an element, the newest; with --keep-within, those that either keeps.
    #[arg(long, value_name = "N", env = "ELEMENT_MIRROR_KEEP_VERSIONS", hide_env = true)]
    keep_versions: Option<u64>,

    /// Keep versions that were superseded less than so long ago, such as 30d.
    #[arg(long, value_name = "DURATION", value_parser = value::age,
          env = "ELEMENT_MIRROR_KEEP_WITHIN", hide_env = true)]
    keep_within: Option<Duration>,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = SAYING)]
pub(crate) struct SayingArgs {
    /// Whether progress is shown.
    #[arg(long, value_name = "WHEN", default_value = "auto", env = "ELEMENT_MIRROR_PROGRESS", hide_env = true)]
    pub(crate) progress: When,

    /// Say only what failed.
    #[arg(short, long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_QUIET", hide_env = true)]
    quiet: bool,

    /// Say each element, retry, pause, refusal and pruned version too.
    #[arg(short, long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_VERBOSE", hide_env = true)]
    verbose: bool,

    /// Whether colours are used.
    #[arg(long, value_name = "WHEN", default_value = "auto", env = "ELEMENT_MIRROR_COLOR", hide_env = true)]
    pub(crate) color: When,

    /// What standard error is written for: people, or collectors of JSON lines.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "ELEMENT_MIRROR_LOG_FORMAT", hide_env = true)]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Cli {
    /// The command line, completed by the environment. Ends the process where that is wrong, or asks for help.
    pub(crate) fn read() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let Some((name, matches)) = matches.subcommand()
            && let Some(saying) = cli.command.saying()
            && let Err(message) = saying.resolve_conflict(matches)
            && let Some(command) = command.find_subcommand_mut(name)
        {
            command.error(ErrorKind::ArgumentConflict, message).exit();
        }
        cli
    }
}

impl Command {
    /// What is said, and how, where that can be chosen.
    pub(crate) fn saying(&mut self) -> Option<&mut SayingArgs> {
        match self {
            Self::Run(args) => Some(&mut args.saying),
            Self::List(args) => Some(&mut args.saying),
            Self::Verify(args) => Some(&mut args.saying),
            Self::History(args) => Some(&mut args.saying),
            Self::Prune(args) => Some(&mut args.saying),
            Self::Gallery(args) => Some(&mut args.saying),
            Self::Schema(_) => None,
        }
    }
}

impl SayingArgs {
    /// Lets a switch on the command line win over its opposite in the environment, which clap takes for a conflict.
    fn resolve_conflict(&mut self, matches: &ArgMatches) -> Result<(), &'static str> {
        let typed = |switch| matches.value_source(switch) == Some(ValueSource::CommandLine);
        match (typed("quiet"), typed("verbose")) {
            (true, false) => self.verbose = false,
            (false, true) => self.quiet = false,
            _ => {}
        }
        if self.quiet && self.verbose { Err("the argument '--quiet' cannot be used with '--verbose'") } else { Ok(()) }
    }

    /// The same, for what shows by itself how far it came, or is done too soon to be watched.
    pub(crate) fn without_progress(&self) -> Self {
        Self { progress: When::Never, ..self.clone() }
    }

    /// How much is said.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

impl KeepArgs {
    /// Which superseded versions are kept.
    fn keep(&self) -> Keep {
        Keep { versions: self.keep_versions, within: self.keep_within }
    }
}

impl FolderArgs {
    /// How the folder is opened; `stop` ends what takes long.
    fn local_options(&self, stop: CancellationToken) -> LocalOptions {
        LocalOptions { lock_wait: self.lock_wait, no_sync: self.no_sync, distrust: false, stop }
    }
}

impl StoreArgs {
    /// How the destination is opened; `stop` ends what takes long.
    fn local_options(&self, stop: CancellationToken) -> LocalOptions {
        self.folder.local_options(stop)
    }

    /// How a bucket is opened.
    fn bucket_options(&self, client: ClientSettings, stop: CancellationToken) -> BucketOptions {
        BucketOptions { client, staging: self.staging.clone(), distrust: false, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_can_be_given_as_an_environment_variable() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            for argument in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
                let long = argument.get_long().unwrap();
                if ["help", "version"].contains(&long) {
                    continue;
                }
                let expected = format!("ELEMENT_MIRROR_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(expected.as_str()), "--{long}");
            }
        }
    }

    #[test]
    fn no_option_takes_the_token_itself() {
        let parsed = Cli::try_parse_from(["element-mirror", "run", "ids.txt", "--token", "user:1234"]);
        assert!(parsed.is_err());
    }
}
