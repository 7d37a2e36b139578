//! Replies with 200 that are not what was asked for, and odd ones that are.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{MirrorDir, Outcome, Reply, Upstream, element, png, program};

/// The outcome of one element, `u_1`, that the API answers for with `reply`.
fn told(upstream: &Upstream, mirror: &MirrorDir, reply: Reply) -> Outcome {
    upstream.on_element("u_1", [reply]);
    program().run(upstream, &mirror.path()).args(["--stall-timeout", "1s"]).ids(["u_1"]).report()
}

#[rstest]
#[case::html("<html>\n<b>Sign in</b>\u{1b}[31m</html>", "bad_reply", "<html> <b>Sign in</b> [31m</html>")]
#[case::an_error("{\"error\": \"Internal\u{202e} trouble\"}", "api_error", "Internal trouble")]
#[case::an_error_object(
    "{\"id\": \"u_1\", \"error\": {\"message\": \"deep trouble\", \"status\": 9}}",
    "api_error",
    "deep trouble"
)]
#[case::another_element("{\"id\": \"u_2\"}", "wrong_id", "u_2")]
#[case::another_element_inside("{\"element\": {\"id\": \"u_2\"}}", "wrong_id", "u_2")]
#[case::an_array("[{\"id\": \"u_1\"}]", "bad_reply", "[{\"id\": \"u_1\"}]")]
#[case::a_word("null", "bad_reply", "null")]
#[case::broken_json("{\"id\": \"u_1\",, \"name\": 1}", "bad_reply", "line 1 column 14")]
#[case::not_utf_8(b"{\"id\": \"u_1\", \"name\": \"\xff\"}".as_slice(), "bad_reply", "from index 23")]
#[case::no_resources("{\"id\": \"u_1\"}", "no_assets", "no resource")]
#[case::empty_resources(
    "{\"id\": \"u_1\", \"cover\": null, \"resources\": [{}, null, {\"resource\": \"\"}]}",
    "no_assets",
    "no resource"
)]
fn a_reply_that_is_no_element_fails_with_what_is_wrong(
    #[case] body: impl Into<Vec<u8>>,
    #[case] kind: &str,
    #[case] words: &str,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = told(&upstream, &mirror, Reply::ok(body)).expect(3);
    let line = run.line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!("failed"), &json!("none")));
    assert_eq!(run.error_kind("u_1"), kind);
    let message = line["error"]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
    assert_eq!(upstream.requests().len(), 1, "not tried again");
    assert_eq!(mirror.ids(), Vec::<String>::new());
}

#[test]
fn a_wrong_reply_leaves_what_stands_alone() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 2);
    program().run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let before = mirror.manifest("u_1");
    let run = told(&upstream, &mirror, Reply::ok("<html>")).expect(3);
    assert_eq!((run.status("u_1").as_str(), &run.line("u_1")["stands"]), ("failed", &json!("complete")));
    assert_eq!(mirror.manifest("u_1"), before);
    mirror.check();
}

#[test]
fn odd_but_legal_json_is_taken() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for (number, path) in ["/cdn/c", "/cdn/s", "/cdn/d"].into_iter().enumerate() {
        upstream.on(path, [Reply::ok(png(4, 4, number as u8))]);
    }
    let link = |path: &str| upstream.url(path);
    let body = json!({
        "id": "u_1",
        "name": null,
        "type": "HOLOGRAM",
        "userId": "12345678",
        "currentVersion": "3",
        "createTime": "1736640000000",
        "updateTime": 1_736_640_000_000.0,
        "favored": "true",
        "official": 0,
        "description": 17,
        "tagList": null,
        "voice": {"id": 1, "resource": null},
        "cover": {"resource": link("/cdn/c"), "width": "4", "height": null, "resourceKey": null, "cover": true},
        "resources": [
            null,
            {"resource": link("/cdn/c?again=1"), "resourceKey": "cover", "slotKey": null},
            {"resource": link("/cdn/s"), "resourceKey": "secondary", "slotKey": null, "width": -4, "voice": null},
            {"resource": {"resource": link("/cdn/d"), "duration": 2}, "resourceKey": "normalMap", "future": {"x": [1]}},
            {"resourceKey": "withoutLink"},
        ],
        "future": {"deep": [1, {"x": null}]},
    });
    let text = serde_json::to_string_pretty(&body).unwrap();
    told(&upstream, &mirror, Reply::ok(text.as_str())).expect(0);
    mirror.check();
    assert_eq!(mirror.read("u_1/element.json"), text.into_bytes(), "byte for byte");
    let manifest = mirror.manifest("u_1");
    let expected: Value = json!({
        "id": "u_1", "type": "HOLOGRAM", "description": "17", "userId": 12_345_678, "currentVersion": 3,
        "favored": true, "official": false,
        "createTime": "2025-01-12T00:00:00Z", "updateTime": "2025-01-12T00:00:00Z",
    });
    assert_eq!(manifest["element"], expected);
    let files: Vec<&str> = manifest["assets"].as_array().unwrap().iter().map(|a| a["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["cover.png", "secondary-1.png", "other-1.png"]);
}

#[rstest]
#[case::announced(Reply::ok(" ".repeat((8 << 20) + 1)).stalled_at(0), "too_large")]
#[case::come(Reply::ok(" ".repeat((8 << 20) + 1)), "too_large")]
#[case::endless(Reply::ok("{ ").endless(), "too_large")]
#[case::nested_voice(Reply::ok(nested("voice")), "bad_reply")]
#[case::nested_resources(Reply::ok(nested("resources")), "bad_reply")]
#[case::nested_error(Reply::ok(nested("error")), "bad_reply")]
#[case::nested_elements(Reply::ok(format!("{}{{}}{}", "{\"element\":".repeat(10_000), "}".repeat(10_000))), "bad_reply")]
#[case::resources(Reply::ok(resources(100_000)), "too_many_assets")]
#[case::one_resource_too_many(Reply::ok(resources(65)), "too_many_assets")]
fn an_overgrown_reply_is_refused(#[case] reply: Reply, #[case] kind: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = told(&upstream, &mirror, reply).expect(3);
    assert_eq!(run.error_kind("u_1"), kind, "{}", run.stdout);
    assert_eq!(upstream.requests().len(), 1, "not tried again");
}

/// An element with arrays 10,000 deep in the member `name`.
fn nested(name: &str) -> String {
    format!("{{\"id\": \"u_1\", \"{name}\": [{}{}]}}", "[".repeat(10_000), "]".repeat(10_000))
}

/// An element with `count` resources.
fn resources(count: usize) -> String {
    let list: Vec<String> = (0..count).map(|number| format!("{{\"resource\":\"https://h/{number}\"}}")).collect();
    format!("{{\"id\": \"u_1\", \"resources\": [{}]}}", list.join(","))
}

#[test]
fn roles_that_are_not_there_make_a_version_without_assets() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/c")]));
    let run = || program().run(&upstream, &mirror.path()).args(["--roles", "voice,video"]).ids(["u_1"]).report();
    let first = run().expect(0);
    let line = first.line("u_1");
    let expected = (&json!("created"), &json!("complete"), &json!(0));
    assert_eq!((&line["status"], &line["stands"], &line["assets"]), expected);
    let manifest = mirror.manifest("u_1");
    assert_eq!((&manifest["assets"], &manifest["roles"]), (&json!([]), &json!(["video", "voice"])));
    assert_eq!(upstream.cdn_requests().len(), 0);
    mirror.check();
    assert_eq!(run().expect(0).status("u_1"), "unchanged");
}
