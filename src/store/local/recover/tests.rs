//! What recovery does about a sealed version when the mirror is not as its seal left it. The states that a kill can
//! leave are in the commit's tests, where they are made by killing it.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use std::collections::BTreeSet;

use super::*;
use crate::error::ErrorKind;
use crate::layout::Naming;
use crate::store::Destination as _;
use crate::store::contract::recipe::Recipe;
use crate::store::local::dir::trouble;
use crate::store::local::tests::{Bench, candidate};

/// A mirror in which version 1 stands (if it does), and version 2 is sealed but not in its place yet.
fn sealed(stands: bool) -> Bench {
    let bench = Bench::new();
    if stands {
        bench.commit(1);
        bench.add_strangers();
    }
    leave(&bench, Fate::History, |_| {});
    bench
}

/// Seals version 2, does `more`, and leaves it all as a kill would.
fn leave(bench: &Bench, fate: Fate, more: impl FnOnce(&Dir)) {
    let store = bench.open().store;
    let mut candidate = candidate(&store, 2).unwrap();
    candidate.stage.leaves = Leaves::All;
    let superseded = candidate.occupant.version().map(|version| Displaced {
        fate,
        when: version.checked.manifest.committed_at.to_compact(),
        damaged: Vec::new(),
    });
    let seal = serde_json::to_vec(&Seal { manifest: candidate.digest, superseded }).unwrap();
    candidate.stage.dir.write(SEALED, &seal, None).unwrap();
    more(&candidate.stage.dir);
}

/// The same when the versions were exchanged and nothing was cleared away.
fn exchanged(fate: Fate) -> Bench {
    let bench = Bench::new();
    bench.commit(1);
    bench.add_strangers();
    leave(&bench, fate, |staged| {
        let root = Dir::open(&bench.path()).unwrap();
        assert!(staged.exchange(VERSION, &root, "u_1").unwrap());
    });
    bench
}

/// The same on a file system without exchange, when the old version was moved away.
fn moved_away(then: impl FnOnce(&Dir, &Dir)) -> Bench {
    let bench = Bench::new();
    bench.commit(1);
    bench.add_strangers();
    leave(&bench, Fate::History, |staged| {
        let root = Dir::open(&bench.path()).unwrap();
        root.rename_new("u_1", staged, OLD).unwrap();
        then(staged, &root);
    });
    bench
}

#[track_caller]
fn assert_replaced(bench: &Bench) {
    assert_eq!((bench.standing(), bench.history()), (Some(2), vec![1]));
    bench.assert_strangers_are_there();
    bench.assert_no_litter();
}

#[test]
fn every_state_of_a_replacement_is_finished() {
    let in_place = |staged: &Dir, root: &Dir| staged.rename_new(VERSION, root, "u_1").unwrap();
    for bench in [sealed(true), exchanged(Fate::History), moved_away(|_, _| {}), moved_away(in_place)] {
        let opened = bench.open();
        assert_eq!(opened.recovered.finished.len(), 1);
        assert_replaced(&bench);
    }
}

#[test]
fn a_first_version_that_was_sealed_takes_its_place_or_goes_where_it_is_not_whole() {
    let bench = sealed(false);
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!((bench.standing(), bench.history()), (Some(2), vec![]));
    bench.assert_no_litter();
    let bench = sealed(false);
    std::fs::write(bench.staged("version/side.png"), "cut").unwrap();
    assert!(bench.open().recovered.finished.is_empty());
    assert_eq!((bench.standing(), bench.history()), (None, vec![]));
    bench.assert_no_litter();
}

#[test]
fn a_first_version_in_its_place_is_only_cleared_up_after() {
    let bench = Bench::new();
    leave(&bench, Fate::History, |staged| {
        staged.rename_new(VERSION, &Dir::open(&bench.path()).unwrap(), "u_1").unwrap();
    });
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!((bench.standing(), bench.history()), (Some(2), vec![]));
    bench.assert_no_litter();
}

#[test]
fn a_replacement_of_which_half_the_strangers_files_were_moved_or_all_was_done_but_the_end_is_finished() {
    for done in 0..=3 {
        let bench = exchanged(Fate::History);
        for name in &["notes.txt", "folder"][..done.min(2)] {
            std::fs::rename(bench.staged(VERSION).join(name), bench.at("u_1").join(name)).unwrap();
        }
        if done == 3 {
            let shelf = bench.at(".element-mirror/history/u_1");
            std::fs::create_dir_all(&shelf).unwrap();
            std::fs::rename(bench.staged(VERSION), shelf.join(candidate_when(&bench))).unwrap();
        }
        assert_eq!(bench.open().recovered.finished.len(), 1, "{done}");
        assert_replaced(&bench);
    }
}

#[test]
fn a_version_that_holds_the_same_is_discarded_after_the_exchange_and_its_damage_stays_aside() {
    let bench = Bench::new();
    bench.commit(2);
    bench.add_strangers();
    leave(&bench, Fate::Discard, |staged| {
        assert!(staged.exchange(VERSION, &Dir::open(&bench.path()).unwrap(), "u_1").unwrap());
    });
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!((bench.standing(), bench.history()), (Some(2), vec![]));
    bench.assert_strangers_are_there();
    bench.assert_no_litter();
}

#[test]
fn remains_without_a_manifest_are_put_aside_whole_after_the_exchange() {
    let bench = Bench::new();
    bench.commit(1);
    std::fs::remove_file(bench.at("u_1/manifest.json")).unwrap();
    bench.add_strangers();
    let store = bench.open().store;
    let mut candidate = candidate(&store, 2).unwrap();
    candidate.stage.leaves = Leaves::All;
    let superseded = Some(Displaced { fate: Fate::Damaged, when: "then".to_owned(), damaged: Vec::new() });
    let seal = serde_json::to_vec(&Seal { manifest: candidate.digest, superseded }).unwrap();
    candidate.stage.dir.write(SEALED, &seal, None).unwrap();
    let root = Dir::open(&bench.path()).unwrap();
    assert!(candidate.stage.dir.exchange(VERSION, &root, "u_1").unwrap());
    drop((candidate, store));
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!((bench.standing(), bench.history()), (Some(2), vec![]));
    assert!(bench.at(".element-mirror/damaged/u_1/then/side.png").exists());
    bench.assert_strangers_are_there();
    bench.assert_no_litter();
}

#[test]
fn a_recovery_killed_at_any_step_is_finished_by_the_next() {
    let makers: [fn() -> Bench; 3] = [|| sealed(true), || exchanged(Fate::History), || moved_away(|_, _| {})];
    for (make, poor) in makers.into_iter().flat_map(|make| [(make, false), (make, true)]) {
        trouble::be_poor(poor);
        for steps in 0.. {
            // Made by a file system that can exchange, whichever it is now: a disk may be moved.
            trouble::be_poor(false);
            let bench = make();
            trouble::be_poor(poor);
            trouble::kill_after(steps);
            let _ = bench.try_open();
            let came = trouble::end();
            bench.open();
            assert_replaced(&bench);
            if !came {
                break;
            }
        }
        trouble::be_poor(false);
    }
}

#[test]
fn a_sealed_version_whose_bytes_did_not_reach_the_disk_is_dropped() {
    for file in ["cover.png", "side.png", "element.json", "manifest.json", "SHA256SUMS"] {
        for cut in [true, false] {
            let bench = sealed(true);
            let file = bench.staged("version").join(file);
            // A kept file is shared with the version that stands.
            std::fs::remove_file(&file).unwrap();
            if cut {
                std::fs::write(&file, "").unwrap();
            }
            assert!(bench.open().recovered.finished.is_empty());
            assert_eq!(bench.standing(), Some(1));
            bench.assert_strangers_are_there();
            bench.assert_no_litter();
        }
    }
}

#[test]
fn a_version_moved_away_comes_back_when_the_new_one_is_not_whole() {
    for seal in ["", "{\"manifest\": 7}", "whole", "none"] {
        let bench = moved_away(|_, _| {});
        std::fs::write(bench.staged("version/side.png"), "cut").unwrap();
        match seal {
            "whole" => {}
            "none" => std::fs::remove_file(bench.staged("sealed")).unwrap(),
            seal => std::fs::write(bench.staged("sealed"), seal).unwrap(),
        }
        bench.open();
        assert_eq!(bench.standing(), Some(1));
        bench.assert_strangers_are_there();
        bench.assert_no_litter();
    }
}

#[test]
fn a_superseded_version_is_kept_though_the_new_one_was_edited_meanwhile() {
    let in_place = |staged: &Dir, root: &Dir| staged.rename_new(VERSION, root, "u_1").unwrap();
    for bench in [exchanged(Fate::History), exchanged(Fate::Discard), moved_away(in_place)] {
        bench.write("u_1/manifest.json", "edited");
        let opened = bench.open();
        assert!(opened.recovered.finished.is_empty() && opened.recovered.stuck.is_empty());
        assert_eq!(bench.history(), [1]);
        bench.assert_strangers_are_there();
        bench.assert_no_litter();
    }
}

#[test]
fn a_superseded_version_is_kept_or_stands_again_though_the_new_one_was_removed_meanwhile() {
    let in_place = |staged: &Dir, root: &Dir| staged.rename_new(VERSION, root, "u_1").unwrap();
    for bench in [exchanged(Fate::History), moved_away(in_place)] {
        std::fs::remove_dir_all(bench.at("u_1")).unwrap();
        bench.open();
        assert_eq!(bench.standing(), Some(1));
        bench.assert_strangers_are_there();
        bench.assert_no_litter();
    }
}

#[test]
fn what_was_put_in_the_place_of_an_element_meanwhile_is_not_touched() {
    let newer = "{\"format\": 9}";
    let of_another = Recipe::of("u_2", 1).manifest(Naming::Plain).to_bytes();
    for manifest in [newer.as_bytes(), &of_another] {
        let bench = sealed(true);
        bench.write("u_1/manifest.json", manifest);
        let before = bench.files("u_1");
        let opened = bench.open();
        assert!(opened.recovered.finished.is_empty() && opened.recovered.stuck.is_empty());
        assert_eq!(bench.files("u_1"), before);
        bench.assert_no_litter();
    }
    for bench in [sealed(true), sealed(false)] {
        let _ = std::fs::remove_dir_all(bench.at("u_1"));
        std::os::unix::fs::symlink("elsewhere", bench.at("u_1")).unwrap();
        let opened = bench.open();
        assert!(opened.recovered.finished.is_empty() && opened.recovered.stuck.is_empty());
        assert_eq!(std::fs::read_link(bench.at("u_1")).unwrap().to_str(), Some("elsewhere"));
        bench.assert_no_litter();
    }
}

#[test]
fn a_folder_that_appeared_in_the_place_of_a_first_version_stays_and_the_element_is_not_stuck() {
    let bench = sealed(false);
    bench.add_strangers();
    assert!(bench.open().recovered.stuck.is_empty());
    bench.assert_no_litter();
    bench.commit(3);
    assert_eq!(bench.standing(), Some(3));
    bench.assert_strangers_are_there();
}

#[test]
fn a_folder_that_was_removed_meanwhile_is_filled_by_the_sealed_version() {
    let bench = sealed(true);
    std::fs::remove_dir_all(bench.at("u_1")).unwrap();
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!(bench.standing(), Some(2));
    bench.assert_no_litter();
}

#[test]
fn another_version_that_was_restored_meanwhile_is_not_discarded() {
    // The seal says that what stands holds the same as the new version: it is asked again.
    let bench = exchanged(Fate::Discard);
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_replaced(&bench);
}

#[test]
fn something_in_the_place_of_a_version_that_was_moved_away_costs_neither() {
    let bench = moved_away(|_, _| {});
    bench.write("u_1/mine.txt", "put here while nothing stood");
    bench.open();
    assert_eq!(bench.history(), [1]);
    assert_eq!(std::fs::read(bench.at("u_1/mine.txt")).unwrap(), b"put here while nothing stood");
    bench.assert_strangers_are_there();
    bench.assert_no_litter();
}

#[test]
fn a_name_in_history_that_was_taken_meanwhile_gets_a_number() {
    let bench = exchanged(Fate::History);
    let when = candidate_when(&bench);
    bench.write(&format!(".element-mirror/history/u_1/{when}/mine.txt"), "restored");
    let opened = bench.open();
    assert!(opened.recovered.stuck.is_empty(), "{:?}", opened.recovered.stuck);
    assert_eq!(bench.names(".element-mirror/history/u_1"), [when.clone(), format!("{when}-2")]);
    assert_eq!(bench.standing(), Some(2));
    bench.assert_no_litter();
}

fn candidate_when(bench: &Bench) -> String {
    let seal: Seal = serde_json::from_slice(&std::fs::read(bench.staged(SEALED)).unwrap()).unwrap();
    seal.superseded.unwrap().when
}

#[test]
fn an_element_that_is_stuck_keeps_no_other_from_being_finished_and_is_not_touched() {
    let bench = exchanged(Fate::History);
    drop(bench.open());
    leave(&bench, Fate::History, |_| {});
    // Somebody's file where the superseded version should go.
    std::fs::remove_dir_all(bench.at(".element-mirror/history/u_1")).unwrap();
    bench.write(".element-mirror/history/u_1", "mine");
    let other = bench.path().join(".element-mirror/staging/u_9");
    std::fs::create_dir_all(other.join(VERSION)).unwrap();
    let opened = bench.open();
    let stuck: Vec<_> = opened.recovered.stuck.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(stuck, ["u_1"]);
    assert!(!other.exists(), "the others are cleared up");
    let failure = opened.store.stage(&"u_1".parse().unwrap()).err().unwrap();
    assert_eq!(failure.kind, ErrorKind::CannotReplace);
    assert!(bench.staged(SEALED).exists());
    drop(opened);
    std::fs::remove_file(bench.at(".element-mirror/history/u_1")).unwrap();
    assert_eq!(bench.open().recovered.finished.len(), 1);
    assert_eq!(bench.standing(), Some(2));
    bench.assert_no_litter();
}

#[test]
fn what_is_half_removed_is_not_taken_for_a_version() {
    for place in [VERSION, OLD] {
        let bench = Bench::new();
        bench.commit(1);
        for file in ["side.png", "odd.png", "manifest.json"] {
            bench.write(&format!(".element-mirror/staging/u_1/{place}/{file}"), "left");
        }
        bench.open();
        assert!(bench.history().is_empty());
        assert_eq!(bench.standing(), Some(1));
        bench.assert_no_litter();
    }
}

#[test]
fn whatever_else_lies_in_staging_is_swept() {
    let bench = Bench::new();
    bench.open();
    for litter in ["u_1/version/cover.png", "u_2/0", "u_3.part", "a b/c/d", "u_4"] {
        bench.write(&format!(".element-mirror/staging/{litter}"), "litter");
    }
    bench.open();
    bench.assert_no_litter();
    let names: BTreeSet<_> = bench.names("").into_iter().collect();
    assert_eq!(names, BTreeSet::from([".element-mirror".to_owned()]));
}

#[test]
fn when_all_is_done_the_seal_is_the_first_to_go() {
    for steps in 0.. {
        let bench = Bench::new();
        let store = bench.open().store;
        bench.write(".element-mirror/staging/u_1/sealed", "{}");
        // Many, so that the order of a listing is no help.
        let others: Vec<_> = (0..20).map(|n| format!(".element-mirror/staging/u_1/{n}/file")).collect();
        others.iter().for_each(|other| bench.write(other, ""));
        trouble::kill_after(steps);
        let _ = store.own().unwrap().discard("u_1", Leaves::Nothing);
        let came = trouble::end();
        let all_there = others.iter().all(|other| bench.at(other).exists());
        assert!(all_there || !bench.staged(SEALED).exists(), "{steps}");
        if !came {
            break;
        }
    }
}
