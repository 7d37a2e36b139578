//! What is found where: elements, notes, manifests that are no good, the index.

use super::place::Place;
use super::recipe::{Recipe, id};
use super::{assert_stands, commit_each, contents, is_aside, naming, run};
use crate::element::ElementId;
use crate::error::ErrorKind;
use crate::event::Counters;
use crate::layout::INDEX;
use crate::store::inspect::Depth;
use crate::store::overview::Index;
use crate::store::standing::{Holds, Occupant};
use crate::store::{Access, Destination as _};
use crate::time::Time;

pub(super) fn elements_are_named_once_and_in_order<P: Place>(place: &P) {
    for name in ["u_2", "u_10", "u-3", "u_1"] {
        commit_each(place, &[1, 2].map(|number| Recipe::of(name, number)));
    }
    // One that has a past alone, one that has none, and what is none.
    commit_each(place, &[1, 2].map(|number| Recipe::of("u_5", number)));
    place.list().iter().filter(|path| path.starts_with("u_5/")).for_each(|path| place.remove(path));
    commit_each(place, &[Recipe::of("u_6", 1)]);
    place.write("no id/manifest.json", b"{}");
    place.write(".hidden/manifest.json", b"{}");
    let ids = |names: &[&str]| names.iter().map(|name| id(name)).collect::<Vec<_>>();
    for access in [Access::Write, Access::Read] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{error}")).store;
        assert_eq!(store.all_elements().unwrap(), ids(&["u-3", "u_1", "u_10", "u_2", "u_5", "u_6"]));
        assert_eq!(store.elements_with_history().unwrap(), ids(&["u-3", "u_1", "u_10", "u_2", "u_5"]));
        assert!(store.is_known(&id("u_5")) && !store.is_known(&id("u_7")));
        assert!(store.occupant(&id("u_5")).unwrap().standing().is_none());
    }
}

pub(super) fn a_note_that_an_element_is_gone_outlives_the_run_until_it_is_back<P: Place>(place: &P) {
    let since = Time::from_rfc3339("2026-11-23T08:00:00Z").unwrap();
    let store = run(place);
    store.note_gone(&id("u_1"), since).unwrap();
    store.note_gone(&id("u_2"), since).unwrap();
    assert_eq!(store.gone_since(&id("u_1")).unwrap(), Some(since));
    drop(store);
    for access in [Access::Read, Access::Look, Access::Write] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{error}")).store;
        assert_eq!(
            [store.gone_since(&id("u_1")).unwrap(), store.gone_since(&id("u_3")).unwrap()],
            [Some(since), None],
            "{access:?}"
        );
        assert!(store.is_known(&id("u_1")) && !store.is_known(&id("u_3")), "{access:?}");
    }
    let store = run(place);
    store.clear_gone(&id("u_1")).unwrap();
    store.clear_gone(&id("u_3")).unwrap();
    assert_eq!(store.gone_since(&id("u_1")).unwrap(), None);
    drop(store);
    let store = run(place);
    assert_eq!([store.gone_since(&id("u_1")).unwrap(), store.gone_since(&id("u_2")).unwrap()], [None, Some(since)]);
}

pub(super) fn a_manifest_that_cant_be_read_is_replaced_and_kept_aside<P: Place>(place: &P) {
    let garbage = b"{\"format\": 1, ";
    commit_each(place, &[Recipe::number(1)]);
    place.write("u_1/manifest.json", garbage);
    let store = run(place);
    let occupant = store.occupant(&id("u_1")).unwrap();
    let Occupant::Remains(remains) = &occupant else { panic!("no remains") };
    assert!(matches!(&remains.holds, Holds::BadManifest(why) if why.contains("manifest.json")), "{:?}", remains.holds);
    assert!(occupant.is_damaged());
    assert!(matches!(store.standing_manifest(&id("u_1")).unwrap(), Some(Err(_))));
    let inspection = store.inspect(&id("u_1"), Depth::default(), &Counters::default()).unwrap();
    assert!(matches!(inspection.remains, Some(Holds::BadManifest(_))) && inspection.standing.is_none());
    assert_eq!(Recipe::number(2).commit(&store), Ok(()));
    assert_stands(place, &Recipe::number(2));
    assert!(is_aside(place, garbage), "{:#?}", place.list());
    assert!(store.history(&id("u_1")).unwrap().is_empty());
}

pub(super) fn a_file_that_is_lost_or_cut_is_damage_and_the_next_commit_makes_it_good<P: Place>(place: &P) {
    let version = Recipe::number(1);
    commit_each(place, std::slice::from_ref(&version));
    // Strangers' files are none of ours, nor are those of an ID that begins alike.
    ["u_1/x/cover.png", "u_1/notes.txt", "u_10/notes.txt"].iter().for_each(|path| place.write(path, b"mine"));
    for (file, bytes) in version.files(naming(place)) {
        for cut in [None, Some(&bytes[..bytes.len() - 1])] {
            let path = format!("u_1/{file}");
            match cut {
                None => place.remove(&path),
                Some(bytes) => place.write(&path, bytes),
            }
            for access in [Access::Look, Access::Write] {
                let store = place.open(access).unwrap_or_else(|error| panic!("{error}")).store;
                let occupant = store.occupant(&id("u_1")).unwrap();
                assert!(occupant.is_damaged());
                assert_eq!(occupant.standing().unwrap().damaged, std::slice::from_ref(&file), "{access:?}");
            }
            commit_each(place, std::slice::from_ref(&version));
            assert_stands(place, &version);
            assert!(!run(place).occupant(&id("u_1")).unwrap().is_damaged());
            assert!(cut.is_none_or(|cut| is_aside(place, cut)), "{:#?}", place.list());
        }
    }
}

pub(super) fn a_newer_manifest_and_that_of_another_element_are_not_touched<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    let ours = String::from_utf8(place.read("u_1/manifest.json").unwrap()).unwrap();
    let newer = ours.replace("\"format\": 1", "\"format\": 2");
    let others = ours.replace("\"u_1\"", "\"u_2\"");
    for (text, kind) in [(newer, ErrorKind::NewerFormat), (others, ErrorKind::FolderTaken)] {
        assert_ne!(text, ours);
        place.write("u_1/manifest.json", text.as_bytes());
        let before = contents(place);
        let store = run(place);
        assert_eq!(store.occupant(&id("u_1")).err().map(|failure| failure.kind), Some(kind));
        let inspected = store.inspect(&id("u_1"), Depth::default(), &Counters::default());
        assert_eq!(inspected.err().map(|failure| failure.kind), Some(kind));
        assert!(matches!(store.standing_manifest(&id("u_1")).unwrap(), Some(Err(_))), "{kind}");
        drop(store);
        assert_eq!(contents(place), before);
    }
}

fn write_index<P: Place>(place: &P) -> Vec<(ElementId, String)> {
    let mut left_out = Vec::new();
    run(place).write_overview(&mut Index, || false, |id, why| left_out.push((id.clone(), why))).unwrap();
    left_out
}

pub(super) fn the_index_has_a_line_for_each_manifest_that_can_be_read<P: Place>(place: &P) {
    assert_eq!(write_index(place), []);
    assert_eq!(place.read(INDEX), Some(Vec::new()));
    let names = ["u_10", "u_2", "u_1"];
    names.iter().for_each(|name| commit_each(place, &[Recipe::of(name, 1)]));
    place.write("strangers/notes.txt", b"mine");
    let lines = |of: &[&str]| -> Vec<u8> {
        of.iter().flat_map(|name| Recipe::of(name, 1).manifest(naming(place)).to_line()).collect()
    };
    assert_eq!(write_index(place), []);
    assert_eq!(place.read(INDEX), Some(lines(&["u_1", "u_10", "u_2"])));
    place.write("u_10/manifest.json", b"{");
    let left_out = write_index(place);
    assert!(matches!(&left_out[..], [(left, why)] if *left == id("u_10") && why.contains("damaged")), "{left_out:?}");
    assert_eq!(place.read(INDEX), Some(lines(&["u_1", "u_2"])));
    assert!(!place.list().iter().any(|path| path.contains("staging")), "{:?}", place.list());
}

pub(super) fn an_index_that_is_interrupted_leaves_the_old_one<P: Place>(place: &P) {
    commit_each(place, &[Recipe::of("u_1", 1)]);
    write_index(place);
    commit_each(place, &[Recipe::of("u_2", 1)]);
    let before = contents(place);
    let store = run(place);
    let asked = std::cell::Cell::new(0);
    let is_over = || asked.replace(asked.get() + 1) > 0;
    assert_eq!(store.write_overview(&mut Index, is_over, |_, _| ()).unwrap_err().kind, ErrorKind::Interrupted);
    assert_eq!(contents(place), before);
    // The same run may well be asked for it again.
    store.write_overview(&mut Index, || false, |_, _| ()).unwrap();
    assert_eq!(place.read(INDEX).unwrap().iter().filter(|byte| **byte == b'\n').count(), 2);
}
