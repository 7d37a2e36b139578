//! The accounts' own lists: `list`, `run --all`, and what becomes of what no list names.

mod gone;
mod listing;
mod pages;
mod walks;

use serde_json::Value;

use crate::support::{Accounts, MirrorDir, Outcome, Program, Upstream, program};

/// The elements `prefix0`, `prefix1`, … with a cover each, as an account's list shows them.
fn elements(upstream: &Upstream, prefix: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| upstream.add(&format!("{prefix}{number}"), 1)).collect()
}

/// `run --all` of `upstream` into `mirror`, with its report on standard output.
fn run_all(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).args(["--all", "--report", "-"])
}

/// An upstream with one account of so many elements, `u_0`, `u_1`, …, mirrored.
fn mirrored(count: usize) -> (Upstream, Accounts, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", elements(&upstream, "u_", count));
    run_all(&upstream, &mirror).output().expect(0);
    upstream.forget();
    (upstream, accounts, mirror)
}

/// The report's lines that name no element: source, email and kind of error.
fn unlisted(outcome: &Outcome) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = outcome.lines().into_iter().filter(|line| line["id"].is_null());
    lines.map(|line| (text(&line["source"]), text(&line["email"]), text(&line["error"]["kind"]))).collect()
}

/// How many elements of the report have the status.
fn count(outcome: &Outcome, status: &str) -> usize {
    outcome.lines().iter().filter(|line| line["status"] == status && !line["id"].is_null()).count()
}

/// The IDs that the API was asked for.
fn asked_for(upstream: &Upstream) -> Vec<String> {
    let requests = upstream.requests_to("/v1/kling/elements/").into_iter();
    requests.map(|request| request.path.rsplit('/').next().unwrap().to_owned()).collect()
}
