//! An API and a CDN in one that make up what they say: replies that are late, and bodies that are on no disk.
//!
//! `upstream DELAY_MS IMAGES IMAGE_BYTES VIDEO_BYTES` says its port in a line and serves until it is ended. Every
//! element that it is asked for has so many images and, where it has bytes, a video; with neither there are no elements.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a server for measurements: it breaks off where it can't go on, says its port, and is late on purpose"
)]

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures::stream;
use serde_json::json;
use tokio::net::TcpListener;

const VIEWS: [&str; 4] = ["cover", "side", "back", "topView"];
/// What a body is made of: sent again and again, and never copied but to the network.
static FILL: [u8; 1 << 20] = [0x5a; 1 << 20];
const JPEG_HEAD: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\
    \xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0";
const JPEG_TAIL: &[u8] = b"\xff\xd9";
const MP4_HEAD: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";

#[derive(Clone, Copy)]
struct Script {
    delay: Duration,
    images: usize,
    image: u64,
    video: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let &[delay, images, image, video] = args.as_slice() else {
        // `cargo bench` starts every benchmark.
        return eprintln!("upstream: started by benches/run");
    };
    let script = Script { delay: Duration::from_millis(delay), images: images as usize, image, video };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    let routes = Router::new()
        .route("/v1/kling/elements/{id}", get(element))
        .route("/{id}/{file}", get(asset))
        .with_state(script);
    axum::serve(listener, routes).await.unwrap();
}

async fn late(script: Script) {
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
}

async fn element(State(script): State<Script>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    late(script).await;
    let host = headers[HOST].to_str().unwrap();
    let images = VIEWS.iter().take(script.images).map(|&view| {
        let (key, slot) = if view == "cover" { ("cover", "") } else { ("secondary", view) };
        json!({"resource": format!("http://{host}/{id}/{view}.jpg"), "resourceKey": key, "slotKey": slot})
    });
    let video = (script.video > 0)
        .then(|| json!({"resource": format!("http://{host}/{id}/video.mp4"), "resourceKey": "video", "slotKey": ""}));
    let resources: Vec<_> = images.chain(video).collect();
    let (status, told) = if resources.is_empty() {
        (StatusCode::NOT_FOUND, json!({"error": "no such element"}))
    } else {
        (StatusCode::OK, json!({"id": id, "name": "Name of it", "type": "IMAGE", "resources": resources}))
    };
    (status, [(CONTENT_TYPE, "application/json")], told.to_string()).into_response()
}

async fn asset(State(script): State<Script>, Path((_, file)): Path<(String, String)>) -> Response {
    late(script).await;
    let (kind, size, head, tail) = if file.ends_with(".mp4") {
        ("video/mp4", script.video, MP4_HEAD, &b""[..])
    } else {
        ("image/jpeg", script.image, JPEG_HEAD, JPEG_TAIL)
    };
    let fill = size - (head.len() + tail.len()) as u64;
    let whole = (0..fill / FILL.len() as u64).map(|_| Bytes::from_static(&FILL));
    let part = Bytes::from_static(&FILL[..(fill % FILL.len() as u64) as usize]);
    let pieces = [Bytes::from_static(head)].into_iter().chain(whole).chain([part, Bytes::from_static(tail)]);
    let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)));
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_LENGTH, size.to_string())], body).into_response()
}
