//! `verify --repair` of a mirror in a bucket, and what a run makes of what it finds there.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{cover, mirrored, plain, scene, turn};
use crate::support::{Bucket, Fault, Op, Outcome, Reply, Upstream, element, png};

fn repair(upstream: &Upstream, bucket: &Bucket, args: &[&str]) -> Outcome {
    let options = ["verify", "--repair", "--report", "-", "--allow-private-assets", "--api-base", &upstream.api()];
    bucket.command(&options).args(args).output()
}

fn run(upstream: &Upstream, bucket: &Bucket) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).report()
}

/// What was put aside: path without the time, and bytes.
fn aside(bucket: &Bucket) -> Vec<(String, Vec<u8>)> {
    let keys = bucket.keys_like(".element-mirror/damaged/*").into_iter();
    keys.map(|key| (plain(&key), bucket.read(&key))).collect()
}

/// Two versions of `u_1`, the first of which is superseded; with the key of its cover.
fn two_versions() -> (Upstream, Bucket, String) {
    let (upstream, bucket) = mirrored();
    let old = bucket.key("u_1/cover.*");
    turn(&upstream, "u_1", 1);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    bucket.forget();
    upstream.forget();
    (upstream, bucket, old)
}

/// `u_1` with a cover and a side view that are the same picture.
fn twins() -> (Upstream, Bucket, Vec<u8>) {
    let (upstream, bucket) = scene();
    let same = png(8, 8, 5);
    let paths = ["/cdn/u_1/one", "/cdn/u_1/two"];
    for path in paths {
        upstream.on(path, [Reply::ok(same.clone())]);
    }
    upstream.tell("u_1", &element("u_1", &paths.map(|path| upstream.url(path))));
    run(&upstream, &bucket).expect(0);
    (upstream, bucket, same)
}

#[test]
fn a_damaged_object_is_put_aside_before_it_is_overwritten_with_what_was_fetched_again() {
    let (upstream, bucket) = mirrored();
    let cover_key = bucket.key("u_1/cover.*");
    bucket.flip(&cover_key);
    let edited = bucket.read(&cover_key);
    let outcome = repair(&upstream, &bucket, &[]).expect(0);
    let line = outcome.line("u_1");
    assert_eq!(
        (&line["status"], &line["stands"], &line["downloaded"]),
        (&json!("repaired"), &json!("complete"), &json!(1))
    );
    assert_eq!(bucket.read(&cover_key), cover(0));
    assert_eq!(aside(&bucket), [(".element-mirror/damaged/u_1/WHEN/cover.png".to_owned(), edited)]);
    let log = bucket.log();
    let at = |op: Op, part: &str| log.iter().position(|seen| seen.op == op && seen.key.contains(part)).unwrap();
    assert!(at(Op::Copy, "damaged/u_1/") < at(Op::Put, "u_1/cover."), "{}", bucket.shown());
    assert!(bucket.history("u_1").is_empty(), "a repair supersedes nothing");
    bucket.check();
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "unchanged");
}

#[test]
fn a_missing_object_is_put_again() {
    let (upstream, bucket) = mirrored();
    for key in ["u_1/cover.*", "u_1/element.*"] {
        bucket.remove(&bucket.key(key));
        assert_eq!(repair(&upstream, &bucket, &[]).expect(0).status("u_1"), "repaired");
        assert!(aside(&bucket).is_empty());
        bucket.check();
        bucket.command(&["verify"]).output().expect(0);
    }
}

#[test]
fn what_is_whole_is_not_touched() {
    let (upstream, bucket, _) = two_versions();
    let before = bucket.snapshot();
    assert_eq!(repair(&upstream, &bucket, &["--history"]).expect(0).status("u_1"), "ok");
    assert_eq!(bucket.snapshot(), before);
    assert!(upstream.requests().is_empty());
}

#[rstest]
#[case::missing(None)]
#[case::damaged(Some("{"))]
#[case::empty(Some(""))]
fn a_lost_manifest_is_made_anew(#[case] stands: Option<&str>) {
    let (upstream, bucket) = mirrored();
    match stands {
        Some(bytes) => bucket.put("u_1/manifest.json", bytes),
        None => bucket.remove("u_1/manifest.json"),
    }
    assert_eq!(repair(&upstream, &bucket, &[]).expect(0).status("u_1"), "repaired");
    let kept: Vec<Vec<u8>> = aside(&bucket).into_iter().map(|(_, bytes)| bytes).collect();
    assert!(stands.is_none() || kept.contains(&stands.unwrap().as_bytes().to_vec()), "{:?}", bucket.keys());
    bucket.check();
    bucket.command(&["verify"]).output().expect(0);
}

#[test]
fn checksums_are_put_anew_without_asking_anybody() {
    let (upstream, bucket) = mirrored();
    let right = bucket.read("u_1/SHA256SUMS");
    for damage in [Some("of another version"), None] {
        match damage {
            Some(bytes) => bucket.put("u_1/SHA256SUMS", bytes),
            None => bucket.remove("u_1/SHA256SUMS"),
        }
        repair(&upstream, &bucket, &[]).expect(0);
        assert_eq!(bucket.read("u_1/SHA256SUMS"), right);
    }
    assert!(upstream.requests().is_empty());
    bucket.check();
}

#[test]
fn a_superseded_object_that_the_api_still_has_is_healed() {
    // The side view is in both versions.
    let (upstream, bucket, _) = two_versions();
    let side = bucket.key("u_1/side.*");
    let right = bucket.read(&side);
    bucket.flip(&side);
    assert_eq!(repair(&upstream, &bucket, &["--history"]).expect(0).status("u_1"), "repaired");
    assert_eq!((bucket.read(&side), upstream.cdn_requests().len()), (right, 1));
    bucket.check();
    bucket.command(&["verify", "--history"]).output().expect(0);
}

#[test]
fn a_superseded_object_that_nobody_has_any_more_stays_damaged() {
    let (upstream, bucket, old) = two_versions();
    bucket.flip(&old);
    let before = bucket.snapshot();
    let outcome = repair(&upstream, &bucket, &["--history"]).expect(3);
    let line = outcome.line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("damaged"), &json!("complete")));
    assert_eq!(bucket.snapshot(), before);
    // Without --history it is no matter of this repair.
    assert_eq!(repair(&upstream, &bucket, &[]).expect(0).status("u_1"), "ok");
}

#[test]
fn what_another_object_of_the_element_has_is_not_fetched() {
    let (upstream, bucket, same) = twins();
    upstream.forget();
    let cover_key = bucket.key("u_1/cover.*");
    bucket.flip(&cover_key);
    let edited = bucket.read(&cover_key);
    let outcome = repair(&upstream, &bucket, &[]).expect(0);
    assert_eq!(outcome.status("u_1"), "repaired");
    assert!(upstream.requests().is_empty());
    assert_eq!(bucket.read(&cover_key), same);
    assert_eq!(aside(&bucket).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), [edited]);
    bucket.check();
}

#[test]
fn a_quick_look_heals_from_nothing_that_only_looks_whole() {
    let (upstream, bucket, same) = twins();
    bucket.remove(&bucket.key("u_1/cover.*"));
    bucket.flip(&bucket.key("u_1/side.*"));
    repair(&upstream, &bucket, &["--quick"]);
    assert_eq!(bucket.read(&bucket.key("u_1/cover.*")), same);
    repair(&upstream, &bucket, &[]).expect(0);
    bucket.check();
}

#[test]
fn what_can_not_be_had_stays_damaged_and_in_its_place() {
    let (upstream, bucket) = mirrored();
    let cover_key = bucket.key("u_1/cover.*");
    bucket.flip(&cover_key);
    let before = bucket.snapshot();
    upstream.on("/cdn/u_1/cover-0", [Reply::new(404, "")]);
    for _ in 0..2 {
        let outcome = repair(&upstream, &bucket, &[]).expect(3);
        assert_eq!((outcome.status("u_1").as_str(), outcome.error_kind("u_1").as_str()), ("damaged", "http_404"));
        assert_eq!(bucket.snapshot(), before);
    }
}

#[test]
fn an_element_that_is_gone_upstream_stays_as_it_is() {
    let (upstream, bucket) = mirrored();
    bucket.flip(&bucket.key("u_1/cover.*"));
    let before = bucket.snapshot();
    upstream.on_element("u_1", [Reply::json(404, &json!({"error": "not found"}))]);
    let outcome = repair(&upstream, &bucket, &[]).expect(3);
    assert_eq!((outcome.status("u_1").as_str(), outcome.error_kind("u_1").as_str()), ("damaged", "not_found"));
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn an_element_that_has_changed_upstream_is_brought_up_to_date_and_its_damage_is_kept() {
    let (upstream, bucket) = mirrored();
    let cover_key = bucket.key("u_1/cover.*");
    bucket.flip(&cover_key);
    let edited = bucket.read(&cover_key);
    turn(&upstream, "u_1", 1);
    let outcome = repair(&upstream, &bucket, &[]).expect(0);
    assert_eq!(outcome.status("u_1"), "repaired");
    // It is nobody's any more: neither lost nor part of a past that is whole.
    let is_kept = |key: &String| bucket.read(key) == edited;
    assert!(bucket.keys().iter().any(is_kept), "{:?}", bucket.keys());
    bucket.check();
    bucket.command(&["verify", "--history"]).output().expect(0);
}

#[test]
fn what_can_not_be_put_aside_is_not_overwritten() {
    let (upstream, bucket) = mirrored();
    let cover_key = bucket.key("u_1/cover.*");
    bucket.flip(&cover_key);
    let edited = bucket.read(&cover_key);
    bucket.always(Op::Copy, "*", Fault::error(403, "AccessDenied"));
    let outcome = repair(&upstream, &bucket, &[]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.line("u_1")["error"]["message"].as_str().unwrap().contains("AccessDenied"), "{}", outcome.stdout);
    assert_eq!(bucket.read(&cover_key), edited);
    bucket.mend();
    for fault in [Fault::broken(), Fault::reset(), Fault::error(200, "InternalError"), Fault::reset().applied()] {
        bucket.put(&cover_key, edited.clone());
        bucket.on(Op::Copy, "*", [fault]);
        assert_eq!(repair(&upstream, &bucket, &["--retries", "1"]).expect(0).status("u_1"), "repaired");
        bucket.check();
    }
}

#[test]
fn a_repair_that_is_killed_at_any_put_leaves_what_the_next_one_finishes() {
    for (op, key) in [(Op::Copy, ".element-mirror/damaged/*"), (Op::Put, "u_1/cover.*"), (Op::Put, "u_1/manifest.json")]
    {
        let (upstream, bucket) = mirrored();
        let cover_key = bucket.key("u_1/cover.*");
        bucket.flip(&cover_key);
        let edited = bucket.read(&cover_key);
        let held = bucket.hold(op, key);
        let options = ["verify", "--repair", "--allow-private-assets", "--api-base", &upstream.api()];
        let running = bucket.command(&options).spawn();
        held.wait();
        running.signal("KILL");
        running.end_within(Duration::from_secs(10)).expect(137);
        drop(held);
        repair(&upstream, &bucket, &[]).expect(0);
        assert_eq!(bucket.read(&cover_key), cover(0));
        assert!(aside(&bucket).iter().any(|(_, bytes)| *bytes == edited), "{:?}", bucket.keys());
        bucket.check_but_litter();
    }
}

#[test]
fn a_run_replaces_a_manifest_that_can_not_be_read_and_keeps_it() {
    for bytes in ["{", "", "[]", "null", "{\"format\": 1}"] {
        let (upstream, bucket) = mirrored();
        bucket.put("u_1/manifest.json", bytes);
        let outcome = run(&upstream, &bucket).expect(0);
        assert!(["created", "updated"].contains(&outcome.status("u_1").as_str()), "{}", outcome.stdout);
        assert!(outcome.stderr.contains("u_1"), "not said: {}", outcome.stderr);
        let kept = bucket.key(".element-mirror/damaged/u_1/*/manifest.json");
        assert_eq!(bucket.read(&kept), bytes.as_bytes());
        assert_eq!(bucket.history("u_1").len(), 0);
        bucket.check();
    }
}

#[rstest]
#[case::newer("\"format\": 1", "\"format\": 2", "newer_format")]
#[case::anothers("\"u_1\"", "\"U_1\"", "folder_taken")]
fn a_manifest_of_a_newer_format_or_of_another_element_is_not_touched(
    #[case] from: &str,
    #[case] to: &str,
    #[case] kind: &str,
) {
    let (upstream, bucket) = mirrored();
    let manifest = String::from_utf8(bucket.read("u_1/manifest.json")).unwrap();
    bucket.put("u_1/manifest.json", manifest.replace(from, to));
    let before = bucket.snapshot();
    turn(&upstream, "u_1", 1);
    for outcome in [run(&upstream, &bucket), repair(&upstream, &bucket, &[])] {
        let outcome = outcome.expect(3);
        assert_eq!((outcome.status("u_1").as_str(), outcome.error_kind("u_1").as_str()), ("failed", kind));
        assert_eq!(bucket.snapshot(), before);
    }
}

#[test]
fn a_manifest_that_names_what_is_outside_of_its_element_is_damaged() {
    for name in ["../u_2/cover.png", "/etc/passwd", ".element-mirror/format", "manifest.json", "SHA256SUMS", ""] {
        let (upstream, bucket) = mirrored();
        let manifest = String::from_utf8(bucket.read("u_1/manifest.json")).unwrap();
        let file = bucket.manifest("u_1")["assets"][0]["file"].as_str().unwrap().to_owned();
        bucket.put("u_1/manifest.json", manifest.replace(&file, name));
        bucket.command(&["verify"]).output().expect(3);
        run(&upstream, &bucket).expect(0);
        bucket.command(&["verify"]).output().expect(0);
        bucket.check();
    }
}
