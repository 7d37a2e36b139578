//! What holds of the parsers, whatever they are given. Asserted of what proptest makes up (`parsers.rs`) and of what
//! a fuzzer finds (`fuzz/`), which both include this file.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use element_mirror::digest::Digest;
use element_mirror::error::ErrorKind;
use element_mirror::ids::{Entry, Input, Line};
use element_mirror::internals::{
    Asset, ContentRange, Element, Listed, MAX_ASSETS, Names, Page, Sequence, error_text, is_safe_name, retry_after,
    retry_after_in, stems,
};
use element_mirror::manifest::Manifest;
use element_mirror::store::{MANIFEST, RESPONSE, SUMS};
use element_mirror::time::Time;
use element_mirror::{ElementId, Role};
use url::Url;

/// The element that is asked for, and that manifests are of.
pub fn id() -> ElementId {
    "u_123456789012345".parse().expect("an ID")
}

/// Of the reply to a request for the element [`id`].
pub fn element(body: &[u8]) {
    match Element::parse(body, &id()) {
        Ok(element) => {
            assert!(!element.assets.is_empty(), "an element without assets");
            is_sound(&element, &id());
        }
        Err(failure) => {
            use ErrorKind::{ApiError, BadReply, NoAssets, TooManyAssets, Truncated, WrongId};
            let documented = [Truncated, ApiError, WrongId, NoAssets, TooManyAssets, BadReply];
            assert!(documented.contains(&failure.kind), "{failure:?}");
            is_readable(&failure.message);
        }
    }
    let said = error_text(body);
    assert!(said.chars().count() <= 201, "{said}");
    is_readable(&said);
}

/// Of the reply to a request for a page of elements.
pub fn page(body: &[u8]) {
    match Page::parse(body) {
        Ok(Page { listed, bad, .. }) => {
            assert!(listed.len() + bad.len() <= 1000, "{} items", listed.len() + bad.len());
            for Listed { id, element, .. } in &listed {
                is_sound(element, id);
            }
            let mut last = 0;
            for failure in &bad {
                let place = failure.message.strip_prefix("item ").and_then(|rest| rest.split_once(": "));
                let place: usize = place.and_then(|(place, _)| place.parse().ok()).expect("a place");
                assert!(last < place && place <= listed.len() + bad.len(), "{failure:?}");
                assert_eq!(failure.kind, ErrorKind::BadReply);
                is_readable(&failure.message);
                last = place;
            }
        }
        Err(failure) => {
            use ErrorKind::{ApiError, BadReply, TooLarge, Truncated};
            assert!([Truncated, ApiError, TooLarge, BadReply].contains(&failure.kind), "{failure:?}");
            is_readable(&failure.message);
        }
    }
}

/// Of an element that was read: its assets are few, in order, each once; and a manifest can hold it.
fn is_sound(element: &Element, id: &ElementId) {
    let Element { fields, assets } = element;
    assert_eq!(fields.id, id.as_str());
    assert!(fields.tags.as_ref().is_none_or(|tags| tags.len() <= 1000), "too many tags");
    assert!(assets.len() <= MAX_ASSETS, "{} assets", assets.len());
    assert!(assets.is_sorted_by_key(|asset| asset.role), "{assets:?}");
    let links: HashSet<&str> = assets.iter().map(|asset| asset.link.as_str()).collect();
    assert!(links.len() == assets.len() && !links.contains(""), "{assets:?}");
    let covers: Vec<&Asset> = assets.iter().filter(|asset| asset.role == Role::Cover).collect();
    let paths: HashSet<&str> = covers.iter().map(|asset| asset.link.path()).collect();
    assert_eq!(paths.len(), covers.len(), "{covers:?}");
    for asset in assets {
        assert!(asset.slot.is_empty() || asset.role == Role::Secondary, "{asset:?}");
        assert!(asset.width != Some(0) && asset.height != Some(0), "{asset:?}");
    }
    let manifest = manifest_of(element);
    for (asset, kept) in assets.iter().zip(&manifest.assets) {
        assert!(!kept.url.contains(['?', '#']), "{kept:?}");
        if asset.link.url().is_ok_and(|url| url.scheme() == "https") {
            let public = Url::parse(&kept.url).expect("still a URL");
            assert!(public.username().is_empty() && public.password().is_none(), "{kept:?}");
            // Or it would be downloaded in every run.
            assert_eq!(asset.identity(), kept.identity());
        }
    }
    assert_eq!(Manifest::parse(&manifest.to_bytes(), id).expect("its own words"), manifest);
}

/// A manifest that the program wrote. What is to be another is set in it: its parts may have more fields some day.
pub fn a_manifest() -> Manifest {
    let written = include_bytes!("../../../src/manifest/format-1.json");
    Manifest::parse(written, &id()).expect("a manifest")
}

fn manifest_of(element: &Element) -> Manifest {
    let (mut manifest, mut names) = (a_manifest(), Names::new());
    let sample = manifest.assets.remove(0);
    let assets = element.assets.iter().zip(stems(&element.assets)).map(|(asset, stem)| {
        let mut kept = sample.clone();
        kept.file = names.claim(&stem, "jpg");
        (kept.role, kept.slot) = (asset.role, asset.slot.clone());
        (kept.width, kept.height) = (asset.width, asset.height);
        kept.url = asset.link.public();
        kept
    });
    manifest.assets = assets.collect();
    manifest.element = element.fields.clone();
    manifest
}

/// Of a list of IDs.
pub fn ids(text: &[u8]) {
    let lines = text.split(|&byte| byte == b'\n').count();
    let read = |text: Vec<u8>| Sequence::new(vec![Input::from_text("list", text)]);
    let (mut ids, mut last) = (HashSet::new(), 0);
    for line in read(text.to_vec()) {
        match line {
            Line::Entry(entry) => {
                assert_eq!(entry.id.as_str().parse(), Ok(entry.id.clone()), "an ID that is none");
                assert!(ids.insert(entry.id.clone()), "{entry:?} twice");
                // In either form, as `list --json`, a report or a person would write it.
                let Entry { id, email, .. } = &entry;
                let columns = format!("# list\n{id} {}\n", email.as_deref().unwrap_or_default());
                let json = serde_json::json!({"id": id, "email": email}).to_string();
                let plain = email.as_deref().is_none_or(|email| !email.contains('#'));
                for again in [columns].into_iter().filter(|_| plain).chain([json]) {
                    let again: Vec<Line> = read(again.into_bytes()).collect();
                    let [Line::Entry(again)] = &again[..] else {
                        // An ID that is called like the header's column.
                        assert!(id.as_str().eq_ignore_ascii_case("id") && again.is_empty(), "{entry:?}: {again:?}");
                        continue;
                    };
                    assert_eq!(again, &entry);
                }
            }
            Line::Bad { source, message } | Line::OtherAccount { source, message } => {
                let number: usize = source.strip_prefix("list:").and_then(|n| n.parse().ok()).expect("a line's number");
                assert!(last < number && number <= lines, "{source} of {lines}");
                is_readable(&message);
                last = number;
            }
            Line::Unreadable(error) => panic!("{error}"),
        }
    }
}

/// Of the `manifest.json` of the element [`id`].
pub fn manifest(bytes: &[u8]) {
    match Manifest::parse(bytes, &id()) {
        Ok(manifest) => {
            let written = manifest.to_bytes();
            assert_eq!(Manifest::parse(&written, &id()).expect("its own words"), manifest);
            let files: Vec<&str> = manifest.own_files().map(|file| file.name).chain([MANIFEST]).collect();
            assert!(files.iter().all(|file| is_safe_name(file)), "{files:?}");
            let apart: HashSet<String> = files.iter().map(|file| file.to_ascii_lowercase()).collect();
            assert!(apart.len() == files.len() && !apart.contains("sha256sums"), "{files:?}");
            let sums = manifest.sums(Digest::of(&written));
            assert!(sums.lines().map(|line| &line[66..]).eq(files), "{sums}");
        }
        Err(error) => is_readable(&error.to_string()),
    }
}

/// Of the names of the files of an element with these views, a line each; a line that begins with `!` names a file that
/// stands there already.
pub fn names(text: &str) {
    let mut names = Names::new();
    let mut taken: HashSet<String> = [RESPONSE, MANIFEST, SUMS].iter().map(|name| name.to_ascii_lowercase()).collect();
    let mut assets = Vec::new();
    for line in text.lines().take(MAX_ASSETS) {
        match line.strip_prefix('!') {
            Some(stranger) => {
                names.reserve(stranger);
                taken.insert(stranger.to_lowercase());
            }
            None => assets.push(Asset {
                role: if line == "?" { Role::Other } else { Role::Secondary },
                slot: line.to_owned(),
                link: "".into(),
                width: None,
                height: None,
            }),
        }
    }
    let found = stems(&assets);
    assert_eq!((found.len(), &found), (assets.len(), &stems(&assets)), "not the same from run to run");
    for (index, stem) in found.iter().enumerate() {
        let name = names.claim(stem, ["jpg", "jpeg", "mp4", "bin", "webp"][index % 5]);
        assert!(is_safe_name(&name), "{name}");
        assert!(!name.starts_with(['.', '-']) && !name.ends_with('.'), "{name}");
        assert!(!is_device(&name), "{name}");
        assert!(taken.insert(name.to_ascii_lowercase()), "{name} twice");
    }
}

/// Whether Windows takes `name` for a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let port = |kind: &str| stem.strip_prefix(kind).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) || port("COM") || port("LPT")
}

/// Of `Retry-After`, and the API's `retryAfter`.
pub fn waits(text: &str) {
    let in_body = serde_json::json!({"retryAfter": text}).to_string();
    let waits = [retry_after(text), retry_after_in(text.as_bytes()), retry_after_in(in_body.as_bytes())];
    for wait in waits.into_iter().flatten() {
        // More than once, and with what it is added to being far off already.
        assert!(Instant::now().checked_add(wait * 2).is_some(), "{text}: {wait:?}");
        assert!(wait <= Duration::from_secs(u64::from(u32::MAX)), "{text}: {wait:?}");
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert!(retry_after(text).is_some(), "{text}");
    }
    for time in [Time::from_http_date(text), Time::from_rfc3339(text)].into_iter().flatten() {
        assert_eq!(Time::from_rfc3339(&time.to_string()), Some(time), "{text}");
    }
    let date = Time::from_http_date(text).and_then(Time::to_http_date);
    if let Some(date) = &date {
        assert_eq!(Time::from_http_date(date).and_then(Time::to_http_date).as_ref(), Some(date), "{text}");
    }
}

/// Of `Content-Range`.
pub fn content_range(text: &str) {
    let Some(range) = ContentRange::parse(text) else { return };
    assert!(range.first <= range.last && range.whole.is_none_or(|whole| range.last < whole), "{text}: {range:?}");
    assert_eq!(ContentRange::parse(&range.to_string()), Some(range));
}

/// What a person is told does not steer the terminal, and has an end.
fn is_readable(message: &str) {
    let steers = |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}');
    assert!(!message.chars().any(steers), "{message:?}");
    assert!(message.chars().count() <= 1000, "{} characters", message.chars().count());
}
