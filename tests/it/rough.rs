//! A bad day upstream: a quarter of all requests goes wrong, each in one of five ways, and every byte arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use element_mirror::digest::Digest;
use element_mirror::time::Time;
use serde_json::json;

use crate::support::{MirrorDir, Reply, Request, Upstream, picture, program};

const ELEMENTS: usize = 500;
/// Makes a day on which nothing goes wrong more than three times in a row, so that the waits stay short.
const SEED: u32 = 204;

/// A pause that the API was told to keep: from the request that was answered with it.
struct Pause {
    since: Instant,
    seconds: u64,
}

/// What went wrong so far.
#[derive(Default)]
struct Day {
    /// By path: how often it was asked for.
    asked: HashMap<String, u64>,
    pauses: Vec<Pause>,
    faults: usize,
}

impl Day {
    /// The reply to a request, `good` or not: decided by its path and by how often that was asked for alone, so that
    /// the day is the same one whatever the order.
    fn reply(&mut self, request: &Request, good: Reply) -> Reply {
        let asked = self.asked.entry(request.path.clone()).or_default();
        *asked += 1;
        let digest = Digest::of(format!("{SEED} {} {asked}", request.path).as_bytes());
        let chance = u32::from_be_bytes(*digest.as_bytes().first_chunk().unwrap());
        let fault = chance % 100;
        self.faults += usize::from(fault < 25);
        match fault {
            0..5 => Reply::new(500, "{\"error\": \"rough\"}"),
            5..10 => Reply::reset(),
            10..15 => Reply::hang(),
            15..20 => good.broken_at(100),
            20..25 => {
                let seconds = u64::from((chance / 100).is_multiple_of(4));
                if request.path.starts_with("/v1/") {
                    self.pauses.push(Pause { since: request.at, seconds });
                }
                if seconds == 0 {
                    return Reply::json(429, &json!({"error": "busy", "retryAfter": in_a_moment()}));
                }
                Reply::json(429, &json!({"error": "busy"})).header("retry-after", &seconds.to_string())
            }
            _ => good,
        }
    }
}

/// A tenth of a second from now.
fn in_a_moment() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix_millis(i64::try_from(now.as_millis()).unwrap() + 100).unwrap().to_string()
}

/// The good reply to a request for part of `bytes` or all of them.
fn serve(request: &Request, bytes: &[u8], etag: &str) -> Reply {
    let from =
        request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let reply = match from {
        Some(from) if request.headers.get("if-range").is_some_and(|validator| validator == etag) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Reply::new(206, &bytes[from..]).header("content-range", &range)
        }
        _ => Reply::ok(bytes),
    };
    reply.header("etag", etag)
}

#[test]
fn every_element_arrives_byte_for_byte_on_a_bad_day() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let day = Arc::new(Mutex::new(Day::default()));
    let ids: Vec<String> = (0..ELEMENTS).map(|number| format!("u_{number}")).collect();
    for id in &ids {
        let told = upstream.add(id, 2);
        let shared = Arc::clone(&day);
        let element = Reply::json(200, &told);
        upstream.script(&format!("/v1/kling/elements/{id}"), move |request| {
            shared.lock().unwrap().reply(request, element.clone())
        });
        for n in 0..2 {
            let (shared, bytes, etag) = (Arc::clone(&day), picture(id, n), format!("\"{id}-{n}\""));
            upstream.script(&format!("/cdn/{id}/{n}.png"), move |request| {
                shared.lock().unwrap().reply(request, serve(request, &bytes, &etag))
            });
        }
    }
    let program = program().run(&upstream, &mirror.path()).args(["--retries", "5", "--stall-timeout", "1s"]);
    let run = program.args(["-v", "--log-format", "json"]).ids(&ids).report().expect(0);
    assert_eq!(run.lines().len(), ELEMENTS);
    for id in &ids {
        assert_eq!(run.status(id), "created");
        for (n, file) in [(0, "cover.png"), (1, "side.png")] {
            assert_eq!(mirror.read(&format!("{id}/{file}")), picture(id, n), "{id}/{file}");
        }
    }
    mirror.check();
    let day = day.lock().unwrap();
    let log = run.log();
    let told = |event: &str| log.iter().filter(|line| line["event"] == event).count();
    println!("{} faults: {} retries and {} pauses told", day.faults, told("retry"), told("pause"));
    assert!(day.faults > 400, "the day was not that bad: {} faults", day.faults);
    // Several requests of the API may meet with one and the same pause; every other fault is a retry, and so is what a busy
    // machine lets stall.
    let paused = day.pauses.len();
    assert!(told("retry") >= day.faults - paused);
    assert!((1..=paused).contains(&told("pause")), "{paused} pauses were asked for");
    check_pauses(&day.pauses, &upstream.requests_to("/v1/"));
}

/// While a pause lasted no request came but those that were in flight, or sent while its reply was on the way.
fn check_pauses(pauses: &[Pause], requests: &[Request]) {
    let on_the_way = Duration::from_millis(500);
    assert!(pauses.iter().filter(|pause| pause.seconds > 0).count() > 1, "no pause was told");
    for pause in pauses {
        let (heard, end) = (pause.since + on_the_way, pause.since + Duration::from_secs(pause.seconds));
        let inside = requests.iter().filter(|request| request.at > heard && request.at < end).count();
        assert_eq!(inside, 0, "requests inside a pause of {} s", pause.seconds);
    }
}
