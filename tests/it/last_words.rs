//! What a run that ends early says last: why, once, and not buried under what it cut off.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Outcome, Reply, Upstream, program};

/// A run of 30 elements, to each of which the API replies so.
fn run_of_30(reply: &Reply) -> Outcome {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids: Vec<String> = (0..30).map(|n| format!("u_{n}")).collect();
    for id in &ids {
        upstream.on_element(id, [reply.clone()]);
    }
    program().run(&upstream, &mirror.path()).ids(ids).output()
}

#[track_caller]
fn assert_said_once(run: &Outcome, words: &str) {
    assert_eq!(run.stderr.matches(words).count(), 1, "{}", run.stderr);
    // What was cut off is counted, not listed.
    assert!(run.stderr.lines().filter(|line| line.contains("interrupted")).count() <= 1, "{}", run.stderr);
}

#[test]
fn a_refused_token_is_said_once() {
    let run = run_of_30(&Reply::json(401, &json!({"error": "Unauthorized", "code": 401}))).expect(4);
    assert_said_once(&run, "the API refuses the token");
}

#[test]
fn an_api_that_is_down_is_said_once() {
    let run = run_of_30(&Reply::new(503, "down")).expect(1);
    assert_said_once(&run, "the API can't be reached");
}

#[test]
fn what_an_interruption_cut_off_is_not_said_to_have_failed() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    upstream.on("/cdn/u_2/0.png", [Reply::hang()]);
    let mut running =
        program().run(&upstream, &mirror.path()).args(["-", "--report", "-", "--color", "always"]).spawn();
    running.write("u_1\n");
    running.read_line();
    running.write("u_2\n");
    upstream.wait_for("/cdn/u_2/", 1);
    running.signal("INT");
    let run = running.end_within(Duration::from_secs(20)).expect(130);
    assert_eq!((run.status("u_2"), run.error_kind("u_2")), ("failed".into(), "interrupted".into()));
    let counts = run.stderr.lines().find(|line| line.contains("elements in")).unwrap();
    assert!(counts.contains("1 cut off") && !counts.contains("failed"), "{}", run.stderr);
    assert!(!run.stderr.contains("\x1b[31m"), "nothing is red: {}", run.stderr);
}

#[test]
fn what_left_all_elements_out_is_named() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let done = mirror.put("done.ndjson", json!({"id": "u_1", "status": "created"}).to_string());
    let said = |options: &[&str]| {
        let run = program().run(&upstream, &mirror.path()).args(options).arg(&done).output().expect(0);
        run.stderr.lines().next().unwrap().to_owned()
    };
    assert_eq!(said(&["--only-failed"]), "nothing to do: --only-failed leaves no elements");
    assert_eq!(said(&[done.to_str().unwrap(), "--skip-done"]), "nothing to do: --skip-done leaves no elements");
    let both = said(&["--shard", "1/1", "--only-failed"]);
    assert_eq!(both, "nothing to do: --only-failed and --shard leave no elements");
}

#[test]
fn a_dry_run_tells_what_would_change_up_to_what_fits() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids: Vec<String> = (0..21).map(|n| format!("u_{n}")).collect();
    ids.iter().for_each(|id| _ = upstream.add(id, 1));
    let run = |ids: &[String]| program().run(&upstream, &mirror.path()).ids(ids);
    run(&ids[..3]).output().expect(0);
    upstream.on_element("u_0", [Reply::json(404, &json!({"error": "no"}))]);
    upstream.add("u_1", 2);
    let few = run(&ids[..4]).arg("--dry-run").output().expect(0).stderr;
    let told: Vec<&str> = few.lines().filter(|line| line.contains("  u_")).collect();
    for line in ["      gone  u_0", " to update  u_1", " to create  u_3"] {
        assert!(told.contains(&line), "{few}");
    }
    assert_eq!(told.len(), 3, "u_2 is unchanged: {few}");
    // What was noted as gone before is no change.
    run(&ids[..3]).output().expect(0);
    assert!(!run(&ids[..1]).arg("--dry-run").output().expect(0).stderr.contains("gone  u_0"));
    let fresh = MirrorDir::new();
    upstream.add("u_0", 1);
    let all = program().run(&upstream, &fresh.path()).ids(&ids).arg("--dry-run");
    let all = all.output().expect(0).stderr;
    assert_eq!(all.matches("to create  u_").count(), 20, "{all}");
    assert!(all.contains("and 1 more: -v or --report tells which"), "{all}");
    let verbose = program().run(&upstream, &fresh.path()).ids(&ids).args(["--dry-run", "-v"]).output().expect(0).stderr;
    assert_eq!(verbose.matches(" to create  u_").count(), 21, "{verbose}");
    assert!(!verbose.contains("-v or --report"), "{verbose}");
    let quiet = program().run(&upstream, &fresh.path()).ids(&ids).args(["--dry-run", "-q"]).output().expect(0).stderr;
    assert_eq!(quiet, "");
}

#[rstest]
#[case::refused(Reply::json(403, &json!({"error": "Forbidden"})), "check token and account")]
#[case::broken(Reply::json(500, &json!({"error": "oops"})), "run again later")]
#[case::no_json(Reply::ok("<html>sorry</html>"), "the other side is at fault")]
fn what_to_do_is_said_where_an_account_can_not_be_listed(#[case] reply: Reply, #[case] hint: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/v1/kling/accounts", [reply.clone()]);
    upstream.on("/v1/kling/elements", [reply]);
    let list = || program().args(["list", "--retries", "0", "--api-base", &upstream.api()]);
    let run = || program().run(&upstream, &mirror.path()).args(["--all", "--retries", "0"]);
    for words in [&[][..], &["--email", "a@example.org"]] {
        for (name, said) in [("list", list().args(words).output().stderr), ("run", run().args(words).output().stderr)] {
            let hints = said.lines().filter(|line| line.contains("→") && line.contains(hint)).count();
            assert_eq!(hints, 1, "{name} {words:?}: {said}");
        }
    }
}

#[test]
fn a_line_of_standard_input_is_named_in_words_to_people_alone() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = program().run(&upstream, &mirror.path()).args(["-", "--report", "-"]).output_with("../x\n").expect(3);
    assert_eq!(run.lines()[0]["source"], "-:1");
    assert!(run.stderr.contains("standard input:1") && !run.stderr.contains("-:1"), "{}", run.stderr);
}

#[test]
fn an_id_with_two_accounts_is_told_with_the_one_that_is_passed_over() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let lists = [mirror.put("a.txt", "u_1 a@b.c\n"), mirror.put("b.txt", "u_1 x@y.z\n")];
    let said = program().run(&upstream, &mirror.path()).args(lists).output().expect(0).stderr;
    assert!(said.contains("u_1 was named before with another account, which is taken: x@y.z is not"), "{said}");
}
