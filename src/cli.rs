//! The command line, turned into the core's options. Nothing else knows clap.

mod account;
mod bash;
mod complaint;
mod completions;
mod destination;
mod gallery;
pub(crate) mod help;
mod history;
mod list;
pub(crate) mod man;
mod named;
mod network;
mod prune;
mod read;
mod report;
mod run;
mod saying;
mod schema;
mod select;
mod tip;
mod value;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use element_mirror::{BucketOptions, HttpOptions, Keep, LocalOptions, Stop};

use account::AccountArgs;
pub(crate) use account::Credentials;
pub(crate) use complaint::Complaint;
pub(crate) use completions::CompletionsArgs;
pub(crate) use destination::Destination;
pub(crate) use gallery::GalleryArgs;
pub(crate) use help::documented;
pub(crate) use history::HistoryArgs;
pub(crate) use list::ListArgs;
use named::NamedArgs;
use network::{ApiArgs, NetworkArgs};
pub(crate) use prune::PruneArgs;
pub(crate) use read::{Instead, Text};
pub(crate) use report::ReportArgs;
pub(crate) use run::RunArgs;
pub(crate) use saying::{LogFormat, SayingArgs, When};
pub(crate) use schema::{SchemaArgs, SchemaOf};
use select::{FilterArgs, SelectArgs, ShardArgs};
pub(crate) use verify::VerifyArgs;

const NETWORK: &str = "Network";
const ACCOUNT: &str = "Account";
const WHICH: &str = "Which elements";
const WHAT: &str = "What is mirrored";
const DONE: &str = "What is done";
const ENDING: &str = "When it ends";
const STORE: &str = "How it is written";
const SAYING: &str = "What is said";

const TRY_IT: &str = "\
Try it, without token or network:
  element-mirror run --demo --all   mirrors a sample API into mirror/

element-mirror COMMAND -h: its most used options; --help: all of them.";

/// Keeps copies of Kling AI elements that live behind useapi.net.
#[derive(Parser, Debug)]
#[command(version, after_help = TRY_IT)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Mirror elements into a destination.
    Run(Box<RunArgs>),
    /// List the elements of an account, or of all.
    List(Box<ListArgs>),
    /// Check every file of a mirror by its hash; --repair mends.
    Verify(Box<VerifyArgs>),
    /// List superseded versions: ID, when, why, size, path.
    History(Box<HistoryArgs>),
    /// Remove superseded versions that are not to be kept.
    Prune(Box<PruneArgs>),
    /// Write index.html, a page to look a mirror through.
    Gallery(Box<GalleryArgs>),
    /// Print the JSON Schema of manifests or reports.
    Schema(SchemaArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
    /// Print the manual page: element-mirror man | man -l -
    Man,
}

#[derive(Args, Debug)]
#[command(next_help_heading = STORE)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// Where versions for a bucket are put together.
    ///
    /// In a folder of the run's own there, which goes with it; it has to have room for -j times the largest asset. By
    /// default in the system's temporary folder. A mirror in a folder needs none of that.
    #[arg(long, value_name = "DIR", value_parser = value::folder, value_hint = ValueHint::DirPath,
          env = "ELEMENT_MIRROR_STAGING", hide_env = true)]
    staging: Option<PathBuf>,
}

/// How a folder is written.
#[derive(Args, Debug)]
#[command(next_help_heading = STORE)]
pub(crate) struct FolderArgs {
    /// Don't flush: faster, not safe against power loss.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_NO_SYNC", hide_env = true)]
    no_sync: bool,

    /// How long to wait for another run.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = value::duration,
          env = "ELEMENT_MIRROR_LOCK_WAIT", hide_env = true)]
    lock_wait: Duration,
}

#[derive(Args, Debug)]
#[command(next_help_heading = ENDING)]
pub(crate) struct TimeArgs {
    /// Begin nothing new after this long.
    ///
    /// What is in flight is finished, and the exit code is 6.
    #[arg(long, value_name = "DURATION", value_parser = value::duration,
          env = "ELEMENT_MIRROR_MAX_TIME", hide_env = true)]
    pub(crate) max_time: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct KeepArgs {
    /// Keep only the N newest superseded versions.
    ///
    /// Of each element; with --keep-within, those that either keeps. Without both all are kept.
    #[arg(long, value_name = "N", value_parser = value::count(0, u64::MAX),
          env = "ELEMENT_MIRROR_KEEP_VERSIONS", hide_env = true)]
    keep_versions: Option<u64>,

    /// Keep those superseded less than, say, 30d ago.
    ///
    /// However many they are (m is minutes, 30d a month); with --keep-versions, those that either keeps. Without both
    /// all are kept.
    #[arg(long, value_name = "DURATION", value_parser = value::age,
          env = "ELEMENT_MIRROR_KEEP_WITHIN", hide_env = true)]
    keep_within: Option<Duration>,
}

impl Command {
    /// The options about what is said, and how; `None` for a command that has none.
    pub(crate) fn saying(&mut self) -> Option<&mut SayingArgs> {
        match self {
            Self::Run(args) => Some(&mut args.saying),
            Self::List(args) => Some(&mut args.saying),
            Self::Verify(args) => Some(&mut args.saying),
            Self::History(args) => Some(&mut args.saying),
            Self::Prune(args) => Some(&mut args.saying),
            Self::Gallery(args) => Some(&mut args.saying),
            Self::Schema(_) | Self::Completions(_) | Self::Man => None,
        }
    }
}

impl KeepArgs {
    /// Which superseded versions are kept.
    fn keep(&self) -> Keep {
        let mut keep = Keep::default();
        keep.versions = self.keep_versions;
        keep.within = self.keep_within;
        keep
    }
}

impl FolderArgs {
    /// How the folder is opened; `stop` interrupts what takes long.
    fn local_options(&self, stop: Stop) -> LocalOptions {
        let mut options = LocalOptions::default();
        options.lock_wait = self.lock_wait;
        options.no_sync = self.no_sync;
        options.stop = stop;
        options
    }
}

impl StoreArgs {
    /// How a destination that is a folder is opened; `stop` interrupts what takes long.
    fn local_options(&self, stop: Stop) -> LocalOptions {
        self.folder.local_options(stop)
    }

    /// How a destination that is a bucket is opened; `stop` interrupts what takes long.
    fn bucket_options(&self, http: HttpOptions, stop: Stop) -> BucketOptions {
        let mut options = BucketOptions::default();
        options.http = http;
        options.staging.clone_from(&self.staging);
        options.stop = stop;
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        help::command(false).debug_assert();
        help::command(true).debug_assert();
    }

    #[test]
    fn every_option_can_be_given_as_an_environment_variable() {
        let mut cli = help::command(false);
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
        let refused = Cli::try_parse_from(["element-mirror", "run", "ids.txt", "--token", "user:1234"]).unwrap_err();
        assert_eq!(refused.kind(), clap::error::ErrorKind::UnknownArgument);
    }
}
