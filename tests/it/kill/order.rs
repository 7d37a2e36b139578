//! In which order things reach the disk, as the system calls tell.

use std::collections::HashMap;

use element_mirror::digest::Digest;
use serde_json::json;

use crate::support::{MirrorDir, Mount, Reply, Upstream, png, program};

/// The calls of a run that ends with `code`, in their order; none, and said loudly, where it can't be watched.
fn calls(upstream: &Upstream, mirror: &MirrorDir, code: i32) -> Option<Vec<String>> {
    let log = mirror.beside("calls");
    let report = mirror.beside("report");
    let run = program().run(upstream, &mirror.path()).ids(["u_1", "u_2"]).arg("--report").arg(&report);
    run.traced(&log, "openat,renameat2,fsync,syncfs,write")?.expect(code);
    Some(joined(&std::fs::read_to_string(log).unwrap()))
}

/// The calls as they ended: one that another thread came in between is told in two lines.
pub(super) fn joined(log: &str) -> Vec<String> {
    let mut begun = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let (thread, _) = line.split_once(' ').unwrap();
        match (line.strip_suffix("<unfinished ...>"), line.split_once(" resumed>")) {
            (Some(begin), _) => drop(begun.insert(thread, begin)),
            (None, Some((_, end))) => calls.push(format!("{}{end}", begun.remove(thread).unwrap_or_default())),
            (None, None) => calls.push(line.to_owned()),
        }
    }
    calls
}

/// The place of the first call from `start` on that `matches`.
#[track_caller]
fn first(calls: &[String], start: usize, what: &str, matches: impl Fn(&str) -> bool) -> usize {
    let found = calls[start..].iter().position(|call| matches(call));
    start + found.unwrap_or_else(|| panic!("no {what} after line {start} of {calls:#?}"))
}

fn is_flush(call: &str) -> bool {
    (call.contains("syncfs") || call.contains("fsync")) && call.ends_with("= 0")
}

#[test]
fn a_version_is_flushed_before_it_takes_its_place_and_again_before_it_is_reported() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for round in ["first", "second"] {
        for id in ["u_1", "u_2"] {
            let mut told = upstream.add(id, 2);
            told["name"] = json!(round);
            upstream.tell(id, &told);
        }
        let Some(calls) = calls(&upstream, &mirror, 0) else { return };
        for id in ["u_1", "u_2"] {
            let sealing = |call: &str| call.contains(&format!("staging/{id}>, \"sealed\", O_RDWR|O_CREAT"));
            let moving = |call: &str| call.contains("renameat2(") && call.contains(&format!("\"{id}\""));
            let reporting = |call: &str| call.contains("write(") && call.contains("report>") && call.contains(id);
            let sealed = first(&calls, 0, "seal", sealing);
            let flushed = first(&calls, sealed, "flush of the data", is_flush);
            let moved = first(&calls, 0, "move", moving);
            assert!(flushed < moved, "{round}: {id} is moved before its data is flushed: {calls:#?}");
            let flushed = first(&calls, moved, "flush of the move", is_flush);
            let reported = first(&calls, 0, "report", reporting);
            assert!(flushed < reported, "{round}: {id} is reported before its move is flushed: {calls:#?}");
        }
    }
}

#[test]
fn a_version_that_an_interrupted_run_had_sealed_is_flushed_before_it_takes_its_place() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let seal = json!({"manifest": Digest::of(&mirror.read("u_1/manifest.json")), "superseded": null});
    mirror.write(".element-mirror/staging/u_1/sealed", seal.to_string());
    std::fs::rename(mirror.at("u_1"), mirror.at(".element-mirror/staging/u_1/version")).unwrap();
    let Some(calls) = calls(&upstream, &mirror, 0) else { return };
    let moved = first(&calls, 0, "move", |call| {
        call.contains("renameat2(") && call.contains("\"version\"") && call.contains("\"u_1\"")
    });
    for file in ["cover.png", "side.png", "element.json", "manifest.json", "SHA256SUMS"] {
        let flushed = first(&calls, 0, file, |call| call.contains("fsync(") && call.contains(&format!("{file}>")));
        assert!(flushed < moved, "{file} is not flushed before the move: {calls:#?}");
    }
    mirror.check();
}

#[test]
fn a_draft_is_flushed_before_it_is_called_one() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    told["cover"]["resource"] = json!(upstream.url("/cdn/new"));
    told["resources"][0]["resource"] = json!(upstream.url("/cdn/new"));
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/nowhere"));
    upstream.tell("u_1", &told);
    upstream.on("/cdn/new", [Reply::ok(png(8, 8, 1))]);
    let Some(calls) = calls(&upstream, &mirror, 3) else { return };
    let named = first(&calls, 0, "draft", |call| call.contains("renameat2(") && call.contains("\"draft\""));
    for file in ["cover.png", "element.json", "manifest.json", "SHA256SUMS"] {
        let flushed = first(&calls, 0, file, |call| is_flush(call) && call.contains(&format!("version/{file}>")));
        assert!(flushed < named, "{file} is flushed too late: {calls:#?}");
    }
    let flushed = first(&calls, named, "flush", |call| is_flush(call) && call.contains("staging/u_1>"));
    let reported = first(&calls, 0, "report", |call| call.contains("report>") && call.contains("u_1"));
    assert!(flushed < reported, "it is reported too early: {calls:#?}");
}

#[test]
fn after_a_run_that_flushed_nothing_the_next_flushes_everything_before_it_reports() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).arg("--no-sync").output().expect(0);
    let Some(calls) = calls(&upstream, &mirror, 0) else { return };
    let flushed = first(&calls, 0, "flush", is_flush);
    let forgotten = first(&calls, flushed + 1, "flush of the note's end", is_flush);
    let reported = first(&calls, 0, "report", |call| call.contains("report>") && call.contains("unchanged"));
    assert!(forgotten < reported, "it is reported too early: {calls:#?}");
    // And it is done with.
    let calls = self::calls(&upstream, &mirror, 0).unwrap();
    assert!(!calls.iter().any(|call| is_flush(call)), "{calls:#?}");
}

#[test]
fn what_was_left_unflushed_is_flushed_file_by_file_where_syncfs_is_not_trusted() {
    let (upstream, around) = (Upstream::start(), MirrorDir::in_memory());
    let overlay = around.beside("overlay");
    let Some(_mounts) = Mount::overlay(&around.beside("lower"), &around.beside("upper"), &overlay) else { return };
    let mirror = MirrorDir::below(&overlay);
    let mut told = upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    for name in ["first", "second"] {
        told["name"] = json!(name);
        upstream.tell("u_1", &told);
        program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).arg("--no-sync").output().expect(0);
    }
    let superseded = format!(".element-mirror/history/u_1/{}", mirror.history("u_1")[0]);
    let Some(calls) = calls(&upstream, &mirror, 0) else { return };
    assert!(!calls.iter().any(|call| call.contains("syncfs(")), "{calls:#?}");
    let reported = first(&calls, 0, "report", |call| call.contains("report>") && call.contains("unchanged"));
    let flushed = |path: &str| {
        let end = format!("{}>", mirror.at(path).display());
        let place = first(&calls, 0, path, |call| is_flush(call) && call.contains(&end));
        assert!(place < reported, "{path} is flushed too late: {calls:#?}");
    };
    for folder in ["u_1", "u_2", &superseded] {
        flushed(folder);
        mirror.names(folder).iter().for_each(|name| flushed(&format!("{folder}/{name}")));
    }
    [".element-mirror", ".element-mirror/history", ".element-mirror/history/u_1"].into_iter().for_each(flushed);
}
