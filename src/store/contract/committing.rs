//! What stands after a commit, and what becomes of what stood.

use tokio_util::sync::CancellationToken;

use super::place::Place;
use super::recipe::{Recipe, commit, commit_all, cover, id};
use super::{assert_past, assert_stands, commit_each, contents, naming, run};
use crate::error::ErrorKind;
use crate::layout::{MANIFEST, Naming};
use crate::store::{Access, Destination as _};

pub(super) fn a_first_version_stands_whole<P: Place>(place: &P) {
    let (store, version) = (run(place), Recipe::number(1));
    assert_eq!(version.commit(&store), Ok(()));
    assert_stands(place, &version);
    let occupant = store.occupant(&version.id).unwrap();
    let standing = occupant.standing().unwrap();
    assert_eq!(standing.manifest, version.manifest(naming(place)));
    assert_eq!(standing.damaged, Vec::<String>::new());
    assert!(!occupant.is_damaged());
    assert_eq!(store.standing_manifest(&version.id).unwrap(), Some(Ok(standing.manifest.clone())));
    assert_eq!(store.all_elements().unwrap(), [id("u_1")]);
    assert_eq!(store.elements_with_history().unwrap(), []);
    assert!(store.history(&version.id).unwrap().is_empty() && !store.is_known(&version.id));
    // Nothing else is there but what the next run needs.
    let mut expected = vec![".element-mirror/format".to_owned(), "u_1/SHA256SUMS".into(), "u_1/manifest.json".into()];
    expected.extend(version.files(naming(place)).into_iter().map(|(file, _)| format!("u_1/{file}")));
    expected.sort();
    assert_eq!(place.list(), expected);
}

pub(super) fn another_version_supersedes_it_and_the_old_one_can_be_read_whole<P: Place>(place: &P) {
    let versions = [1, 2, 3].map(Recipe::number);
    commit_each(place, &versions);
    assert_stands(place, &versions[2]);
    for access in [Access::Write, Access::Read] {
        let store = place.open(access).unwrap_or_else(|error| panic!("{error}")).store;
        assert_past(place, &store, &versions[..2]);
        assert_eq!(store.elements_with_history().unwrap(), [id("u_1")]);
        assert!(store.is_known(&id("u_1")));
        for past in store.history(&id("u_1")).unwrap() {
            let (files, bytes) = store.measure(&past).unwrap();
            assert!(files >= 1 && bytes >= 1, "{files} {bytes}");
        }
    }
}

pub(super) fn going_back_and_forth_keeps_each_version_that_stood<P: Place>(place: &P) {
    // The same second, as two manifests may have it: the later one gets a number.
    let (first, second) = (Recipe::number(1), Recipe::number(2).at_the_time_of(&Recipe::number(1)));
    let store = run(place);
    for version in [&first, &second, &Recipe::number(3)] {
        assert_eq!(version.commit(&store), Ok(()));
    }
    let past = store.history(&id("u_1")).unwrap();
    let found: Vec<_> = past.iter().map(|past| (past.when.clone(), past.manifest.clone().unwrap())).collect();
    let expected = [(first.when(), &first), (format!("{}-2", first.when()), &second)];
    assert_eq!(found, expected.map(|(when, version)| (when, version.manifest(naming(place)))));
    assert_stands(place, &Recipe::number(3));
}

pub(super) fn the_same_files_under_another_manifest_are_no_past_worth_keeping_or_kept_whole<P: Place>(place: &P) {
    let (first, again) = (Recipe::number(1), Recipe::number(1).at_the_time_of(&Recipe::number(2)));
    commit_each(place, &[first.clone(), again.clone()]);
    assert_stands(place, &again);
    let store = run(place);
    match store.history(&first.id).unwrap().len() {
        0 => assert_eq!(store.elements_with_history().unwrap(), []),
        _ => assert_past(place, &store, &[first]),
    }
}

pub(super) fn what_is_kept_is_not_written_again<P: Place>(place: &P) {
    let versions = [1, 2].map(Recipe::number);
    commit_each(place, &versions[..1]);
    let kept = format!("u_1/{}", versions[0].name(naming(place), "cover.png"));
    let before = place.identity(&kept);
    commit_each(place, &versions[1..]);
    assert_stands(place, &versions[1]);
    assert_eq!(place.identity(&kept), before);
}

pub(super) fn what_was_planned_against_something_else_is_refused_and_what_stands_stays<P: Place>(place: &P) {
    let store = run(place);
    let candidate = Recipe::number(2).stage(&store).unwrap();
    let other = Recipe::number(1).manifest(naming(place)).to_bytes();
    place.write("u_1/manifest.json", &other);
    let (answer, _) = commit(&store, candidate);
    let expected = match naming(place) {
        Naming::Plain => ErrorKind::FolderTaken,
        Naming::ByContent => ErrorKind::Conflict,
    };
    assert_eq!(answer.unwrap_err().kind, expected);
    assert_eq!(place.read("u_1/manifest.json"), Some(other));
    assert_eq!(place.read("u_1/SHA256SUMS"), None);
}

pub(super) fn many_elements_are_committed_side_by_side<P: Place>(place: &P) {
    let store = run(place);
    for number in [1, 2] {
        let recipes: Vec<_> = (0..50).map(|n| Recipe::of(&format!("u_{n}"), number)).collect();
        let candidates = recipes.iter().map(|recipe| recipe.stage(&store).unwrap()).collect();
        let (answers, _) = commit_all(&store, candidates, &CancellationToken::new());
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        recipes.iter().for_each(|recipe| assert_stands(place, recipe));
    }
    let past = (0..50).map(|n| Recipe::of(&format!("u_{n}"), 1));
    past.for_each(|recipe| assert_past(place, &store, &[recipe]));
}

pub(super) fn a_large_file_arrives_whole<P: Place>(place: &P) {
    // No two pieces alike, and no multiple of any size of a part.
    let bytes: Vec<u8> = (0..(5_u32 << 20) + 3).flat_map(u32::to_le_bytes).collect();
    let version = Recipe::number(1).with("video.mp4", bytes);
    commit_each(place, std::slice::from_ref(&version));
    assert_stands(place, &version);
}

pub(super) fn a_stage_that_is_dropped_leaves_nothing<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    let store = run(place);
    let before = contents(place);
    for _ in 0..2 {
        // Half done, and done.
        let mut part = store.stage(&id("u_2")).and_then(|stage| stage.part()).unwrap();
        part.write(&cover()).unwrap();
        drop(Recipe::number(2).stage(&store).unwrap());
        assert_eq!(contents(place), before);
    }
}

pub(super) fn what_is_handed_over_after_the_end_is_interrupted_and_changes_nothing<P: Place>(place: &P) {
    commit_each(place, &[Recipe::number(1)]);
    let store = run(place);
    let before = contents(place);
    let stop = CancellationToken::new();
    stop.cancel();
    let candidates = vec![Recipe::number(2).stage(&store).unwrap(), Recipe::of("u_2", 1).stage(&store).unwrap()];
    let (answers, _) = commit_all(&store, candidates, &stop);
    for answer in answers {
        assert_eq!(answer.unwrap_err().kind, ErrorKind::Interrupted);
    }
    drop(store);
    assert_eq!(contents(place), before);
    commit_each(place, &[Recipe::number(2)]);
    assert_stands(place, &Recipe::number(2));
}

pub(super) fn strangers_files_stay<P: Place>(place: &P) {
    let strangers = ["u_1/notes.txt", "u_1/folder/inner.txt", "notes.txt", "folder/inner.txt"];
    commit_each(place, &[Recipe::number(1)]);
    strangers.iter().for_each(|path| place.write(path, b"mine"));
    commit_each(place, &[Recipe::number(2)]);
    assert_stands(place, &Recipe::number(2));
    for path in strangers {
        assert_eq!(place.read(path), Some(b"mine".to_vec()), "{path}");
    }
    assert!(place.read(&format!("u_1/{MANIFEST}")).is_some());
    assert!(run(place).all_elements().unwrap().contains(&id("u_1")));
}
