//! Superseded versions: which expire, and what is removed then.

use std::time::Duration;

use super::place::Place;
use super::recipe::{Recipe, id};
use super::{assert_past, assert_stands, commit_each, contents, naming, run};
use crate::error::ErrorKind;
use crate::keep::Keep;
use crate::layout::Naming;
use crate::store::Destination as _;

const HOUR: Duration = Duration::from_secs(3600);

fn keep(versions: u64) -> Keep {
    Keep { versions: Some(versions), within: None }
}

fn expired<P: Place>(place: &P, keep: &Keep) -> Vec<String> {
    let expired = run(place).expired(&id("u_1"), keep).unwrap();
    expired.into_iter().map(|past| past.when).collect()
}

/// Versions that were committed so many hours ago.
fn aged<const N: usize>(hours: [i64; N]) -> [Recipe; N] {
    let mut number = 0;
    hours.map(|hours| {
        number += 1;
        Recipe::number(number).hours_ago(hours)
    })
}

pub(super) fn versions_expire_by_the_rules<P: Place>(place: &P) {
    let versions = aged([400, 300, 200, 100]);
    commit_each(place, &versions);
    let whens = versions.each_ref().map(Recipe::when);
    assert_eq!(expired(place, &Keep::default()), Vec::<String>::new());
    assert_eq!(expired(place, &keep(3)), Vec::<String>::new());
    assert_eq!(expired(place, &keep(1)), whens[..2]);
    assert_eq!(expired(place, &keep(0)), whens[..3]);
    let within = Keep { versions: None, within: Some(250 * HOUR) };
    assert_eq!(expired(place, &within), whens[..1]);
    assert_eq!(expired(place, &Keep { versions: Some(3), ..within }), Vec::<String>::new());
    assert!(run(place).expired(&id("u_9"), &keep(0)).unwrap().is_empty());
}

pub(super) fn the_last_hours_are_kept_where_the_destination_has_to<P: Place>(place: &P) {
    // Superseded 50 hours ago, and two.
    let versions = aged([100, 50, 2]);
    commit_each(place, &versions);
    let whens = versions.each_ref().map(Recipe::when);
    let expected = match P::Store::LEAST_KEPT {
        None => &whens[..2],
        Some(least) => {
            assert_eq!(least, 24 * HOUR);
            &whens[..1]
        }
    };
    assert_eq!(expired(place, &keep(0)), expected);
    assert_eq!(expired(place, &Keep { versions: None, within: Some(HOUR) }), expected);
}

pub(super) fn what_expires_is_removed_and_nothing_else<P: Place>(place: &P) {
    let versions = aged([400, 300, 200, 100]);
    commit_each(place, &versions);
    commit_each(place, &[Recipe::of("u_2", 1).hours_ago(400), Recipe::of("u_2", 2).hours_ago(300)]);
    place.write("u_1/notes.txt", b"mine");
    place.write("u_1/cover.txt", b"mine");
    let before = contents(place);
    let store = run(place);
    let expired = store.expired(&id("u_1"), &keep(1)).unwrap();
    let mut told = Vec::new();
    store.prune(&id("u_1"), &expired, |past| told.push(past.when.clone())).unwrap();
    assert_eq!(told, versions[..2].iter().map(Recipe::when).collect::<Vec<_>>());
    assert_past(place, &store, &versions[2..3]);
    assert_stands(place, &versions[3]);
    drop(store);
    let gone = versions[..2].iter().map(|version| format!(".element-mirror/history/u_1/{}/", version.when()));
    let gone: Vec<_> = gone.collect();
    let mut expected = before;
    // What a bucket has just got is young, and stays for now.
    expected.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    assert_eq!(contents(place), expected);
    let store = run(place);
    store.prune(&id("u_1"), &[], |_| panic!("there is none")).unwrap();
    assert_past(place, &store, &[Recipe::of("u_2", 1).hours_ago(400)]);
}

pub(super) fn nothing_expires_beside_a_manifest_that_cant_be_read<P: Place>(place: &P) {
    commit_each(place, &aged([400, 300, 200]));
    place.write("u_1/manifest.json", b"{");
    let before = contents(place);
    let store = run(place);
    assert_eq!(store.expired(&id("u_1"), &keep(0)).err().map(|failure| failure.kind), Some(ErrorKind::Damaged));
    drop(store);
    assert_eq!(contents(place), before);
}

pub(super) fn what_others_put_into_the_history_is_passed_over<P: Place>(place: &P) {
    let versions = aged([400, 300]);
    commit_each(place, &versions);
    for path in ["notes.txt", "notes/manifest.json", "20261123T080000Z-1/manifest.json", "20261123T080000Z/notes.txt"] {
        place.write(&format!(".element-mirror/history/u_1/{path}"), b"mine");
    }
    place.write(".element-mirror/history/no id/20261123T080000Z/manifest.json", b"mine");
    let store = run(place);
    assert_past(place, &store, &versions[..1]);
    assert_eq!(store.elements_with_history().unwrap(), [id("u_1")]);
    // One that can't be read is told, and never expires.
    let kept = format!(".element-mirror/history/u_1/{}/manifest.json", versions[0].when());
    drop(store);
    place.write(&kept, b"{");
    let store = run(place);
    let past = store.history(&id("u_1")).unwrap();
    assert!(past.len() == 1 && past[0].manifest.is_err() && past[0].size().is_none());
    assert!(store.expired(&id("u_1"), &keep(0)).unwrap().is_empty());
    if naming(place) == Naming::ByContent {
        // It may name any of the objects.
        assert_eq!(store.prune(&id("u_1"), &past, |_| ()).err().map(|failure| failure.kind), Some(ErrorKind::Damaged));
        assert_eq!(place.read(&kept), Some(b"{".to_vec()));
    }
}
