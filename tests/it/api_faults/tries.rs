//! What passes is tried again, as often as allowed; what lasts is not.

use std::net::TcpListener;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Reply, Upstream, element, png, program};

fn failing(status: u16) -> Reply {
    Reply::json(status, &json!({"error": "try later"}))
}

#[test]
fn every_passing_status_is_tried_again() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let statuses = [408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524];
    let ids = statuses.map(|status| format!("u_{status}"));
    for (status, id) in statuses.iter().zip(&ids) {
        let told = upstream.add(id, 1);
        upstream.on_element(id, [failing(*status), failing(*status), Reply::json(200, &told)]);
    }
    let program = program().run(&upstream, &mirror.path()).args(["--retries", "2", "--api-concurrency", "11"]);
    let run = program.ids(&ids).report().expect(0);
    for id in &ids {
        assert_eq!((run.status(id).as_str(), &run.line(id)["attempts"]), ("created", &json!(4)), "{id}");
        assert_eq!(upstream.requests_to(&format!("/v1/kling/elements/{id}")).len(), 3);
    }
    mirror.check();
}

#[rstest]
#[case([408, 425, 500, 502])]
#[case([503, 504, 520, 521])]
#[case([522, 523, 524, 503])]
fn a_passing_status_that_lasts_fails_after_the_last_try(#[case] statuses: [u16; 4]) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_ok", 1);
    let ids = statuses.map(|status| format!("u_{status}"));
    for (status, id) in statuses.iter().zip(&ids) {
        upstream.on_element(id, [failing(*status)]);
    }
    let program = program().run(&upstream, &mirror.path()).arg("--id=u_ok");
    let run = program.ids(&ids).report().expect(3);
    for (status, id) in statuses.iter().zip(&ids) {
        assert_eq!((run.error_kind(id), &run.line(id)["attempts"]), (format!("http_{status}"), &json!(2)));
        assert_eq!(upstream.requests_to(&format!("/v1/kling/elements/{id}")).len(), 2);
    }
}

#[test]
fn every_lasting_status_fails_at_once() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_ok", 1);
    let statuses = [300, 400, 403, 405, 409, 418, 422, 451, 501, 505];
    let ids = statuses.map(|status| format!("u_{status}"));
    for (status, id) in statuses.iter().zip(&ids) {
        upstream.on_element(id, [failing(*status)]);
    }
    let program = program().run(&upstream, &mirror.path()).args(["--email", "a@example.org", "--id=u_ok"]);
    let run = program.ids(&ids).report().expect(3);
    for (status, id) in statuses.iter().zip(&ids) {
        assert_eq!((run.error_kind(id), &run.line(id)["attempts"]), (format!("http_{status}"), &json!(1)));
    }
    assert_eq!(upstream.requests_to("/v1/").len(), statuses.len() + 1);
}

#[rstest]
#[case::closed_before_a_byte(Reply::raw(""), "connect")]
#[case::reset(Reply::reset(), "connect")]
#[case::no_http(Reply::raw("SSH-2.0-OpenSSH_9.9\r\n"), "connect")]
#[case::no_headers(Reply::hang(), "timeout")]
#[case::a_stalled_body(Reply::ok("{\"id\": \"u_1\", \"name\": \"…").stalled_at(12), "timeout")]
#[case::a_broken_body(Reply::ok("{\"id\": \"u_1\", \"name\": \"…").broken_at(12), "truncated")]
#[case::a_reset_body(Reply::ok("{\"id\": \"u_1\", \"name\": \"…").reset_at(12), "truncated")]
#[case::truncated_json(Reply::ok("{\"id\": \"u_1\", \"na"), "truncated")]
#[case::an_empty_body(Reply::ok(""), "truncated")]
fn a_connection_or_reply_that_fails_is_tried_again(#[case] reply: Reply, #[case] kind: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    upstream.on_element("u_1", [reply.clone(), Reply::json(200, &told)]);
    upstream.on_element("u_3", [reply]);
    let program = program().run(&upstream, &mirror.path()).args(["--stall-timeout", "1s"]);
    let run = program.ids(["u_1", "u_2", "u_3"]).report().expect(3);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["attempts"]), ("created", &json!(3)));
    let line = run.line("u_3");
    assert_eq!((run.error_kind("u_3").as_str(), &line["attempts"]), (kind, &json!(2)), "{line}");
    assert_eq!(upstream.requests_to("/v1/kling/elements/u_3").len(), 2);
    mirror.check();
}

/// A loopback port where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_refused_connection_is_tried_again_and_then_the_api_is_down() {
    let mirror = MirrorDir::new();
    let base = format!("http://127.0.0.1:{}", closed_port());
    let program = program().args(["run", "--retries", "1", "--api-base", &base, "-o"]).arg(mirror.path());
    let run = program.ids(["u_1", "u_2"]).report().expect(1);
    assert_eq!((run.error_kind("u_1").as_str(), &run.line("u_1")["attempts"]), ("connect", &json!(2)));
}

#[test]
fn with_no_retries_nothing_is_tried_again() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::new(503, ""), Reply::ok(png(1, 1, 1))]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/c")]));
    let run = program().run(&upstream, &mirror.path()).args(["--retries", "0"]).ids(["u_1"]).report().expect(3);
    assert_eq!(run.error_kind("u_1"), "http_503");
    assert_eq!(upstream.requests().len(), 2);
}

/// Each first path that fails does so twice: whoever waits for its next try lets the others have the only permit.
#[rstest]
#[case::of_the_api("/v1/")]
#[case::of_the_cdn("/cdn/")]
fn no_permit_is_held_during_the_wait_for_the_next_try(#[case] prefix: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids = ["u_1", "u_2", "u_3"];
    for id in ids {
        let told = upstream.add(id, 1);
        let (path, good) = match prefix {
            "/v1/" => (format!("/v1/kling/elements/{id}"), Reply::json(200, &told)),
            _ => (format!("/cdn/{id}/0.png"), Reply::ok(png(1, 1, 1))),
        };
        upstream.on(&path, [failing(503), failing(503), good]);
    }
    let options = ["--api-concurrency", "1", "-j", "1", "--retries", "2"];
    program().run(&upstream, &mirror.path()).args(options).ids(ids).output().expect(0);
    let paths: Vec<String> = upstream.requests_to(prefix).into_iter().map(|request| request.path).collect();
    assert_eq!(paths.len(), 9);
    assert!(paths[..3].iter().any(|path| *path != paths[0]), "one after the other: {paths:?}");
    mirror.check();
}
