//! Runs that begin nothing new after so many errors or so long, and what counts as success.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use super::run;
use crate::support::{MirrorDir, Reply, Upstream, picture, program};

/// `run` one element after the other, with the report on standard output.
fn one_by_one(upstream: &Upstream, mirror: &MirrorDir) -> crate::support::Program {
    run(upstream, mirror).args(["-", "-j", "1", "--api-concurrency", "1", "--report", "-"])
}

fn refuse(upstream: &Upstream, id: &str) {
    upstream.on_element(id, [Reply::json(403, &json!({"error": "refused"}))]);
}

#[test]
fn after_so_many_errors_nothing_new_is_begun_and_what_is_in_flight_is_finished() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    // A download that takes its time is in flight when the others fail.
    upstream.add("slow", 1);
    upstream.on("/cdn/slow/0.png", [Reply::ok(picture("slow", 0)).after(Duration::from_millis(700))]);
    (0..50).for_each(|number| refuse(&upstream, &format!("u_{number}")));
    let mut running = one_by_one(&upstream, &mirror).args(["--max-errors", "3"]).spawn();
    running.write("slow\n");
    upstream.wait_for("/cdn/slow/", 1);
    running.write(&(0..50).fold("../bad\n".to_owned(), |list, number| list + &format!("u_{number}\n")));
    let ended = running.end_within(Duration::from_secs(20)).expect(3);
    // The bad line counts, and those that were asked for when it was the third are finished, too.
    assert_eq!(ended.status("slow"), "created");
    let failed = ended.lines().iter().filter(|line| line["status"] == "failed").count();
    assert!((3..10).contains(&failed), "{}", ended.stdout);
    assert_eq!(upstream.requests_to("/v1/kling/").len(), failed);
    assert!(ended.stderr.contains("stopped after 3 failures (--max-errors)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("not taken up"), "{}", ended.stderr);
    mirror.check();
}

#[test]
fn after_so_many_errors_nothing_new_is_begun_where_the_links_are_refused_either() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let ids: Vec<String> = (0..100).map(|number| format!("u_{number}")).collect();
    for id in &ids {
        upstream.add(id, 1);
        upstream.on(&format!("/cdn/{id}/0.png"), [Reply::new(404, "")]);
    }
    let ended = one_by_one(&upstream, &mirror).args(["--max-errors", "3"]).output_with(ids.join("\n")).expect(3);
    // Each is asked for again, in the place in flight that it has.
    let asked: HashSet<String> = upstream.requests_to("/v1/kling/").into_iter().map(|request| request.path).collect();
    let begun = asked.len();
    assert!((3..10).contains(&begun), "{begun} were begun");
    assert_eq!(ended.lines().len(), begun);
}

#[test]
fn what_is_incomplete_or_gone_is_none_of_the_errors() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    ["gone", "u_1", "u_2"].iter().for_each(|id| _ = upstream.add(id, 2));
    run(&upstream, &mirror).ids(["gone"]).output().expect(0);
    upstream.on_element("gone", [Reply::json(404, &json!({"error": "no"}))]);
    upstream.on("/cdn/u_1/1.png", [Reply::new(404, "")]);
    let ended = one_by_one(&upstream, &mirror).args(["--max-errors", "1"]).output_with("gone\nu_1\nu_2\n").expect(3);
    assert_eq!(["gone", "u_1", "u_2"].map(|id| ended.status(id)).join(" "), "gone incomplete created");
    // Neither is stopping early what --partial-ok excuses.
    refuse(&upstream, "u_3");
    let excused = |args: &[&str]| one_by_one(&upstream, &mirror).args(args).output_with("u_3\nu_2\n");
    excused(&["--partial-ok"]).expect(0);
    excused(&["--partial-ok", "--max-errors", "1"]).expect(3);
}

#[test]
fn when_its_time_is_up_nothing_new_is_begun_and_what_is_in_flight_is_finished() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let ids: Vec<String> = (0..100).map(|number| format!("u_{number}")).collect();
    for id in &ids {
        upstream.add(id, 1);
        let slow = Reply::ok(picture(id, 0)).after(Duration::from_millis(400));
        upstream.on(&format!("/cdn/{id}/0.png"), [slow]);
    }
    let list = ids.join("\n");
    let first = one_by_one(&upstream, &mirror).args(["--max-time", "1s"]).output_with(&list).expect(6);
    let done = first.lines().len();
    assert!((1..100).contains(&done), "{}", first.stdout);
    assert!(first.lines().iter().all(|line| line["status"] == "created"), "{}", first.stdout);
    assert!(first.stderr.contains("--max-time"), "{}", first.stderr);
    mirror.check();
    // What was not begun was not asked for, and the next run has it.
    assert_eq!(upstream.requests_to("/v1/kling/").len(), done);
    let report = mirror.put("first.ndjson", &first.stdout);
    ids.iter().for_each(|id| upstream.on(&format!("/cdn/{id}/0.png"), [Reply::ok(picture(id, 0))]));
    let rest = run(&upstream, &mirror).args(["-", "--report", "-", "--skip-done"]).arg(report);
    assert_eq!(rest.output_with(&list).expect(0).lines().len(), 100 - done);
    assert_eq!((mirror.ids().len(), upstream.requests_to("/v1/kling/").len()), (100, 100));
}

#[test]
fn time_that_is_up_at_once_and_a_list_that_says_nothing_end_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let mut running = one_by_one(&upstream, &mirror).args(["--max-time", "300ms"]).spawn();
    // Standard input stays open.
    assert!(running.ended_within(Duration::from_secs(20)));
    running.end_within(Duration::ZERO).expect(6);
    upstream.add("u_1", 1);
    run(&upstream, &mirror).ids(["u_1"]).args(["--max-time", "0s"]).output().expect(6);
    assert_eq!(upstream.requests().len(), 0);
    // A pause of the account is no reason to stay for what was not begun.
    let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "2");
    upstream.on_element("u_1", [busy, Reply::json(200, &upstream.add("u_1", 1))]);
    let mut running = one_by_one(&upstream, &mirror).args(["--max-time", "700ms"]).spawn();
    running.write("u_1\n");
    upstream.wait_for("/v1/kling/elements/u_1", 1);
    running.write("u_2\nu_3\n");
    let paused = running.end_within(Duration::from_secs(20)).expect(6);
    assert_eq!((paused.lines().len(), paused.status("u_1").as_str()), (1, "created"));
}

#[test]
fn time_that_is_up_when_nothing_is_left_ended_nothing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 1);
    upstream.on("/cdn/u_1/0.png", [Reply::ok(picture("u_1", 0)).after(Duration::from_millis(1500))]);
    let all = one_by_one(&upstream, &mirror).args(["--max-time", "500ms"]).output_with("u_1\n").expect(0);
    assert_eq!(all.status("u_1"), "created");
    assert!(!all.stderr.contains("--max-time"), "{}", all.stderr);
}

#[test]
fn a_verification_ends_in_time_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 1);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    let verify = |args: &[&str]| program().arg("verify").arg(mirror.path()).args(["--report", "-"]).args(args).output();
    assert_eq!(verify(&["--max-time", "1h"]).expect(0).lines().len(), 1);
    assert_eq!(verify(&["--max-time", "0s"]).expect(6).lines().len(), 0);
}

#[test]
fn a_signal_comes_before_the_time_that_is_up() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.on_element("u_1", [Reply::hang()]);
    let running = run(&upstream, &mirror).ids(["u_1"]).args(["--max-time", "100ms", "--report", "-"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_1", 1);
    std::thread::sleep(Duration::from_millis(300));
    running.signal("TERM");
    assert_eq!(running.end_within(super::SOON).expect(143).error_kind("u_1"), "interrupted");
}

#[test]
fn what_lacked_the_same_before_may_be_accepted() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 3);
    upstream.on("/cdn/u_1/1.png", [Reply::new(404, "")]);
    let accepting = || {
        let program = run(&upstream, &mirror).ids(["u_1"]).args(["--accept-known-missing", "-q", "--report", "-"]);
        program.output()
    };
    // Nobody knew of it yet.
    accepting().expect(3);
    let known = accepting().expect(0);
    assert_eq!((known.status("u_1").as_str(), known.stderr.as_str()), ("incomplete", ""));
    assert_eq!(known.error_kind("u_1"), "http_404");
    run(&upstream, &mirror).ids(["u_1"]).output().expect(3);
    // Another gap is another matter.
    upstream.on("/cdn/u_1/2.png", [Reply::new(404, "")]);
    run(&upstream, &mirror).ids(["u_1"]).args(["--accept-known-missing", "--refresh"]).output().expect(3);
    accepting().expect(0);
}

#[test]
fn what_is_newly_gone_may_be_accepted() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let ids = ["u_1", "u_2", "u_3"];
    ids.iter().for_each(|id| _ = upstream.add(id, 1));
    run(&upstream, &mirror).ids(ids).output().expect(0);
    ids.iter().for_each(|id| upstream.on_element(id, [Reply::json(404, &json!({"error": "no"}))]));
    run(&upstream, &mirror).ids(ids).output().expect(3);
    assert_eq!(mirror.names(".element-mirror/gone"), [""; 0]);
    let meant = run(&upstream, &mirror).ids(ids).args(["--accept-gone", "-q"]).output().expect(0);
    assert_eq!(meant.stderr, "");
    assert_eq!(mirror.names(".element-mirror/gone"), ids);
}

#[test]
fn failures_that_are_left_to_the_report_are_said_all_the_same() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    refuse(&upstream, "u_1");
    let quiet = run(&upstream, &mirror).ids(["u_1"]).args(["--partial-ok", "-q"]).output().expect(0);
    assert!(quiet.stderr.contains("1 failed"), "{}", quiet.stderr);
}

#[test]
fn failures_may_be_left_to_the_report() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 1);
    refuse(&upstream, "u_2");
    let ended = run(&upstream, &mirror).args(["-", "--partial-ok", "--report", "-"]).output_with("u_1\nu_2\n-bad\n");
    let ended = ended.expect(0);
    assert_eq!(
        (ended.status("u_1").as_str(), ended.status("u_2").as_str(), ended.lines().len()),
        ("created", "failed", 3)
    );
    // What is no matter of elements is none that can be left.
    upstream.on_element("u_2", [Reply::json(401, &json!({"error": "no"}))]);
    run(&upstream, &mirror).ids(["u_2"]).arg("--partial-ok").output().expect(4);
    let out = mirror.put("file", "");
    program().run(&upstream, &out).ids(["u_1"]).arg("--partial-ok").output().expect(1);
}
