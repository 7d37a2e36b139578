//! A healing that is killed, or that calls fail, at each of its steps in turn.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::error::ErrorKind;
use crate::event::Counters;
use crate::outcome::End;
use crate::store::Destination as _;
use crate::store::inspect::Depth;
use crate::store::local::dir::trouble;
use crate::store::local::tests::{Bench, block_on, cover, id, whole};
use crate::store::local::{LocalOptions, Opened};
use crate::time::Time;

const DEPTH: Depth = Depth { history: true, quick: false };

/// The folder of version `number` in the history.
fn past(number: u8) -> String {
    let at = Time::from_unix_millis(1_700_000_000_000 + 60_000 * i64::from(number)).unwrap();
    format!(".element-mirror/history/u_1/{}", at.to_compact())
}

/// A mirror in which version 3 stands, and 1 and 2 are superseded; the cover of 1 is a file of its own, that of 2 is
/// the standing one.
fn bench() -> Bench {
    let bench = Bench::new();
    (1..=3).for_each(|number| bench.commit(number));
    bench.add_strangers();
    replace(&bench, &format!("{}/cover.png", past(1)), &cover());
    bench
}

/// Puts another file in the place of one, as editors do, and leaves its other names alone.
fn replace(bench: &Bench, path: &str, bytes: &[u8]) {
    std::fs::remove_file(bench.at(path)).unwrap();
    bench.write(path, bytes);
}

/// What was done to a mirror.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    /// Files of the standing version were replaced, or are gone.
    Standing,
    /// Those of a superseded one.
    Superseded,
    /// The checksums of both.
    Sums,
    /// Folders are in the place of files of both.
    Folders,
    /// A file was edited in place that the standing version and a superseded one share.
    Shared,
}

const ALL: [Damage; 5] = [Damage::Standing, Damage::Superseded, Damage::Sums, Damage::Folders, Damage::Shared];

impl Damage {
    /// Does it; the names that are flawed then.
    fn make(self, bench: &Bench) -> Vec<String> {
        let (old, older) = (past(2), past(1));
        let flaw = |folder: &str, file: &str, edit: &dyn Fn(&str)| {
            let path = format!("{folder}/{file}");
            edit(&path);
            path
        };
        let edit = |path: &str| replace(bench, path, format!("edited {path}").as_bytes());
        let remove = |path: &str| std::fs::remove_file(bench.at(path)).unwrap();
        let put_folder = |path: &str| {
            remove(path);
            bench.write(&format!("{path}/own.txt"), format!("in {path}"));
        };
        match self {
            Self::Standing => vec![flaw("u_1", "cover.png", &edit), flaw("u_1", "element.json", &remove)],
            Self::Superseded => vec![flaw(&older, "cover.png", &edit), flaw(&older, "element.json", &remove)],
            Self::Sums => vec![flaw("u_1", "SHA256SUMS", &edit), flaw(&old, "SHA256SUMS", &edit)],
            Self::Folders => vec![flaw("u_1", "cover.png", &put_folder), flaw(&old, "element.json", &put_folder)],
            Self::Shared => {
                bench.write("u_1/cover.png", "edited in place");
                vec!["u_1/cover.png".into(), format!("{old}/cover.png")]
            }
        }
    }
}

/// A damaged mirror, and what it held and holds.
struct Scene {
    bench: Bench,
    flawed: Vec<String>,
    right: BTreeMap<String, Vec<u8>>,
    damaged: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    fn new(damage: Damage) -> Self {
        let bench = bench();
        let right = versions(&bench);
        let flawed = damage.make(&bench);
        let damaged = versions(&bench);
        Self { bench, flawed, right, damaged }
    }

    /// What must hold at every moment: each name has the bytes that it had or the right ones, and what it had is not
    /// lost.
    #[track_caller]
    fn check(&self, what: &str) {
        let (now, aside) = (versions(&self.bench), self.aside());
        for (path, was) in &self.damaged {
            let is = now.get(path);
            let is_kept = is == Some(was) || aside.contains(was) && self.right.get(path) != Some(was);
            assert!(is_kept, "{what}: {path} is lost; aside are {}", aside.len());
        }
        for (path, right) in &self.right {
            let (is, was) = (now.get(path), self.damaged.get(path));
            assert!(is == Some(right) || is == was, "{what}: {path} is {is:?}");
        }
        let is_known = |path: &String| self.right.contains_key(path) || self.damaged.contains_key(path);
        assert!(now.keys().all(is_known), "{what}: {:?}", now.keys());
    }

    /// What must hold in the end, too.
    #[track_caller]
    fn check_healed(&self, what: &str) {
        self.check(what);
        assert_eq!(versions(&self.bench), self.right, "{what}");
        let numbers = ["u_1".to_owned(), past(2), past(1)].map(|folder| whole(&self.bench.at(&folder)));
        assert_eq!(numbers, [3, 2, 1], "{what}");
        self.bench.assert_strangers_are_there();
        self.bench.assert_no_litter();
        // No more than was damaged, and each of it once; a kill may cut a copy short.
        let mut aside: Vec<_> = self.aside().into_iter().filter(|bytes| !bytes.is_empty()).collect();
        let count = aside.len();
        aside.sort();
        aside.dedup();
        assert_eq!(aside.len(), count, "{what}");
        assert!(aside.iter().all(|bytes| self.damaged.values().any(|was| was == bytes)), "{what}");
    }

    fn aside(&self) -> Vec<Vec<u8>> {
        self.bench.files(".element-mirror/damaged").into_values().collect()
    }

    fn open(&self, no_sync: bool) -> Opened {
        let options = LocalOptions { no_sync, ..LocalOptions::default() };
        block_on(LocalStore::open_to_write(&self.bench.path(), &options)).unwrap()
    }
}

/// All files of all versions, and strangers', by their paths in the mirror.
fn versions(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let root = bench.at("").display().to_string();
    let files = bench.files("u_1").into_iter().chain(bench.files(".element-mirror/history"));
    files.map(|(path, bytes)| (path.strip_prefix(&root).unwrap().to_owned(), bytes)).collect()
}

/// Heals `u_1`; the names that are flawed still.
fn heal(store: &LocalStore) -> Result<Vec<String>, Failure> {
    let mut inspection = store.inspect(&id("u_1"), DEPTH, &Counters::default())?;
    store.heal(&id("u_1"), &mut inspection)?;
    let flaws = inspection.versions().flat_map(|version| version.flaws.iter().map(|flaw| version.path(&flaw.file)));
    Ok(flaws.collect())
}

#[test]
fn a_healing_killed_at_any_step_loses_nothing_and_the_next_finishes() {
    for (damage, (no_sync, poor)) in
        ALL.into_iter().flat_map(|damage| [(true, false), (false, false), (true, true)].map(|how| (damage, how)))
    {
        trouble::be_poor(poor);
        for steps in 0.. {
            let scene = Scene::new(damage);
            let what = format!("{damage:?}, killed after {steps}, poor {poor}");
            let store = scene.open(no_sync).store;
            trouble::kill_after(steps);
            let done = heal(&store);
            if !trouble::end() {
                assert_eq!(done, Ok(vec![]), "{what}");
                scene.check_healed(&what);
                assert!(steps >= 4, "only {steps} steps");
                break;
            }
            drop(store);
            scene.check(&what);
            let store = scene.open(no_sync).store;
            scene.check(&what);
            scene.bench.assert_no_litter();
            assert_eq!(heal(&store), Ok(vec![]), "{what}");
            scene.check_healed(&what);
        }
        trouble::be_poor(false);
    }
}

#[test]
fn a_failing_call_fails_the_healing_and_the_next_finishes() {
    for (damage, failures) in ALL.into_iter().flat_map(|damage| [1, 2].map(|failures| (damage, failures))) {
        for steps in 0.. {
            let scene = Scene::new(damage);
            let what = format!("{damage:?}, {failures} failed after {steps}");
            let store = scene.open(true).store;
            trouble::fail_after(steps, failures);
            let done = heal(&store);
            let came = trouble::end();
            scene.check(&what);
            // What it calls healed, is.
            if done == Ok(vec![]) {
                assert_eq!(versions(&scene.bench), scene.right, "{what}");
            }
            // In the same run too, whatever the failed one left.
            assert_eq!(heal(&store), Ok(vec![]), "{what}");
            scene.check_healed(&what);
            if !came {
                break;
            }
        }
    }
}

#[test]
fn what_was_edited_in_place_is_healed_in_every_version_and_put_aside_once() {
    let scene = Scene::new(Damage::Shared);
    assert_eq!(scene.flawed.len(), 2);
    assert_eq!(heal(&scene.open(true).store), Ok(vec![]));
    scene.check_healed("shared");
    assert_eq!(scene.aside(), [b"edited in place"]);
}

#[test]
fn what_no_version_has_any_more_stays_as_it_is() {
    let bench = bench();
    let store = bench.open().store;
    for path in ["u_1/side.png".to_owned(), "u_1/cover.png".into(), format!("{}/cover.png", past(1))] {
        replace(&bench, &path, b"edited");
    }
    bench.write(&format!("{}/cover.png", past(2)), "edited too");
    let before = versions(&bench);
    assert_eq!(heal(&store).unwrap().len(), 4);
    assert_eq!(versions(&bench), before);
    assert!(!bench.at(".element-mirror/damaged").exists());
    bench.assert_no_litter();
}

#[test]
fn a_manifest_with_a_wrong_size_heals_nothing_and_leaves_no_litter() {
    let bench = bench();
    let manifest = format!("{}/manifest.json", past(2));
    let mut told: Value = serde_json::from_slice(&std::fs::read(bench.at(&manifest)).unwrap()).unwrap();
    told["assets"][0]["size"] = 1.into();
    let told: Manifest = serde_json::from_value(told).unwrap();
    let bytes = serde_json::to_vec(&told).unwrap();
    replace(&bench, &manifest, &bytes);
    replace(&bench, &format!("{}/SHA256SUMS", past(2)), told.sums(Digest::of(&bytes)).as_bytes());
    // The one that has a file of its own would be as good as the standing one, which is the same file.
    std::fs::remove_dir_all(bench.at(&past(1))).unwrap();
    let before = versions(&bench);
    let store = bench.open().store;
    assert_eq!(heal(&store), Ok(vec![format!("{}/cover.png", past(2).rsplit('/').next().unwrap())]));
    assert_eq!(versions(&bench), before);
    assert!(!bench.at(".element-mirror/damaged").exists());
    bench.assert_no_litter();
}

#[test]
fn the_end_of_the_run_ends_a_healing_before_it_reads_on() {
    for damage in ALL {
        let scene = Scene::new(damage);
        let options = LocalOptions { no_sync: true, ..LocalOptions::default() };
        let store = block_on(LocalStore::open_to_write(&scene.bench.path(), &options)).unwrap().store;
        let mut inspection = store.inspect(&id("u_1"), DEPTH, &Counters::default()).unwrap();
        options.stop.end(End::Signal(15));
        let failure = store.heal(&id("u_1"), &mut inspection).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Interrupted, "{damage:?}: {failure}");
        assert_eq!(versions(&scene.bench), scene.damaged);
    }
}
