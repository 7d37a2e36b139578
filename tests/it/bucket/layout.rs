//! What a run puts, in which order, and on which conditions.

use element_mirror::digest::Digest;
use serde_json::json;

use super::{cover, mirrored, plain, put, scene, story, turn};
use crate::support::{Bucket, Op, Upstream, program};

#[test]
fn a_first_run_puts_what_the_contract_says_under_names_that_say_the_bytes() {
    let (upstream, bucket) = scene();
    let run = bucket.run(&upstream).ids(["u_1"]).report().expect(0);
    let line = run.line("u_1");
    assert_eq!(
        (&line["status"], &line["stands"], &line["folder"]),
        (&json!("created"), &json!("complete"), &json!("u_1"))
    );
    assert_eq!((&line["assets"], &line["downloaded"]), (&json!(2), &json!(2)));
    let names: Vec<String> = bucket.keys().iter().map(|key| plain(key)).collect();
    let expected = [
        ".element-mirror/format",
        "u_1/SHA256SUMS",
        "u_1/cover.png",
        "u_1/element.json",
        "u_1/manifest.json",
        "u_1/side.png",
    ];
    assert_eq!(names, expected);
    let digest = Digest::of(&cover(0)).to_string();
    assert_eq!(bucket.read(&format!("u_1/cover.{}.png", &digest[..32])), cover(0));
    assert_eq!(bucket.read(".element-mirror/format"), b"1\n");
    let told: serde_json::Value = serde_json::from_slice(&bucket.read(&bucket.key("u_1/element.*.json"))).unwrap();
    assert_eq!(told["name"], "Name of u_1");
    let manifest = bucket.manifest("u_1");
    assert_eq!(manifest["assets"][0]["file"], format!("cover.{}.png", &digest[..32]));
    assert_eq!((&manifest["assets"][0]["sha256"], &manifest["format"]), (&json!(digest), &json!(1)));
    let types = ["u_1/cover.*", "u_1/element.*", "u_1/manifest.json", "u_1/SHA256SUMS"];
    let types = types.map(|pattern| bucket.object(&bucket.key(pattern)).media_type);
    assert_eq!(types, ["image/png", "application/json", "application/json", "text/plain"]);
    bucket.check();
}

#[test]
fn a_new_element_is_put_data_first_then_the_manifest_if_there_is_none_then_the_checksums() {
    let (upstream, bucket) = scene();
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    let mut story = story(&bucket);
    let last = story.split_off(4);
    assert_eq!(story.remove(0), "GET u_1/manifest.json");
    story.sort();
    assert_eq!(story, ["PUT u_1/cover.png", "PUT u_1/element.json", "PUT u_1/side.png"]);
    assert_eq!(last, ["PUT u_1/manifest.json If-None-Match: *", "PUT u_1/SHA256SUMS"]);
}

#[test]
fn a_changed_element_keeps_its_old_manifest_before_the_new_one_takes_its_place() {
    let (upstream, bucket) = mirrored();
    let (old, e_tag) = (bucket.read("u_1/manifest.json"), bucket.object("u_1/manifest.json").e_tag);
    turn(&upstream, "u_1", 1);
    let run = bucket.run(&upstream).ids(["u_1"]).report().expect(0);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["downloaded"]), ("updated", &json!(1)));
    let mut story = story(&bucket);
    let last = story.split_off(4);
    assert_eq!(story.drain(..2).collect::<Vec<_>>(), ["GET u_1/manifest.json", "LIST u_1/"]);
    story.sort();
    assert_eq!(story, ["PUT u_1/cover.png", "PUT u_1/element.json"], "what stands is not put again");
    let history = "PUT .element-mirror/history/u_1/WHEN/manifest.json If-None-Match: *";
    assert_eq!(last, [history, "PUT u_1/manifest.json If-Match", "PUT u_1/SHA256SUMS"]);
    assert_eq!(bucket.seen(Op::Put, "u_1/manifest.json")[0].headers["if-match"], e_tag);
    let committed = serde_json::from_slice::<serde_json::Value>(&old).unwrap()["committedAt"].clone();
    let when = committed.as_str().unwrap()[..19].replace(['-', ':'], "") + "Z";
    assert_eq!(bucket.history("u_1"), [when.as_str()]);
    assert_eq!(bucket.read(&format!(".element-mirror/history/u_1/{when}/manifest.json")), old);
    assert_eq!(bucket.keys_like("u_1/cover.*").len(), 2, "the old one stays where it is");
    bucket.check();
}

#[test]
fn versions_that_share_a_second_get_numbers() {
    let (upstream, bucket) = mirrored();
    for number in 1..6 {
        turn(&upstream, "u_1", number);
        bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    }
    assert_eq!(bucket.history("u_1").len(), 5);
    bucket.check();
}

#[test]
fn an_unchanged_element_costs_two_requests_to_the_store_and_none_to_the_cdn() {
    let upstream = Upstream::start();
    let bucket = Bucket::start();
    let ids: Vec<String> = (0..20).map(|number| format!("u_{number}")).collect();
    ids.iter().for_each(|id| turn(&upstream, id, 0));
    bucket.run(&upstream).ids(&ids).output().expect(0);
    let before = bucket.snapshot();
    upstream.forget();
    bucket.forget();
    let run = bucket.run(&upstream).ids(&ids).report().expect(0);
    assert!(run.lines().iter().all(|line| line["status"] == "unchanged"), "{}", run.stdout);
    assert!(upstream.cdn_requests().is_empty());
    assert_eq!(bucket.snapshot(), before);
    for id in &ids {
        let about: Vec<String> =
            bucket.log().iter().filter(|seen| seen.key.contains(&format!("{id}/"))).map(ToString::to_string).collect();
        assert_eq!(about, [format!("GET      {id}/manifest.json  → 200"), format!("LIST     {id}/  → 200")]);
    }
    // And those at the start of a run, however many elements it has.
    let at_start: Vec<String> = bucket.log()[..3].iter().map(ToString::to_string).collect();
    assert_eq!(bucket.log().len(), 2 * ids.len() + 3, "{}", bucket.shown());
    for (line, expected) in at_start.iter().zip([
        "GET      .element-mirror/format  → 200",
        "LIST     .element-mirror/gone/  → 200",
        "PUT      .element-mirror/format If-None-Match: * → 412",
    ]) {
        assert_eq!(line, expected);
    }
}

#[test]
fn a_dry_run_reads_and_writes_nothing() {
    let (upstream, bucket) = scene();
    let run = bucket.run(&upstream).ids(["u_1"]).arg("--dry-run").report().expect(0);
    assert_eq!(run.status("u_1"), "would_create");
    assert_eq!((bucket.keys(), bucket.staged()), (Vec::new(), Vec::new()));
    assert!(upstream.cdn_requests().is_empty());
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.read_only();
    let before = bucket.snapshot();
    let run = bucket.run(&upstream).ids(["u_1"]).arg("--dry-run").report().expect(0);
    assert_eq!(run.status("u_1"), "would_update");
    assert_eq!(bucket.snapshot(), before);
    assert!(bucket.log().iter().all(|seen| matches!(seen.op, Op::Get | Op::List)), "{}", bucket.shown());
}

#[test]
fn a_prefix_has_any_number_of_segments() {
    for prefix in ["", "one", "a/b c/ü/d"] {
        let (upstream, _) = scene();
        let bucket = Bucket::with_prefix(prefix);
        bucket.run(&upstream).ids(["u_1"]).output().expect(0);
        turn(&upstream, "u_1", 1);
        assert_eq!(bucket.run(&upstream).ids(["u_1"]).report().expect(0).status("u_1"), "updated");
        assert_eq!(bucket.run(&upstream).ids(["u_1"]).report().expect(0).status("u_1"), "unchanged");
        assert_eq!((bucket.keys().len(), bucket.history("u_1").len()), (9, 1));
        bucket.command(&["verify", "--history"]).output().expect(0);
        bucket.check();
        assert_eq!(bucket.snapshot().len(), bucket.keys().len(), "something is outside of the prefix");
    }
}

#[test]
fn a_slash_at_the_end_of_the_url_says_nothing() {
    let (upstream, bucket) = mirrored();
    let url = format!("{}/", bucket.url());
    let run = bucket.reached_by(program()).run(&upstream, std::path::Path::new(&url));
    assert_eq!(run.ids(["u_1"]).report().expect(0).status("u_1"), "unchanged");
}

#[test]
fn what_others_have_beside_the_mirror_is_left_alone() {
    let (upstream, bucket) = scene();
    let theirs = ["notes.txt", "u_1/notes.txt", "u_1/cover.png", "u_2/manifest.txt", "other/u_1/manifest.json"];
    for key in theirs {
        bucket.put(key, "theirs");
    }
    for number in 0..3 {
        turn(&upstream, "u_1", number);
        bucket.run(&upstream).ids(["u_1"]).args(["--keep-versions", "0"]).output().expect(0);
    }
    for key in theirs {
        assert_eq!(bucket.read(key), b"theirs");
    }
    bucket.check();
}

#[test]
fn what_only_the_links_say_otherwise_changes_nothing() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    let told = crate::support::element(
        "u_1",
        &["/cdn/u_1/cover-0?sign=2", "/cdn/u_1/side?sign=3"].map(|path| upstream.url(path)),
    );
    upstream.tell("u_1", &told);
    assert_eq!(bucket.run(&upstream).ids(["u_1"]).report().expect(0).status("u_1"), "unchanged");
    assert_eq!(bucket.snapshot(), before);
}

#[test]
fn a_refresh_that_finds_the_same_bytes_puts_nothing() {
    let (upstream, bucket) = mirrored();
    let before = bucket.snapshot();
    let run = bucket.run(&upstream).ids(["u_1"]).arg("--refresh").report().expect(0);
    assert_eq!((run.status("u_1").as_str(), upstream.cdn_requests().len()), ("unchanged", 2));
    assert_eq!(bucket.snapshot(), before);
    assert_eq!(put(&bucket), [".element-mirror/format"]);
}

#[test]
fn an_asset_that_comes_back_is_put_again_under_its_old_name() {
    let (upstream, bucket) = mirrored();
    turn(&upstream, "u_1", 1);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    bucket.forget();
    turn(&upstream, "u_1", 0);
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    // Whether it is there already or not: it may be about to be pruned.
    assert!(put(&bucket).contains(&"u_1/cover.png".to_owned()), "{}", bucket.shown());
    assert_eq!((bucket.keys_like("u_1/cover.*").len(), bucket.history("u_1").len()), (2, 2));
    bucket.check();
}
