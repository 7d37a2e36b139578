//! Mirrors in a bucket, of a scripted S3 server.

mod gone;
mod layout;
mod lost;
mod manifest_put;
mod overlap;
mod parts;
mod prune;
mod puts;
mod reading;
mod refusals;
mod repair;
mod server;
mod signals;

use crate::support::{Bucket, Op, Reply, Seen, Upstream, element, png};

/// What the API says of `id` in this turn: a cover of its own, and a side view that is always the same.
fn turn(upstream: &Upstream, id: &str, turn: u8) {
    let paths = [format!("/cdn/{id}/cover-{turn}"), format!("/cdn/{id}/side")];
    upstream.on(&paths[0], [Reply::ok(cover(turn))]);
    upstream.on(&paths[1], [Reply::ok(png(8, 8, 99))]);
    upstream.tell(id, &element(id, &paths.map(|path| upstream.url(&path))));
}

/// The cover in this turn.
fn cover(turn: u8) -> Vec<u8> {
    png(8, 8, turn)
}

/// An upstream that knows `u_1`, and an empty bucket.
fn scene() -> (Upstream, Bucket) {
    let upstream = Upstream::start();
    turn(&upstream, "u_1", 0);
    (upstream, Bucket::start())
}

/// The same, `u_1` being mirrored, and all requests so far forgotten.
fn mirrored() -> (Upstream, Bucket) {
    let (upstream, bucket) = scene();
    bucket.run(&upstream).ids(["u_1"]).output().expect(0);
    upstream.forget();
    bucket.forget();
    (upstream, bucket)
}

/// What was asked of the bucket about the element `u_1`, in order: operation, key without digest, condition.
fn story(bucket: &Bucket) -> Vec<String> {
    let log = bucket.log().into_iter().filter(|seen| seen.key.contains("u_1"));
    log.map(|seen| format!("{} {} {}", seen.op, plain(&seen.key), condition(&seen)).trim_end().to_owned()).collect()
}

/// The condition of a request, but for the etag.
fn condition(seen: &Seen) -> String {
    let condition = seen.condition();
    if condition.starts_with("If-Match") { "If-Match".to_owned() } else { condition }
}

/// A key without digests and times.
fn plain(key: &str) -> String {
    let is_digest = |part: &str| part.len() == 32 && part.bytes().all(|c| c.is_ascii_hexdigit());
    let is_time = |part: &str| part.len() == 16 && part.ends_with('Z');
    let plain = |part: &str| {
        let parts: Vec<&str> = part.split('.').filter(|part| !is_digest(part)).collect();
        if is_time(part) { "WHEN".to_owned() } else { parts.join(".") }
    };
    key.split('/').map(plain).collect::<Vec<_>>().join("/")
}

/// The keys of the objects that were put, in order.
fn put(bucket: &Bucket) -> Vec<String> {
    bucket.log().into_iter().filter(|seen| seen.op == Op::Put).map(|seen| plain(&seen.key)).collect()
}

/// The bytes of a PNG that has so many, told apart by `seed`.
fn large(size: usize, seed: u8) -> Vec<u8> {
    let mut bytes = png(8, 8, seed);
    let end = bytes.split_off(bytes.len() - 12);
    bytes.resize(size - end.len(), seed);
    bytes.extend(end);
    bytes
}
