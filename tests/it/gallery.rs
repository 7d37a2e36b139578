//! The gallery: a page of what stands, replaced at once or not at all. What it looks like is for `tests/run browser`.

use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use element_mirror::digest::Digest;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, element, program};

const PAGE: &str = "index.html";

fn gallery(mirror: &MirrorDir) -> Program {
    program().env_remove("USEAPI_TOKEN").arg("gallery").arg(mirror.path())
}

fn page(mirror: &MirrorDir) -> String {
    String::from_utf8(mirror.read(PAGE)).unwrap()
}

/// What the page has of `id`.
#[track_caller]
fn card(page: &str, id: &str) -> String {
    let start =
        page.find(&format!("<li data-id=\"{id}\"")).unwrap_or_else(|| panic!("{id} is not on the page: {page}"));
    page[start..].split("</noscript></li>").next().unwrap().to_owned()
}

fn cards(page: &str) -> Vec<&str> {
    page.split("<li data-id=\"").skip(1).map(|card| card.split('"').next().unwrap()).collect()
}

/// A mirror of two elements with an old page, and a third element that is not on it yet.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ["u_1", "u_2", "u_3"] {
        upstream.add(id, 2);
    }
    run(&upstream, &mirror).ids(["u_2", "u_1"]).arg("--gallery").output().expect(0);
    run(&upstream, &mirror).ids(["u_3"]).output().expect(0);
    assert_is_old(&mirror);
    (upstream, mirror)
}

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path())
}

/// Nothing was half made, and the page is the old one.
#[track_caller]
fn assert_is_old(mirror: &MirrorDir) {
    let page = page(mirror);
    assert_eq!(cards(&page), ["u_1", "u_2"]);
    assert!(page.ends_with("</html>"));
    mirror.check();
}

#[test]
fn the_samples_are_on_the_page_with_all_their_files() {
    let mirror = MirrorDir::new();
    let demo = program().env_remove("USEAPI_TOKEN").args(["run", "--demo", "--all", "--gallery", "-o"]);
    let said = demo.arg(mirror.path()).output().expect(0).stderr;
    assert!(said.ends_with(&format!("gallery: {}\n", mirror.at(PAGE).display())), "{said}");
    let by_run = page(&mirror);
    let said = gallery(&mirror).output().expect(0);
    assert_eq!(said.stdout, "");
    let line = format!("{}: 11 elements in ", mirror.at(PAGE).display());
    assert!(said.stderr.starts_with(&line) && said.stderr.lines().count() == 1, "{}", said.stderr);
    let page = page(&mirror);
    let without_time = |page: &str| page.split("Written <time").next().unwrap().to_owned();
    assert_eq!(without_time(&page), without_time(&by_run), "the command and a run write the same page");
    assert_eq!(cards(&page), mirror.ids());
    for id in mirror.ids() {
        let (card, manifest) = (card(&page, &id), mirror.manifest(&id));
        for said in [&manifest["element"]["name"], &manifest["element"]["description"]] {
            assert!(card.contains(said.as_str().unwrap()), "{said}: {card}");
        }
        for file in mirror.names(&id).iter().filter(|file| *file != "SHA256SUMS") {
            assert!(card.contains(&format!("href=\"{id}/{file}\"")), "{file}: {card}");
        }
    }
    for id in ["u_302847193845201", "u_303118460275593"] {
        assert!(card(&page, id).contains("<span class=\"video\">Video</span>"), "{id}");
    }
    mirror.check();
}

#[test]
fn it_says_what_was_asked_for_and_how() {
    let (_upstream, mirror) = mirrored();
    assert_eq!(gallery(&mirror).arg("-q").output().expect(0).stderr, "");
    let log = gallery(&mirror).args(["--log-format", "json"]).output().expect(0).log();
    assert_eq!((log.len(), &log[0]["event"], &log[0]["summary"]["gallery"]), (1, &"summary".into(), &3.into()));
}

#[test]
fn an_empty_mirror_has_a_page_that_says_so() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    run(&upstream, &mirror).arg(mirror.put("ids.txt", "")).arg("--gallery").output().expect(0);
    assert_eq!(cards(&page(&mirror)), Vec::<&str>::new());
    assert!(page(&mirror).contains("No elements are mirrored here yet."));
    upstream.add("u_1", 1);
    run(&upstream, &mirror).ids(["u_1"]).arg("--gallery").output().expect(0);
    assert!(!page(&mirror).contains("No elements are mirrored"));
}

/// Of a scene with all that may be odd: an element that is gone, one that is incomplete, and one with a past.
fn scene() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = mirrored();
    let urls = [upstream.url("/cdn/u_3/0.png"), upstream.url("/cdn/none")];
    let mut told = element("u_4", &urls);
    told["updateTime"] = json!(1_764_000_000_000_i64);
    upstream.tell("u_4", &told);
    upstream.on_element("u_1", [Reply::new(404, "")]);
    let mut told = element("u_2", &[upstream.url("/cdn/u_2/0.png"), upstream.url("/cdn/u_2/1.png")]);
    told["name"] = json!("Another name");
    told["updateTime"] = json!(1_764_000_000_000_i64);
    told["favored"] = json!(true);
    upstream.tell("u_2", &told);
    run(&upstream, &mirror).ids(["u_4", "u_1", "u_2"]).arg("--gallery").output().expect(3);
    (upstream, mirror)
}

#[test]
fn what_is_gone_incomplete_or_superseded_is_said() {
    let (_upstream, mirror) = scene();
    let page = page(&mirror);
    assert_eq!(cards(&page), ["u_1", "u_2", "u_3", "u_4"]);
    let gone = card(&page, "u_1");
    assert!(gone.contains("data-is=\"gone\"") && gone.contains("<dt>Gone since</dt>"), "{gone}");
    let since = String::from_utf8(mirror.read(".element-mirror/gone/u_1")).unwrap();
    let year = since.split('-').next().unwrap();
    assert!(gone.contains(&format!(" {year}</span>")), "{since}: {gone}");
    let updated = card(&page, "u_2");
    let when = &mirror.history("u_2")[0];
    assert!(updated.contains("<bdi>Another name</bdi>") && updated.contains("data-is=\"favored\""), "{updated}");
    for file in ["", "manifest.json"] {
        assert!(updated.contains(&format!("href=\"./.element-mirror/history/u_2/{when}/{file}\"")), "{updated}");
    }
    assert!(updated.contains("1 older"), "{updated}");
    let plain = card(&page, "u_3");
    assert!(!plain.contains("data-is") && !plain.contains("older") && !plain.contains("class=\"marks\""), "{plain}");
    let incomplete = card(&page, "u_4");
    for said in ["data-is=\"incomplete\"", "1 missing", "<li>Side: <bdi>http_404</bdi>"] {
        assert!(incomplete.contains(said), "{said}: {incomplete}");
    }
}

#[test]
fn hostile_words_stay_text() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let script = "</noscript></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mut told = element("u_1", &[upstream.url("/cdn/u_1/0.png"), upstream.url("/cdn/none")]);
    told["name"] = json!(format!("{script}\u{202e}\0{}", "x".repeat(10_000)));
    told["type"] = json!(script);
    told["description"] = json!(script);
    told["resources"][1]["slotKey"] = json!(script);
    told["tagList"] = json!([{ "tagDesc": script }, [script]]);
    upstream.tell("u_1", &told);
    run(&upstream, &mirror).ids(["u_1"]).arg("--gallery").output().expect(3);
    let page = page(&mirror);
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert_eq!(page.matches("</noscript>").count(), 1);
    let card = card(&page, "u_1");
    assert!(!card.contains("<img src=x") && card.contains("&lt;img src=x onerror"), "{card}");
    assert!(card.contains(&"x".repeat(10_000)), "the name is whole");
    assert!(card.contains("\u{202e}␀") && !page.contains('\0'), "{card}");
}

#[test]
fn the_page_may_do_nothing_but_what_its_own_style_and_script_do() {
    let (_upstream, mirror) = mirrored();
    let page = page(&mirror);
    let inside = |start: &str, end: &str| page.split(start).nth(1).unwrap().split(end).next().unwrap();
    let policy = inside("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).as_bytes()));
    let (style, script) = (hash(inside("<style>", "</style>")), hash(inside("<script>", "</script>")));
    let allowed = format!(
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src {style}; script-src {script}; base-uri 'none'; \
         form-action 'none'"
    );
    assert_eq!(policy, allowed);
    for outside in ["http:", "https:", "//cdn", " style=", " onclick=", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// The page that was there, whose writing must come to nothing.
#[track_caller]
fn refused(mirror: &MirrorDir, code: i32) -> Outcome {
    let run = gallery(mirror).output().expect(code);
    assert!(!mirror.names(".element-mirror/staging").iter().any(|name| name.starts_with(PAGE)));
    run
}

#[test]
fn a_page_of_others_stays_and_is_named() {
    let (upstream, mirror) = mirrored();
    for theirs in [
        "",
        "<!DOCTYPE html><title>mine</title>",
        &format!("{}<meta name=\"generator\" content=\"element-mirror ", " ".repeat(4096)),
    ] {
        mirror.write(PAGE, theirs);
        let said = refused(&mirror, 1).stderr;
        assert!(said.contains(&mirror.at(PAGE).display().to_string()) && said.contains("move it away"), "{said}");
        assert_eq!(page(&mirror), theirs);
    }
    let run = run(&upstream, &mirror).ids(["u_3"]).args(["--gallery", "--refresh", "--report", "-"]).output().expect(1);
    assert!(run.stderr.contains("can't write the gallery") && run.status("u_3") == "unchanged", "{}", run.stderr);
    std::fs::remove_file(mirror.at(PAGE)).unwrap();
    mirror.write("index.html/mine.txt", "mine");
    assert!(refused(&mirror, 1).stderr.contains("not touched"));
    assert_eq!(mirror.names(PAGE), ["mine.txt"]);
    std::fs::remove_dir_all(mirror.at(PAGE)).unwrap();
    symlink("../theirs", mirror.at(PAGE)).unwrap();
    mirror.put("theirs", "mine");
    assert!(refused(&mirror, 1).stderr.contains("not touched"));
    assert_eq!(std::fs::read(mirror.beside("theirs")).unwrap(), b"mine");
}

#[test]
fn a_page_of_any_version_of_ours_is_replaced() {
    let (_upstream, mirror) = mirrored();
    mirror.write(PAGE, page(&mirror).replace("element-mirror 0.1.0", "element-mirror 7.0.0-later"));
    gallery(&mirror).output().expect(0);
    assert_eq!(cards(&page(&mirror)), ["u_1", "u_2", "u_3"]);
}

#[test]
fn where_there_is_no_mirror_nothing_is_written() {
    let nothing = MirrorDir::new();
    gallery(&nothing).output().expect(1);
    assert!(!nothing.has(""));
    let folder = MirrorDir::new();
    folder.write("notes.txt", "mine");
    let said = gallery(&folder).output().expect(1).stderr;
    assert!(said.contains("holds no mirror"), "{said}");
    assert_eq!(folder.names(""), ["notes.txt"]);
}

#[test]
fn a_bucket_has_no_gallery() {
    for args in [&["gallery", "s3://bucket/x"][..], &["run", "--gallery", "--id", "u_1", "-o", "s3://bucket/x"]] {
        let said = program().args(args).output().expect(2).stderr;
        assert!(said.contains("for folders"), "{said}");
    }
}

#[test]
fn while_a_run_goes_on_it_waits_as_long_as_it_is_told_to() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_hang", [Reply::hang()]);
    let running = run(&upstream, &mirror).ids(["u_hang"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_hang", 1);
    let said = gallery(&mirror).output().expect(5).stderr;
    assert!(said.contains("another run"), "{said}");
    assert_is_old(&mirror);
    let waiting = gallery(&mirror).args(["--lock-wait", "60s"]).spawn();
    running.signal("INT");
    running.end_within(Duration::from_secs(10)).expect(130);
    waiting.end_within(Duration::from_secs(30)).expect(0);
    assert_eq!(cards(&page(&mirror)), ["u_1", "u_2", "u_3"]);
}

#[test]
fn without_the_option_and_in_a_dry_run_it_stays_as_it_is() {
    let (upstream, mirror) = mirrored();
    run(&upstream, &mirror).ids(["u_3"]).args(["--gallery", "--dry-run"]).output().expect(0);
    assert_is_old(&mirror);
    run(&upstream, &mirror).ids(["u_3"]).output().expect(0);
    assert_is_old(&mirror);
}

#[test]
fn a_manifest_that_can_not_be_read_is_left_out_and_said() {
    let (_upstream, mirror) = mirrored();
    mirror.write("u_2/manifest.json", "{");
    let log = gallery(&mirror).args(["--log-format", "json"]).output().expect(0).log();
    let warnings: Vec<&Value> = log.iter().filter(|line| line["event"] == "warning").collect();
    assert_eq!((warnings.len(), &warnings[0]["what"]), (1, &"u_2".into()), "{warnings:?}");
    assert!(warnings[0]["message"].as_str().unwrap().starts_with("left out of index.html: "), "{warnings:?}");
    assert_eq!(cards(&page(&mirror)), ["u_1", "u_3"]);
}

#[rstest]
#[case("INT", 130)]
#[case("TERM", 143)]
fn an_interrupted_run_leaves_the_old_one(#[case] signal: &str, #[case] code: i32) {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_hang", [Reply::hang()]);
    let running = run(&upstream, &mirror).ids(["u_hang"]).arg("--gallery").spawn();
    upstream.wait_for("/v1/kling/elements/u_hang", 1);
    running.signal(signal);
    running.end_within(Duration::from_secs(10)).expect(code);
    assert_is_old(&mirror);
}

/// How writing the page may fail, and be killed.
#[rstest]
#[case("write:error=ENOSPC", false)]
#[case("fsync:error=EIO", false)]
#[case("renameat:error=EROFS", false)]
#[case("write:signal=KILL", true)]
#[case("fsync:signal=KILL", true)]
#[case("renameat:error=EIO:signal=KILL", true)]
fn one_that_can_not_be_written_is_said_and_leaves_the_old_one(#[case] fault: &str, #[case] is_killed: bool) {
    let (_upstream, mirror) = mirrored();
    // A move names the file by the folder that is open.
    let place = if fault.starts_with("renameat") { "" } else { "/index.html.part" };
    let place = mirror.at(&format!(".element-mirror/staging{place}")).display().to_string();
    let Some(failing) = gallery(&mirror).failing(fault, &[&place]) else { return };
    let run = failing.arg("-q").output_through(Stdio::null(), Stdio::piped());
    assert_eq!(run.code, if is_killed { 137 } else { 1 }, "{run:?}");
    assert!(is_killed || run.stderr.contains("can't write the gallery"), "{}", run.stderr);
    assert_eq!(cards(&page(&mirror)), ["u_1", "u_2"]);
    assert_eq!(mirror.names(".element-mirror/staging").is_empty(), !is_killed);
    gallery(&mirror).output().expect(0);
    assert_eq!(cards(&page(&mirror)), ["u_1", "u_2", "u_3"]);
    mirror.check();
}
