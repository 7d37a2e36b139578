//! Elements that the API does not know any more, the index, and what of a version is missing: in a bucket.

use serde_json::{Value, json};

use super::{mirrored, scene, turn};
use crate::support::{Bucket, Fault, Op, Outcome, Reply, Upstream, element, png};

const NOTE: &str = ".element-mirror/gone/u_1";

fn run(upstream: &Upstream, bucket: &Bucket) -> Outcome {
    bucket.run(upstream).ids(["u_1"]).report()
}

fn not_found() -> Reply {
    Reply::json(404, &json!({"error": "not found"}))
}

#[test]
fn a_gone_element_is_noted_and_its_objects_stay_until_it_is_back() {
    let (upstream, bucket) = mirrored();
    let before = bucket.keys();
    upstream.on_element("u_1", [not_found()]);
    let first = run(&upstream, &bucket).expect(0);
    assert_eq!((first.status("u_1").as_str(), &first.line("u_1")["stands"]), ("gone", &json!("complete")));
    let since = first.line("u_1")["goneSince"].as_str().unwrap().to_owned();
    assert_eq!(bucket.read(NOTE), format!("{since}\n").as_bytes());
    assert_eq!(bucket.keys().into_iter().filter(|key| key != NOTE).collect::<Vec<_>>(), before);
    bucket.forget();
    let second = run(&upstream, &bucket).expect(0);
    assert_eq!(second.line("u_1")["goneSince"], since);
    assert!(bucket.seen(Op::Put, NOTE).is_empty(), "noted again");
    // Back as it was, and back as another.
    for number in [0, 1] {
        bucket.put(NOTE, format!("{since}\n"));
        turn(&upstream, "u_1", number);
        let back = run(&upstream, &bucket).expect(0);
        assert_eq!(back.status("u_1"), if number == 0 { "unchanged" } else { "updated" });
        assert!(!bucket.has(NOTE));
        bucket.check();
    }
}

#[test]
fn a_dry_run_notes_nothing() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    upstream.on_element("u_1", [not_found()]);
    let outcome = bucket.run(&upstream).ids(["u_1"]).arg("--dry-run").report();
    assert_eq!(outcome.status("u_1"), "gone");
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn one_that_was_never_here_is_not_found() {
    let (upstream, bucket) = scene();
    upstream.on_element("u_1", [not_found()]);
    let outcome = run(&upstream, &bucket).expect(3);
    assert_eq!((outcome.status("u_1").as_str(), outcome.error_kind("u_1").as_str()), ("failed", "not_found"));
    assert_eq!(bucket.keys(), [".element-mirror/format"]);
}

#[test]
fn suspiciously_many_are_not_noted() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    let ids: Vec<String> = (0..10).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.run(&upstream).ids(&ids).output().expect(0);
    ids.iter().for_each(|id| upstream.on_element(id, [not_found()]));
    bucket.run(&upstream).ids(&ids).report().expect(3);
    assert!(bucket.keys_like(".element-mirror/gone/*").is_empty());
    bucket.run(&upstream).ids(&ids).arg("--accept-gone").report().expect(0);
    assert_eq!(bucket.keys_like(".element-mirror/gone/*").len(), ids.len());
    // Which there are is listed in pages, at once for all of them.
    bucket.page_size(3);
    bucket.forget();
    let outcome = bucket.run(&upstream).ids(&ids).report().expect(0);
    assert!(outcome.lines().iter().all(|line| line["goneSince"].is_string()), "{}", outcome.stdout);
    assert_eq!(bucket.seen(Op::List, ".element-mirror/gone/").len(), 4);
}

#[test]
fn a_note_that_can_not_be_put_or_removed_fails_its_element() {
    let (upstream, bucket) = mirrored();
    upstream.on_element("u_1", [not_found()]);
    bucket.always(Op::Put, NOTE, Fault::error(403, "AccessDenied"));
    let outcome = run(&upstream, &bucket);
    assert_ne!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("AccessDenied"), "{}", outcome.stderr);
    bucket.mend();
    run(&upstream, &bucket).expect(0);
    turn(&upstream, "u_1", 0);
    bucket.always(Op::Delete, NOTE, Fault::error(403, "AccessDenied"));
    let outcome = run(&upstream, &bucket).expect(3);
    assert_eq!(outcome.error_kind("u_1"), "io");
    bucket.mend();
    run(&upstream, &bucket).expect(0);
    assert!(!bucket.has(NOTE));
    bucket.check();
}

#[test]
fn an_index_has_the_manifest_of_each_element_in_order() {
    let (upstream, bucket) = (Upstream::start(), Bucket::start());
    let ids: Vec<String> = (0..30).map(|number| format!("u_{number:02}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.page_size(4);
    bucket.put("others/notes.txt", "theirs");
    bucket.put("u_99/cover.png", "theirs");
    bucket.run(&upstream).ids(&ids).arg("--index").output().expect(0);
    let lines: Vec<Value> = bucket
        .read("index.ndjson")
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let named: Vec<&str> = lines.iter().map(|line| line["element"]["id"].as_str().unwrap()).collect();
    assert_eq!(named, ids);
    for (line, id) in lines.iter().zip(&ids) {
        let mut manifest = bucket.manifest(id);
        manifest.as_object_mut().unwrap().remove("response");
        assert_eq!(*line, manifest);
    }
    assert_eq!(bucket.object("index.ndjson").media_type, "application/x-ndjson");
    bucket.check();
}

#[test]
fn an_index_is_put_in_one_go_and_leaves_out_what_can_not_be_read() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_2", 0);
    bucket.run(&upstream).ids(["u_2"]).arg("--index").output().expect(0);
    let before = bucket.read("index.ndjson");
    assert_eq!(before.iter().filter(|byte| **byte == b'\n').count(), 2);
    for fault in [Fault::error(403, "AccessDenied"), Fault::reset()] {
        bucket.always(Op::Put, "index.ndjson", fault);
        let outcome = bucket.run(&upstream).ids(["u_1"]).args(["--index", "--retries", "0"]).output().expect(1);
        assert!(outcome.stderr.contains("index.ndjson"), "{}", outcome.stderr);
        assert_eq!(bucket.read("index.ndjson"), before);
        bucket.mend();
    }
    bucket.put("u_2/manifest.json", "{");
    let outcome = bucket.run(&upstream).ids(["u_1"]).arg("--index").output();
    assert!(outcome.stderr.contains("u_2"), "{}", outcome.stderr);
    assert_eq!(bucket.read("index.ndjson").iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn a_version_of_which_some_is_missing_stands_until_a_better_one_comes() {
    let (upstream, bucket) = scene();
    upstream.on("/cdn/u_1/side", [Reply::new(404, "")]);
    let first = run(&upstream, &bucket).expect(3);
    assert_eq!((first.status("u_1").as_str(), &first.line("u_1")["stands"]), ("incomplete", &json!("incomplete")));
    bucket.check();
    upstream.on("/cdn/u_1/side", [Reply::ok(png(8, 8, 99))]);
    let second = run(&upstream, &bucket).expect(0);
    assert_eq!((second.status("u_1").as_str(), &second.line("u_1")["stands"]), ("updated", &json!("complete")));
    assert_eq!(bucket.history("u_1").len(), 1, "the superseded manifest is kept");
    bucket.check();
    // And a complete one is replaced by none that is not.
    let stands = bucket.read("u_1/manifest.json");
    turn(&upstream, "u_1", 1);
    upstream.on("/cdn/u_1/cover-1", [Reply::new(404, "")]);
    let third = run(&upstream, &bucket).expect(3);
    assert_eq!((third.status("u_1").as_str(), &third.line("u_1")["stands"]), ("failed", &json!("complete")));
    assert_eq!(bucket.read("u_1/manifest.json"), stands);
    bucket.check();
}

#[test]
fn a_role_that_is_added_makes_a_version_and_the_one_before_is_kept() {
    let (upstream, bucket) = scene();
    bucket.run(&upstream).ids(["u_1"]).args(["--roles", "cover"]).output().expect(0);
    assert!(bucket.keys_like("u_1/side.*").is_empty());
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "updated");
    assert_eq!(bucket.history("u_1").len(), 1, "the superseded manifest is kept");
    bucket.check();
}

#[test]
fn two_assets_of_one_name_and_the_same_bytes_are_two_objects() {
    let (upstream, bucket) = scene();
    let slots = ["CON", "../../x", "side", "SIDE", "", ""];
    let resources: Vec<Value> = slots
        .iter()
        .enumerate()
        .map(|(number, slot)| {
            let path = format!("/cdn/u_1/{number}");
            upstream.on(&path, [Reply::ok(png(8, 8, 7))]);
            json!({"resource": upstream.url(&path), "resourceKey": "secondary", "cover": false, "slotKey": slot})
        })
        .collect();
    let mut told = element("u_1", &[upstream.url("/cdn/u_1/cover-0")]);
    told["resources"].as_array_mut().unwrap().extend(resources);
    upstream.tell("u_1", &told);
    run(&upstream, &bucket).expect(0);
    let names: Vec<String> = bucket.manifest("u_1")["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| asset["file"].as_str().unwrap().to_lowercase())
        .collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((names.len(), distinct.len()), (7, 7), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c)) && name.len() <= 100)
    );
    bucket.check();
    assert_eq!(run(&upstream, &bucket).expect(0).status("u_1"), "unchanged");
}
