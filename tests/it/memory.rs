//! What is refused, or only passed through, is not held in memory.

use std::io::Read as _;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{MirrorDir, Program, Reply, Running, Upstream, element, program, query};

const MIB: u64 = 1 << 20;

/// `run` of the list on standard input, which stays open: the program waits for more, and can be looked at.
fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path()).args(["-", "-q"])
}

/// Mirrors one more element, and says how much more memory it took at most than all before.
fn more_memory(running: &mut Running, line: &str) -> (Value, u64) {
    let before = running.peak_memory();
    running.write(&format!("{line}\n"));
    let outcome = serde_json::from_str(&running.read_line()).unwrap();
    (outcome, running.peak_memory() - before)
}

/// An element with as many resources, all alike, as make a reply of almost 8 MiB.
fn with_many_resources() -> Value {
    let mut told = element("u_2", &["https://cdn.example/a.png".to_owned()]);
    let resource = told["resources"][0].clone();
    let room = (8 * MIB) as usize - told.to_string().len() - 1000;
    told["resources"] = json!(vec![resource.clone(); room / (resource.to_string().len() + 1)]);
    assert!(told["resources"].as_array().unwrap().len() > 50_000);
    told
}

fn nested(depth: usize) -> String {
    format!("{{\"id\": \"u_2\", \"deep\": {}1{}}}", "[".repeat(depth), "]".repeat(depth))
}

/// No more than the largest reply that is read, which grows by doubling where its length is not said, and some room for how
/// it came.
#[rstest]
#[case::too_large(|| Reply::ok("x".repeat(200 << 20)), "too_large")]
#[case::endless(|| Reply::ok("{ ").endless(), "too_large")]
#[case::many_resources(|| Reply::json(200, &with_many_resources()), "too_many_assets")]
#[case::deep(|| Reply::ok(nested(10_000)), "bad_reply")]
#[case::as_deep_as_it_can_be(|| Reply::ok(nested(4_000_000)), "bad_reply")]
fn a_reply_that_is_refused_takes_no_memory(#[case] reply: fn() -> Reply, #[case] kind: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 4);
    upstream.on_element("u_2", [reply()]);
    let mut running = run(&upstream, &mirror).args(["--report", "-"]).spawn();
    let (normal, _) = more_memory(&mut running, "u_1");
    assert_eq!(normal["status"], "created");
    let (refused, more) = more_memory(&mut running, "u_2");
    assert_eq!(refused["error"]["kind"], kind);
    assert!(more < 24 * MIB, "{} KiB more", more >> 10);
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let mut running = run(&upstream, &mirror).args(["--report", "-"]).spawn();
    more_memory(&mut running, "u_1");
    let (bad, more) = more_memory(&mut running, &"x".repeat(64 << 20));
    assert_eq!(bad["source"], "-:2");
    assert!(more < 8 * MIB, "{} KiB more", more >> 10);
}

/// The account is broken, so that no element is asked for: it is the list alone that is large.
#[test]
fn a_long_list_takes_a_few_bytes_an_id() {
    const HEAD: u64 = 40_000;
    // So many that what a busy machine lets pile up elsewhere, some MB, does not count.
    const MANY: u64 = 640_000;
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on_element("u_0", [Reply::json(596, &json!({"error": "session expired"}))]);
    let report = mirror.beside("report.ndjson");
    let mut running = run(&upstream, &mirror).arg("--report").arg(&report).spawn();
    let mut read = |from: u64, to: u64| {
        let ids: String = (from..to).map(|number| format!("u_{number} broken@example.org\n")).collect();
        // Standard input takes it as fast as the elements end.
        running.write(&ids);
        let mark = format!("u_mark_{to}");
        upstream.add(&mark, 1);
        running.write(&format!("{mark} good@example.org\n"));
        upstream.wait_for(&format!("/v1/kling/elements/{mark}"), 1);
        running.peak_memory()
    };
    let head = read(0, HEAD);
    let more = read(HEAD, MANY) - head;
    assert!(upstream.requests_to("/v1/").len() < 50, "all but those in flight at the start are not asked for");
    let each = more / (MANY - HEAD);
    assert!(each < 64, "{each} bytes an ID");
}

/// Its elements are another shard's, so that it is the list alone that is large.
#[test]
fn an_accounts_long_list_is_no_more_than_a_page_of_it() {
    const PAGES: usize = 300;
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let description = "x".repeat(4000);
    upstream.script("/v1/kling/elements", move |request| {
        let number: usize = query(request)["pageNum"].parse().unwrap();
        if number > PAGES {
            return Reply::hang();
        }
        let item =
            |item: usize| json!({"id": format!("u_{number}_{item}"), "description": description, "updateTime": 1});
        let items: Vec<Value> = (0..100).map(item).collect();
        Reply::json(200, &json!({"elementsList": items, "total": 1_000_000}))
    });
    let all = ["--all", "--email", "a@b.c", "--shard", "1/1000000000", "-q"];
    let running = program().run(&upstream, &mirror.path()).args(all).spawn();
    upstream.wait_for("/v1/kling/elements", PAGES + 1);
    // What came is 120 MiB.
    let peak = running.peak_memory();
    assert!(peak < 48 * MIB, "{} KiB", peak >> 10);
}

/// Manifests are read one after the other. So many warnings that nobody reads keep the run from its end, but fewer than
/// would keep it from writing the index: that is when it can be looked at.
#[test]
fn an_index_is_written_without_holding_it() {
    const LARGE: usize = 300;
    const DAMAGED: usize = 1200;
    let (upstream, mirror) = (Upstream::start(), MirrorDir::in_memory());
    upstream.add("u_0", 1);
    program().run(&upstream, &mirror.path()).ids(["u_0"]).output().expect(0);
    let mut manifest = mirror.manifest("u_0");
    for n in 0..LARGE {
        let id = format!("u_large_{n}");
        manifest["element"]["id"] = json!(id);
        manifest["element"]["description"] = json!("x".repeat(MIB as usize / 2));
        mirror.write(&format!("{id}/manifest.json"), manifest.to_string());
    }
    for n in 0..DAMAGED {
        mirror.write(&format!("u_damaged_{n}/manifest.json"), "{");
    }
    let list = mirror.put("ids.txt", "");
    let mut running = program().run(&upstream, &mirror.path()).arg(list).arg("--index").spawn();
    let size = || mirror.at("index.ndjson").metadata().map_or(0, |index| index.len());
    let started = std::time::Instant::now();
    while size() < LARGE as u64 * MIB / 2 {
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "it is never written: {}", size());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let peak = running.peak_memory();
    assert!(peak < 64 * MIB, "{} MiB", peak / MIB);
    let mut said = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    running.end_within(std::time::Duration::from_secs(10)).expect(0);
    assert_eq!(said.matches("left out of index.ndjson").count(), DAMAGED);
}
