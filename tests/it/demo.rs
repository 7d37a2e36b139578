//! The built-in sample API: a first try without token and network.

use std::collections::HashMap;
use std::path::Path;

use crate::support::{MirrorDir, Program, program};

fn demo(mirror: &MirrorDir) -> Program {
    let ids = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-ids.txt");
    program().env_remove("USEAPI_TOKEN").args(["run", "--demo", "-o"]).arg(mirror.path()).arg(ids)
}

#[test]
fn the_sample_list_is_mirrored_and_then_unchanged() {
    let mirror = MirrorDir::new();
    let first = demo(&mirror).report().expect(0);
    assert!(mirror.ids().len() >= 10, "{:?}", mirror.ids());
    assert_eq!(first.lines().len(), mirror.ids().len());
    assert!(first.lines().iter().all(|line| line["status"] == "created" && line["stands"] == "complete"));
    mirror.check();
    let before = mirror.all_files();
    let second = demo(&mirror).report().expect(0);
    assert!(second.lines().iter().all(|line| line["status"] == "unchanged" && line["downloaded"] == 0));
    let mut after = mirror.all_files();
    after.insert(".element-mirror/lock".into(), before[".element-mirror/lock"].clone());
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(after == before, "a file was changed");
}

#[test]
fn the_samples_differ_and_show_every_kind_of_file() {
    let mirror = MirrorDir::new();
    demo(&mirror).output().expect(0);
    let mut files: HashMap<Vec<u8>, String> = HashMap::new();
    let mut kinds: HashMap<String, usize> = HashMap::new();
    for (path, bytes) in mirror.all_files().into_iter().filter(|(path, _)| !path.starts_with(".element-mirror")) {
        let name = path.rsplit('/').next().unwrap();
        *kinds.entry(name.split('.').next().unwrap().to_owned()).or_default() += 1;
        *kinds.entry(name.rsplit('.').next().unwrap().to_owned()).or_default() += 1;
        if let Some(other) = files.insert(bytes, path.clone()) {
            panic!("{path} and {other} are the same");
        }
    }
    for kind in ["cover", "side", "back", "topView", "video", "voice", "mp4"] {
        assert!(kinds.contains_key(kind), "no {kind} in {kinds:?}");
    }
}

#[test]
fn the_samples_are_listed_and_all_of_them_are_mirrored() {
    let list =
        |args: &[&str]| program().env_remove("USEAPI_TOKEN").args(["list", "--demo"]).args(args).output().expect(0);
    let mirror = MirrorDir::new();
    let all = || {
        let run = program().env_remove("USEAPI_TOKEN").env("USEAPI_EMAIL", "a@b.c");
        run.args(["run", "--demo", "--all", "-o"]).arg(mirror.path()).report().expect(0)
    };
    assert!(all().lines().iter().all(|line| line["status"] == "created"));
    let mut listed: Vec<String> = list(&[]).stdout.lines().map(str::to_owned).collect();
    listed.sort();
    assert_eq!(listed, mirror.ids());
    assert!(all().lines().iter().all(|line| line["status"] == "unchanged" && line["attempts"] == 0));
    let some = |args: &[&str]| list(args).stdout.lines().count();
    assert!(some(&["--favored"]) > 0 && some(&["--favored"]) < listed.len());
    assert!(some(&["--tag", "102"]) > 0 && some(&["--tag", "102"]) == some(&["--tag", "o_102_animal"]));
    assert_eq!((some(&["--tag", "999"]), some(&["--official"])), (0, 0));
}

#[test]
fn an_id_that_the_samples_do_not_have_shows_how_a_failure_looks() {
    let mirror = MirrorDir::new();
    let run = demo(&mirror).ids(["u_300000000000000"]).report().expect(3);
    assert_eq!(run.error_kind("u_300000000000000"), "not_found");
    assert_eq!(run.status("u_302847193845201"), "created");
    assert!(!mirror.has("u_300000000000000"));
    mirror.check();
}

#[test]
fn a_token_in_the_environment_is_not_what_the_samples_are_asked_with() {
    let mirror = MirrorDir::new();
    demo(&mirror).env("USEAPI_TOKEN", "user:1-secret-token").env("USEAPI_EMAIL", "a@b.c").output().expect(0);
    mirror.check();
}
