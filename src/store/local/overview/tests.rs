//! The index while elements come, change and are damaged, and when writing it is killed or fails at each of its steps.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use serde_json::Value;

use super::*;
use crate::layout::INDEX;
use crate::store::local::commit::tests::commit;
use crate::store::local::dir::trouble;
use crate::store::local::flush::Flusher;
use crate::store::local::tests::{Bench, candidate_of};
use crate::store::overview::Index;

/// Commits the first version of each of these.
fn add(bench: &Bench, ids: &[&str]) {
    let store = bench.open().store;
    let candidates = ids.iter().map(|id| candidate_of(&store, id, 1).unwrap()).collect();
    assert!(commit(&store, candidates, Flusher::Never).iter().all(Result::is_ok));
}

/// Writes the index; gives the elements that were left out.
fn write(bench: &Bench) -> Result<Vec<String>, Failure> {
    let mut left_out = Vec::new();
    let store = bench.open().store;
    store.write_overview(&mut Index, || false, |id, why| left_out.push(format!("{id}: {why}"))).map(|()| left_out)
}

fn index(bench: &Bench) -> String {
    std::fs::read_to_string(bench.at(INDEX)).unwrap()
}

#[test]
fn every_standing_manifest_is_a_line_without_its_response_in_the_order_of_ids() {
    let bench = Bench::new();
    add(&bench, &["u_2", "u_10", "U_3", "u_1"]);
    std::fs::create_dir(bench.at("folder_of_strangers")).unwrap();
    bench.write("file_of_strangers", "mine");
    bench.write("notes.txt", "mine");
    assert_eq!(write(&bench).unwrap(), Vec::<String>::new());
    let lines: Vec<Value> = index(&bench).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines.iter().map(|line| line["element"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["U_3", "u_1", "u_10", "u_2"]);
    for line in lines {
        let id = line["element"]["id"].as_str().unwrap();
        let bytes = std::fs::read(bench.at(&format!("{id}/manifest.json"))).unwrap();
        let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
        manifest.as_object_mut().unwrap().shift_remove("response");
        assert_eq!(line.to_string(), manifest.to_string());
    }
    bench.assert_no_litter();
}

#[test]
fn a_mirror_without_elements_has_an_empty_index() {
    let bench = Bench::new();
    bench.open();
    write(&bench).unwrap();
    assert_eq!(index(&bench), "");
}

#[test]
fn what_can_not_be_read_is_left_out_and_told() {
    let bench = Bench::new();
    add(&bench, &["u_1", "u_2", "u_3", "u_4", "u_5"]);
    bench.write("u_1/manifest.json", "{");
    std::fs::remove_file(bench.at("u_2/manifest.json")).unwrap();
    let newer =
        std::fs::read_to_string(bench.at("u_3/manifest.json")).unwrap().replace("\"format\": 1", "\"format\": 2");
    bench.write("u_3/manifest.json", newer);
    std::fs::rename(bench.at("u_4"), bench.at("moved.away")).unwrap();
    std::os::unix::fs::symlink("moved.away", bench.at("u_4")).unwrap();
    bench.write(".element-mirror/gone/u_4", "2026-11-23T08:00:00Z\n");
    let left_out = write(&bench).unwrap();
    for (told, words) in left_out.iter().zip(["u_1: ", "u_2: ", "u_3: ", "u_4: "]) {
        assert!(told.starts_with(words), "{left_out:?}");
    }
    assert_eq!((left_out.len(), index(&bench).lines().count()), (4, 1));
}

#[test]
fn what_has_its_name_and_is_no_file_is_not_touched() {
    let bench = Bench::new();
    bench.commit(1);
    std::fs::create_dir(bench.at(INDEX)).unwrap();
    assert!(write(&bench).unwrap_err().message.contains("not touched"));
    std::fs::remove_dir(bench.at(INDEX)).unwrap();
    bench.write("theirs", "mine");
    std::os::unix::fs::symlink("theirs", bench.at(INDEX)).unwrap();
    assert!(write(&bench).unwrap_err().message.contains("not touched"));
    assert!(bench.at(INDEX).is_symlink());
    assert_eq!(std::fs::read(bench.at("theirs")).unwrap(), b"mine");
    bench.assert_no_litter();
}

#[test]
fn one_that_is_over_before_its_end_leaves_the_old_one() {
    let bench = Bench::new();
    add(&bench, &["u_1", "u_2"]);
    bench.write(INDEX, "the old one");
    let store = bench.open().store;
    // Before the first, before the second, and before it would take its place.
    for looks in 0..3 {
        let looked = std::cell::Cell::new(0);
        let is_over = || looked.replace(looked.get() + 1) == looks;
        assert_eq!(store.write_overview(&mut Index, is_over, |_, _| {}).unwrap_err().kind, ErrorKind::Interrupted);
        assert_eq!(index(&bench), "the old one");
        bench.assert_no_litter();
    }
}

#[test]
fn killed_or_failing_at_any_step_it_is_the_old_or_the_new_one_and_leaves_no_litter() {
    for failures in [u32::MAX, 1] {
        for steps in 0.. {
            let bench = Bench::new();
            bench.commit(1);
            write(&bench).unwrap();
            let old = index(&bench);
            bench.commit(2);
            let store = bench.open().store;
            trouble::fail_after(steps, failures);
            let written = store.write_overview(&mut Index, || false, |id, why| panic!("{id}: {why}"));
            let came = trouble::end();
            drop(store);
            let is_new = index(&bench) != old;
            assert!(is_new == written.is_ok() || failures == 1, "{steps}: {written:?}");
            bench.open();
            bench.assert_no_litter();
            assert_eq!(index(&bench) != old, is_new);
            if !came {
                assert!(is_new && steps > 2, "{steps}");
                break;
            }
        }
    }
}
