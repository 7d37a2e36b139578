//! A commit that is killed, or that one call fails, at each of its steps in turn.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::collections::BTreeSet;

use super::*;
use crate::store::Destination as _;
use crate::store::local::dir::trouble;
use crate::store::local::tests::{Bench, block_on, candidate, candidate_of, id, side};

/// Commits on this thread, where the test makes its trouble.
pub(in crate::store::local) fn commit(
    store: &LocalStore,
    candidates: Vec<Candidate>,
    flusher: Flusher,
) -> Vec<Result<(), Failure>> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let mut answers = Vec::new();
    for candidate in candidates {
        let (job, answer) = Job::new(candidate);
        assert!(sender.try_send(job).is_ok());
        answers.push(answer);
    }
    drop(sender);
    let (events, _told) = Events::channel(16);
    let (store, stop) = (store.clone(), CancellationToken::new());
    Work { store, queue, flusher, events, stop, told_no_exchange: Cell::new(false) }.run();
    answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
}

/// What stood before the commit of version 2.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    Version,
    /// A version, one file of which was edited, and one replaced by a folder.
    Damaged,
    /// The same version that is committed again, with a damaged file.
    Same,
    /// Files of a version without its manifest.
    Remains,
}

const ALL: [Before; 5] = [Before::Nothing, Before::Version, Before::Damaged, Before::Same, Before::Remains];

impl Before {
    fn bench(self) -> Bench {
        let bench = Bench::new();
        if self == Self::Nothing {
            bench.open();
            return bench;
        }
        bench.commit(if self == Self::Same { 2 } else { 1 });
        bench.add_strangers();
        match self {
            Self::Nothing | Self::Version => {}
            Self::Same => bench.write("u_1/side.png", "edited"),
            Self::Damaged => {
                bench.write("u_1/side.png", "edited");
                std::fs::remove_file(bench.at("u_1/cover.png")).unwrap();
                bench.write("u_1/cover.png/own.txt", "in a folder");
            }
            Self::Remains => std::fs::remove_file(bench.at("u_1/manifest.json")).unwrap(),
        }
        bench
    }

    /// What must hold when the trouble is over and a run has cleared up.
    #[track_caller]
    fn check(self, bench: &Bench) {
        bench.assert_no_litter();
        let new = bench.at("u_1/side.png").exists() && std::fs::read(bench.at("u_1/side.png")).unwrap() == side(2);
        if self != Self::Nothing {
            bench.assert_strangers_are_there();
        }
        match self {
            Self::Nothing => assert!(matches!(bench.standing(), None | Some(2))),
            Self::Version => {
                assert_eq!(bench.standing(), Some(if new { 2 } else { 1 }));
                assert_eq!(bench.history(), if new { vec![1] } else { vec![] });
            }
            Self::Same => {
                assert!(bench.history().is_empty(), "{:#?}", bench.files("").keys());
                assert!(!new || bench.standing() == Some(2) && aside(bench, b"edited"));
                let aside = bench.files(".element-mirror/damaged");
                assert!(aside.iter().all(|(path, _)| path.ends_with("side.png")), "{:#?}", aside.keys());
            }
            Self::Damaged => {
                assert!(!new || bench.standing() == Some(2) && aside(bench, b"edited") && aside(bench, b"in a folder"));
                // It can't be made whole any more, and is no part of history.
                assert!(bench.history().is_empty());
                let kept =
                    bench.files(".element-mirror/damaged").into_keys().filter(|path| path.ends_with("manifest.json"));
                assert_eq!(kept.count(), usize::from(new));
            }
            Self::Remains => assert!(!new || bench.standing() == Some(2) && aside(bench, &side(1))),
        }
        if !new && self != Self::Nothing {
            assert!(bench.files("u_1").values().any(|bytes| *bytes == expected_old(self)), "the old is touched");
        }
    }
}

fn expected_old(before: Before) -> Vec<u8> {
    if matches!(before, Before::Damaged | Before::Same) { b"edited".to_vec() } else { side(1) }
}

fn aside(bench: &Bench, bytes: &[u8]) -> bool {
    bench.files(".element-mirror/damaged").values().any(|found| found == bytes)
}

fn commit_2(bench: &Bench) -> Result<(), Failure> {
    let store = bench.try_open().map_err(|error| Failure::new(ErrorKind::Io, error.to_string()))?.store;
    let candidate = candidate(&store, 2)?;
    commit(&store, vec![candidate], Flusher::Never).remove(0)
}

/// Where the parts of two versions are, in a word each.
fn state(bench: &Bench) -> String {
    let number = |path: &str| match std::fs::read(bench.at(path).join("side.png")) {
        Ok(bytes) => bytes.last().map_or('?', |&last| char::from(last)),
        Err(_) if bench.at(path).exists() => '?',
        Err(_) => '-',
    };
    let has = |path| if bench.at(path).exists() { "yes" } else { "no" };
    let superseded = bench.names(".element-mirror/history/u_1");
    let history = superseded.first().map_or('-', |when| number(&format!(".element-mirror/history/u_1/{when}")));
    let staging = ".element-mirror/staging/u_1";
    format!(
        "sealed {}, stands {}, version {}, old {}, history {history}, notes {}",
        has(&format!("{staging}/sealed")),
        number("u_1"),
        number(&format!("{staging}/version")),
        number(&format!("{staging}/old")),
        has("u_1/notes.txt"),
    )
}

/// Kills the commit after each number of steps; the states that were left, and checked.
fn kill_everywhere(before: Before, poor: bool) -> BTreeSet<String> {
    trouble::be_poor(poor);
    let mut states = BTreeSet::new();
    for steps in 0.. {
        let bench = before.bench();
        trouble::kill_after(steps);
        let answer = commit_2(&bench);
        if !trouble::end() {
            assert_eq!(answer, Ok(()));
            before.check(&bench);
            break;
        }
        states.insert(state(&bench));
        if !poor && matches!(before, Before::Version | Before::Nothing) {
            bench.standing();
        }
        let opened = bench.open();
        assert!(opened.recovered.stuck.is_empty(), "{before:?} {steps}: {:?}", opened.recovered.stuck);
        before.check(&bench);
        drop(opened);
        assert_eq!(commit_2(&bench), Ok(()), "{before:?}, killed after {steps}: the next run does not finish");
        assert_eq!(bench.standing(), Some(2));
    }
    trouble::be_poor(false);
    states
}

#[test]
fn a_first_version_killed_at_any_step_is_whole_or_not_there() {
    for poor in [false, true] {
        let states = kill_everywhere(Before::Nothing, poor);
        for expected in [
            "sealed no, stands -, version -, old -, history -, notes no",
            "sealed no, stands -, version 2, old -, history -, notes no",
            "sealed yes, stands -, version 2, old -, history -, notes no",
            "sealed yes, stands 2, version -, old -, history -, notes no",
            "sealed no, stands 2, version -, old -, history -, notes no",
        ] {
            assert!(states.contains(expected), "{expected}: {states:#?}");
        }
    }
}

#[test]
fn a_replacement_killed_at_any_step_is_the_old_or_the_new_version() {
    let states = kill_everywhere(Before::Version, false);
    for expected in [
        "sealed no, stands 1, version 2, old -, history -, notes yes",
        "sealed yes, stands 1, version 2, old -, history -, notes yes",
        "sealed yes, stands 2, version 1, old -, history -, notes no",
        "sealed yes, stands 2, version 1, old -, history -, notes yes",
        "sealed yes, stands 2, version -, old -, history 1, notes yes",
        "sealed no, stands 2, version -, old -, history 1, notes yes",
    ] {
        assert!(states.contains(expected), "{expected}: {states:#?}");
    }
}

#[test]
fn a_replacement_without_exchange_and_links_killed_at_any_step_is_the_old_or_the_new_version() {
    let states = kill_everywhere(Before::Version, true);
    for expected in [
        "sealed yes, stands 1, version 2, old -, history -, notes yes",
        "sealed yes, stands -, version 2, old 1, history -, notes no",
        "sealed yes, stands 2, version -, old 1, history -, notes no",
        "sealed yes, stands 2, version -, old 1, history -, notes yes",
        "sealed yes, stands 2, version -, old -, history 1, notes yes",
    ] {
        assert!(states.contains(expected), "{expected}: {states:#?}");
    }
}

#[test]
fn a_repair_killed_at_any_step_loses_nothing() {
    for before in [Before::Damaged, Before::Same, Before::Remains] {
        for poor in [false, true] {
            kill_everywhere(before, poor);
        }
    }
}

#[test]
fn a_failing_call_fails_one_element_and_loses_nothing() {
    for (before, (poor, failures)) in ALL.into_iter().flat_map(|before| {
        // Two in a row: the way back is cut off too.
        [(false, 1), (true, 1), (true, 2)].map(|how| (before, how))
    }) {
        trouble::be_poor(poor);
        for steps in 0.. {
            let bench = before.bench();
            trouble::fail_after(steps, failures);
            let answer = commit_2(&bench);
            if !trouble::end() {
                assert_eq!(answer, Ok(()));
                break;
            }
            if before == Before::Version && (failures == 1 || bench.at("u_1").exists()) {
                assert!(bench.standing().is_some(), "{steps}: nothing stands");
            }
            assert!(answer.is_err() || bench.standing() == Some(2), "{before:?} {steps}: reported, but not there");
            let opened = bench.open();
            assert!(opened.recovered.stuck.is_empty(), "{before:?} {steps}: {:?}", opened.recovered.stuck);
            before.check(&bench);
            drop(opened);
            assert_eq!(commit_2(&bench), Ok(()), "{before:?} {steps}");
        }
        trouble::be_poor(false);
    }
}

#[test]
fn a_group_is_committed_together_and_one_failure_stops_no_other() {
    let bench = Bench::new();
    let store = bench.open().store;
    let candidates: Vec<_> = ["u_1", "u_2", "u_3"].into_iter().map(|id| candidate_of(&store, id, 1).unwrap()).collect();
    std::fs::create_dir(bench.at("u_2")).unwrap();
    let answers = commit(&store, candidates, Flusher::Never);
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|failure| failure.kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::FolderTaken), None]);
    assert_eq!(bench.names("u_2"), Vec::<String>::new());
    assert_eq!(bench.names(".element-mirror/staging"), ["u_2"], "it waits as a draft");
}

#[test]
fn what_is_staged_for_another_id_is_never_removed() {
    let bench = Bench::new();
    let store = bench.open().store;
    let first = candidate(&store, 1).unwrap();
    // As a file system that folds case would see it.
    std::fs::rename(bench.staged(""), bench.at(".element-mirror/staging/U_1")).unwrap();
    std::os::unix::fs::symlink("U_1", bench.staged("").to_str().unwrap().trim_end_matches('/')).unwrap();
    let failure = store.stage(&id("u_1")).err().unwrap();
    assert_eq!(failure.kind, ErrorKind::CannotReplace, "{failure}");
    assert!(bench.at(".element-mirror/staging/U_1/version/SHA256SUMS").exists());
    drop(first);
}

#[test]
fn a_name_in_history_that_is_taken_gets_a_number() {
    let bench = Bench::new();
    bench.commit(1);
    bench.commit(2);
    let when = bench.names(".element-mirror/history/u_1").remove(0);
    // The clock was set back: the same second again.
    std::fs::remove_dir_all(bench.at("u_1")).unwrap();
    bench.commit(1);
    bench.commit(3);
    assert_eq!(bench.names(".element-mirror/history/u_1"), [when.clone(), format!("{when}-2")]);
    assert_eq!(bench.history(), [1, 1]);
}

#[test]
fn a_strangers_file_with_the_name_of_a_new_one_is_kept_with_the_old_version() {
    for number in [1, 2] {
        let bench = Bench::new();
        bench.commit(1);
        bench.write("u_1/side.png", "edited, so that the same version is committed again");
        let store = bench.open().store;
        let candidate = candidate(&store, number).unwrap();
        // Both come into being when the names are long given.
        bench.write("u_1/notes.txt", "mine");
        std::fs::write(bench.staged("version/notes.txt"), "new").unwrap();
        assert_eq!(commit(&store, vec![candidate], Flusher::Never), [Ok(())]);
        assert_eq!(std::fs::read(bench.at("u_1/notes.txt")).unwrap(), b"new");
        let kept = bench.files(".element-mirror");
        assert!(kept.values().any(|bytes| bytes == b"mine"), "{number}: {:?}", kept.keys());
    }
}

#[test]
fn a_link_that_took_the_folders_place_at_the_last_moment_is_put_aside() {
    let bench = Bench::new();
    bench.commit(1);
    let store = bench.open().store;
    let candidate = candidate(&store, 2).unwrap();
    std::fs::rename(bench.at("u_1"), bench.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.at("u_1")).unwrap();
    assert_eq!(commit(&store, vec![candidate], Flusher::Never), [Ok(())]);
    assert_eq!(bench.standing(), Some(2));
    let aside = bench.at(".element-mirror/damaged/u_1").join(&bench.names(".element-mirror/damaged/u_1")[0]);
    assert_eq!(std::fs::read_link(aside).unwrap().to_str(), Some("elsewhere"));
    bench.assert_no_litter();
}

#[test]
fn what_is_handed_over_after_the_end_is_interrupted_however_late() {
    let bench = Bench::new();
    let store = bench.open().store;
    let stop = CancellationToken::new();
    let committer = start(&store, Events::channel(8).0, stop.clone()).unwrap();
    stop.cancel();
    for id in ["u_1", "u_2"] {
        let answer = block_on(async { committer.submit(candidate_of(&store, id, 1).unwrap()).await.await });
        assert_eq!(answer.unwrap().unwrap_err().kind, ErrorKind::Interrupted, "{id}");
    }
    committer.finish();
    bench.assert_no_litter();
}

#[test]
fn what_is_aside_already_is_not_put_there_again_whatever_was_put_there_since() {
    let bench = Bench::new();
    bench.commit(1);
    let store = bench.open().store;
    let (own, dir) = (store.own().unwrap(), store.root().unwrap().dir("u_1").unwrap());
    let put = |files: &[&str]| {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let mut removable = put_aside(own, &id("u_1"), &dir, &files).unwrap();
        removable.sort();
        assert_eq!(removable, files);
        bench.names(".element-mirror/damaged/u_1").len()
    };
    assert_eq!(put(&["side.png"]), 1);
    assert_eq!(put(&["cover.png", "side.png"]), 2);
    assert_eq!(put(&["cover.png", "side.png"]), 2);
    bench.write(".element-mirror/damaged/u_1/strangers/notes.txt", "mine");
    assert_eq!(put(&["cover.png", "side.png"]), 3);
}

#[test]
fn a_free_name_has_one_number() {
    let bench = Bench::new();
    let opened = bench.open();
    let own = opened.store.own().unwrap();
    for taken in ["20231114T221420Z", "20231114T221420Z-2"] {
        bench.write(&format!(".element-mirror/history/u_1/{taken}/notes.txt"), "");
    }
    for base in ["20231114T221420Z", "20231114T221420Z-2"] {
        assert_eq!(Shelf::History.free_name(own, &id("u_1"), base).unwrap(), "20231114T221420Z-3");
    }
}
