//! What every destination must do, whatever it is: each case is held against a folder, a bucket in memory, and the
//! bucket of a real server that `ELEMENT_MIRROR_TEST_BUCKET` names (`s3://bucket/prefix`, configured as for the
//! program).

mod committing;
mod finding;
mod inspecting;
mod opening;
mod past;
pub(super) mod place;
pub(super) mod recipe;

use std::collections::BTreeMap;

use super::{Access, Destination};
use crate::digest::Digest;
use crate::layout::{MANIFEST, Naming, OWN, SUMS};
use place::{Bucket, Folder, Place};
use recipe::Recipe;

/// The cases, for each kind of destination.
macro_rules! contract {
    ($($module:ident::{$($case:ident),* $(,)?})*) => {
        mod folder {
            $($(#[test] fn $case() { super::$module::$case(&super::Folder::new()); })*)*
        }
        mod bucket_in_memory {
            $($(#[test] fn $case() { super::$module::$case(&super::Bucket::in_memory()); })*)*
        }
        mod named_bucket {
            $($(#[test] fn $case() { if let Some(bucket) = super::Bucket::named() { super::$module::$case(&bucket); } })*)*
        }
    };
}

contract! {
    opening::{
        nothing_is_no_mirror_and_a_look_at_it_finds_nothing_and_leaves_nothing,
        a_mirror_without_an_element_is_one,
        whoever_reads_or_looks_writes_nothing,
        a_newer_or_damaged_format_is_refused,
        a_mirror_without_its_format_is_one_by_its_elements,
        strangers_alone_are_no_mirror,
    }
    committing::{
        a_first_version_stands_whole,
        another_version_supersedes_it_and_the_old_one_can_be_read_whole,
        going_back_and_forth_keeps_each_version_that_stood,
        the_same_files_under_another_manifest_are_no_past_worth_keeping_or_kept_whole,
        what_is_kept_is_not_written_again,
        what_was_planned_against_something_else_is_refused_and_what_stands_stays,
        many_elements_are_committed_side_by_side,
        a_large_file_arrives_whole,
        a_stage_that_is_dropped_leaves_nothing,
        what_is_handed_over_after_the_end_is_interrupted_and_changes_nothing,
        strangers_files_stay,
    }
    finding::{
        elements_are_named_once_and_in_order,
        a_note_that_an_element_is_gone_outlives_the_run_until_it_is_back,
        a_manifest_that_cant_be_read_is_replaced_and_kept_aside,
        a_file_that_is_lost_or_cut_is_damage_and_the_next_commit_makes_it_good,
        a_newer_manifest_and_that_of_another_element_are_not_touched,
        the_index_has_a_line_for_each_manifest_that_can_be_read,
        an_index_that_is_interrupted_leaves_the_old_one,
    }
    inspecting::{
        what_is_whole_has_no_flaws,
        each_defect_is_found,
        a_quick_look_tells_sizes_but_not_bytes,
        a_defect_of_a_superseded_version_is_found_where_that_is_asked,
        what_another_file_has_heals_a_flaw_and_the_damage_is_kept_aside,
        what_is_damaged_itself_heals_nothing,
        what_nothing_else_has_stays_flawed,
        checksums_are_written_anew,
        a_lost_manifest_is_told_and_replaced,
    }
    past::{
        versions_expire_by_the_rules,
        the_last_hours_are_kept_where_the_destination_has_to,
        what_expires_is_removed_and_nothing_else,
        nothing_expires_beside_a_manifest_that_cant_be_read,
        what_others_put_into_the_history_is_passed_over,
    }
}

/// A destination as a run has it.
fn run<P: Place>(place: &P) -> P::Store {
    place.open(Access::Write).unwrap_or_else(|error| panic!("{error}")).store
}

/// Commits versions in a run of their own each.
fn commit_each<P: Place>(place: &P, recipes: &[Recipe]) {
    for recipe in recipes {
        assert_eq!(recipe.commit(&run(place)), Ok(()));
    }
}

fn naming<P: Place>(_: &P) -> Naming {
    P::Store::NAMING
}

/// The version stands: its manifest, every file that this names, and checksums that hold.
#[track_caller]
fn assert_stands<P: Place>(place: &P, recipe: &Recipe) {
    let (id, manifest) = (&recipe.id, recipe.manifest(naming(place)));
    let found = place.read(&format!("{id}/{MANIFEST}")).unwrap_or_default();
    assert_eq!(String::from_utf8(found).unwrap(), String::from_utf8(manifest.to_bytes()).unwrap());
    assert_has_files(place, &id.to_string(), recipe);
    let sums = String::from_utf8(place.read(&format!("{id}/{SUMS}")).expect("no checksums")).unwrap();
    let named: Vec<&str> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    let mut expected: Vec<&str> = manifest.own_files().map(|file| file.name).collect();
    if naming(place) == Naming::Plain {
        expected.push(MANIFEST);
    }
    assert_eq!(named, expected);
    for (digest, file) in sums.lines().map(|line| line.split_once("  ").unwrap()) {
        let bytes = place.read(&format!("{id}/{file}")).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), digest, "{file}");
    }
}

/// These versions are superseded, in this order, and everything that they name can be read.
#[track_caller]
fn assert_past<P: Place>(place: &P, store: &P::Store, recipes: &[Recipe]) {
    let Some(Recipe { id, .. }) = recipes.first() else { panic!("of no element") };
    let past = store.history(id).unwrap();
    let found: Vec<_> = past.iter().map(|past| (past.when.clone(), past.manifest.clone().unwrap())).collect();
    let expected = recipes.iter().map(|recipe| (recipe.when(), recipe.manifest(naming(place))));
    assert_eq!(found, expected.collect::<Vec<_>>());
    for recipe in recipes {
        let kept = format!("{OWN}/history/{id}/{}", recipe.when());
        assert!(place.read(&format!("{kept}/{MANIFEST}")).is_some());
        match naming(place) {
            Naming::Plain => assert_has_files(place, &kept, recipe),
            // They stay where they are.
            Naming::ByContent => assert_has_files(place, id.as_str(), recipe),
        }
    }
}

#[track_caller]
fn assert_has_files<P: Place>(place: &P, folder: &str, recipe: &Recipe) {
    for (file, bytes) in recipe.files(naming(place)) {
        assert_eq!(place.read(&format!("{folder}/{file}")), Some(bytes), "{folder}/{file}");
    }
}

/// Every file, and its bytes.
fn contents<P: Place>(place: &P) -> BTreeMap<String, Vec<u8>> {
    place.list().into_iter().map(|path| (path.clone(), place.read(&path).unwrap_or_default())).collect()
}

/// Whether what was damaged is kept under `damaged/`.
fn is_aside<P: Place>(place: &P, bytes: &[u8]) -> bool {
    let aside = |(path, found): (&String, &Vec<u8>)| path.starts_with(&format!("{OWN}/damaged/")) && found == bytes;
    contents(place).iter().any(aside)
}
