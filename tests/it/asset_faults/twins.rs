//! Assets that nothing but the queries of their links tells apart.

use serde_json::{Value, json};

use super::run;
use crate::support::{MirrorDir, Reply, Upstream, element, png};

/// The element `u_1` with a cover, and as many views without a slot at `/cdn/view?n=0`, `/cdn/view?n=1`…
fn views(upstream: &Upstream, count: u8) -> Value {
    upstream.on("/cdn/cover", [Reply::ok(png(8, 8, 99))]);
    let mut told = element("u_1", &[upstream.url("/cdn/cover")]);
    let resources = told["resources"].as_array_mut().unwrap();
    for n in 0..count {
        let link = upstream.url(&format!("/cdn/view?n={n}"));
        resources.push(json!({"resource": link, "resourceKey": "secondary", "slotKey": ""}));
    }
    upstream.tell("u_1", &told);
    told
}

fn view(n: u8) -> Vec<u8> {
    png(8, 8, n)
}

/// The CDN has every view but those that are `missing`.
fn without(upstream: &Upstream, missing: &'static [u8]) {
    upstream.script("/cdn/view", |request| match request.query.trim_start_matches("n=").parse() {
        Ok(n) if !missing.contains(&n) => Reply::ok(view(n)),
        _ => Reply::new(404, "no"),
    });
}

/// The files of the views in the mirror, by their names.
fn held(mirror: &MirrorDir) -> Vec<(String, Vec<u8>)> {
    let assets = mirror.manifest("u_1")["assets"].as_array().unwrap().clone();
    let names = assets.iter().filter(|asset| asset["role"] == "secondary").map(|asset| asset["file"].as_str().unwrap());
    names.map(|name| (name.to_owned(), mirror.read(&format!("u_1/{name}")))).collect()
}

fn expected(views: &[u8]) -> Vec<(String, Vec<u8>)> {
    views.iter().map(|&n| (format!("secondary-{}.png", n + 1), view(n))).collect()
}

#[test]
fn after_a_look_for_fresh_links_each_has_its_own_bytes() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    views(&upstream, 3);
    without(&upstream, &[0]);
    let line = run(&upstream, &mirror).expect(3).line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("incomplete"), &json!("incomplete")), "{line}");
    assert_eq!(held(&mirror), expected(&[1, 2]));
    mirror.check();
}

#[test]
fn what_is_missing_is_not_taken_from_its_twin_by_the_next_run() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    views(&upstream, 2);
    without(&upstream, &[0]);
    for _ in 0..2 {
        assert_eq!(run(&upstream, &mirror).expect(3).status("u_1"), "incomplete");
        assert_eq!(held(&mirror), expected(&[1]));
    }
    without(&upstream, &[]);
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "updated");
    assert_eq!(held(&mirror), expected(&[0, 1]));
    upstream.forget();
    assert_eq!(run(&upstream, &mirror).expect(0).status("u_1"), "unchanged");
    assert!(upstream.cdn_requests().is_empty());
    mirror.check();
}

#[test]
fn a_gap_more_among_twins_is_a_gap_more() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = views(&upstream, 2);
    without(&upstream, &[0]);
    run(&upstream, &mirror).expect(3);
    told["updateTime"] = json!(1_736_640_001_000_i64);
    upstream.tell("u_1", &told);
    without(&upstream, &[0, 1]);
    assert_eq!(run(&upstream, &mirror).expect(3).status("u_1"), "failed");
    assert_eq!(held(&mirror), expected(&[1]));
}
