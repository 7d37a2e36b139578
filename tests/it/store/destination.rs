//! Destinations that a run can't or may use.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::Path;

use rstest::rstest;
use serde_json::json;

use crate::support::{MirrorDir, Mount, Outcome, Reply, Upstream, png, program};

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
    symlink(&deep, mirror.path()).unwrap();
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "unchanged");
    mirror.check();
}

#[test]
fn a_symbolic_link_that_leads_to_no_folder_is_named_where_the_destination_should_be() {
    let mirror = MirrorDir::new();
    for leads_to in ["nowhere", "a file"] {
        let _ = std::fs::remove_file(mirror.path());
        symlink(mirror.put("a file", "").with_file_name(leads_to), mirror.path()).unwrap();
        let link = mirror.path();
        refused(&link, &link, &format!("{} is a symbolic link that leads to no folder", link.display()));
    }
    let _ = std::fs::remove_file(mirror.path());
    symlink("nowhere", mirror.path()).unwrap();
    let named = format!("{} is a symbolic link", mirror.path().display());
    refused(&mirror.at("below/it"), &mirror.at("below/it"), &named);
    assert!(!mirror.beside("nowhere").exists());
}

/// A run on a mirror of `u_1`, one file of which was edited, after `own` gave its place to what `replace` puts there:
/// it does nothing.
fn run_with(own: &str, first: &[&str], replace: impl FnOnce(&Path, &Path)) -> (MirrorDir, Outcome) {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).args(first).output().expect(0);
    upstream.forget();
    mirror.write("u_1/cover.png", "edited");
    let (path, aside) = (mirror.at(own), mirror.beside("aside"));
    if std::fs::rename(&path, &aside).is_err() {
        std::fs::create_dir(&aside).unwrap();
    }
    replace(&path, &aside);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(1);
    assert!(upstream.requests().is_empty(), "asked before the destination was looked at");
    (mirror, run)
}

#[rstest]
#[case::the_folder_itself("")]
#[case::staging("/staging")]
#[case::history("/history")]
#[case::gone("/gone")]
#[case::damaged("/damaged")]
#[case::format("/format")]
#[case::lock("/lock")]
fn a_symbolic_link_of_the_programs_own_is_named_and_not_followed(
    #[case] name: &str,
    #[values(&[], &["--no-sync"])] first: &[&str],
) {
    let own = format!(".element-mirror{name}");
    let (mirror, run) = run_with(&own, first, |path, aside| symlink(aside, path).unwrap());
    let words = format!("{} is a symbolic link, and none is followed there", mirror.at(&own).display());
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    assert!(!run.stderr.contains("a file is in its place"), "{}", run.stderr);
    assert!(mirror.at(&own).is_symlink());
    assert_eq!(mirror.read("u_1/cover.png"), b"edited");
}

#[rstest]
#[case::file_for_folder("/history", "Not a directory", "a file is in its place")]
#[case::folder_for_file("/format", "Is a directory", "")]
fn what_else_is_in_the_place_of_the_programs_own_is_named(#[case] name: &str, #[case] words: &str, #[case] hint: &str) {
    let own = format!(".element-mirror{name}");
    let replace = |path: &Path, _: &Path| match hint {
        "" => std::fs::create_dir(path).unwrap(),
        _ => std::fs::write(path, "a file").unwrap(),
    };
    let (mirror, run) = run_with(&own, &[], replace);
    assert!(run.stderr.contains(&format!("{}: {words}", mirror.at(&own).display())), "{}", run.stderr);
    assert!(run.stderr.contains(hint), "{}", run.stderr);
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
