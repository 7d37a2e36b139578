//! Cards of elements that lack this and that, or say odd things.

use serde_json::{Value, json};

use super::*;

/// The manifest of an element with these files, after `change`.
fn manifest(files: &[(&str, &str, &str)], change: impl FnOnce(&mut Value)) -> Manifest {
    let digest = "77c1ab00".repeat(8);
    let asset = |&(file, role, media): &(&str, &str, &str)| {
        let slot = if role == "secondary" { "topView" } else { "" };
        json!({"file": file, "role": role, "slot": slot, "size": 2048, "sha256": digest, "mediaType": media,
               "url": "https://cdn.example/x", "fetchedAt": "2026-11-23T07:59:58Z"})
    };
    let mut told = json!({
        "format": 1, "generator": "element-mirror 0.1.0", "committedAt": "2026-11-23T08:00:00Z",
        "element": {"id": "u_1"}, "response": {"file": "element.json", "size": 10, "sha256": digest},
        "assets": files.iter().map(asset).collect::<Vec<_>>(),
    });
    change(&mut told);
    serde_json::from_value(told).unwrap()
}

const COVER: (&str, &str, &str) = ("cover.jpg", "cover", "image/jpeg");

fn render(manifest: &Manifest, gone_since: Option<Time>, older: Vec<Older<'_>>) -> String {
    let id = &manifest.element.id.parse().unwrap();
    String::from_utf8(Card { id, manifest, gone_since, older }.render()).unwrap()
}

fn card(files: &[(&str, &str, &str)], change: impl FnOnce(&mut Value)) -> String {
    render(&manifest(files, change), None, Vec::new())
}

#[test]
fn an_element_of_which_little_is_known_is_shown_by_its_id_and_without_empty_parts() {
    for empty in
        [json!({"id": "u_1"}), json!({"id": "u_1", "name": " ", "description": "\n", "tags": [], "official": false})]
    {
        let card = card(&[COVER], |told| told["element"] = empty);
        assert!(card.contains("<h2><a href=\"u_1/cover.jpg\"><bdi>u_1</bdi></a></h2>"), "{card}");
        for absent in ["data-is", "data-updated", "class=\"tags\"", "class=\"said\"", "Updated", "star"] {
            assert!(!card.contains(absent), "{absent}: {card}");
        }
        assert!(card.contains("data-mirrored=\"1795420800\" data-size=\"2048\""), "{card}");
    }
}

#[test]
fn the_cover_is_the_first_picture_and_the_other_pictures_are_its_views() {
    let files = [COVER, ("top.png", "secondary", "image/png"), ("video.mp4", "video", "video/mp4")];
    let with_cover = card(&files, |_| ());
    assert!(with_cover.contains("<img src=\"u_1/cover.jpg\" alt=\"\" loading=\"lazy\" decoding=\"async\">"));
    assert!(with_cover.contains(">Video</span>"), "{with_cover}");
    assert!(with_cover.contains("<a href=\"u_1/top.png\" type=\"image/png\">Top view</a>"), "{with_cover}");
    let without = card(&files[1..], |_| ());
    assert!(without.contains("<img src=\"u_1/top.png\""), "{without}");
    let video = card(&files[2..], |_| ());
    assert!(!video.contains("<img") && video.contains("<h2><a href=\"u_1/video.mp4\">"), "{video}");
    let nothing = card(&[], |_| ());
    assert!(nothing.contains("<h2><a href=\"u_1/manifest.json\">"), "{nothing}");
}

#[test]
fn every_mark_is_one_to_filter_by_and_one_to_see() {
    let manifest = manifest(&[COVER, ("voice.mp3", "voice", "audio/mpeg")], |told| {
        told["element"] = json!({"id": "u_1", "favored": true, "official": true, "type": "VIDEO", "currentVersion": 3});
        told["missing"] = json!([
            {"role": "video", "slot": "", "url": "https://x", "error": "too_large"},
            {"role": "secondary", "slot": "topView", "url": "https://x", "error": "http_404"},
        ]);
        told["warnings"] = json!([{"file": "cover.jpg", "code": "truncated_media", "message": "it ends <early>"}]);
        told["roles"] = json!(["cover", "voice"]);
    });
    let time = |text| Time::from_rfc3339(text).unwrap();
    let older = |when| Older { when, committed_at: time("2026-11-01T10:00:00Z") };
    let past = vec![older("20261101T100000Z"), older("20261101T100000Z-2")];
    let card = render(&manifest, Some(time("2026-11-03T08:00:00Z")), past);
    assert!(card.contains("data-is=\"favored official incomplete gone warnings\""), "{card}");
    let seen = [
        "Favored",
        "Official",
        "Gone since 3 Nov 2026",
        "2 missing",
        "1 warning",
        "2 older",
        "Voice",
        "<li>Video: <bdi>too_large</bdi></li>",
        "<li>Top view: <bdi>http_404</bdi></li>",
        "<dt>Size</dt><dd>2 files, 4.0 KiB</dd>",
        "<bdi>cover.jpg</bdi>: <bdi>it ends &lt;early&gt;</bdi>",
        "<dt>Only roles</dt><dd>cover, voice</dd>",
        "<dt>Version</dt><dd>3</dd>",
        "<a href=\"./.element-mirror/history/u_1/20261101T100000Z-2/\">1 Nov 2026, 10:00 UTC</a>",
    ];
    for said in seen {
        assert!(card.contains(said), "{said}: {card}");
    }
    let first = card.find("20261101T100000Z-2/").unwrap();
    assert!(first < card.find("20261101T100000Z/").unwrap(), "the newest comes first");
}

#[test]
fn an_element_of_a_mirror_that_was_copied_from_a_bucket_leads_to_the_files_that_it_has() {
    let card = card(&[("cover.77c1ab.jpg", "cover", "image/jpeg")], |told| {
        told["response"]["file"] = json!("element.77c1ab.json");
    });
    for file in ["cover.77c1ab.jpg", "element.77c1ab.json", "manifest.json"] {
        assert!(card.contains(&format!("href=\"u_1/{file}\"")), "{file}: {card}");
    }
}
