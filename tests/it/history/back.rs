//! Going back to a superseded version needs nothing but `cp`, as `docs/format.md` says.

use super::*;

/// Runs a command line in the folder that holds the mirror.
fn shell(mirror: &MirrorDir, line: &str) {
    let status = std::process::Command::new("sh").args(["-ec", line]).current_dir(mirror.beside("")).status().unwrap();
    assert!(status.success(), "{line}");
}

/// The API tells the first version again, as when a change was taken back.
fn tell_first(upstream: &Upstream) {
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/cover"), upstream.url("/cdn/u_1/side-1")]));
}

#[test]
fn a_version_put_back_by_cp_is_taken_as_it_is() {
    for copy in ["cp -r", "cp -rp", "cp -a"] {
        let (upstream, mirror) = mirror_of(&["u_1"], 2);
        let old = mirror.all_files();
        let when = place(&mirror, "u_1", 0);
        mirror.write("u_1/notes.txt", "mine");
        shell(&mirror, &format!("mv mirror/u_1 u_1.newer && {copy} mirror/{when} mirror/u_1"));
        check_version(&mirror.at("u_1"));
        tell_first(&upstream);
        upstream.forget();
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
        assert_eq!((run.status("u_1"), upstream.cdn_requests().len()), ("unchanged".into(), 0));
        assert_eq!(mirror.read("u_1/side.png"), old[&format!("{when}/side.png")]);
        mirror.check();
    }
}

#[test]
fn the_next_run_brings_a_version_that_was_put_back_up_to_date_and_keeps_it() {
    let (upstream, mirror) = mirror_of(&["u_1"], 2);
    let newer = mirror.read("u_1/side.png");
    let when = place(&mirror, "u_1", 0);
    shell(&mirror, &format!("mv mirror/u_1 u_1.newer && cp -r mirror/{when} mirror/u_1"));
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!(run.status("u_1"), "updated");
    assert_eq!(mirror.read("u_1/side.png"), newer);
    // Both have the same time: the one that was copied, and its copy.
    assert_eq!(mirror.history("u_1").len(), 2);
    assert_eq!(listed(&mirror, &[], 0).len(), 2);
    mirror.check();
}

#[test]
fn a_copy_to_look_at_shares_nothing_with_the_mirror() {
    let (_upstream, mirror) = mirror_of(&["u_1"], 2);
    let before = mirror.all_files();
    let when = place(&mirror, "u_1", 0);
    shell(&mirror, &format!("cp -r mirror/{when} look && echo edited > look/cover.png"));
    assert_eq!(mirror.all_files(), before);
    mirror.check();
}
