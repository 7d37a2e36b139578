//! How the command line is shown: short by -h, all of it by --help, and never wider than 80 columns.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::{Cli, completions, gallery, history, list, prune, run, schema, verify};

/// The widest line of the help, in columns. Few terminals are narrower, and there clap wraps.
const WIDTH: usize = 80;

/// A command's help: what -h shows of it, and what follows the options.
struct Help {
    command: &'static str,
    /// The IDs of the arguments that are used most; all of them where there are few.
    most_used: &'static [&'static str],
    /// What --help says below them.
    below: &'static str,
}

const HELP: [Help; 8] = [
    Help { command: "run", most_used: run::MOST_USED, below: run::EXAMPLES },
    Help { command: "list", most_used: list::MOST_USED, below: list::EXAMPLES },
    Help { command: "verify", most_used: verify::MOST_USED, below: verify::EXAMPLES },
    Help { command: "history", most_used: &[], below: history::EXAMPLES },
    Help { command: "prune", most_used: &[], below: prune::EXAMPLES },
    Help { command: "gallery", most_used: &[], below: gallery::EXAMPLES },
    Help { command: "schema", most_used: &[], below: schema::EXAMPLES },
    Help { command: "completions", most_used: &[], below: completions::EXAMPLES },
];

/// The commands that take long enough.
const SHOW_PROGRESS: [&str; 3] = ["run", "list", "verify"];

/// What -v says more of, for commands that have less to say than run; of those that have nothing, it is not shown.
const VERBOSE: [(&str, &str); 4] = [
    ("list", "Say every retry, pause and refusal too"),
    ("prune", "Say every version that is removed"),
    ("history", ""),
    ("gallery", ""),
];

/// Whether `words` ask for the short help.
pub(super) fn is_brief(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "-h")
}

/// The command line as clap knows it, with the short help or the whole one.
pub(crate) fn command(brief: bool) -> Command {
    let mut all = Cli::command().max_term_width(WIDTH);
    let names: Vec<String> = all.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        let none = Help { command: "", most_used: &[], below: "" };
        let help = HELP.iter().find(|help| help.command == name).unwrap_or(&none);
        all = all.mut_subcommand(&name, |command| help.dress(command, brief));
    }
    all
}

/// The command line as pages about it are made: with all options, and without clap's own command `help`.
pub(crate) fn documented() -> Command {
    let mut all = command(false).disable_help_subcommand(true);
    all.build();
    all
}

/// The hint at the whole help, of a command or of the program.
pub(super) fn pointer(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("element-mirror {name} --help tells its options"),
        None => "element-mirror --help tells the commands".to_owned(),
    }
}

impl Help {
    /// `command` with this help: the short one if `brief`.
    fn dress(&self, command: Command, brief: bool) -> Command {
        let words =
            if self.most_used.is_empty() { "Print help" } else { "Print the options used most (-h), or all (--help)" };
        let flag = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help(words);
        let command = command.mut_args(|arg| self.adapt(arg)).disable_help_flag(true).arg(flag);
        if !brief || self.most_used.is_empty() {
            return command.after_help(self.below);
        }
        let examples = self.below.split("\n\n").find(|part| part.starts_with("Examples:")).unwrap_or_default();
        let below = format!("{examples}\n\nAll options and the exit codes: element-mirror {} --help", self.command);
        command
            .mut_args(|arg| {
                let is_shown = arg.get_id() == "help" || self.most_used.contains(&arg.get_id().as_str());
                let arg = arg.help_heading(None::<&'static str>);
                if is_shown { arg } else { arg.hide(true) }
            })
            .after_help(below)
    }

    fn adapt(&self, arg: Arg) -> Arg {
        // So that --retries -1 is refused for its value, and not as an unknown option -1.
        let is_option_with_value = arg.get_action().takes_values() && !arg.is_positional();
        // Every command takes --progress, so that its variable can be set for all; only those that show any tell of it.
        let is_idle = arg.get_id() == "progress" && !SHOW_PROGRESS.contains(&self.command);
        let verbose = VERBOSE.iter().find(|(command, _)| *command == self.command && arg.get_id() == "verbose");
        let arg = match verbose {
            Some((_, words)) => arg.help(*words).hide(words.is_empty()),
            None => arg.hide(is_idle),
        };
        let arg = arg.allow_negative_numbers(is_option_with_value);
        // A switch that is said twice, as in -vv, is said. Of values none is passed over in silence.
        let (is_switch, id) = (matches!(arg.get_action(), ArgAction::SetTrue), arg.get_id().clone());
        if is_switch { arg.overrides_with(id) } else { arg }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_most_is_there() {
        let all = command(false);
        for help in HELP {
            let command = all.find_subcommand(help.command).unwrap();
            for id in help.most_used {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{id} of {}", help.command);
            }
        }
    }
}
