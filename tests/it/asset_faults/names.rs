//! Names from the network: whatever it says, files have safe and distinct ones.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::run;
use crate::support::{MirrorDir, Reply, Upstream, element, png};

/// The element `u_1` with a cover and a secondary for each of `slots`, every picture another one.
fn with_slots(upstream: &Upstream, slots: &[&str]) -> Value {
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 200))]);
    let mut told = element("u_1", &[upstream.url("/cdn/c")]);
    for (number, slot) in slots.iter().enumerate() {
        let path = format!("/cdn/{number}");
        upstream.on(&path, [Reply::ok(png(1, 1, number as u8))]);
        let resource = json!({"resource": upstream.url(&path), "resourceKey": "secondary", "slotKey": slot});
        told["resources"].as_array_mut().unwrap().push(resource);
    }
    upstream.tell("u_1", &told);
    told
}

fn files(mirror: &MirrorDir) -> Vec<String> {
    let manifest = mirror.manifest("u_1");
    manifest["assets"].as_array().unwrap().iter().map(|asset| asset["file"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn slots_become_safe_and_distinct_names() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let long = "x".repeat(300);
    let slots = [
        "../../x",
        "CON",
        &long,
        "a\u{0}b\nc\u{1b}[31m",
        "\u{202e}gnp.exe",
        "side",
        "side",
        "SIDE",
        "Lpt1.txt",
        "/etc/passwd",
        "manifest",
        "..",
        "cover",
        "\u{645}\u{62b}",
        ".hidden",
        "-rf",
    ];
    with_slots(&upstream, &slots);
    run(&upstream, &mirror).expect(0);
    let files = files(&mirror);
    assert_eq!(files.len(), 1 + slots.len());
    for file in &files {
        let safe = file.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
        assert!(safe && file.len() <= 100 && !file.starts_with(['.', '-']), "{file}");
        let stem = file.split('.').next().unwrap().to_uppercase();
        assert!(!["CON", "LPT1"].contains(&stem.as_str()), "{file}");
    }
    let distinct: HashSet<String> = files.iter().map(|file| file.to_lowercase()).collect();
    assert_eq!(distinct.len(), files.len(), "{files:?}");
    for (file, expected) in [(1, "x.png"), (6, "side.png"), (7, "side-2.png"), (8, "SIDE-3.png"), (13, "cover-2.png")] {
        assert_eq!(files[file], expected);
    }
    assert_eq!(mirror.ids(), ["u_1"], "nothing beside the folder");
    mirror.check();
}

#[test]
fn names_are_stable_from_run_to_run() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = with_slots(&upstream, &["side", "side", "", ""]);
    run(&upstream, &mirror).expect(0);
    let expected = ["cover.png", "side.png", "side-2.png", "secondary-1.png", "secondary-2.png"];
    assert_eq!(files(&mirror), expected);
    let second = mirror.read("u_1/side-2.png");
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "unchanged");
    // The first of two with one name goes; the other one keeps its own.
    told["resources"].as_array_mut().unwrap().remove(1);
    upstream.tell("u_1", &told);
    run(&upstream, &mirror).expect(0);
    assert_eq!(files(&mirror), ["cover.png", "side-2.png", "secondary-1.png", "secondary-2.png"]);
    assert_eq!(mirror.read("u_1/side-2.png"), second);
    // Two new ones come before it; they get what is free.
    for (seed, path) in [(101, "/cdn/101"), (102, "/cdn/102")] {
        upstream.on(path, [Reply::ok(png(1, 1, seed))]);
        let resource = json!({"resource": upstream.url(path), "resourceKey": "secondary", "slotKey": "side"});
        told["resources"].as_array_mut().unwrap().insert(1, resource);
    }
    upstream.tell("u_1", &told);
    run(&upstream, &mirror).expect(0);
    let expected = ["cover.png", "side.png", "side-3.png", "side-2.png", "secondary-1.png", "secondary-2.png"];
    assert_eq!(files(&mirror), expected);
    assert_eq!(mirror.read("u_1/side-2.png"), second);
    mirror.check();
}
