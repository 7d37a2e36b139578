//! What is wrong with a command line is said in a sentence, with what to do about it, to whoever listens.

use rstest::rstest;
use serde_json::Value;

use crate::support::{MirrorDir, Upstream, program};

#[rstest]
#[case::a_slip(&["run", "--concurency", "4"], "--concurrency <N>")]
#[case::a_habit_of_other_programs(&["run", "--jobs", "4"], "--concurrency <N>")]
#[case::the_token(&["run", "--token", "user:1-a"], "$USEAPI_TOKEN")]
#[case::an_option_of_another_command(&["run", "--repair"], "--repair is an option of verify")]
#[case::a_command(&["rnu"], "is it element-mirror run?")]
#[case::a_list_without_a_command(&["Cargo.toml"], "element-mirror run Cargo.toml")]
#[case::a_place_that_is_missing(&["verify"], "s3://bucket/prefix")]
#[case::what_there_is_to_choose(&["schema"], "manifest or report")]
#[case::where_to_read(&["run", "--frobnicate"], "element-mirror run --help")]
fn a_hint_says_what_to_do(#[case] words: &[&str], #[case] hint: &str) {
    let said = program().current_dir(env!("CARGO_MANIFEST_DIR").as_ref()).args(words).output().expect(2).stderr;
    let hints: Vec<&str> = said.lines().skip(1).collect();
    assert!(hints.iter().any(|line| line.contains("→") && line.contains(hint)), "{said}");
}

#[rstest]
#[case::unlike_any(&["run", "--gallop"])]
#[case::a_number_that_is_none(&["prune", "mirror", "--keep-versions", "-1"])]
fn a_hint_that_would_mislead_is_not_given(#[case] words: &[&str]) {
    let said = program().args(words).output().expect(2).stderr;
    assert_eq!(said.lines().count(), 2, "the sentence, and where to read: {said}");
    assert!(said.contains(words[words.len() - 1].trim_start_matches('=')), "{said}");
}

#[rstest]
#[case::an_option_that_is_none(&["run", "--frobnicate", "--log-format", "json"], "", "--frobnicate")]
#[case::a_value(&["run", "-j", "many", "--log-format=json"], "", "many")]
#[case::by_a_variable(&["walk"], "json", "walk")]
#[case::no_command(&[], "json", "command")]
#[case::no_token(&["run", "ids.txt"], "json", "token")]
#[case::two_that_exclude_each_other(&["run", "-q", "-v"], "json", "--verbose")]
fn a_collector_is_told_by_a_line(#[case] words: &[&str], #[case] variable: &str, #[case] about: &str) {
    let run = program().env_remove("USEAPI_TOKEN").env("ELEMENT_MIRROR_LOG_FORMAT", variable).args(words);
    let run = if variable.is_empty() { run.env_remove("ELEMENT_MIRROR_LOG_FORMAT") } else { run };
    let [line] = &run.output().expect(2).log()[..] else { panic!("one line is to come") };
    assert_eq!(line["level"], "error");
    assert!(line["message"].as_str().is_some_and(|message| message.contains(about)), "{line}");
    assert!(line["hint"] != Value::Null || about == "command" || about == "token", "{line}");
}

#[test]
fn the_value_of_a_variable_that_may_hold_a_password_is_not_repeated() {
    let run = program().env("ELEMENT_MIRROR_API_BASE", "http://user:hunter2@api.example/").args(["run", "--id", "u_1"]);
    let said = run.output().expect(2).stderr;
    assert!(said.contains("ELEMENT_MIRROR_API_BASE") && !said.contains("hunter2"), "{said}");
}

#[rstest]
#[case::token_file("ELEMENT_MIRROR_TOKEN_FILE")]
#[case::report("ELEMENT_MIRROR_REPORT")]
#[case::destination("ELEMENT_MIRROR_OUT")]
#[case::time("ELEMENT_MIRROR_MAX_TIME")]
#[case::a_choice("ELEMENT_MIRROR_COLOR")]
fn an_empty_variable_is_named_where_its_option_is_not_typed(#[case] name: &str) {
    let said = program().env(name, "").args(["run", "--id", "u_1"]).output().expect(2).stderr;
    assert!(said.contains(&format!("the variable {name}, which is --")), "{said}");
    assert!(said.contains(&format!("{name} is set, and empty")), "{said}");
    let option = format!("--{}=", name.trim_start_matches("ELEMENT_MIRROR_").to_lowercase().replace('_', "-"));
    let typed = program().args(["run", "--id", "u_1", &option]).output().expect(2).stderr;
    assert!(!typed.contains("ELEMENT_MIRROR"), "{typed}");
}

#[test]
fn what_can_not_be_read_is_called_what_it_is() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let run = |options: &[&str]| program().run(&upstream, &mirror.path()).ids(["u_1"]).args(options);
    let report = run(&["--skip-done", "nosuch"]).output().expect(1).stderr;
    assert!(report.contains("can't read the report nosuch") && !report.contains("list"), "{report}");
    let list = run(&["nosuch"]).output().expect(1).stderr;
    assert!(list.contains("can't read the ID list nosuch") && list.contains("--out"), "{list}");
    run(&[]).output().expect(0);
    for command in ["verify", "history"] {
        let said = program().arg(command).arg(mirror.path()).arg("nosuch.txt").output().expect(1).stderr;
        assert!(said.contains("nosuch.txt, and it is no ID") && said.contains("behind the mirror"), "{said}");
        assert!(!said.contains("--out"), "{said}");
    }
}

#[rstest]
#[case::help_of_a_slip(&["help", "rnu"], "is it element-mirror run?")]
#[case::an_option_before_its_command(&["-o", "x", "run"], "-o is an option of run, and stands behind the command")]
#[case::a_switch_before_its_command(&["--demo", "run"], "element-mirror has no such option")]
#[case::the_version(&["version"], "is it element-mirror --version?")]
#[case::a_command_that_takes_nothing(&["man", "foo"], "man takes nothing")]
#[case::no_scheme(&["run", "--id", "u_1", "--api-base", "api.useapi.net"], "put https:// before it")]
fn a_slip_is_told_with_what_is_meant(#[case] words: &[&str], #[case] expected: &str) {
    let said = program().args(words).output().expect(2).stderr;
    assert!(said.contains(expected) && !said.contains("help --help"), "{said}");
}
