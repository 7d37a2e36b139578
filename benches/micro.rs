//! What is done for each element or each byte, by itself: reading what the API says, hashing, planning, writing
//! manifests.

#![expect(clippy::unwrap_used, reason = "a benchmark breaks off where its input is not what it takes it for")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use element_mirror::ElementId;
use element_mirror::digest::{Digest, Hasher};
use element_mirror::ids::Input;
use element_mirror::internals::{Checked, Element, Held, Page, Plan, Sequence, stems};
use element_mirror::manifest::Manifest;
use element_mirror::mirror::Policy;
use serde_json::{Value, json};

const MANIFEST: &str = include_str!("../src/manifest/format-1.json");
const MIB: usize = 1 << 20;

fn main() {
    divan::main();
}

fn id() -> ElementId {
    "u_123456789012345".parse().unwrap()
}

/// An element as the API tells it, with cover, views, video and voice.
fn told() -> Value {
    let resource = |file: &str, key: &str, slot: &str| {
        json!({
            "resource": format!("https://s21-kling.klingai.com/ai-platform/bs2/upload/{file}?x-kcdn-pid=112452"),
            "width": 1024, "height": 1024, "resourceKey": key, "cover": key == "cover", "slotKey": slot,
        })
    };
    let cover = resource("cover.jpg", "cover", "");
    let mut video = resource("video.mp4", "video", "");
    video["voice"] = json!({"id": 1, "name": "A voice", "official": false, "resource": resource("voice.mp3", "", "")});
    let views = ["side", "back", "topView"].map(|slot| resource(&format!("{slot}.jpg"), "secondary", slot));
    json!({
        "id": id(), "name": "FashionLady ABC12", "userId": 42, "type": "IMAGE", "description": "A description of it",
        "cover": cover, "resources": [&cover, &views[0], &views[1], &views[2], &video], "currentVersion": 1,
        "tagList": [{"id": 1, "tagKey": "people", "tagDesc": "People"}], "favored": false, "official": false,
        "createTime": 1_736_640_000_000_u64, "updateTime": 1_736_640_000_000_u64,
    })
}

#[divan::bench]
fn element_parse(bencher: Bencher<'_, '_>) {
    let (body, id) = (told().to_string(), id());
    bencher.counter(BytesCount::of_str(&body)).bench(|| Element::parse(black_box(body.as_bytes()), &id).unwrap());
}

#[divan::bench]
fn page_parse_of_100(bencher: Bencher<'_, '_>) {
    let body = json!({"elementsList": vec![told(); 100], "total": 100}).to_string();
    bencher.counter(ItemsCount::new(100_u32)).bench(|| Page::parse(black_box(body.as_bytes())).unwrap());
}

#[divan::bench]
fn ids_read_of_100_000(bencher: Bencher<'_, '_>) {
    let list: String = (0..100_000).map(|number| format!("u_{}\n", 302_000_000_000_000_u64 + number)).collect();
    bencher
        .counter(ItemsCount::new(100_000_u32))
        .with_inputs(|| vec![Input::from_text("list", list.clone().into_bytes())])
        .bench_values(|inputs| Sequence::new(inputs).count());
}

#[divan::bench]
fn digest_of_1_mib(bencher: Bencher<'_, '_>) {
    let bytes = vec![0x5a; MIB];
    bencher.counter(BytesCount::new(MIB)).bench(|| Digest::of(black_box(&bytes)));
}

/// As a download does it: in the pieces that the network gives.
#[divan::bench(args = [4 << 10, 16 << 10, 64 << 10])]
fn digest_of_1_mib_in_pieces(bencher: Bencher<'_, '_>, piece: usize) {
    let bytes = vec![0x5a; MIB];
    bencher.counter(BytesCount::new(MIB)).bench(|| {
        let mut hasher = Hasher::new();
        black_box(&bytes).chunks(piece).for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    });
}

#[divan::bench]
fn manifest_parse(bencher: Bencher<'_, '_>) {
    let id = id();
    bencher
        .counter(BytesCount::of_str(MANIFEST))
        .bench(|| Manifest::parse(black_box(MANIFEST.as_bytes()), &id).unwrap());
}

#[divan::bench]
fn manifest_to_bytes_and_sums(bencher: Bencher<'_, '_>) {
    let manifest = Manifest::parse(MANIFEST.as_bytes(), &id()).unwrap();
    bencher.bench(|| {
        let bytes = black_box(&manifest).to_bytes();
        manifest.sums(Digest::of(&bytes))
    });
}

#[divan::bench]
fn layout_stems(bencher: Bencher<'_, '_>) {
    let element = Element::parse(told().to_string().as_bytes(), &id()).unwrap();
    bencher.bench(|| stems(black_box(&element.assets)));
}

#[divan::bench]
fn plan_of_a_new_element(bencher: Bencher<'_, '_>) {
    let element = Element::parse(told().to_string().as_bytes(), &id()).unwrap();
    bencher.bench(|| Plan::new(black_box(&element), Held::default(), &Policy::default()));
}

#[divan::bench]
fn plan_against_what_stands(bencher: Bencher<'_, '_>) {
    let element = Element::parse(told().to_string().as_bytes(), &id()).unwrap();
    let standing = Checked { manifest: Manifest::parse(MANIFEST.as_bytes(), &id()).unwrap(), damaged: Vec::new() };
    let held = Held { standing: Some(&standing), draft: None };
    bencher.bench(|| Plan::new(black_box(&element), black_box(held), &Policy::default()));
}
