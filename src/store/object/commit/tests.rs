//! A commit that is killed, cut off, answered wrongly or interrupted at each of its calls in turn.

mod overtaken;

use std::collections::BTreeSet;

use object_store::ObjectStoreExt as _;

use super::*;
use crate::error::ErrorKind;
use crate::layout::{MANIFEST, Naming};
use crate::outcome::End;
use crate::stop::Stop;
use crate::store::Destination as _;
use crate::store::contract::recipe::{RUNTIME, Recipe, commit as commit_telling, commit_all};
use crate::store::object::bench::{Bench, is_conflict, only};
use crate::store::object::faulty::{Conditions, Fault, Faulty};

const WRITES: [&str; 7] = ["put", "put-if", "copy", "delete", "begin", "part", "complete"];

/// What stood before the commit of version 2.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    /// Nothing, but objects that a killed run left, and one of them cut.
    Litter,
    Version,
    /// A version, an object of which was edited: the new one does not name that.
    Damaged,
    /// The same version that is committed again, an object of which was edited.
    Same,
    /// A manifest that can't be read.
    BadManifest,
    /// A folder's mirror that was copied: the names don't say the bytes.
    Copied,
}

const ALL: [Before; 7] = [
    Before::Nothing,
    Before::Litter,
    Before::Version,
    Before::Damaged,
    Before::Same,
    Before::BadManifest,
    Before::Copied,
];

fn name(recipe: &Recipe, plain: &str) -> String {
    format!("u_1/{}", recipe.name(Naming::ByContent, plain))
}

impl Before {
    fn bench(self, conditions: Conditions) -> Bench {
        let (bench, old, new) = (Bench::with(conditions), Recipe::number(1), Recipe::number(2));
        match self {
            Self::Nothing => drop(bench.run()),
            Self::Litter => {
                new.files(Naming::ByContent)
                    .iter()
                    .for_each(|(file, bytes)| bench.write(&format!("u_1/{file}"), bytes));
                bench.write(&name(&new, "side.png"), b"cut");
            }
            Self::Version => bench.commit(&[old]),
            Self::Damaged => {
                bench.commit(std::slice::from_ref(&old));
                bench.write(&name(&old, "side.png"), b"edited");
            }
            Self::Same => {
                bench.commit(std::slice::from_ref(&new));
                bench.write(&name(&new, "side.png"), b"edited");
            }
            Self::BadManifest => {
                bench.commit(&[old]);
                bench.write("u_1/manifest.json", b"{ edited");
            }
            Self::Copied => {
                let manifest = old.manifest(Naming::Plain);
                let files = old.files(Naming::Plain).into_iter().chain([
                    (MANIFEST.to_owned(), manifest.to_bytes()),
                    (SUMS.to_owned(), manifest.sums_of_data().into_bytes()),
                ]);
                files.for_each(|(file, bytes)| bench.write(&format!("u_1/{file}"), &bytes));
            }
        }
        bench
    }

    /// Stages version 2, as a run does that has found out what is damaged.
    fn stage(self, store: &BucketStore) -> Result<Candidate, Failure> {
        let (old, new) = (Recipe::number(1), Recipe::number(2));
        let mut occupant = store.occupant(&new.id)?;
        if let Occupant::Version(version) = &mut occupant {
            let side = match self {
                Self::Damaged => Some(old.name(Naming::ByContent, "side.png")),
                Self::Same => Some(new.name(Naming::ByContent, "side.png")),
                _ => None,
            };
            // What stands may be the new version already.
            let is_named = |side: &String| version.checked.manifest.own_files().any(|file| file.name == side);
            version.checked.damaged.extend(side.filter(is_named));
        }
        new.stage_against(store, occupant)
    }

    fn commit(self, store: &BucketStore) -> (Result<(), Failure>, Vec<String>) {
        match self.stage(store) {
            Ok(candidate) => commit_telling(store, candidate),
            Err(failure) => (Err(failure), Vec::new()),
        }
    }

    /// What must hold at any moment.
    #[track_caller]
    fn check(self, bench: &Bench, context: &str) {
        let (old, new) = (Recipe::number(1), Recipe::number(2));
        let objects = bench.objects();
        let stands = objects.get("u_1/manifest.json").cloned();
        let is_new = stands == Some(new.manifest(Naming::ByContent).to_bytes());
        let expected = match self {
            Self::Nothing | Self::Litter => None,
            Self::Version | Self::Damaged => Some(old.manifest(Naming::ByContent).to_bytes()),
            Self::Same => Some(new.manifest(Naming::ByContent).to_bytes()),
            Self::BadManifest => Some(b"{ edited".to_vec()),
            Self::Copied => Some(old.manifest(Naming::Plain).to_bytes()),
        };
        assert!(is_new || stands == expected, "{context}: neither the old nor the new one stands: {stands:?}");
        for (path, _, bad) in bench.manifests() {
            let is_known = match self {
                Self::Damaged => path == "u_1/manifest.json" && !is_new,
                Self::Same => path == "u_1/manifest.json",
                _ => false,
            };
            assert!(bad.is_empty() || is_known, "{context}: {path} names {bad:?}");
        }
        // What was damaged is either where it was, or aside, or both.
        let has = |bytes: &[u8]| objects.values().any(|found| found == bytes);
        match self {
            Self::Damaged | Self::Same => assert!(has(b"edited"), "{context}"),
            Self::BadManifest => assert!(has(b"{ edited"), "{context}"),
            _ => {}
        }
        if self != Self::Copied {
            bench.assert_sums_of(&[old, new], context);
        }
        let of_others = objects.keys().find(|path| !path.starts_with("u_1/") && !path.starts_with(".element-mirror/"));
        assert_eq!(of_others, None, "{context}");
    }

    /// What must hold when a run has finished.
    #[track_caller]
    fn check_finished(self, bench: &Bench, context: &str) {
        self.check(bench, context);
        bench.assert_whole(context);
        bench.assert_stands(&Recipe::number(2), context);
        let past = if self == Self::Version { vec![Recipe::number(1)] } else { Vec::new() };
        bench.assert_history(&past, context);
        let aside: Vec<_> = bench.objects().into_iter().filter(|(path, _)| path.contains("/damaged/")).collect();
        let has = |bytes: &[u8]| aside.iter().any(|(_, found)| found == bytes);
        match self {
            Self::Same => assert!(has(b"edited"), "{context}"),
            Self::BadManifest => assert!(has(b"{ edited"), "{context}"),
            Self::Damaged => assert!(has(&Recipe::number(1).manifest(Naming::ByContent).to_bytes()), "{context}"),
            Self::Copied => assert!(has(&Recipe::number(1).manifest(Naming::Plain).to_bytes()), "{context}"),
            _ => assert!(aside.is_empty(), "{context}: {aside:?}"),
        }
    }
}

/// Lets each call of a commit go wrong; which of them did.
fn fail_everywhere(before: Before, conditions: Conditions, fault: Fault) -> Vec<String> {
    let mut failed = Vec::new();
    for number in 0.. {
        let context = format!("{before:?}, {conditions:?}, {fault:?} at {number}");
        let bench = before.bench(conditions);
        let (store, client) = bench.faulty_run();
        client.fail(number, fault);
        let (answer, warnings) = before.commit(&store);
        if !client.end() {
            assert_eq!((answer, warnings), (Ok(()), Vec::new()), "{context}");
            before.check_finished(&bench, &context);
            break;
        }
        let calls = client.calls();
        let context = format!("{context}: {}", calls[number]);
        failed.push(calls[number].clone());
        before.check(&bench, &context);
        if answer.is_ok() {
            assert_eq!(warnings.is_empty(), !calls[number].ends_with(SUMS), "{context}: {warnings:?}");
            assert_eq!(bench.standing(&[Recipe::number(2)]), Some(0), "{context}: reported, but not there");
        }
        drop(store);
        assert_eq!(before.commit(&bench.run()).0, Ok(()), "{context}: the next run does not finish");
        before.check_finished(&bench, &context);
    }
    failed
}

#[test]
fn a_commit_that_goes_wrong_at_any_call_leaves_the_old_or_the_new_version_and_the_next_run_finishes() {
    for before in ALL {
        let mut failed = BTreeSet::new();
        for fault in Fault::ALL {
            failed.extend(only(&fail_everywhere(before, Conditions::Heeded, fault), &WRITES));
        }
        assert!(failed.contains("put-if u_1/manifest.json"), "{before:?}: {failed:?}");
        assert!(failed.contains("put u_1/SHA256SUMS"), "{before:?}: {failed:?}");
    }
}

#[test]
fn so_it_is_where_the_store_puts_on_no_condition() {
    for fault in Fault::ALL {
        for before in [Before::Nothing, Before::Version, Before::BadManifest] {
            let failed = fail_everywhere(before, Conditions::Unsupported, fault);
            assert!(failed.iter().any(|call| call.ends_with("put some/where/u_1/manifest.json")), "{failed:?}");
        }
    }
}

#[test]
fn an_error_of_the_manifests_put_alone_fails_nothing() {
    for before in ALL {
        for fault in [Fault::Fails, Fault::FailsThough, Fault::Refuses, Fault::RefusesThough] {
            let bench = before.bench(Conditions::Heeded);
            let (store, client) = bench.faulty_run();
            let put = calls_of_a_commit(before).iter().position(|call| call.starts_with("put-if") && is_manifest(call));
            client.fail(put.unwrap(), fault);
            assert_eq!(before.commit(&store), (Ok(()), Vec::new()), "{before:?}, {fault:?}");
            assert!(client.end());
            before.check_finished(&bench, &format!("{before:?}, {fault:?}"));
        }
    }
}

#[test]
fn a_store_that_refuses_every_condition_without_a_reason_ends_a_commit() {
    for before in [Before::Nothing, Before::Version, Before::BadManifest] {
        let calls = calls_of_a_commit(before);
        for (number, call) in calls.iter().enumerate().filter(|(_, call)| call.starts_with("put-if")) {
            let bench = before.bench(Conditions::Heeded);
            let (store, client) = bench.faulty_run();
            client.fail(number, Fault::RefusesFromHere);
            let (answer, _) = before.commit(&store);
            assert!(client.end());
            assert!(is_conflict(&answer), "{before:?}, {call}: {answer:?}");
            before.check(&bench, call);
            assert_eq!(before.commit(&bench.run()).0, Ok(()), "{before:?}, {call}");
            before.check_finished(&bench, call);
        }
    }
}

#[test]
fn checksums_that_cant_be_put_are_a_warning() {
    for fault in [Fault::Fails, Fault::FailsThough, Fault::Dies, Fault::DiesAfter] {
        let bench = Before::Version.bench(Conditions::Heeded);
        let (store, client) = bench.faulty_run();
        let put = calls_of_a_commit(Before::Version).iter().position(|call| call.ends_with(SUMS));
        client.fail(put.unwrap(), fault);
        let (answer, warnings) = Before::Version.commit(&store);
        assert_eq!(answer, Ok(()), "{fault:?}");
        assert!(
            matches!(&warnings[..], [one] if one.starts_with("SHA256SUMS is not up to date: put s3://")),
            "{warnings:?}"
        );
        assert_eq!(bench.standing(&[Recipe::number(2)]), Some(0), "{fault:?}");
    }
}

#[test]
fn where_one_object_cant_be_put_the_parts_of_the_others_are_aborted() {
    let large = |filling: u8| vec![filling; (8 << 20) + 1];
    let version = Recipe::number(1).with("back.png", large(1)).with("voice.mp3", large(2));
    for number in 0.. {
        let bench = Bench::new();
        let (store, client) = bench.faulty_run();
        let candidate = version.stage(&store).unwrap();
        client.calls();
        client.fail(number, Fault::Fails);
        let (answer, _) = commit_telling(&store, candidate);
        assert!(client.end());
        let calls = client.calls();
        if only(&calls[number..=number], &["head", "begin", "put", "part", "complete"]).is_empty()
            || is_manifest(&calls[number])
        {
            // All data objects are there.
            assert!(number > 8, "{calls:?}");
            break;
        }
        assert!(answer.is_err(), "{calls:#?}");
        for path in only(&calls, &["begin"]).iter().map(|call| &call["begin ".len()..]) {
            let is_begun = calls[number] != format!("begin some/where/{path}");
            let is_there = bench.objects().contains_key(path);
            let is_aborted = calls.contains(&format!("abort some/where/{path}"));
            assert_eq!(is_aborted, is_begun && !is_there, "{number}: {calls:#?}");
        }
        assert_eq!(bench.standing(&[]), None);
    }
}

fn is_manifest(call: &str) -> bool {
    call.ends_with(" some/where/u_1/manifest.json")
}

fn calls_of_a_commit(before: Before) -> Vec<String> {
    let bench = before.bench(Conditions::Heeded);
    let (store, client) = bench.faulty_run();
    assert_eq!(before.commit(&store), (Ok(()), Vec::new()));
    client.calls()
}

#[test]
fn objects_come_before_the_history_and_that_before_the_manifest_and_the_checksums_last() {
    for before in ALL {
        let calls = only(&calls_of_a_commit(before), &WRITES);
        let stage = |call: &String| match call.split_once(' ').unwrap() {
            ("copy", path) if path.starts_with(".element-mirror/damaged/u_1/") => 0,
            ("put", path) if Naming::ByContent.plain(path) != path => 1,
            ("put-if", path) if path.starts_with(".element-mirror/history/u_1/2") => 2,
            ("put-if", path) if path.starts_with(".element-mirror/damaged/u_1/2") => 2,
            ("put-if", "u_1/manifest.json") => 3,
            ("put", "u_1/SHA256SUMS") => 4,
            _ => panic!("{before:?}: {call}"),
        };
        let stages: Vec<i32> = calls.iter().map(stage).collect();
        assert!(stages.is_sorted(), "{before:?}: {calls:#?}");
        let number = |of: i32| stages.iter().filter(|stage| **stage == of).count();
        let expected = match before {
            Before::Nothing | Before::Litter => [0, 3, 0],
            Before::Version | Before::Damaged => [0, 2, 1],
            Before::Same => [1, 1, 0],
            Before::BadManifest | Before::Copied => [0, 3, 1],
        };
        assert_eq!([number(0), number(1), number(2)], expected, "{before:?}: {calls:#?}");
        assert_eq!([number(3), number(4)], [1, 1], "{before:?}: {calls:#?}");
    }
}

#[test]
fn an_element_that_stands_is_looked_at_by_one_request() {
    let bench = Before::Version.bench(Conditions::Heeded);
    let (store, client) = bench.faulty_run();
    let id = Recipe::number(1).id;
    assert!(store.occupant(&id).unwrap().version().is_some());
    store.clear_gone(&id).unwrap();
    store.drop_draft(&id).unwrap();
    assert_eq!(client.calls(), ["get some/where/u_1/manifest.json"]);
}

#[test]
fn objects_have_the_type_of_what_they_are() {
    let bench = Before::Version.bench(Conditions::Heeded);
    bench.commit(&[Recipe::number(2)]);
    let objects = bench.objects();
    let types = RUNTIME.block_on(async {
        let mut types = BTreeSet::new();
        for path in objects.into_keys() {
            let found = bench.world.memory.get(&Bench::at(&path)).await.unwrap();
            let media_type = found.attributes.get(&object_store::Attribute::ContentType).unwrap().to_string();
            let extension = path.rsplit(['.', '/']).next().unwrap().to_owned();
            types.insert((extension, media_type));
        }
        types
    });
    let types: Vec<_> = types.iter().map(|(extension, media_type)| (extension.as_str(), media_type.as_str())).collect();
    let expected =
        [("SHA256SUMS", "text/plain"), ("format", "text/plain"), ("json", "application/json"), ("png", "image/png")];
    assert_eq!(types, expected);
}

#[test]
fn a_run_that_is_interrupted_at_any_call_leaves_the_old_or_the_new_version() {
    for before in [Before::Nothing, Before::Version, Before::Same] {
        for number in 0.. {
            let context = format!("{before:?}, interrupted at {number}");
            let bench = before.bench(Conditions::Heeded);
            let client = Faulty::of(&bench.world);
            let stop = Stop::default();
            let store = bench.open_until(&client, &stop).unwrap_or_else(|error| panic!("{error}"));
            let candidate = before.stage(&store).unwrap();
            let hook = stop.clone();
            client.before(number, move || hook.end(End::Signal(15)));
            let answer = commit_all(&store, vec![candidate], stop.token()).0.remove(0);
            let is_reached = client.end();
            before.check(&bench, &context);
            match answer {
                Ok(()) => assert_eq!(bench.standing(&[Recipe::number(2)]), Some(0), "{context}"),
                Err(failure) => assert_eq!(failure.kind, ErrorKind::Interrupted, "{context}"),
            }
            assert_eq!(before.commit(&bench.run()).0, Ok(()), "{context}");
            before.check_finished(&bench, &context);
            if !is_reached {
                break;
            }
        }
    }
}
