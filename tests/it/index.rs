//! `run --index`: what stands, a manifest a line, replaced at once or not at all.

use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;
use serde_json::Value;

use crate::support::{MirrorDir, Program, Reply, Upstream, element, program};

const INDEX: &str = "index.ndjson";

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).arg("--index")
}

fn lines(mirror: &MirrorDir) -> Vec<Value> {
    let text = String::from_utf8(mirror.read(INDEX)).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The IDs in the index, each line of which is what the manifest says.
#[track_caller]
fn indexed(mirror: &MirrorDir) -> Vec<String> {
    let id = |line: Value| {
        let id = line["element"]["id"].as_str().unwrap().to_owned();
        let mut manifest = mirror.manifest(&id);
        manifest.as_object_mut().unwrap().remove("response");
        assert_eq!(line, manifest);
        id
    };
    lines(mirror).into_iter().map(id).collect()
}

/// A mirror of two elements with an old index, and a third element that is not mirrored yet.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ["u_1", "u_2", "u_3"] {
        upstream.add(id, 2);
    }
    run(&upstream, &mirror).ids(["u_2", "u_1"]).output().expect(0);
    assert_eq!(indexed(&mirror), ["u_1", "u_2"]);
    (upstream, mirror)
}

/// Nothing was half made, and the index is the old one.
#[track_caller]
fn assert_is_old(mirror: &MirrorDir) {
    assert_eq!(indexed(mirror), ["u_1", "u_2"]);
    mirror.check();
}

#[test]
fn it_has_every_element_that_the_mirror_holds_whatever_became_of_it_in_this_run() {
    let (upstream, mirror) = mirrored();
    let urls = [upstream.url("/cdn/u_3/0.png"), upstream.url("/cdn/none")];
    upstream.tell("u_0", &element("u_0", &urls));
    upstream.on_element("u_1", [Reply::new(404, "")]);
    // The list names neither u_2 nor, by a right ID, anything else.
    run(&upstream, &mirror).ids(["u_3", "u_0", "u_1", "../x", "u_404"]).output().expect(3);
    assert_eq!(indexed(&mirror), ["u_0", "u_1", "u_2", "u_3"]);
    let missing = lines(&mirror)[0]["missing"].clone();
    assert_eq!(missing.as_array().unwrap().len(), 1, "it is incomplete: {missing}");
    mirror.check();
}

#[test]
fn an_empty_list_is_no_reason_not_to_write_it() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    run(&upstream, &mirror).arg(mirror.put("ids.txt", "")).output().expect(0);
    assert_eq!(indexed(&mirror), Vec::<String>::new());
    let (upstream, mirror) = mirrored();
    std::fs::remove_file(mirror.at(INDEX)).unwrap();
    run(&upstream, &mirror).arg(mirror.put("ids.txt", "")).output().expect(0);
    assert_is_old(&mirror);
}

#[test]
fn without_the_option_and_in_a_dry_run_it_stays_as_it_is() {
    let (upstream, mirror) = mirrored();
    run(&upstream, &mirror).ids(["u_3"]).arg("--dry-run").output().expect(0);
    assert_is_old(&mirror);
    program().run(&upstream, &mirror.path()).ids(["u_3"]).output().expect(0);
    assert_is_old(&mirror);
}

#[test]
fn a_manifest_that_can_not_be_read_is_left_out_and_said() {
    let (upstream, mirror) = mirrored();
    mirror.write("u_2/manifest.json", "{");
    mirror.write("notes", "of a stranger, whose name might be an ID");
    let run = run(&upstream, &mirror).ids(["u_1"]).args(["--log-format", "json"]).output().expect(0);
    let warnings: Vec<Value> = run.log().into_iter().filter(|line| line["event"] == "warning").collect();
    assert_eq!((warnings.len(), &warnings[0]["what"]), (1, &"u_2".into()), "{warnings:?}");
    assert!(warnings[0]["message"].as_str().unwrap().starts_with("left out of index.ndjson: "), "{warnings:?}");
    assert_eq!(indexed(&mirror), ["u_1"]);
}

#[test]
fn what_has_its_name_and_is_no_file_of_ours_is_said_and_stays() {
    let (upstream, mirror) = mirrored();
    let refused = || {
        let run = run(&upstream, &mirror).ids(["u_3"]).args(["-q", "--report", "-"]).output().expect(1);
        assert!(run.stderr.contains("can't write the index") && run.stderr.contains(INDEX), "{}", run.stderr);
        run.status("u_3")
    };
    std::fs::remove_file(mirror.at(INDEX)).unwrap();
    mirror.write("index.ndjson/mine.txt", "mine");
    assert_eq!(refused(), "created", "the elements are mirrored");
    assert_eq!(mirror.names(INDEX), ["mine.txt"]);
    std::fs::remove_dir_all(mirror.at(INDEX)).unwrap();
    symlink("../theirs", mirror.at(INDEX)).unwrap();
    mirror.put("theirs", "mine");
    assert_eq!(refused(), "unchanged");
    assert_eq!(std::fs::read(mirror.beside("theirs")).unwrap(), b"mine");
    assert!(mirror.at(INDEX).is_symlink());
}

#[test]
fn that_it_can_not_be_written_is_said_beside_what_broke_before() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    mirror.write("index.ndjson/mine.txt", "mine");
    let ids = ["u_1", "u_2", "u_3", "u_4", "u_5"];
    ids.iter().for_each(|id| upstream.on_element(id, [Reply::new(503, "")]));
    let run = run(&upstream, &mirror).ids(ids).args(["--retries", "0"]).output().expect(1);
    for said in ["the API can't be reached", "can't write the index"] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

#[test]
fn whoever_has_the_old_one_open_reads_on_in_it() {
    let (upstream, mirror) = mirrored();
    std::fs::hard_link(mirror.at(INDEX), mirror.beside("open")).unwrap();
    run(&upstream, &mirror).ids(["u_3"]).output().expect(0);
    assert_eq!(indexed(&mirror), ["u_1", "u_2", "u_3"]);
    assert_eq!(std::fs::read_to_string(mirror.beside("open")).unwrap().lines().count(), 2);
}

#[test]
fn other_commands_take_it_for_no_element() {
    let (_upstream, mirror) = mirrored();
    let verified = program().arg("verify").arg(mirror.path()).args(["--history", "--report", "-"]).output().expect(0);
    assert_eq!(verified.lines().len(), 2);
    assert_eq!(program().arg("history").arg(mirror.path()).output().expect(0).stdout, "");
    program().arg("prune").arg(mirror.path()).args(["--keep-versions", "0"]).output().expect(0);
    assert_is_old(&mirror);
}

#[rstest]
#[case("INT", 130)]
#[case("TERM", 143)]
fn an_interrupted_run_leaves_the_old_one(#[case] signal: &str, #[case] code: i32) {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_hang", [Reply::hang()]);
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_3\n");
    assert!(running.read_line().contains("created"));
    running.write("u_hang\n");
    upstream.wait_for("/v1/kling/elements/u_hang", 1);
    running.signal(signal);
    running.end_within(Duration::from_secs(10)).expect(code);
    assert_is_old(&mirror);
}

#[test]
fn a_reader_that_went_away_leaves_the_old_one() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_hang", [Reply::hang()]);
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    drop(running.0.stdout.take());
    running.write("u_hang\nu_3\n");
    running.end_within(Duration::from_secs(10)).expect(141);
    assert!(mirror.has("u_3"));
    assert_is_old(&mirror);
}

#[test]
fn a_run_that_the_api_refuses_on_the_way_has_an_index_of_what_it_came_to() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_401", [Reply::new(401, "")]);
    let mut running = run(&upstream, &mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_3\n");
    assert!(running.read_line().contains("created"));
    running.write("u_401\n");
    running.end_within(Duration::from_secs(10)).expect(4);
    assert_eq!(indexed(&mirror), ["u_1", "u_2", "u_3"]);
}

#[test]
fn where_the_destination_fails_the_old_one_stays() {
    let (upstream, mirror) = mirrored();
    let ids = ["u_3", "u_4", "u_5"];
    ids.iter().for_each(|id| drop(upstream.add(id, 1)));
    let staged = ids.map(|id| mirror.at(&format!(".element-mirror/staging/{id}")).display().to_string());
    let staged: Vec<&str> = staged.iter().map(String::as_str).collect();
    // In a new one there would be a line less.
    mirror.write("u_2/manifest.json", "{");
    let Some(run) = run(&upstream, &mirror).ids(ids).failing("mkdirat:error=ENOSPC", &staged) else { return };
    let run = run.output().expect(1);
    assert!(run.stderr.contains("in a row could not be written"), "{}", run.stderr);
    assert_eq!(lines(&mirror).len(), 2);
}

/// How writing the index may fail, and be killed.
#[rstest]
#[case("write:error=ENOSPC", false)]
#[case("fsync:error=EIO", false)]
#[case("renameat:error=EROFS", false)]
#[case("write:signal=KILL", true)]
#[case("fsync:signal=KILL", true)]
#[case("renameat:error=EIO:signal=KILL", true)]
fn one_that_can_not_be_written_is_said_and_leaves_the_old_one(#[case] fault: &str, #[case] is_killed: bool) {
    let (upstream, mirror) = mirrored();
    // A move names the file by the folder that is open.
    let place = if fault.starts_with("renameat") { "" } else { "/index.ndjson.part" };
    let place = mirror.at(&format!(".element-mirror/staging{place}")).display().to_string();
    let Some(run) = run(&upstream, &mirror).ids(["u_3"]).failing(fault, &[&place]) else { return };
    let run = run.args(["-q", "--report", "-"]).output_through(Stdio::null(), Stdio::piped());
    assert_eq!(run.code, if is_killed { 137 } else { 1 }, "{run:?}");
    assert!(is_killed || run.stderr.contains("can't write the index"), "{}", run.stderr);
    assert_eq!(indexed(&mirror), ["u_1", "u_2"]);
    assert_eq!(mirror.names(".element-mirror/staging").is_empty(), !is_killed);
    program().run(&upstream, &mirror.path()).ids(["u_3"]).output().expect(0);
    assert_is_old(&mirror);
    self::run(&upstream, &mirror).ids(["u_3"]).output().expect(0);
    assert_eq!(indexed(&mirror), ["u_1", "u_2", "u_3"]);
}

#[test]
fn it_is_flushed_before_it_takes_its_place_and_then_its_name_is() {
    let (upstream, mirror) = mirrored();
    let log = mirror.beside("calls");
    let calls = "fsync,renameat,renameat2";
    let Some(traced) = run(&upstream, &mirror).ids(["u_1"]).traced(&log, calls) else { return };
    traced.expect(0);
    let log = std::fs::read_to_string(&log).unwrap();
    let root = format!("{}>)", mirror.path().canonicalize().unwrap().display());
    let at = |what: &str, is_it: &dyn Fn(&str) -> bool| {
        log.lines().position(is_it).unwrap_or_else(|| panic!("no {what}: {log}"))
    };
    let flushed = at("flush", &|call| call.contains("fsync(") && call.contains("index.ndjson.part>"));
    let moved = at("move", &|call| call.contains("renameat") && call.contains("\"index.ndjson\""));
    let named = log.lines().skip(moved).any(|call| call.contains("fsync(") && call.contains(&root));
    assert!(flushed < moved && named, "{log}");
    let Some(traced) = run(&upstream, &mirror).ids(["u_1"]).arg("--no-sync").traced(&mirror.beside("calls"), calls)
    else {
        return;
    };
    traced.expect(0);
    let log = std::fs::read_to_string(mirror.beside("calls")).unwrap();
    assert!(!log.lines().any(|call| call.contains("fsync(") && call.contains("index.ndjson")), "{log}");
}
