//! 429: the API asks an account to wait.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, SystemTime};

use element_mirror::time::Time;
use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Reply, Upstream, element, png, program};

fn busy() -> Reply {
    Reply::json(429, &json!({"error": "at capacity"}))
}

fn within(seconds: f64) -> Time {
    (SystemTime::now() + Duration::from_secs_f64(seconds)).into()
}

/// Two seconds are asked for, since without a word it is one.
#[rstest]
#[case::seconds(|| busy().header("retry-after", "2"), 2)]
// An HTTP date has whole seconds.
#[case::a_date(|| busy().header("retry-after", &within(3.0).to_http_date().unwrap()), 2)]
#[case::in_the_body(|| Reply::json(429, &json!({"error": "busy", "retryAfter": within(2.1).to_string()})), 2)]
#[case::not_said(busy, 1)]
#[case::a_body_that_breaks_off(|| busy().header("retry-after", "2").broken_at(3), 2)]
fn all_requests_of_the_account_wait_as_long_as_asked(#[case] reply: fn() -> Reply, #[case] seconds: u64) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids = ["u_1", "u_2", "u_3", "u_4"];
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    let asked = Arc::new(AtomicUsize::new(0));
    for id in ids {
        let (asked, told) = (Arc::clone(&asked), element(id, &[upstream.url("/cdn/c")]));
        upstream.script(&format!("/v1/kling/elements/{id}"), move |_| match asked.fetch_add(1, SeqCst) {
            1 => reply(),
            _ => Reply::json(200, &told),
        });
    }
    // One at a time: nothing is in flight when the pause is told. No retries: a pause is none.
    let program = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "1", "--retries", "0"]);
    let run = program.ids(ids).report().expect(0);
    let requests = upstream.requests_to("/v1/");
    assert_eq!(requests.len(), 5);
    let waited = requests[2].at - requests[1].at;
    assert!(waited >= Duration::from_secs(seconds), "{waited:?}");
    let attempts: u64 = ids.iter().map(|id| run.line(id)["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts, 5 + 4);
    mirror.check();
}

#[test]
fn the_longest_word_of_those_in_flight_counts() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let both = Arc::new(Barrier::new(2));
    for (id, wait, after) in [("u_1", "1", 0), ("u_2", "2", 100)] {
        let told = upstream.add(id, 1);
        let (both, asked) = (Arc::clone(&both), AtomicUsize::new(0));
        upstream.script(&format!("/v1/kling/elements/{id}"), move |_| match asked.fetch_add(1, SeqCst) {
            0 => {
                both.wait();
                busy().header("retry-after", wait).after(Duration::from_millis(after))
            }
            _ => Reply::json(200, &told),
        });
    }
    let program = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "2"]);
    program.ids(["u_1", "u_2"]).output().expect(0);
    let asked = upstream.requests_to("/v1/kling/elements/u_2");
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(2), "{:?}", asked[1].at - asked[0].at);
}

/// Runs `list`, of an account that has to wait for a minute, and eight elements of another behind it, until these have
/// come.
fn run_beside_an_idle_account(upstream: &Upstream, mirror: &MirrorDir, mut list: String) {
    for number in 1..=8 {
        upstream.add(&format!("u_{number}"), 1);
        list.push_str(&format!("u_{number} idle@example.org\n"));
    }
    let program = program().run(upstream, &mirror.path()).args(["--api-concurrency", "1", "-j", "1", "-"]);
    let mut running = program.spawn();
    running.write(&list);
    for number in 1..=8 {
        upstream.wait_for(&format!("/cdn/u_{number}/"), 1);
    }
    running.signal("TERM");
    running.end_within(Duration::from_secs(5)).expect(143);
}

#[test]
fn other_accounts_do_not_wait() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut list = String::new();
    // More of them than are in flight at a time: one download, and twice one request.
    for number in 1..=6 {
        let told = upstream.add(&format!("u_busy_{number}"), 1);
        // Whichever is asked first.
        let pause = busy().header("retry-after", "60");
        upstream.on_element(&format!("u_busy_{number}"), [pause, Reply::json(200, &told)]);
        list.push_str(&format!("u_busy_{number} busy@example.org\n"));
    }
    run_beside_an_idle_account(&upstream, &mirror, list);
    let busy = upstream.requests_to("/v1/").iter().filter(|request| request.query.contains("busy")).count();
    assert_eq!(busy, 1);
    mirror.check();
}

#[test]
fn an_account_is_the_same_in_capitals() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    upstream.on_element("u_1", [busy().header("retry-after", "1"), Reply::json(200, &told)]);
    let mut running = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "1", "-"]).spawn();
    running.write("u_1 someone@example.org\n");
    upstream.wait_for("/v1/", 1);
    running.write("u_2 Someone@Example.Org\n");
    running.end_within(Duration::from_secs(30)).expect(0);
    let asked = upstream.requests_to("/v1/");
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(1), "{:?}", asked[1].at - asked[0].at);
}

#[test]
fn a_pause_met_while_fresh_links_are_asked_for_holds_up_no_other_account() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut list = String::new();
    // As many as are in flight at a time, all with links that have expired.
    for number in 1..=3 {
        let id = format!("u_busy_{number}");
        let told = upstream.add(&id, 1);
        upstream.on(&format!("/cdn/{id}/0.png"), [Reply::new(403, "expired")]);
        upstream.on_element(&id, [Reply::json(200, &told), busy().header("retry-after", "60")]);
        list.push_str(&format!("{id} busy@example.org\n"));
    }
    run_beside_an_idle_account(&upstream, &mirror, list);
    mirror.check();
}

/// A 429 whose pause is over soon.
fn busy_for_a_moment() -> Reply {
    Reply::json(429, &json!({"error": "busy", "retryAfter": within(0.1).to_string()}))
}

#[test]
fn six_pauses_in_a_row_end_the_account_and_no_other() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut list = String::new();
    for number in 1..=5 {
        upstream.script(&format!("/v1/kling/elements/u_{number}"), |_| busy_for_a_moment());
        list.push_str(&format!("u_{number} busy@example.org\n"));
    }
    upstream.add("u_good", 1);
    list.push_str("u_good good@example.org\n");
    let program = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "1", "--report", "-", "-"]);
    let run = program.output_with(&list).expect(3);
    let asked = upstream.requests().into_iter().filter(|request| request.query.contains("busy")).count();
    assert_eq!(asked, 6);
    for number in 1..=5 {
        assert_eq!(run.error_kind(&format!("u_{number}")), "http_429");
    }
    assert_eq!(run.status("u_good"), "created");
}

#[rstest]
#[case::a_success_starts_the_count_anew(200, 0)]
#[case::another_failure_does_not(500, 3)]
fn pauses_are_counted_in_a_row(#[case] between: u16, #[case] code: i32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let asked = Arc::new(AtomicUsize::new(0));
    for id in ["u_1", "u_2"] {
        let (asked, told) = (Arc::clone(&asked), upstream.add(id, 1));
        upstream.script(&format!("/v1/kling/elements/{id}"), move |_| match asked.fetch_add(1, SeqCst) {
            5 => Reply::json(between, &told),
            11.. => Reply::json(200, &told),
            _ => busy_for_a_moment(),
        });
    }
    let program = program().run(&upstream, &mirror.path()).args(["--api-concurrency", "1"]);
    program.ids(["u_1", "u_2"]).output().expect(code);
}
