//! What the program says of itself: short and whole help, and where they go.

use std::fs::File;
use std::process::Stdio;

use rstest::rstest;

use crate::support::program;

const COMMANDS: [&str; 9] = ["", "run", "list", "verify", "history", "prune", "schema", "completions", "man"];

fn help(command: &str, option: &str) -> String {
    let words = [command, option].into_iter().filter(|word| !word.is_empty());
    program().args(words).output().expect(0).stdout
}

#[test]
fn the_help_says_every_option() {
    for command in COMMANDS {
        let name = if command.is_empty() { "help".to_owned() } else { format!("{command}_help") };
        insta::assert_snapshot!(name, help(command, "--help"));
    }
}

#[test]
fn the_short_help_shows_what_is_used_most_a_line_each() {
    for command in ["run", "list", "verify"] {
        let (short, long) = (help(command, "-h"), help(command, "--help"));
        insta::assert_snapshot!(format!("{command}_short_help"), short);
        let listed = |help: &str| help.lines().filter(|line| line.contains("  --") || line.contains(", --")).count();
        assert!(listed(&short) < listed(&long) && short.lines().count() <= 40, "{short}");
    }
}

#[test]
fn no_line_of_any_help_is_wider_than_80_columns() {
    for command in COMMANDS {
        for option in ["-h", "--help"] {
            for columns in ["", "200"] {
                let words = [command, option].into_iter().filter(|word| !word.is_empty());
                let said = program().env("COLUMNS", columns).args(words).output().expect(0).stdout;
                let wide: Vec<&str> = said.lines().filter(|line| line.chars().count() > 80).collect();
                assert!(wide.is_empty(), "{command} {option}: {wide:#?}");
            }
        }
    }
}

#[test]
fn help_that_can_not_be_written_is_no_success() {
    for words in [&["--help"][..], &["run", "-h"], &["--version"], &["schema", "report"], &["man"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = program().args(words).output_through(Stdio::null(), full).expect(1);
        assert!(run.stderr.contains("can't write standard output"), "{words:?}: {}", run.stderr);
    }
}

#[test]
fn a_reader_who_has_seen_enough_of_the_help_is_told_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(program().args(["run", "--help"]).output_through(Stdio::null(), writer).expect(141).stderr, "");
}

#[rstest]
#[case::asked_for(&["run", "-h", "--color", "always"], "", true)]
#[case::to_a_pipe(&["run", "-h"], "", false)]
#[case::asked_for_by_a_variable(&["--help"], "always", true)]
#[case::the_command_line_wins(&["verify", "--help", "--color=never"], "always", false)]
fn help_is_coloured_as_everything_else(#[case] words: &[&str], #[case] variable: &str, #[case] colored: bool) {
    let said = program().env("ELEMENT_MIRROR_COLOR", variable).args(words).output().expect(0).stdout;
    assert_eq!(said.contains('\u{1b}'), colored, "{said}");
}
