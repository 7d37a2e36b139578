//! Files and folders of others beside the program's, under names that it might give itself.

use std::path::Path;

use serde_json::json;

use crate::support::{MirrorDir, Outcome, Upstream, picture, program};

/// What somebody keeps in the folder of `u_1`: each looks like ours in one way or another.
const MINE: [&str; 5] = ["notes.txt", "video.txt", "back.psd", "other-1.bin", "voice/inner.txt"];

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Outcome {
    program().run(upstream, &mirror.path()).ids(["u_1"]).report()
}

fn verify(mirror: &MirrorDir) -> Outcome {
    program().env_remove("USEAPI_TOKEN").args(["verify"]).arg(mirror.path()).report()
}

/// A mirror of `u_1` with four assets.
fn mirrored() -> (Upstream, MirrorDir) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 4);
    run(&upstream, &mirror).expect(0);
    (upstream, mirror)
}

#[track_caller]
fn keep(mirror: &MirrorDir, names: &[&str]) {
    names.iter().for_each(|name| mirror.write(&format!("u_1/{name}"), "mine"));
}

/// They are where they were put, and nowhere else.
#[track_caller]
fn assert_kept(mirror: &MirrorDir, names: &[&str]) {
    for name in names {
        assert_eq!(mirror.read(&format!("u_1/{name}")), b"mine", "{name}");
    }
    let aside = |path: &String, bytes: &[u8]| path.starts_with(".element-mirror/") && bytes == b"mine";
    let aside: Vec<_> = mirror.all_files().into_iter().filter(|(path, bytes)| aside(path, bytes)).collect();
    assert!(aside.is_empty(), "{aside:?}");
}

fn files(mirror: &MirrorDir) -> Vec<String> {
    let manifest = mirror.manifest("u_1");
    manifest["assets"].as_array().unwrap().iter().map(|asset| asset["file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_checksums_do_not_list_is_carried_along_when_the_manifest_is_lost() {
    for lost in [false, true] {
        let (upstream, mirror) = mirrored();
        keep(&mirror, &MINE);
        match lost {
            true => std::fs::remove_file(mirror.at("u_1/manifest.json")).unwrap(),
            false => mirror.write("u_1/manifest.json", "{"),
        }
        let before = files_that_were(&mirror);
        let run = run(&upstream, &mirror).expect(0);
        assert_eq!(run.status("u_1"), "created");
        assert!(run.stderr.contains("manifest.json"), "{}", run.stderr);
        assert_kept(&mirror, &MINE);
        // What is listed gives its names to the new version.
        assert_eq!(files(&mirror), ["cover.png", "side.png", "back.png", "topView.png"]);
        let when = &mirror.names(".element-mirror/damaged/u_1")[0];
        assert_eq!(mirror.names(&format!(".element-mirror/damaged/u_1/{when}")), before);
        mirror.check();
        verify(&mirror).expect(0);
    }
}

/// The names of ours in the folder.
fn files_that_were(mirror: &MirrorDir) -> Vec<String> {
    let mine: Vec<_> = MINE.iter().map(|name| name.split('/').next().unwrap()).collect();
    mirror.names("u_1").into_iter().filter(|name| !mine.contains(&name.as_str())).collect()
}

#[test]
fn without_checksums_only_files_that_look_like_media_of_ours_are_put_aside() {
    for cut in [false, true] {
        let (upstream, mirror) = mirrored();
        let mine = ["video.txt", "back.psd", "side.old.png", "covers.png", "voice/inner.txt", "cover-2.png/inner.txt"];
        keep(&mirror, &mine);
        std::os::unix::fs::symlink("notes.txt", mirror.at("u_1/side-2.png")).unwrap();
        // Whoever calls a file just as the program does has it put aside with the rest.
        mirror.write("u_1/other-1.bin", "like ours");
        std::fs::remove_file(mirror.at("u_1/manifest.json")).unwrap();
        let sums = mirror.read("u_1/SHA256SUMS");
        match cut {
            true => mirror.write("u_1/SHA256SUMS", &sums[..sums.len() / 2]),
            false => std::fs::remove_file(mirror.at("u_1/SHA256SUMS")).unwrap(),
        }
        assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "created");
        assert_kept(&mirror, &mine);
        assert_eq!(std::fs::read_link(mirror.at("u_1/side-2.png")).unwrap(), Path::new("notes.txt"));
        assert_eq!(files(&mirror), ["cover.png", "side.png", "back.png", "topView.png"]);
        let when = &mirror.names(".element-mirror/damaged/u_1")[0];
        let mut aside = vec!["back.png", "cover.png", "element.json", "other-1.bin", "side.png", "topView.png"];
        aside.splice(0..0, cut.then_some("SHA256SUMS"));
        assert_eq!(mirror.names(&format!(".element-mirror/damaged/u_1/{when}")), aside);
        mirror.check();
    }
}

#[test]
fn a_folder_that_never_held_a_version_is_somebody_elses_whatever_its_files_are_called() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    let mine = ["cover.png", "Side.PNG", "back.txt", "video/inner.txt"];
    keep(&mirror, &mine);
    mirror.write("photos/cover.jpg", "mine");
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).args(["--index", "--gallery"]).report().expect(0);
    assert_eq!((run.status("u_1"), &run.line("u_1")["stands"]), ("created".into(), &json!("complete")));
    for word in ["manifest.json", "photos", "warning"] {
        assert!(!run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert_kept(&mirror, &mine);
    assert_eq!(files(&mirror), ["cover-2.png", "side-2.png"]);
    assert_eq!(mirror.read("u_1/cover-2.png"), picture("u_1", 0));
    assert!(!mirror.has(".element-mirror/damaged") && mirror.history("u_1").is_empty());
    assert_eq!(mirror.read("photos/cover.jpg"), b"mine");
}

#[test]
fn a_folder_of_somebody_elses_is_missing_where_a_list_names_it_and_else_not_spoken_of() {
    let (_upstream, mirror) = mirrored();
    mirror.write("photos/cover.jpg", "mine");
    let all = verify(&mirror).expect(0);
    assert_eq!((all.lines().len(), all.status("u_1").as_str()), (1, "ok"));
    let verify = || program().env_remove("USEAPI_TOKEN").args(["verify"]).arg(mirror.path());
    let named = verify().args(["photos", "u_1"]).report().expect(3);
    assert_eq!((named.status("photos").as_str(), named.error_kind("photos").as_str()), ("missing", "missing"));
    // One file that every version has makes it ours.
    mirror.write("photos/element.json", "{}");
    assert_eq!(verify().report().expect(3).status("photos"), "missing_manifest");
}
