#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use rstest::rstest;

use super::*;
use crate::error::ErrorKind;
use crate::store::Destination as _;
use crate::store::local::LocalStore;
use crate::store::local::commit::tests::commit;
use crate::store::local::dir::trouble;
use crate::store::local::flush::Flusher;
use crate::store::local::seal::{Displaced, Fate, Seal};
use crate::store::local::stage::Leaves;
use crate::store::local::tests::{Bench, candidate, candidate_at, id, whole};
use crate::time::Time;

fn days_ago(days: i64) -> Time {
    Time::from_unix_millis(jiff::Timestamp::now().as_millisecond() - days * 24 * 3_600_000).unwrap()
}

/// Puts version `number` of `u_1` together, as of so many `days` ago, and keeps it as a draft.
fn keep(store: &LocalStore, number: u8, days: i64) -> Result<(), Failure> {
    store.keep_as_draft(candidate_at(store, &id("u_1"), (number, days_ago(days)))?.stage)
}

/// A mirror in which version 1 stands, and version 2 waits as a draft.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.commit(1);
    keep(&bench.open().store, 2, 0).unwrap();
    bench
}

fn draft(store: &LocalStore) -> Option<Version> {
    store.draft(&id("u_1")).unwrap()
}

#[test]
fn a_draft_waits_thirty_days() {
    // One day in the future: the clock was set back.
    for (days, kept) in [(0, true), (-1, true), (29, true), (31, false)] {
        let bench = Bench::new();
        bench.commit(1);
        keep(&bench.open().store, 2, days).unwrap();
        assert_eq!(whole(&bench.staged("draft")), 2);
        assert_eq!(draft(&bench.open().store).is_some(), kept, "{days} days");
        assert_eq!(bench.standing(), Some(1));
        if !kept {
            bench.assert_no_litter();
        }
    }
}

#[test]
fn a_draft_takes_the_place_of_an_older_one() {
    let bench = bench();
    keep(&bench.open().store, 3, 0).unwrap();
    assert_eq!(whole(&bench.staged("draft")), 3);
    assert_eq!(bench.names(".element-mirror/staging/u_1"), ["draft"]);
}

#[test]
fn every_byte_of_a_draft_is_read_before_it_is_used() {
    let bench = bench();
    assert_eq!(draft(&bench.open().store).unwrap().checked.damaged, Vec::<String>::new());
    let side = bench.staged("draft/side.png");
    let (bytes, time) = (std::fs::read(&side).unwrap(), side.metadata().unwrap().modified().unwrap());
    // The same size and time, other bytes.
    std::fs::write(&side, bytes.to_ascii_uppercase()).unwrap();
    std::fs::File::options().write(true).open(&side).unwrap().set_modified(time).unwrap();
    assert_eq!(draft(&bench.open().store).unwrap().checked.damaged, ["side.png"]);
    std::fs::remove_file(bench.staged("draft/cover.png")).unwrap();
    assert_eq!(draft(&bench.open().store).unwrap().checked.damaged, ["cover.png", "side.png"]);
}

#[test]
fn a_draft_that_nobody_can_make_out_is_litter() {
    let spoilers: [fn(&Bench); 3] = [
        |bench| std::fs::write(bench.staged("draft/manifest.json"), "{").unwrap(),
        |bench| std::fs::remove_file(bench.staged("draft/manifest.json")).unwrap(),
        |bench| {
            std::fs::remove_dir_all(bench.staged("draft")).unwrap();
            std::os::unix::fs::symlink("/etc", bench.staged("draft")).unwrap();
        },
    ];
    for spoil in spoilers {
        let bench = bench();
        spoil(&bench);
        assert!(draft(&bench.open().store).is_none());
        bench.assert_no_litter();
    }
}

#[test]
fn a_draft_outlives_what_fails_and_goes_with_what_is_done() {
    let bench = bench();
    drop(candidate(&bench.open().store, 3).unwrap());
    assert_eq!(bench.names(".element-mirror/staging/u_1"), ["draft"]);
    let store = bench.open().store;
    assert_eq!(commit(&store, vec![candidate(&store, 3).unwrap()], Flusher::Never), [Ok(())]);
    bench.assert_no_litter();
    drop(store);
    keep(&bench.open().store, 2, 0).unwrap();
    bench.open().store.drop_draft(&id("u_1")).unwrap();
    bench.assert_no_litter();
}

#[test]
fn a_version_that_could_not_take_its_place_waits_as_a_draft() {
    let bench = Bench::new();
    let store = bench.open().store;
    let candidate = candidate_at(&store, &id("u_1"), (1, days_ago(0))).unwrap();
    bench.write("u_1", "somebody's file");
    let answer = commit(&store, vec![candidate], Flusher::Never).remove(0);
    assert_eq!(answer.unwrap_err().kind, ErrorKind::FolderTaken);
    drop(store);
    std::fs::remove_file(bench.at("u_1")).unwrap();
    let held = draft(&bench.open().store).unwrap();
    assert_eq!((held.checked.manifest.assets.len(), held.checked.damaged.len()), (2, 0));
    assert_eq!(bench.names(".element-mirror/staging/u_1"), ["draft"], "no seal");
}

#[test]
fn an_older_draft_is_there_until_the_younger_is_at_whatever_step_that_is_killed() {
    for (steps, poor) in (0..).map(|step| (step / 2, step % 2 == 1)) {
        trouble::be_poor(poor);
        let bench = bench();
        let store = bench.open().store;
        trouble::kill_after(steps);
        let kept = keep(&store, 3, 0);
        let came = trouble::end();
        drop(store);
        let store = bench.open().store;
        let number = whole(&bench.staged("draft"));
        assert!(number == 3 || kept.is_err() && number == 2, "{steps}: {number}, {kept:?}");
        assert_eq!(bench.names(".element-mirror/staging/u_1"), ["draft"], "{steps}");
        assert_eq!(bench.standing(), Some(1));
        assert_eq!(commit(&store, vec![candidate(&store, 3).unwrap()], Flusher::Never), [Ok(())], "{steps}");
        bench.assert_no_litter();
        trouble::be_poor(false);
        if !came && poor {
            assert_eq!(kept, Ok(()));
            break;
        }
    }
}

#[test]
fn a_commit_beside_a_draft_that_is_killed_at_any_step_keeps_one_or_the_other() {
    for steps in 0.. {
        let bench = bench();
        let store = bench.open().store;
        trouble::kill_after(steps);
        let answer = candidate(&store, 2).map(|candidate| commit(&store, vec![candidate], Flusher::Never).remove(0));
        let came = trouble::end();
        drop(store);
        bench.open();
        match bench.standing() {
            Some(2) => bench.assert_no_litter(),
            standing => {
                assert_eq!(standing, Some(1), "{steps}");
                assert_eq!(whole(&bench.staged("draft")), 2, "{steps}");
                assert_eq!(bench.names(".element-mirror/staging/u_1"), ["draft"], "{steps}");
            }
        }
        if !came {
            assert_eq!(answer, Ok(Ok(())));
            break;
        }
    }
}

/// Leaves version 3 beside the draft, as a kill would: sealed where that is said.
fn leave_version(bench: &Bench, sealed: bool) {
    let store = bench.open().store;
    let mut candidate = candidate_at(&store, &id("u_1"), (3, days_ago(0))).unwrap();
    candidate.stage.leaves = Leaves::All;
    if sealed {
        let superseded = Displaced { fate: Fate::History, when: "then".to_owned(), damaged: Vec::new() };
        let seal = Seal { manifest: candidate.digest, superseded: Some(superseded) };
        candidate.stage.dir.write(SEALED, &serde_json::to_vec(&seal).unwrap(), None).unwrap();
    }
}

fn rename(bench: &Bench, from: &str, to: &str) {
    std::fs::rename(bench.staged(from), bench.staged(to)).unwrap();
}

/// What an interrupted run did beside version 1, which stands, and version 2, the draft.
#[derive(Clone, Copy)]
enum Step {
    /// It put version 3 together.
    Version,
    /// It put version 3 together and sealed it.
    Sealed,
    /// It renamed the draft.
    Former,
    /// It made version 3 the draft.
    Draft,
    /// It lost a file of version 3.
    Lost,
}

impl Step {
    fn take(self, bench: &Bench) {
        match self {
            Self::Version => leave_version(bench, false),
            Self::Sealed => leave_version(bench, true),
            Self::Former => rename(bench, DRAFT, FORMER),
            Self::Draft => rename(bench, VERSION, DRAFT),
            Self::Lost => std::fs::remove_file(bench.staged("version/side.png")).unwrap(),
        }
    }
}

#[rstest]
#[case::draft(&[], 1, Some(2))]
#[case::former(&[Step::Former], 1, Some(2))]
#[case::draft_and_version(&[Step::Version], 1, Some(2))]
#[case::former_and_version(&[Step::Version, Step::Former], 1, Some(2))]
#[case::former_and_draft(&[Step::Version, Step::Former, Step::Draft], 1, Some(3))]
#[case::draft_and_sealed(&[Step::Sealed], 3, None)]
#[case::former_and_sealed(&[Step::Sealed, Step::Former], 3, None)]
#[case::draft_and_sealed_that_is_not_whole(&[Step::Sealed, Step::Lost], 1, Some(2))]
#[case::former_and_sealed_that_is_not_whole(&[Step::Sealed, Step::Former, Step::Lost], 1, Some(2))]
fn every_state_of_a_draft_and_its_former_is_cleared_up(
    #[case] steps: &[Step],
    #[case] stands: u8,
    #[case] drafted: Option<u8>,
) {
    let bench = bench();
    steps.iter().for_each(|step| step.take(&bench));
    let opened = bench.open();
    assert!(opened.recovered.stuck.is_empty());
    assert_eq!(bench.standing(), Some(stands));
    assert_eq!(bench.history(), if stands == 1 { vec![] } else { vec![1] });
    match drafted {
        Some(number) => {
            assert_eq!(draft(&opened.store).unwrap().checked.damaged, Vec::<String>::new());
            assert_eq!(whole(&bench.staged(DRAFT)), number);
            assert_eq!(bench.names(".element-mirror/staging/u_1"), [DRAFT]);
        }
        None => bench.assert_no_litter(),
    }
}

#[test]
fn a_former_draft_that_is_too_old_is_litter() {
    let bench = Bench::new();
    bench.commit(1);
    keep(&bench.open().store, 2, 31).unwrap();
    rename(&bench, DRAFT, FORMER);
    bench.open();
    assert_eq!(bench.standing(), Some(1));
    bench.assert_no_litter();
}
