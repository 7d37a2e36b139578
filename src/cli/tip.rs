//! What may be meant by an option or a command that there is not.

use clap::{Arg, Command};

/// So many options are named, where several may be meant.
const MOST: usize = 3;

/// What other programs call things, and what it is called here: options without their dashes.
const HABITS: [(&[&str], &[&str]); 14] = [
    (&["output", "output-dir", "dest", "destination", "directory", "dir", "target", "path"], &["out"]),
    (&["jobs", "threads", "workers", "parallel", "transfers", "max-connections", "connections"], &["concurrency"]),
    (&["rate", "bwlimit", "bandwidth", "max-speed", "rate-limit"], &["limit-rate", "api-rate"]),
    (&["timeout", "max-timeout"], &["stall-timeout", "connect-timeout", "max-time"]),
    (&["force", "overwrite", "redownload", "no-cache"], &["refresh"]),
    (&["account", "user", "username"], &["email"]),
    (&["silent"], &["quiet"]),
    (&["debug"], &["verbose"]),
    (&["no-progress"], &["progress"]),
    (&["no-color", "no-colour", "colour"], &["color"]),
    (&["json", "ndjson"], &["report", "log-format"]),
    (&["url", "base-url", "api-url", "endpoint", "host"], &["api-base"]),
    (&["n", "simulate", "just-print"], &["dry-run"]),
    (&["keep", "keep-last", "max-versions"], &["keep-versions"]),
];

/// What may be meant by the option `typed`, which `command` has not.
pub(super) fn for_option(typed: &str, command: &Command, all: &Command) -> Vec<String> {
    let name = typed.trim_start_matches('-');
    match name {
        "token" => {
            let ways = "put it into $USEAPI_TOKEN, or into a file that --token-file names";
            return vec![format!("no option takes the token itself, which others could see: {ways}")];
        }
        "input" | "input-file" | "ids" | "list" => return vec!["an ID list is named without an option".into()],
        _ => {}
    }
    let is_short = |arg: &Arg| typed.len() == 2 && arg.get_short().is_some_and(|short| typed.ends_with(short));
    let has = |other: &&Command| {
        other
            .get_arguments()
            .any(|arg| if typed.starts_with("--") { arg.get_long() == Some(name) } else { is_short(arg) })
    };
    let others: Vec<&str> = all.get_subcommands().filter(has).map(Command::get_name).collect();
    let known = |name: &str| command.get_arguments().find(|arg| arg.get_long() == Some(name));
    let habits = HABITS.iter().filter(|(names, _)| names.iter().any(|habit| is_near(name, habit)));
    let habitual = habits.flat_map(|(_, meant)| *meant).filter_map(|name| known(name));
    let near = command.get_arguments().filter(|arg| arg.get_long().is_some_and(|long| may_be(name, long)));
    let mut meant: Vec<String> = Vec::new();
    for line in near.filter(|_| others.is_empty()).chain(habitual).map(told) {
        if meant.len() < MOST && !meant.contains(&line) {
            meant.push(line);
        }
    }
    if !others.is_empty() {
        let place = if command.has_subcommands() { ", and stands behind the command" } else { "" };
        meant.push(format!("{typed} is an option of {}{place}", others.join(", ")));
    }
    meant
}

/// What may be meant by the command `typed`; `is_file` says whether it is one.
pub(super) fn for_command(typed: &str, all: &Command, is_file: bool) -> Option<String> {
    let name = all.get_name();
    if is_file {
        return Some(format!("{name} run {typed}"));
    }
    let meant = match typed {
        "repair" | "check" => "verify --repair".to_owned(),
        "mirror" | "sync" | "download" | "fetch" | "get" | "copy" | "backup" => "run".to_owned(),
        "ls" => "list".to_owned(),
        "completion" => "completions".to_owned(),
        "version" => "--version".to_owned(),
        "versions" | "log" => "history".to_owned(),
        typed => {
            let is_meant = |name: &str| may_be(typed, name) || strsim::damerau_levenshtein(typed, name) == 1;
            all.get_subcommands().map(Command::get_name).find(|name| is_meant(name))?.to_owned()
        }
    };
    Some(format!("is it {name} {meant}?"))
}

/// An option with what it is.
fn told(arg: &Arg) -> String {
    format!("{arg}: {}", arg.get_help().map(ToString::to_string).unwrap_or_default())
}

/// Whether somebody who typed `typed` may have had `name` in mind.
fn may_be(typed: &str, name: &str) -> bool {
    let is_part = typed.len() >= 3 && (name.starts_with(typed) || typed.starts_with(name) || name.ends_with(typed));
    is_part || is_near(typed, name)
}

/// Whether two names differ by a slip of the fingers.
fn is_near(typed: &str, name: &str) -> bool {
    let slips = if name.len() < 4 { 0 } else { name.len().div_ceil(4).min(2) };
    strsim::damerau_levenshtein(typed, name) <= slips
}

#[cfg(test)]
mod tests {
    use super::super::help;
    use super::*;
    use rstest::rstest;

    /// The options that are named, or the words of another tip.
    fn tips(typed: &str, command: &str) -> Vec<String> {
        let mut all = help::command(false);
        all.build();
        let tips = for_option(typed, all.find_subcommand(command).unwrap(), &all);
        tips.iter().map(|tip| tip.split([' ', ':']).next().unwrap().to_owned()).collect()
    }

    #[rstest]
    #[case::a_slip("--concurency", &["--concurrency"])]
    #[case::two_slips("--paralel", &["--concurrency"])]
    #[case::two_letters_exchanged("--lokc-wait", &["--lock-wait"])]
    #[case::its_beginning("--token-fil", &["--token-file"])]
    #[case::one_that_is_meant_by_two("--accept", &["--accept-known-missing", "--accept-gone"])]
    #[case::its_end("--size", &["--max-size"])]
    #[case::a_habit("--jobs", &["--concurrency"])]
    #[case::another("--no-color", &["--color"])]
    #[case::a_short_one("-n", &["--dry-run"])]
    #[case::nothing_like_it("--frobnicate", &[])]
    #[case::nothing_like_a_word_of_three_letters("--xyz", &[])]
    fn an_option_that_may_be_meant_is_named_and_no_other(#[case] typed: &str, #[case] expected: &[&str]) {
        assert_eq!(tips(typed, "run"), expected);
    }

    #[test]
    fn an_option_that_stands_before_its_command_is_one_of_it() {
        let all = help::command(false);
        for (typed, tip) in [("-o", "-o is an option of run, and stands"), ("--all", "--all is an option of run, and")]
        {
            let tips = for_option(typed, &all, &all);
            assert!(tips.iter().any(|told| told.starts_with(tip)), "{tips:?}");
        }
    }

    #[test]
    fn an_option_of_another_command_is_said_to_be_one() {
        assert_eq!(tips("--repair", "run"), ["--repair"]);
        assert_eq!(tips("--quick", "list"), ["--quick"]);
    }

    #[test]
    fn every_habit_leads_to_an_option_of_run() {
        let all = help::command(false);
        let run = all.find_subcommand("run").unwrap();
        for name in HABITS.iter().flat_map(|(_, meant)| *meant) {
            assert!(run.get_arguments().any(|arg| arg.get_long() == Some(name)), "--{name}");
        }
        for habit in HABITS.iter().flat_map(|(names, _)| *names) {
            assert!(!run.get_arguments().any(|arg| arg.get_long() == Some(habit)), "--{habit} is one by itself");
        }
    }

    #[rstest]
    #[case("rnu", false, Some("is it element-mirror run?"))]
    #[case("verfy", false, Some("is it element-mirror verify?"))]
    #[case("ls", false, Some("is it element-mirror list?"))]
    #[case("repair", false, Some("is it element-mirror verify --repair?"))]
    #[case("ids.txt", true, Some("element-mirror run ids.txt"))]
    #[case("version", false, Some("is it element-mirror --version?"))]
    #[case("walk", false, None)]
    fn a_command_that_may_be_meant_is_named(
        #[case] typed: &str,
        #[case] is_file: bool,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(for_command(typed, &help::command(false), is_file).as_deref(), expected);
    }
}
