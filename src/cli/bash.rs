//! Completions for bash. The script is our own, since that of `clap_complete` completes no part of a list, and nothing
//! after a command where the program's name has a hyphen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Arg, Command, ValueHint};

const HEAD: &str = r#"# Completions of element-mirror for bash.
_element_mirror() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' word
    COMPREPLY=()
    # To bash, --color=never is three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $word != -* ]]; then
            command=$word
            break
        fi
    done
    case $command,$prev in
"#;

/// The script for the command line `all`.
pub(super) fn script(all: &Command) -> String {
    let mut script = HEAD.to_owned();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for command in all.get_subcommands() {
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_positional()) {
            let long = arg.get_long().map(|long| format!("{},--{long}", command.get_name()));
            let short = arg.get_short().map(|short| format!("{},-{short}", command.get_name()));
            places.entry(values(arg)).or_default().extend(long.into_iter().chain(short));
        }
    }
    for (values, places) in places {
        let _ = writeln!(script, "    {})\n        {values}\n        return ;;", places.join(" | "));
    }
    script.push_str("    esac\n    case $command in\n");
    let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
    let names = names.into_iter().map(str::to_owned).chain(options(all)).collect::<Vec<_>>();
    let _ = writeln!(script, "    '') {} ;;", words(&names));
    for command in all.get_subcommands() {
        let positionals: Vec<&Arg> = command.get_positionals().collect();
        let otherwise = match positionals.as_slice() {
            [] => ":".to_owned(),
            [one] => values(one),
            // One of them is a file.
            _ => FILES.to_owned(),
        };
        let options = words(&options(command));
        let _ = writeln!(script, "    {})", command.get_name());
        let _ = writeln!(script, "        if [[ $cur == -* ]]; then {options}; else {otherwise}; fi ;;");
    }
    script.push_str("    esac\n}\ncomplete -F _element_mirror element-mirror\n");
    script
}

const FILES: &str = "compopt -o default 2>/dev/null";

/// The command that completes the value of `arg`.
fn values(arg: &Arg) -> String {
    let choices = arg.get_possible_values();
    let choices: Vec<&str> = choices.iter().map(PossibleValue::get_name).collect();
    match (choices.is_empty(), arg.get_value_delimiter(), arg.get_value_hint()) {
        (false, Some(','), _) => {
            let list = format!("COMPREPLY=($(compgen -W '{}' -- \"${{cur##*,}}\"))", choices.join(" "));
            format!("{list}; [[ $cur != *,* ]] || COMPREPLY=(\"${{COMPREPLY[@]/#/${{cur%,*}},}}\")")
        }
        (false, ..) => words(&choices),
        (true, _, ValueHint::DirPath) => "compopt -o dirnames 2>/dev/null".to_owned(),
        (true, _, ValueHint::FilePath) => FILES.to_owned(),
        _ => ":".to_owned(),
    }
}

fn words(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", words.join(" "))
}

/// The options that are shown.
fn options(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    shown.filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help;

    #[test]
    fn every_option_that_is_shown_is_completed() {
        let all = help::documented();
        let script = script(&all);
        let (_, commands) = script.split_once("case $command in").unwrap();
        for command in all.get_subcommands() {
            let (_, completed) = commands.split_once(&format!("    {})\n", command.get_name())).unwrap();
            let (completed, _) = completed.split_once(";;").unwrap();
            for arg in command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set()) {
                let option = format!("--{}", arg.get_long().unwrap());
                assert!(completed.split([' ', '\'']).any(|word| word == option), "{option} of {}", command.get_name());
            }
        }
    }
}
