//! `verify` of a mirror in a bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{mirrored, scene, turn};
use crate::support::{Accounts, Bucket, Fault, MirrorDir, Op, Outcome, Upstream, program};

fn verify(bucket: &Bucket, args: &[&str]) -> Outcome {
    bucket.command(&["verify", "--report", "-"]).args(args).output()
}

/// The element is found so, and what is said of it holds the words.
#[track_caller]
fn found(outcome: &Outcome, status: &str, words: &str) {
    let line = outcome.line("u_1");
    let message = line["error"]["message"].as_str().unwrap_or_default();
    assert!(line["status"] == status && message.contains(words), "{line}");
}

/// Two versions of `u_1`, the first of which is superseded.
fn two_versions() -> (Upstream, Bucket) {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    bucket.forget();
    (upstream, bucket)
}

/// The cover that is superseded.
fn old_cover(bucket: &Bucket) -> String {
    let stands = bucket.manifest("u_1")["assets"][0]["file"].as_str().unwrap().to_owned();
    bucket.keys_like("u_1/cover.*").into_iter().find(|key| !key.ends_with(&stands)).unwrap()
}

#[test]
fn every_object_is_read_once_and_nothing_is_written() {
    let (_upstream, bucket) = two_versions();
    let before = bucket.snapshot();
    bucket.read_only();
    let outcome = verify(&bucket, &["--history"]).expect(0);
    found(&outcome, "ok", "");
    assert_eq!(bucket.snapshot(), before);
    let log = bucket.log();
    assert!(log.iter().all(|seen| matches!(seen.op, Op::Get | Op::Head | Op::List)), "{}", bucket.shown());
    for key in bucket.keys_like("u_1/*.*.*") {
        assert_eq!(bucket.seen(Op::Get, &key).len(), 1, "{key}");
    }
    assert_eq!(bucket.staged(), Vec::<String>::new());
}

#[test]
fn no_token_and_no_api_is_needed() {
    let (_upstream, bucket) = mirrored();
    bucket.command(&["verify"]).env_remove("USEAPI_TOKEN").output().expect(0);
}

#[rstest]
#[case::cover("u_1/cover.*")]
#[case::response("u_1/element.*")]
fn damage_and_loss_are_found_and_named(#[case] pattern: &str) {
    let (_upstream, bucket) = mirrored();
    let key = bucket.key(pattern);
    let name = key.trim_start_matches("u_1/");
    let bytes = bucket.read(&key);
    bucket.flip(&key);
    found(&verify(&bucket, &[]).expect(3), "damaged", name);
    found(&verify(&bucket, &["--quick"]).expect(0), "ok", "");
    bucket.put(&key, &bytes[..bytes.len() - 1]);
    found(&verify(&bucket, &["--quick"]).expect(3), "damaged", name);
    bucket.remove(&key);
    for args in [&[][..], &["--quick"]] {
        found(&verify(&bucket, args).expect(3), "damaged", name);
    }
    bucket.put(&key, bytes);
    found(&verify(&bucket, &[]).expect(0), "ok", "");
}

#[test]
fn a_quick_look_reads_no_object_but_the_manifest() {
    let (_upstream, bucket) = two_versions();
    verify(&bucket, &["--quick"]).expect(0);
    let read: Vec<String> = bucket.seen(Op::Get, "u_1/*").into_iter().map(|seen| seen.key).collect();
    assert_eq!(read, ["u_1/manifest.json"]);
}

#[test]
fn what_is_superseded_is_looked_at_where_that_is_wanted() {
    let (_upstream, bucket) = two_versions();
    let key = old_cover(&bucket);
    let name = key.trim_start_matches("u_1/");
    bucket.flip(&key);
    found(&verify(&bucket, &[]).expect(0), "ok", "");
    let outcome = verify(&bucket, &["--history"]).expect(3);
    found(&outcome, "damaged", name);
    assert_eq!(outcome.line("u_1")["stands"], "complete");
    bucket.remove(&key);
    found(&verify(&bucket, &["--history", "--quick"]).expect(3), "damaged", name);
    let past = format!(".element-mirror/history/u_1/{}/manifest.json", bucket.history("u_1")[0]);
    bucket.put(&past, "{");
    found(&verify(&bucket, &["--history"]).expect(3), "damaged", &bucket.history("u_1")[0]);
}

#[test]
fn an_element_that_lost_its_manifest_is_told_from_one_that_is_not_there() {
    let (_upstream, bucket) = mirrored();
    bucket.remove("u_1/manifest.json");
    let outcome = verify(&bucket, &[]).expect(3);
    assert_eq!(outcome.status("u_1"), "missing_manifest");
    let list = bucket.command(&["verify", "--report", "-"]).arg("-").output_with("u_1\nu_2\n").expect(3);
    assert_eq!((list.status("u_1").as_str(), list.status("u_2").as_str()), ("missing_manifest", "missing"));
}

#[test]
fn objects_that_no_manifest_ever_named_are_no_element() {
    let (_upstream, bucket) = mirrored();
    bucket.put("u_2/cover.0123456789abcdef0123456789abcdef.png", "of a run that was killed");
    bucket.put("others/notes.txt", "theirs");
    bucket.put("notes.txt", "theirs");
    let outcome = verify(&bucket, &[]).expect(0);
    assert_eq!(outcome.lines().len(), 1, "{}", outcome.stdout);
}

#[test]
fn a_manifest_that_is_damaged_newer_or_anothers_is_told() {
    let (_upstream, bucket) = mirrored();
    let right = String::from_utf8(bucket.read("u_1/manifest.json")).unwrap();
    bucket.put("u_1/manifest.json", "{");
    found(&verify(&bucket, &[]).expect(3), "damaged", "manifest.json");
    bucket.put("u_1/manifest.json", right.replace("\"format\": 1", "\"format\": 2"));
    found(&verify(&bucket, &[]).expect(3), "failed", "format 2");
    bucket.put("u_1/manifest.json", right.replace("\"u_1\"", "\"u_9\""));
    found(&verify(&bucket, &[]).expect(3), "failed", "u_9");
}

#[test]
fn checksums_that_lag_are_no_damage() {
    let (_upstream, bucket) = mirrored();
    bucket.put("u_1/SHA256SUMS", "of another version");
    found(&verify(&bucket, &[]).expect(0), "ok", "");
    bucket.remove("u_1/SHA256SUMS");
    found(&verify(&bucket, &[]).expect(0), "ok", "");
}

#[test]
fn a_version_that_is_replaced_meanwhile_is_looked_at_anew() {
    let (upstream, bucket) = mirrored();
    let held = bucket.hold(Op::Get, "u_1/cover.*");
    let running = bucket.command(&["verify", "--report", "-"]).spawn();
    held.wait();
    let first = bucket.key("u_1/cover.*");
    turn(&upstream, "u_1", 1);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    // As if it had been pruned, in a day's time.
    bucket.remove(&format!(".element-mirror/history/u_1/{}/manifest.json", bucket.history("u_1")[0]));
    bucket.remove(&first);
    held.release();
    let outcome = running.end_within(Duration::from_secs(60)).expect(0);
    found(&outcome, "ok", "");
}

#[test]
fn what_breaks_off_is_read_again() {
    let (_upstream, bucket) = mirrored();
    for fault in [Fault::cut_at(100), Fault::broken(), Fault::reset(), Fault::error(503, "SlowDown")] {
        bucket.on(Op::Get, "u_1/cover.*", [fault.clone()]);
        bucket.on(Op::Get, "u_1/manifest.json", [fault]);
        found(&verify(&bucket, &["--retries", "1"]).expect(0), "ok", "");
    }
}

#[rstest]
#[case::server_error(Fault::broken(), "InternalError")]
#[case::denied(Fault::error(403, "AccessDenied"), "AccessDenied")]
#[case::cut(Fault::cut_at(100), "")]
fn what_can_not_be_read_is_a_failure_and_no_damage(#[case] fault: Fault, #[case] words: &str) {
    for key in ["u_1/cover.*", "u_1/manifest.json"] {
        let (_upstream, bucket) = mirrored();
        bucket.always(Op::Get, key, fault.clone());
        let outcome = verify(&bucket, &["--retries", "0"]);
        assert_ne!(outcome.code, 0);
        found(&outcome, "failed", words);
        assert_eq!(outcome.error_kind("u_1"), "io");
    }
}

#[test]
fn elements_are_listed_to_the_last_page() {
    let upstream = Upstream::start();
    let bucket = Bucket::start();
    let ids: Vec<String> = (0..25).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.run(&upstream).ids(&ids).output().expect(0);
    for size in [1, 7, 1000] {
        bucket.page_size(size);
        let outcome = verify(&bucket, &[]).expect(0);
        assert_eq!(outcome.lines().len(), ids.len());
        assert!(outcome.lines().iter().all(|line| line["status"] == "ok"), "{}", outcome.stdout);
        assert_eq!(verify(&bucket, &["--quick"]).expect(0).lines().len(), ids.len());
    }
    let shard = verify(&bucket, &["--shard", "1/2"]).expect(0).lines().len();
    assert_eq!(shard + verify(&bucket, &["--shard", "2/2"]).expect(0).lines().len(), ids.len());
}

#[test]
fn a_listing_that_breaks_off_is_no_end_of_it() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_2", 0);
    bucket.run(&upstream).ids(["u_2"]).output().expect(0);
    bucket.page_size(1);
    // The first page comes, and no other.
    bucket.on(Op::List, "", [Fault::none()]);
    bucket.always(Op::List, "", Fault::error(403, "AccessDenied"));
    let outcome = verify(&bucket, &[]).expect(1);
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
}

#[test]
fn a_folders_mirror_that_was_copied_here_is_read_but_not_vouched_for() {
    let (upstream, copied) = scene();
    let mirror = MirrorDir::new();
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    for (path, bytes) in mirror.all_files() {
        copied.put(&path, bytes);
    }
    let before = copied.snapshot();
    let outcome = verify(&copied, &[]);
    assert_eq!(copied.snapshot(), before);
    assert!(["ok", "damaged"].contains(&outcome.status("u_1").as_str()), "{}", outcome.stdout);
    // The first run fetches it once more under names that say the bytes, and leaves the copies.
    let run = copied.run(&upstream).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "updated");
    assert!(copied.has("u_1/cover.png"));
    assert_eq!(copied.run(&upstream).ids(["u_1"]).report().expect(0).status("u_1"), "unchanged");
    assert_eq!(verify(&copied, &[]).expect(0).line("u_1")["status"], json!("ok"));
}

#[test]
fn of_a_list_so_many_elements_are_looked_at_in_the_store_at_a_time() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    let all = (0..200).map(|number| upstream.add(&format!("u_{number}"), 1));
    Accounts::of(&upstream).add("a@b.c", all);
    bucket.run(&upstream).arg("--all").output().expect(0);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let looking = {
        let most = Arc::clone(&most);
        move || {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            now.fetch_sub(1, SeqCst);
        }
    };
    bucket.always(Op::Get, "u_*/manifest.json", Fault::none().meanwhile(looking));
    let run = bucket.run(&upstream).arg("--all").report().expect(0);
    assert_eq!(run.lines().iter().filter(|line| line["status"] == "unchanged").count(), 200);
    let most = most.load(SeqCst);
    assert!((2..=64).contains(&most), "{most}");
}
