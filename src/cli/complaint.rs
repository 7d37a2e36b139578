//! What is wrong with a command line, in a sentence, and what to do about it.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::Path;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::{help, tip};

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
}

impl Complaint {
    /// A complaint without hints: the sentence itself says what to do, or nothing can be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }
}

/// What clap found wrong with the command line `words`.
pub(super) fn of(error: &clap::Error, words: &[OsString]) -> Complaint {
    let mut all = help::command(false);
    all.build();
    let (arg, value) = (context(error, ContextKind::InvalidArg), context(error, ContextKind::InvalidValue));
    let name = command_name(words).filter(|name| all.find_subcommand(name).is_some());
    // An option in front of the command is none of it.
    let is_in_front =
        |name: &&str| error.kind() == ErrorKind::UnknownArgument && is_before(arg.as_deref(), name, words);
    let name = name.filter(|name| !is_in_front(name));
    let command = name.and_then(|name| all.find_subcommand(name)).unwrap_or(&all);
    let found = command.get_arguments().find(|known| Some(known.to_string()) == arg);
    let mut hints = Vec::new();
    let of_variable = found.filter(|found| is_from_environment(error, found, words)).map(variable);
    let place = |arg: &str| match &of_variable {
        Some(variable) => format!("the variable {variable}, which is {arg}"),
        None => format!("'{arg}'"),
    };
    if let Some(variable) = of_variable.as_ref().filter(|_| value.as_ref().is_some_and(String::is_empty)) {
        hints.push(format!("{variable} is set, and empty: unset it, or give it a value"));
    }
    let message = match (error.kind(), arg, value) {
        (ErrorKind::InvalidValue, Some(arg), Some(value)) if value.is_empty() => {
            format!("a value is required for {}, and none is given{}", place(&arg), choices(error).unwrap_or_default())
        }
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(arg), value) => {
            let words_of = choices(error).unwrap_or_else(|| what_is_wrong(error, found));
            let value = value.map(|value| format!("'{value}' ")).unwrap_or_default();
            format!("invalid value {value}for {}{words_of}", place(&arg))
        }
        (ErrorKind::TooManyValues, Some(arg), Some(value)) => format!("'{arg}' takes no value, and is given '{value}'"),
        (ErrorKind::UnknownArgument, Some(arg), _) if arg.starts_with('-') => {
            hints.extend(tip::for_option(&arg, command, &all));
            format!("unexpected argument '{arg}': {} has no such option", command.get_name())
        }
        (ErrorKind::UnknownArgument, Some(arg), _) => {
            let takes = if command.get_opts().next().is_some() { "options only" } else { "nothing" };
            format!("unexpected argument '{arg}': {} takes {takes}", command.get_name())
        }
        (ErrorKind::InvalidSubcommand, ..) => {
            let word = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            hints.extend(tip::for_command(&word, &all, Path::new(&word).is_file()));
            format!("there is no command '{word}'")
        }
        (ErrorKind::MissingRequiredArgument, Some(missing), _) => {
            hints.extend(missing.split(", ").filter_map(|missing| what_it_is(missing, command)));
            format!("{missing} is missing")
        }
        _ => first_words(error),
    };
    // What there is to know of clap's own command is the commands.
    hints.push(help::pointer(name.filter(|name| *name != "help")));
    Complaint { message, hints }
}

/// The word that stands where a command should: the first that is no option.
fn command_name(words: &[OsString]) -> Option<&str> {
    words.iter().skip(1).filter_map(|word| word.to_str()).find(|word| !word.starts_with('-'))
}

/// Whether the option `arg` stands before the word `name`.
fn is_before(arg: Option<&str>, name: &str, words: &[OsString]) -> bool {
    let before = words.iter().skip(1).map_while(|word| word.to_str().filter(|word| *word != name));
    let mut before = before.filter(|word| word.starts_with('-'));
    arg.is_some_and(|arg| before.any(|word| word.starts_with(arg)))
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    }
}

/// The values that there are.
fn choices(error: &clap::Error) -> Option<String> {
    let choices = context(error, ContextKind::ValidValue).filter(|choices| !choices.is_empty())?;
    Some(format!(": it is one of {choices}"))
}

/// What the parser of a value says is wrong with it.
fn what_is_wrong(error: &clap::Error, arg: Option<&Arg>) -> String {
    let is_switch = arg.is_some_and(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
    let words = match error.get(ContextKind::Custom) {
        // What clap itself says of a bad switch is about its parser.
        _ if is_switch => Some("1, 0, true or false is needed".to_owned()),
        Some(ContextValue::String(words)) => Some(words.clone()),
        _ => error.source().map(ToString::to_string),
    };
    words.map(|words| format!(": {words}")).unwrap_or_default()
}

/// Whether the bad value of `arg` comes from its variable: then `error` is another one, or none, once that is ignored.
fn is_from_environment(error: &clap::Error, arg: &Arg, words: &[OsString]) -> bool {
    let without = |other: Arg| if other.get_id() == arg.get_id() { other.env(Resettable::Reset) } else { other };
    let again = help::command(false).mut_subcommands(|command| command.mut_args(without)).try_get_matches_from(words);
    let about = |error: &clap::Error| (error.kind(), context(error, ContextKind::InvalidArg));
    arg.get_env().is_some() && again.err().is_none_or(|again| about(&again) != about(error))
}

fn variable(arg: &Arg) -> String {
    arg.get_env().unwrap_or_default().to_string_lossy().into_owned()
}

/// What an argument is that is missing.
fn what_it_is(missing: &str, command: &Command) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.to_string() == missing)?;
    let choices: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let words = if choices.is_empty() { arg.get_help()?.to_string() } else { choices.join(" or ") };
    Some(format!("{missing}: {words}"))
}

/// The first sentence of what clap itself would say.
fn first_words(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}
