//! The main job: a list of IDs goes in, whole element folders come out.

use std::os::unix::fs::MetadataExt as _;

use serde_json::json;

use crate::support::{MirrorDir, Reply, Upstream, element, mp4, png, program};

#[test]
fn an_element_becomes_a_folder_with_files_manifest_and_sums() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 4);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    let expected = ["SHA256SUMS", "back.png", "cover.png", "element.json", "manifest.json", "side.png", "topView.png"];
    assert_eq!(mirror.names("u_1"), expected);
    assert_eq!(mirror.read("u_1/element.json"), told.to_string().into_bytes());
    mirror.check();
    let line = run.line("u_1");
    assert_eq!(
        (&line["status"], &line["stands"], &line["folder"], &line["assets"], &line["downloaded"], &line["attempts"]),
        (&json!("created"), &json!("complete"), &json!("u_1"), &json!(4), &json!(4), &json!(5))
    );
    assert_eq!(line["updateTime"], "2025-01-12T00:00:00Z");
}

#[test]
fn the_manifest_says_what_the_contract_says() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(
        "/cdn/c",
        [Reply::ok(png(768, 1365, 1))
            .header("etag", "\"5f3c\"")
            .header("last-modified", "Sun, 12 Jan 2025 00:00:00 GMT")],
    );
    let url = format!("{}?ksSecret=hidden", upstream.url("/cdn/c"));
    upstream.tell("u_1", &element("u_1", &[url]));
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let manifest = mirror.manifest("u_1");
    let asset = &manifest["assets"][0];
    assert_eq!(manifest["format"], 1);
    assert_eq!(manifest["generator"], "element-mirror 0.1.0");
    assert_eq!(manifest["element"]["name"], "Name of u_1");
    assert_eq!(manifest["element"]["createTime"], "2025-01-12T00:00:00Z");
    assert_eq!(manifest["response"]["file"], "element.json");
    assert_eq!(manifest["response"]["size"], mirror.read("u_1/element.json").len());
    assert_eq!(
        (&asset["file"], &asset["role"], &asset["slot"], &asset["mediaType"], &asset["width"], &asset["height"]),
        (&json!("cover.png"), &json!("cover"), &json!(""), &json!("image/png"), &json!(768), &json!(1365))
    );
    assert_eq!(asset["url"], upstream.url("/cdn/c"));
    assert_eq!((&asset["etag"], &asset["lastModified"]), (&json!("\"5f3c\""), &json!("2025-01-12T00:00:00Z")));
    for absent in ["missing", "warnings", "roles"] {
        assert_eq!(manifest.get(absent), None, "{absent}");
    }
}

#[test]
fn the_same_again_is_unchanged_and_asks_the_cdn_for_nothing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 4);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let before = mirror.all_files();
    upstream.forget();
    // Links are signed anew with every reply.
    let urls: Vec<String> = (0..4).map(|n| upstream.url(&format!("/cdn/u_1/{n}.png?ksTime=later"))).collect();
    upstream.tell("u_1", &element("u_1", &urls));
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "unchanged");
    assert_eq!(upstream.requests().len(), 1);
    let mut after = mirror.all_files();
    after.retain(|path, _| path != ".element-mirror/lock");
    assert!(after.iter().all(|(path, bytes)| before.get(path) == Some(bytes)));
}

#[test]
fn a_changed_element_is_replaced_whole_and_the_old_version_is_kept() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 2);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let old = mirror.manifest("u_1");
    upstream.on("/cdn/u_1/new.png", [Reply::ok(png(8, 8, 99))]);
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/u_1/new.png"));
    upstream.tell("u_1", &told);
    upstream.forget();
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["downloaded"]), ("updated", &json!(1)));
    assert_eq!(upstream.cdn_requests().len(), 1);
    mirror.check();
    assert_eq!(mirror.read("u_1/side.png"), png(8, 8, 99));
    let when = old["committedAt"].as_str().unwrap()[..19].replace(['-', ':'], "") + "Z";
    assert_eq!(mirror.history("u_1"), [when.as_str()]);
    let inode = |path: &str| mirror.at(path).metadata().unwrap().ino();
    let shared = format!(".element-mirror/history/u_1/{when}/cover.png");
    assert_eq!(inode("u_1/cover.png"), inode(&shared), "the unchanged file has two links");
}

#[test]
fn both_shapes_all_roles_and_unknown_kinds_are_mirrored() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for (path, bytes) in [("/cdn/c", png(1, 1, 1)), ("/cdn/v", mp4(1)), ("/cdn/w", b"ID3\x04\0\0\0\0\0\0....".to_vec())]
    {
        upstream.on(path, [Reply::ok(bytes)]);
    }
    upstream.on("/cdn/depth", [Reply::ok(b"\x01\x02\x03\0\0".to_vec())]);
    let mut told = element("u_1", &[upstream.url("/cdn/c")]);
    told["voice"] = json!({"id": 1, "resource": {"resource": upstream.url("/cdn/w")}});
    let resources = told["resources"].as_array_mut().unwrap();
    resources.push(json!({"resource": upstream.url("/cdn/v"), "resourceKey": "video"}));
    resources.push(json!({"resource": upstream.url("/cdn/depth"), "resourceKey": "depthMap"}));
    upstream.tell("u_1", &json!({"element": told}));
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let manifest = mirror.manifest("u_1");
    let files: Vec<&str> = manifest["assets"].as_array().unwrap().iter().map(|a| a["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["cover.png", "video.mp4", "voice.mp3", "other-1.bin"]);
    mirror.check();
}

#[test]
fn an_element_that_the_api_forgets_is_gone_and_its_folder_stays() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    upstream.on_element("u_1", [Reply::json(404, &json!({"error": "not found"}))]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(0);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["stands"]), ("gone", &json!("complete")));
    let since = run.line("u_1")["goneSince"].clone();
    assert!(since.is_string() && mirror.has(".element-mirror/gone/u_1"));
    mirror.check();
    let again = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(0);
    assert_eq!(again.line("u_1")["goneSince"], since);
    // It is known again, but can't be had: it is not gone any more, and counts as newly gone when it is again.
    upstream.on("/cdn/u_1/new", [Reply::new(404, "no")]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/u_1/new")]));
    let failed = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(3);
    assert_eq!((failed.status("u_1").as_str(), &failed.line("u_1")["stands"]), ("failed", &json!("complete")));
    assert!(!mirror.has(".element-mirror/gone/u_1"), "it is known");
    upstream.on_element("u_1", [Reply::json(404, &json!({"error": "not found"}))]);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    assert!(mirror.has(".element-mirror/gone/u_1"));
    upstream.tell("u_1", &told);
    let back = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!(back.status("u_1"), "unchanged");
    assert!(!mirror.has(".element-mirror/gone/u_1"), "it is back");
}

#[test]
fn strangers_files_are_carried_along() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    mirror.write("u_1/notes.txt", "mine");
    mirror.write("u_1/Side.png", "mine too");
    mirror.write("u_1/folder/inner.txt", "and mine");
    upstream.on("/cdn/u_1/1.png", [Reply::ok(png(2, 2, 2))]);
    told["resources"]
        .as_array_mut()
        .unwrap()
        .push(json!({"resource": upstream.url("/cdn/u_1/1.png"), "resourceKey": "secondary", "slotKey": "side"}));
    upstream.tell("u_1", &told);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    assert_eq!(mirror.read("u_1/notes.txt"), b"mine");
    assert_eq!(mirror.read("u_1/Side.png"), b"mine too");
    assert_eq!(mirror.read("u_1/folder/inner.txt"), b"and mine");
    assert_eq!(mirror.manifest("u_1")["assets"][1]["file"], "side-2.png");
    mirror.check();
}
