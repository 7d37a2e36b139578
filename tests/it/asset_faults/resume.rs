//! Bodies that break off: what is there is gone on with, and never mixed with another file.

use rstest::rstest;
use serde_json::json;

use super::mirrored;
use crate::support::{MirrorDir, Reply, Request, Upstream, element, png, program};

const LAST_MODIFIED: &str = "Sun, 12 Jan 2025 00:00:00 GMT";

fn old() -> Vec<u8> {
    png(64, 64, 1)
}

fn new() -> Vec<u8> {
    png(32, 32, 2)
}

/// The reply with the validators that all replies about one file have here.
fn tagged(reply: Reply) -> Reply {
    reply.header("etag", "\"a\"").header("last-modified", LAST_MODIFIED)
}

/// The bytes from `from` to before `to`, as a reply to a range request.
fn range_of(bytes: &[u8], from: usize, to: usize) -> Reply {
    let range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
    Reply::new(206, &bytes[from..to]).header("content-range", &range)
}

/// The rest of `bytes` from `from` on, as a reply to a range request.
fn rest(bytes: &[u8], from: usize) -> Reply {
    range_of(bytes, from, bytes.len())
}

fn range(request: &Request) -> (Option<&str>, Option<&str>) {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    (header("range"), header("if-range"))
}

#[track_caller]
fn check(mirror: &MirrorDir, expected: &[u8]) {
    assert!(mirror.read("u_1/cover.png") == expected, "it is another file");
    mirror.check();
}

/// A chunked body of which `length` bytes come, in one chunk, before a chunk that is none.
fn bad_chunk(bytes: &[u8], length: usize) -> Reply {
    let head = "HTTP/1.1 200 OK\r\netag: \"a\"\r\nlast-modified: Sun, 12 Jan 2025 00:00:00 GMT\r\n";
    let chunk =
        [format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n").as_bytes(), &bytes[..length], b"\r\nxyz\r\n"]
            .concat();
    Reply::raw([head.as_bytes(), &chunk].concat())
}

#[rstest]
#[case::short(tagged(Reply::ok(old())).broken_at(1000))]
#[case::reset(tagged(Reply::ok(old())).reset_at(1000))]
#[case::stalled(tagged(Reply::ok(old())).stalled_at(1000))]
#[case::bad_chunk(bad_chunk(&old(), 1000))]
fn a_body_that_breaks_off_is_gone_on_with(#[case] first: Reply) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = mirrored(&upstream, &mirror, [first, tagged(rest(&old(), 1000))]).expect(0);
    let requests = upstream.cdn_requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(range(&requests[0]), (None, None));
    assert_eq!(range(&requests[1]), (Some("bytes=1000-"), Some("\"a\"")));
    assert_eq!(run.line("u_1")["bytes"], old().len());
    check(&mirror, &old());
}

#[rstest]
#[case::it_breaks_off_again(tagged(rest(&old(), 700)).broken_at(500))]
// A server may answer with fewer bytes than were asked for.
#[case::a_part_of_the_range(tagged(range_of(&old(), 700, 1200)))]
fn it_is_gone_on_with_until_it_is_whole(#[case] second: Reply) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    mirrored(&upstream, &mirror, [tagged(Reply::ok(old())).broken_at(700), second, tagged(rest(&old(), 1200))])
        .expect(0);
    assert_eq!(range(&upstream.cdn_requests()[2]).0, Some("bytes=1200-"));
    check(&mirror, &old());
}

/// A body that breaks off again and again, each time after so many bytes more.
#[rstest]
#[case::an_eighth(8, 0, 8)]
#[case::less(40, 3, 3)]
fn a_file_that_gets_on_by_an_eighth_gets_its_tries_anew(
    #[case] pieces: usize,
    #[case] code: i32,
    #[case] asked: usize,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let piece = old().len().div_ceil(pieces);
    let first = tagged(Reply::ok(old())).broken_at(piece);
    let broken = |n: usize| tagged(rest(&old(), n * piece)).broken_at(piece.min(old().len() - n * piece));
    let replies = std::iter::once(first).chain((1..pieces).map(broken));
    mirrored(&upstream, &mirror, replies).expect(code);
    assert_eq!(upstream.cdn_requests().len(), asked);
}

#[test]
fn a_part_need_not_repeat_the_date_beside_the_etag() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let second = rest(&old(), 1000).header("etag", "\"a\"");
    mirrored(&upstream, &mirror, [tagged(Reply::ok(old())).broken_at(1000), second]).expect(0);
    assert_eq!(upstream.cdn_requests().len(), 2);
    check(&mirror, &old());
}

#[test]
fn a_length_that_only_the_range_tells_counts_too() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let replies = [bad_chunk(&old(), 700), tagged(range_of(&old(), 700, 1200)), tagged(rest(&old(), 1200))];
    mirrored(&upstream, &mirror, replies).expect(0);
    check(&mirror, &old());
}

/// The bytes from `from` to before `to`, and ten more.
fn too_much(bytes: &[u8], from: usize, to: usize) -> Reply {
    let range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
    Reply::new(206, [&bytes[from..to], &[0; 10]].concat()).header("content-range", &range)
}

#[test]
fn a_range_of_a_file_of_unknown_length_is_not_taken_for_its_end() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let part = Reply::new(206, &old()[700..1200]).header("content-range", "bytes 700-1199/*");
    mirrored(&upstream, &mirror, [bad_chunk(&old(), 700), tagged(part), Reply::ok(old())]).expect(0);
    assert_eq!(range(&upstream.cdn_requests()[2]), (None, None), "it starts over");
    check(&mirror, &old());
}

/// In each case the first reply announces the old file and breaks off; what is there at the end is the new one, whole.
#[test]
fn two_files_are_never_mixed() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let dated = |reply: Reply, etag: &str, date: &str| reply.header("etag", etag).header("last-modified", date);
    let tomorrow = "Mon, 13 Jan 2025 00:00:00 GMT";
    let whole = || Reply::ok(new());
    let cases = [
        ("range_ignored", vec![dated(whole(), "\"b\"", tomorrow)]),
        ("range_ignored_with_the_same_etag", vec![tagged(whole())]),
        ("another_range", vec![tagged(rest(&new(), 900)), whole()]),
        ("no_range_told", vec![tagged(Reply::new(206, &new()[1000..])), whole()]),
        ("another_length", vec![tagged(range_of(&[new(), new()].concat(), 1000, 3000)), whole()]),
        ("no_such_range", vec![Reply::new(416, "").header("content-range", "bytes */5"), whole()]),
        ("another_etag", vec![dated(rest(&new(), 1000), "\"b\"", LAST_MODIFIED), whole()]),
        ("weak_etag", vec![dated(rest(&new(), 1000), "W/\"a\"", LAST_MODIFIED), whole()]),
        ("no_etag_any_more", vec![rest(&new(), 1000).header("last-modified", LAST_MODIFIED), whole()]),
        ("another_date", vec![dated(rest(&new(), 1000), "\"a\"", tomorrow), whole()]),
        ("more_than_its_range", vec![tagged(too_much(&old(), 1000, 1500)), whole()]),
        ("more_than_its_range_in_chunks", vec![tagged(too_much(&old(), 1000, 1500)).in_chunks(), whole()]),
        ("more_than_the_file", vec![tagged(too_much(&old(), 1000, old().len())), whole()]),
        ("not_modified", vec![tagged(Reply::new(304, "")), whole()]),
        ("precondition_failed", vec![tagged(Reply::new(412, "")), whole()]),
    ];
    let counts = cases.clone().map(|(id, then)| (id, 1 + then.len()));
    for (id, then) in cases {
        let path = format!("/cdn/{id}");
        upstream.on(&path, std::iter::once(tagged(Reply::ok(old())).broken_at(1000)).chain(then));
        upstream.tell(id, &element(id, &[upstream.url(&path)]));
    }
    // One try more, for the body that broke off; starting over is none.
    let program = program().run(&upstream, &mirror.path()).args(["--retries", "1"]);
    program.ids(counts.map(|(id, _)| id)).output().expect(0);
    for (id, count) in counts {
        let requests: Vec<Request> =
            upstream.requests().into_iter().filter(|request| request.path == format!("/cdn/{id}")).collect();
        assert_eq!(requests.len(), count, "{id}");
        assert_eq!(range(&requests[1]), (Some("bytes=1000-"), Some("\"a\"")), "{id}");
        assert!(requests[2..].iter().all(|request| range(request) == (None, None)), "{id} starts over");
        assert!(mirror.read(&format!("{id}/cover.png")) == new(), "{id} is another file");
    }
    mirror.check();
}

#[rstest]
#[case::weak(Some("W/\"a\""), None)]
#[case::none(None, None)]
#[case::a_date_alone(None, Some(LAST_MODIFIED))]
fn without_a_strong_validator_it_starts_over(#[case] etag: Option<&str>, #[case] date: Option<&str>) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut reply = Reply::ok(old());
    for (name, value) in [("etag", etag), ("last-modified", date)] {
        reply = value.into_iter().fold(reply, |reply, value| reply.header(name, value));
    }
    mirrored(&upstream, &mirror, [reply.clone().broken_at(1000), reply]).expect(0);
    let requests = upstream.cdn_requests();
    assert_eq!((requests.len(), range(&requests[1])), (2, (None, None)));
    check(&mirror, &old());
}

#[test]
fn one_that_breaks_off_to_the_last_try_is_missing_and_leaves_nothing() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = mirrored(&upstream, &mirror, [Reply::ok(old()).broken_at(1000)]).expect(3);
    let line = run.line("u_1");
    assert_eq!((&line["status"], &line["error"]["kind"]), (&json!("failed"), &json!("truncated")));
    assert_eq!(line["error"]["asset"], "cover.png");
    assert_eq!(upstream.cdn_requests().len(), 3);
    mirror.check();
}
