//! Superseded versions: what is listed of them, how one goes back to one, and what of them is pruned.

mod back;
mod kept;
mod prune;

use std::process::Stdio;
use std::time::Duration;

use element_mirror::digest::Digest;
use element_mirror::time::Time;
use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Program, Reply, Upstream, check_version, element, png, program};

/// The next version of each of `ids`, told by another side view, and mirrored.
fn turn(upstream: &Upstream, mirror: &MirrorDir, ids: &[&str], number: u8) {
    upstream.on("/cdn/cover", [Reply::ok(png(8, 8, 0))]);
    for id in ids {
        let side = format!("/cdn/{id}/side-{number}");
        upstream.on(&side, [Reply::ok(png(8, 8, number))]);
        upstream.tell(id, &element(id, &[upstream.url("/cdn/cover"), upstream.url(&side)]));
    }
    program().run(upstream, &mirror.path()).ids(ids).arg("--no-sync").output().expect(0);
}

/// A mirror in which each of `ids` has had so many versions, the last of which stands.
fn mirror_of(ids: &[&str], versions: u8) -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for number in 1..=versions {
        turn(&upstream, &mirror, ids, number);
    }
    (upstream, mirror)
}

/// `history` of the mirror, with further arguments.
fn history(mirror: &MirrorDir, args: &[&str]) -> Program {
    program().env_remove("USEAPI_TOKEN").arg("history").arg(mirror.path()).args(args)
}

/// What `history --json` lists.
fn listed(mirror: &MirrorDir, args: &[&str], code: i32) -> Vec<Value> {
    history(mirror, args).arg("--json").output().expect(code).lines()
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["id"].as_str().unwrap()).collect()
}

/// The path of a superseded version in the mirror; versions are numbered from 0 by their folders' names.
fn place(mirror: &MirrorDir, id: &str, number: usize) -> String {
    format!(".element-mirror/history/{id}/{}", mirror.history(id)[number])
}

/// Makes it as if the version in `folder` had been committed at `time`.
fn set_time(mirror: &MirrorDir, folder: &str, time: Time) {
    let at = |path: &str| format!("{folder}/{path}");
    let mut manifest: Value = serde_json::from_slice(&mirror.read(&at("manifest.json"))).unwrap();
    manifest["committedAt"] = json!(time);
    let bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    let bytes = [&bytes[..], b"\n"].concat();
    let sums = String::from_utf8(mirror.read(&at("SHA256SUMS"))).unwrap();
    let others: Vec<&str> = sums.lines().filter(|line| !line.ends_with("  manifest.json")).collect();
    mirror.write(&at("manifest.json"), &bytes);
    let digest = Digest::of(&bytes);
    mirror.write(&at("SHA256SUMS"), format!("{}\n{digest}  manifest.json\n", others.join("\n")));
    check_version(&mirror.at(folder));
}

#[test]
fn each_superseded_version_is_a_line_with_why_it_differs_its_size_and_its_path() {
    let (upstream, mirror) = mirror_of(&["u_1"], 2);
    let mut told = element("u_1", &[upstream.url("/cdn/cover"), upstream.url("/cdn/u_1/side-2")]);
    told["name"] = json!("Another");
    upstream.tell("u_1", &told);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let run = history(&mirror, &[]).output().expect(0);
    assert_eq!(run.stderr, "");
    let lines: Vec<Vec<&str>> = run.stdout.lines().map(|line| line.split('\t').collect()).collect();
    let whens = mirror.history("u_1");
    let expected = [(&whens[0], "side.png: other bytes"), (&whens[1], "name changed")];
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    for (line, (when, why)) in lines.iter().zip(expected) {
        let folder = mirror.at(".element-mirror/history/u_1").join(when);
        let files = ["cover.png", "side.png", "element.json"];
        let size: u64 = files.iter().map(|file| folder.join(file).metadata().unwrap().len()).sum();
        assert_eq!(*line, ["u_1", when, why, &size.to_string(), folder.to_str().unwrap()]);
        check_version(&folder);
    }
}

#[test]
fn programs_are_told_by_an_object_a_line() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 3);
    let lines = listed(&mirror, &[], 0);
    let committed = |number| -> Value {
        let manifest = mirror.read(&format!("{}/manifest.json", place(&mirror, "u_1", number)));
        serde_json::from_slice::<Value>(&manifest).unwrap()["committedAt"].clone()
    };
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["committedAt"], &lines[0]["supersededAt"]), (&committed(0), &committed(1)));
    assert_eq!(lines[1]["supersededAt"], mirror.manifest("u_1")["committedAt"]);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!((&line["id"], &line["when"]), (&json!("u_1"), &json!(mirror.history("u_1")[number])));
        assert_eq!((&line["why"], &line["files"]), (&json!(["side.png: other bytes"]), &json!(3)));
        assert!(line["size"].as_u64().unwrap() > 4000 && line.get("damaged").is_none(), "{line}");
        assert_eq!(line["path"], mirror.at(&place(&mirror, "u_1", number)).to_str().unwrap());
    }
}

#[test]
fn the_path_can_be_pasted_wherever_the_mirror_was_named_from() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let run = program().current_dir(&mirror.beside("")).args(["history", "mirror"]).output().expect(0);
    let path = run.stdout.trim_end().rsplit('\t').next().unwrap();
    assert_eq!(path, format!("mirror/{}", place(&mirror, "u_1", 0)));
}

#[test]
fn elements_may_be_named_and_those_that_are_not_known_are_said() {
    let (_upstream, mirror) = mirror_of(&["u_1", "u_2", "u_3"], 2);
    assert_eq!(ids(&listed(&mirror, &["u_3", "u_1"], 0)), ["u_3", "u_1"]);
    let list = mirror.put("ids.txt", "u_2\nu_2\n");
    assert_eq!(ids(&listed(&mirror, &[list.to_str().unwrap(), "--id", "u_1"], 0)), ["u_1", "u_2"]);
    let run = history(&mirror, &["-", "--json"]).output_with("u_9\n../x\nu_1\n").expect(3);
    assert_eq!(ids(&run.lines()), ["u_1"]);
    assert!(run.stderr.contains("u_9: the mirror does not know it") && run.stderr.contains("-:2"), "{}", run.stderr);
    let mut all = listed(&mirror, &[], 0);
    all.sort_by_key(|line| line["id"].to_string());
    assert_eq!(ids(&all), ["u_1", "u_2", "u_3"]);
}

#[test]
fn an_element_without_a_past_is_known_and_has_nothing_to_list() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 1);
    mirror.write("u_2/notes.txt", "mine");
    assert_eq!(history(&mirror, &["u_1"]).output().expect(0).stdout, "");
    assert_eq!(history(&mirror, &[]).output().expect(0).stdout, "");
    history(&mirror, &["u_2"]).output().expect(3);
}

#[test]
fn elements_that_are_gone_or_have_no_folder_any_more_are_listed_too() {
    let (upstream, mirror) = mirror_of(&["u_1", "u_2"], 3);
    upstream.on_element("u_1", [Reply::new(404, "{}")]);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    std::fs::remove_dir_all(mirror.at("u_2")).unwrap();
    assert_eq!(ids(&listed(&mirror, &["u_1"], 0)), ["u_1", "u_1"]);
    let lines = listed(&mirror, &["u_2"], 0);
    assert_eq!((&lines[1]["why"], lines[1].get("supersededAt")), (&json!(["nothing stands"]), None));
    assert_eq!(lines[0]["why"], json!(["side.png: other bytes"]));
    assert_eq!(listed(&mirror, &[], 0).len(), 4);
}

#[test]
fn a_damaged_one_is_listed_with_what_is_wrong() {
    let (_upstream, mirror) = mirror_of(&["u_1", "u_2"], 4);
    // What the name says of its time is to the second.
    let folders: Vec<String> = (0..3).map(|number| place(&mirror, "u_1", number)).collect();
    for (folder, when) in folders.iter().zip(["20260101T000000Z", "20260102T000000Z", "20260103T000000Z"]) {
        let renamed = mirror.at(".element-mirror/history/u_1").join(when);
        std::fs::rename(mirror.at(folder), renamed).unwrap();
        set_time(&mirror, &format!(".element-mirror/history/u_1/{when}"), Time::from_compact(when).unwrap());
    }
    mirror.write(".element-mirror/history/u_1/20260102T000000Z/manifest.json", "{}");
    let lines = listed(&mirror, &["u_1"], 3);
    assert_eq!(lines.len(), 3);
    assert!(lines[1]["why"][0].as_str().unwrap().starts_with("manifest.json is damaged"), "{}", lines[1]);
    assert_eq!((&lines[1]["damaged"], &lines[1]["files"]), (&json!(true), &json!(5)));
    assert_eq!(lines[0]["why"], json!(["the next version is damaged"]));
    assert_eq!(lines[2]["why"], json!(["side.png: other bytes"]));
    assert_eq!(listed(&mirror, &["u_2"], 0).len(), 3);
}

#[test]
fn looking_writes_nothing_and_needs_no_lock() {
    let (upstream, mirror) = mirror_of(&["u_1"], 2);
    upstream.on_element("u_2", [Reply::hang()]);
    let run = program().run(&upstream, &mirror.path()).ids(["u_2"]).spawn();
    upstream.wait_for("/v1/kling/elements/u_2", 1);
    let before = mirror.all_files();
    assert_eq!(listed(&mirror, &[], 0).len(), 1);
    assert_eq!(mirror.all_files(), before);
    drop(run);
    std::fs::remove_file(mirror.at(".element-mirror/lock")).unwrap();
    history(&mirror, &[]).output().expect(0);
    assert!(!mirror.has(".element-mirror/lock"), "a lock was made");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    for args in [&[][..], &["--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = history(&mirror, args).output_through(Stdio::null(), writer).expect(141);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_signal_ends_it_while_it_waits_for_ids() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut running = history(&mirror, &["-"]).spawn();
        running.write("u_1\n");
        // What is named is listed at once, however long the next name takes.
        assert!(running.read_line().starts_with("u_1\t"));
        running.signal(signal);
        // It stays open, and says nothing more.
        let stdin = running.0.stdin.take();
        running.end_within(Duration::from_secs(5)).expect(code);
        drop(stdin);
    }
}

#[track_caller]
fn refused(run: Outcome, said: &str) {
    assert!(run.stdout.is_empty() && run.stderr.contains(said), "{}", run.stderr);
}

#[test]
fn what_is_no_mirror_has_no_history() {
    let mirror = MirrorDir::new();
    for command in [&["history"][..], &["prune", "--keep-versions", "1"], &["prune", "--keep-versions=1", "--dry-run"]]
    {
        let run = |path: &std::path::Path| program().args(command).arg(path).output();
        refused(run(&mirror.path()).expect(1), mirror.path().to_str().unwrap());
        assert!(!mirror.has(""), "the destination was made");
        refused(run(&mirror.beside("")).expect(1), "holds no mirror");
        assert_eq!(std::fs::read_dir(mirror.beside("")).unwrap().count(), 0);
        program().args(command).output().expect(2);
        refused(run(std::path::Path::new("ftp://bucket/prefix")).expect(2), "s3://bucket/prefix");
    }
}
