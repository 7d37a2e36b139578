//! Repairs that are killed, or calls of which fail, of a mirror that is damaged in many ways.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::inject::{failing, faults, kills};
use super::{Dice, SEED, pass, setting};
use crate::support::{MirrorDir, Mount, Outcome, Program, Reply, Upstream, check_version, png, program};
use crate::verify::{flip, repair};

/// An element for each kind of damage.
const IDS: [&str; 7] = ["u_1", "u_2", "u_3", "u_4", "u_5", "u_6", "u_7"];
/// How many kills there are; `TEST_KILLS` says another number.
const KILLS: u64 = 20;
/// What the program puts aside.
const ASIDE: &str = ".element-mirror/damaged/";
const STAGING: &str = ".element-mirror/staging/";

/// A damaged mirror, each element of which has a superseded version that has all but the cover in common with the
/// standing one, and which the upstream can make good.
struct Scene {
    upstream: Upstream,
    mirrored: MirrorDir,
    /// What its versions held before it was damaged, by path.
    right: BTreeMap<String, Vec<u8>>,
    /// What they hold since.
    damaged: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let (upstream, mirrored) = (Upstream::start(), MirrorDir::in_memory());
        let run = || program().run(&upstream, &mirrored.path()).ids(IDS).output().expect(0);
        let told = IDS.map(|id| upstream.add(id, 3));
        run();
        for (n, (id, mut told)) in (0..).zip(IDS.into_iter().zip(told)) {
            let path = format!("/cdn/{id}/another");
            upstream.on(&path, [Reply::ok(png(9, 9, 100 + n))]);
            told["cover"]["resource"] = json!(upstream.url(&path));
            told["resources"][0]["resource"] = json!(upstream.url(&path));
            upstream.tell(id, &told);
        }
        run();
        for id in IDS {
            mirrored.write(&format!("{id}/notes.txt"), format!("notes on {id}"));
            mirrored.write(&format!("{id}/folder/inner.txt"), format!("more on {id}"));
        }
        let right = versions(&mirrored);
        damage(&mirrored);
        let damaged = versions(&mirrored);
        Self { upstream, mirrored, right, damaged }
    }

    fn copy(&self) -> MirrorDir {
        self.copy_to(MirrorDir::in_memory())
    }

    fn copy_to(&self, mirror: MirrorDir) -> MirrorDir {
        mirror.copy(&self.mirrored);
        mirror
    }

    fn repair(&self, mirror: &MirrorDir) -> Program {
        repair(&self.upstream, mirror).arg("--history")
    }

    /// What was edited, or lies in the place of something else: path and bytes.
    fn edits(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.damaged.iter().filter(|(path, bytes)| self.right.get(*path) != Some(bytes))
    }

    /// What holds at any moment: nothing that was edited is lost, and nothing of strangers; and every file is as it was
    /// found or as it should be, or of another version that is whole.
    fn check_kept(&self, mirror: &MirrorDir, what: &str) {
        let files = mirror.all_files();
        let is_kept = |path: &str, bytes: &Vec<u8>, shelf: &str| {
            files.get(path) == Some(bytes) || files.iter().any(|(path, is)| path.starts_with(shelf) && is == bytes)
        };
        for (path, bytes) in self.edits() {
            let kept = is_kept(path, bytes, ASIDE) || is_kept(path, bytes, STAGING);
            assert!(kept, "{what}: what was edited in {path} is lost");
        }
        for (path, bytes) in self.damaged.iter().filter(|(path, _)| path.ends_with(".txt")) {
            assert!(is_kept(path, bytes, STAGING) || is_kept(path, bytes, ASIDE), "{what}: {path} is lost");
        }
        let is_either = |path: &str| [self.right.get(path), self.damaged.get(path)].contains(&files.get(path));
        for path in self.right.keys().filter(|path| path.starts_with(".element-mirror/")) {
            assert!(is_either(path), "{what}: {path} is neither as it was nor as it should be");
        }
        for id in IDS {
            let paths = |files: &[&str]| files.iter().map(|file| format!("{id}/{file}")).collect::<Vec<_>>();
            if !mirror.has(id) {
                assert!(id == "u_7" || mirror.has(&format!("{STAGING}{id}/old")), "{what}: {id} is lost");
            } else if is_either(&format!("{id}/manifest.json")) {
                let all = paths(&["cover.png", "side.png", "back.png", "element.json", "SHA256SUMS"]);
                assert!(all.iter().all(|path| is_either(path)), "{what}: {id} is half made");
            } else {
                check_version(&mirror.at(id));
            }
        }
    }

    /// A repair of a copy in which calls fail or kill it, and all that must be true then, and after the next.
    fn try_out(&self, mirror: &MirrorDir, fault: String) -> Option<(Outcome, usize)> {
        let paths = if fault.starts_with("openat") { paths(mirror) } else { Vec::new() };
        let what = fault.clone();
        let (run, failed) = failing(self.repair(mirror), mirror, &[fault], &paths)?;
        let is_killed = what.contains("signal=KILL") && run.code == 137;
        assert!(is_killed || [0, 1, 3].contains(&run.code), "{what}: {run:?}");
        assert!(is_killed || run.code == 0 || !failed.is_empty(), "{what}: {run:?}");
        self.check_kept(mirror, &what);
        check_report(mirror, &run, &what);
        for call in failed.iter().filter(|call| call.contains("sync(") || call.contains("syncfs(")) {
            assert_ne!(run.code, 0, "{what}: {call} was passed over: {run:?}");
            for line in run.lines() {
                let id = line["id"].as_str().unwrap();
                let is_about = [format!("/{id}>"), format!("/{id}/"), format!("/{id}.healed>")];
                let is_failed =
                    line["status"] == "failed" && ["io", "disk_full"].map(Into::into).contains(&line["error"]["kind"]);
                assert!(is_failed || !is_about.iter().any(|path| call.contains(path)), "{what}: {call}, but {line}");
            }
        }
        self.finish(mirror, &what);
        Some((run, failed.len()))
    }

    /// The next repair finishes: all is as it was before it was damaged, or is made anew.
    fn finish(&self, mirror: &MirrorDir, what: &str) {
        let next = self.repair(mirror).report();
        assert_eq!(next.code, 0, "after {what}: {next:?}");
        assert_eq!(next.lines().len(), IDS.len(), "after {what}: {next:?}");
        check_report(mirror, &next, what);
        self.check_kept(mirror, what);
        mirror.check();
        let files = mirror.all_files();
        for (path, right) in &self.right {
            let may_differ = ["manifest.json", "SHA256SUMS", "element.json"].iter().any(|file| path.ends_with(file));
            // The folder that somebody removed had them in it.
            let is_gone = path.starts_with("u_7/") && path.ends_with(".txt");
            let may_differ = may_differ && !path.starts_with(".element-mirror/");
            assert!(may_differ || is_gone || files.get(path) == Some(right), "after {what}: {path} is not as it was");
        }
        for (path, bytes) in self.edits() {
            let is_aside = files.iter().any(|(path, is)| path.starts_with(ASIDE) && is == bytes);
            assert!(is_aside, "after {what}: what was edited in {path} is not put aside");
        }
    }
}

/// The files of all versions, and strangers', with their bytes.
fn versions(mirror: &MirrorDir) -> BTreeMap<String, Vec<u8>> {
    let mut files = mirror.all_files();
    files.retain(|path, _| !path.starts_with(".element-mirror/") || path.starts_with(".element-mirror/history/"));
    files
}

/// The folder of the superseded version of `id`, from the mirror on.
fn past(mirror: &MirrorDir, id: &str) -> String {
    format!(".element-mirror/history/{id}/{}", mirror.history(id)[0])
}

fn damage(mirror: &MirrorDir) {
    let remove = |path: &str| std::fs::remove_file(mirror.at(path)).unwrap();
    let past = |id| past(mirror, id);
    // Edited in place, in both versions at once.
    flip(mirror, "u_1/side.png");
    // Deleted, here what only the upstream has, there what the standing version has too.
    remove("u_2/cover.png");
    remove(&format!("{}/back.png", past("u_2")));
    // Replaced by another file, in one version only.
    remove("u_3/side.png");
    mirror.write("u_3/side.png", "another picture");
    mirror.write("u_4/manifest.json", "{ a broken manifest");
    remove("u_5/SHA256SUMS");
    mirror.write(&format!("{}/SHA256SUMS", past("u_5")), "broken checksums");
    remove("u_6/side.png");
    mirror.write("u_6/side.png/own.txt", "in the place of a picture");
    flip(mirror, "u_6/cover.png");
    std::fs::remove_dir_all(mirror.at("u_7")).unwrap();
}

/// What a report calls good, is; and a repair that ends with 0 calls all good.
fn check_report(mirror: &MirrorDir, run: &Outcome, what: &str) {
    let mut good = 0;
    for line in run.lines() {
        let id = line["id"].as_str().unwrap();
        match line["status"].as_str().unwrap() {
            "repaired" | "ok" => {
                check_version(&mirror.at(id));
                check_version(&mirror.at(&past(mirror, id)));
                good += 1;
            }
            status => {
                assert!(["failed", "damaged", "missing", "missing_manifest"].contains(&status), "{what}: {line}");
                // Where nothing can be opened, or no manifest says, it can't be known.
                let is_known = !["u_4", "u_7"].contains(&id) && !what.contains("openat");
                assert!(!is_known || line["stands"] != "none", "{what}: {line}");
            }
        }
    }
    assert!(run.code == 137 || (run.code == 0) == (good == IDS.len()), "{what}: {run:?}");
}

/// All folders that a repair opens something in.
fn paths(mirror: &MirrorDir) -> Vec<String> {
    let mut paths = vec![String::new()];
    paths.extend(["", "/staging", "/history", "/gone", "/damaged"].map(|name| format!(".element-mirror{name}")));
    for id in IDS {
        let own = ["history", "damaged", "staging"].map(|name| format!(".element-mirror/{name}/{id}"));
        paths.extend([id.to_owned(), past(mirror, id), format!("{STAGING}{id}/version")].into_iter().chain(own));
    }
    paths.into_iter().map(|path| mirror.at(&path).display().to_string().trim_end_matches('/').to_owned()).collect()
}

#[test]
fn whatever_call_fails_in_a_repair_nothing_is_half_made_and_the_next_finishes() {
    let scene = Scene::new();
    let (mut runs, mut calls) = (0, 0);
    for fault in faults(&["fsync", "syncfs", "linkat", "renameat2", "renameat", "openat", "mkdirat", "unlinkat"]) {
        let Some((_, failed)) = scene.try_out(&scene.copy(), fault) else { return };
        runs += 1;
        calls += failed;
    }
    println!("{calls} calls failed in {runs} repairs");
    assert!(calls > runs, "only {calls} calls failed");
}

#[test]
fn whatever_flush_fails_in_a_repair_where_files_are_flushed_one_by_one_it_is_not_called_repaired() {
    let (scene, around) = (Scene::new(), MirrorDir::in_memory());
    let overlay = around.beside("overlay");
    // On an overlay syncfs is not trusted.
    let Some(_mounts) = Mount::overlay(&around.beside("lower"), &around.beside("upper"), &overlay) else { return };
    for fault in faults(&["fsync"]) {
        let Some((run, failed)) = scene.try_out(&scene.copy_to(MirrorDir::below(&overlay)), fault) else { return };
        assert!(failed == 0 || run.lines().iter().any(|line| line["status"] == "failed"), "{run:?}");
    }
}

#[test]
fn killed_at_a_chosen_call_a_repair_loses_nothing_and_the_next_finishes() {
    let scene = Scene::new();
    let (mut runs, mut killed) = (0, 0);
    for kill in kills(&["linkat", "renameat2", "renameat", "unlinkat"]) {
        let Some((run, _)) = scene.try_out(&scene.copy(), kill) else { return };
        runs += 1;
        killed += usize::from(run.code == 137);
    }
    println!("{killed} of {runs} repairs killed");
    assert!(killed > runs / 5, "only {killed} of {runs}");
}

#[test]
fn killed_at_any_moment_a_repair_loses_nothing_and_the_next_finishes() {
    let scene = Scene::new();
    let mirror = scene.copy();
    let started = Instant::now();
    scene.repair(&mirror).output().expect(0);
    let mut long = started.elapsed().as_micros() as usize;
    let kills = setting("TEST_KILLS", KILLS) as usize;
    let mut dice = Dice(setting("TEST_SEED", SEED));
    let mut killed_in_time = 0;
    for round in 0..kills {
        let mirror = scene.copy();
        // Sometimes two are killed in a row.
        for _ in 0..1 + usize::from(round % 3 == 2) {
            let running = scene.repair(&mirror).spawn();
            let delay = dice.below(long);
            pass(delay);
            running.signal("KILL");
            match running.end_within(Duration::from_secs(10)).code {
                137 => killed_in_time += 1,
                // The machine may have been busier when the first was timed: that late none is under way any more.
                _ => long = delay.max(1),
            }
            scene.check_kept(&mirror, &format!("kill {round}"));
        }
        scene.finish(&mirror, &format!("kill {round}"));
    }
    println!("{kills} kills, {killed_in_time} of a repair under way");
    assert!(killed_in_time > kills / 4, "only {killed_in_time} were under way");
}
