//! Each retry, pause, refresh and refusal is told: to people with `-v`, and to collectors with its reason and delay.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{MirrorDir, Reply, Upstream, element, png, program};

/// An upstream with which everything happens that is told: by account, and by what it is.
struct Trouble {
    upstream: Upstream,
    list: String,
}

impl Trouble {
    fn new() -> Self {
        let upstream = Upstream::start();
        // A retry of the API, and one of the CDN.
        let told = upstream.add("u_retry", 1);
        upstream.on_element("u_retry", [Reply::new(503, "busy"), Reply::json(200, &told)]);
        upstream.on("/cdn/u_retry/0.png", [Reply::reset(), Reply::ok(png(1, 1, 1))]);
        // A pause.
        let told = upstream.add("u_pause", 1);
        let pause = Reply::json(429, &json!({"error": "slow down"})).header("retry-after", "1");
        upstream.on_element("u_pause", [pause, Reply::json(200, &told)]);
        // A link that has expired, and its fresh one.
        let links = ["/cdn/stale", "/cdn/fresh"].map(|path| element("u_refresh", &[upstream.url(path)]));
        upstream.on_element("u_refresh", links.map(|told| Reply::json(200, &told)));
        upstream.on("/cdn/stale", [Reply::new(403, "expired")]);
        upstream.on("/cdn/fresh", [Reply::ok(png(1, 1, 2))]);
        // A link that has expired, and no fresh one to be had.
        let told = element("u_refresh_fails", &[upstream.url("/cdn/fresh"), upstream.url("/cdn/page-2")]);
        upstream
            .on_element("u_refresh_fails", [Reply::json(200, &told), Reply::json(403, &json!({"error": "not now"}))]);
        upstream.on("/cdn/page-2", [Reply::new(410, "expired")]);
        // An asset that is refused by the guard, and one that is no media.
        let links = [upstream.url("/cdn/page"), "ftp://example.com/side.png".to_owned(), upstream.url("/cdn/fresh")];
        upstream.tell("u_refused", &element("u_refused", &links));
        upstream.on("/cdn/page", [Reply::ok("<html>sorry</html>")]);
        // Two accounts that are refused, each by its own way.
        upstream.on_element("u_broken", [Reply::new(596, r#"{"error": "session lost"}"#)]);
        upstream
            .on_element("u_busy", [Reply::json(429, &json!({"error": "busy", "retryAfter": "2020-01-01T00:00:00Z"}))]);
        let list = [
            "u_retry",
            "u_refresh",
            "u_refresh_fails",
            "u_refused",
            "u_pause pause@example.org",
            "u_broken broken@example.org",
        ];
        Self { upstream, list: list.join("\n") }
    }
}

/// The objects of a log about one kind of event, by what they are about.
fn by_what(log: &[Value], event: &str) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in log.iter().filter(|line| line["event"] == event) {
        found.entry(line["what"].as_str().unwrap_or_default().to_owned()).or_default().push(line.clone());
    }
    found
}

#[track_caller]
fn assert_told(
    told: &BTreeMap<String, Vec<Value>>,
    what: &str,
    (kind, words): (&str, &str),
    delay: Option<(u64, u64)>,
) {
    let line = &told.get(what).unwrap_or_else(|| panic!("nothing about {what}: {told:#?}"))[0];
    assert_eq!(line["kind"], kind, "{line}");
    assert!(line["message"].as_str().unwrap().contains(words), "{line}");
    match delay {
        Some((least, most)) => assert!((least..=most).contains(&line["delayMs"].as_u64().unwrap()), "{line}"),
        None => assert_eq!(line.get("delayMs"), None, "{line}"),
    }
}

#[test]
fn a_collector_is_told_why_and_for_how_long() {
    let (Trouble { upstream, list }, mirror) = (Trouble::new(), MirrorDir::new());
    let program = program().run(&upstream, &mirror.path()).args(["-v", "--log-format", "json", "-"]);
    let log = program.output_with(&list).expect(3).log();
    let (retries, pauses) = (by_what(&log, "retry"), by_what(&log, "pause"));
    assert_told(&retries, "u_retry", ("http_503", "the API answered 503: busy"), Some((250, 500)));
    assert_told(&retries, "u_retry/cover.png", ("connect", "no reply"), Some((250, 500)));
    assert_eq!(retries.len(), 2, "{retries:#?}");
    assert_told(&pauses, "pause@example.org", ("http_429", "slow down"), Some((1000, 1000)));
    let refreshes = by_what(&log, "refresh");
    assert_told(&refreshes, "u_refresh", ("http_403", "cover: the CDN answered 403"), None);
    assert_told(&refreshes, "u_refresh_fails", ("http_410", "side: the CDN answered 410"), None);
    assert_eq!(refreshes.len(), 2, "{refreshes:#?}");
    let refusals = by_what(&log, "refusal");
    assert_told(&refusals, "u_refused/cover", ("not_media", "no image"), None);
    assert_told(&refusals, "u_refused/side.png", ("unsafe_url", "ftp"), None);
    assert_told(&refusals, "broken@example.org", ("account_broken", "session lost"), None);
    assert_told(&refusals, "u_refresh_fails", ("http_403", "no fresh links: the API answered 403: not now"), None);
    assert_told(&refusals, "u_refresh_fails/side", ("http_410", "410"), None);
    assert_eq!(refusals.len(), 5, "{refusals:#?}");
}

#[test]
fn a_person_is_told_with_v_and_else_spared() {
    let run = |options: &[&str]| {
        let (Trouble { upstream, list }, mirror) = (Trouble::new(), MirrorDir::new());
        program().run(&upstream, &mirror.path()).args(options).arg("-").output_with(&list).expect(3).stderr
    };
    let said = run(&["-v"]);
    for (event, words) in [
        ("retry", "u_retry: http_503: the API answered 503: busy; again in 0."),
        ("retry", "u_retry/cover.png: connect: "),
        ("pause", "pause@example.org: the API asks to wait 1.0 s (429: slow down)"),
        ("refresh", "u_refresh: http_403: cover: the CDN answered 403"),
        ("refused", "u_refused/side.png: unsafe_url: "),
        ("refused", "u_refused/cover: not_media: "),
        ("refused", "broken@example.org: account_broken: "),
    ] {
        let is_it = |line: &str| line.trim_start().starts_with(event) && line.contains(words);
        assert!(said.lines().any(is_it), "{event} {words}: {said}");
    }
    let said = run(&[]);
    let is_detail = |line: &str| {
        ["retry ", "pause ", "refresh ", "refused "].iter().any(|word| line.trim_start().starts_with(word))
    };
    assert!(!said.lines().any(is_detail), "{said}");
}

#[test]
fn a_token_that_is_refused_and_an_account_that_asks_to_wait_too_often_are_told() {
    let (Trouble { upstream, .. }, mirror) = (Trouble::new(), MirrorDir::new());
    let program_for = |id: &str, code: i32| {
        let program = program().run(&upstream, &mirror.path()).ids([id]).args(["-v", "--log-format", "json"]);
        by_what(&program.output().expect(code).log(), "refusal")
    };
    assert_told(&program_for("u_busy", 3), "the token's account", ("http_429", "6 times in a row"), None);
    upstream.on_element("u_busy", [Reply::json(401, &json!({"error": "Unauthorized"}))]);
    assert_told(&program_for("u_busy", 4), "the token", ("http_401", "Unauthorized"), None);
}

#[test]
fn a_wait_that_a_busy_server_asks_for_is_kept_and_told() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    let busy = || Reply::new(503, "busy").header("retry-after", "1");
    upstream.on_element("u_1", [busy(), Reply::json(200, &told)]);
    upstream.on("/cdn/u_1/0.png", [busy(), Reply::ok(png(1, 1, 1))]);
    let program = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["-v", "--log-format", "json"]);
    let retries = by_what(&program.output().expect(0).log(), "retry");
    assert_told(&retries, "u_1", ("http_503", "busy"), Some((1000, 1000)));
    assert_told(&retries, "u_1/cover.png", ("http_503", "503"), Some((1000, 1000)));
    for path in ["/v1/", "/cdn/"] {
        let asked = upstream.requests_to(path);
        assert!(asked[1].at - asked[0].at >= Duration::from_secs(1), "{path}");
    }
}
