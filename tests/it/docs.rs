//! The documents show no command line that the program would not take.

mod commands;
mod links;

use std::path::{Path, PathBuf};

use commands::{DocCommand, commands};
use links::dead_links;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program;

/// The project's folder.
fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md, CONTRIBUTING.md and docs/*.md.
fn documents() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project().join("docs")).into_iter().flatten();
    let mut documents: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    documents.extend(["README.md", "CONTRIBUTING.md"].map(|name| project().join(name)));
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md") && path.is_file());
    documents.sort();
    documents
}

/// What is wrong with the command lines of a document; those with `--demo` are run, one after the other in one folder.
fn complaints(markdown: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(project().join("sample-ids.txt"), folder.path().join("sample-ids.txt")).unwrap();
    let wrong = |command: DocCommand| Some((command.line, complaint(&command, &folder)?));
    let wrong = commands(markdown).into_iter().filter_map(wrong);
    wrong.map(|(line, complaint)| format!("line {line}: {complaint}")).collect()
}

/// What is wrong with a command line.
fn complaint(command: &DocCommand, folder: &TempDir) -> Option<String> {
    // Nobody's token is read here: a command line that is right but for the token ends with 2, and asks for one.
    let absent = folder.path().join("no-such-token").display().to_string();
    let mut args: Vec<String> = Vec::new();
    for arg in &command.args {
        let given_apart = args.last().is_some_and(|last| last == "--token-file");
        let given_within = arg.starts_with("--token-file=");
        args.push(match (given_apart, given_within) {
            (true, _) => absent.clone(),
            (_, true) => format!("--token-file={absent}"),
            _ => arg.clone(),
        });
    }
    let has = |names: &[&str]| args.iter().any(|arg| names.contains(&arg.as_str()));
    let on = |name: &str| command.environment.iter().any(|(other, value)| other == name && value != "0");
    let demo = has(&["--demo"]) || on("ELEMENT_MIRROR_DEMO");
    let asks_for_a_token = matches!(args[0].as_str(), "run" | "list") && !demo && !has(&["--help", "-h"]);
    if demo && let Some(outside) = args.iter().find(|arg| arg.starts_with(['/', '~'])) {
        return Some(format!("a command that is run here is to stay in its folder: {outside}"));
    }
    if !demo && !asks_for_a_token {
        // It may do something, somewhere; what it is told is read up to here.
        args.push("--help".into());
    }
    let mut run = program().env_remove("USEAPI_TOKEN").current_dir(folder.path());
    for (name, value) in &command.environment {
        if name.starts_with("ELEMENT_MIRROR_") && name != "ELEMENT_MIRROR_TOKEN_FILE" {
            run = run.env(name, value);
        }
    }
    let ids = std::fs::read(folder.path().join("sample-ids.txt")).unwrap();
    let outcome = run.args(&args).output_with(ids);
    let asked = outcome.stderr.contains("no API token") || outcome.stderr.contains(&absent);
    let right = if asks_for_a_token { outcome.code == 2 && asked } else { outcome.code == 0 };
    (!right).then(|| format!("`{}` ended with {}: {}", args.join(" "), outcome.code, outcome.stderr))
}

#[test]
fn every_command_line_of_the_documents_is_one_that_the_program_takes() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    assert!(commands(&readme).iter().any(|command| command.args.contains(&"--demo".into())), "no command was found");
    let mut wrong = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(project()).unwrap().display();
        wrong.extend(complaints(&text).into_iter().map(|complaint| format!("{name}, {complaint}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_documents_link_to_is_there() {
    let dead = documents().into_iter().flat_map(|path| dead_links(&path).into_iter().map(move |to| (path.clone(), to)));
    let dead: Vec<_> = dead.collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_files_that_keep_and_test_a_promise_are_there() {
    let promises = std::fs::read_to_string(project().join("docs/security.md")).unwrap();
    let named = promises
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| ["src/", "tests/", "fuzz/"].iter().any(|room| name.starts_with(room)));
    let named: Vec<&str> = named.collect();
    assert!(named.len() > 30, "{named:?}");
    let missing: Vec<_> = named.into_iter().filter(|name| !project().join(name).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_kind_of_error_has_its_advice() {
    let schema = program().args(["schema", "report"]).output().expect(0).stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let kinds: Vec<&str> = strings(&schema["$defs"]["ErrorKind"]);
    assert!(kinds.contains(&"not_media"), "{kinds:?}");
    let advice = std::fs::read_to_string(project().join("docs/operations.md")).unwrap();
    let rows = advice.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
    let told: Vec<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    let untold: Vec<_> = kinds.iter().filter(|kind| !told.contains(kind)).collect();
    assert!(untold.is_empty(), "{untold:?}");
    let unknown: Vec<_> = told.iter().filter(|kind| !kind.starts_with("http_") && !kinds.contains(kind)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// All the constants that a schema names.
fn strings(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(fields) => {
            let within = fields.iter().filter(|(name, _)| *name != "description");
            let constant = fields.get("const").and_then(Value::as_str);
            constant.into_iter().chain(within.flat_map(|(_, value)| strings(value))).collect()
        }
        Value::Array(values) => {
            values.iter().flat_map(|value| value.as_str().into_iter().chain(strings(value))).collect()
        }
        _ => Vec::new(),
    }
}

#[rstest]
#[case::an_unknown_command("element-mirror rnu ids.txt", "rnu")]
#[case::an_unknown_option("element-mirror run ids.txt --paralel 3", "--paralel")]
#[case::a_bad_value("element-mirror run ids.txt -j many", "many")]
#[case::a_bad_value_beside_a_token_file("element-mirror run ids.txt --token-file t --stall-timeout soon", "soon")]
#[case::a_bad_value_in_the_environment("ELEMENT_MIRROR_RETRIES=x element-mirror run ids.txt", "--retries")]
#[case::two_that_exclude_each_other("element-mirror run ids.txt -q -v", "--verbose")]
#[case::a_demo_of_elements_that_are_not_there("element-mirror run --demo --id u_1", "u_1")]
#[case::a_demo_without_elements("element-mirror run --demo", "no elements named")]
#[case::a_demo_elsewhere("element-mirror run --demo sample-ids.txt -o /srv/mirror", "/srv/mirror")]
fn a_command_line_that_is_wrong_is_found(#[case] line: &str, #[case] said: &str) {
    let found = complaints(&format!("Text.\n\n```sh\n{line}\n```\n"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("line 4: ") && found[0].contains(said), "{found:?}");
}

#[rstest]
#[case::the_sample_api(
    "element-mirror run --demo sample-ids.txt && element-mirror run --demo sample-ids.txt --refresh"
)]
#[case::standard_input("cat sample-ids.txt | element-mirror run --demo -")]
#[case::help("element-mirror --help; element-mirror run -h")]
#[case::a_token_file("element-mirror run ids.txt --token-file /run/secrets/token")]
#[case::an_account("USEAPI_TOKEN=user:1234-abcdef element-mirror run ids.txt --email someone@example.com")]
fn a_command_line_that_is_right_is_let_be(#[case] line: &str) {
    assert_eq!(complaints(&format!("```sh\n{line}\n```\n")), Vec::<String>::new());
}

/// The arguments of a block's commands, joined, as `line: arguments`.
fn found_in(kind: &str, block: &str) -> Vec<String> {
    let found =
        commands(&format!("A `element-mirror run inline`.\n```{kind}\n{block}\n```\nelement-mirror run prose\n"));
    found.iter().map(|command| format!("{}: {}", command.line, command.args.join(" "))).collect()
}

#[rstest]
#[case::alone("element-mirror run ids.txt", "run ids.txt")]
#[case::with_a_prompt("$ element-mirror run ids.txt", "run ids.txt")]
#[case::with_a_comment("element-mirror run ids.txt   # all of them", "run ids.txt")]
#[case::by_its_path("./target/release/element-mirror run ids.txt", "run ids.txt")]
#[case::through_cargo("cargo run --release -q -- run --demo sample-ids.txt", "run --demo sample-ids.txt")]
#[case::behind_a_pipe("jq -r '.id | tostring' a.ndjson | element-mirror run -", "run -")]
#[case::before_a_pipe("element-mirror run a --report - | jq -c 'select(.error)'", "run a --report -")]
#[case::redirected("element-mirror run a -j 4 >run.log 2>&1 </dev/null", "run a -j 4")]
#[case::quoted("element-mirror run 'my ids.txt' -o \"a \\\"b\\\"\"", "run my ids.txt -o a \"b\"")]
#[case::in_a_crontab("15 4 * * * cd /srv && element-mirror run ids.txt -q || mail -s failed me", "run ids.txt -q")]
#[case::in_a_unit("ExecStart=/usr/local/bin/element-mirror run ids.txt", "run ids.txt")]
#[case::behind_sudo("sudo -u mirror USEAPI_EMAIL=a@b.c nice element-mirror run ids.txt", "run ids.txt")]
#[case::in_a_container("docker run --rm -v \"$PWD:/data\" example.org/element-mirror run ids.txt", "run ids.txt")]
#[case::in_a_substitution("bytes=$(element-mirror run a --report -)", "run a --report -")]
fn a_command_is_found(#[case] line: &str, #[case] args: &str) {
    assert_eq!(found_in("sh", line), [format!("3: {args}")]);
}

#[rstest]
#[case::an_installation("sh", "cargo install --locked element-mirror --path .")]
#[case::a_copy("sh", "cp target/release/element-mirror /usr/local/bin/")]
#[case::a_comment("sh", "# element-mirror is a program")]
#[case::output("text", "element-mirror run [OPTIONS] [IDS]...")]
#[case::output_of_a_transcript("console", "element-mirror: 3 elements")]
fn what_is_no_command_is_passed_over(#[case] kind: &str, #[case] line: &str) {
    assert_eq!(found_in(kind, line), Vec::<String>::new());
}

#[test]
fn continued_lines_are_one_and_blocks_of_both_fences_are_read() {
    let block = "element-mirror run ids.txt \\\n  --retries 3\n\nA=1 ELEMENT_MIRROR_REFRESH=1 element-mirror run b";
    assert_eq!(
        found_in("console title=x", &format!("$ {block}")),
        ["3: run ids.txt   --retries 3".replace("   ", " ")]
    );
    let found = commands(&format!("1. list\n   ~~~bash\n   {block}\n   ~~~\n"));
    let environment = vec![("A".to_owned(), "1".to_owned()), ("ELEMENT_MIRROR_REFRESH".to_owned(), "1".to_owned())];
    assert_eq!(found.len(), 2);
    assert_eq!((found[1].line, &found[1].environment), (6, &environment));
}

#[test]
#[should_panic(expected = "line 2: a command is not understood")]
fn a_command_that_is_not_understood_is_no_success() {
    commands("```sh\necho \"$(element-mirror run a)\"\n```\n");
}
