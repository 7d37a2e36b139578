//! What a run that ends early says last: why, once, and not buried under what it cut off.

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
