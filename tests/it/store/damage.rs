//! Folders that are not as the program left them.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::support::{MirrorDir, Outcome, Reply, Upstream, picture, png, program};

/// A mirror of `u_1` with four assets, and of `u_2` with one.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 4);
    upstream.add("u_2", 1);
    run(&upstream, &mirror).expect(0);
    upstream.forget();
    (upstream, mirror)
}

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Outcome {
    program().run(upstream, &mirror.path()).ids(["u_1", "u_2"]).report()
}

/// Every file under `damaged/` with its bytes, its path from `<id>/<when>/` on cut down to the rest.
fn aside(mirror: &MirrorDir) -> Vec<(String, Vec<u8>)> {
    let all = mirror.all_files().into_iter();
    let aside =
        all.filter_map(|(path, bytes)| Some((path.strip_prefix(".element-mirror/damaged/")?.to_owned(), bytes)));
    aside.map(|(path, bytes)| (path.splitn(3, '/').nth(2).unwrap().to_owned(), bytes)).collect()
}

/// A run that fails `u_1` with `kind`, leaves its place as it is, and does `u_2`.
#[track_caller]
fn left_alone(upstream: &Upstream, mirror: &MirrorDir, kind: &str) {
    let before = mirror.all_files();
    let run = run(upstream, mirror).expect(3);
    assert_eq!((run.status("u_1").as_str(), run.error_kind("u_1").as_str()), ("failed", kind));
    assert_eq!(run.status("u_2"), "unchanged");
    let mut after = mirror.all_files();
    after.retain(|path, _| path != ".element-mirror/lock");
    assert!(after.iter().all(|(path, bytes)| before.get(path) == Some(bytes)));
    assert!(upstream.cdn_requests().is_empty());
    assert!(mirror.names(".element-mirror/staging").is_empty());
}

#[test]
fn a_symbolic_link_or_a_file_in_the_place_of_an_element_is_not_touched() {
    let (upstream, mirror) = mirrored();
    let elsewhere = mirror.beside("elsewhere");
    std::fs::rename(mirror.at("u_1"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, mirror.at("u_1")).unwrap();
    left_alone(&upstream, &mirror, "not_a_folder");
    assert_eq!(std::fs::read_link(mirror.at("u_1")).unwrap(), elsewhere);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 7);
    std::fs::remove_file(mirror.at("u_1")).unwrap();
    mirror.write("u_1", "a file");
    left_alone(&upstream, &mirror, "not_a_folder");
    assert_eq!(mirror.read("u_1"), b"a file");
}

#[test]
fn a_folder_of_a_newer_format_or_of_another_element_is_not_touched() {
    let (upstream, mirror) = mirrored();
    let written = String::from_utf8(mirror.read("u_1/manifest.json")).unwrap();
    mirror.write("u_1/manifest.json", written.replace("\"format\": 1", "\"format\": 2"));
    left_alone(&upstream, &mirror, "newer_format");
    mirror.write("u_1/manifest.json", mirror.read("u_2/manifest.json"));
    left_alone(&upstream, &mirror, "folder_taken");
}

#[test]
fn a_manifest_or_sums_that_are_not_the_programs_are_said_and_the_element_is_mirrored_anew() {
    let cut = |text: &[u8]| text[..text.len() / 2].to_vec();
    let edited = |text: &[u8]| String::from_utf8_lossy(text).replace("Name of", "Edited").into_bytes();
    type Edit<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let last_digit =
        |text: &[u8]| String::from_utf8_lossy(text).replace("  manifest.json", "0  manifest.json").into_bytes();
    let edits: [(&str, Option<Edit>); 5] = [
        ("manifest.json", Some(&cut)),
        ("manifest.json", Some(&edited)),
        ("manifest.json", Some(&|_| Vec::new())),
        ("manifest.json", None),
        ("SHA256SUMS", Some(&last_digit)),
    ];
    for (name, edit) in edits {
        let (upstream, mirror) = mirrored();
        mirror.write("u_1/notes.txt", "mine");
        let path = format!("u_1/{name}");
        match edit {
            Some(edit) => mirror.write(&path, edit(&mirror.read(&path))),
            None => std::fs::remove_file(mirror.at(&path)).unwrap(),
        }
        let found: Vec<_> = mirror.names("u_1").into_iter().filter(|name| name != "notes.txt").collect();
        let run = run(&upstream, &mirror).expect(0);
        assert!(run.stderr.contains("manifest.json"), "{path} is not said: {}", run.stderr);
        assert_eq!((run.status("u_1"), run.status("u_2")), ("created".into(), "unchanged".into()), "{path}");
        assert_eq!(upstream.cdn_requests().len(), 4, "{path}");
        mirror.check();
        let aside: Vec<_> = aside(&mirror).into_iter().map(|(file, _)| file).collect();
        assert_eq!(aside, found, "{path}");
        assert_eq!(mirror.read("u_1/notes.txt"), b"mine");
        assert!(mirror.history("u_1").is_empty());
    }
}

#[test]
fn checksums_that_are_lost_or_edited_are_written_anew_and_nothing_is_fetched() {
    let cut = |text: &[u8]| text[..text.len() / 2].to_vec();
    let one_digit = |text: &[u8]| [if text[0] == b'0' { b"1" } else { b"0" }, &text[1..]].concat();
    type Edit<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let renamed = |text: &[u8]| String::from_utf8_lossy(text).replace("side.png", "side.jpg").into_bytes();
    let longer = |text: &[u8]| [text, format!("{}  mine.txt\n", "0".repeat(64)).as_bytes()].concat();
    let edits: [Option<Edit>; 5] = [Some(&cut), Some(&one_digit), Some(&renamed), Some(&longer), None];
    for edit in edits {
        let (upstream, mirror) = mirrored();
        match edit {
            Some(edit) => mirror.write("u_1/SHA256SUMS", edit(&mirror.read("u_1/SHA256SUMS"))),
            None => std::fs::remove_file(mirror.at("u_1/SHA256SUMS")).unwrap(),
        }
        let run = run(&upstream, &mirror).expect(0);
        assert!(run.stderr.contains("SHA256SUMS"), "it is not said: {}", run.stderr);
        assert_eq!(run.status("u_1"), "updated");
        assert!(upstream.cdn_requests().is_empty());
        mirror.check();
        assert_eq!(aside(&mirror).len(), usize::from(edit.is_some()));
    }
}

#[test]
fn checksums_that_name_what_the_manifest_does_not_are_no_mere_slip() {
    let (upstream, mirror) = mirrored();
    let mut manifest = mirror.manifest("u_1");
    let removed = manifest["assets"].as_array_mut().unwrap().remove(1)["file"].as_str().unwrap().to_owned();
    let bytes = format!("{}\n", serde_json::to_string_pretty(&manifest).unwrap());
    let digest = element_mirror::digest::Digest::of(bytes.as_bytes());
    mirror.write("u_1/manifest.json", bytes);
    let sums = String::from_utf8(mirror.read("u_1/SHA256SUMS")).unwrap();
    let others = sums.lines().filter(|line| !line.ends_with("manifest.json")).collect::<Vec<_>>().join("\n");
    mirror.write("u_1/SHA256SUMS", format!("{others}\n{digest}  manifest.json\n"));
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "created");
    assert!(mirror.has(&format!("u_1/{removed}")));
    mirror.check();
}

#[test]
fn without_checksums_no_file_is_believed_by_its_time() {
    let (upstream, mirror) = mirrored();
    let modified = mirror.at("u_1/side.png").metadata().unwrap().modified().unwrap();
    let flipped: Vec<u8> = mirror.read("u_1/side.png").iter().rev().copied().collect();
    mirror.write("u_1/side.png", flipped);
    set_modified(&mirror, "u_1/side.png", modified);
    std::fs::remove_file(mirror.at("u_1/SHA256SUMS")).unwrap();
    run(&upstream, &mirror).expect(0);
    assert_eq!(upstream.cdn_requests().len(), 1);
    mirror.check();
}

#[test]
fn a_manifest_without_end_is_put_aside_and_not_read() {
    let (upstream, mirror) = mirrored();
    std::fs::File::create(mirror.at("u_1/manifest.json")).unwrap().set_len(3 << 30).unwrap();
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]);
    assert_eq!(run.through_shell("ulimit -v 2000000").report().expect(0).status("u_1"), "created");
    let aside = format!(".element-mirror/damaged/u_1/{}", mirror.names(".element-mirror/damaged/u_1")[0]);
    assert_eq!(mirror.at(&format!("{aside}/manifest.json")).metadata().unwrap().len(), 3 << 30);
}

#[test]
fn a_manifest_that_is_no_file_is_put_aside_with_the_rest() {
    for link in [true, false] {
        let (upstream, mirror) = mirrored();
        let path = mirror.at("u_1/manifest.json");
        std::fs::rename(&path, mirror.beside("manifest.json")).unwrap();
        match link {
            true => std::os::unix::fs::symlink(mirror.beside("manifest.json"), &path).unwrap(),
            false => std::fs::create_dir(&path).unwrap(),
        }
        assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "created");
        mirror.check();
        assert!(mirror.beside("manifest.json").exists());
    }
}

#[test]
fn an_edited_or_deleted_file_is_put_aside_and_fetched_again_and_no_other() {
    let original = picture("u_1", 1);
    let flipped: Vec<u8> = original.iter().rev().copied().collect();
    for edit in [Some(flipped), Some(b"longer or shorter".to_vec()), None] {
        let (upstream, mirror) = mirrored();
        match &edit {
            Some(bytes) => {
                mirror.write("u_1/side.png", bytes);
                set_modified(&mirror, "u_1/side.png", SystemTime::now() + Duration::from_secs(3600));
            }
            None => std::fs::remove_file(mirror.at("u_1/side.png")).unwrap(),
        }
        let run = run(&upstream, &mirror).expect(0);
        assert_eq!(run.status("u_1"), "updated");
        let asked: Vec<_> = upstream.cdn_requests().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/cdn/u_1/1.png"]);
        assert_eq!(mirror.read("u_1/side.png"), original);
        assert!(run.stderr.contains("side.png"), "{}", run.stderr);
        let expected: Vec<_> = edit.into_iter().map(|bytes| ("side.png".to_owned(), bytes)).collect();
        assert_eq!(aside(&mirror), expected);
        assert!(mirror.history("u_1").is_empty(), "the same version again supersedes nothing");
        mirror.check();
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_is_put_aside() {
    let (upstream, mirror) = mirrored();
    std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
    mirror.write("u_1/side.png/mine.txt", "mine");
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert_eq!(aside(&mirror), [("side.png/mine.txt".to_owned(), b"mine".to_vec())]);
    mirror.check();
}

#[test]
fn a_superseded_version_gets_the_bytes_back_that_were_damaged_in_it() {
    let (upstream, mirror) = mirrored();
    mirror.write("u_1/side.png", "edited");
    std::fs::remove_file(mirror.at("u_1/SHA256SUMS")).unwrap();
    with_a_new_back(&upstream);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    let superseded = format!(".element-mirror/history/u_1/{}", mirror.history("u_1")[0]);
    assert_eq!(mirror.read(&format!("{superseded}/side.png")), picture("u_1", 1));
    assert_eq!(aside(&mirror), [("side.png".to_owned(), b"edited".to_vec())]);
    mirror.check();
}

/// The API says that the third asset of `u_1` is another one.
fn with_a_new_back(upstream: &Upstream) {
    let mut told = upstream.add("u_1", 4);
    upstream.on("/cdn/u_1/new.png", [Reply::ok(png(9, 9, 9))]);
    told["resources"][2]["resource"] = json!(upstream.url("/cdn/u_1/new.png"));
    upstream.tell("u_1", &told);
}

#[test]
fn a_superseded_version_that_can_not_be_made_whole_any_more_is_put_aside_with_all_that_is_left_of_it() {
    let (upstream, mirror) = mirrored();
    mirror.write("u_1/side.png", "edited");
    // The API's old reply can't be had again; an edited one is not kept as if it were it.
    mirror.write("u_1/element.json", "edited too");
    with_a_new_back(&upstream);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert!(mirror.history("u_1").is_empty());
    let aside = aside(&mirror);
    let count = |file: &str| aside.iter().filter(|(name, _)| name == file).count();
    assert!(aside.contains(&("side.png".to_owned(), b"edited".to_vec())));
    assert!(aside.contains(&("side.png".to_owned(), picture("u_1", 1))));
    assert!(aside.contains(&("back.png".to_owned(), picture("u_1", 2))));
    assert_eq!((count("element.json"), count("manifest.json")), (1, 1));
    mirror.check();
}

#[test]
fn a_copy_without_times_is_read_again_and_nothing_is_fetched() {
    let (upstream, mirror) = mirrored();
    let times = |path: &str| mirror.at(path).metadata().unwrap().modified().unwrap();
    let files = || mirror.names("u_1").into_iter().map(|name| format!("u_1/{name}")).collect::<Vec<_>>();
    let before: Vec<_> = files().iter().map(|path| times(path)).collect();
    for path in files().iter().chain(&["u_2/cover.png".to_owned()]) {
        set_modified(&mirror, path, SystemTime::now() + Duration::from_secs(3600));
    }
    let run = run(&upstream, &mirror).expect(0);
    assert_eq!((run.status("u_1"), run.status("u_2")), ("unchanged".into(), "unchanged".into()));
    assert!(upstream.cdn_requests().is_empty());
    for (path, before) in files().iter().zip(before) {
        assert_eq!(times(path), before, "{path} did not get its time back");
    }
    assert!(aside(&mirror).is_empty());
    mirror.check();
}

#[test]
fn a_folder_of_strangers_files_alone_is_filled_without_a_word() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.add("u_2", 1);
    mirror.write("u_1/notes.txt", "mine");
    mirror.write("u_1/folder/inner.txt", "mine");
    std::fs::create_dir_all(mirror.at("u_2")).unwrap();
    let run = run(&upstream, &mirror).expect(0);
    assert_eq!((run.status("u_1"), run.status("u_2")), ("created".into(), "created".into()));
    assert!(!run.stderr.contains("manifest.json"), "{}", run.stderr);
    assert_eq!((mirror.read("u_1/notes.txt"), mirror.read("u_1/folder/inner.txt")), (b"mine".into(), b"mine".into()));
    assert!(aside(&mirror).is_empty() && !mirror.has(".element-mirror/history/u_1"));
    mirror.check();
}

#[track_caller]
fn set_modified(mirror: &MirrorDir, path: &str, time: SystemTime) {
    std::fs::File::options().append(true).open(mirror.at(path)).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_stands_is_said_of_damaged_folders_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    std::fs::remove_file(mirror.at("u_1/cover.png")).unwrap();
    for (reply, code, status) in [(404, 0, "gone"), (403, 3, "failed"), (503, 1, "failed")] {
        upstream.on_element("u_1", [Reply::json(reply, &json!({"error": "no"}))]);
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(code);
        assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["stands"]), (status, &json!("incomplete")));
    }
}

#[test]
fn a_damaged_file_gets_its_name_back() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = upstream.add("u_1", 3);
    told["resources"][2]["slotKey"] = json!("side");
    upstream.tell("u_1", &told);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    assert_eq!(mirror.manifest("u_1")["assets"][2]["file"], "side-2.png");
    told["resources"].as_array_mut().unwrap().remove(1);
    upstream.tell("u_1", &told);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    std::fs::remove_file(mirror.at("u_1/side-2.png")).unwrap();
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    assert_eq!(mirror.manifest("u_1")["assets"][1]["file"], "side-2.png");
    mirror.check();
}

#[test]
fn a_file_that_the_disk_has_lost_is_fetched_again() {
    for (file, fault, status) in [
        ("side.png", "read:error=EIO", "updated"),
        ("side.png", "newfstatat:error=EUCLEAN:when=1", "updated"),
        ("manifest.json", "read:error=EBADMSG", "created"),
        ("SHA256SUMS", "read:error=EIO", "updated"),
    ] {
        let (upstream, mirror) = mirrored();
        let path = mirror.at(&format!("u_1/{file}")).canonicalize().unwrap();
        // So that it is read at all.
        set_modified(&mirror, &format!("u_1/{file}"), SystemTime::now() + Duration::from_secs(3600));
        let run = || program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]);
        let paths = if fault.starts_with("read") { [path.to_str().unwrap()] } else { [file] };
        let Some(failing) = run().failing(fault, &paths) else { return };
        let failing = failing.report().expect(0);
        assert_eq!((failing.status("u_1").as_str(), failing.status("u_2").as_str()), (status, "unchanged"), "{fault}");
        assert!(failing.stderr.contains(file), "{fault}: {}", failing.stderr);
        let fetched = match file {
            "manifest.json" => 4,
            "SHA256SUMS" => 0,
            _ => 1,
        };
        assert_eq!(upstream.cdn_requests().len(), fetched, "{fault}");
        mirror.check();
        // Nobody throws away what could not be put aside.
        let kept =
            mirror.all_files().into_keys().filter(|path| path.starts_with(".element-mirror") && path.ends_with(file));
        assert_eq!(kept.count(), 1, "{fault}");
    }
}

#[test]
fn a_file_that_can_not_be_read_for_now_is_no_damage() {
    let (upstream, mirror) = mirrored();
    for (fault, path) in [("openat:error=EACCES:when=1+", "side.png"), ("openat:error=EMFILE:when=1+", "manifest.json")]
    {
        set_modified(&mirror, "u_1/side.png", SystemTime::now() + Duration::from_secs(3600));
        let run = || program().run(&upstream, &mirror.path()).ids(["u_1"]);
        let Some(failing) = run().failing(fault, &[path]) else { return };
        let failing = failing.report().expect(3);
        assert_eq!((failing.status("u_1").as_str(), failing.error_kind("u_1").as_str()), ("failed", "io"), "{fault}");
        assert_eq!(run().report().expect(0).status("u_1"), "unchanged");
        assert!(upstream.cdn_requests().is_empty() && aside(&mirror).is_empty(), "{fault}");
    }
}

#[test]
fn damaged_files_are_put_aside_once_however_often_their_replacement_fails() {
    for links in ["linkat:error=EMFILE:when=99", "linkat:error=EPERM:when=1+"] {
        let (upstream, mirror) = mirrored();
        mirror.write("u_1/side.png", "edited");
        let run = || program().run(&upstream, &mirror.path()).ids(["u_1"]);
        let failing = ["-e", "inject=renameat2:error=EIO:when=1+", "-e", &format!("inject={links}"), "-o", "/dev/null"];
        for times in 1..=3 {
            let Some(failing) = run().under_strace(failing) else { return };
            assert_eq!(failing.report().expect(3).status("u_1"), "failed");
            assert_eq!(aside(&mirror), [("side.png".to_owned(), b"edited".to_vec())], "{links}: {times} times");
        }
        // Another edit is another copy.
        std::fs::remove_file(mirror.at("u_1/side.png")).unwrap();
        mirror.write("u_1/side.png", "edited once more");
        assert_eq!(run().report().expect(0).status("u_1"), "updated");
        assert_eq!(aside(&mirror).len(), 2, "{links}");
        mirror.check();
    }
}
