//! What a destination is opened for, and when that is refused.

use super::place::Place;
use super::recipe::{Recipe, id};
use super::{assert_stands, commit_each, contents, naming, run};
use crate::error::ErrorKind;
use crate::event::Events;
use crate::layout::OWN;
use crate::store::overview::Index;
use crate::store::{Access, Destination as _};
use crate::time::Time;
use tokio_util::sync::CancellationToken;

const ALL: [Access; 4] = [Access::Write, Access::Change, Access::Read, Access::Look];

pub(super) fn nothing_is_no_mirror_and_a_look_at_it_finds_nothing_and_leaves_nothing<P: Place>(place: &P) {
    for access in [Access::Read, Access::Change] {
        assert!(place.open(access).is_err(), "{access:?}");
    }
    let store = place.open(Access::Look).unwrap_or_else(|error| panic!("{error}")).store;
    assert!(store.occupant(&id("u_1")).unwrap().standing().is_none());
    assert_eq!(store.standing_manifest(&id("u_1")).unwrap(), None);
    assert!(!store.is_known(&id("u_1")) && store.gone_since(&id("u_1")).unwrap().is_none());
    assert_eq!(place.list(), Vec::<String>::new());
}

pub(super) fn a_mirror_without_an_element_is_one<P: Place>(place: &P) {
    drop(run(place));
    assert_eq!(contents(place), [(format!("{OWN}/format"), b"1\n".to_vec())].into());
    for access in ALL {
        let store = place.open(access).unwrap_or_else(|error| panic!("{access:?}: {error}")).store;
        assert_eq!(store.all_elements().unwrap(), [], "{access:?}");
        assert_eq!(store.elements_with_history().unwrap(), [], "{access:?}");
    }
}

pub(super) fn whoever_reads_or_looks_writes_nothing<P: Place>(place: &P) {
    let version = Recipe::number(1);
    commit_each(place, std::slice::from_ref(&version));
    run(place).note_gone(&id("u_2"), Time::now()).unwrap();
    let before = contents(place);
    for access in [Access::Read, Access::Look] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{access:?}: {error}")).store;
        assert_eq!(store.all_elements().unwrap(), [id("u_1")], "{access:?}");
        assert!(store.occupant(&id("u_1")).unwrap().version().is_some(), "{access:?}");
        assert!(store.stage(&id("u_1")).is_err(), "{access:?}");
        assert!(store.committer(Events::channel(1).0, CancellationToken::new()).is_err(), "{access:?}");
        let refused = store.write_overview(&mut Index, || false, |_, _| ()).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Io, "{access:?}: {refused}");
        assert!(store.note_gone(&id("u_1"), Time::now()).is_err(), "{access:?}");
        assert!(store.clear_gone(&id("u_2")).is_err(), "{access:?}");
        drop(store);
        assert_eq!(contents(place), before, "{access:?}");
    }
    assert_stands(place, &version);
}

pub(super) fn a_newer_or_damaged_format_is_refused<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    for (text, words) in [("2\n", "newer"), ("one\n", "damaged")] {
        place.write(&format!("{OWN}/format"), text.as_bytes());
        let before = contents(place);
        for access in ALL {
            let said = place.open(access).err().unwrap_or_else(|| panic!("{access:?}")).to_string();
            assert!(said.contains(words), "{access:?}: {said}");
        }
        assert_eq!(contents(place), before);
    }
}

pub(super) fn a_mirror_without_its_format_is_one_by_its_elements<P: Place>(place: &P) {
    let version = Recipe::number(1);
    commit_each(place, std::slice::from_ref(&version));
    place.remove(&format!("{OWN}/format"));
    for access in [Access::Read, Access::Change] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{access:?}: {error}")).store;
        assert_eq!(store.all_elements().unwrap(), [id("u_1")], "{access:?}");
    }
    assert_eq!(place.read(&format!("{OWN}/format")), Some(b"1\n".to_vec()), "whoever changes it says the format");
    assert_stands(place, &version);
}

pub(super) fn strangers_alone_are_no_mirror<P: Place>(place: &P) {
    // The folder above a mirror, too.
    let manifest = Recipe::number(1).manifest(naming(place)).to_bytes();
    for (path, bytes) in [
        ("notes.txt", &b"mine"[..]),
        ("README", b"mine"),
        ("elements/format", b"1\n"),
        ("elements/u_1/manifest.json", &manifest),
        ("u_2/manifest.json", &manifest),
    ] {
        place.write(path, bytes);
    }
    let before = contents(place);
    for access in [Access::Read, Access::Change] {
        let said = place.open(access).err().unwrap_or_else(|| panic!("{access:?}")).to_string();
        assert!(said.contains("holds no mirror"), "{access:?}: {said}");
    }
    assert_eq!(contents(place), before);
}
