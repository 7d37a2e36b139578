//! How fast the program may go, and how slow the other side may be.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use element_mirror::HttpOptions;
use element_mirror::error::ErrorKind;
use element_mirror::event::Events;
use element_mirror::internals::{Api, Asked, Http, Slot};
use rstest::rstest;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::support::{MirrorDir, Program, Reply, Upstream, element, png, program};

/// What an upstream's clock may be late by, when it notes that a request came.
const LATE: Duration = Duration::from_millis(300);

fn run(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    program().run(upstream, &mirror.path())
}

/// The bytes of a PNG with so much behind what is looked at of it.
fn large(bytes: usize, seed: u8) -> Vec<u8> {
    let mut picture = png(64, 64, seed);
    picture.resize(bytes, seed);
    picture
}

#[test]
fn requests_to_the_api_leave_one_after_the_other_tries_and_redirects_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    let told = upstream.add("u_2", 1);
    upstream.on_element("u_2", [Reply::new(503, ""), Reply::redirect(302, "there")]);
    upstream.on("/v1/kling/elements/there", [Reply::json(200, &told)]);
    run(&upstream, &mirror).args(["--api-rate", "2"]).ids(["u_1", "u_2"]).output().expect(0);
    let asked = upstream.requests_to("/v1/");
    assert_eq!(asked.len(), 4);
    assert!(asked[3].at - asked[0].at + LATE >= Duration::from_millis(1500), "{:?}", asked[3].at - asked[0].at);
    assert!(upstream.cdn_requests()[0].at < asked[3].at, "assets wait for no turn");
}

#[test]
fn a_request_that_waited_for_its_turn_heeds_a_pause_that_began_meanwhile() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    for id in ["u_1", "u_2"] {
        let told = upstream.add(id, 1);
        let busy = Reply::json(429, &json!({"error": "busy"})).header("retry-after", "1");
        upstream.on_element(id, [busy, Reply::json(200, &told)]);
    }
    run(&upstream, &mirror).args(["--api-rate", "4"]).ids(["u_1", "u_2"]).output().expect(0);
    let asked = upstream.requests_to("/v1/");
    assert!(asked[1].at - asked[0].at + LATE >= Duration::from_secs(1), "{:?}", asked[1].at - asked[0].at);
}

/// By the library, since a run that is refused ends whatever waits.
#[tokio::test]
async fn a_request_that_waited_for_its_turn_is_not_sent_with_a_token_that_was_refused_meanwhile() {
    let upstream = Upstream::start();
    let (events, _told) = Events::channel(16);
    let mut options = HttpOptions::default();
    options.api_rate = Some(2.0);
    let http = Http::new(options, &"user:1234-token".into(), events.clone(), CancellationToken::new());
    let api = Api::new(Arc::new(http.unwrap()), upstream.api().parse().unwrap(), events);
    let slots = Arc::new(Semaphore::new(8));
    let ask = async |id: &str| {
        upstream.on_element(id, [Reply::json(401, &json!({"error": "Unauthorized"}))]);
        let (id, attempts) = (id.parse().unwrap(), &AtomicU64::new(0));
        api.element(&Asked { id: &id, account: None, attempts }, &mut Slot::of(&slots)).await.unwrap_err().kind
    };
    let (one, other) = tokio::join!(ask("u_1"), ask("u_2"));
    assert_eq!([one, other], [ErrorKind::Http(401); 2]);
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn all_downloads_together_keep_to_the_rate_and_what_they_wait_is_no_stall() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 3);
    for n in 0..3 {
        upstream.on(&format!("/cdn/u_1/{n}.png"), [Reply::ok(large(16 << 10, n))]);
    }
    // Each file waits longer than ten times this, and is smaller than what would have to come in that time.
    let options = ["--limit-rate", "24K", "--stall-timeout", "100ms", "--retries", "0"];
    let started = Instant::now();
    let run = run(&upstream, &mirror).args(options).ids(["u_1"]).report().expect(0);
    assert!(started.elapsed() >= Duration::from_millis(1900), "{:?}", started.elapsed());
    assert_eq!(run.line("u_1")["bytes"], 48 << 10);
    assert_eq!(upstream.requests().len(), 4);
    mirror.check();
}

#[rstest]
#[case::for_a_turn(&["--api-rate", "0.001"], "/v1/")]
#[case::for_bytes(&["--limit-rate", "1"], "/cdn/")]
fn a_signal_ends_a_run_that_waits(#[case] option: &[&str], #[case] begun: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let ids = ["u_1", "u_2"].map(|id| (upstream.add(id, 1), id).1);
    let running = run(&upstream, &mirror).args(option).ids(ids).args(["--report", "-"]).spawn();
    upstream.wait_for(begun, 1);
    running.signal("TERM");
    running.end_within(Duration::from_secs(6)).expect(143);
    assert_eq!(upstream.requests_to("/v1/").len(), if begun == "/v1/" { 1 } else { 2 });
}

/// A byte comes so often: more often than [`impatient`] asks for one, and far less than is enough in the long run.
const DRIP: Duration = Duration::from_millis(50);

fn impatient(upstream: &Upstream, mirror: &MirrorDir) -> Program {
    run(upstream, mirror).args(["--stall-timeout", "600ms"])
}

#[test]
fn a_body_that_drips_ends_and_another_try_goes_on_with_what_came() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.on_element("u_1", [Reply::json(200, &told).dripping(DRIP), Reply::json(200, &told)]);
    let picture = large(4096, 7);
    let first = Reply::ok(picture.clone()).header("etag", "\"a\"").dripping(DRIP);
    upstream.script("/cdn/c", move |request| match request.headers.get("range") {
        None => first.clone(),
        Some(range) => {
            let from: usize = range["bytes=".len()..range.len() - 1].parse().unwrap();
            let range = format!("bytes {from}-{}/{}", picture.len() - 1, picture.len());
            Reply::new(206, &picture[from..]).header("etag", "\"a\"").header("content-range", &range)
        }
    });
    upstream.tell("u_2", &element("u_2", &[upstream.url("/cdn/c")]));
    let run = impatient(&upstream, &mirror).arg("-v").ids(["u_1", "u_2"]).output().expect(0);
    assert_eq!(run.stderr.matches("came too slowly").count(), 2, "{}", run.stderr);
    assert_eq!((upstream.requests_to("/v1/").len(), upstream.requests_to("/cdn/c").len()), (3, 2));
    assert!(upstream.requests_to("/cdn/c")[1].headers.contains_key("range"));
    mirror.check();
}

#[test]
fn a_head_that_drips_ends() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let told = upstream.add("u_1", 1);
    upstream.on_element("u_1", [Reply::json(200, &told).all_dripping(DRIP), Reply::json(200, &told)]);
    let run = impatient(&upstream, &mirror).arg("-v").ids(["u_1"]).output().expect(0);
    assert!(run.stderr.contains("no reply from 127.0.0.1 within 600ms"), "{}", run.stderr);
    assert_eq!(upstream.requests_to("/v1/").len(), 2);
}

#[test]
fn a_body_that_is_slow_but_ends_is_taken() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.add("u_1", 1);
    upstream.on("/cdn/u_1/0.png", [Reply::ok(&png(1, 1, 1)[..40]).dripping(DRIP)]);
    // Longer than it may stall, and less than ten times that.
    impatient(&upstream, &mirror).args(["--retries", "0"]).ids(["u_1"]).output().expect(0);
    mirror.check();
}
