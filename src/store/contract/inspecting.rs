//! Files that are not as their manifest says: found, and healed where their bytes are to be had.

use std::sync::atomic::Ordering::Relaxed;

use super::place::Place;
use super::recipe::{Recipe, cover, id};
use super::{assert_past, assert_stands, commit_each, contents, is_aside, naming, run};
use crate::event::Counters;
use crate::layout::{Naming, SUMS};
use crate::store::inspect::{Defect, Depth, Inspection};
use crate::store::standing::{Holds, Occupant};
use crate::store::{Access, Destination};

const DEEP: Depth = Depth { history: true, quick: false };

fn inspect<S: Destination>(store: &S, depth: Depth) -> Inspection<S::Handle> {
    store.inspect(&id("u_1"), depth, &Counters::default()).unwrap()
}

/// The flaws, each by the version's place in the history, the file and the defect.
fn flaws<P>(inspection: &Inspection<P>) -> Vec<(Option<String>, String, Defect)> {
    let flaws = inspection.versions().flat_map(|version| version.flaws.iter().map(|flaw| (version.when.clone(), flaw)));
    let mut flaws: Vec<_> = flaws.map(|(when, flaw)| (when, flaw.file.clone(), flaw.defect.clone())).collect();
    flaws.sort_by_key(|(when, file, _)| (when.clone(), file.clone()));
    flaws
}

pub(super) fn what_is_whole_has_no_flaws<P: Place>(place: &P) {
    commit_each(place, &[1, 2].map(Recipe::number));
    let before = contents(place);
    for access in [Access::Read, Access::Change] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{error}")).store;
        assert!(store.inspections() > 0);
        for depth in [Depth::default(), DEEP, Depth { history: true, quick: true }] {
            let counters = Counters::default();
            let inspection = store.inspect(&id("u_1"), depth, &counters).unwrap();
            assert_eq!(flaws(&inspection), [], "{depth:?}");
            assert_eq!(inspection.remains, None, "{depth:?}");
            assert_eq!(inspection.past.len(), usize::from(depth.history), "{depth:?}");
            let standing = inspection.standing.unwrap();
            assert_eq!(standing.manifest, Some(Recipe::number(2).manifest(naming(place))), "{depth:?}");
            let read = counters.read.load(Relaxed);
            assert_eq!(read > 0, !depth.quick, "{depth:?}: {read} bytes");
        }
        let nobody = store.inspect(&id("u_9"), DEEP, &Counters::default()).unwrap();
        assert!(nobody.standing.is_none() && nobody.remains.is_none() && nobody.past.is_empty());
    }
    assert_eq!(contents(place), before);
}

pub(super) fn each_defect_is_found<P: Place>(place: &P) {
    let version = Recipe::number(1).with("back.png", b"the back".to_vec());
    commit_each(place, std::slice::from_ref(&version));
    let name = |plain: &str| version.name(naming(place), plain);
    place.remove(&format!("u_1/{}", name("back.png")));
    place.write(&format!("u_1/{}", name("cover.png")), b"cut");
    place.write(&format!("u_1/{}", name("side.png")), b"THE SIDE OF VERSION 1");
    let store = place.open(Access::Read).unwrap_or_else(|error| panic!("{error}")).store;
    let expected = [
        (None, name("back.png"), Defect::Missing),
        (None, name("cover.png"), Defect::Size { found: 3, expected: cover().len() as u64 }),
        (None, name("side.png"), Defect::Bytes),
    ];
    assert_eq!(flaws(&inspect(&store, Depth::default())), expected);
    let inspection = inspect(&store, Depth::default());
    let standing = inspection.standing.unwrap();
    let known = standing.manifest.unwrap();
    for flaw in standing.flaws {
        let known = known.own_files().find(|known| known.name == flaw.file).unwrap();
        assert_eq!(flaw.digest, Some(known.sha256));
    }
}

pub(super) fn a_quick_look_tells_sizes_but_not_bytes<P: Place>(place: &P) {
    let version = Recipe::number(1);
    commit_each(place, std::slice::from_ref(&version));
    let (cover, side) = (version.name(naming(place), "cover.png"), version.name(naming(place), "side.png"));
    place.write(&format!("u_1/{cover}"), b"cut");
    place.write(&format!("u_1/{side}"), b"THE SIDE OF VERSION 1");
    let store = place.open(Access::Read).unwrap_or_else(|error| panic!("{error}")).store;
    let found = flaws(&inspect(&store, Depth { history: false, quick: true }));
    assert!(matches!(&found[..], [(None, file, Defect::Size { found: 3, .. })] if *file == cover), "{found:?}");
}

pub(super) fn a_defect_of_a_superseded_version_is_found_where_that_is_asked<P: Place>(place: &P) {
    let versions = [1, 2].map(Recipe::number);
    commit_each(place, &versions);
    let side = versions[0].name(naming(place), "side.png");
    place.write(&past_file(place, &versions[0], "side.png"), b"THE SIDE OF VERSION 1");
    let store = place.open(Access::Read).unwrap_or_else(|error| panic!("{error}")).store;
    assert_eq!(flaws(&inspect(&store, Depth::default())), []);
    assert_eq!(flaws(&inspect(&store, DEEP)), [(Some(versions[0].when()), side, Defect::Bytes)]);
}

/// Where a file of a superseded version is.
fn past_file<P: Place>(place: &P, version: &Recipe, plain: &str) -> String {
    let (id, file) = (&version.id, version.name(naming(place), plain));
    match naming(place) {
        Naming::Plain => format!(".element-mirror/history/{id}/{}/{file}", version.when()),
        Naming::ByContent => format!("{id}/{file}"),
    }
}

pub(super) fn what_another_file_has_heals_a_flaw_and_the_damage_is_kept_aside<P: Place>(place: &P) {
    // The same bytes under two names.
    let versions = [Recipe::number(1), Recipe::number(2).with("back.png", cover())];
    commit_each(place, &versions);
    // In a bucket that is the cover of both versions.
    place.write(&format!("u_1/{}", versions[1].name(naming(place), "cover.png")), b"edited");
    let store = place.open(Access::Change).unwrap_or_else(|error| panic!("{error}")).store;
    let mut inspection = inspect(&store, DEEP);
    assert!(!flaws(&inspection).is_empty());
    store.heal(&id("u_1"), &mut inspection).unwrap();
    assert_eq!(flaws(&inspection), []);
    assert_eq!(flaws(&inspect(&store, DEEP)), []);
    assert_stands(place, &versions[1]);
    assert_past(place, &store, &versions[..1]);
    assert!(is_aside(place, b"edited"), "{:#?}", place.list());
}

pub(super) fn what_is_damaged_itself_heals_nothing<P: Place>(place: &P) {
    let version = Recipe::number(1).with("back.png", cover());
    commit_each(place, std::slice::from_ref(&version));
    let [front, back] = ["cover.png", "back.png"].map(|plain| format!("u_1/{}", version.name(naming(place), plain)));
    place.write(&front, b"cut");
    // Which a quick look does not see.
    place.write(&back, &cover().to_ascii_uppercase());
    for quick in [true, false] {
        let store = place.open(Access::Change).unwrap_or_else(|error| panic!("{error}")).store;
        let mut inspection = inspect(&store, Depth { history: true, quick });
        let expected = flaws(&inspection);
        assert_eq!(expected.len(), if quick { 1 } else { 2 });
        store.heal(&id("u_1"), &mut inspection).unwrap();
        assert_eq!(flaws(&inspection), expected);
        drop(store);
        assert_eq!(place.read(&front), Some(b"cut".to_vec()));
        assert_eq!(place.read(&back), Some(cover().to_ascii_uppercase()));
    }
}

pub(super) fn what_nothing_else_has_stays_flawed<P: Place>(place: &P) {
    let versions = [1, 2].map(Recipe::number);
    commit_each(place, &versions);
    let side = versions[1].name(naming(place), "side.png");
    place.write(&format!("u_1/{side}"), b"edited");
    let store = place.open(Access::Change).unwrap_or_else(|error| panic!("{error}")).store;
    let mut inspection = inspect(&store, DEEP);
    let expected = flaws(&inspection);
    assert!(matches!(&expected[..], [(None, file, Defect::Size { .. })] if *file == side), "{expected:?}");
    store.heal(&id("u_1"), &mut inspection).unwrap();
    assert_eq!(flaws(&inspection), expected);
    assert_eq!(place.read(&format!("u_1/{side}")), Some(b"edited".to_vec()), "it stays in its place");
    // A run that does not trust what it finds fetches that alone.
    let mut occupant = store.occupant(&id("u_1")).unwrap();
    if let Occupant::Version(version) = &mut occupant {
        version.checked.damaged = vec![side];
    }
    let again = Recipe::number(2).at_the_time_of(&Recipe::number(3));
    let candidate = again.stage_against(&store, occupant).unwrap();
    assert_eq!(super::recipe::commit(&store, candidate).0, Ok(()));
    assert_stands(place, &again);
    assert!(is_aside(place, b"edited"), "{:#?}", place.list());
    assert_eq!(flaws(&inspect(&store, DEEP)), []);
}

pub(super) fn checksums_are_written_anew<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    let sums = place.read(&format!("u_1/{SUMS}")).unwrap();
    for is_removed in [false, true] {
        match is_removed {
            true => place.remove(&format!("u_1/{SUMS}")),
            false => place.write(&format!("u_1/{SUMS}"), b"edited"),
        }
        let store = place.open(Access::Change).unwrap_or_else(|error| panic!("{error}")).store;
        let mut inspection = inspect(&store, Depth::default());
        store.heal(&id("u_1"), &mut inspection).unwrap();
        assert_eq!(flaws(&inspection), []);
        drop(store);
        assert_eq!(place.read(&format!("u_1/{SUMS}")), Some(sums.clone()));
    }
    assert_stands(place, &Recipe::number(1));
}

pub(super) fn a_lost_manifest_is_told_and_replaced<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    place.remove("u_1/manifest.json");
    let store = run(place);
    let inspection = inspect(&store, Depth::default());
    assert!(inspection.standing.is_none());
    assert!(matches!(inspection.remains, Some(Holds::NoManifest(_))), "{:?}", inspection.remains);
    assert_eq!(store.standing_manifest(&id("u_1")).unwrap().and_then(Result::ok), None);
    assert_eq!(Recipe::number(2).commit(&store), Ok(()));
    assert_stands(place, &Recipe::number(2));
}
