//! A disk that is full, descriptors that run out, folders that can't be moved.

use serde_json::json;

use super::{add_large, large};
use crate::support::{MirrorDir, Mount, Reply, Upstream, png, program};

#[test]
fn a_full_disk_fails_elements_ends_the_run_and_leaves_nothing_half_made() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    std::fs::create_dir_all(mirror.path()).unwrap();
    let Some(mount) = Mount::tmpfs(&mirror.path(), "size=1m") else { return };
    let ids = add_large(&upstream, 10);
    let run = program().run(&upstream, &mirror.path()).ids(&ids).args(["-j", "1"]).report().expect(1);
    let failed: Vec<_> = run.lines().into_iter().filter(|line| line["status"] == "failed").collect();
    let full = failed.iter().filter(|line| line["error"]["kind"] == "disk_full").count();
    assert!(full >= 3, "{}", run.stdout);
    assert!(failed.iter().all(|line| line["stands"] == "none"));
    assert!(run.stderr.contains("in a row could not be written"), "{}", run.stderr);
    mirror.check();
    let made = mirror.ids().len();
    assert!((1..4).contains(&made), "{made} elements on a disk for three");
    mount.resize("size=20m");
    program().run(&upstream, &mirror.path()).ids(&ids).output().expect(0);
    assert_eq!(mirror.ids().len(), 10);
    mirror.check();
}

#[test]
fn on_a_full_disk_the_old_version_stands() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    std::fs::create_dir_all(mirror.path()).unwrap();
    let Some(mount) = Mount::tmpfs(&mirror.path(), "size=500k") else { return };
    let told = upstream.add("u_1", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let before = mirror.read("u_1/manifest.json");
    let mut changed = told.clone();
    for n in 0..3 {
        upstream.on(&format!("/cdn/large{n}"), [Reply::ok(large(n))]);
        let url = upstream.url(&format!("/cdn/large{n}"));
        changed["resources"].as_array_mut().unwrap().push(json!({"resource": url, "resourceKey": "secondary"}));
    }
    upstream.tell("u_1", &changed);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(3);
    assert_eq!((run.error_kind("u_1").as_str(), &run.line("u_1")["stands"]), ("disk_full", &json!("complete")));
    assert_eq!(mirror.read("u_1/manifest.json"), before);
    mirror.check();
    mount.resize("size=20m");
    assert_eq!(program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0).status("u_1"), "updated");
    mirror.check();
}

#[test]
fn with_few_descriptors_a_run_works_or_fails_politely() {
    for limit in [64, 32, 20] {
        let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
        let ids: Vec<String> = (0..40).map(|n| format!("u_{n}")).collect();
        for id in &ids {
            upstream.add(id, 2);
        }
        let run = program().run(&upstream, &mirror.path()).ids(&ids);
        let run = run.through_shell(&format!("ulimit -n {limit}")).report();
        assert!([0, 1, 3].contains(&run.code), "{limit} descriptors: {} {}", run.code, run.stderr);
        mirror.check_but_staging();
        program().run(&upstream, &mirror.path()).ids(&ids).output().expect(0);
        assert_eq!(mirror.ids().len(), 40);
        mirror.check();
    }
}

#[test]
fn a_limit_on_the_size_of_files_fails_the_element_that_is_past_it() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    let ids = add_large(&upstream, 1);
    upstream.add("u_small", 2);
    let run = || program().run(&upstream, &mirror.path()).ids([&ids[0], "u_small"]);
    // In blocks of 512 bytes.
    let limited = run().through_shell("ulimit -f 100").report().expect(3);
    assert_eq!((limited.status("u_small"), limited.error_kind("u_0")), ("created".into(), "io".into()));
    assert!(limited.line("u_0")["error"]["message"].as_str().unwrap().contains("File too large"), "{}", limited.stdout);
    mirror.check();
    run().output().expect(0);
    mirror.check();
}

#[test]
fn a_folder_that_can_not_be_moved_keeps_its_version() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    let mut told = upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    // A mount point can't be moved.
    std::fs::rename(mirror.at("u_1"), mirror.beside("u_1")).unwrap();
    std::fs::create_dir(mirror.at("u_1")).unwrap();
    let Some(_mount) = Mount::bind(&mirror.beside("u_1"), &mirror.at("u_1")) else { return };
    let before = mirror.read("u_1/manifest.json");
    told["name"] = json!("another");
    upstream.tell("u_1", &told);
    let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(3);
    assert_eq!((run.error_kind("u_1").as_str(), &run.line("u_1")["stands"]), ("cannot_replace", &json!("complete")));
    assert_eq!(run.status("u_2"), "created");
    assert_eq!(mirror.read("u_1/manifest.json"), before);
    mirror.check();
    // What had to be fetched is fetched once, however often it is tried to put it in its place.
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/new.png"));
    upstream.tell("u_1", &told);
    upstream.on("/cdn/new.png", [Reply::ok(png(8, 8, 9))]);
    upstream.forget();
    for _ in 0..2 {
        let run = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(3);
        assert_eq!(run.error_kind("u_1"), "cannot_replace");
        assert_eq!(upstream.cdn_requests().len(), 1);
        mirror.check_but_staging();
    }
}

#[test]
fn a_commit_that_fails_leaves_the_old_version_and_a_later_run_makes_up_for_it() {
    let (mirror, upstream) = (MirrorDir::new(), Upstream::start());
    let mut told = upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).output().expect(0);
    let before = mirror.read("u_1/manifest.json");
    mirror.write(".element-mirror/history/u_1", "somebody's file, where the old version should go");
    told["name"] = json!("another");
    upstream.tell("u_1", &told);
    for _ in 0..2 {
        let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2"]).report().expect(3);
        assert_eq!((run.error_kind("u_1").as_str(), run.status("u_2").as_str()), ("io", "unchanged"));
        assert_eq!(mirror.read("u_1/manifest.json"), before);
        mirror.check();
    }
    std::fs::remove_file(mirror.at(".element-mirror/history/u_1")).unwrap();
    assert_eq!(program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0).status("u_1"), "updated");
    assert_eq!(mirror.history("u_1").len(), 1);
    mirror.check();
}
