//! Signals and kills at every request of a commit: the old version stands whole or the new one does.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::{large, mirrored, scene, turn};
use crate::support::{Bucket, Fault, Op, Reply, Upstream, element};

const HISTORY: &str = ".element-mirror/history/u_1/*/manifest.json";

/// Each request of the commit of a change, in order.
const STEPS: [(Op, &str); 6] = [
    (Op::Get, "u_1/manifest.json"),
    (Op::Put, "u_1/cover.*"),
    (Op::Put, "u_1/element.*"),
    (Op::Put, HISTORY),
    (Op::Put, "u_1/manifest.json"),
    (Op::Put, "u_1/SHA256SUMS"),
];

/// The digest of the cover that stands.
fn cover(bucket: &Bucket) -> Value {
    bucket.manifest("u_1")["assets"][0]["sha256"].clone()
}

#[test]
fn killed_at_any_request_the_old_or_the_new_version_stands_and_the_next_run_finishes() {
    for (op, key) in STEPS {
        for is_applied in [false, true] {
            let (upstream, bucket) = mirrored();
            let old = cover(&bucket);
            turn(&upstream, "u_1", 1);
            // In one case the request is held and never done, in the other it is done and the answer never comes.
            let held = (!is_applied).then(|| bucket.hold(op, key));
            bucket.on(op, key, [Fault::stalled().applied()]);
            let running = bucket.run(&upstream).ids(["u_1"]).spawn();
            bucket.wait_for(op, key, 1);
            if is_applied {
                bucket.wait_until_done(op, key);
            }
            running.signal("KILL");
            running.end_within(Duration::from_secs(10)).expect(137);
            // The server may do it or not: it does it.
            drop(held);
            bucket.check_but_litter();
            bucket.mend();
            bucket.command(&["verify", "--history"]).output().expect(0);
            let is_old = cover(&bucket) == old;
            assert!(is_old || matches!(key, "u_1/manifest.json" | "u_1/SHA256SUMS"), "{key}:\n{}", bucket.shown());
            let next = bucket.run(&upstream).ids(["u_1"]).report().expect(0);
            assert_eq!(next.status("u_1"), if is_old { "updated" } else { "unchanged" }, "{key}");
            assert_eq!(bucket.staged(), Vec::<String>::new(), "what the killed run staged");
            assert_eq!(bucket.history("u_1").len(), 1, "{key}");
            bucket.check_but_litter();
            bucket.command(&["verify", "--repair"]).output().expect(0);
            bucket.check();
        }
    }
}

#[test]
fn killed_before_a_first_manifest_there_is_none_and_the_next_run_finishes() {
    for key in ["u_1/cover.*", "u_1/element.*", "u_1/manifest.json"] {
        let (upstream, bucket) = scene();
        let held = bucket.hold(Op::Put, key);
        let running = bucket.run(&upstream).ids(["u_1"]).spawn();
        held.wait();
        running.signal("KILL");
        running.end_within(Duration::from_secs(10)).expect(137);
        assert!(!bucket.has("u_1/manifest.json"));
        bucket.check_but_litter();
        // Objects alone are no element.
        assert_eq!(bucket.command(&["verify", "--report", "-"]).output().stdout, "");
        let next = bucket.run(&upstream).ids(["u_1"]).report().expect(0);
        assert_eq!(next.status("u_1"), "created");
        // What comes of a request whose sender is dead comes later still.
        drop(held);
        bucket.check();
    }
}

#[rstest]
#[case::interrupted("INT", 130, &STEPS)]
#[case::terminated("TERM", 143, &STEPS[1..2])]
fn a_signal_at_any_request_leaves_a_whole_version_and_nothing_staged(
    #[case] signal: &str,
    #[case] code: i32,
    #[case] steps: &[(Op, &str)],
) {
    for &(op, key) in steps {
        let (upstream, bucket) = mirrored();
        let old = cover(&bucket);
        turn(&upstream, "u_1", 1);
        bucket.always(op, key, Fault::stalled());
        let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
        bucket.wait_for(op, key, 1);
        running.signal(signal);
        let outcome = running.end_within(Duration::from_secs(20)).expect(code);
        bucket.check_but_litter();
        assert_eq!(bucket.staged(), Vec::<String>::new());
        let is_new = cover(&bucket) != old;
        assert_eq!(is_new, key == "u_1/SHA256SUMS");
        let line = outcome.line("u_1");
        if is_new {
            assert_eq!(line["status"], "updated");
        } else {
            assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("interrupted")), "{key}");
        }
        bucket.mend();
        let next = bucket.run(&upstream).ids(["u_1"]).report().expect(0);
        assert_eq!(next.status("u_1"), if is_new { "unchanged" } else { "updated" });
        assert_eq!(bucket.history("u_1").len(), 1);
    }
}

#[test]
fn a_manifest_that_is_under_way_when_a_signal_comes_is_waited_for() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let held = bucket.hold(Op::Put, "u_1/manifest.json");
    let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
    held.wait();
    running.signal("INT");
    held.release();
    let outcome = running.end_within(Duration::from_secs(20)).expect(130);
    assert_eq!((outcome.status("u_1").as_str(), bucket.history("u_1").len()), ("updated", 1));
    bucket.check();
}

#[test]
fn a_signal_while_many_elements_wait_for_the_store_leaves_nothing_staged() {
    let ids: Vec<String> = (0..40).map(|number| format!("u_{number}")).collect();
    for (op, key) in [(Op::Get, "u_*/manifest.json"), (Op::Put, "u_*/cover.*")] {
        let (upstream, bucket) = (Upstream::start(), Bucket::start());
        ids.iter().for_each(|id| turn(&upstream, id, 0));
        bucket.always(op, key, Fault::stalled());
        let running = bucket.run(&upstream).ids(&ids).spawn();
        bucket.wait_for(op, key, 4);
        running.signal("INT");
        running.end_within(Duration::from_secs(20)).expect(130);
        bucket.check();
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let held = bucket.hold(Op::Put, "u_1/manifest.json");
    let mut running = bucket.run(&upstream).ids(["u_1"]).spawn();
    held.wait();
    running.signal("INT");
    assert!(!running.ended_within(Duration::from_millis(100)), "it waits for its manifest");
    running.signal("INT");
    assert!(running.ended_within(Duration::from_secs(3)));
    drop(held);
    bucket.check_but_litter();
}

#[test]
fn a_signal_at_the_start_ends_a_run_that_waits_for_the_store() {
    for (op, key) in
        [(Op::Get, ".element-mirror/format"), (Op::List, ".element-mirror/gone/"), (Op::Put, ".element-mirror/format")]
    {
        let (upstream, bucket) = scene();
        bucket.always(op, key, Fault::stalled());
        let running = bucket.run(&upstream).ids(["u_1"]).spawn();
        bucket.wait_for(op, key, 1);
        running.signal("INT");
        running.end_within(Duration::from_secs(20)).expect(130);
        assert!(upstream.requests().is_empty());
        assert_eq!(bucket.staged(), Vec::<String>::new());
    }
}

#[test]
fn what_a_run_stages_is_in_the_folder_it_was_told_and_goes_with_it() {
    let (upstream, bucket) = scene();
    let held = bucket.hold(Op::Put, "u_1/cover.*");
    let running = bucket.run(&upstream).ids(["u_1"]).spawn();
    held.wait();
    let folders = bucket.staged();
    assert_eq!(folders.len(), 1);
    let staged = bucket.staging_folder().join(&folders[0]).join("u_1");
    assert!(staged.is_dir(), "{folders:?}");
    // Another run leaves it alone.
    turn(&upstream, "u_2", 0);
    bucket.run(&upstream).ids(["u_2"]).output().expect(0);
    assert!(staged.is_dir());
    held.release();
    running.end_within(Duration::from_secs(20)).expect(0);
    bucket.check();
}

#[test]
fn a_run_that_stops_early_leaves_nothing_begun() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    for number in 0..4 {
        let (id, path) = (format!("u_{number}"), format!("/cdn/u_{number}/large"));
        upstream.on(&path, [Reply::ok(large(9 << 20, number))]);
        upstream.tell(&id, &element(&id, &[upstream.url(&path)]));
    }
    // The token is refused while the first ones go up.
    let held = bucket.hold(Op::Part, "*");
    let objects = bucket.objects();
    upstream.script("/v1/kling/elements/u_bad", move |_| {
        objects.wait_for(Op::Part, "*", 1);
        Reply::json(401, &json!({"error": "Unauthorized"}))
    });
    let ids = (0..4).map(|number| format!("u_{number}")).chain(["u_bad".to_owned()]);
    let running = bucket.run(&upstream).ids(ids).args(["--api-concurrency", "8"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_bad", 1);
    held.release();
    running.end_within(Duration::from_secs(60)).expect(4);
    bucket.check();
}

#[rstest]
#[case::elements(&["verify"], Op::List, "")]
#[case::manifest(&["verify"], Op::Get, "u_1/manifest.json")]
#[case::object(&["verify"], Op::Get, "u_1/cover.*")]
#[case::checksums(&["verify", "--repair"], Op::Get, "u_1/SHA256SUMS")]
#[case::histories(&["history"], Op::List, ".element-mirror/history/")]
#[case::superseded(&["history"], Op::Get, ".element-mirror/history/u_1/*")]
#[case::pruned(&["prune", "--keep-versions", "0"], Op::List, ".element-mirror/history/")]
#[case::pruned_one(&["prune", "--keep-versions", "0"], Op::Get, ".element-mirror/history/u_1/*")]
fn a_signal_ends_every_command_that_waits_for_the_store(#[case] command: &[&str], #[case] op: Op, #[case] key: &str) {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    bucket.forget();
    bucket.always(op, key, Fault::stalled());
    let running = bucket.command(command).spawn();
    bucket.wait_for(op, key, 1);
    running.signal("INT");
    running.end_within(Duration::from_secs(20)).expect(130);
    bucket.check();
}

#[test]
fn a_signal_ends_a_run_that_waits_for_the_store_to_write_its_index() {
    let (upstream, bucket) = mirrored();
    bucket.always(Op::List, "", Fault::stalled());
    let running = bucket.run(&upstream).ids(["u_1"]).arg("--index").spawn();
    bucket.wait_for(Op::List, "", 1);
    running.signal("TERM");
    running.end_within(Duration::from_secs(20)).expect(143);
    bucket.check();
}
