//! Real file systems that fill up, run out of inodes, or have a quota; and one whose folders can't be moved.

use rustix::fs::statvfs;
use serde_json::json;

use super::add_large;
use crate::support::{MirrorDir, Mount, Reply, Upstream, png, program};

/// What takes the room at first.
const BALLAST: &str = ".element-mirror/ballast";

/// Runs into a destination in which there is no room for all, makes `room`, and goes on.
#[track_caller]
fn too_small_at_first((upstream, mirror): (&Upstream, &MirrorDir), ids: &[String], room: impl FnOnce()) {
    let run = program().run(upstream, &mirror.path()).ids(ids).args(["-j", "1", "--api-concurrency", "1"]).report();
    let run = run.expect(1);
    let failed: Vec<_> = run.lines().into_iter().filter(|line| line["status"] == "failed").collect();
    let full = failed.iter().filter(|line| line["error"]["kind"] == "disk_full").count();
    assert!(full >= 3, "{}", run.stdout);
    assert!(run.stderr.contains("in a row could not be written"), "{}", run.stderr);
    mirror.check_but_staging();
    for line in run.lines() {
        let id = line["id"].as_str().unwrap();
        assert_eq!(
            (line["status"] == "created", line["stands"] == "complete"),
            (mirror.has(id), mirror.has(id)),
            "{line}"
        );
    }
    let made = mirror.ids().len();
    assert!((1..ids.len()).contains(&made), "{made} elements");
    room();
    program().run(upstream, &mirror.path()).ids(ids).output().expect(0);
    assert_eq!(mirror.ids().len(), ids.len());
    mirror.check();
}

#[test]
fn a_disk_that_fills_up_fails_elements_and_with_more_room_the_next_run_finishes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let Some(_mount) = Mount::made(&["mkfs.ext4", "-q", "-F", "-m", "0"], 16, &mirror.path()) else { return };
    let room = statvfs(mirror.path()).unwrap();
    mirror.write(BALLAST, vec![1; (room.f_bavail * room.f_frsize - (1 << 20)) as usize]);
    let ids = add_large(&upstream, 10);
    too_small_at_first((&upstream, &mirror), &ids, || std::fs::remove_file(mirror.at(BALLAST)).unwrap());
}

#[test]
fn a_disk_without_inodes_fails_elements_and_with_more_the_next_run_finishes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let Some(_mount) = Mount::made(&["mkfs.ext4", "-q", "-F", "-N", "256"], 16, &mirror.path()) else { return };
    for n in 50..statvfs(mirror.path()).unwrap().f_favail {
        mirror.write(&format!("{BALLAST}/{n}"), "");
    }
    // Many, for what a failed one gives back lets some go on that were begun beside it.
    let ids: Vec<String> = (0..20).map(|n| format!("u_{n}")).collect();
    ids.iter().for_each(|id| drop(upstream.add(id, 2)));
    too_small_at_first((&upstream, &mirror), &ids, || std::fs::remove_dir_all(mirror.at(BALLAST)).unwrap());
}

#[test]
fn a_quota_that_is_reached_fails_elements_and_with_a_larger_one_the_next_run_finishes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let Some(mount) = Mount::made(&["mkfs.btrfs", "-q"], 128, &mirror.path()) else { return };
    if mount.limit("2M").is_some() {
        let ids = add_large(&upstream, 20);
        too_small_at_first((&upstream, &mirror), &ids, || mount.limit("none").unwrap());
    }
}

#[test]
fn folders_of_an_overlays_lower_layer_keep_their_versions_and_those_above_are_replaced() {
    let (upstream, mirror, lower) = (Upstream::start(), MirrorDir::new(), MirrorDir::new());
    let mut told = upstream.add("u_1", 2);
    upstream.add("u_2", 1);
    let mut above = upstream.add("u_3", 1);
    program().run(&upstream, &lower.path()).ids(["u_1", "u_2"]).output().expect(0);
    let Some(_mounts) = Mount::overlay(&lower.path(), &mirror.beside("upper"), &mirror.path()) else { return };
    let before = mirror.read("u_1/manifest.json");
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/u_1/new.png"));
    upstream.on("/cdn/u_1/new.png", [Reply::ok(png(8, 8, 9))]);
    upstream.tell("u_1", &told);
    for status in ["created", "updated"] {
        above["name"] = json!(status);
        upstream.tell("u_3", &above);
        upstream.forget();
        let run = program().run(&upstream, &mirror.path()).ids(["u_1", "u_2", "u_3"]).report().expect(3);
        assert_eq!((run.status("u_1").as_str(), run.error_kind("u_1").as_str()), ("failed", "cannot_replace"));
        assert_eq!((&run.line("u_1")["stands"], run.status("u_2").as_str()), (&json!("complete"), "unchanged"));
        assert_eq!(run.status("u_3"), status);
        // What had to be fetched is fetched once.
        let asked = upstream.requests_to("/cdn/u_1/new.png").len();
        assert_eq!(asked, usize::from(status == "created"));
        assert_eq!(mirror.read("u_1/manifest.json"), before);
        mirror.check_but_staging();
    }
    assert_eq!((mirror.history("u_3").len(), mirror.history("u_1").len()), (1, 0));
}
