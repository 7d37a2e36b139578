//! For tests: a server on loopback that answers by a script, and tells what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use object_store::ObjectStore;
use tokio::net::TcpListener;

use super::connect::connect_with;
use super::location::Location;
use crate::error::RunError;
use crate::http::HttpOptions;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<Asked>>,
}

/// The server; it ends with the test's runtime.
pub(super) struct Scripted {
    pub(super) url: String,
    script: Arc<Script>,
}

impl Scripted {
    /// One that gives these replies in turn, and 404 after them.
    pub(super) async fn start(replies: &[(u16, &str)]) -> Self {
        let script = Arc::new(Script::default());
        let replies = replies.iter().map(|&(status, body)| (status, body.to_owned()));
        script.replies.lock().unwrap().extend(replies);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, script }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // What is not read breaks the connection for the one who sends it.
    axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", head.method, head.uri);
    script.asked.lock().unwrap().push(Asked { line, headers: head.headers });
    let (status, body) = script.replies.lock().unwrap().pop_front().unwrap_or((404, String::new()));
    let reply = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("etag", "\"1\"");
    reply.body(Body::from(body)).unwrap()
}

pub(super) fn settings() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(5),
        retries: 0,
        user_agent: "element-mirror/test".to_owned(),
        concurrency: 4,
        ..HttpOptions::default()
    }
}

/// The client for a URL, by what `environment` says.
pub(super) async fn client(
    url: &str,
    settings: &HttpOptions,
    environment: &[(&str, &str)],
) -> Result<Arc<dyn ObjectStore>, RunError> {
    let lookup = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
    connect_with(&Location::parse(url).unwrap(), settings, lookup).await
}
