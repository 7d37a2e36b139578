//! A pruning that is killed, or that one call fails, at each of its steps in turn.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::sync::atomic::Ordering::Relaxed;

use rstest::rstest;

use super::*;
use crate::keep::Keep;
use crate::stop::Stop;
use crate::store::Destination as _;
use crate::store::local::dir::trouble;
use crate::store::local::tests::{Bench, id, whole};
use crate::store::local::{LocalOptions, tests::block_on};
use crate::time::Time;

const HISTORY: &str = ".element-mirror/history/u_1";

/// What strangers keep with the first version.
const STRANGERS: [&str; 2] = ["notes.txt", "folder/inner.txt"];

/// The folder of version `number` in the history.
fn place(number: u8) -> String {
    let at = Time::from_unix_millis(1_700_000_000_000 + 60_000 * i64::from(number)).unwrap();
    format!("{HISTORY}/{}", at.to_compact())
}

/// A mirror in which version 4 stands, and 1 to 3 are superseded.
fn bench() -> Bench {
    let bench = Bench::new();
    (1..=4).for_each(|number| bench.commit(number));
    bench
}

fn bench_with_strangers() -> Bench {
    let bench = bench();
    STRANGERS.iter().for_each(|name| bench.write(&format!("{}/{name}", place(1)), "mine"));
    bench
}

fn newest(versions: u64) -> Keep {
    Keep { versions: Some(versions), within: None }
}

/// Prunes `u_1` down to so many versions; which are told to be gone.
fn prune(store: &LocalStore, keep: u64) -> Result<Vec<String>, Failure> {
    let mut gone = Vec::new();
    let expired = store.expired(&id("u_1"), &newest(keep))?;
    store.prune(&id("u_1"), &expired, |version| gone.push(version.when.clone()))?;
    Ok(gone)
}

/// The whole versions in the history; folders that hold strangers' files alone are none.
#[track_caller]
fn history(bench: &Bench) -> Vec<u8> {
    let folders = bench.names(HISTORY).into_iter().map(|when| bench.at(&format!("{HISTORY}/{when}")));
    folders.filter(|folder| folder.join("cover.png").exists()).map(|folder| whole(&folder)).collect()
}

#[track_caller]
fn assert_strangers_are_there(bench: &Bench) {
    for name in STRANGERS {
        assert_eq!(std::fs::read(bench.at(&place(1)).join(name)).unwrap_or_default(), b"mine", "{name}");
    }
}

#[test]
fn what_a_manifest_names_is_removed_and_nothing_else() {
    let bench = bench_with_strangers();
    let stands = bench.files("u_1");
    let gone = prune(&bench.open().store, 1).unwrap();
    assert_eq!(gone, [place(1), place(2)].map(|place| place.rsplit('/').next().unwrap().to_owned()));
    assert_eq!(bench.names(&place(1)), ["folder", "notes.txt"]);
    assert!(!bench.at(&place(2)).exists());
    assert_eq!(history(&bench), [3]);
    assert_eq!((bench.standing(), bench.files("u_1")), (Some(4), stands));
    assert_strangers_are_there(&bench);
    bench.assert_no_litter();
    assert_eq!(prune(&bench.open().store, 1).unwrap(), [""; 0], "strangers' files are no version");
}

#[test]
fn a_history_of_which_nothing_is_left_has_no_folder() {
    let bench = bench();
    assert_eq!(prune(&bench.open().store, 0).unwrap().len(), 3);
    assert!(!bench.at(HISTORY).exists());
}

#[test]
fn the_last_version_of_an_element_without_a_folder_is_kept() {
    let bench = bench();
    std::fs::remove_dir_all(bench.at("u_1")).unwrap();
    prune(&bench.open().store, 0).unwrap();
    assert_eq!(history(&bench), [3]);
}

#[test]
fn a_version_whose_manifest_can_not_be_read_is_kept() {
    for (file, bytes) in [("manifest.json", "{"), ("manifest.json", r#"{"format": 2}"#), ("SHA256SUMS", "edited")] {
        let bench = bench();
        bench.write(&format!("{}/{file}", place(2)), bytes);
        let files = bench.files(&place(2));
        prune(&bench.open().store, 0).unwrap();
        assert_eq!(bench.names(HISTORY).len(), 1);
        assert_eq!(bench.files(&place(2)), files);
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_is_a_strangers() {
    let bench = bench();
    std::fs::remove_file(bench.at(&place(1)).join("side.png")).unwrap();
    bench.write(&format!("{}/side.png/own.txt", place(1)), "mine");
    prune(&bench.open().store, 0).unwrap();
    assert_eq!(bench.files(HISTORY).into_values().collect::<Vec<_>>(), [b"mine"]);
}

/// What must hold when the trouble is over and a run has cleared up.
#[track_caller]
fn check(bench: &Bench) {
    bench.assert_no_litter();
    assert_eq!(bench.standing(), Some(4));
    assert!([&[1, 2, 3][..], &[2, 3], &[1, 3], &[3]].contains(&&*history(bench)), "{:?}", history(bench));
    assert_strangers_are_there(bench);
}

#[rstest]
#[case::flushed(false)]
#[case::unflushed(true)]
fn a_pruning_killed_at_any_step_leaves_each_version_whole_or_gone(#[case] no_sync: bool) {
    let open = |bench: &Bench| {
        let options = LocalOptions { no_sync, ..LocalOptions::default() };
        block_on(LocalStore::open_to_write(&bench.path(), &options))
    };
    // What clears up is killed as well, after each of its steps.
    for steps in 0.. {
        let mut more = false;
        for steps_of_recovery in 0.. {
            let bench = bench_with_strangers();
            let store = open(&bench).unwrap().store;
            trouble::kill_after(steps);
            let done = prune(&store, 1);
            more = trouble::end();
            assert!(more || done.is_ok(), "{steps}: {done:?}");
            drop(store);
            trouble::kill_after(steps_of_recovery);
            drop(open(&bench));
            let came = trouble::end();
            drop(open(&bench).unwrap());
            check(&bench);
            assert!(prune(&open(&bench).unwrap().store, 1).is_ok());
            assert_eq!(history(&bench), [3]);
            if !came {
                break;
            }
        }
        if !more {
            assert!(steps > 10, "only {steps} steps");
            break;
        }
    }
}

#[test]
fn a_failing_call_fails_the_pruning_and_the_next_run_finishes_it() {
    for steps in 0.. {
        let bench = bench_with_strangers();
        let store = bench.open().store;
        trouble::fail_after(steps, 1);
        let done = prune(&store, 1);
        let came = trouble::end();
        assert!(came || done.is_ok(), "{steps}: {done:?}");
        drop(store);
        drop(bench.open());
        check(&bench);
        if !came {
            break;
        }
    }
}

#[test]
fn a_reader_beside_a_pruning_finds_whole_versions_alone() {
    let bench = bench();
    let looking = LocalStore::open_to_look(&bench.path(), Stop::default()).unwrap().store;
    let ended = std::sync::atomic::AtomicBool::new(false);
    let ended = &ended;
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut seen = 0;
            while !ended.load(Relaxed) {
                for past in looking.history(&id("u_1")).unwrap() {
                    assert_eq!(past.manifest.err(), None, "{}", past.when);
                    seen += 1;
                }
                assert!(matches!(looking.standing_manifest(&id("u_1")), Ok(Some(Ok(_)))));
            }
            seen
        });
        for number in (1..=9).cycle().take(300) {
            bench.commit(number);
            prune(&bench.open().store, u64::from(number % 2)).unwrap();
        }
        ended.store(true, Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn a_folder_that_lost_its_manifest_out_of_sight_gets_its_place_back() {
    let bench = bench();
    for bytes in ["{", r#"{"format": 2}"#] {
        bench.write(".element-mirror/staging/pruned.u_1.20200101T000000Z/manifest.json", bytes);
        bench.write(".element-mirror/staging/pruned.u_1.20200101T000000Z/cover.png", "a cover");
        drop(bench.open());
        bench.assert_no_litter();
    }
    for when in ["20200101T000000Z", "20200101T000000Z-2"] {
        assert_eq!(bench.names(&format!("{HISTORY}/{when}")), ["cover.png", "manifest.json"]);
    }
}
