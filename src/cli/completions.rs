//! `completions`: scripts by which shells complete commands, options and values.

use clap::{Arg, Args, Command};
use clap_complete::{Shell, generate};

use super::bash;

pub(super) const EXAMPLES: &str = "\
Examples:
  source <(element-mirror completions bash)     in this shell, or in ~/.bashrc
  element-mirror completions fish | source      in this shell, or in config.fish
  mkdir -p ~/.zfunc && element-mirror completions zsh > ~/.zfunc/_element-mirror
      and in ~/.zshrc, before compinit: fpath+=(~/.zfunc)";

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    /// The script that completes the command line `all`.
    pub(crate) fn script(&self, mut all: Command) -> String {
        if self.shell == Shell::Bash {
            return bash::script(&all);
        }
        let mut script = Vec::new();
        generate(self.shell, &mut all, "element-mirror", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        if self.shell == Shell::Fish { script + &fish_choices(&all) } else { script }
    }
}

/// What `clap_complete` leaves out for fish: the words that a command chooses from.
fn fish_choices(all: &Command) -> String {
    let choices = |command: &Command| {
        let values = command.get_positionals().flat_map(Arg::get_possible_values);
        values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let line = |command: &Command, choices: &str| {
        let condition = format!("__fish_element_mirror_using_subcommand {}", command.get_name());
        format!("complete -c element-mirror -n \"{condition}\" -f -a \"{choices}\"\n")
    };
    let commands = all.get_subcommands().map(|command| (command, choices(command)));
    commands.filter(|(_, choices)| !choices.is_empty()).map(|(command, choices)| line(command, &choices)).collect()
}
