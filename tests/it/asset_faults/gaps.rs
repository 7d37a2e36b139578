//! Assets that can't be had: fresh links are asked for once, and what stands is never made worse.

use rstest::rstest;
use serde_json::{Value, json};

use super::{run, three};
use crate::support::{MirrorDir, Reply, Upstream, png};

#[track_caller]
fn expect(line: &Value, status: &str, stands: &str, kind: Option<&str>) {
    assert_eq!((&line["status"], &line["stands"]), (&json!(status), &json!(stands)), "{line}");
    assert_eq!(line["error"]["kind"].as_str(), kind, "{line}");
}

#[rstest]
#[case(403)]
#[case(404)]
#[case(410)]
fn refused_links_are_asked_for_anew_once(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let stale = three(&upstream);
    // The links are signed anew; two of the old ones have expired.
    for slot in ["cover", "side"] {
        let good = Reply::ok(png(8, 8, 9));
        upstream.script(&format!("/cdn/{slot}"), move |request| match request.query.as_str() {
            "fresh" => good.clone(),
            _ => Reply::new(status, "expired"),
        });
    }
    let mut fresh = stale.clone();
    fresh["cover"]["resource"] = json!(upstream.url("/cdn/cover?fresh"));
    for (index, slot) in ["cover", "side", "back"].iter().enumerate() {
        fresh["resources"][index]["resource"] = json!(upstream.url(&format!("/cdn/{slot}?fresh")));
    }
    upstream.on_element("u_1", [Reply::json(200, &stale), Reply::json(200, &fresh)]);
    let run = run(&upstream, &mirror).expect(0);
    expect(&run.line("u_1"), "created", "complete", None);
    assert_eq!(upstream.requests_to("/v1/").len(), 2, "asked once more, however many links failed");
    assert_eq!(upstream.cdn_requests().len(), 3 + 2, "only the refused ones are asked for again");
    mirror.check();
}

#[test]
fn what_the_api_says_with_fresh_links_is_what_counts() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let stale = three(&upstream);
    upstream.on("/cdn/side", [Reply::new(403, "expired")]);
    // The side has moved, the back is there no more, and a view from the top is new.
    let mut fresh = stale.clone();
    fresh["name"] = json!("Fresh");
    fresh["resources"][1]["resource"] = json!(upstream.url("/cdn/moved/side"));
    fresh["resources"][2]["resource"] = json!(upstream.url("/cdn/top"));
    fresh["resources"][2]["slotKey"] = json!("topView");
    upstream.on("/cdn/moved/side", [Reply::ok(png(8, 8, 20))]);
    upstream.on("/cdn/top", [Reply::ok(png(8, 8, 21))]);
    upstream.on_element("u_1", [Reply::json(200, &stale), Reply::json(200, &fresh)]);
    let line = run(&upstream, &mirror).expect(0).line("u_1");
    expect(&line, "created", "complete", None);
    assert_eq!((&line["assets"], &line["downloaded"], &line["attempts"]), (&json!(3), &json!(3), &json!(2 + 3 + 2)));
    assert_eq!(mirror.names("u_1").len(), 3 + 3);
    assert_eq!((mirror.read("u_1/side.png"), mirror.read("u_1/topView.png")), (png(8, 8, 20), png(8, 8, 21)));
    assert_eq!(mirror.read("u_1/element.json"), fresh.to_string().into_bytes());
    let manifest = mirror.manifest("u_1");
    assert_eq!(
        (&manifest["element"]["name"], &manifest["assets"][1]["url"]),
        (&json!("Fresh"), &json!(upstream.url("/cdn/moved/side")))
    );
    mirror.check();
    upstream.forget();
    expect(&run(&upstream, &mirror).expect(0).line("u_1"), "unchanged", "complete", None);
    assert_eq!(upstream.cdn_requests().len(), 0);
}

#[test]
fn what_was_had_of_an_element_that_is_edited_meanwhile_is_not_taken_for_new() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let stale = three(&upstream);
    upstream.on("/cdn/side", [Reply::new(403, "expired"), Reply::ok(png(8, 8, 31))]);
    // The cover gets other bytes under the same path.
    upstream.on("/cdn/cover", [Reply::ok(png(8, 8, 0)), Reply::ok(png(8, 8, 30))]);
    let mut fresh = stale.clone();
    fresh["updateTime"] = json!(stale["updateTime"].as_u64().unwrap() + 1000);
    upstream.on_element("u_1", [Reply::json(200, &stale), Reply::json(200, &fresh)]);
    expect(&run(&upstream, &mirror).expect(0).line("u_1"), "created", "complete", None);
    assert_eq!((mirror.read("u_1/cover.png"), mirror.read("u_1/side.png")), (png(8, 8, 30), png(8, 8, 31)));
    mirror.check();
}

#[rstest]
#[case::held(true, 0, "gone", "complete")]
// What could be had of one that is not held is better than nothing.
#[case::not_held(false, 3, "incomplete", "incomplete")]
fn an_element_that_is_gone_when_its_links_are_asked_for_is_gone(
    #[case] held: bool,
    #[case] code: i32,
    #[case] status: &str,
    #[case] stands: &str,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = three(&upstream);
    if held {
        run(&upstream, &mirror).expect(0);
    }
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/moved"));
    upstream.on_element("u_1", [Reply::json(200, &told), Reply::json(404, &json!({"error": "no such element"}))]);
    let line = run(&upstream, &mirror).expect(code).line("u_1");
    assert_eq!((&line["status"], &line["stands"]), (&json!(status), &json!(stands)), "{line}");
    assert_eq!(mirror.has(".element-mirror/gone/u_1"), held);
    mirror.check();
}

#[rstest]
#[case(403)]
#[case(404)]
#[case(410)]
fn a_link_that_is_refused_again_is_missing(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    upstream.on("/cdn/side", [Reply::new(status, "no")]);
    upstream.on("/cdn/back", [Reply::new(status, "no")]);
    let run = run(&upstream, &mirror).expect(3);
    let kind = format!("http_{status}");
    expect(&run.line("u_1"), "incomplete", "incomplete", Some(&kind));
    assert_eq!(run.line("u_1")["error"]["asset"], "side");
    assert_eq!((upstream.requests_to("/v1/").len(), upstream.cdn_requests().len()), (2, 3 + 2));
    let missing = &mirror.manifest("u_1")["missing"];
    let gap = |slot: &str| json!({"role": "secondary", "slot": slot, "url": upstream.url(&format!("/cdn/{slot}")), "error": kind});
    assert_eq!(missing, &json!([gap("side"), gap("back")]));
    mirror.check();
}

#[rstest]
#[case(401)]
#[case(402)]
#[case(500)]
fn another_refusal_is_no_reason_to_ask_for_fresh_links(#[case] status: u16) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    upstream.on("/cdn/side", [Reply::new(status, "no")]);
    let run = run(&upstream, &mirror).expect(3);
    expect(&run.line("u_1"), "incomplete", "incomplete", Some(&format!("http_{status}")));
    assert_eq!(upstream.requests_to("/v1/").len(), 1);
}

#[test]
fn when_none_can_be_had_there_is_no_version() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    for slot in ["cover", "side", "back"] {
        upstream.on(&format!("/cdn/{slot}"), [Reply::new(404, "no")]);
    }
    let run = run(&upstream, &mirror).expect(3);
    expect(&run.line("u_1"), "failed", "none", Some("http_404"));
    assert_eq!(mirror.ids(), Vec::<String>::new());
    mirror.check();
}

#[test]
fn a_complete_version_stays_over_an_incomplete_one() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = three(&upstream);
    run(&upstream, &mirror).expect(0);
    let before = mirror.manifest("u_1");
    told["resources"][1]["resource"] = json!(upstream.url("/cdn/newside"));
    told["resources"][2]["resource"] = json!(upstream.url("/cdn/newback"));
    upstream.on("/cdn/newback", [Reply::ok(png(8, 8, 77))]);
    upstream.tell("u_1", &told);
    let bad = run(&upstream, &mirror).expect(3);
    expect(&bad.line("u_1"), "failed", "complete", Some("http_404"));
    assert_eq!(bad.line("u_1")["error"]["asset"], "side");
    assert_eq!(mirror.manifest("u_1"), before);
    assert_eq!(mirror.history("u_1"), Vec::<String>::new());
    upstream.on("/cdn/newside", [Reply::ok(png(8, 8, 78))]);
    expect(&run(&upstream, &mirror).expect(0).line("u_1"), "updated", "complete", None);
    assert_eq!(mirror.history("u_1").len(), 1);
    mirror.check();
}

#[test]
fn an_incomplete_version_improves_and_never_gets_worse() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    let (gone, back) = ([Reply::new(404, "no")], [Reply::ok(png(8, 8, 40))]);
    upstream.on("/cdn/side", gone.clone());
    upstream.on("/cdn/back", gone.clone());
    expect(&run(&upstream, &mirror).expect(3).line("u_1"), "incomplete", "incomplete", Some("http_404"));
    let first = mirror.manifest("u_1");

    // The same gaps again: no new version.
    upstream.forget();
    expect(&run(&upstream, &mirror).expect(3).line("u_1"), "incomplete", "incomplete", Some("http_404"));
    assert_eq!(mirror.manifest("u_1"), first);
    assert!(upstream.requests_to("/cdn/cover").is_empty(), "what is there is not asked for again");

    // One comes back: a new version, still incomplete.
    upstream.on("/cdn/side", back);
    expect(&run(&upstream, &mirror).expect(3).line("u_1"), "incomplete", "incomplete", Some("http_404"));
    let better = mirror.manifest("u_1");
    assert_eq!((better["assets"].as_array().unwrap().len(), better["missing"].as_array().unwrap().len()), (2, 1));
    assert_eq!(mirror.history("u_1").len(), 1);

    // All are back.
    upstream.on("/cdn/back", [Reply::ok(png(8, 8, 41))]);
    expect(&run(&upstream, &mirror).expect(0).line("u_1"), "updated", "complete", None);
    assert_eq!(mirror.manifest("u_1").get("missing"), None);
    assert_eq!(mirror.history("u_1").len(), 2);
    mirror.check();
}

#[test]
fn an_incomplete_version_with_another_gap_replaces_nothing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = three(&upstream);
    upstream.on("/cdn/side", [Reply::new(404, "no")]);
    run(&upstream, &mirror).expect(3);
    let before = mirror.manifest("u_1");
    // The side is there now, but the back has a new link that leads nowhere.
    upstream.on("/cdn/side", [Reply::ok(png(8, 8, 50))]);
    told["resources"][2]["resource"] = json!(upstream.url("/cdn/newback"));
    upstream.tell("u_1", &told);
    let bad = run(&upstream, &mirror).expect(3);
    expect(&bad.line("u_1"), "failed", "incomplete", Some("http_404"));
    assert_eq!(mirror.manifest("u_1"), before);
    mirror.check_but_staging();
}

#[test]
fn a_gap_that_the_api_names_no_more_is_forgotten() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = three(&upstream);
    upstream.on("/cdn/back", [Reply::new(404, "no")]);
    upstream.on("/cdn/side", [Reply::new(404, "no")]);
    run(&upstream, &mirror).expect(3);
    told["resources"].as_array_mut().unwrap().pop();
    upstream.tell("u_1", &told);
    expect(&run(&upstream, &mirror).expect(3).line("u_1"), "incomplete", "incomplete", Some("http_404"));
    assert_eq!(mirror.manifest("u_1")["missing"].as_array().unwrap().len(), 1);
    told["resources"].as_array_mut().unwrap().pop();
    upstream.tell("u_1", &told);
    expect(&run(&upstream, &mirror).expect(0).line("u_1"), "updated", "complete", None);
    mirror.check();
}

#[rstest]
#[case::not_media("not_media", Reply::ok("<html>"))]
#[case::timeout("timeout", Reply::hang())]
#[case::connect("connect", Reply::reset())]
#[case::redirect("redirect", Reply::redirect(302, "/cdn/side"))]
#[case::no_url("redirect", Reply::redirect(302, "https://["))]
#[case::not_asked_to("http_304", Reply::new(304, ""))]
#[case::another_success("http_206", Reply::new(206, "part"))]
fn whatever_is_wrong_upstream_makes_an_asset_missing(#[case] kind: &str, #[case] reply: Reply) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    upstream.on("/cdn/side", [reply]);
    let program = crate::support::program().run(&upstream, &mirror.path()).args(["--stall-timeout", "1s"]);
    let run = program.args(["--retries", "0"]).ids(["u_1"]).report().expect(3);
    expect(&run.line("u_1"), "incomplete", "incomplete", Some(kind));
    assert_eq!(mirror.manifest("u_1")["missing"][0]["error"], kind);
    mirror.check();
}
