//! Which of the named elements are taken up: shards, and reports of earlier runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, program};

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).args(["--report", "-"])
}

/// An upstream with the elements `u_0` to `u_<count - 1>`, and a list of them.
fn upstream_with(count: usize) -> (Upstream, String) {
    let upstream = Upstream::start();
    let ids: Vec<String> = (0..count).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| _ = upstream.add(id, 2));
    (upstream, ids.join("\n") + "\n")
}

/// The IDs of the report's lines, sorted.
fn taken_up(outcome: &Outcome) -> Vec<String> {
    let mut ids: Vec<String> =
        outcome.lines().iter().filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect();
    ids.sort();
    ids
}

/// A line of a report.
fn reported(id: &str, status: &str) -> String {
    json!({"schema": 1, "id": id, "status": status, "stands": "none"}).to_string() + "\n"
}

/// What a mirror holds, but for times.
fn held(mirror: &MirrorDir) -> Vec<Value> {
    let timeless = |id: String| {
        let mut manifest = mirror.manifest(&id);
        manifest["committedAt"] = Value::Null;
        for asset in manifest["assets"].as_array_mut().unwrap() {
            asset["fetchedAt"] = Value::Null;
        }
        manifest
    };
    mirror.ids().into_iter().map(timeless).collect()
}

#[test]
fn eight_shards_one_after_the_other_give_what_one_run_gives() {
    let (upstream, list) = upstream_with(60);
    let list = list + "../bad\n";
    let (whole, sharded) = (MirrorDir::in_memory(), MirrorDir::in_memory());
    run(&upstream, &whole).arg("-").output_with(&list).expect(3);
    let mut all = Vec::new();
    for part in 1..=8 {
        let shard = run(&upstream, &sharded).args(["-", "--shard", &format!("{part}/8")]).output_with(&list);
        // The bad line is the first one's.
        let shard = shard.expect(if part == 1 { 3 } else { 0 });
        assert!((1..60).contains(&taken_up(&shard).len()), "{}", shard.stdout);
        all.extend(taken_up(&shard));
    }
    assert_eq!(all.len(), 60);
    assert_eq!(held(&sharded), held(&whole));
    sharded.check();
}

#[test]
fn a_shard_is_what_the_ids_digest_says() {
    // The first eight bytes of sha256("u_0"), as sha256sum says, are 0x36e020d7b527e3f6: 6 modulo 8.
    let (upstream, list) = upstream_with(1);
    let part = |part: &str| {
        let shard = run(&upstream, &MirrorDir::in_memory()).args(["-", "--dry-run", "--shard", part]);
        shard.output_with(&list).expect(0).lines().len()
    };
    assert_eq!((1..=8).map(|number| part(&format!("{number}/8"))).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 1, 0]);
    for wrong in ["0/8", "9/8", "8", "a/b", "1/0"] {
        let refused =
            run(&upstream, &MirrorDir::in_memory()).args(["-", "--shard", wrong]).output_with(&list).expect(2);
        assert!(refused.stderr.contains("K/N"), "{}", refused.stderr);
    }
}

#[test]
fn of_a_report_only_what_failed_may_be_taken_up() {
    let (upstream, _) = upstream_with(9);
    let mirror = MirrorDir::in_memory();
    let statuses =
        ["created", "failed", "incomplete", "damaged", "missing", "missing_manifest", "gone", "would_create"];
    let lines: String =
        statuses.iter().enumerate().map(|(number, status)| reported(&format!("u_{number}"), status)).collect();
    let report = mirror.put("report.ndjson", lines + "{\"id\":null,\"status\":\"failed\"}\n");
    // A text line is taken as ever.
    let once_more = run(&upstream, &mirror).arg(report).args(["--only-failed", "-"]).output_with("u_8\n").expect(0);
    assert_eq!(taken_up(&once_more), ["u_1", "u_2", "u_3", "u_4", "u_5", "u_8"]);
}

#[test]
fn a_run_goes_on_where_another_ended() {
    let (upstream, list) = upstream_with(6);
    let mirror = MirrorDir::in_memory();
    upstream.on_element("u_3", [Reply::json(403, &json!({"error": "no"}))]);
    let first = run(&upstream, &mirror).arg("-").output_with(&list).expect(3);
    // The line that was being written when the power went.
    let report = mirror.put("first.ndjson", first.stdout.clone() + "{\"schema\":1,\"id\":\"u_9");
    // And one that an editor has saved.
    let second = reported("u_7", "unchanged") + &reported("u_8", "incomplete");
    let second = mirror.put("second.ndjson", format!("\u{feff}{second}"));
    (7..9).for_each(|number| _ = upstream.add(&format!("u_{number}"), 1));
    upstream.add("u_3", 2);
    upstream.forget();
    let list = list + "u_7\nu_8\n";
    let skip = |run: Program| run.arg("--skip-done").arg(&report).arg("--skip-done").arg(&second);
    let rest = skip(run(&upstream, &mirror).arg("-")).output_with(&list).expect(0);
    assert_eq!(taken_up(&rest), ["u_3", "u_8"]);
    assert!(rest.stderr.contains("first.ndjson") && rest.stderr.contains("passed over: 1"), "{}", rest.stderr);
    assert_eq!(upstream.requests_to("/v1/kling/").len(), 2);
    let quiet = skip(run(&upstream, &mirror).args(["-", "-q"])).output_with(&list).expect(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_report_of_what_is_done_has_to_be_there_and_is_not_written_over() {
    let (upstream, list) = upstream_with(1);
    let mirror = MirrorDir::in_memory();
    let missing = run(&upstream, &mirror).args(["-", "--skip-done", "nowhere.ndjson"]).output_with(&list).expect(1);
    assert!(missing.stderr.contains("nowhere.ndjson"), "{}", missing.stderr);
    let report = mirror.put("report.ndjson", reported("u_0", "created"));
    let same = program().run(&upstream, &mirror.path()).arg("-").arg("--skip-done").arg(&report);
    let same = same.arg("--report").arg(&report).output_with(&list).expect(2);
    assert!(same.stderr.contains("would overwrite"), "{}", same.stderr);
    assert_eq!(std::fs::read_to_string(report).unwrap(), reported("u_0", "created"));
    // Nor is the token.
    let token = mirror.put("token", "user:1234-secret-token");
    for option in ["--report", "--metrics"] {
        let run = program().run(&upstream, &mirror.path()).arg("-").arg("--token-file").arg(&token);
        run.arg(option).arg(&token).output_with(&list).expect(2);
    }
    assert_eq!(std::fs::read(token).unwrap(), b"user:1234-secret-token");
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_verification_takes_shards_and_reports_too() {
    let (upstream, list) = upstream_with(20);
    let mirror = MirrorDir::in_memory();
    let mirrored = run(&upstream, &mirror).arg("-").output_with(&list).expect(0);
    let verify = || program().arg("verify").arg(mirror.path()).args(["--report", "-"]);
    let part = |part: usize| verify().args(["--shard", &format!("{part}/2")]).output().expect(0).lines().len();
    let parts = [part(1), part(2)];
    assert!(parts[0] > 0 && parts[1] > 0 && parts[0] + parts[1] == 20, "{parts:?}");
    mirror.write("u_5/cover.png", "edited");
    let found = verify().output().expect(3);
    let report = mirror.put("found.ndjson", &found.stdout);
    let again = verify().arg(&report).arg("--only-failed").output().expect(3);
    assert_eq!(taken_up(&again), ["u_5"]);
    let rest = verify().arg("--skip-done").arg(&report).output().expect(3);
    assert_eq!(taken_up(&rest), ["u_5"]);
    let done = mirror.put("done.ndjson", &mirrored.stdout);
    assert_eq!(verify().arg("--skip-done").arg(&done).output().expect(0).lines().len(), 0);
}

#[test]
fn a_list_that_stays_open_is_taken_up_shard_by_shard_as_it_comes() {
    let (upstream, list) = upstream_with(10);
    let mirror = MirrorDir::in_memory();
    let mut running = run(&upstream, &mirror).args(["-", "--shard", "1/2"]).spawn();
    running.write(&list);
    // It works while the pipe is open.
    assert!(running.read_line().contains("created"));
    running.signal("INT");
    running.end_within(Duration::from_secs(6)).expect(130);
}
