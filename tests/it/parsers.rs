//! The claims, of what proptest makes up: good words with some of them wrong, and manifests of all that a program could
//! write. That no bytes at all are a panic is tested beside each parser.

#[expect(unreachable_pub, reason = "the fuzz targets use them from another crate")]
mod claims;

use std::collections::HashMap;

use element_mirror::digest::Digest;
use element_mirror::internals::{ContentRange, Names};
use element_mirror::manifest::{self, Manifest};
use element_mirror::time::Time;
use element_mirror::{Fields, Role};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use claims::id;

/// What is wrong with one place of a JSON.
#[derive(Clone, Debug)]
enum Change {
    Drop,
    Twice,
    AsText,
    Instead(Value),
}

/// Writes `value` as JSON; places are counted from the outside in.
fn write(value: &Value, changes: &HashMap<usize, Change>, place: &mut usize) -> Vec<String> {
    let change = changes.get(place);
    *place += 1;
    let text = match value {
        Value::Object(members) => {
            let mut texts = Vec::new();
            for (name, member) in members {
                let name = json!(name);
                texts.extend(write(member, changes, place).iter().map(|text| format!("{name}:{text}")));
            }
            format!("{{{}}}", texts.join(","))
        }
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().flat_map(|item| write(item, changes, place)).collect();
            format!("[{}]", texts.join(","))
        }
        other => other.to_string(),
    };
    match change {
        None => vec![text],
        Some(Change::Drop) => vec![],
        Some(Change::Twice) => vec![text.clone(), text],
        Some(Change::AsText) => vec![json!(text).to_string()],
        Some(Change::Instead(other)) => vec![other.to_string()],
    }
}

/// The JSON of `good`, with some of its places changed and perhaps its end cut off.
fn nearly(good: Value) -> impl Strategy<Value = String> {
    let change = prop_oneof![
        Just(Change::Drop),
        Just(Change::Twice),
        Just(Change::AsText),
        odd_value().prop_map(Change::Instead),
    ];
    let places = write(&good, &HashMap::new(), &mut 0).concat().matches([':', ',', '{']).count();
    (prop::collection::hash_map(0..places, change, 0..5), option::weighted(0.2, any::<prop::sample::Index>())).prop_map(
        move |(changes, cut)| {
            let text = write(&good, &changes, &mut 0).concat();
            match cut {
                Some(cut) => text.chars().take(cut.index(text.len().max(1))).collect(),
                None => text,
            }
        },
    )
}

fn odd_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        link().prop_map(Value::from),
        "[.A-Za-z0-9_/-]{0,70}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let name = prop_oneof!["id|resource|url|error|message|cover|slotKey|element", any::<String>()];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn link() -> impl Strategy<Value = String> {
    "(https|http|ftp)://(u:p@)?(h|1\\.2\\.3\\.4|\\[::1\\]|xn--)?(:[0-9]{0,3})?/[a-c./%\\\\ \u{e9}@-]{0,9}(\\?[a=?]{0,3})?(#b)?"
}

fn an_element() -> Value {
    let link = |path: &str| format!("https://s21-kling.klingai.com/{path}?ksTime=1");
    json!({
        "id": id(), "name": "Lady ABC12", "userId": 12, "type": "VIDEO", "description": "", "currentVersion": 2,
        "cover": {"resource": link("c.jpg"), "width": 768, "height": 1365, "resourceKey": "cover", "cover": true},
        "resources": [
            {"resource": link("v.mp4"), "resourceKey": "video", "voice": {"id": 5, "resource": {"url": link("w.mp3")}}},
            {"resource": link("s.png"), "resourceKey": "secondary", "slotKey": "side"},
            {"resource": link("c.jpg"), "resourceKey": "cover", "cover": true},
        ],
        "tagList": [{"id": 1, "weight": 0.1}], "voice": {"id": 5, "resource": {"resource": link("w.mp3")}},
        "createTime": 1_736_640_000_000_i64, "updateTime": 1_736_640_000_120_i64, "favored": true, "official": false,
    })
}

fn a_page() -> Value {
    let earlier = json!({
        "id": "u_2", "coverImage": "https://h/c.jpg", "imageResources": ["https://h/1.jpg", "https://h/2.jpg"],
        "tag": {"id": 7, "tagKey": "people", "tagDesc": "People"}, "updateTime": 1,
    });
    json!({"elementsList": [an_element(), earlier, {"id": "u_3"}], "pageNum": 1, "pageSize": 50, "total": 3})
}

fn some_time() -> impl Strategy<Value = Time> {
    (-377_705_000_000_000_i64..253_402_000_000_000).prop_map(|millis| Time::from_unix_millis(millis).expect("in range"))
}

fn some_asset() -> impl Strategy<Value = manifest::Asset> {
    let role = prop::sample::select(&Role::ALL[..]);
    let pixels = || option::of(any::<u32>());
    let said = (link(), option::of(any::<String>()), option::of(some_time()), some_time());
    (role, any::<String>(), any::<u64>(), pixels(), pixels(), said).prop_map(
        |(role, slot, size, width, height, (url, etag, last_modified, fetched_at))| {
            let mut asset = claims::a_manifest().assets.remove(0);
            asset.sha256 = Digest::of(slot.as_bytes());
            (asset.role, asset.slot, asset.size) = (role, slot, size);
            (asset.width, asset.height) = (width, height);
            (asset.url, asset.etag) = (url, etag);
            (asset.last_modified, asset.fetched_at) = (last_modified, fetched_at);
            asset
        },
    )
}

fn some_fields() -> impl Strategy<Value = Fields> {
    let texts = [option::of(any::<String>()), option::of(any::<String>()), option::of(any::<String>())];
    let numbers = [option::of(any::<i64>()), option::of(any::<i64>())];
    (texts, numbers, option::of(vec(odd_value(), 0..3)), option::of(any::<bool>()), some_time()).prop_map(
        |([name, kind, description], [user_id, current_version], tags, favored, time)| {
            let mut fields = claims::a_manifest().element;
            (fields.name, fields.kind, fields.description) = (name, kind, description);
            (fields.user_id, fields.current_version) = (user_id, current_version);
            (fields.tags, fields.favored, fields.official) = (tags, favored, favored.map(|flag| !flag));
            (fields.create_time, fields.update_time) = (None, Some(time));
            fields
        },
    )
}

/// A manifest of what the API may say and the CDN may send.
fn some_manifest() -> impl Strategy<Value = Manifest> {
    let gap = (any::<String>(), link(), any::<String>()).prop_map(|(slot, url, error)| {
        let gap = json!({"role": "secondary", "slot": slot, "url": url, "error": error});
        serde_json::from_value::<manifest::Missing>(gap).expect("a gap")
    });
    let roles = option::of(vec(prop::sample::select(&Role::ALL[..]), 0..3));
    (some_fields(), some_time(), any::<String>(), roles, vec(some_asset(), 0..4), vec(gap, 0..2)).prop_map(
        |(element, committed_at, generator, roles, mut assets, missing)| {
            let mut names = Names::new();
            for asset in &mut assets {
                asset.file = names.claim(asset.role.as_str(), "jpg");
            }
            let mut manifest = claims::a_manifest();
            (manifest.element, manifest.committed_at, manifest.generator) = (element, committed_at, generator);
            (manifest.roles, manifest.assets, manifest.missing) = (roles, assets, missing);
            manifest
        },
    )
}

fn a_manifest() -> Value {
    serde_json::from_str(include_str!("../../src/manifest/format-1.json")).expect("JSON")
}

#[test]
fn tags_as_deep_as_they_may_be_can_be_read_from_a_manifest() {
    for depth in 100..130 {
        let tags = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        // serde_json keeps a name for itself, of which the value is JSON in a text.
        for tag in [tags.clone(), json!({"$serde_json::private::RawValue": tags}).to_string()] {
            claims::element(format!("{{\"cover\":{{\"url\":\"https://h/c\"}},\"tagList\":[{tag}]}}").as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_nearly_an_element_is_sound_or_a_failure(body in nearly(an_element())) {
        claims::element(body.as_bytes());
    }

    #[test]
    fn what_is_nearly_a_wrapped_element_is_sound_or_a_failure(body in nearly(json!({"element": an_element()}))) {
        claims::element(body.as_bytes());
    }

    #[test]
    fn what_is_nearly_a_page_has_sound_elements_and_placed_failures(body in nearly(a_page())) {
        claims::page(body.as_bytes());
    }

    #[test]
    fn of_a_list_every_id_is_valid_and_every_bad_line_is_placed(
        lines in vec(
            prop_oneof![
                "[A-Za-z0-9_-]{0,70}",
                "u_[0-3]([ \t,]{1,2}[a-c#@. ]{0,8})?( ?#.{0,3})?\r?",
                "(id|ID)[, \t]?(email)?",
                nearly(json!({"id": "u_1", "email": "a@b.c"})),
                any::<String>(),
            ],
            0..8,
        ),
        noise in option::weighted(0.2, vec(any::<u8>(), 0..20)),
    ) {
        let mut text = lines.join("\n").into_bytes();
        text.extend(noise.into_iter().flatten());
        claims::ids(&text);
    }

    #[test]
    fn every_manifest_is_read_as_it_was_written(written in some_manifest()) {
        prop_assert_eq!(Manifest::parse(&written.to_bytes(), &id()).expect("its own words"), written);
    }

    #[test]
    fn what_is_nearly_a_manifest_names_no_unsafe_file(text in nearly(a_manifest())) {
        claims::manifest(text.as_bytes());
    }

    #[test]
    fn a_manifest_with_bytes_changed_names_no_unsafe_file(
        written in some_manifest(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = written.to_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        claims::manifest(&bytes);
    }

    #[test]
    fn names_are_safe_and_distinct_beside_what_stands(
        lines in vec(prop_oneof!["[!?]?[.A-Za-z0-9/-]{0,99}", "!?(?i)(side|con|com[0-9]|lpt1)(-[23])?(\\.(jpg|mp4))?", any::<String>()], 0..20)
    ) {
        claims::names(&lines.join("\n"));
    }

    #[test]
    fn every_wait_can_be_waited(
        text in prop_oneof![
            "[0-9]{1,40}", "[+ -]?[0-9]{1,3}(\\.[0-9])?", any::<String>(),
            "(Mon|Sunday|Sun)?,? ?[0-3]?[0-9][ -](Jan|Feb|Dec)[ -]([0-9]{2}){0,2} [0-2][0-9]:[0-6][0-9](:[0-6][0-9])?( GMT| \\+0100| EST)?",
            "(Mon|Sun) (Jan|Feb|Dec) [ 0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9] [0-9]{4}",
            "-?[0-9]{4,6}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])",
            some_time().prop_map(|time| time.to_http_date().unwrap_or_default()),
        ]
    ) {
        claims::waits(&text);
    }

    #[test]
    fn every_content_range_reads_as_it_is_written(first: u64, length in 0_u64..10, rest in option::of(0_u64..10)) {
        let last = first.saturating_add(length);
        let whole = rest.map(|rest| last.saturating_add(1).saturating_add(rest));
        let range = ContentRange { first, last, whole };
        prop_assume!(whole.is_none_or(|whole| last < whole));
        prop_assert_eq!(ContentRange::parse(&range.to_string()), Some(range));
    }

    #[test]
    fn what_is_nearly_a_content_range_is_sound_or_none(
        text in prop_oneof!["(bytes|items|Bytes)[ =]{0,2}[+-]?[0-9*]{1,3}-?[0-9*]{0,3}/?[0-9*]{0,3}", any::<String>()]
    ) {
        claims::content_range(&text);
    }
}
