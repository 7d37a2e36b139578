//! kill -9 of the program at any moment, with somebody reading the mirror all the while.

mod inject;
mod order;
mod power;
mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use element_mirror::digest::Digest;
use rustix::fs::{Mode, OFlags, open, openat};

use crate::support::{MirrorDir, Reply, Upstream, check_version, element, png, program};

const ELEMENTS: usize = 40;
/// How many kills there are; `TEST_KILLS` says another number.
const KILLS: u64 = 60;
/// Where the dice begin; `TEST_SEED` says another number.
const SEED: u64 = 20_261_123;
/// In each round every so many'th element has changed.
const CHANGED: usize = 5;

/// Numbers that look random, the same in every run of the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// The number that an environment variable of the test says, or else `usual`.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |number| number.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Lets so many microseconds pass.
fn pass(micros: usize) {
    let until = std::time::Instant::now() + Duration::from_micros(micros as u64);
    while std::time::Instant::now() < until {
        std::thread::yield_now();
    }
}

fn ids() -> Vec<String> {
    (0..ELEMENTS).map(|n| format!("u_{n}")).collect()
}

/// What the API says in `round`: a fifth of the elements has a new side view.
fn turn(upstream: &Upstream, round: usize) {
    for (n, id) in ids().iter().enumerate().filter(|(n, _)| round == 0 || n % CHANGED == round % CHANGED) {
        let paths = [format!("/cdn/{id}/cover"), format!("/cdn/{id}/side-{round}")];
        upstream.on(&paths[0], [Reply::ok(png(8, 8, n as u8))]);
        upstream.on(&paths[1], [Reply::ok(png(8, 8, (n + 7 * round) as u8))]);
        upstream.tell(id, &element(id, &paths.map(|path| upstream.url(&path))));
    }
}

/// The manifests that stand, by ID, in folders each of which is whole.
fn standing(mirror: &MirrorDir) -> BTreeMap<String, Digest> {
    let manifest = |id: String| {
        check_version(&mirror.at(&id));
        let digest = Digest::of(&mirror.read(&format!("{id}/manifest.json")));
        (id, digest)
    };
    mirror.ids().into_iter().map(manifest).collect()
}

/// Every manifest that the mirror holds, standing or superseded.
fn all_kept(mirror: &MirrorDir) -> BTreeSet<(String, String)> {
    let mut kept: BTreeSet<_> = standing(mirror).into_iter().map(|(id, digest)| (id, digest.to_string())).collect();
    for id in ids() {
        for when in mirror.history(&id) {
            let manifest = mirror.read(&format!(".element-mirror/history/{id}/{when}/manifest.json"));
            kept.insert((id.clone(), Digest::of(&manifest).to_string()));
        }
    }
    kept
}

/// Reads folder after folder through one descriptor each; how many it read, all of them whole.
fn read_on(root: PathBuf, ended: &AtomicBool) -> Result<usize, String> {
    let mut read = 0;
    while !ended.load(Relaxed) {
        for id in ids() {
            // Not there yet, in the first rounds.
            let Ok(folder) = open(root.join(&id), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else { continue };
            is_whole(&folder).map_err(|what| format!("{id}: {what}"))?;
            read += 1;
        }
    }
    Ok(read)
}

fn is_whole(folder: &OwnedFd) -> Result<(), String> {
    let sums = String::from_utf8(read_in(folder, "SHA256SUMS")?).unwrap();
    if sums.lines().count() != 4 {
        return Err(format!("SHA256SUMS holds {sums}"));
    }
    for (digest, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        if Digest::of(&read_in(folder, name)?).to_string() != digest {
            return Err(format!("{name} is of another version"));
        }
    }
    Ok(())
}

fn read_in(folder: &OwnedFd, name: &str) -> Result<Vec<u8>, String> {
    let file = openat(folder, name, OFlags::RDONLY, Mode::empty()).map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn run(upstream: &Upstream, out: &Path) -> crate::support::Program {
    program().run(upstream, out).ids(ids())
}

#[test]
fn killed_at_any_moment_every_folder_is_whole_and_the_next_run_finishes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ended = Arc::new(AtomicBool::new(false));
    let reader = {
        let (root, ended) = (mirror.path(), Arc::clone(&ended));
        std::thread::spawn(move || read_on(root, &ended))
    };
    let kills = setting("TEST_KILLS", KILLS) as usize;
    let mut dice = Dice(setting("TEST_SEED", SEED));
    let mut seen = BTreeSet::new();
    let mut killed_in_time = 0;
    for round in 0..kills {
        turn(&upstream, round);
        upstream.forget();
        let running = run(&upstream, &mirror.path()).spawn();
        // After so many requests, and a moment more: among downloads, flushes and renames alike.
        upstream.wait_for("/", 1 + dice.below(ELEMENTS + ELEMENTS / CHANGED));
        pass(dice.below(12_000));
        running.signal("KILL");
        killed_in_time += usize::from(running.end_within(Duration::from_secs(10)).code == 137);
        seen.extend(standing(&mirror).into_iter().map(|(id, digest)| (id, digest.to_string())));
        if let Some(id) = mirror.ids().get(dice.below(ELEMENTS)) {
            mirror.write(&format!("{id}/notes-{round}.txt"), "mine");
        }
        // Sometimes two are killed in a row.
        if round % 3 != 2 {
            run(&upstream, &mirror.path()).output().expect(0);
            assert_eq!(mirror.names(".element-mirror/staging"), Vec::<String>::new(), "litter in round {round}");
            let standing = standing(&mirror);
            assert_eq!(standing.len(), ELEMENTS, "the run after the kill of round {round} did not finish");
            seen.extend(standing.into_iter().map(|(id, digest)| (id, digest.to_string())));
        }
    }
    run(&upstream, &mirror.path()).output().expect(0);
    ended.store(true, Relaxed);
    let read = reader.join().unwrap();
    assert!(matches!(read, Ok(1000..)), "{read:?}");
    assert!(killed_in_time > kills / 4, "only {killed_in_time} were still running");
    mirror.check();
    let kept = all_kept(&mirror);
    let lost: Vec<_> = seen.difference(&kept).collect();
    assert!(lost.is_empty(), "versions that stood are lost: {lost:?}");
    println!(
        "{kills} kills, {killed_in_time} of a running program; {read:?} folders read, {} versions kept",
        kept.len()
    );
    let notes = mirror.all_files().into_keys().filter(|path| path.contains("notes-")).collect::<Vec<_>>();
    assert!(notes.len() > kills / 2 && notes.iter().all(|path| path.starts_with("u_")), "{notes:?}");
}
