//! What is said while a command works, to whom, and how.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, ValueEnum};
use element_mirror::report::Verbosity;

use super::SAYING;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = SAYING)]
pub(crate) struct SayingArgs {
    /// Progress: auto, always, never.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        env = "ELEMENT_MIRROR_PROGRESS",
        hide_env = true
    )]
    pub(crate) progress: When,

    /// Say only what failed.
    #[arg(short, long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_QUIET", hide_env = true)]
    quiet: bool,

    /// Say every element, retry, pause and refusal too.
    #[arg(short, long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_VERBOSE", hide_env = true)]
    verbose: bool,

    /// Colours: auto, always, never.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        env = "ELEMENT_MIRROR_COLOR",
        hide_env = true
    )]
    pub(crate) color: When,

    /// Standard error as text or json.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        env = "ELEMENT_MIRROR_LOG_FORMAT",
        hide_env = true
    )]
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

impl SayingArgs {
    /// The options as far as `words` show them, for a command line that could not be parsed, or a command without them.
    pub(crate) fn guessed(words: &[OsString]) -> Self {
        Self {
            progress: When::Never,
            quiet: false,
            verbose: false,
            color: guess(words, "--color", "ELEMENT_MIRROR_COLOR").unwrap_or(When::Auto),
            log_format: guess(words, "--log-format", "ELEMENT_MIRROR_LOG_FORMAT").unwrap_or(LogFormat::Text),
        }
    }

    /// Lets a switch on the command line win over its opposite in the environment, which clap takes for a conflict.
    pub(super) fn resolve_conflict(&mut self, matches: &ArgMatches) -> Result<(), &'static str> {
        let typed = |switch| matches.value_source(switch) == Some(ValueSource::CommandLine);
        match (typed("quiet"), typed("verbose")) {
            (true, false) => self.verbose = false,
            (false, true) => self.quiet = false,
            _ => {}
        }
        if self.quiet && self.verbose { Err("the argument '--quiet' cannot be used with '--verbose'") } else { Ok(()) }
    }

    /// The same without progress, for a command whose output shows how far it is, or that is done too soon to be
    /// watched.
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

/// The value of `option` among `words`, else that of `variable` in the environment, if it is one.
fn guess<T: ValueEnum>(words: &[OsString], option: &str, variable: &str) -> Option<T> {
    let words: Vec<&str> =
        words.iter().take_while(|word| *word != "--").map(|word| word.to_str().unwrap_or("")).collect();
    let after = |(at, word): (usize, &&str)| match word.strip_prefix(option)? {
        "" => words.get(at + 1).map(|value| (*value).to_owned()),
        rest => rest.strip_prefix('=').map(str::to_owned),
    };
    let given = words.iter().enumerate().find_map(after).or_else(|| std::env::var(variable).ok());
    given.and_then(|value| T::from_str(&value, false).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_spoken_to_is_known_of_a_command_line_that_is_wrong() {
        let guessed = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            let SayingArgs { color, log_format, .. } = SayingArgs::guessed(&words);
            (color, log_format)
        };
        assert_eq!(guessed(&["run", "--log-format", "json", "--what"]), (When::Auto, LogFormat::Json));
        assert_eq!(guessed(&["rnu", "--color=never"]), (When::Never, LogFormat::Text));
        assert_eq!(guessed(&["run", "--log-format"]), (When::Auto, LogFormat::Text));
        assert_eq!(guessed(&["run", "--log-formats=json", "--", "--color=never"]), (When::Auto, LogFormat::Text));
    }
}
