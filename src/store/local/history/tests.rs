//! What is listed of a mirror's past.
#![expect(clippy::disallowed_methods, reason = "tests look at the files from outside")]

use super::*;
use crate::digest::Digest;
use crate::stop::Stop;
use crate::store::local::tests::{Bench, candidate_at, candidate_of, id, side};
use crate::store::local::{commit::tests::commit, flush::Flusher};
use crate::time::Time;

const FIRST: &str = ".element-mirror/history/u_1/20231114T221420Z";

/// A mirror in which version 3 stands, and 1 and 2 are superseded.
fn bench() -> Bench {
    let bench = Bench::new();
    (1..=3).for_each(|number| bench.commit(number));
    bench
}

/// As it is seen with the lock, and without.
fn seen(bench: &Bench) -> [LocalStore; 2] {
    let looking = LocalStore::open_to_look(&bench.path(), Stop::default()).unwrap().store;
    [bench.open().store, looking]
}

/// The folders in their order, with the number of the version in each, or what is wrong.
fn listed(store: &LocalStore) -> Vec<(String, String)> {
    let number = |past: &SupersededVersion| match &past.manifest {
        Ok(manifest) => {
            let is_side = |number: &u8| Digest::of(&side(*number)) == manifest.assets[1].sha256;
            (1..=9).find(is_side).unwrap().to_string()
        }
        Err(why) => why.clone(),
    };
    store.history(&id("u_1")).unwrap().iter().map(|past| (past.when.clone(), number(past))).collect()
}

fn ids(found: Vec<ElementId>) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn superseded_versions_are_listed_in_the_order_in_which_they_stood() {
    let bench = bench();
    // Later in the same second: its name has a number, and its time is later than that of a fourth.
    let store = bench.open().store;
    for (number, millis) in [(4, 900), (5, 100), (6, 200)] {
        let at = Time::from_unix_millis(1_700_000_300_000 + millis).unwrap();
        let candidate = candidate_at(&store, &id("u_1"), (number, at)).unwrap();
        assert_eq!(commit(&store, vec![candidate], Flusher::Never), [Ok(())]);
    }
    drop(store);
    for store in seen(&bench) {
        let listed = listed(&store);
        let numbers: Vec<_> = listed.iter().map(|(_, number)| number.as_str()).collect();
        assert_eq!(numbers, ["1", "2", "3", "5", "4"]);
        assert_eq!(listed[3].0, format!("{}-2", listed[4].0));
    }
}

#[test]
fn a_damaged_one_is_listed_in_its_place_with_what_is_wrong() {
    let other = format!("{}  manifest.json\n", "0".repeat(64));
    for (file, bytes, expected) in [
        ("manifest.json", Some("{"), "is damaged: EOF"),
        ("manifest.json", Some(r#"{"format": 2}"#), "can't be used: format 2 is newer"),
        ("manifest.json", None, "is missing"),
        ("SHA256SUMS", Some(other.as_str()), "is damaged: it is not the one that SHA256SUMS names"),
    ] {
        let bench = bench();
        match bytes {
            Some(bytes) => bench.write(&format!("{FIRST}/{file}"), bytes),
            None => std::fs::remove_file(bench.at(FIRST).join(file)).unwrap(),
        }
        for store in seen(&bench) {
            let listed = listed(&store);
            assert!(listed[0].1.starts_with(expected), "{listed:?}");
            assert_eq!(listed[1].1, "2");
        }
    }
}

#[test]
fn what_others_put_into_a_history_is_left_out() {
    let bench = bench();
    bench.write(".element-mirror/history/u_1/mine/manifest.json", "{}");
    bench.write(".element-mirror/history/u_1/20261123T080000Z/notes.txt", "mine");
    bench.write(".element-mirror/history/u_1/20261123T080001Z", "a file");
    std::fs::create_dir(bench.at(".element-mirror/history/u_1/20261123T080002Z")).unwrap();
    std::os::unix::fs::symlink("20231114T221420Z", bench.at(".element-mirror/history/u_1/20261123T080003Z")).unwrap();
    for store in seen(&bench) {
        assert_eq!(listed(&store).len(), 2);
    }
}

#[test]
fn a_link_in_the_place_of_a_history_is_not_followed() {
    let bench = bench();
    std::fs::rename(bench.at(".element-mirror/history/u_1"), bench.at("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", bench.at(".element-mirror/history/u_1")).unwrap();
    for store in seen(&bench) {
        assert_eq!(listed(&store), []);
    }
}

#[test]
fn every_element_is_walked_once_those_without_a_folder_too() {
    let bench = bench();
    let store = bench.open().store;
    assert_eq!(commit(&store, vec![candidate_of(&store, "u_2", 1).unwrap()], Flusher::Never), [Ok(())]);
    drop(store);
    bench.write(".element-mirror/history/u_3/20231114T221420Z/manifest.json", "{}");
    bench.write("a file", "no ID");
    bench.write("file", "no folder");
    bench.write("u_3", "in the place of an element");
    bench.write("no ID either/x", "");
    for store in seen(&bench) {
        assert_eq!(ids(store.elements_with_history().unwrap()), ["u_1", "u_3"]);
        assert_eq!(ids(store.all_elements().unwrap()), ["file", "u_1", "u_2", "u_3"]);
    }
}

#[test]
fn where_nothing_is_there_is_no_history_and_looking_makes_nothing() {
    let bench = Bench::new();
    let store = LocalStore::open_to_look(&bench.path(), Stop::default()).unwrap().store;
    assert_eq!((listed(&store), ids(store.all_elements().unwrap())), (vec![], vec![]));
    std::fs::create_dir(bench.path()).unwrap();
    let store = LocalStore::open_to_look(&bench.path(), Stop::default()).unwrap().store;
    assert_eq!((listed(&store), ids(store.all_elements().unwrap())), (vec![], vec![]));
    assert_eq!(bench.names(""), [""; 0]);
}
