//! The network: the only owner of reqwest. Requests are bounded, guarded and classified here.
//!
//! Two lanes lead out: one to the API, whose requests carry the token and follow no redirect to another origin, and
//! one to the CDN, whose requests carry nothing of ours and pass the `guard`. A lane bounds its requests in flight;
//! its permit is held from the request to the end of the body, and during no wait between tries. Where rates are asked
//! for, requests to the API wait for their turns, and what comes from the CDN keeps a common pace, with their permits.

mod base;
pub(crate) mod cause;
mod flow;
mod guard;
mod pace;
mod reply;
pub(crate) mod retry;
mod token;
mod turns;

use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, ClientBuilder, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::{ErrorKind, Failure, RunError};
use crate::event::Events;
use cause::{causes, find_cause, is_of_this_machine};
use guard::Guard;
use pace::Pace;
pub(crate) use reply::Reply;
use retry::Retry;
use turns::Turns;

pub use base::{ApiBase, InvalidBase, PUBLIC_API};
pub use token::Token;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// How the network is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Asset downloads at a time; 0 counts as 1. By default 16.
    pub concurrency: usize,
    /// API requests at a time; 0 counts as 1. By default 4.
    pub api_concurrency: usize,
    /// API requests a second, at most; may be less than 1. By default there is no limit.
    pub api_rate: Option<f64>,
    /// Bytes of assets a second, at most, of all downloads together. By default there is no limit.
    pub limit_rate: Option<u64>,
    /// Further tries of a request that failed for a passing reason. By default 5.
    pub retries: usize,
    /// How long to wait for a connection. By default ten seconds.
    pub connect_timeout: Duration,
    /// How long to wait for the head of a reply, connecting included, and for each next byte of its body. A body that
    /// brings less than 64 KiB in ten times as long is given up too. By default thirty seconds.
    pub stall_timeout: Duration,
    /// What is sent as `User-Agent` to API and CDN. By default `element-mirror/` and the version.
    pub user_agent: String,
    /// Whether assets may be fetched over http://, and from loopback and private addresses. By default not.
    pub allow_private_assets: bool,
    /// Whether proxies that the environment names are used (`HTTPS_PROXY` and the like). By default they are.
    pub proxies: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            concurrency: 16,
            api_concurrency: 4,
            api_rate: None,
            limit_rate: None,
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
    token: Token,
    authorization: HeaderValue,
    api: Lane,
    cdn: Lane,
    guard: Arc<Guard>,
    events: Events,
    stop: CancellationToken,
}

impl Http {
    /// The network with `token` for the API; no request is begun after `stop` is cancelled.
    ///
    /// # Errors
    /// The token or the user agent holds characters that no header can carry, or no client can be made.
    pub fn new(options: HttpOptions, token: &Token, events: Events, stop: CancellationToken) -> Result<Self, RunError> {
        let authorization = token.header()?;
        HeaderValue::from_str(&options.user_agent)
            .map_err(|_| RunError::Broken("the user agent holds characters that can't be sent".to_owned()))?;
        let guard = Arc::new(Guard::new(options.allow_private_assets, options.proxies, options.connect_timeout));
        let lane = |target| {
            let lane = Lane::new(target, &options, &guard);
            lane.map_err(|failure| RunError::Broken(failure.message))
        };
        let (api, cdn) = (lane(Target::Api)?, lane(Target::Cdn)?);
        Ok(Self { options, token: token.clone(), authorization, api, cdn, guard, events, stop })
    }

    /// The further tries of a request for `what`.
    pub fn retry(&self, what: impl Into<String>) -> Retry {
        Retry::new(self.options.retries, what.into(), self.events.clone())
    }

    /// `text` without the token, which an API may well repeat to whoever sent it. To be asked before the text is cut:
    /// of half a token nobody could tell that it is one.
    pub fn without_token<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        self.token.hidden_in(text)
    }

    /// A permit to send a request to `target`, now: where these have to wait for a turn, it has come. What may have
    /// changed meanwhile is to be looked at after it.
    ///
    /// # Errors
    /// The run has ended: what is cancelled then lets go of its permits, and they are not for others.
    pub async fn permit(&self, target: Target) -> Result<SemaphorePermit<'_>, Failure> {
        let lane = self.lane(target);
        let permit = lane.permits.acquire().await;
        lane.turn().await;
        self.check_running()?;
        permit.map_err(|_| Failure::ended())
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// The run has ended.
    pub fn check_running(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() { Err(Failure::ended()) } else { Ok(()) }
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
        let lane = self.lane(target);
        for hop in 0..=MAX_REDIRECTS {
            if target == Target::Cdn {
                self.guard.check(&url).await?;
            }
            if hop > 0 {
                lane.turn().await;
            }
            let response = self.send(target, &url, headers).await?;
            let Some(next) = redirect(&response) else {
                return Ok(Reply::new(response, self.options.stall_timeout, lane.pace.as_ref(), permit));
            };
            let next =
                url.join(&next).map_err(|_| Failure::new(ErrorKind::Redirect, "redirected to what is no URL"))?;
            if target == Target::Api && next.origin() != url.origin() {
                let (host, status) = (host(&next), response.status().as_u16());
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
        let counters = &self.events.counters;
        let sent = match target {
            Target::Api => &counters.api_requests,
            Target::Cdn => &counters.cdn_requests,
        };
        sent.fetch_add(1, Relaxed);
        let patience = self.options.stall_timeout;
        let reply = timeout(patience, request.send()).await.map_err(|_| {
            let message = format!("no reply from {} within {patience:?}", host(url));
            Failure::new(ErrorKind::Timeout, message)
        })?;
        reply.map_err(|error| classify(error, url))
    }

    fn lane(&self, target: Target) -> &Lane {
        match target {
            Target::Api => &self.api,
            Target::Cdn => &self.cdn,
        }
    }
}

/// One way out: its clients and its bounds.
struct Lane {
    target: Target,
    /// For http:// alone: built without trust roots, which a slim machine may not have.
    plain: Client,
    /// Built when the first https:// is met.
    tls: OnceLock<Result<Client, Failure>>,
    /// Requests in flight, from sending to the end of the body.
    permits: Semaphore,
    /// What spaces requests; `None` if there is no limit to their rate.
    turns: Option<Turns>,
    /// What slows bodies down; `None` if there is no limit to their rate.
    pace: Option<Pace>,
}

impl Lane {
    fn new(target: Target, options: &HttpOptions, guard: &Arc<Guard>) -> Result<Self, Failure> {
        let plain = client(target, options, guard).tls_certs_only([]);
        // In clear the token goes to this machine alone, and to no proxy.
        let plain = if target == Target::Api { plain.no_proxy() } else { plain };
        let plain = plain.build().map_err(unbuildable)?;
        let (permits, turns, pace) = match target {
            Target::Api => (options.api_concurrency, options.api_rate.map(Turns::new), None),
            Target::Cdn => (options.concurrency, None, options.limit_rate.map(Pace::new)),
        };
        Ok(Self {
            target,
            plain,
            tls: OnceLock::new(),
            permits: Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)),
            turns,
            pace,
        })
    }

    /// Waits for a turn, where requests have to.
    async fn turn(&self) {
        if let Some(turns) = &self.turns {
            turns.take().await;
        }
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
        .connect_timeout(options.connect_timeout);
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
    } else if error.is_builder() {
        // A link that is longer than requests can be, say. It does not pass.
        ErrorKind::UnsafeUrl
    } else if error.is_dns() {
        ErrorKind::Dns
    } else {
        ErrorKind::Connect
    };
    Failure::new(kind, format!("no reply from {}: {words}", host(url)))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(options: HttpOptions, stop: &CancellationToken) -> Result<Http, RunError> {
        Http::new(options, &Token::from("user:1234-token"), Events::channel(1).0, stop.clone())
    }

    #[tokio::test]
    async fn no_request_is_begun_after_the_runs_end() {
        let stop = CancellationToken::new();
        let http = http(HttpOptions::default(), &stop).unwrap();
        for target in [Target::Api, Target::Cdn] {
            assert!(http.permit(target).await.is_ok());
        }
        stop.cancel();
        for target in [Target::Api, Target::Cdn] {
            assert_eq!(http.permit(target).await.err().unwrap().kind, ErrorKind::Interrupted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_always_room_for_one_request() {
        for requests in [0, usize::MAX] {
            let options = HttpOptions { concurrency: requests, api_concurrency: requests, ..HttpOptions::default() };
            let http = http(options, &CancellationToken::new()).unwrap();
            for target in [Target::Api, Target::Cdn] {
                assert!(timeout(Duration::from_secs(1), http.permit(target)).await.is_ok(), "{requests} {target:?}");
            }
        }
    }

    #[test]
    fn a_user_agent_that_can_not_be_sent_is_said_to_be_what_is_wrong() {
        let options = HttpOptions { user_agent: "one\ntwo".into(), ..HttpOptions::default() };
        let failure = http(options, &CancellationToken::new()).err().unwrap();
        assert!(failure.to_string().contains("user agent"), "{failure}");
    }
}
