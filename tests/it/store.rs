//! The destination: what it refuses, what it repairs, and what a failing disk does to it.

mod damage;
mod destination;
mod poor;
mod small;
mod strangers;
mod trouble;

use crate::support::{Reply, Upstream, element, png};

/// A picture too large for a small disk.
fn large(seed: u8) -> Vec<u8> {
    let mut bytes = png(64, 64, seed);
    let end = bytes.split_off(bytes.len() - 12);
    bytes.resize(300_000, seed);
    bytes.extend(end);
    bytes
}

fn add_large(upstream: &Upstream, count: u8) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|n| format!("u_{n}")).collect();
    for (n, id) in (0..).zip(&ids) {
        upstream.on(&format!("/cdn/{id}"), [Reply::ok(large(n))]);
        upstream.tell(id, &element(id, &[upstream.url(&format!("/cdn/{id}"))]));
    }
    ids
}
