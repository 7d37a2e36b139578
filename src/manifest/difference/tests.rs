use rstest::rstest;
use serde_json::json;

use super::*;

/// An asset in a word: what it is, its path, its bytes, its name; no bytes where it is missing.
type Word = (&'static str, &'static str, &'static str, &'static str);

const COVER: Word = ("cover", "/c", "cover", "cover.jpg");
const SIDE: Word = ("side", "/s", "side", "side.png");

fn version(assets: &[Word]) -> Manifest {
    let role =
        |what: &str| if ["cover", "video", "other"].contains(&what) { what.to_owned() } else { "secondary".into() };
    let slot = |what: &str| if role(what) == what { "" } else { what }.to_owned();
    let had = assets.iter().filter(|(.., bytes, _)| !bytes.is_empty()).map(|(what, path, bytes, file)| {
        json!({"file": file, "role": role(what), "slot": slot(what), "size": bytes.len(), "mediaType": "image/png",
            "sha256": crate::digest::Digest::of(bytes.as_bytes()), "url": format!("https://cdn{path}"),
            "fetchedAt": "2026-11-23T08:00:00Z"})
    });
    let missing = assets.iter().filter(|(.., bytes, _)| bytes.is_empty()).map(|(what, path, ..)| {
        json!({"role": role(what), "slot": slot(what), "url": format!("https://cdn{path}"), "error": "http_404"})
    });
    serde_json::from_value(json!({
        "format": 1, "generator": "test", "committedAt": "2026-11-23T08:00:00Z",
        "element": {"id": "u_1", "name": "a name", "tags": [{"id": 1}], "favored": false},
        "response": {"file": "element.json", "size": 2, "sha256": crate::digest::Digest::of(b"{}")},
        "assets": had.collect::<Vec<_>>(), "missing": missing.collect::<Vec<_>>(),
    }))
    .unwrap()
}

fn said(old: &Manifest, new: &Manifest) -> Vec<String> {
    old.differences(new).iter().map(ToString::to_string).collect()
}

#[rstest]
#[case::the_same(&[COVER, SIDE], &[COVER, SIDE], &[])]
#[case::other_bytes(&[COVER, SIDE], &[COVER, ("side", "/s", "new", "side.png")], &["side.png: other bytes"])]
#[case::a_new_upload(&[COVER, SIDE], &[COVER, ("side", "/new", "new", "side.png")], &["side.png: other bytes"])]
#[case::a_new_upload_of_another_type(
    &[COVER, SIDE],
    &[COVER, ("side", "/new", "new", "side.jpg")],
    &["side.png: other bytes", "side.png: named side.jpg later"]
)]
#[case::the_same_bytes_elsewhere(&[COVER], &[("cover", "/new", "cover", "cover.jpg")], &["cover.jpg: other link"])]
#[case::another_name(&[COVER], &[("cover", "/c", "cover", "cover-2.jpg")], &["cover.jpg: named cover-2.jpg later"])]
#[case::added(&[COVER], &[COVER, SIDE], &["side.png: added later"])]
#[case::removed(&[COVER, SIDE], &[COVER], &["side.png: removed later"])]
#[case::a_gap_that_was_filled(&[COVER, ("side", "/s", "", "")], &[COVER, SIDE], &["side.png: was missing"])]
#[case::a_gap_that_was_filled_from_elsewhere(
    &[COVER, ("side", "/old", "", "")],
    &[COVER, SIDE],
    &["side.png: was missing"]
)]
#[case::a_gap_that_stays(&[COVER, ("side", "/s", "", "")], &[COVER, ("side", "/s", "", "")], &[])]
#[case::a_gap_that_went(&[COVER, ("side", "/s", "", "")], &[COVER], &["side: was missing, removed later"])]
#[case::a_gap_that_appeared(&[COVER], &[COVER, ("video", "/v", "", "")], &["video: added later, but missing"])]
#[case::a_file_that_went_missing(&[COVER, SIDE], &[COVER, ("side", "/s", "", "")], &["side.png: missing later"])]
#[case::views_that_changed_places(
    &[("side", "/1", "one", "side.png"), ("back", "/2", "two", "back.png")],
    &[("side", "/2", "two", "side.png"), ("back", "/1", "one", "back.png")],
    &["side.png: other bytes", "back.png: other bytes"]
)]
#[case::others_are_told_apart_by_their_links(
    &[("other", "/1", "one", "other-1.bin"), ("other", "/2", "two", "other-2.bin")],
    &[("other", "/2", "two", "other-1.bin")],
    &["other-1.bin: removed later", "other-2.bin: named other-1.bin later"]
)]
fn what_differs_in_files_is_this_table(#[case] old: &[Word], #[case] new: &[Word], #[case] expected: &[&str]) {
    assert_eq!(said(&version(old), &version(new)), expected);
}

#[test]
fn fields_that_changed_came_or_went_are_named_in_their_order() {
    let (old, mut new) = (version(&[COVER]), version(&[COVER]));
    new.element.name = Some("another".into());
    new.element.tags = None;
    new.element.update_time = crate::time::Time::from_unix_millis(1);
    new.element.current_version = Some(2);
    let expected = ["name changed", "tags changed", "currentVersion changed", "updateTime changed"];
    assert_eq!(said(&old, &new), expected);
}

#[test]
fn other_roles_and_another_reply_are_told() {
    let (old, mut new) = (version(&[COVER]), version(&[COVER]));
    new.response.sha256 = crate::digest::Digest::of(b"{ }");
    assert_eq!(said(&old, &new), ["only element.json differs"]);
    new.roles = Some(vec![Role::Cover]);
    assert_eq!(said(&old, &new), ["roles changed"]);
}
