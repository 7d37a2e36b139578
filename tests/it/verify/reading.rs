//! What a verification finds, and that it only reads.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::{flip, message, mirrored, past, run, verify};
use crate::support::{MirrorDir, Upstream, program};

#[test]
fn a_good_mirror_is_ok_without_network_token_or_lock_and_nothing_is_written() {
    let (upstream, mirror) = mirrored();
    let before = mirror.all_files();
    // A run is going on: it waits for an ID on standard input.
    let running = program().run(&upstream, &mirror.path()).arg("-").spawn();
    while !mirror.read(".element-mirror/lock").starts_with(format!("{{\"pid\":{}", running.0.id()).as_bytes()) {
        std::thread::yield_now();
    }
    let verified = verify(&mirror).arg("--history").args(["--report", "-"]).output().expect(0);
    assert_eq!((verified.status("u_1").as_str(), verified.status("u_2").as_str()), ("ok", "ok"));
    let line = verified.line("u_1");
    assert_eq!((&line["stands"], &line["assets"], &line["folder"]), (&json!("complete"), &json!(4), &json!("u_1")));
    assert_eq!(verified.lines().len(), 2);
    assert!(upstream.requests().is_empty());
    running.signal("TERM");
    running.end_within(Duration::from_secs(10)).expect(143);
    let mut after = mirror.all_files();
    after.insert(".element-mirror/lock".into(), before[".element-mirror/lock"].clone());
    assert!(before == after, "a file was written");
}

#[test]
fn a_mirror_that_can_only_be_read_is_verified() {
    let (_upstream, mirror) = mirrored();
    std::fs::set_permissions(mirror.path(), PermissionsExt::from_mode(0o555)).unwrap();
    let report = ["--report", "-"];
    let verified = program().run_by_nobody(&mirror.beside("")).args(["verify"]).arg(mirror.path()).args(report);
    let verified = verified.output();
    std::fs::set_permissions(mirror.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(verified.expect(0).status("u_1"), "ok");
}

#[test]
fn each_kind_of_damage_is_told_by_its_file() {
    for (file, kind, words) in [
        ("side.png", "bytes", "side.png has other bytes"),
        ("side.png", "size", "side.png has 5 bytes, not"),
        ("side.png", "gone", "side.png is missing"),
        ("side.png", "folder", "side.png is no file"),
        ("side.png", "link", "side.png is no file"),
        ("element.json", "bytes", "element.json has other bytes"),
        ("element.json", "gone", "element.json is missing"),
        ("manifest.json", "bytes", "manifest.json is damaged"),
        ("manifest.json", "size", "manifest.json is damaged"),
    ] {
        let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
        upstream.add("u_1", 2);
        run(&upstream, &mirror, &["u_1"]);
        let path = format!("u_1/{file}");
        match kind {
            "bytes" => flip(&mirror, &path),
            "size" => mirror.write(&path, "short"),
            "link" => {
                std::fs::rename(mirror.at(&path), mirror.beside("elsewhere")).unwrap();
                std::os::unix::fs::symlink(mirror.beside("elsewhere"), mirror.at(&path)).unwrap();
            }
            _ => std::fs::remove_file(mirror.at(&path)).unwrap(),
        }
        if kind == "folder" {
            std::fs::create_dir(mirror.at(&path)).unwrap();
        }
        let verified = verify(&mirror).args(["--report", "-"]).output().expect(3);
        let line = verified.line("u_1");
        assert_eq!((line["status"].as_str(), line["error"]["kind"].as_str()), (Some("damaged"), Some("damaged")));
        assert_eq!(line["error"]["asset"], file, "{kind}");
        assert_ne!(line["stands"], "complete", "{kind}");
        assert!(message(&verified, "u_1").contains(words), "{kind}: {}", message(&verified, "u_1"));
    }
}

#[test]
fn a_missing_element_a_missing_manifest_and_a_damaged_one_are_told_apart() {
    let (_upstream, mirror) = mirrored();
    std::fs::remove_file(mirror.at("u_2/manifest.json")).unwrap();
    flip(&mirror, "u_1/manifest.json");
    std::fs::create_dir(mirror.at("u_empty")).unwrap();
    let ids = mirror.put("ids.txt", "u_1\nu_2\nu_3\n../x\nu_empty\n");
    let verified = verify(&mirror).arg(ids).args(["--report", "-"]).output().expect(3);
    let statuses = ["u_1", "u_2", "u_3", "u_empty"].map(|id| verified.status(id));
    assert_eq!(statuses, ["damaged", "missing_manifest", "missing", "missing"]);
    assert_eq!(verified.error_kind("u_2"), "missing_manifest");
    assert_eq!(verified.lines().iter().filter(|line| line["id"].is_null()).count(), 1);
    // Without a list there is nothing that could be missing.
    let all = verify(&mirror).args(["--report", "-"]).output().expect(3);
    assert_eq!(all.lines().len(), 2, "{}", all.stdout);
}

#[test]
fn ids_are_a_filter_by_lists_words_or_option() {
    let (_upstream, mirror) = mirrored();
    flip(&mirror, "u_2/cover.png");
    let list = mirror.put("u_2", "u_1\n");
    let folder = list.parent().unwrap();
    for (arguments, expected) in [
        (vec!["u_1"], "u_1"),
        (vec!["--id", "u_1"], "u_1"),
        // A file of that name is a list.
        (vec!["./u_2"], "u_1"),
        (vec!["u_2"], "u_1"),
    ] {
        let verified = verify(&mirror).current_dir(folder).args(&arguments).args(["--report", "-"]).output().expect(0);
        assert_eq!(verified.lines().len(), 1);
        assert_eq!(verified.status(expected), "ok", "{arguments:?}");
    }
    let piped = verify(&mirror).args(["-", "--report", "-"]).output_with("u_2\n").expect(3);
    assert_eq!(piped.status("u_2"), "damaged");
    let missing = verify(&mirror).arg("no-such-list.txt").output().expect(1);
    assert!(missing.stderr.contains("no-such-list.txt"), "{}", missing.stderr);
    // In the mirror itself an ID is the name of a folder, and means the ID.
    let inside = verify(&mirror).current_dir(&mirror.path()).args(["u_1", "--report", "-"]).output().expect(0);
    assert_eq!(inside.status("u_1"), "ok");
}

#[test]
fn quick_looks_at_presence_and_size_alone() {
    let (_upstream, mirror) = mirrored();
    flip(&mirror, "u_1/side.png");
    verify(&mirror).arg("--quick").output().expect(0);
    mirror.write("u_1/side.png", "short");
    verify(&mirror).arg("--quick").output().expect(3);
    std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
    verify(&mirror).arg("--quick").output().expect(3);
}

#[test]
fn history_is_looked_at_where_that_is_asked_for_and_says_which_versions_share_the_damage() {
    let (_upstream, mirror) = mirrored();
    let past = past(&mirror);
    flip(&mirror, &format!("{past}/cover.png"));
    assert_eq!(verify(&mirror).args(["--report", "-"]).output().expect(0).status("u_1"), "ok");
    let verified = verify(&mirror).args(["--history", "--report", "-"]).output().expect(3);
    assert_eq!((verified.status("u_1").as_str(), &verified.line("u_1")["stands"]), ("damaged", &json!("complete")));
    assert!(message(&verified, "u_1").starts_with(&format!("{past}/cover.png has other bytes")));
    // An edit in place touches every version that has the file.
    flip(&mirror, "u_1/side.png");
    let verified = verify(&mirror).args(["--history", "--report", "-"]).output().expect(3);
    let said = message(&verified, "u_1");
    assert!(said.starts_with("side.png has other bytes"), "{said}");
    assert!(said.contains(&format!("{past}/side.png has other bytes")), "{said}");
    assert!(!said.contains("back.png"), "{said}");
}

#[test]
fn a_long_history_is_verified_with_few_descriptors() {
    let (_upstream, mirror) = mirrored();
    let past = past(&mirror);
    for number in 2..150 {
        let mut copy = std::process::Command::new("cp");
        copy.arg("-al").arg(mirror.at(&past)).arg(mirror.at(&format!("{past}-{number}")));
        assert!(copy.status().unwrap().success());
    }
    let verified = verify(&mirror).args(["--history", "--report", "-"]).through_shell("ulimit -n 64");
    assert_eq!(verified.output().expect(0).status("u_1"), "ok");
    flip(&mirror, &format!("{past}/cover.png"));
    let verified = verify(&mirror).args(["--history", "--report", "-"]).output().expect(3);
    assert!(message(&verified, "u_1").ends_with("and 139 files more"), "{}", message(&verified, "u_1"));
}

#[test]
fn a_superseded_version_without_a_readable_manifest_is_damage_and_a_strangers_folder_is_none() {
    let (_upstream, mirror) = mirrored();
    let past = past(&mirror);
    mirror.write(".element-mirror/history/u_1/notes/mine.txt", "a stranger's");
    verify(&mirror).arg("--history").output().expect(0);
    flip(&mirror, &format!("{past}/manifest.json"));
    let verified = verify(&mirror).args(["--history", "--report", "-"]).output().expect(3);
    assert!(message(&verified, "u_1").contains("manifest.json is damaged"), "{}", message(&verified, "u_1"));
}

#[test]
fn an_element_of_which_only_superseded_versions_are_left_is_missing() {
    let (_upstream, mirror) = mirrored();
    std::fs::remove_dir_all(mirror.at("u_1")).unwrap();
    std::fs::create_dir(mirror.at(".element-mirror/history/u_empty")).unwrap();
    for history in [false, true] {
        let program = verify(&mirror).args(["--report", "-"]);
        let verified = if history { program.arg("--history") } else { program }.output().expect(3);
        assert_eq!((verified.status("u_1").as_str(), verified.error_kind("u_1").as_str()), ("missing", "missing"));
        assert_eq!(verified.lines().len(), 2);
    }
    let past = past(&mirror);
    flip(&mirror, &format!("{past}/side.png"));
    let verified = verify(&mirror).args(["--history", "--report", "-"]).output().expect(3);
    assert!(message(&verified, "u_1").contains(&format!("{past}/side.png has other bytes")));
}

#[test]
fn something_else_in_the_place_of_an_element_is_a_failure_where_the_mirror_knows_the_element() {
    let (upstream, mirror) = mirrored();
    // By its past, as one that is gone upstream, or since somebody moved it and left a link.
    mirror.write(".element-mirror/gone/u_2", "2026-11-23T08:00:00Z\n");
    upstream.add("u_3", 1);
    run(&upstream, &mirror, &["u_3"]);
    std::fs::rename(mirror.at("u_3"), mirror.beside("u_3")).unwrap();
    ["u_1", "u_2"].iter().for_each(|id| std::fs::remove_dir_all(mirror.at(id)).unwrap());
    for id in ["u_1", "u_2", "u_3"] {
        std::os::unix::fs::symlink(mirror.beside(id), mirror.at(id)).unwrap();
    }
    // A link by another name is somebody else's.
    std::os::unix::fs::symlink(mirror.beside("u_3"), mirror.at("latest")).unwrap();
    let verified = verify(&mirror).args(["--report", "-"]).output().expect(3);
    for id in ["u_1", "u_2", "u_3"] {
        assert_eq!((verified.status(id).as_str(), verified.error_kind(id).as_str()), ("failed", "not_a_folder"));
    }
    assert_eq!(verified.lines().len(), 3);
}

#[test]
fn a_folder_that_the_disk_can_not_say_what_it_is_is_a_failure() {
    let (_upstream, mirror) = mirrored();
    let failing = verify(&mirror).args(["--report", "-"]).failing("newfstatat:error=EIO", &["u_2"]);
    let Some(failing) = failing else { return };
    assert_eq!(failing.output().expect(0).lines().len(), 2, "a stat that fails hides no element");
}

#[test]
fn manifests_and_checksums_without_end_or_of_no_use_are_read_to_a_limit() {
    for (file, status) in [("manifest.json", "damaged"), ("SHA256SUMS", "damaged")] {
        let (_upstream, mirror) = mirrored();
        let path = mirror.at(&format!("u_1/{file}"));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(verify(&mirror).args(["--report", "-"]).output().expect(3).status("u_1"), status, "{file}");
        std::fs::remove_file(&path).unwrap();
        std::fs::File::create(&path).unwrap().set_len(3 << 30).unwrap();
        let limited = verify(&mirror).args(["--report", "-"]).through_shell("ulimit -v 2000000");
        assert_eq!(limited.output().expect(3).status("u_1"), status, "{file}");
    }
}

#[test]
fn what_is_not_of_the_mirror_is_passed_over() {
    let (_upstream, mirror) = mirrored();
    mirror.write("notes/mine.txt", "a stranger's");
    mirror.write("README", "a stranger's");
    mirror.write("u_1/mine.txt", "a stranger's");
    std::os::unix::fs::symlink("notes", mirror.at("link")).unwrap();
    let verified = verify(&mirror).args(["--report", "-"]).output().expect(0);
    assert_eq!(verified.lines().len(), 2, "{}", verified.stdout);
}

#[test]
fn what_is_not_to_be_touched_is_a_failure() {
    let (_upstream, mirror) = mirrored();
    let written = String::from_utf8(mirror.read("u_2/manifest.json")).unwrap();
    mirror.write("u_2/manifest.json", written.replace("\"format\": 1", "\"format\": 2"));
    let elsewhere = mirror.beside("elsewhere");
    std::fs::rename(mirror.at("u_1"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, mirror.at("u_1")).unwrap();
    let verified = verify(&mirror).args(["--id", "u_1,u_2", "--report", "-"]).output().expect(3);
    assert_eq!((verified.status("u_1").as_str(), verified.error_kind("u_1").as_str()), ("failed", "not_a_folder"));
    assert_eq!((verified.status("u_2").as_str(), verified.error_kind("u_2").as_str()), ("failed", "newer_format"));
}

#[test]
fn what_is_no_mirror_is_said() {
    let mirror = MirrorDir::new();
    let absent = verify(&mirror).output().expect(1);
    assert!(absent.stderr.contains(mirror.path().to_str().unwrap()), "{}", absent.stderr);
    assert!(!mirror.has(""), "it was made");
    std::fs::create_dir(mirror.path()).unwrap();
    let empty = verify(&mirror).output().expect(1);
    assert!(empty.stderr.contains("holds no mirror"), "{}", empty.stderr);
    mirror.write("app/manifest.json", r#"{"name": "pwa"}"#);
    verify(&mirror).output().expect(1);
    std::fs::remove_dir_all(mirror.at("app")).unwrap();
    mirror.write(".element-mirror/format", "2\n");
    let newer = verify(&mirror).output().expect(1);
    assert!(newer.stderr.contains("format 2"), "{}", newer.stderr);
    mirror.write(".element-mirror/format", "1\n");
    verify(&mirror).output().expect(0);
    mirror.write("file", "");
    program().args(["verify"]).arg(mirror.at("file")).output().expect(1);
    let typo = mirror.beside("typo");
    std::fs::create_dir(&typo).unwrap();
    for path in [mirror.beside("nowhere"), typo.clone()] {
        let repaired = program().args(["verify", "--repair"]).arg(&path).output().expect(1);
        assert!(repaired.stderr.contains(path.to_str().unwrap()), "{}", repaired.stderr);
    }
    assert!(!mirror.beside("nowhere").exists());
    assert_eq!(std::fs::read_dir(&typo).unwrap().count(), 0, "a mirror was made");
    program().arg("verify").output().expect(2);
}

#[test]
fn a_gone_element_is_verified_like_any_other_and_said_to_be_gone() {
    let (upstream, mirror) = mirrored();
    upstream.on_element("u_1", [crate::support::Reply::json(404, &json!({"error": "no"}))]);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    let verified = verify(&mirror).args(["--report", "-"]).output().expect(0);
    assert!(verified.line("u_1")["goneSince"].is_string());
    assert_eq!(verified.status("u_1"), "ok");
}

#[rstest]
#[case::all_is_kept(&[])]
#[case::pruned(&["--keep-versions", "1"])]
#[case::pruned_at_once(&["--keep-versions", "0"])]
fn a_mirror_that_a_run_replaces_all_the_while_is_never_called_damaged(#[case] keep: &[&str]) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids: Vec<String> = (0..8).map(|n| format!("u_{n}")).collect();
    let turn = |round: usize| {
        for id in &ids {
            let mut told = upstream.add(id, 4);
            told["name"] = json!(format!("round {round}"));
            upstream.tell(id, &told);
        }
        program().run(&upstream, &mirror.path()).ids(&ids).arg("--no-sync").args(keep).output().expect(0);
    };
    turn(0);
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..15).for_each(turn);
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let mut verified = 0;
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            verify(&mirror).arg("--history").output().expect(0);
            verified += 1;
        }
        assert!(verified > 5, "{verified}");
    });
}

#[rstest]
#[case::before_its_manifest("manifest.json")]
#[case::after_it("cover.png")]
fn a_version_that_is_removed_while_it_is_read_is_not_damaged(#[case] file: &str) {
    let (upstream, mirror) = mirrored();
    let mut told = upstream.add("u_2", 1);
    told["name"] = json!("another");
    upstream.tell("u_2", &told);
    // Long enough for a run beside it.
    let slow = ["-P", file, "-e", "trace=openat", "-e", "inject=openat:delay_enter=1500000", "-o", "/dev/null"];
    let Some(slowly) = verify(&mirror).args(["u_2", "--report", "-"]).under_strace(slow) else { return };
    let running = slowly.spawn();
    program().run(&upstream, &mirror.path()).ids(["u_2"]).args(["--keep-versions", "0"]).output().expect(0);
    assert!(mirror.history("u_2").is_empty());
    assert_eq!(running.end_within(Duration::from_secs(30)).expect(0).status("u_2"), "ok");
}

#[cfg(target_os = "linux")]
#[test]
fn a_shared_file_is_not_missing_where_one_of_its_names_is_pruned_meanwhile() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 1);
    for name in ["one", "two", "three"] {
        told["name"] = json!(name);
        upstream.tell("u_1", &told);
        run(&upstream, &mirror, &["u_1"]);
    }
    assert_eq!(mirror.history("u_1").len(), 2);
    let cover = format!("{}/cover.png", mirror.history("u_1")[0]);
    let slow = ["-P", &cover, "-e", "trace=openat", "-e", "inject=openat:delay_enter=1500000", "-o", "/dev/null"];
    std::fs::remove_dir_all(mirror.at("u_1")).unwrap();
    let slowly = verify(&mirror).args(["--history", "--report", "-"]).under_strace(slow);
    let Some(slowly) = slowly else { return };
    let running = slowly.spawn();
    running.wait_until_open(&mirror.at(".element-mirror/history/u_1"));
    program().args(["prune", "--keep-versions", "1"]).arg(mirror.path()).output().expect(0);
    let verified = running.end_within(Duration::from_secs(30)).expect(3);
    // The folder is gone; the version that is kept is whole.
    assert_eq!(message(&verified, "u_1"), "it is not in the mirror");
}

#[test]
fn an_interrupted_verification_says_so() {
    let (_upstream, mirror) = mirrored();
    let mut running = verify(&mirror).args(["-", "--report", "-"]).spawn();
    running.write("u_1\n");
    assert!(running.read_line().contains("\"ok\""));
    running.signal("INT");
    let ended = running.end_within(Duration::from_secs(5)).expect(130);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
}

#[test]
fn with_q_a_good_verification_says_nothing_and_a_bad_one_what_is_damaged() {
    let (_upstream, mirror) = mirrored();
    let good = verify(&mirror).arg("-q").output().expect(0);
    assert_eq!((good.stdout.as_str(), good.stderr.as_str()), ("", ""));
    flip(&mirror, "u_1/side.png");
    let bad = verify(&mirror).arg("-q").output().expect(3);
    assert!(bad.stderr.contains("u_1") && bad.stderr.contains("side.png"), "{}", bad.stderr);
    assert_eq!(bad.stdout, "");
}
