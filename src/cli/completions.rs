//! `completions`: scripts by which shells complete commands, options and values.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::{bash, help};

pub(super) const EXAMPLES: &str = "\
Examples:
  source <(element-mirror completions bash)     in this shell, or in ~/.bashrc
  element-mirror completions zsh > \"${fpath[1]}/_element-mirror\"
  element-mirror completions fish | source      in this shell, or in config.fish";

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    /// The script.
    pub(crate) fn script(&self) -> String {
        let mut all = shown();
        if self.shell == Shell::Bash {
            return bash::script(&all);
        }
        let mut script = Vec::new();
        generate(self.shell, &mut all, "element-mirror", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}

/// The command line, as far as it is shown.
fn shown() -> Command {
    let mut all = help::command(false).disable_help_subcommand(true);
    all.build();
    all
}
