//! The clients of the stores, configured by the variables that the stores' own tools use.
//!
//! What the variables say that the client would only find out when it is used is found out here, at once and in words:
//! credentials that are missing (where there are none, the client asks a service that only machines in the cloud have,
//! and waits long for it elsewhere), endpoints that would be spoken to in clear, values that can't be sent.

mod aws;
mod azure;
mod connection_string;
mod endpoint;
mod google;
mod variables;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use object_store::{BackoffConfig, ClientOptions, HeaderValue, ObjectStore, RetryConfig};
use tokio::time::timeout;
use url::Url;

use super::location::{Location, Scheme};
use super::words;
use crate::error::RunError;
use crate::http::HttpOptions;
use endpoint::Endpoint;
use variables::Variables;

/// The first wait before another try, and the longest.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(15)];
/// How many times as long as the wait before it a wait may be. The client draws each at random between the first wait
/// and that: with a small number they would hardly grow, and a busy store would be given up within a second.
const GROWTH: f64 = 6.;
/// How long after the first try a further one may begin. A request is tried again with the signature that it has, and
/// that is valid for a quarter of an hour.
const RETRIES_END: Duration = Duration::from_secs(240);
/// How many stall timeouts a reply is waited for: while it is, a whole part may be on its way up.
const PATIENCE: u32 = 4;
/// How long a machine's metadata service may take to give credentials.
const GRANT_PATIENCE: Duration = Duration::from_secs(10);

/// How a store is spoken to. `sole` is the endpoint, where no other server is spoken to: where none is asked for
/// credentials.
///
/// There is no bound on a request as a whole: it would cut off a large body that is coming well.
fn client_options(http: &HttpOptions, sole: Option<&Endpoint>, allow_http: bool) -> Result<ClientOptions, RunError> {
    let user_agent = HeaderValue::from_str(&http.user_agent)
        .map_err(|_| RunError::Broken("the user agent holds characters that can't be sent".to_owned()))?;
    let mut options = ClientOptions::new();
    if let Some(host) = sole.and_then(|endpoint| endpoint.loopback.as_deref()) {
        // What is for this machine does not leave it. The client passes over the environment's proxies only where it is
        // given another one, which the exclusion then keeps from being used for this host.
        let host = host.trim_matches(['[', ']']);
        options = options.with_proxy_url("http://127.0.0.1:9").with_proxy_excludes(host);
    }
    Ok(options
        .with_user_agent(user_agent)
        .with_allow_http(allow_http)
        .with_connect_timeout(http.connect_timeout)
        .with_timeout_disabled()
        .with_read_timeout(http.stall_timeout.saturating_mul(PATIENCE))
        .with_pool_max_idle_per_host(http.concurrency))
}

fn retry(http: &HttpOptions) -> RetryConfig {
    let [init_backoff, max_backoff] = BACKOFF;
    RetryConfig {
        backoff: BackoffConfig { init_backoff, max_backoff, base: GROWTH },
        max_retries: http.retries,
        retry_timeout: RETRIES_END,
    }
}

/// The client for the bucket of `location`, configured by the process' environment.
///
/// # Errors
/// The environment names no credentials, or says what can't be done.
pub(in crate::store) async fn connect(
    location: &Location,
    http: &HttpOptions,
) -> Result<Arc<dyn ObjectStore>, RunError> {
    connect_with(location, http, |name| std::env::var(name).ok()).await
}

/// The client for the bucket of `location`, configured by what `environment` says of each variable.
///
/// # Errors
/// The environment names no credentials, or says what can't be done.
pub(super) async fn connect_with(
    location: &Location,
    http: &HttpOptions,
    environment: impl Fn(&str) -> Option<String> + Sync,
) -> Result<Arc<dyn ObjectStore>, RunError> {
    let variables = Variables(&environment);
    match location.scheme {
        Scheme::S3 => aws::connect(&location.bucket, http, variables).await,
        Scheme::Gs => google::connect(&location.bucket, http, variables).await,
        Scheme::Az => azure::connect(&location.bucket, http, variables).await,
    }
}

/// Which endpoint a variable names, in brackets, to be put behind a message; nothing where none does.
pub(super) fn told_endpoint(scheme: Scheme) -> String {
    let names: &[&str] = match scheme {
        Scheme::S3 => &aws::ENDPOINTS,
        Scheme::Gs => &google::ENDPOINTS,
        Scheme::Az => &azure::ENDPOINTS,
    };
    let environment = |name: &str| std::env::var(name).ok();
    let named = Variables(&environment).first(names);
    // Only its origin: a variable that turns out not to be used was not checked for secrets.
    let origin = named.and_then(|(name, value)| Some((name, Url::parse(&value).ok()?.origin().ascii_serialization())));
    origin.map(|(name, origin)| format!(" ({name} is {origin})")).unwrap_or_default()
}

/// Asks for credentials that a machine's metadata service gives, which the client keeps. An error says why there are
/// none.
async fn granted<C>(asked: impl Future<Output = object_store::Result<C>>) -> Result<(), String> {
    match timeout(GRANT_PATIENCE, asked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("the metadata service says: {}", words::words(&error))),
        Err(_) => Err(format!("the metadata service gives none within {GRANT_PATIENCE:?}")),
    }
}

/// Why a client can't be built: what the variables say, or a machine without trust roots.
fn unbuildable(error: &object_store::Error) -> RunError {
    let message = words::words(error);
    match error {
        object_store::Error::Generic { store: "HTTP client", .. } => RunError::Broken(format!(
            "can't set up TLS: {message}; are the CA certificates installed (package ca-certificates)?"
        )),
        _ => RunError::Broken(format!("can't use the environment's settings of the store: {message}")),
    }
}

#[cfg(test)]
mod tests;
