//! Runs that nobody watches: what cron mails, what they need, and that they exclude each other.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::support::{Accounts, MirrorDir, Program, Reply, TOKEN, Upstream, program};

/// As cron starts it: nothing in the environment, not even a home; the token comes from a file.
fn nightly(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    let token = mirror.put("token", format!("{TOKEN}\n"));
    let program = program().env_remove("USEAPI_TOKEN").args(["run", "--api-base", &upstream.api(), "-o"]);
    program.arg(mirror.path()).args(["-q", "--retries", "0", "--allow-private-assets", "--token-file"]).arg(token)
}

#[test]
fn a_good_night_says_nothing_whatever_happens_in_it() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    let mut listed: Vec<_> = (0..30).map(|number| upstream.add(&format!("u_{number}"), 2)).collect();
    accounts.add("a@b.c", listed.clone());
    let night = || {
        let run = nightly(&upstream, &mirror).args(["--all", "--keep-versions", "1"]).output().expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    };
    night();
    // The next ones change some, prune some, find one gone, wait, and find a file that somebody edited.
    for version in 2..5 {
        listed[1]["currentVersion"] = json!(version);
        upstream.tell("u_1", &listed[1]);
        accounts.add("a@b.c", listed.clone());
        night();
    }
    upstream.on_element("u_29", [Reply::json(404, &json!({"error": "no"}))]);
    listed.pop();
    let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "1");
    upstream.on_element("u_2", [busy, Reply::json(200, &listed[2])]);
    mirror.write("u_2/cover.png", "edited");
    accounts.add("a@b.c", listed);
    night();
    assert!(mirror.has(".element-mirror/gone/u_29"));
    mirror.check();
}

#[test]
fn a_bad_night_fits_a_screen_however_many_elements_failed() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let long = "why ".repeat(2000);
    let faults: [Reply; 12] = [
        Reply::json(400, &json!({"error": long})),
        Reply::json(403, &json!({"error": long})),
        Reply::json(404, &json!({"error": long})),
        Reply::json(405, &json!({"error": long})),
        Reply::json(409, &json!({"error": long})),
        Reply::json(418, &json!({"error": long})),
        Reply::json(200, &json!({"error": long})),
        Reply::json(200, &json!({"id": "another"})),
        Reply::json(200, &json!([])),
        Reply::json(200, &json!({"resources": []})),
        Reply::redirect(302, "https://elsewhere.example/"),
        Reply::ok("{\"id\": "),
    ];
    let mut list = String::new();
    for number in 0..600 {
        let id = format!("u_{number}");
        upstream.on_element(&id, [faults[number % faults.len()].clone()]);
        list += &format!("{id} a@b.c\n");
        list += "- not an ID\n";
    }
    let run = nightly(&upstream, &mirror).arg("-").output_with(&list).expect(3);
    let lines = run.stderr.lines().count();
    assert!((5..=24).contains(&lines), "{lines} lines:\n{}", run.stderr);
    assert!(run.stderr.len() < 24 * 400, "{} bytes:\n{}", run.stderr.len(), run.stderr);
    assert!(run.stderr.contains("600") || run.stderr.contains("1200"), "{}", run.stderr);
    // The report has them all.
    let report = mirror.beside("report");
    nightly(&upstream, &mirror).args(["-", "--report"]).arg(&report).output_with(&list).expect(3);
    assert_eq!(std::fs::read_to_string(report).unwrap().lines().count(), 1200);
}

#[test]
fn of_five_that_start_at_once_one_works_and_four_say_who_does() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_1", 1);
    upstream.on_element("u_2", [Reply::hang()]);
    let running: Vec<_> = (0..5).map(|_| nightly(&upstream, &mirror).ids(["u_2"]).spawn()).collect();
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    let mut ended = Vec::new();
    let mut working = Vec::new();
    for mut run in running {
        match run.ended_within(Duration::from_secs(5)) {
            true => ended.push(run.end_within(Duration::ZERO).expect(5)),
            false => working.push(run),
        }
    }
    assert_eq!((ended.len(), working.len()), (4, 1));
    for refused in ended {
        assert!(refused.stderr.contains("another run") && refused.stderr.contains("pid"), "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
    assert_eq!(upstream.requests().len(), 1);
    let working = working.pop().unwrap();
    working.signal("TERM");
    working.end_within(Duration::from_secs(6)).expect(143);
    // The lock is no matter of what it left.
    nightly(&upstream, &mirror).ids(["u_1"]).output_through(Stdio::null(), Stdio::piped()).expect(0);
}

#[test]
fn a_log_for_collectors_has_an_object_a_line_whatever_fails() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    let accounts = Accounts::of(&upstream);
    accounts.add("a@b.c", [upstream.add("u_1", 1)]);
    accounts.add("d@e.f", []);
    accounts.fail("d@e.f", None, Reply::json(596, &json!({"error": "expired"})));
    let run = nightly(&upstream, &mirror).args(["--all", "--log-format", "json"]).output().expect(3);
    let log = run.log();
    let events: Vec<&str> = log.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["element", "summary"]);
    assert_eq!(log[0]["outcome"]["source"], "list d@e.f page 1");
    assert_eq!(
        (&log[1]["summary"]["exitCode"], &log[1]["summary"]["elements"]),
        (&json!(3), &json!({"created": 1, "failed": 1}))
    );
    for record in &log {
        assert!(record["time"].is_string() && record["level"].is_string(), "{record}");
    }
}
