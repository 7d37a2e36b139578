//! What can go wrong with assets, and what is true afterwards.

mod again;
mod bytes;
mod drafts;
mod files;
mod gaps;
mod links;
mod names;
mod proxies;
mod resume;
mod twins;

use serde_json::Value;

use crate::support::{MirrorDir, Outcome, Reply, Upstream, element, png, program};

/// Where the one asset of [`mirrored`] is.
const COVER: &str = "/cdn/c/cover.png";

/// Mirrors the element `u_1` whose only asset the CDN serves with `replies`.
fn mirrored(upstream: &Upstream, mirror: &MirrorDir, replies: impl IntoIterator<Item = Reply>) -> Outcome {
    upstream.on(COVER, replies);
    upstream.tell("u_1", &element("u_1", &[upstream.url(COVER)]));
    program().run(upstream, &mirror.path()).args(["--stall-timeout", "1s", "--retries", "2"]).ids(["u_1"]).report()
}

/// The element `u_1` with a cover and the views `side` and `back` at `/cdn/<slot>`, as the API tells it.
fn three(upstream: &Upstream) -> Value {
    let slots = ["cover", "side", "back"];
    for (seed, slot) in slots.iter().enumerate() {
        upstream.on(&format!("/cdn/{slot}"), [Reply::ok(png(8, 8, seed as u8))]);
    }
    let told = element("u_1", &slots.map(|slot| upstream.url(&format!("/cdn/{slot}"))));
    upstream.tell("u_1", &told);
    told
}

/// Runs the program for `u_1`.
fn run(upstream: &Upstream, mirror: &MirrorDir) -> Outcome {
    program().run(upstream, &mirror.path()).ids(["u_1"]).report()
}
