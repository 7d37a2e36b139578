//! Pruning: nothing goes that anybody may still need, in whatever order things happen.

use std::time::Duration;

use element_mirror::time::Time;
use rstest::rstest;
use serde_json::{Value, json};

use super::{cover, mirrored, plain, turn};
use crate::support::{Bucket, Fault, Op, Outcome, Upstream};

const HOUR: Duration = Duration::from_secs(3600);
const NONE: [&str; 2] = ["--keep-versions", "0"];

/// The next turn of `u_1`, mirrored.
fn take(upstream: &Upstream, bucket: &Bucket, number: u8) {
    turn(upstream, "u_1", number);
    bucket.run(upstream).ids(["u_1"]).output().expect(0);
}

/// A mirror in which `u_1` has had so many versions, numbered from 0 by their covers, each of which stood for a day and
/// more; the last one has stood for so many hours.
fn versions(count: u8, hours: u32) -> (Upstream, Bucket) {
    let (upstream, bucket) = mirrored();
    for number in 1..count {
        turn_back(&bucket, 48);
        take(&upstream, &bucket, number);
    }
    turn_back(&bucket, hours);
    bucket.forget();
    (upstream, bucket)
}

/// Makes it as if all that is there had been put so many hours earlier.
fn turn_back(bucket: &Bucket, hours: u32) {
    let by = HOUR * hours;
    for key in bucket.keys_like("*/manifest.json") {
        let mut manifest: Value = serde_json::from_slice(&bucket.read(&key)).unwrap();
        let time = Time::from_rfc3339(manifest["committedAt"].as_str().unwrap()).unwrap();
        let (seconds, nanoseconds) = time.to_unix();
        let millis = (seconds - by.as_secs() as i64) * 1000 + nanoseconds / 1_000_000;
        let time = Time::from_unix_millis(millis).unwrap();
        manifest["committedAt"] = json!(time);
        let modified = bucket.object(&key).modified;
        bucket.remove(&key);
        let parts: Vec<&str> = key.split('/').collect();
        let moved = match parts[..] {
            [own, "history", id, when, file] => {
                let number = when.split_once('-').map_or(String::new(), |(_, number)| format!("-{number}"));
                format!("{own}/history/{id}/{}{number}/{file}", time.to_compact())
            }
            _ => key.clone(),
        };
        bucket.put(&moved, serde_json::to_vec_pretty(&manifest).unwrap());
        bucket.set_modified(&moved, modified);
    }
    bucket.age("*", by);
}

/// The number of each cover that is there.
fn covers(bucket: &Bucket) -> Vec<u8> {
    let number = |key: &String| (0..=u8::MAX).find(|number| bucket.read(key) == cover(*number)).unwrap();
    let mut numbers: Vec<u8> = bucket.keys_like("u_1/cover.*.png").iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// The number of each superseded version, by its cover.
fn history(bucket: &Bucket) -> Vec<u8> {
    let number = |when: String| {
        let manifest = bucket.read(&format!(".element-mirror/history/u_1/{when}/manifest.json"));
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let digest = manifest["assets"][0]["sha256"].clone();
        let is_it = |number: &u8| digest == element_mirror::digest::Digest::of(&cover(*number)).to_string();
        (0..=u8::MAX).find(is_it).unwrap()
    };
    let mut numbers: Vec<u8> = bucket.history("u_1").into_iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn prune(bucket: &Bucket, rules: &[&str]) -> Outcome {
    bucket.command(&["prune"]).args(rules).output()
}

#[test]
fn what_was_superseded_within_the_last_day_stays_whatever_the_rules_say() {
    let (upstream, bucket) = mirrored();
    for number in 1..4 {
        take(&upstream, &bucket, number);
    }
    let before = bucket.snapshot();
    prune(&bucket, &NONE).expect(0);
    prune(&bucket, &["--keep-within", "0s"]).expect(0);
    bucket.run(&upstream).ids(["u_1"]).args(NONE).output().expect(0);
    assert_eq!(bucket.snapshot(), before);
    turn_back(&bucket, 23);
    prune(&bucket, &NONE).expect(0);
    assert_eq!(history(&bucket), [0, 1, 2]);
    bucket.check();
    turn_back(&bucket, 2);
    prune(&bucket, &NONE).expect(0);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![3]));
    bucket.check();
}

#[test]
fn objects_go_that_no_kept_manifest_names() {
    let (upstream, bucket) = versions(4, 25);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![0, 1, 2], vec![0, 1, 2, 3]));
    prune(&bucket, &["--keep-versions", "1"]).expect(0);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![2], vec![2, 3]));
    assert_eq!(bucket.keys_like("u_1/element.*").len(), 2);
    assert_eq!(bucket.keys_like("u_1/side.*").len(), 1, "it is named by what stands");
    bucket.check();
    // A run does so with what it takes up; what it supersedes itself is young.
    turn(&upstream, "u_1", 4);
    bucket.run(&upstream).ids(["u_1"]).args(NONE).output().expect(0);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![3], vec![3, 4]));
    bucket.command(&["verify", "--history"]).output().expect(0);
    bucket.check();
}

#[rstest]
#[case::all_are_young(&["--keep-within", "30d"], &[0, 1, 2])]
#[case::some(&["--keep-within", "4d"], &[1, 2])]
#[case::by_number(&["--keep-versions", "2"], &[1, 2])]
#[case::what_either_keeps(&["--keep-within", "1h", "--keep-versions", "1"], &[2])]
#[case::the_last_day_counts(&["--keep-within", "0s"], &[])]
fn the_rules_are_those_of_a_folder(#[case] rules: &[&str], #[case] kept: &[u8]) {
    let (_upstream, bucket) = versions(4, 25);
    prune(&bucket, rules).expect(0);
    assert_eq!(history(&bucket), kept);
    bucket.check();
}

#[test]
fn a_dry_run_says_what_would_go_and_writes_nothing() {
    let (_upstream, bucket) = versions(3, 25);
    let before = bucket.snapshot();
    bucket.read_only();
    let log = prune(&bucket, &["--keep-versions", "0", "--dry-run", "--log-format", "json"]).expect(0).log();
    assert_eq!(log.iter().filter(|record| record["event"] == "would_prune").count(), 2);
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn young_objects_stay_though_no_manifest_names_them() {
    let (_upstream, bucket) = versions(3, 25);
    // As a run would that is about to name it.
    let young = bucket.keys_like("u_1/cover.*").into_iter().find(|key| bucket.read(key) == cover(0)).unwrap();
    bucket.put(&young, cover(0));
    prune(&bucket, &NONE).expect(0);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![0, 2]));
    bucket.check();
}

#[test]
fn what_killed_runs_left_goes_when_it_is_old() {
    let (upstream, bucket) = versions(3, 25);
    for (number, is_old) in [(7, true), (8, false)] {
        // Killed before its manifest.
        turn(&upstream, "u_1", number);
        bucket.always(Op::Put, "u_1/manifest.json", Fault::error(403, "AccessDenied"));
        bucket.run(&upstream).ids(["u_1"]).output().expect(3);
        bucket.mend();
        if is_old {
            bucket.age("u_1/*", HOUR * 25);
        }
    }
    assert_eq!(covers(&bucket), [0, 1, 2, 7, 8]);
    prune(&bucket, &NONE).expect(0);
    assert_eq!(covers(&bucket), [2, 8]);
    bucket.check_but_litter();
}

#[test]
fn what_is_others_stays_however_old_it_is() {
    let (_upstream, bucket) = versions(3, 25);
    let digits = "0123456789abcdef0123456789abcdef";
    let theirs = [
        "u_1/notes.txt".to_owned(),
        "u_1/cover.png".to_owned(),
        format!("u_1/below/cover.{digits}.png"),
        format!("u_1/cover.{}.png", &digits[1..]),
        format!("u_12/cover.{digits}.png"),
        ".element-mirror/history/u_1/notes.txt".to_owned(),
        ".element-mirror/history/u_1/mine/manifest.json".to_owned(),
    ];
    for key in &theirs {
        bucket.put(key, "{\"theirs\": true}");
    }
    bucket.age("*", HOUR * 48);
    prune(&bucket, &NONE).expect(0);
    for key in &theirs {
        assert_eq!(bucket.read(key), b"{\"theirs\": true}", "{key}");
        bucket.remove(key);
    }
    assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![2]));
}

#[test]
fn a_manifest_goes_before_the_objects_that_it_alone_names_and_each_is_looked_at_right_before() {
    let (_upstream, bucket) = versions(2, 25);
    prune(&bucket, &NONE).expect(0);
    let log = bucket.log();
    let told: Vec<String> = log.iter().map(|seen| format!("{} {}", seen.op, plain(&seen.key))).collect();
    let at = |what: &str| told.iter().position(|line| line == what).unwrap_or_else(|| panic!("no {what}: {told:#?}"));
    let manifest = at("DELETE .element-mirror/history/u_1/WHEN/manifest.json");
    for object in ["u_1/cover.png", "u_1/element.json"] {
        let (looked, removed) = (at(&format!("HEAD {object}")), at(&format!("DELETE {object}")));
        assert!(manifest < looked && looked < removed, "{told:#?}");
    }
    // What stands and what is kept is read after the manifests are gone, and listed after that.
    let listed = told.iter().rposition(|line| line == "LIST u_1/").unwrap();
    assert!(manifest < listed && listed < at("HEAD u_1/cover.png"), "{told:#?}");
    assert_eq!(log.iter().filter(|seen| seen.op == Op::Delete).count(), 3, "{}", bucket.shown());
}

#[test]
fn an_old_object_that_a_run_puts_again_while_the_pruning_lists_stays() {
    let (upstream, bucket) = versions(3, 25);
    let held = bucket.hold(Op::Head, "u_1/cover.*");
    let pruning = bucket.command(&["prune"]).args(NONE).spawn();
    held.wait();
    // By the listing the cover of version 0 or 1 is old and nobody's.
    take(&upstream, &bucket, 0);
    take(&upstream, &bucket, 1);
    held.release();
    pruning.end_within(Duration::from_secs(60)).expect(0);
    assert_eq!(covers(&bucket), [0, 1, 2]);
    bucket.command(&["verify", "--history"]).output().expect(0);
    bucket.check();
}

#[test]
fn a_run_that_is_about_to_name_an_old_object_keeps_it() {
    let (upstream, bucket) = versions(3, 25);
    turn(&upstream, "u_1", 0);
    let held = bucket.hold(Op::Put, "u_1/manifest.json");
    let running = bucket.run(&upstream).ids(["u_1"]).spawn();
    held.wait();
    prune(&bucket, &NONE).expect(0);
    assert_eq!(covers(&bucket), [0, 2], "that of version 1 is nobody's");
    held.release();
    running.end_within(Duration::from_secs(60)).expect(0);
    bucket.check();
}

#[test]
fn where_a_superseded_manifest_can_not_be_read_nothing_goes() {
    let (_upstream, bucket) = versions(4, 25);
    let first = format!(".element-mirror/history/u_1/{}/manifest.json", bucket.history("u_1")[0]);
    bucket.put(&first, "{");
    let before = bucket.snapshot();
    let run = prune(&bucket, &["--keep-versions", "1"]);
    assert_eq!(bucket.snapshot(), before);
    assert!(run.stderr.contains(&bucket.history("u_1")[0]), "{}", run.stderr);
    run.expect(3);
}

#[rstest]
#[case::missing(None)]
#[case::damaged(Some("{"))]
#[case::of_a_newer_format(Some(r#"{"format": 2}"#))]
fn where_the_standing_manifest_can_not_be_read_nothing_goes(#[case] stands: Option<&str>) {
    let (_upstream, bucket) = versions(4, 25);
    match stands {
        Some(bytes) => bucket.put("u_1/manifest.json", bytes),
        None => bucket.remove("u_1/manifest.json"),
    }
    bucket.age("*", HOUR * 25);
    let before = bucket.snapshot();
    let run = prune(&bucket, &NONE);
    let after: Vec<String> = before.keys().filter(|key| !bucket.snapshot().contains_key(*key)).cloned().collect();
    assert!(after.iter().all(|key| !key.contains("/u_1/cover.") && !key.contains("/u_1/side.")), "{after:?}");
    assert_ne!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_stands_may_be_damaged_and_its_past_the_last_that_is_whole() {
    let (_upstream, bucket) = versions(3, 25);
    bucket.put("u_1/manifest.json", "{");
    prune(&bucket, &NONE);
    assert_eq!(history(&bucket), [0, 1]);
}

#[test]
fn where_what_stands_has_lost_an_object_nothing_goes() {
    let (_upstream, bucket) = versions(3, 25);
    bucket.remove(&format!("u_1/{}", bucket.manifest("u_1")["assets"][0]["file"].as_str().unwrap()));
    let before = bucket.snapshot();
    let run = prune(&bucket, &NONE).expect(3);
    assert!(run.stderr.contains("what stands is damaged"), "{}", run.stderr);
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn the_past_of_what_stands_nowhere_keeps_its_last_version() {
    let (_upstream, bucket) = versions(3, 25);
    bucket.remove("u_1/manifest.json");
    prune(&bucket, &NONE);
    assert!(history(&bucket).contains(&1), "{:?}", history(&bucket));
    bucket.check_but_litter();
}

#[rstest]
#[case::server_error(Fault::broken(), "InternalError")]
#[case::denied(Fault::error(403, "AccessDenied"), "AccessDenied")]
#[case::reset(Fault::reset(), "")]
fn what_can_not_be_removed_is_told_and_goes_the_next_time(#[case] fault: Fault, #[case] words: &str) {
    for key in [".element-mirror/history/u_1/*", "u_1/cover.*", "u_1/element.*"] {
        let (upstream, bucket) = versions(4, 25);
        bucket.always(Op::Delete, key, fault.clone());
        let run = prune(&bucket, &NONE).expect(3);
        assert!(run.stderr.contains("u_1") && run.stderr.contains(words), "{}", run.stderr);
        bucket.check();
        bucket.mend();
        // What no manifest names any more goes with the next version that is pruned.
        take(&upstream, &bucket, 9);
        turn_back(&bucket, 25);
        prune(&bucket, &NONE).expect(0);
        assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![9]));
        bucket.check();
    }
}

#[test]
fn a_pruning_that_is_killed_leaves_every_manifest_whole_and_the_next_one_goes_on() {
    let steps = [
        (Op::Delete, ".element-mirror/history/u_1/*"),
        (Op::List, "u_1/"),
        (Op::Head, "u_1/cover.*"),
        (Op::Delete, "u_1/cover.*"),
        (Op::Delete, "u_1/element.*"),
    ];
    for (op, key) in steps {
        let (upstream, bucket) = versions(4, 25);
        // The first listing is a look at what stands, before anything is removed.
        bucket.on(Op::List, key, [Fault::none()]);
        let held = bucket.hold(op, key);
        let pruning = bucket.command(&["prune"]).args(NONE).spawn();
        held.wait();
        pruning.signal("KILL");
        pruning.end_within(Duration::from_secs(10)).expect(137);
        drop(held);
        bucket.check();
        take(&upstream, &bucket, 9);
        turn_back(&bucket, 25);
        prune(&bucket, &NONE).expect(0);
        assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![9]), "{op} {key}");
        bucket.check();
    }
}

#[test]
fn a_listing_of_many_pages_is_read_to_its_end() {
    let (_upstream, bucket) = versions(4, 25);
    bucket.page_size(2);
    prune(&bucket, &NONE).expect(0);
    assert_eq!((history(&bucket), covers(&bucket)), (vec![], vec![3]));
    bucket.check();
}

#[test]
fn the_past_is_listed_with_what_would_be_needed_to_read_it() {
    let (_upstream, bucket) = versions(3, 25);
    let run = bucket.command(&["history", "--json"]).output().expect(0);
    let lines = run.lines();
    assert_eq!(lines.len(), 2);
    for (line, when) in lines.iter().zip(bucket.history("u_1")) {
        assert_eq!((&line["id"], &line["when"]), (&json!("u_1"), &json!(when)));
        assert!(line["path"].as_str().unwrap().starts_with(&bucket.url()), "{line}");
        assert!(line["path"].as_str().unwrap().contains(&when), "{line}");
        assert!(line["why"].as_array().is_some_and(|why| !why.is_empty()), "{line}");
    }
}
