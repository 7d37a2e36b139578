//! What was had of a version that may not replace what stands waits for the next run, which does not fetch it again.

use serde_json::{Value, json};

use super::{run, three};
use crate::support::{MirrorDir, Reply, Upstream, check_version, png, program};

const DRAFT: &str = ".element-mirror/staging/u_1/draft";

/// The element's second version: a new `side` and a new `back`, under new paths.
fn told_anew(upstream: &Upstream, told: &Value) -> Value {
    let mut anew = told.clone();
    anew["updateTime"] = json!(1_736_700_000_000_u64);
    for (index, slot) in [(1, "side"), (2, "back")] {
        anew["resources"][index]["resource"] = json!(upstream.url(&format!("/cdn/new-{slot}")));
    }
    anew
}

/// A mirror in which version 1 stands complete, and of version 2 all but `side` was had.
fn half_had() -> (Upstream, MirrorDir, Value) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = three(&upstream);
    run(&upstream, &mirror).expect(0);
    let anew = told_anew(&upstream, &told);
    upstream.tell("u_1", &anew);
    upstream.on("/cdn/cover", [Reply::ok(png(8, 8, 70)).header("etag", "\"cover\"")]);
    upstream.on("/cdn/new-side", [Reply::new(404, "no")]);
    upstream.on("/cdn/new-back", [Reply::ok(png(8, 8, 72))]);
    let line = run(&upstream, &mirror).expect(3).line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!("complete")), "{line}");
    assert_eq!((&line["error"]["kind"], &line["error"]["asset"]), (&json!("http_404"), &json!("side")), "{line}");
    upstream.forget();
    (upstream, mirror, anew)
}

/// What was asked of the CDN, sorted.
fn asked(upstream: &Upstream) -> Vec<String> {
    let mut paths: Vec<String> = upstream.cdn_requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    paths
}

#[test]
fn what_was_had_waits_whole_under_a_manifest() {
    let (_upstream, mirror, _) = half_had();
    check_version(&mirror.at(DRAFT));
    let manifest: Value = serde_json::from_slice(&mirror.read(&format!("{DRAFT}/manifest.json"))).unwrap();
    let names: Vec<&str> = manifest["assets"].as_array().unwrap().iter().map(|a| a["file"].as_str().unwrap()).collect();
    assert_eq!((names, &manifest["missing"][0]["slot"]), (vec!["cover.png", "back.png"], &json!("side")));
    assert_eq!(mirror.read(&format!("{DRAFT}/back.png")), png(8, 8, 72));
    assert_eq!(mirror.names(".element-mirror/staging/u_1"), ["draft"], "and nothing else");
    mirror.check_but_staging();
}

#[test]
fn the_next_run_fetches_only_what_is_still_missing() {
    let (upstream, mirror, _) = half_had();
    upstream.on("/cdn/new-side", [Reply::ok(png(8, 8, 71))]);
    let line = run(&upstream, &mirror).expect(0).line("u_1");
    assert_eq!((&line["status"], &line["downloaded"]), (&json!("updated"), &json!(1)), "{line}");
    assert_eq!(asked(&upstream), ["/cdn/new-side"]);
    for (file, seed) in [("cover.png", 70), ("side.png", 71), ("back.png", 72)] {
        assert_eq!(mirror.read(&format!("u_1/{file}")), png(8, 8, seed), "{file}");
    }
    assert_eq!(mirror.history("u_1").len(), 1);
    mirror.check();
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "unchanged");
}

#[test]
fn night_after_night_a_missing_asset_is_all_that_is_asked_for() {
    let (upstream, mirror, _) = half_had();
    let since = mirror.read(&format!("{DRAFT}/manifest.json"));
    for night in 1..=3 {
        assert_eq!(run(&upstream, &mirror).expect(3).status("u_1"), "failed");
        // And once more with a fresh link.
        assert_eq!(asked(&upstream), ["/cdn/new-side", "/cdn/new-side"], "night {night}");
        upstream.forget();
        check_version(&mirror.at(DRAFT));
        assert_eq!(mirror.read(&format!("{DRAFT}/manifest.json")), since, "it is as old as it is");
    }
    mirror.check_but_staging();
}

#[test]
fn a_draft_of_an_earlier_update_is_asked_about() {
    let (upstream, mirror, mut anew) = half_had();
    anew["updateTime"] = json!(1_736_800_000_000_u64);
    upstream.tell("u_1", &anew);
    upstream.script("/cdn/cover", |request| match request.headers.get("if-none-match") {
        Some(etag) if etag == "\"cover\"" => Reply::new(304, ""),
        _ => Reply::new(500, "asked without the draft's validator"),
    });
    upstream.on("/cdn/new-side", [Reply::ok(png(8, 8, 71))]);
    let line = run(&upstream, &mirror).expect(0).line("u_1");
    assert_eq!((&line["status"], &line["downloaded"]), (&json!("updated"), &json!(2)), "{line}");
    assert_eq!(asked(&upstream), ["/cdn/cover", "/cdn/new-back", "/cdn/new-side"]);
    assert_eq!(mirror.read("u_1/cover.png"), png(8, 8, 70));
    mirror.check();
}

#[test]
fn a_draft_goes_when_the_element_is_as_it_stands_again() {
    let (upstream, mirror, _) = half_had();
    three(&upstream);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "unchanged");
    assert_eq!(asked(&upstream), Vec::<String>::new());
    mirror.check();
}

#[test]
fn a_draft_that_was_spoilt_is_fetched_again() {
    let (upstream, mirror, _) = half_had();
    mirror.write(&format!("{DRAFT}/back.png"), "spoilt");
    upstream.on("/cdn/new-side", [Reply::ok(png(8, 8, 71))]);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert_eq!(asked(&upstream), ["/cdn/new-back", "/cdn/new-side"]);
    assert_eq!(mirror.read("u_1/back.png"), png(8, 8, 72));
    mirror.check();
}

#[test]
fn a_dry_run_leaves_a_draft_alone() {
    let (upstream, mirror, _) = half_had();
    let before = mirror.all_files();
    let run = program().run(&upstream, &mirror.path()).args(["--dry-run"]).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "would_update");
    assert_eq!(mirror.all_files(), before);
}

#[test]
fn a_file_of_a_stranger_that_came_meanwhile_keeps_its_name() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = three(&upstream);
    let back = told["resources"].as_array_mut().unwrap().remove(2);
    upstream.tell("u_1", &told);
    run(&upstream, &mirror).expect(0);
    // A new view that can be had, and one that can't.
    let mut missing = back.clone();
    missing["slotKey"] = json!("topView");
    missing["resource"] = json!(upstream.url("/cdn/top"));
    told["resources"].as_array_mut().unwrap().extend([back, missing]);
    upstream.tell("u_1", &told);
    upstream.on("/cdn/top", [Reply::new(404, "no")]);
    run(&upstream, &mirror).expect(3);
    mirror.write("u_1/back.png", "mine");
    upstream.on("/cdn/top", [Reply::ok(png(8, 8, 73))]);
    let line = run(&upstream, &mirror).expect(0).line("u_1");
    assert_eq!(line["downloaded"], 1, "{line}");
    assert_eq!((mirror.read("u_1/back.png"), mirror.read("u_1/back-2.png")), (b"mine".to_vec(), png(8, 8, 2)));
    mirror.check();
}

#[test]
fn what_was_had_is_not_thrown_away_because_it_can_not_be_read_for_now() {
    let (upstream, mirror, _) = half_had();
    upstream.on("/cdn/new-side", [Reply::ok(png(8, 8, 71))]);
    let failing = [("openat:error=EMFILE:when=1+", "draft"), ("openat:error=EACCES:when=1", "manifest.json")];
    for (fault, path) in failing {
        let Some(failing) = program().run(&upstream, &mirror.path()).ids(["u_1"]).failing(fault, &[path]) else {
            return;
        };
        let failing = failing.report().expect(3);
        assert_eq!((failing.status("u_1").as_str(), failing.error_kind("u_1").as_str()), ("failed", "io"), "{fault}");
        check_version(&mirror.at(DRAFT));
    }
    assert_eq!(asked(&upstream), Vec::<String>::new());
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert_eq!(asked(&upstream), ["/cdn/new-side"]);
    mirror.check();
}
