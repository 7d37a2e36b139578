//! Requests that fail: what succeeds all the same, and what is told where the client gives up.

use rstest::rstest;
use serde_json::json;

use super::{condition, mirrored, scene, story, turn};
use crate::support::{Bucket, Fault, Op, Outcome, Upstream};

/// Faults that pass, with what is said where they don't.
fn passing() -> Vec<(Fault, &'static str)> {
    vec![
        (Fault::broken(), "InternalError"),
        (Fault::error(503, "SlowDown"), "SlowDown"),
        (Fault::error(503, "ServiceUnavailable"), "ServiceUnavailable"),
        (Fault::error(429, "TooManyRequests"), "TooManyRequests"),
        (Fault::reset(), ""),
        (Fault::early_reset(), ""),
        (Fault::closed(), ""),
        (Fault::broken().applied(), "InternalError"),
        (Fault::reset().applied(), ""),
    ]
}

/// A run with a report and so many retries.
fn run(upstream: &Upstream, bucket: &Bucket, retries: &str) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).args(["--retries", retries]).report()
}

/// The element failed at the destination, and what is said of it.
#[track_caller]
fn failed(outcome: &Outcome, words: &str) -> String {
    let line = outcome.line("u_1");
    assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("io")), "{line}");
    let message = line["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(words) && message.contains("s3://"), "{words} is not said in: {message}");
    message
}

#[rstest]
#[case::cover("u_1/cover.*")]
#[case::response("u_1/element.*")]
#[case::checksums("u_1/SHA256SUMS")]
fn a_put_that_fails_once_is_tried_again(#[case] key: &str) {
    for (fault, words) in passing() {
        let (upstream, bucket) = scene();
        bucket.on(Op::Put, key, [fault]);
        let outcome = run(&upstream, &bucket, "1").expect(0);
        assert_eq!(outcome.status("u_1"), "created", "{words}");
        assert_eq!(bucket.seen(Op::Put, key).len(), 2, "{words}:\n{}", bucket.shown());
        bucket.check();
    }
}

#[rstest]
#[case::cover(Op::Put, "u_1/cover.*", Fault::stalled())]
#[case::superseded(Op::Put, ".element-mirror/history/u_1/*", Fault::stalled())]
#[case::superseded_and_done(Op::Put, ".element-mirror/history/u_1/*", Fault::stalled().applied())]
#[case::manifest(Op::Put, "u_1/manifest.json", Fault::stalled())]
#[case::manifest_and_done(Op::Put, "u_1/manifest.json", Fault::stalled().applied())]
#[case::checksums(Op::Put, "u_1/SHA256SUMS", Fault::stalled())]
#[case::standing_manifest(Op::Get, "u_1/manifest.json", Fault::stalled())]
fn a_request_that_gets_no_answer_is_given_up_and_made_again(#[case] op: Op, #[case] key: &str, #[case] fault: Fault) {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.on(op, key, [fault]);
    let run = bucket.run(&upstream).ids(["u_1"]).args(["--retries", "1", "--stall-timeout", "1s"]);
    assert_eq!(run.report().expect(0).status("u_1"), "updated");
    assert_eq!(bucket.history("u_1").len(), 1);
    bucket.check();
}

#[rstest]
#[case::cover("u_1/cover.*")]
#[case::response("u_1/element.*")]
fn a_data_object_that_can_not_be_put_fails_its_element_and_no_manifest_names_it(#[case] key: &str) {
    for (fault, words) in passing().into_iter().chain([(Fault::error(403, "AccessDenied"), "AccessDenied")]) {
        for retries in ["0", "1"] {
            let (upstream, bucket) = scene();
            bucket.always(Op::Put, key, fault.clone());
            let message = failed(&run(&upstream, &bucket, retries).expect(3), words);
            assert!(message.contains(key.trim_end_matches('*')), "{message}");
            assert!(!bucket.has("u_1/manifest.json") && !bucket.has("u_1/SHA256SUMS"));
            assert!(bucket.seen(Op::Put, "u_1/manifest.json").is_empty());
            let tries = if retries == "0" || words == "AccessDenied" { 1 } else { 2 };
            assert_eq!(bucket.seen(Op::Put, key).len(), tries, "{words}:\n{}", bucket.shown());
            bucket.check();
            bucket.mend();
            assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "created");
            bucket.check();
        }
    }
}

#[test]
fn a_data_object_of_a_change_that_can_not_be_put_leaves_the_old_version_whole() {
    let (upstream, bucket) = mirrored();
    let before = bucket.read("u_1/manifest.json");
    turn(&upstream, "u_1", 1);
    bucket.always(Op::Put, "u_1/cover.*", Fault::broken());
    let outcome = run(&upstream, &bucket, "0").expect(3);
    failed(&outcome, "InternalError");
    assert_eq!(outcome.line("u_1")["stands"], "complete");
    assert_eq!(bucket.read("u_1/manifest.json"), before);
    assert!(bucket.history("u_1").is_empty(), "kept before the data was there");
    bucket.check();
    bucket.mend();
    assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "updated");
    bucket.check();
}

#[test]
fn a_superseded_manifest_that_can_not_be_kept_stays_where_it_is() {
    let history = ".element-mirror/history/u_1/*";
    for (fault, words) in passing() {
        let (upstream, bucket) = mirrored();
        let before = bucket.read("u_1/manifest.json");
        turn(&upstream, "u_1", 1);
        // It is put on a condition, so that a client may not try it again by itself where it gets no answer.
        bucket.always(Op::Put, history, fault.clone());
        let outcome = run(&upstream, &bucket, "0");
        if bucket.history("u_1").is_empty() {
            failed(&outcome.expect(3), words);
            assert_eq!(bucket.read("u_1/manifest.json"), before);
            assert!(bucket.seen(Op::Put, "u_1/manifest.json").is_empty());
        } else {
            assert_eq!(outcome.expect(0).status("u_1"), "updated", "it was kept after all");
        }
        bucket.check();
        bucket.mend();
        run(&upstream, &bucket, "0").expect(0);
        assert_eq!(bucket.history("u_1").len(), 1);
        assert_eq!(bucket.read(&bucket.key(history)), before);
        bucket.check();
    }
}

#[test]
fn a_superseded_manifest_is_kept_once_though_its_element_fails_again_and_again() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.always(Op::Put, "u_1/manifest.json", Fault::broken());
    for _ in 0..3 {
        failed(&run(&upstream, &bucket, "0").expect(3), "InternalError");
        assert!(bucket.history("u_1").len() <= 1, "{:?}", bucket.history("u_1"));
        // One that still stands is of no past.
        let listed = bucket.command(&["history"]).output().expect(0);
        assert_eq!(listed.stdout, "");
        bucket.command(&["verify", "--history"]).output().expect(0);
    }
    bucket.mend();
    run(&upstream, &bucket, "0").expect(0);
    assert_eq!(bucket.history("u_1").len(), 1);
    assert_eq!(bucket.command(&["history"]).output().expect(0).stdout.lines().count(), 1);
    bucket.check();
}

#[test]
fn checksums_that_can_not_be_put_are_a_warning_and_a_repair_puts_them() {
    for (fault, words) in passing() {
        let (upstream, bucket) = mirrored();
        turn(&upstream, "u_1", 1);
        bucket.always(Op::Put, "u_1/SHA256SUMS", fault);
        let outcome = run(&upstream, &bucket, "0").expect(0);
        assert_eq!(outcome.status("u_1"), "updated");
        assert!(outcome.stderr.contains("SHA256SUMS is not up to date"), "{words}: {}", outcome.stderr);
        bucket.check_but_litter();
        bucket.mend();
        // They may lag: the manifest decides.
        bucket.command(&["verify"]).output().expect(0);
        assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "unchanged");
        bucket.command(&["verify", "--repair"]).output().expect(0);
        bucket.check();
    }
}

#[test]
fn a_manifest_that_can_not_be_read_fails_its_element_and_nothing_is_changed() {
    for (fault, words) in passing() {
        let (upstream, bucket) = mirrored();
        turn(&upstream, "u_1", 1);
        let before = bucket.snapshot();
        bucket.always(Op::Get, "u_1/manifest.json", fault.clone());
        failed(&run(&upstream, &bucket, "0").expect(3), words);
        assert_eq!(bucket.snapshot(), before);
        bucket.mend();
        bucket.on(Op::Get, "u_1/manifest.json", [fault]);
        assert_eq!(run(&upstream, &bucket, "1").expect(0).status("u_1"), "updated");
        bucket.check();
    }
}

#[test]
fn a_manifest_that_breaks_off_is_read_on_and_nothing_is_taken_for_half_of_it() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    for length in [0, 1, 100] {
        bucket.on(Op::Get, "u_1/manifest.json", [Fault::cut_at(length)]);
        assert_eq!(run(&upstream, &bucket, "1").expect(0).status("u_1"), "unchanged");
    }
    bucket.always(Op::Get, "u_1/manifest.json", Fault::cut_at(100));
    failed(&run(&upstream, &bucket, "0").expect(3), "");
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn a_manifest_that_was_not_seen_is_not_overwritten() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    bucket.on(Op::Get, "u_1/manifest.json", [Fault::error(404, "NoSuchKey")]);
    // Planned against nothing, refused by the condition, planned against what is there.
    assert_eq!(run(&upstream, &bucket, "0").expect(0).status("u_1"), "unchanged");
    assert_eq!(bucket.snapshot(), before);
    let puts = bucket.seen(Op::Put, "u_1/manifest.json");
    assert_eq!(
        puts.iter().map(|seen| (condition(seen), seen.status)).collect::<Vec<_>>(),
        [("If-None-Match: *".to_owned(), Some(412))]
    );
    bucket.check();
}

#[test]
fn a_bucket_that_vanishes_under_a_run_is_told() {
    let (upstream, bucket) = mirrored();
    bucket.always(Op::Get, "u_1/manifest.json", Fault::error(404, "NoSuchBucket"));
    failed(&run(&upstream, &bucket, "0").expect(3), "NoSuchBucket");
    assert!(upstream.cdn_requests().is_empty(), "taken for an element that is not there:\n{}", bucket.shown());
}

#[test]
fn three_elements_in_a_row_that_fail_at_the_store_end_the_run() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    let ids: Vec<String> = (0..40).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.always(Op::Put, "u_*", Fault::error(403, "AccessDenied"));
    let outcome = bucket.run(&upstream).ids(&ids).args(["-j", "1", "--api-concurrency", "1"]).report().expect(1);
    assert!(outcome.lines().len() < ids.len(), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
    bucket.check();
    bucket.mend();
    bucket.run(&upstream).ids(&ids).output().expect(0);
    bucket.check();
}

#[test]
fn one_element_that_fails_at_the_store_does_not_hold_up_the_others() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    let ids: Vec<String> = (0..10).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.always(Op::Put, "u_1/cover.*", Fault::broken());
    let outcome = bucket.run(&upstream).ids(&ids).args(["--retries", "0"]).report().expect(3);
    for id in &ids {
        assert_eq!(outcome.status(id), if id == "u_1" { "failed" } else { "created" });
    }
    assert!(story(&bucket).iter().all(|line| !line.contains("u_1/manifest.json If")));
    bucket.check();
}
