//! Objects that the standing manifest names, and that are lost or cut: a run notices them, as it does in a folder.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{cover, mirrored, story, turn};
use crate::support::{Accounts, Bucket, Fault, Op, Outcome, Reply, Upstream, element};

fn run(upstream: &Upstream, bucket: &Bucket, args: &[&str]) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).args(args).report()
}

/// `u_1`, mirrored, with an object that is lost, or cut short; and what was cut.
fn scene(pattern: &str, is_cut: bool) -> (Upstream, Bucket, String, Option<Vec<u8>>) {
    let (upstream, bucket) = mirrored();
    let key = bucket.key(pattern);
    let short = is_cut.then(|| bucket.read(&key)[..20].to_vec());
    match &short {
        Some(short) => bucket.put(&key, short.clone()),
        None => bucket.remove(&key),
    }
    (upstream, bucket, key, short)
}

#[rstest]
#[case::cover("u_1/cover.*", 1)]
#[case::response("u_1/element.*", 0)]
fn a_run_tells_what_is_lost_or_cut_and_puts_it_again(
    #[case] pattern: &str,
    #[case] downloaded: u64,
    #[values(false, true)] is_cut: bool,
    #[values(&[][..], &["--refresh"])] args: &[&str],
) {
    let (upstream, bucket, key, short) = scene(pattern, is_cut);
    let outcome = run(&upstream, &bucket, args).expect(0);
    let line = outcome.line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("updated"), &json!("complete")));
    assert_eq!(line["downloaded"], if args.is_empty() { downloaded } else { 2 });
    let said = format!("damaged or missing in its folder: {}", key.trim_start_matches("u_1/"));
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    bucket.check();
    assert!(bucket.history("u_1").is_empty(), "what was made good supersedes nothing");
    let aside: Vec<Vec<u8>> =
        bucket.keys_like(".element-mirror/damaged/*").iter().map(|key| bucket.read(key)).collect();
    assert_eq!(aside, short.into_iter().collect::<Vec<_>>());
    assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "unchanged");
    bucket.command(&["verify"]).output().expect(0);
}

#[test]
fn a_new_version_names_nothing_that_is_lost() {
    for pattern in ["u_1/cover.*", "u_1/side.*", "u_1/element.*"] {
        let (upstream, bucket, ..) = scene(pattern, false);
        let paths = ["/cdn/u_1/cover-0", "/cdn/u_1/side"].map(|path| upstream.url(path));
        let mut told = element("u_1", &paths);
        told["description"] = json!("another");
        upstream.tell("u_1", &told);
        assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "updated");
        assert_eq!(bucket.manifest("u_1")["element"]["description"], "another");
        bucket.check();
        bucket.command(&["verify", "--history"]).output().expect(0);
    }
}

#[test]
fn a_version_whose_lost_object_is_not_replaced_is_no_past_that_is_whole() {
    let (upstream, bucket, ..) = scene("u_1/cover.*", false);
    let manifest = bucket.read("u_1/manifest.json");
    turn(&upstream, "u_1", 1);
    assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "updated");
    assert!(bucket.history("u_1").is_empty());
    assert_eq!(bucket.read(&bucket.key(".element-mirror/damaged/u_1/*/manifest.json")), manifest);
    bucket.check();
}

#[test]
fn a_dry_run_tells_it_and_writes_nothing() {
    let (upstream, bucket, ..) = scene("u_1/cover.*", false);
    bucket.remove("u_1/SHA256SUMS");
    bucket.read_only();
    let before = bucket.snapshot();
    let line = run(&upstream, &bucket, &["--dry-run"]).expect(0).line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("would_update"), &json!("incomplete")));
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn an_element_that_its_accounts_list_shows_as_it_stands_is_looked_at_too() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    Accounts::of(&upstream).add("a@b.c", (0..3).map(|number| upstream.add(&format!("u_{number}"), 2)));
    let all = |args: &[&str]| bucket.run(&upstream).arg("--all").args(args).report();
    all(&[]).expect(0);
    bucket.remove(&bucket.keys_like("u_1/*.*.*")[0]);
    upstream.forget();
    let statuses = |outcome: &Outcome| ["u_0", "u_1", "u_2"].map(|id| outcome.status(id)).join(" ");
    assert_eq!(statuses(&all(&["--dry-run"]).expect(0)), "unchanged would_update unchanged");
    assert_eq!(statuses(&all(&[]).expect(0)), "unchanged updated unchanged");
    bucket.check();
    assert_eq!(statuses(&all(&[]).expect(0)), "unchanged unchanged unchanged");
    // Nobody else was asked for.
    let asked = upstream.requests_to("/v1/kling/elements/").len();
    assert_eq!((asked, upstream.requests_to("/v1/kling/elements/u_1").len()), (2, 2));
}

#[test]
fn what_nobody_has_any_more_fails_its_element_and_is_told_as_missing() {
    let (upstream, bucket, ..) = scene("u_1/cover.*", false);
    upstream.on("/cdn/u_1/cover-0", [Reply::new(404, "")]);
    let before = bucket.snapshot();
    let line = run(&upstream, &bucket, &[]).expect(3).line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!("incomplete")));
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn a_listing_is_read_to_its_last_page_and_strangers_objects_are_none_of_ours() {
    let (upstream, bucket) = mirrored();
    let theirs = ["u_1/a/cover.png", "u_1/a/b.txt", "u_1/n.txt", "u_1/zz.txt", "u_10/cover.png", "u_1.txt"];
    theirs.iter().for_each(|key| bucket.put(key, "theirs"));
    for size in [1, 2, 3, 1000] {
        bucket.page_size(size);
        assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "unchanged");
        bucket.remove(&bucket.key("u_1/side.*"));
        assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "updated");
        bucket.check();
    }
    assert!(theirs.iter().all(|key| bucket.read(key) == b"theirs"));
}

#[test]
fn a_listing_that_fails_fails_its_element_and_changes_nothing() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    let before = bucket.snapshot();
    for (fault, words) in [(Fault::error(403, "AccessDenied"), "AccessDenied"), (Fault::broken(), "InternalError")] {
        bucket.always(Op::List, "u_1/", fault);
        for args in [&["--retries", "0"][..], &["--retries", "0", "--dry-run"]] {
            let outcome = run(&upstream, &bucket, args).expect(3);
            let line = outcome.line("u_1");
            assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!("complete")), "{line}");
            let message = line["error"]["message"].as_str().unwrap();
            assert!(message.contains(words) && message.contains("list s3://"), "{message}");
            assert_eq!(bucket.snapshot(), before);
        }
        bucket.mend();
    }
    // Half of a listing is none.
    bucket.page_size(1);
    bucket.on(Op::List, "u_1/", [Fault::none()]);
    bucket.always(Op::List, "u_1/", Fault::error(403, "AccessDenied"));
    assert_eq!(run(&upstream, &bucket, &[]).expect(3).error_kind("u_1"), "io");
    assert_eq!(bucket.snapshot(), before);
    bucket.mend();
    bucket.on(Op::List, "u_1/", [Fault::error(503, "SlowDown"), Fault::reset()]);
    assert_eq!(run(&upstream, &bucket, &["--retries", "2"]).expect(0).status("u_1"), "updated");
    bucket.check();
}

#[test]
fn checksums_that_are_lost_are_put_again_and_nothing_is_changed_by_that() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    bucket.remove("u_1/SHA256SUMS");
    let outcome = run(&upstream, &bucket, &[]).expect(0);
    assert_eq!((outcome.status("u_1").as_str(), outcome.stderr.contains("u_1")), ("unchanged", false));
    assert_eq!(bucket.snapshot(), before);
    assert_eq!(story(&bucket).pop().unwrap(), "PUT u_1/SHA256SUMS If-None-Match: *");
    // That they can't be put is no failure: they may lag.
    bucket.remove("u_1/SHA256SUMS");
    bucket.always(Op::Put, "u_1/SHA256SUMS", Fault::error(403, "AccessDenied"));
    assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "unchanged");
    bucket.mend();
    run(&upstream, &bucket, &[]).expect(0);
    bucket.check();
}

#[test]
fn two_runs_that_find_the_same_loss_make_it_good_once() {
    let (upstream, bucket, key, _) = scene("u_1/cover.*", false);
    let held = bucket.hold(Op::Put, "u_1/cover.*");
    let running = bucket.run(&upstream).ids(["u_1"]).args(["--report", "-"]).spawn();
    held.wait();
    assert_eq!(run(&upstream, &bucket, &[]).expect(0).status("u_1"), "updated");
    held.release();
    let ours = running.end_within(Duration::from_secs(60)).expect(0);
    assert_eq!((ours.status("u_1").as_str(), bucket.read(&key)), ("unchanged", cover(0)));
    bucket.check();
}
