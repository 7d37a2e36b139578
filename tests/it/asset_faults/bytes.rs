//! What comes as an asset: what it is, whether it is whole, whether it is too large.

use rstest::rstest;
use serde_json::json;

use super::{COVER, mirrored, run};
use crate::support::{MirrorDir, Reply, Upstream, element, mp4, png, program};

#[rstest]
#[case::html("<!DOCTYPE html><title>Forbidden</title>")]
#[case::json("{\"error\": \"expired\"}")]
#[case::nothing("")]
#[case::pdf(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3".as_slice())]
#[case::zip(b"PK\x03\x04\x14\0\0\0\x08\0".as_slice())]
fn what_is_no_media_is_no_asset_whatever_it_is_called(#[case] body: impl Into<Vec<u8>>) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let reply = Reply::ok(body).header("content-type", "image/png");
    let run = mirrored(&upstream, &mirror, [reply]).expect(3);
    assert_eq!(run.error_kind("u_1"), "not_media");
    assert_eq!(run.line("u_1")["error"]["asset"], "cover.png");
    assert_eq!(mirror.ids(), Vec::<String>::new());
    assert_eq!(upstream.cdn_requests().len(), 1, "not tried again");
    mirror.check();
}

#[test]
fn signature_comes_before_content_type_before_path() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let unknown = b"\x01\x02\x03\x04\0\0\0\0";
    let links = [
        ("/cdn/a.mp3", Reply::ok(png(3, 4, 1)).header("content-type", "audio/mpeg")),
        ("/cdn/b.mp3", Reply::ok(unknown).header("content-type", "image/webp; charset=binary")),
        ("/cdn/c.JPEG", Reply::ok(unknown).header("content-type", "application/octet-stream")),
        ("/cdn/d", Reply::ok(unknown)),
    ];
    let urls: Vec<String> = links.iter().map(|(path, _)| upstream.url(path)).collect();
    for (path, reply) in links {
        upstream.on(path, [reply]);
    }
    upstream.tell("u_1", &element("u_1", &urls));
    let run = run(&upstream, &mirror).expect(3);
    assert_eq!(run.error_kind("u_1"), "not_media", "the fourth is known by nothing");
    let manifest = mirror.manifest("u_1");
    let assets: Vec<_> = manifest["assets"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = assets.iter().map(|asset| (asset["file"].clone(), asset["mediaType"].clone())).collect();
    let expected = [("cover.png", "image/png"), ("side.webp", "image/webp"), ("back.jpg", "image/jpeg")];
    assert_eq!(kinds, expected.map(|(file, kind)| (json!(file), json!(kind))));
    assert_eq!((&assets[0]["width"], &assets[0]["height"]), (&json!(3), &json!(4)));
    mirror.check();
}

#[test]
fn a_picture_that_is_not_as_declared_or_not_whole_is_stored_with_a_warning() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let mut told = element("u_1", &[upstream.url("/cdn/c"), upstream.url("/cdn/s"), upstream.url("/cdn/b")]);
    told["cover"]["width"] = json!(768);
    told["cover"]["height"] = json!(1365);
    told["resources"][1]["width"] = json!("16");
    told["resources"][1]["height"] = json!(16);
    upstream.tell("u_1", &told);
    let cut = png(16, 16, 2)[..1500].to_vec();
    upstream.on("/cdn/c", [Reply::ok(png(512, 512, 1))]);
    upstream.on("/cdn/s", [Reply::ok(cut.clone())]);
    upstream.on("/cdn/b", [Reply::ok(png(9, 9, 3))]);
    let run = run(&upstream, &mirror).expect(0);
    let warnings = json!([
        {"file": "cover.png", "code": "dimensions_differ", "message": "declared 768x1365, is 512x512"},
        {"file": "side.png", "code": "truncated_media", "message": "the picture's end is missing"},
    ]);
    assert_eq!(run.line("u_1")["warnings"], warnings);
    assert_eq!(mirror.manifest("u_1")["warnings"], warnings);
    assert_eq!(mirror.read("u_1/side.png"), cut);
    mirror.check();
    // An element that stays as it is keeps its warnings.
    let again = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0);
    assert_eq!((again.status("u_1").as_str(), &again.line("u_1")["warnings"]), ("unchanged", &warnings));
    // So it does where the same bytes are fetched again, whatever the API has come to declare.
    told["cover"]["width"] = json!(512);
    upstream.tell("u_1", &told);
    let refreshed = program().run(&upstream, &mirror.path()).ids(["u_1"]).arg("--refresh").report().expect(0);
    assert_eq!((refreshed.status("u_1").as_str(), &refreshed.line("u_1")["warnings"]), ("unchanged", &warnings));
    // A new version is held to what is declared now.
    told["cover"]["height"] = json!(512);
    told["name"] = json!("Another");
    told["resources"][2]["width"] = json!(7);
    told["resources"][2]["height"] = json!(9);
    upstream.tell("u_1", &told);
    let updated = program().run(&upstream, &mirror.path()).ids(["u_1"]).report().expect(0).line("u_1");
    let warnings = json!([
        {"file": "side.png", "code": "truncated_media", "message": "the picture's end is missing"},
        {"file": "back.png", "code": "dimensions_differ", "message": "declared 7x9, is 9x9"},
    ]);
    assert_eq!((&updated["status"], &updated["warnings"]), (&json!("updated"), &warnings));
    mirror.check();
}

/// A JPEG with a thumbnail, whose own end marker comes first, and its end marker `before_the_end` bytes before its end.
fn jpeg(before_the_end: Option<usize>) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF thumbnail \xff\xd9".to_vec();
    bytes.resize(200_000, 1);
    if let Some(before) = before_the_end {
        let end = bytes.len() - before;
        bytes[end - 2..end].copy_from_slice(b"\xff\xd9");
    }
    bytes
}

#[rstest]
#[case::at_the_end(Some(0), true)]
#[case::with_something_behind_it(Some(60_000), true)]
#[case::too_far_from_the_end(Some(65_536), false)]
#[case::in_the_thumbnail_alone(None, false)]
fn the_end_of_a_picture_is_looked_for_in_its_last_64_kib(
    #[case] before_the_end: Option<usize>,
    #[case] is_whole: bool,
) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = mirrored(&upstream, &mirror, [Reply::ok(jpeg(before_the_end))]).expect(0);
    let codes = run.line("u_1")["warnings"].as_array().map(|warnings| warnings[0]["code"].clone());
    assert_eq!(codes, (!is_whole).then(|| json!("truncated_media")));
    mirror.check();
}

#[rstest]
#[case::announced(|| Reply::ok(mp4(1)).stalled_at(0))]
#[case::come(|| Reply::ok(mp4(1)))]
#[case::endless(|| Reply::ok(mp4(1)).endless())]
fn what_is_too_large_is_stopped_at_the_limit(#[case] reply: fn() -> Reply) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    upstream.on("/cdn/c", [Reply::ok(png(1, 1, 1))]);
    upstream.on("/cdn/s", [reply()]);
    upstream.tell("u_1", &element("u_1", &[upstream.url("/cdn/c"), upstream.url("/cdn/s")]));
    let program = program().run(&upstream, &mirror.path()).args(["--max-size", "4K", "--stall-timeout", "1s"]);
    let run = program.ids(["u_1"]).report().expect(3);
    assert_eq!((run.status("u_1").as_str(), run.error_kind("u_1").as_str()), ("incomplete", "too_large"));
    assert_eq!(mirror.manifest("u_1")["missing"][0]["error"], "too_large");
    assert_eq!(upstream.requests_to("/cdn/s").len(), 1, "not tried again");
    assert_eq!(mirror.names("u_1"), ["SHA256SUMS", "cover.png", "element.json", "manifest.json"], "its part is gone");
    mirror.check();
}

#[test]
fn what_is_as_large_as_the_limit_is_taken() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let bytes = png(1, 1, 1);
    upstream.on(COVER, [Reply::ok(bytes.clone())]);
    upstream.tell("u_1", &element("u_1", &[upstream.url(COVER)]));
    let limited = |limit: usize| {
        program().run(&upstream, &mirror.path()).args(["--max-size", &limit.to_string()]).ids(["u_1"]).report()
    };
    assert_eq!(limited(bytes.len() - 1).expect(3).error_kind("u_1"), "too_large");
    assert_eq!(limited(bytes.len()).expect(0).status("u_1"), "created");
}

#[rstest]
#[case("gzip")]
#[case("br")]
fn a_body_that_is_encoded_unasked_is_refused(#[case] encoding: &str) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let run = mirrored(&upstream, &mirror, [Reply::ok(png(1, 1, 1)).header("content-encoding", encoding)]).expect(3);
    assert_eq!(run.error_kind("u_1"), "content_encoding");
    assert_eq!(upstream.cdn_requests()[0].headers["accept-encoding"], "identity");
    mirror.check();
}

#[test]
fn a_chunked_body_without_length_is_taken_whole() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    let bytes = png(5, 5, 1);
    let mut reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for chunk in bytes.chunks(700) {
        reply.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    reply.extend(b"0\r\n\r\n");
    mirrored(&upstream, &mirror, [Reply::raw(reply)]).expect(0);
    assert_eq!(mirror.read("u_1/cover.png"), bytes);
    mirror.check();
}
