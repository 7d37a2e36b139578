//! How runs end: signals, refusals, locks, an API that is down, and the exit code where several reasons apply.

mod limits;
mod slow;
#[cfg(target_os = "linux")]
mod verify;

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Outcome, Program, Reply, Running, Upstream, element, png, program};

/// Two seconds by the contract, and some for a machine that has much to do.
const SOON: Duration = Duration::from_secs(6);

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path())
}

/// `n` IDs, unknown to the upstream.
fn ids(n: usize) -> Vec<String> {
    (1..=n).map(|n| format!("u_{n}")).collect()
}

/// A run on `mirror` that holds its lock until it is signalled: the API never answers for `u_hang`.
fn holding(upstream: &Upstream, mirror: &MirrorDir) -> Running {
    upstream.on_element("u_hang", [Reply::hang()]);
    let running = run(upstream, mirror).ids(["u_hang"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_hang", 1);
    running
}

#[rstest]
#[case("INT", 130)]
#[case("TERM", 143)]
fn a_signal_ends_the_run_soon_although_bodies_stall_and_the_api_hangs(#[case] signal: &str, #[case] code: i32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    upstream.add("u_2", 2);
    upstream.on("/cdn/u_2/1.png", [Reply::ok(png(64, 64, 1)).stalled_at(100)]);
    upstream.on_element("u_3", [Reply::hang()]);
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_1\n");
    assert!(running.read_line().contains("created"));
    running.write("u_2\nu_3\n");
    upstream.wait_for("/cdn/u_2/1.png", 1);
    upstream.wait_for("/v1/kling/elements/u_3", 1);
    running.signal(signal);
    let run = running.end_within(SOON).expect(code);
    for id in ["u_2", "u_3"] {
        assert_eq!((run.status(id), run.error_kind(id)), ("failed".into(), "interrupted".into()));
        assert_eq!(run.line(id)["stands"], "none");
    }
    assert_eq!(mirror.ids(), ["u_1"]);
    upstream.add("u_2", 2);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    assert_eq!(mirror.ids(), ["u_1", "u_2"]);
    mirror.check();
}

#[rstest]
#[case("text")]
#[case("json")]
#[cfg(target_os = "linux")]
fn a_signal_ends_a_run_whose_standard_error_nobody_reads(#[case] format: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    // More than a pipe, and all that waits to be said, can hold.
    let list = mirror.put("list", "no/id\n".repeat(20_000));
    let running = run(&upstream, &mirror).arg(list).args(["-v", "--log-format", format]).spawn();
    let said = || rustix::io::ioctl_fionread(running.0.stderr.as_ref().unwrap()).unwrap();
    let started = Instant::now();
    while said() < 50_000 {
        assert!(started.elapsed() < Duration::from_secs(30), "{} bytes", said());
    }
    running.signal("TERM");
    running.end_within(SOON).expect(143);
}

#[test]
fn an_interrupted_update_leaves_the_version_that_stood() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    let before = mirror.read("u_1/manifest.json");
    upstream.on("/cdn/new", [Reply::ok(png(64, 64, 1)).stalled_at(100)]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/u_1/0.png"), upstream.url("/cdn/new")]));
    let running = run(&upstream, &mirror).ids(["u_1"]).args(["--report", "-"]).spawn();
    upstream.wait_for("/cdn/new", 1);
    running.signal("INT");
    let line = running.end_within(SOON).expect(130).line("u_1");
    assert_eq!((&line["stands"], &line["error"]["kind"]), (&json!("complete"), &json!("interrupted")));
    assert_eq!(mirror.read("u_1/manifest.json"), before);
    upstream.on("/cdn/new", [Reply::ok(png(64, 64, 1))]);
    assert_eq!(run(&upstream, &mirror).ids(["u_1"]).report().expect(0).status("u_1"), "updated");
    mirror.check();
}

#[test]
fn a_signal_ends_a_run_that_waits_for_more_ids() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_1\n");
    running.read_line();
    running.signal("TERM");
    let stdin = running.0.stdin.take();
    running.end_within(SOON).expect(143);
    drop(stdin);
    mirror.check();
}

#[test]
fn a_second_signal_ends_a_run_that_is_stuck() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    // It opens the report when it has the lock, and nobody ever reads from this pipe.
    let pipe = mirror.beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let running = run(&upstream, &mirror).ids(["u_1"]).arg("--report").arg(&pipe).spawn();
    let started = Instant::now();
    while !mirror.has(".element-mirror/lock") || mirror.read(".element-mirror/lock").is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30));
    }
    running.signal("INT");
    running.signal("TERM");
    let run = running.end_within(SOON);
    // Which of the two it hears of first is not said.
    assert!([130, 143].contains(&run.code), "{run:?}");
}

#[rstest]
#[case(401)]
#[case(402)]
fn a_refused_token_ends_the_run_at_once(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(60) {
        upstream.on_element(&id, [Reply::json(status, &json!({"error": "Refused by the test"}))]);
    }
    for at_a_time in [1, 3] {
        upstream.forget();
        let run = run(&upstream, &mirror).ids(ids(60)).args(["--api-concurrency", &at_a_time.to_string()]);
        let run = run.report().expect(4);
        let kind = json!(format!("http_{status}"));
        assert!(run.lines().iter().any(|line| line["error"]["kind"] == kind), "{}", run.stdout);
        assert!(run.stderr.contains("Refused by the test"), "the API's own words: {}", run.stderr);
        let asked = upstream.requests_to("/v1/").len();
        assert!(asked <= at_a_time, "{asked} requests, {at_a_time} at a time");
        mirror.check();
    }
}

#[test]
fn a_refusal_whose_words_break_off_is_a_refusal() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on_element("u_1", [Reply::json(401, &json!({"error": "Unauthorized"})).broken_at(5)]);
    assert_eq!(run(&upstream, &mirror).ids(["u_1"]).report().expect(4).error_kind("u_1"), "http_401");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_second_run_on_the_same_destination_ends_at_once_and_touches_nothing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    let first = holding(&upstream, &mirror);
    let report = mirror.put("report.ndjson", "an earlier one");
    let state = || (mirror.all_files(), mirror.names(".element-mirror"), mirror.names(".element-mirror/staging"));
    let before = state();
    upstream.forget();
    let second = run(&upstream, &mirror).ids(["u_1"]).arg("--report").arg(&report).output().expect(5);
    assert!(state() == before);
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "an earlier one");
    let holder: serde_json::Value = serde_json::from_slice(&mirror.read(".element-mirror/lock")).unwrap();
    assert_eq!(holder["pid"], first.0.id());
    for named in [&format!("pid {}", first.0.id()), holder["host"].as_str().unwrap(), holder["since"].as_str().unwrap()]
    {
        assert!(second.stderr.contains(named), "{named}: {}", second.stderr);
    }
    // A dry run looks on: it takes no lock.
    assert_eq!(run(&upstream, &mirror).ids(["u_1"]).arg("--dry-run").report().expect(0).status("u_1"), "unchanged");
}

#[test]
fn a_copier_may_hold_the_lock_and_no_run_that_has_ended_is_named_instead() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    let lock = std::fs::File::open(mirror.at(".element-mirror/lock")).unwrap();
    lock.lock_shared().unwrap();
    let second = run(&upstream, &mirror).ids(["u_1"]).output().expect(5);
    assert!(second.stderr.contains("copies") && !second.stderr.contains("pid"), "{}", second.stderr);
    drop(lock);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
}

#[test]
fn a_run_waits_for_another_as_long_as_it_is_told() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let first = holding(&upstream, &mirror);
    let started = Instant::now();
    let waited = run(&upstream, &mirror).ids(["u_1"]).args(["--lock-wait", "1s"]).output().expect(5);
    assert!(waited.stderr.contains("--lock-wait is over"), "{}", waited.stderr);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let second = run(&upstream, &mirror).ids(["u_1"]).args(["--lock-wait", "60s", "--report", "-"]).spawn();
    first.signal("INT");
    first.end_within(SOON).expect(130);
    assert_eq!(second.end_within(Duration::from_secs(30)).expect(0).status("u_1"), "created");
    mirror.check();
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_the_wait_for_another_run() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let _first = holding(&upstream, &mirror);
    let second = run(&upstream, &mirror).ids(["u_1"]).args(["--lock-wait", "1h"]).spawn();
    second.wait_until_open(&mirror.at(".element-mirror/lock"));
    second.signal("INT");
    second.end_within(SOON).expect(130);
}

#[test]
fn a_lock_file_that_a_dead_process_left_is_no_lock() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let first = holding(&upstream, &mirror);
    first.signal("KILL");
    first.end_within(SOON).expect(137);
    assert!(!mirror.read(".element-mirror/lock").is_empty(), "it is still there");
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    // And neither is one that names a process that lives.
    mirror.write(".element-mirror/lock", r#"{"pid":1,"host":"localhost","since":"2026-01-01T00:00:00Z"}"#);
    run(&upstream, &mirror).ids(["u_1"]).output().expect(0);
    mirror.check();
}

#[test]
fn an_api_that_nobody_serves_ends_the_run_before_the_whole_list() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = |n: usize| {
        let run = program().env("ELEMENT_MIRROR_API_BASE", &format!("http://127.0.0.1:{port}/v1"));
        run.args(["run", "--retries", "0", "-o"]).arg(mirror.path()).ids(ids(n)).report().expect(1)
    };
    assert!(run(500).lines().len() < 40, "no more than were in flight");
    for n in [1, 2, 5] {
        assert_eq!(run(n).lines().len(), n);
    }
    assert_eq!(upstream.requests().len(), 0);
    assert_eq!(mirror.ids(), Vec::<String>::new());
}

#[rstest]
#[case::answers_503(Reply::new(503, "down"))]
#[case::resets(Reply::reset())]
#[case::says_nothing(Reply::hang())]
fn an_api_that_is_down_ends_the_run_before_the_whole_list(#[case] reply: Reply) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ids(200) {
        upstream.on_element(&id, [reply.clone()]);
    }
    let options = ["--retries", "0", "--stall-timeout", "1s"];
    let of = |n: usize| run(&upstream, &mirror).args(options).ids(ids(n)).report().expect(1);
    of(200);
    let asked = upstream.requests().len();
    assert!((5..20).contains(&asked), "{asked} requests");
    assert_eq!(of(2).lines().len(), 2);
}

#[test]
fn an_api_that_answered_once_is_not_down_for_five_that_it_fails_on() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_0", 1);
    // It answered, though the element itself takes long, and fails in the end.
    upstream.on("/cdn/u_0/0.png", [Reply::ok(png(64, 64, 1)).stalled_at(100)]);
    for id in ids(12) {
        upstream.on_element(&id, [Reply::new(503, "")]);
    }
    upstream.add("u_99", 1);
    let options = ["--retries", "0", "--stall-timeout", "1s", "-", "--report", "-"];
    let mut running = run(&upstream, &mirror).args(options).spawn();
    running.write("u_0\n");
    upstream.wait_for("/cdn/u_0/0.png", 1);
    running.write(&ids(12).join("\n"));
    running.write("\nu_99\n");
    let run = running.end_within(Duration::from_secs(30)).expect(3);
    assert_eq!(
        (run.lines().len(), run.status("u_99"), run.error_kind("u_0")),
        (14, "created".into(), "timeout".into())
    );
}

/// An upstream that wants an email, of a token with two accounts.
fn with_two_accounts() -> Upstream {
    let upstream = Upstream::start();
    for id in ids(3) {
        upstream.on_element(&id, [Reply::json(400, &json!({"error": "email is required"}))]);
    }
    let account = |email: &str| json!({"email": email, "password": "…secured…"});
    let accounts = json!({"a@example.org": account("a@example.org"), "b@example.org": account("b@example.org")});
    upstream.on("/v1/kling/accounts", [Reply::json(200, &accounts)]);
    upstream
}

#[test]
fn several_accounts_and_no_email_is_a_usage_error_that_names_them() {
    let (upstream, mirror) = (with_two_accounts(), MirrorDir::new());
    let run_of = |n: usize| run(&upstream, &mirror).ids(ids(n));
    for n in [1, 3] {
        upstream.forget();
        let run = run_of(n).output().expect(2);
        assert!(run.stderr.contains("a@example.org") && run.stderr.contains("b@example.org"), "{}", run.stderr);
        assert!(!run.stderr.contains("secured"), "{}", run.stderr);
        assert_eq!(upstream.requests_to("/v1/kling/accounts").len(), 1);
    }
    // With an email it is the element's own failure, and so it is where there is but one account.
    run_of(1).args(["--email", "a@example.org"]).output().expect(3);
    upstream.on("/v1/kling/accounts", [Reply::json(200, &json!({"a@example.org": {}}))]);
    run_of(1).output().expect(3);
}

#[test]
fn an_email_that_is_none_of_the_tokens_is_told_with_those_that_are() {
    let (upstream, mirror) = (with_two_accounts(), MirrorDir::new());
    let said = |email: &str| run(&upstream, &mirror).ids(ids(3)).args(["--email", email]).output().expect(3).stderr;
    let told = said("c@example.org");
    assert!(told.contains("the token has no account c@example.org, but a@example.org, b@example.org"), "{told}");
    assert_eq!(upstream.requests_to("/v1/kling/accounts").len(), 1, "asked once");
    assert!(!said("B@example.org").contains("has no account"));
    upstream.on_element("u_9", [Reply::json(404, &json!({"error": "No such account"}))]);
    let absent = run(&upstream, &mirror).ids(["u_9"]).args(["--email", "c@example.org"]).output().expect(3).stderr;
    assert!(absent.contains("the token has no account c@example.org"), "{absent}");
    // What the API refuses for another reason is not asked about.
    upstream.on_element("u_0", [Reply::json(400, &json!({"error": "bad request"}))]);
    upstream.forget();
    run(&upstream, &mirror).ids(["u_0"]).args(["--email", "c@example.org"]).output().expect(3);
    assert_eq!(upstream.requests_to("/v1/kling/accounts").len(), 0);
}

#[test]
fn where_several_exit_codes_apply_the_contracts_order_decides() {
    let down = |upstream: &Upstream, id: &str| upstream.on_element(id, [Reply::new(503, "")]);
    let refuse = |upstream: &Upstream, id: &str| upstream.on_element(id, [Reply::new(401, "")]);
    let of = |upstream: &Upstream, list: &str, report: &str| -> Outcome {
        let mirror = MirrorDir::new();
        let run = run(upstream, &mirror).args(["--retries", "0", "--api-concurrency", "1", "--report", report, "-"]);
        run.output_with(list)
    };
    let upstream = Upstream::start();
    down(&upstream, "u_down");
    refuse(&upstream, "u_401");
    of(&upstream, "no/id\nu_404\n", "/dev/null").expect(3);
    // The API is down although a line is bad: nothing of the list could be done.
    of(&upstream, "no/id\nu_down\n", "/dev/null").expect(1);
    of(&upstream, "no/id\nu_404\n", "/dev/full").expect(1);
    of(&upstream, "no/id\nu_404\nu_401\n", "/dev/null").expect(4);
    of(&upstream, "u_401\n", "/dev/full").expect(4);
    of(&with_two_accounts(), "no/id\nu_1\n", "/dev/null").expect(2);
    of(&with_two_accounts(), "u_1\n", "/dev/full").expect(2);
}

#[test]
fn an_interruption_comes_before_elements_that_failed() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("no/id\nu_404\n");
    running.read_line();
    running.read_line();
    running.signal("TERM");
    running.end_within(SOON).expect(143);
}
