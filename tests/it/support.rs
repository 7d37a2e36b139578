//! What every topic needs: a scripted upstream, the program, and a mirror to look at.

mod accounts;
mod bucket;
mod mirror;
mod mount;
mod program;
mod tls;
mod upstream;

pub(crate) use accounts::{Accounts, SECRET, query};
pub(crate) use bucket::{Bucket, Fault, Op, Seen};
pub(crate) use mirror::{MirrorDir, check_version};
pub(crate) use mount::{Disk, Mount, skipped};
pub(crate) use program::{Outcome, Program, Running, TOKEN, program, program_with_umask};
pub(crate) use tls::{Certificate, TlsServer};
pub(crate) use upstream::{Reply, Request, Upstream, picture};

use serde_json::{Value, json};

/// The bytes of a PNG of that size, told apart by `seed`: as much of one as a mirror looks at.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x02\0\0\0\0\0\0\0");
    bytes.extend((0..2000).map(|n: u32| seed.wrapping_mul(31).wrapping_add((n % 251) as u8)));
    bytes.extend(b"\0\0\0\0IEND\xaeB`\x82");
    bytes
}

/// The bytes of an MP4: as much of one as a mirror looks at.
pub(crate) fn mp4(seed: u8) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    bytes.extend((0..5000).map(|n: u32| seed.wrapping_add((n % 241) as u8)));
    bytes
}

/// An element as the API tells it, with a cover and views at `urls`: `cover`, then the slots `side`, `back`, `topView`.
pub(crate) fn element(id: &str, urls: &[String]) -> Value {
    let slots = ["", "side", "back", "topView"];
    let resources: Vec<Value> = urls
        .iter()
        .zip(slots)
        .map(|(url, slot)| {
            let key = if slot.is_empty() { "cover" } else { "secondary" };
            json!({"resource": url, "resourceKey": key, "cover": slot.is_empty(), "slotKey": slot})
        })
        .collect();
    json!({
        "id": id,
        "name": format!("Name of {id}"),
        "userId": 42,
        "type": "IMAGE",
        "description": "An element",
        "cover": resources[0],
        "resources": resources,
        "tagList": [],
        "currentVersion": 1,
        "createTime": 1_736_640_000_000_i64,
        "updateTime": 1_736_640_000_000_i64,
        "favored": false,
        "official": false,
    })
}
