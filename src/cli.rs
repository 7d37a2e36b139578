//! The command line, turned into the core's options. Nothing else knows clap.

mod history;
mod list;
mod named;
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
use element_mirror::demo;
use element_mirror::error::RunError;
use element_mirror::http::HttpOptions;
use element_mirror::keep::Keep;
use element_mirror::report::log::Verbosity;
use element_mirror::store::local::LocalOptions;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

pub(crate) use history::HistoryArgs;
pub(crate) use list::ListArgs;
use named::NamedArgs;
pub(crate) use prune::PruneArgs;
pub(crate) use report::ReportArgs;
pub(crate) use run::RunArgs;
pub(crate) use schema::{SchemaArgs, SchemaOf};
pub(crate) use select::Odd;
use select::{FilterArgs, SelectArgs, ShardArgs};
pub(crate) use verify::VerifyArgs;

const NETWORK: &str = "Network";
const ACCOUNT: &str = "Account";
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
    /// Print the JSON Schema of what the program writes for other programs.
    #[command(after_help = schema::EXAMPLES)]
    Schema(SchemaArgs),
}

#[derive(Args, Debug)]
#[command(next_help_heading = ACCOUNT)]
pub(crate) struct AccountArgs {
    /// The account of elements whose list names none [env: USEAPI_EMAIL].
    #[arg(long, value_name = "EMAIL", value_parser = value::email, env = "ELEMENT_MIRROR_EMAIL", hide_env = true)]
    email: Option<String>,

    /// A file with the API token; without it the token is taken from $USEAPI_TOKEN.
    #[arg(long, value_name = "FILE", env = "ELEMENT_MIRROR_TOKEN_FILE", hide_env = true)]
    token_file: Option<PathBuf>,

    /// The API's base URL; http:// only for loopback.
    #[arg(long, value_name = "URL", default_value = element_mirror::api::PUBLIC_API, value_parser = value::api_base,
          env = "ELEMENT_MIRROR_API_BASE", hide_env = true)]
    api_base: Url,

    /// Use the built-in sample API: no token, no network.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_DEMO", hide_env = true)]
    demo: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = NETWORK)]
pub(crate) struct NetworkArgs {
    /// Asset downloads at a time.
    #[arg(short = 'j', long, value_name = "N", default_value_t = 16, value_parser = value::count(1, 1024),
          env = "ELEMENT_MIRROR_CONCURRENCY", hide_env = true)]
    concurrency: u64,

    #[command(flatten)]
    api: ApiArgs,

    /// The largest asset taken, in bytes (K, M, G are powers of 1024).
    #[arg(long, value_name = "BYTES", default_value = "2G", value_parser = value::bytes,
          env = "ELEMENT_MIRROR_MAX_SIZE", hide_env = true)]
    max_size: u64,

    /// Accept asset links that are http:// or lead to loopback or private addresses.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_ALLOW_PRIVATE_ASSETS", hide_env = true)]
    allow_private_assets: bool,
}

/// What of the network a command uses that downloads nothing.
#[derive(Args, Debug)]
#[command(next_help_heading = NETWORK)]
pub(crate) struct ApiArgs {
    /// API requests at a time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value::count(1, 256),
          env = "ELEMENT_MIRROR_API_CONCURRENCY", hide_env = true)]
    api_concurrency: u64,

    /// API requests a second, at most, such as 2 or 0.5.
    #[arg(long, value_name = "N", value_parser = value::rate, env = "ELEMENT_MIRROR_API_RATE", hide_env = true)]
    api_rate: Option<f64>,

    /// Bytes a second that all downloads together take, at most, such as 10M (K, M, G are powers of 1024).
    #[arg(long, value_name = "BYTES", value_parser = value::byte_rate,
          env = "ELEMENT_MIRROR_LIMIT_RATE", hide_env = true)]
    limit_rate: Option<u64>,

    /// Further tries of a request that failed for a passing reason.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value::count(0, 100),
          env = "ELEMENT_MIRROR_RETRIES", hide_env = true)]
    retries: u64,

    /// How long to wait for a connection.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::timeout,
          env = "ELEMENT_MIRROR_CONNECT_TIMEOUT", hide_env = true)]
    connect_timeout: Duration,

    /// How long to wait for the next byte.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::timeout,
          env = "ELEMENT_MIRROR_STALL_TIMEOUT", hide_env = true)]
    stall_timeout: Duration,

    /// What API and CDN are told as User-Agent [default: element-mirror/VERSION].
    #[arg(long, value_name = "TEXT", value_parser = value::header_text,
          env = "ELEMENT_MIRROR_USER_AGENT", hide_env = true)]
    user_agent: Option<String>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = STORE)]
pub(crate) struct StoreArgs {
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

    /// How much is said.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

impl AccountArgs {
    /// Whether the built-in sample API stands in for the real one.
    pub(crate) fn is_demo(&self) -> bool {
        self.demo
    }

    /// The API token: the file's, the environment's, or the sample API's.
    pub(crate) fn token(&self) -> Result<SecretString, RunError> {
        if self.demo {
            return Ok(demo::TOKEN.into());
        }
        value::token(self.token_file.as_deref())
    }

    fn email(&self) -> Option<String> {
        let email = self.email.clone().or_else(|| std::env::var("USEAPI_EMAIL").ok());
        email.filter(|email| !email.is_empty())
    }

    /// The API's base URL: that of the sample API, where there is one.
    fn api_base(&self, demo: Option<Url>) -> Url {
        demo.unwrap_or_else(|| self.api_base.clone())
    }
}

impl NetworkArgs {
    /// How the network is used, for the sample API or the real one.
    fn http_options(&self, demo: bool) -> HttpOptions {
        HttpOptions {
            concurrency: size(self.concurrency),
            // The sample API's assets are on loopback.
            allow_private_assets: self.allow_private_assets || demo,
            ..self.api.http_options(demo)
        }
    }
}

impl ApiArgs {
    /// How the API is asked, the sample one or the real one.
    fn http_options(&self, demo: bool) -> HttpOptions {
        let default = HttpOptions::default();
        HttpOptions {
            api_concurrency: size(self.api_concurrency),
            api_rate: self.api_rate,
            limit_rate: self.limit_rate,
            retries: size(self.retries),
            connect_timeout: self.connect_timeout,
            stall_timeout: self.stall_timeout,
            user_agent: self.user_agent.clone().unwrap_or_else(|| default.user_agent.clone()),
            // No proxy leads to the sample API.
            proxies: !demo,
            ..default
        }
    }
}

/// A number whose range keeps it within usize.
fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl KeepArgs {
    /// Which superseded versions are kept.
    fn keep(&self) -> Keep {
        Keep { versions: self.keep_versions, within: self.keep_within }
    }
}

impl StoreArgs {
    /// How the destination is opened; `stop` ends what takes long.
    fn local_options(&self, stop: CancellationToken) -> LocalOptions {
        LocalOptions { lock_wait: self.lock_wait, no_sync: self.no_sync, distrust: false, stop }
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
