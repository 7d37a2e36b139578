//! The same element once more: what is asked for again, and what is shared.

use std::os::unix::fs::MetadataExt as _;

use rstest::rstest;
use serde_json::{Value, json};

use super::{COVER, run};
use crate::support::{MirrorDir, Reply, Upstream, element, png, program};

const LAST_MODIFIED: &str = "Sun, 12 Jan 2025 00:00:00 GMT";

fn told(upstream: &Upstream) -> Value {
    let told = element("u_1", &[upstream.url(COVER)]);
    upstream.tell("u_1", &told);
    told
}

/// The same element, which the API says was updated.
fn moved(upstream: &Upstream, mut told: Value) {
    told["updateTime"] = json!(1_800_000_000_000_i64);
    upstream.tell("u_1", &told);
}

#[test]
fn the_same_bytes_at_a_new_path_are_shared() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1))]);
    let mut told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    let first = mirror.manifest("u_1");
    let path = "/cdn/elsewhere.png";
    upstream.on(path, [Reply::ok(png(1, 1, 1)).header("etag", "\"new\"")]);
    told["cover"]["resource"] = json!(upstream.url(path));
    told["resources"][0]["resource"] = json!(upstream.url(path));
    upstream.tell("u_1", &told);
    let second = run(&upstream, &mirror).expect(0);
    assert_eq!(second.status("u_1"), "updated");
    let asset = mirror.manifest("u_1")["assets"][0].clone();
    assert_eq!((&asset["url"], &asset["etag"]), (&json!(upstream.url(path)), &json!("\"new\"")));
    assert_eq!(asset["fetchedAt"], first["assets"][0]["fetchedAt"], "the first one");
    let history = format!(".element-mirror/history/u_1/{}/cover.png", mirror.history("u_1")[0]);
    let inode = |path: &str| mirror.at(path).metadata().unwrap().ino();
    assert_eq!(inode("u_1/cover.png"), inode(&history), "one file with two links");
    mirror.check();
}

#[test]
fn a_refresh_with_the_same_bytes_is_unchanged() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1)).header("etag", "\"a\"")]);
    told(&upstream);
    run(&upstream, &mirror).expect(0);
    let before = mirror.manifest("u_1");
    upstream.forget();
    let refresh = || program().run(&upstream, &mirror.path()).arg("--refresh").ids(["u_1"]).report();
    let same = refresh().expect(0);
    assert_eq!((same.status("u_1").as_str(), &same.line("u_1")["downloaded"]), ("unchanged", &json!(1)));
    let request = &upstream.cdn_requests()[0];
    assert!(!request.headers.contains_key("if-none-match"), "asked for without conditions");
    assert_eq!(mirror.manifest("u_1"), before);
    upstream.on(COVER, [Reply::ok(png(1, 1, 2))]);
    assert_eq!(refresh().expect(0).status("u_1"), "updated");
    assert_eq!(mirror.read("u_1/cover.png"), png(1, 1, 2));
    assert_eq!(mirror.history("u_1").len(), 1);
    mirror.check();
}

#[test]
fn when_the_element_was_updated_its_assets_are_asked_for_conditionally() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let reply = Reply::ok(png(1, 1, 1)).header("etag", "\"a\"").header("last-modified", LAST_MODIFIED);
    upstream.on(COVER, [reply]);
    let told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    let first = mirror.manifest("u_1");
    let inode = || mirror.at("u_1/cover.png").metadata().unwrap().ino();
    let before = inode();
    moved(&upstream, told.clone());
    upstream.on(COVER, [Reply::new(304, "")]);
    upstream.forget();
    let kept = run(&upstream, &mirror).expect(0);
    let line = kept.line("u_1");
    assert_eq!((&line["status"], &line["downloaded"], &line["bytes"]), (&json!("updated"), &json!(0), &json!(0)));
    assert_eq!(upstream.cdn_requests()[0].headers["if-none-match"], "\"a\"");
    assert_eq!((inode(), &mirror.manifest("u_1")["assets"]), (before, &first["assets"]));
    mirror.check();

    // Now the file is another one.
    upstream.tell("u_1", &told);
    upstream.on(COVER, [Reply::ok(png(2, 2, 2)).header("etag", "\"b\"")]);
    let replaced = run(&upstream, &mirror).expect(0);
    assert_eq!((replaced.status("u_1").as_str(), &replaced.line("u_1")["downloaded"]), ("updated", &json!(1)));
    assert_eq!(mirror.read("u_1/cover.png"), png(2, 2, 2));
    assert_eq!(mirror.manifest("u_1")["assets"][0]["etag"], "\"b\"");
    mirror.check();
}

#[test]
fn a_date_is_asked_with_where_there_is_no_etag() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1)).header("last-modified", LAST_MODIFIED)]);
    let mut told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    told["currentVersion"] = json!(2);
    upstream.tell("u_1", &told);
    upstream.on(COVER, [Reply::new(304, "")]);
    upstream.forget();
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    let headers = &upstream.cdn_requests()[0].headers;
    assert_eq!(headers["if-modified-since"], LAST_MODIFIED);
    assert!(!headers.contains_key("if-none-match"));
    assert_eq!(mirror.manifest("u_1")["element"]["currentVersion"], 2);
}

#[rstest]
#[case::empty("")]
#[case::of_anything("*")]
fn an_etag_that_tells_nothing_is_none(#[case] etag: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1)).header("etag", etag).header("last-modified", LAST_MODIFIED)]);
    let told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    assert_eq!(mirror.manifest("u_1")["assets"][0].get("etag"), None);
    moved(&upstream, told);
    upstream.forget();
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    let headers = &upstream.cdn_requests()[0].headers;
    assert!(!headers.contains_key("if-none-match"), "{headers:?}");
    assert_eq!(headers["if-modified-since"], LAST_MODIFIED);
}

#[test]
fn where_there_is_no_validator_it_is_downloaded_again() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1))]);
    let told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    let before = mirror.at("u_1/cover.png").metadata().unwrap().ino();
    moved(&upstream, told);
    let run = run(&upstream, &mirror).expect(0);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["downloaded"]), ("updated", &json!(1)));
    let headers = &upstream.cdn_requests()[1].headers;
    assert!(!headers.contains_key("if-none-match") && !headers.contains_key("if-modified-since"));
    assert_eq!(mirror.at("u_1/cover.png").metadata().unwrap().ino(), before, "the same bytes are shared");
    mirror.check();
}

#[test]
fn other_words_about_an_element_are_a_new_version_without_a_download() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on(COVER, [Reply::ok(png(1, 1, 1))]);
    let mut told = told(&upstream);
    run(&upstream, &mirror).expect(0);
    told["name"] = json!("Another name");
    upstream.tell("u_1", &told);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert_eq!(upstream.cdn_requests().len(), 1);
    assert_eq!(mirror.manifest("u_1")["element"]["name"], "Another name");
    mirror.check();
}
