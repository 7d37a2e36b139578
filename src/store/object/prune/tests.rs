//! Pruning: what goes, what stays, and that nothing that is named is lost where it is killed or overtaken at any call.

use std::collections::BTreeSet;

use super::*;
use crate::keep::Keep;
use crate::outcome::End;
use crate::stop::Stop;
use crate::store::Destination as _;
use crate::store::contract::recipe::Recipe;
use crate::store::object::bench::{Bench, only};
use crate::store::object::faulty::{Fault, Faulty};

const NOTHING_BUT_YOUNG: Keep = Keep { versions: Some(0), within: None };
const ONE: Keep = Keep { versions: Some(1), within: None };

/// A bucket in which versions were committed so many hours ago; their objects are two days old.
fn bench<const N: usize>(hours: [i64; N]) -> (Bench, Vec<Recipe>) {
    let bench = Bench::new();
    let versions: Vec<_> = (1..).zip(hours).map(|(number, hours)| Recipe::number(number).hours_ago(hours)).collect();
    bench.commit(&versions);
    bench.age();
    (bench, versions)
}

fn prune(store: &BucketStore, keep: &Keep) -> Result<Vec<String>, Failure> {
    let id = Recipe::number(1).id;
    let mut told = Vec::new();
    let expired = store.expired(&id, keep)?;
    store.prune(&id, &expired, |past| told.push(past.when.clone())).map(|()| told)
}

/// All that a mirror holds in which these versions were not pruned, the last of which stands.
fn paths_of(versions: &[Recipe]) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> =
        [".element-mirror/format", "u_1/manifest.json", "u_1/SHA256SUMS"].map(str::to_owned).into();
    let (_, past) = versions.split_last().unwrap();
    paths.extend(past.iter().map(|version| format!(".element-mirror/history/u_1/{}/manifest.json", version.when())));
    let files = versions.iter().flat_map(|version| version.files(Naming::ByContent));
    paths.extend(files.map(|(file, _)| format!("u_1/{file}")));
    paths
}

fn paths(bench: &Bench) -> BTreeSet<String> {
    bench.objects().into_keys().collect()
}

fn name(recipe: &Recipe, plain: &str) -> String {
    format!("u_1/{}", recipe.name(Naming::ByContent, plain))
}

#[test]
fn what_no_manifest_names_any_more_goes_and_all_else_stays() {
    let (bench, versions) = bench([400, 300, 200]);
    let hex = "0123456789abcdef0123456789abcdef";
    // A killed run's object, a stranger's ones, and one in a folder.
    bench.write(&format!("u_1/voice.{hex}.mp3"), b"left");
    let strangers =
        ["u_1/notes.txt", "u_1/cover.png", &format!("u_1/notes.{hex}.png"), &format!("u_1/x/cover.{hex}.png")];
    strangers.iter().for_each(|path| bench.write(path, b"mine"));
    bench.age();
    let young = format!("u_1/cover.{hex}.png");
    bench.write(&young, b"another run's");
    assert_eq!(prune(&bench.run(), &ONE).unwrap(), [versions[0].when()]);
    let mut expected = paths_of(&versions[1..]);
    expected.extend(strangers.map(str::to_owned));
    expected.insert(young);
    assert_eq!(paths(&bench), expected);
    bench.assert_whole("after pruning");
    bench.assert_stands(&versions[2], "after pruning");
}

#[test]
fn names_of_a_pruned_version_go_whatever_they_are_called() {
    let bench = Bench::new();
    let odd = Recipe::number(1).hours_ago(400).with("left-hand.png", b"the left hand".to_vec());
    let versions = [odd, Recipe::number(2).hours_ago(300), Recipe::number(3).hours_ago(200)];
    bench.commit(&versions);
    bench.age();
    prune(&bench.run(), &ONE).unwrap();
    assert_eq!(paths(&bench), paths_of(&versions[1..]));
}

#[test]
fn young_objects_stay_and_so_do_those_of_a_version_that_was_superseded_within_the_last_day() {
    let (bench, versions) = bench([100, 50, 2]);
    assert_eq!(prune(&bench.run(), &NOTHING_BUT_YOUNG).unwrap(), [versions[0].when()]);
    assert_eq!(paths(&bench), paths_of(&versions[1..]));
    let bench = Bench::new();
    let versions = [400, 300].map(|hours| Recipe::number(u8::try_from(hours / 100).unwrap()).hours_ago(hours));
    bench.commit(&versions);
    let before = paths(&bench);
    assert_eq!(prune(&bench.run(), &NOTHING_BUT_YOUNG).unwrap(), [versions[0].when()]);
    let manifest = format!(".element-mirror/history/u_1/{}/manifest.json", versions[0].when());
    assert_eq!(before.difference(&paths(&bench)).collect::<Vec<_>>(), [&manifest], "its objects were put just now");
}

#[test]
fn nothing_goes_where_a_manifest_is_lost_or_cant_be_read() {
    for damaged in ["u_1/manifest.json", "history"] {
        let (bench, versions) = bench([400, 300, 200]);
        let kept = format!(".element-mirror/history/u_1/{}/manifest.json", versions[1].when());
        let store = bench.run();
        let id = Recipe::number(1).id;
        let expired = store.expired(&id, &ONE).unwrap();
        bench.write(if damaged == "history" { &kept } else { damaged }, b"{");
        let before = bench.objects();
        let done = store.prune(&id, &expired, |_| ());
        assert_eq!(done.unwrap_err().kind, ErrorKind::Damaged, "{damaged}");
        let objects = bench.objects();
        let gone: Vec<_> = before.keys().filter(|path| !objects.contains_key(*path)).collect();
        assert!(gone.iter().all(|path| path.ends_with("manifest.json")), "{damaged}: {gone:?}");
    }
}

#[test]
fn a_pruning_that_goes_wrong_at_any_call_tears_nothing_and_what_it_left_goes_with_the_next() {
    for fault in Fault::ALL {
        for number in 0.. {
            let context = format!("{fault:?} at {number}");
            let (bench, versions) = bench([400, 300, 200]);
            let (store, client) = bench.faulty_run();
            client.fail(number, fault);
            let done = prune(&store, &ONE);
            let is_reached = client.end();
            let context = format!("{context}: {:?}", client.calls().get(number));
            bench.assert_whole(&context);
            bench.assert_stands(&versions[2], &context);
            let needed = paths_of(&versions[1..]);
            assert!(paths(&bench).is_superset(&needed), "{context}");
            if done.is_ok() && !matches!(fault, Fault::Refuses | Fault::RefusesThough) {
                assert_eq!(paths(&bench), needed, "{context}");
            }
            assert!(prune(&bench.run(), &ONE).is_ok(), "{context}");
            assert_eq!(paths(&bench), needed, "{context}");
            bench.assert_whole(&context);
            if !is_reached {
                assert!(done.is_ok(), "{context}");
                break;
            }
        }
    }
}

/// Lets a run commit `other` right before each call of a pruning; the calls before which that tore something.
fn overtake_everywhere(other: &Recipe) -> Vec<String> {
    let mut torn = Vec::new();
    for number in 0.. {
        let (bench, versions) = bench([400, 300, 200]);
        let (store, client) = bench.faulty_run();
        let (others, version) = (bench.clone(), other.clone());
        client.before(number, move || others.commit(&[version]));
        let done = prune(&store, &NOTHING_BUT_YOUNG);
        assert!(done.is_ok(), "{number}: {done:?}");
        if !client.end() {
            return torn;
        }
        let call = only(&client.calls(), &["get", "head", "list", "folders", "delete"])[number].clone();
        if bench.manifests().iter().any(|(_, _, bad)| !bad.is_empty()) {
            torn.push(call);
            continue;
        }
        bench.assert_stands(other, &call);
        // The version that stood until then is superseded since a moment ago.
        let past = bench.run().history(&other.id).unwrap();
        assert!(past.iter().any(|past| past.when == versions[2].when()), "{call}");
    }
    torn
}

#[test]
fn whatever_a_run_commits_meanwhile_is_whole_and_so_is_what_it_supersedes() {
    let other = Recipe::number(4).hours_ago(0);
    assert_eq!(overtake_everywhere(&other), Vec::<String>::new());
}

#[test]
fn an_object_that_a_run_puts_again_stays_unless_that_is_in_the_moment_before_its_removal() {
    // The very objects that the pruning is about to remove.
    let again = Recipe::number(1).hours_ago(0);
    let doomed = ["side.png", "element.json"].map(|plain| format!("delete {}", name(&again, plain)));
    let torn = overtake_everywhere(&again);
    assert_eq!(BTreeSet::from_iter(torn), doomed.into());
}

#[test]
fn a_run_is_whole_that_puts_again_what_is_pruned_before_any_of_its_calls() {
    let again = Recipe::number(1).hours_ago(0);
    for number in 0.. {
        let (bench, _) = bench([400, 300, 200]);
        let (store, client) = bench.faulty_run();
        let pruning = bench.clone();
        client.before(number, move || drop(prune(&pruning.run(), &NOTHING_BUT_YOUNG)));
        assert_eq!(again.commit(&store), Ok(()), "{number}");
        bench.assert_whole(&format!("pruned at {number}"));
        bench.assert_stands(&again, &format!("pruned at {number}"));
        if !client.end() {
            break;
        }
    }
}

#[test]
fn two_prunings_get_on_wherever_they_meet() {
    for number in 0.. {
        let (bench, versions) = bench([400, 300, 200]);
        let (store, client) = bench.faulty_run();
        let other = bench.clone();
        client.before(number, move || drop(prune(&other.run(), &ONE).unwrap()));
        let done = prune(&store, &ONE);
        assert!(done.is_ok(), "{number}: {done:?}");
        assert_eq!(paths(&bench), paths_of(&versions[1..]), "{number}");
        if !client.end() {
            break;
        }
    }
}

#[test]
fn a_pruning_that_ends_leaves_the_rest() {
    let (bench, versions) = bench([400, 300, 200]);
    let stop = Stop::default();
    let store = bench.open_until(&Faulty::of(&bench.world), &stop).unwrap_or_else(|error| panic!("{error}"));
    let expired = store.expired(&Recipe::number(1).id, &NOTHING_BUT_YOUNG).unwrap();
    stop.end(End::Signal(15));
    let done = store.prune(&Recipe::number(1).id, &expired, |_| panic!("none is gone"));
    assert_eq!(done.unwrap_err().kind, ErrorKind::Interrupted);
    assert_eq!(paths(&bench), paths_of(&versions));
}
