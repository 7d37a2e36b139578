//! Reading the command line: what comes of it, or what is said instead.

use std::ffi::OsString;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use super::complaint::{self, Complaint};
use super::{Cli, help};

/// What is said instead, where the command line gives no command to run.
#[derive(Debug)]
pub(crate) enum Instead {
    /// Help or the version was asked for: for standard output.
    Answer(Text),
    /// No command is named: the help, for standard error.
    NoCommand(Text),
    /// The command line is wrong.
    Complaint(Complaint),
}

/// Text for a terminal that shows colours, and for anything else.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) colored: String,
    pub(crate) plain: String,
}

impl Cli {
    /// The command line `words`, completed by the environment.
    pub(crate) fn read(words: &[OsString]) -> Result<Self, Instead> {
        let instead = |error: clap::Error| instead(&error, words);
        let matches = help::command(help::is_brief(words)).try_get_matches_from(words).map_err(instead)?;
        let mut cli = Self::from_arg_matches(&matches).map_err(instead)?;
        if let (Some((name, matches)), Some(saying)) = (matches.subcommand(), cli.command.saying()) {
            let conflict =
                |message: &str| Complaint { message: message.into(), hints: vec![help::pointer(Some(name))] };
            saying.resolve_conflict(matches).map_err(|message| Instead::Complaint(conflict(message)))?;
        }
        Ok(cli)
    }
}

fn instead(error: &clap::Error, words: &[OsString]) -> Instead {
    let text = || Text { colored: error.render().ansi().to_string(), plain: error.render().to_string() };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Instead::Answer(text()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Instead::NoCommand(text()),
        _ => Instead::Complaint(complaint::of(error, words)),
    }
}
