//! Destinations that a run can't or may use.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use serde_json::json;

use crate::support::{MirrorDir, Mount, Reply, Upstream, png, program};

/// A run that ends with 1 before it asks for anything, and names `path` and `cause`.
#[track_caller]
fn refused(out: &Path, path: &Path, cause: &str) {
    let upstream = Upstream::start();
    upstream.add("u_1", 1);
    let run = program().run(&upstream, out).ids(["u_1"]).output().expect(1);
    assert!(run.stderr.contains(path.to_str().unwrap()), "{} is not named in: {}", path.display(), run.stderr);
    assert!(run.stderr.contains(cause), "{cause} is not said in: {}", run.stderr);
    assert!(upstream.requests().is_empty(), "asked before the destination was looked at");
}

#[test]
fn a_destination_of_a_newer_format_is_refused_and_not_touched() {
    let mirror = MirrorDir::new();
    mirror.write(".element-mirror/format", "2\n");
    mirror.write(".element-mirror/staging/u_1/version/cover.jpg", "of a newer program");
    refused(&mirror.path(), &mirror.path(), "format 2");
    assert_eq!(mirror.read(".element-mirror/format"), b"2\n");
    assert_eq!(mirror.read(".element-mirror/staging/u_1/version/cover.jpg"), b"of a newer program");
}

#[test]
fn a_format_that_is_no_number_is_refused_but_an_empty_one_was_only_never_flushed() {
    let mirror = MirrorDir::new();
    mirror.write(".element-mirror/format", "one\n");
    refused(&mirror.path(), &mirror.at(".element-mirror/format"), "damaged");
    mirror.write(".element-mirror/format", "");
    let upstream = Upstream::start();
    upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    assert_eq!(mirror.read(".element-mirror/format"), b"1\n");
}

#[test]
fn a_destination_that_is_a_file_or_below_one_is_refused() {
    let mirror = MirrorDir::new();
    std::fs::write(mirror.path(), "a file").unwrap();
    refused(&mirror.path(), &mirror.path(), "Not a directory");
    refused(&mirror.at("below"), &mirror.at("below"), "Not a directory");
    assert_eq!(std::fs::read(mirror.path()).unwrap(), b"a file");
}

#[test]
fn a_destination_that_can_not_be_written_is_refused() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    upstream.add("u_1", 1);
    for with_own in [false, true] {
        // The program's own folder may be writable all the same.
        if with_own {
            std::fs::create_dir_all(mirror.at(".element-mirror")).unwrap();
            std::fs::set_permissions(mirror.at(".element-mirror"), PermissionsExt::from_mode(0o777)).unwrap();
        }
        std::fs::create_dir_all(mirror.path()).unwrap();
        std::fs::set_permissions(mirror.path(), PermissionsExt::from_mode(0o555)).unwrap();
        let run = program().run_by_nobody(&mirror.beside("")).run(&upstream, &mirror.path()).ids(["u_1"]).output();
        std::fs::set_permissions(mirror.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let run = run.expect(1);
        assert!(run.stderr.contains(mirror.path().to_str().unwrap()), "{}", run.stderr);
        assert!(run.stderr.contains("Permission denied"), "{}", run.stderr);
        assert!(upstream.requests().is_empty());
    }
}

#[test]
fn a_read_only_file_system_is_refused() {
    let mirror = MirrorDir::new();
    std::fs::create_dir_all(mirror.path()).unwrap();
    let Some(_mount) = Mount::tmpfs(&mirror.path(), "ro") else { return };
    refused(&mirror.path(), &mirror.path(), "Read-only file system");
}

#[test]
fn a_destination_by_a_symbolic_link_and_a_deep_new_one_are_used() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    upstream.add("u_1", 1);
    let deep = mirror.beside("a/b/c");
    program().run(&upstream, &deep).ids(["u_1"]).output().expect(0);
    std::os::unix::fs::symlink(&deep, mirror.path()).unwrap();
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "unchanged");
    mirror.check();
}

#[test]
fn unflushed_runs_make_the_same_mirror() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    let mut told = upstream.add("u_1", 2);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).arg("--no-sync").output().expect(0);
    told["name"] = json!("another");
    upstream.tell("u_1", &told);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).arg("--no-sync").report().expect(0);
    assert_eq!(run.status("u_1"), "updated");
    assert_eq!(mirror.history("u_1").len(), 1);
    mirror.check();
}

#[test]
fn a_name_in_history_that_is_taken_gets_a_number() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    let mut told = upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let when = mirror.manifest("u_1")["committedAt"].as_str().unwrap()[..19].replace(['-', ':'], "") + "Z";
    mirror.write(&format!(".element-mirror/history/u_1/{when}/kept.txt"), "of a clock that was set back");
    told["name"] = json!("another");
    upstream.tell("u_1", &told);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    assert_eq!(mirror.history("u_1"), [when.clone(), format!("{when}-2")]);
    assert_eq!(mirror.names(&format!(".element-mirror/history/u_1/{when}")), ["kept.txt"]);
}

#[test]
fn files_and_folders_have_the_modes_of_the_umask_and_the_times_of_the_manifest() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    upstream.add("u_1", 1);
    let bare = program().run(&upstream, &mirror.path()).ids(["u_1"]);
    bare.through_shell("umask 027").output().expect(0);
    let mode = |path: &str| mirror.at(path).metadata().unwrap().mode() & 0o777;
    assert_eq!((mode("u_1"), mode("u_1/cover.png"), mode("u_1/manifest.json")), (0o750, 0o640, 0o640));
    let modified = |path: &str| mirror.at(path).metadata().unwrap().mtime();
    let manifest = mirror.manifest("u_1");
    let seconds = |time: &serde_json::Value| {
        element_mirror::time::Time::from_rfc3339(time.as_str().unwrap()).unwrap().to_unix().0
    };
    assert_eq!(modified("u_1/cover.png"), seconds(&manifest["assets"][0]["fetchedAt"]));
    for file in ["element.json", "manifest.json", "SHA256SUMS"] {
        assert_eq!(modified(&format!("u_1/{file}")), seconds(&manifest["committedAt"]), "{file}");
    }
}
