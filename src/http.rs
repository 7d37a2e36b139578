//! The network: the only owner of reqwest. Requests are bounded, guarded and classified here.
//!
//! Two lanes lead out: one to the API, whose requests carry the token and follow no redirect to another origin, and
//! one to the CDN, whose requests carry nothing of ours and pass the [`guard`]. A lane bounds its requests in flight;
//! its permit is held from the request to the end of the body, and never during a wait.

mod cause;
pub mod guard;
pub mod retry;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::{ErrorKind, Failure};
use crate::event::Events;
use crate::header::retry_after;
use cause::{causes, find_cause, is_of_this_machine};
use guard::Guard;
use retry::Retry;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// How the network is used.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Asset downloads at a time.
    pub concurrency: usize,
    /// API requests at a time.
    pub api_concurrency: usize,
    /// Further tries of a request that failed for a passing reason.
    pub retries: usize,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for the next byte.
    pub stall_timeout: Duration,
    /// Sent as `User-Agent` to API and CDN.
    pub user_agent: String,
    /// Whether assets may be fetched over http:// and from loopback and private addresses.
    pub allow_private_assets: bool,
    /// Whether proxies named in the environment are used.
    pub proxies: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            concurrency: 16,
            api_concurrency: 4,
            retries: 5,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            user_agent: concat!("element-mirror/", env!("CARGO_PKG_VERSION")).to_owned(),
            allow_private_assets: false,
            proxies: true,
        }
    }
}

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The API: with the token, to its own origin alone.
    Api,
    /// Whoever serves an asset: with nothing of ours.
    Cdn,
}

/// The way out to the network.
pub struct Http {
    options: HttpOptions,
    authorization: HeaderValue,
    api: Lane,
    cdn: Lane,
    guard: Arc<Guard>,
    events: Events,
    stop: CancellationToken,
}

/// A reply whose body is still to be read; it holds its lane's permit.
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    response: Response,
    _permit: SemaphorePermit<'a>,
}

impl Http {
    /// The network with `token` for the API; no request is begun after `stop` is cancelled.
    ///
    /// # Errors
    /// The token or the user agent holds characters that no header can carry.
    pub fn new(
        options: HttpOptions,
        token: &SecretString,
        events: Events,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Failure::new(ErrorKind::BadReply, "the token holds characters that can't be sent"))?;
        authorization.set_sensitive(true);
        let guard = Arc::new(Guard::new(options.allow_private_assets, options.proxies, options.connect_timeout));
        let api = Lane::new(Target::Api, &options, &guard)?;
        let cdn = Lane::new(Target::Cdn, &options, &guard)?;
        Ok(Self { options, authorization, api, cdn, guard, events, stop })
    }

    /// The further tries of a request for `what`.
    pub fn retry(&self, what: impl Into<String>) -> Retry {
        Retry::new(self.options.retries, what.into(), self.events.clone())
    }

    /// `text` without the token, which an API may well repeat to whoever sent it. To be asked before the text is cut:
    /// of half a token nobody could tell that it is one.
    pub fn without_token<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let bearer = self.authorization.as_bytes();
        // What is shorter is no secret, and stands in words.
        let token = bearer.strip_prefix(b"Bearer ").filter(|token| token.len() >= 8);
        match token.and_then(|token| std::str::from_utf8(token).ok()) {
            Some(token) if memchr::memmem::find(text, token.as_bytes()).is_some() => {
                String::from_utf8_lossy(text).replace(token, "[token]").into_bytes().into()
            }
            _ => text.into(),
        }
    }

    /// A permit to send a request to `target`.
    ///
    /// # Errors
    /// The run has ended: what is cancelled then lets go of its permits, and they are not for others.
    pub async fn permit(&self, target: Target) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = self.lane(target).permits.acquire().await;
        self.check_on()?;
        permit.map_err(|_| ended())
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// The run has ended.
    pub fn check_on(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() { Err(ended()) } else { Ok(()) }
    }

    /// Sends one GET, following redirects as far as the target allows, until the reply's headers are there.
    ///
    /// # Errors
    /// No reply: the failure says why, without the URL's query.
    pub async fn get<'a>(
        &'a self,
        target: Target,
        url: &Url,
        headers: &[(HeaderName, String)],
        permit: SemaphorePermit<'a>,
    ) -> Result<Reply<'a>, Failure> {
        let mut url = Cow::Borrowed(url);
        for _ in 0..=MAX_REDIRECTS {
            if target == Target::Cdn {
                self.guard.check(&url).await?;
            }
            let response = self.send(target, &url, headers).await?;
            let Some(next) = redirect(&response) else {
                return Ok(Reply { status: response.status().as_u16(), response, _permit: permit });
            };
            let next =
                url.join(&next).map_err(|_| Failure::new(ErrorKind::Redirect, "redirected to what is no URL"))?;
            if target == Target::Api && next.origin() != url.origin() {
                let (host, status) = (next.host_str().unwrap_or("?"), response.status().as_u16());
                let message =
                    format!("the API redirects ({status}) to another host, {host}; the token is not sent there");
                return Err(Failure::new(ErrorKind::Redirect, message));
            }
            url = Cow::Owned(next);
        }
        Err(Failure::new(ErrorKind::Redirect, format!("more than {MAX_REDIRECTS} redirects")))
    }

    async fn send(&self, target: Target, url: &Url, headers: &[(HeaderName, String)]) -> Result<Response, Failure> {
        let mut request = self.lane(target).client(url, &self.options, &self.guard)?.get(url.clone());
        if target == Target::Api {
            request = request.header(AUTHORIZATION, self.authorization.clone());
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| classify(error, url))
    }

    fn lane(&self, target: Target) -> &Lane {
        match target {
            Target::Api => &self.api,
            Target::Cdn => &self.cdn,
        }
    }
}

impl Reply<'_> {
    /// A header's text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// How long the server asks to be left alone, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER).and_then(retry_after)
    }

    /// The body's length, where the server says it.
    pub fn content_length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The next bytes of the body; none at its end.
    ///
    /// # Errors
    /// `truncated` where the body breaks off, `timeout` where it stalls.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.response.chunk().await.map_err(|error| {
            let timeout = error.is_timeout();
            let (kind, what) = match timeout {
                true => (ErrorKind::Timeout, "the body stalled"),
                false => (ErrorKind::Truncated, "the body broke off"),
            };
            Failure::new(kind, format!("{what}: {}", causes(&error.without_url())))
        })
    }

    /// The whole body, at most `limit` bytes of it. The permit stays with the reply, so that what the body says can be
    /// heeded before the next request is sent.
    ///
    /// # Errors
    /// As [`Self::chunk`], and `too_large`.
    pub async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let too_large = || Failure::new(ErrorKind::TooLarge, format!("the reply is larger than {} MiB", limit >> 20));
        if self.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(self.content_length().map_or(0, |length| length as usize));
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            if body.capacity() - body.len() < chunk.len() {
                // Twice as much each time, but never more than may come.
                body.reserve_exact(body.len().max(chunk.len()).min(limit - body.len()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// One way out: its clients and its bound.
struct Lane {
    target: Target,
    /// For http:// alone: built without trust roots, which a slim machine may not have.
    plain: Client,
    /// Built when the first https:// is met.
    tls: OnceLock<Result<Client, Failure>>,
    /// Requests in flight, from sending to the end of the body.
    permits: Semaphore,
}

impl Lane {
    fn new(target: Target, options: &HttpOptions, guard: &Arc<Guard>) -> Result<Self, Failure> {
        let plain = client(target, options, guard).tls_certs_only([]);
        // In clear the token goes to this machine alone, and to no proxy.
        let plain = if target == Target::Api { plain.no_proxy() } else { plain };
        let plain = plain.build().map_err(unbuildable)?;
        let permits = match target {
            Target::Api => options.api_concurrency,
            Target::Cdn => options.concurrency,
        };
        Ok(Self { target, plain, tls: OnceLock::new(), permits: Semaphore::new(permits) })
    }

    fn client(&self, url: &Url, options: &HttpOptions, guard: &Arc<Guard>) -> Result<&Client, Failure> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
        }
        let build = || client(self.target, options, guard).build().map_err(unbuildable);
        self.tls.get_or_init(build).as_ref().map_err(Clone::clone)
    }
}

/// A client that does nothing by itself: no redirects, referers, retries, decoding.
fn client(target: Target, options: &HttpOptions, guard: &Arc<Guard>) -> ClientBuilder {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.stall_timeout);
    let client = if options.proxies { client } else { client.no_proxy() };
    match target {
        Target::Api => client.pool_max_idle_per_host(options.api_concurrency),
        // HTTP/2 would put all downloads on one connection and one window.
        Target::Cdn => {
            let resolver = guard::Resolver(Arc::clone(guard));
            client.http1_only().pool_max_idle_per_host(options.concurrency).dns_resolver(resolver)
        }
    }
}

fn ended() -> Failure {
    Failure::new(ErrorKind::Interrupted, "the run has ended")
}

fn unbuildable(error: reqwest::Error) -> Failure {
    let hint = "are the CA certificates installed (package ca-certificates)?";
    Failure::new(ErrorKind::Tls, format!("can't set up TLS: {}; {hint}", causes(&error.without_url())))
}

fn redirect(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308).then(|| location.to_owned())
}

/// The kind of a request that got no reply, with its causes in words.
fn classify(error: reqwest::Error, url: &Url) -> Failure {
    let error = error.without_url();
    if let Some(refused) = find_cause::<guard::RefusedAddress>(&error) {
        return Failure::new(ErrorKind::UnsafeUrl, refused.to_string());
    }
    let words = causes(&error);
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else if words.contains("certificate") {
        ErrorKind::Tls
    } else if is_of_this_machine(&error) {
        ErrorKind::Io
    } else if error.is_dns() {
        ErrorKind::Dns
    } else {
        ErrorKind::Connect
    };
    Failure::new(kind, format!("no reply from {}: {words}", url.host_str().unwrap_or("?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_request_is_begun_after_the_runs_end() {
        let (token, stop) = (SecretString::from("user:1234-token"), CancellationToken::new());
        let http = Http::new(HttpOptions::default(), &token, Events::channel(1).0, stop.clone()).unwrap();
        for target in [Target::Api, Target::Cdn] {
            assert!(http.permit(target).await.is_ok());
        }
        stop.cancel();
        for target in [Target::Api, Target::Cdn] {
            assert_eq!(http.permit(target).await.err().unwrap().kind, ErrorKind::Interrupted);
        }
    }
}
