//! What a run tells: report lines for programs, and standard error for people and collectors.

use std::fs::OpenOptions;
use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, element, png, program};

/// The line without what differs from run to run: how long it took, and an error's words, neither of them empty.
fn fixed(mut line: Value) -> Value {
    assert!(line["elapsedMs"].is_u64(), "{line}");
    line["elapsedMs"] = json!(0);
    if let Some(error) = line.get_mut("error") {
        assert_ne!(error["message"].as_str().unwrap(), "");
        error["message"] = json!("…");
    }
    line
}

/// `u_1` with a cover and two views, and the run that mirrors it.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    run(&upstream, &mirror).output().expect(0);
    (upstream, mirror)
}

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).ids(["u_1"])
}

fn size_of_pictures(count: usize) -> usize {
    count * png(64, 64, 0).len()
}

#[test]
fn the_line_of_a_created_element() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    let run = run(&upstream, &mirror).report().expect(0);
    let expected = json!({"schema": 1, "id": "u_1", "status": "created", "stands": "complete", "folder": "u_1", "assets": 3,
        "downloaded": 3, "bytes": size_of_pictures(3), "attempts": 4, "elapsedMs": 0, "updateTime": "2025-01-12T00:00:00Z"});
    assert_eq!(fixed(run.line("u_1")), expected);
    assert!(run.stdout.starts_with(r#"{"schema":1,"id":"u_1","status":"created","#), "in the order of the contract");
}

#[test]
fn the_line_of_an_element_that_is_unchanged_or_updated() {
    let (upstream, mirror) = mirrored();
    let expected = json!({"schema": 1, "id": "u_1", "status": "unchanged", "stands": "complete", "folder": "u_1", "assets": 3,
        "downloaded": 0, "bytes": 0, "attempts": 1, "elapsedMs": 0, "updateTime": "2025-01-12T00:00:00Z"});
    assert_eq!(fixed(run(&upstream, &mirror).report().expect(0).line("u_1")), expected);

    upstream.on("/cdn/new", [Reply::ok(png(64, 64, 77))]);
    let mut told = element("u_1", &[upstream.url("/cdn/u_1/0.png"), upstream.url("/cdn/new")]);
    told["updateTime"] = json!(1_736_640_001_500_i64);
    upstream.tell("u_1", &told);
    let line = fixed(run(&upstream, &mirror).report().expect(0).line("u_1"));
    // The cover, whose path stayed, is asked for too: the element's time moved.
    let expected = json!({"schema": 1, "id": "u_1", "status": "updated", "stands": "complete", "folder": "u_1", "assets": 2,
        "downloaded": line["downloaded"], "bytes": line["bytes"], "attempts": 3, "elapsedMs": 0,
        "updateTime": "2025-01-12T00:00:01.500Z"});
    assert_eq!(line, expected);
}

#[test]
fn the_line_of_a_gone_element() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_1", [Reply::json(410, &json!({"error": "gone"}))]);
    let line = fixed(run(&upstream, &mirror).report().expect(0).line("u_1"));
    let expected = json!({"schema": 1, "id": "u_1", "status": "gone", "stands": "complete", "folder": "u_1", "assets": 3,
        "downloaded": 0, "bytes": 0, "attempts": 1, "elapsedMs": 0, "updateTime": "2025-01-12T00:00:00Z",
        "goneSince": line["goneSince"]});
    assert_eq!(line, expected);
    let since = line["goneSince"].as_str().unwrap();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");
}

#[test]
fn the_line_of_an_incomplete_element() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    upstream.on("/cdn/u_1/1.png", [Reply::new(404, "")]);
    let line = fixed(run(&upstream, &mirror).report().expect(3).line("u_1"));
    // Four requests, and the element once more for a new link, and that link.
    let expected = json!({"schema": 1, "id": "u_1", "status": "incomplete", "stands": "incomplete", "folder": "u_1",
        "assets": 2, "downloaded": 2, "bytes": size_of_pictures(2), "attempts": 6, "elapsedMs": 0,
        "updateTime": "2025-01-12T00:00:00Z", "error": {"kind": "http_404", "message": "…", "asset": "side.png"}});
    assert_eq!(line, expected);
}

#[test]
fn the_line_of_an_element_that_failed_with_nothing_or_a_version_standing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on_element("u_1", [Reply::json(403, &json!({"error": "not yours"}))]);
    let list = mirror.put("ids.txt", "u_1 a@example.org\n");
    let again = || program().run(&upstream, &mirror.path()).arg(&list).report();
    let line = again().expect(3).line("u_1");
    assert!(line["error"]["message"].as_str().unwrap().contains("not yours"), "the API's own words: {line}");
    let expected = json!({"schema": 1, "id": "u_1", "email": "a@example.org", "status": "failed", "stands": "none",
        "attempts": 1, "elapsedMs": 0, "error": {"kind": "http_403", "message": "…"}});
    assert_eq!(fixed(line), expected);

    upstream.add("u_1", 3);
    again().expect(0);
    upstream.on_element("u_1", [Reply::json(403, &json!({"error": "not yours"}))]);
    let expected = json!({"schema": 1, "id": "u_1", "email": "a@example.org", "status": "failed", "stands": "complete",
        "folder": "u_1", "assets": 3, "attempts": 1, "elapsedMs": 0, "updateTime": "2025-01-12T00:00:00Z",
        "error": {"kind": "http_403", "message": "…"}});
    assert_eq!(fixed(again().expect(3).line("u_1")), expected);
}

#[test]
fn the_line_of_a_bad_line() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = program().run(&upstream, &mirror.path()).args(["-", "--report", "-"]).output_with("\na/b\n").expect(3);
    let expected = json!({"schema": 1, "id": null, "source": "-:2", "status": "failed", "stands": "none", "attempts": 0,
        "elapsedMs": 0, "error": {"kind": "bad_line", "message": "…"}});
    assert_eq!(fixed(run.lines()[0].clone()), expected);
}

#[test]
fn a_line_has_the_manifests_warnings() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 1);
    told["resources"][0]["width"] = json!(768);
    told["resources"][0]["height"] = json!(1365);
    told["cover"] = told["resources"][0].clone();
    upstream.tell("u_1", &told);
    for _ in ["created", "unchanged"] {
        let line = run(&upstream, &mirror).report().expect(0).line("u_1");
        assert_eq!(line["warnings"][0]["code"], "dimensions_differ");
        assert_eq!(line["warnings"], mirror.manifest("u_1")["warnings"]);
    }
}

#[test]
fn a_line_comes_as_soon_as_the_element_is_done() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_2", [Reply::hang()]);
    let mut running = run(&upstream, &mirror).ids(["u_2"]).args(["--report", "-"]).spawn();
    let line: Value = serde_json::from_str(&running.read_line()).unwrap();
    assert_eq!(line["id"], "u_1");
}

#[test]
fn a_dry_run_foresees_and_writes_nothing_at_all() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    upstream.add("u_2", 1);
    let dry = || program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_3"]).arg("--dry-run").report();
    let foreseen = dry().expect(3);
    let expected = json!({"schema": 1, "id": "u_1", "status": "would_create", "stands": "none", "assets": 3,
        "downloaded": 0, "bytes": 0, "attempts": 1, "elapsedMs": 0});
    assert_eq!(fixed(foreseen.line("u_1")), expected);
    assert_eq!(foreseen.error_kind("u_3"), "not_found");
    assert!(!mirror.has(""), "not even the destination's folder");

    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_9"]).output().expect(3);
    let before = (mirror.all_files(), mirror.at("").metadata().unwrap().modified().unwrap());
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/new")]));
    upstream.on_element("u_2", [Reply::new(404, "")]);
    upstream.forget();
    let foreseen = dry().expect(3);
    let expected = json!({"schema": 1, "id": "u_1", "status": "would_update", "stands": "complete", "folder": "u_1",
        "assets": 1, "downloaded": 0, "bytes": 0, "attempts": 1, "elapsedMs": 0, "updateTime": "2025-01-12T00:00:00Z"});
    assert_eq!(fixed(foreseen.line("u_1")), expected);
    assert_eq!(foreseen.status("u_2"), "gone");
    assert_eq!(upstream.cdn_requests().len(), 0);
    assert!((mirror.all_files(), mirror.at("").metadata().unwrap().modified().unwrap()) == before);
    assert!(!mirror.has(".element-mirror/gone/u_2"), "noted by a run that writes");
}

#[test]
fn a_report_file_is_truncated_and_has_the_lines() {
    let (upstream, mirror) = mirrored();
    let report = mirror.put("report.ndjson", "x".repeat(100_000));
    let run = run(&upstream, &mirror).arg("--report").arg(&report).output().expect(0);
    assert_eq!(run.stdout, "");
    let text = std::fs::read_to_string(report).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(fixed(serde_json::from_str(&text).unwrap())["status"], "unchanged");
}

#[test]
fn standard_output_has_the_report_alone_and_without_one_nothing() {
    let (upstream, mirror) = mirrored();
    let lines = |run: Outcome| run.lines().len();
    for options in [&[][..], &["-v"], &["--progress", "always"], &["--color", "always"], &["--log-format", "json"]] {
        assert_eq!(run(&upstream, &mirror).args(options).output().expect(0).stdout, "");
        assert_eq!(lines(run(&upstream, &mirror).args(options).report().expect(0)), 1);
    }
}

#[test]
fn a_report_that_cannot_be_made_ends_the_run_before_the_first_request() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for report in ["missing/report.ndjson", "."] {
        let report = mirror.beside(report);
        let run = run(&upstream, &mirror).arg("--report").arg(&report).output().expect(1);
        assert!(run.stderr.contains(report.to_str().unwrap()), "{}", run.stderr);
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[rstest]
#[case::a_file(&[])]
#[case::quietly(&["-q"])]
#[case::to_a_log(&["--log-format", "json"])]
fn a_report_that_fails_on_the_way_ends_the_run_and_that_is_said(#[case] options: &[&str]) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for report in ["/dev/full", "-"] {
        let run = run(&upstream, &mirror).args(options).args(["--report", report]);
        let run = run.output_through(Stdio::null(), full()).expect(1);
        assert!(run.stderr.contains("can't write the report"), "{}", run.stderr);
        mirror.check();
        // Nothing is done between this line of the report and the end of the run.
        let list = program().run(&upstream, &mirror.path()).arg(mirror.put("bad.txt", "no/id"));
        let run = list.args(options).args(["--report", report]).output_through(Stdio::null(), full()).expect(1);
        assert!(run.stderr.contains("can't write the report"), "{}", run.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly_and_what_is_committed_is_whole() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_2", [Reply::hang()]);
    upstream.add("u_3", 2);
    let mut running = program().run(&upstream, &mirror.path()).args(["-", "--report", "-"]).spawn();
    running.write("u_2\n");
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    drop(running.0.stdout.take());
    running.write("u_3\n");
    let run = running.end_within(Duration::from_secs(10)).expect(141);
    assert_eq!(run.stderr, "", "quietly");
    assert_eq!(mirror.ids(), ["u_1", "u_3"]);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_3"]).output().expect(0);
    mirror.check();
}

#[test]
fn a_pipe_that_nobody_opened_does_not_keep_a_signal_from_ending_the_run() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let pipe = mirror.beside("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let running = run(&upstream, &mirror).ids(["u_1"]).arg("--report").arg(&pipe).spawn();
    let is_locked = || mirror.has(".element-mirror/lock") && !mirror.read(".element-mirror/lock").is_empty();
    let started = std::time::Instant::now();
    while !is_locked() {
        assert!(started.elapsed() < Duration::from_secs(30), "it never began");
    }
    running.signal("TERM");
    running.end_within(Duration::from_secs(6)).expect(143);
}

#[test]
fn a_reader_that_stops_reading_does_not_keep_the_run_from_ending() {
    let (upstream, mirror) = mirrored();
    // More lines than a pipe and all queues on the way hold.
    let ids: String = (0..6000).map(|n| format!("u_none_{n}\n")).collect();
    let list = mirror.put("ids.txt", &ids);
    let running = program().run(&upstream, &mirror.path()).arg(list).args(["--report", "-", "-q"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_none", 1500);
    running.signal("INT");
    running.end_within(Duration::from_secs(5)).expect(130);
}

#[test]
fn quiet_says_nothing_of_a_good_run_and_what_failed_of_another() {
    let (upstream, mirror) = mirrored();
    let good = run(&upstream, &mirror).arg("-q").output().expect(0);
    assert_eq!((good.stdout.as_str(), good.stderr.as_str()), ("", ""));
    let bad = run(&upstream, &mirror).ids(["u_404"]).arg("-q").output().expect(3);
    assert!(bad.stderr.contains("u_404") && !bad.stderr.contains("u_1"), "{}", bad.stderr);
}

#[test]
fn verbose_says_each_element_and_retry() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.on("/cdn/u_1/0.png", [Reply::new(503, ""), Reply::ok(png(1, 1, 1))]);
    let run = run(&upstream, &mirror).arg("-v").output().expect(0);
    let said = |word: &str| run.stderr.lines().any(|line| line.contains(word) && line.contains("u_1"));
    assert!(said("retry") && said("http_503") && said("created"), "{}", run.stderr);
}

#[test]
fn the_log_for_collectors_is_an_object_a_line() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.on("/cdn/u_1/0.png", [Reply::new(503, ""), Reply::ok(png(1, 1, 1))]);
    let log = run(&upstream, &mirror).ids(["u_404"]).args(["-v", "--log-format", "json"]).output().expect(3).log();
    let events = |name: &str| log.iter().filter(|line| line["event"] == name).collect::<Vec<_>>();
    assert!(log.iter().all(|line| line["time"].is_string() && line["level"].is_string()));
    assert_eq!(events("retry")[0]["kind"], "http_503");
    assert_eq!(events("element").len(), 2);
    let elements = &events("summary")[0]["summary"]["elements"];
    assert_eq!(
        (elements, &events("summary")[0]["summary"]["exitCode"]),
        (&json!({"created": 1, "failed": 1}), &json!(3))
    );
}

#[test]
fn what_keeps_a_run_from_starting_is_an_object_in_the_log_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    std::fs::write(mirror.path(), "a file").unwrap();
    let log = run(&upstream, &mirror).args(["--log-format", "json"]).output().expect(1).log();
    assert_eq!((log.len(), &log[0]["level"]), (1, &json!("error")));
    assert!(log[0]["message"].as_str().unwrap().contains(mirror.path().to_str().unwrap()));
}

#[test]
fn colours_and_progress_are_for_terminals_unless_asked_for() {
    const ESCAPE: char = '\u{1b}';
    let (upstream, mirror) = mirrored();
    let run = || run(&upstream, &mirror);
    let piped = |run: Program| run.output().expect(0).stderr;
    let shown = |run: Program| run.env("TERM", "xterm-256color").output_on_terminal().expect(0).stderr;
    let green = "\u{1b}[32m";
    assert!(!piped(run()).contains(ESCAPE));
    assert!(piped(run().args(["--color", "always"])).contains(green));
    assert!(shown(run()).contains(green));
    assert!(!shown(run().args(["--color", "never"])).contains(green));
    assert!(!shown(run().env("NO_COLOR", "1")).contains(green));
    assert!(shown(run().env("NO_COLOR", "1").args(["--color", "always"])).contains(green));
    assert!(!shown(run().args(["--color", "never", "--progress", "never"])).contains(ESCAPE), "no bar is drawn");
    assert_eq!(shown(run().arg("-q")), "");
}
