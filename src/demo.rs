//! The built-in sample API: a few elements on a loopback port, in the protocol of the real one.
//!
//! All its media was made for this project, by `src/demo/draw.py`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::digest::Digest;
use crate::error::RunError;
use crate::http::ApiBase;

/// The token that the sample API accepts.
pub const TOKEN: &str = "demo:element-mirror";

static MEDIA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/demo/media");

/// A row of `media/elements.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    id: String,
    slug: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    /// In which of the API's two published shapes it is told: `current` or `earlier`.
    shape: String,
    tags: Value,
    favored: bool,
    create_time: i64,
    update_time: i64,
    current_version: i64,
    files: Vec<SampleFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SampleFile {
    file: String,
    role: String,
    #[serde(default)]
    slot: String,
    width: Option<u32>,
    height: Option<u32>,
    voice_name: Option<String>,
}

struct Samples {
    elements: Vec<Sample>,
    origin: String,
}

/// The sample API, served until the runtime ends. Its assets are on loopback too, so that
/// [`HttpOptions::allow_private_assets`](crate::http::HttpOptions::allow_private_assets) has to be set.
pub struct Demo {
    /// Its base URL.
    pub base: ApiBase,
}

impl Demo {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start() -> Result<Self, RunError> {
        let cannot = |error| RunError::io("can't start the sample API on a loopback port", error);
        let listener =
            tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(cannot)?;
        let origin = format!("http://{}", listener.local_addr().map_err(cannot)?);
        let base = format!("{origin}/v1/kling").parse::<ApiBase>();
        let base = base.map_err(|error| RunError::Broken(format!("the sample API's address: {error}")))?;
        let file = MEDIA.get_file("elements.json").map(include_dir::File::contents).unwrap_or_default();
        let elements = serde_json::from_slice(file);
        let elements = elements.map_err(|error| RunError::Broken(format!("the sample API's elements: {error}")))?;
        let router = Router::new()
            .route("/v1/kling/accounts", get(accounts))
            .route("/v1/kling/elements", get(page))
            .route("/v1/kling/elements/{id}", get(element))
            .route("/ai-platform/{slug}/{file}", get(media))
            .with_state(Arc::new(Samples { elements, origin }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { base })
    }
}

/// The only account of the sample API.
const EMAIL: &str = "demo@example.com";

/// `GET /accounts`.
async fn accounts(headers: HeaderMap) -> Response {
    let account = json!({ "email": EMAIL, "maxJobs": 8 });
    refusal(&headers).unwrap_or_else(|| reply(StatusCode::OK, &json!({ EMAIL: account })))
}

/// The query of a list. The email that it names does not matter: people have theirs set for the real API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageQuery {
    tag: Option<String>,
    #[serde(default)]
    favored: bool,
    #[serde(default)]
    official: bool,
    #[serde(default = "first_page")]
    page_num: usize,
    #[serde(default = "page_size")]
    page_size: usize,
}

fn first_page() -> usize {
    1
}

fn page_size() -> usize {
    50
}

/// `GET /elements`.
async fn page(State(samples): State<Arc<Samples>>, Query(query): Query<PageQuery>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refusal(&headers) {
        return refusal;
    }
    let has_tag = |sample: &Sample, tag: &str| {
        let is_tag = |known: &Value| known["tagKey"] == tag || known["id"].as_u64() == tag.parse().ok();
        sample.tags.as_array().is_some_and(|tags| tags.iter().any(is_tag))
    };
    let is_asked_for = |sample: &&Sample| {
        let tagged = query.tag.as_deref().is_none_or(|tag| has_tag(sample, tag));
        tagged && !query.official && (sample.favored || !query.favored)
    };
    let all: Vec<&Sample> = samples.elements.iter().filter(is_asked_for).collect();
    let before = query.page_num.saturating_sub(1).saturating_mul(query.page_size);
    let items: Vec<Value> = all.iter().skip(before).take(query.page_size).map(|sample| samples.tell(sample)).collect();
    let (number, size) = (query.page_num, query.page_size);
    reply(StatusCode::OK, &json!({ "elementsList": items, "pageNum": number, "pageSize": size, "total": all.len() }))
}

/// `GET /elements/{elementId}`.
async fn element(State(samples): State<Arc<Samples>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refusal(&headers) {
        return refusal;
    }
    let Some(sample) = samples.elements.iter().find(|sample| sample.id == id) else {
        return reply(StatusCode::NOT_FOUND, &json!({"error": format!("Element {id} not found")}));
    };
    let told = samples.tell(sample);
    let body = if sample.shape == "earlier" { json!({ "element": told }) } else { told };
    reply(StatusCode::OK, &body)
}

/// The reply to a request without the sample API's token; none where that is given.
fn refusal(headers: &HeaderMap) -> Option<Response> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_let_in = bearer.and_then(|value| value.strip_prefix("Bearer ")) == Some(TOKEN);
    (!is_let_in).then(|| reply(StatusCode::UNAUTHORIZED, &json!({"error": "Unauthorized", "code": 401})))
}

fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

impl Samples {
    /// An element as the API tells it.
    fn tell(&self, sample: &Sample) -> Value {
        let resources: Vec<Value> =
            sample.files.iter().filter(|file| file.role != "voice").map(|file| self.resource(sample, file)).collect();
        let mut told = json!({
            "id": sample.id,
            "name": sample.name,
            "userId": 10_000_001,
            "type": sample.kind,
            "description": sample.description,
            "cover": resources.first(),
            "resources": resources,
            "tagList": sample.tags,
            "currentVersion": sample.current_version,
            "createTime": sample.create_time,
            "updateTime": sample.update_time,
            "favored": sample.favored,
            "official": false,
        });
        if let Some(voice) = sample.files.iter().find(|file| file.role == "voice") {
            let resource = json!({ "resource": self.link(sample, voice), "duration": 2400 });
            told["voice"] = json!({ "id": 1, "name": voice.voice_name, "official": false, "resource": resource });
        }
        if sample.shape == "earlier"
            && let Some(members) = told.as_object_mut()
        {
            members.shift_remove("type");
        }
        told
    }

    fn resource(&self, sample: &Sample, file: &SampleFile) -> Value {
        json!({
            "resource": self.link(sample, file),
            "width": file.width,
            "height": file.height,
            "resourceKey": file.role,
            "cover": file.role == "cover",
            "slotKey": file.slot,
        })
    }

    fn link(&self, sample: &Sample, file: &SampleFile) -> String {
        format!("{}/ai-platform/{}/{}?x-kcdn-pid=112452", self.origin, sample.slug, file.file)
    }
}

/// What the CDN serves, to whoever asks.
async fn media(Path((slug, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(found) = MEDIA.get_file(format!("{slug}/{file}")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{:.16}\"", Digest::of(found.contents()).to_string());
    if headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let media_type = match found.path().extension().and_then(|extension| extension.to_str()) {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("mp4") => "video/mp4",
        Some("mp3") => "audio/mpeg",
        Some("m4a") => "audio/mp4",
        _ => "application/octet-stream",
    };
    ([(CONTENT_TYPE, media_type.to_owned()), (ETAG, etag)], found.contents()).into_response()
}
