//! The upstream API: elements, lists of them, and accounts, as far as a mirror reads them.

mod gate;
pub(crate) mod list;
mod slot;
mod upstream;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use url::Url;

use crate::element::{Element, ElementId, error_text, no_error, object};
use crate::error::{ErrorKind, Failure};
use crate::event::{Event, Events};
use crate::header::retry_after_in;
use crate::http::retry::Setback;
use crate::http::{Http, Target};
use crate::ids::is_email;
use gate::{Gate, Look, Passage, Shut};

pub use list::Filter;
pub use slot::Slot;
pub use upstream::Upstream;

/// The largest reply that is read, in bytes.
const MAX_REPLY: usize = 8 << 20;

/// The service's own status for an account whose Kling session is broken.
const ACCOUNT_BROKEN: u16 = 596;

/// An element, and the reply that it was read from, byte for byte.
#[derive(Debug)]
pub struct ElementReply {
    /// What the reply says.
    pub element: Element,
    /// The whole reply.
    pub body: Vec<u8>,
}

/// Which element is asked for, and of whom.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its ID.
    pub id: &'a ElementId,
    /// The email of the account; `None` where the token has one account only.
    pub account: Option<&'a str>,
    /// Counts the requests that it takes.
    pub attempts: &'a AtomicU64,
}

/// A GET of the API, with its retries.
struct Call<'a> {
    url: Url,
    /// What a person knows it by.
    what: &'a str,
    account: Option<&'a str>,
    /// Whether it can succeed only where the token has a single account.
    depends_on_accounts: bool,
    attempts: &'a AtomicU64,
}

impl Call<'_> {
    fn account_name(&self) -> &str {
        self.account.unwrap_or("the token's account")
    }
}

/// The API at its base URL, with the gates of its accounts.
pub struct Api {
    http: Arc<Http>,
    base: Url,
    /// By email in lower case; that of `None` is for requests that name no account.
    gates: Mutex<HashMap<Option<String>, Arc<Gate>>>,
    /// Held while the API is asked which accounts there are: requests that name none wait until that is known.
    doubt: tokio::sync::Mutex<()>,
    /// Why no request can succeed any more: the token or the subscription is refused.
    refused: OnceLock<Failure>,
    events: Events,
}

/// A reply whose status is no success.
struct Refusal {
    status: u16,
    /// How long its `Retry-After` asks to wait.
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Why a try came to nothing.
enum Miss {
    /// The account's gate was shut; the request is sent again when it opens.
    Paused,
    Failed(Setback),
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}

/// The emails in a reply that is keyed by them.
fn emails(body: &[u8]) -> Result<Vec<String>, Failure> {
    #[derive(Deserialize)]
    struct Accounts {
        #[serde(default)]
        error: Value,
        #[serde(flatten)]
        accounts: BTreeMap<String, IgnoredAny>,
    }
    let Accounts { error, accounts } = object(&String::from_utf8_lossy(body))?;
    no_error(&error)?;
    let any = !accounts.is_empty();
    // What is no email could steer a terminal, and no list could name it.
    let emails: Vec<String> = accounts.into_keys().filter(|email| is_email(email)).collect();
    if any && emails.is_empty() {
        return Err(Failure::new(ErrorKind::BadReply, "the reply names no account"));
    }
    Ok(emails)
}

impl Api {
    /// The API at `base`.
    pub fn new(http: Arc<Http>, base: Url, events: Events) -> Self {
        Self {
            http,
            base,
            gates: Mutex::default(),
            doubt: tokio::sync::Mutex::default(),
            refused: OnceLock::new(),
            events,
        }
    }

    /// Fetches the element of `asked`. Its `slot` is taken before a request, unless it is already, and given back
    /// while the account pauses. Source: `GET /elements/{elementId}?email=…`.
    ///
    /// # Errors
    /// `http_404` and `http_410` where there is no such element, `http_401` and `http_402` where the token or the
    /// subscription is refused, and whatever else kept the reply from being had or read.
    pub async fn element(&self, asked: &Asked<'_>, slot: &mut Slot) -> Result<ElementReply, Failure> {
        let Asked { id, account, attempts } = *asked;
        let url = self.url(&["elements", id.as_str()], account);
        let parse = |body: Vec<u8>| {
            let element = Element::parse(&self.http.without_token(&body), id)?;
            Ok(ElementReply { element, body })
        };
        let depends_on_accounts = account.is_none();
        self.get(&Call { url, what: id.as_str(), account, depends_on_accounts, attempts }, Some(slot), parse).await
    }

    /// The emails of the accounts that the token has. Source: `GET /accounts`; nothing else of its reply is kept.
    ///
    /// # Errors
    /// The reply could not be had or read.
    pub async fn accounts(&self) -> Result<Vec<String>, Failure> {
        let url = self.url(&["accounts"], None);
        let parse = |body: Vec<u8>| emails(&self.http.without_token(&body));
        let attempts = &AtomicU64::new(0);
        let call = Call { url, what: "accounts", account: None, depends_on_accounts: false, attempts };
        let _doubt = self.doubt.lock().await;
        match self.get(&call, None, parse).await {
            Err(failure) if failure.kind == ErrorKind::Http(404) => Ok(Vec::new()),
            reply => reply,
        }
    }

    fn url(&self, path: &[&str], email: Option<&str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if let Some(email) = email {
            url.query_pairs_mut().append_pair("email", email);
        }
        url
    }

    async fn get<T>(
        &self,
        call: &Call<'_>,
        mut slot: Option<&mut Slot>,
        parse: impl Fn(Vec<u8>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let gate = self.gate(call.account);
        let mut retry = self.http.retry(call.what);
        let mut was_paused = false;
        loop {
            let (passage, permit) = self.enter(call, &gate, slot.as_deref_mut()).await?;
            if std::mem::take(&mut was_paused) {
                self.events.counters.retries.fetch_add(1, Relaxed);
            }
            call.attempts.fetch_add(1, Relaxed);
            let reply = self.attempt(call, passage, permit).await;
            match reply.and_then(|body| Ok(parse(body)?)) {
                Ok(parsed) => return Ok(parsed),
                Err(Miss::Paused) => was_paused = true,
                Err(Miss::Failed(setback)) => retry.pause(setback).await?,
            }
        }
    }

    /// Waits for the account's gate, then for a slot, then for a permit: always in this order. While the gate is shut
    /// neither is held. Between the tries of a request the slot is kept: else a whole list would be walked while the
    /// API is down.
    async fn enter<'g>(
        &self,
        call: &Call<'_>,
        gate: &'g Gate,
        mut slot: Option<&mut Slot>,
    ) -> Result<(Passage<'g>, SemaphorePermit<'_>), Failure> {
        loop {
            if let (Look::Shut(_), Some(slot)) = (gate.look()?, slot.as_deref_mut()) {
                slot.give_back();
            }
            gate.wait().await?;
            if let Some(slot) = slot.as_deref_mut() {
                slot.take().await;
            }
            if call.depends_on_accounts {
                drop(self.doubt.lock().await);
            }
            let permit = self.http.permit(Target::Api).await?;
            if let Some(failure) = self.refused.get() {
                return Err(failure.clone());
            }
            if let Look::Open(passage) = gate.look()? {
                return Ok((passage, permit));
            }
        }
    }

    async fn attempt<'a>(
        &'a self,
        call: &Call<'_>,
        passage: Passage<'_>,
        permit: SemaphorePermit<'a>,
    ) -> Result<Vec<u8>, Miss> {
        let mut reply = self.http.get(Target::Api, &call.url, &[], permit).await?;
        let status = reply.status;
        let retry_after = reply.retry_after();
        let body = reply.bytes(MAX_REPLY).await;
        if !ErrorKind::Http(status).is_passing() {
            passage.answered();
        }
        if (200..300).contains(&status) {
            return Ok(body?);
        }
        // The status counts even where its words can't be had.
        let body = self.http.without_token(&body.unwrap_or_default()).into_owned();
        let refusal = Refusal { status, retry_after, body };
        Err(self.heed(call, passage, refusal))
    }

    /// What a refusal means: for this request, for its account, or for the whole run.
    fn heed(&self, call: &Call<'_>, passage: Passage<'_>, refusal: Refusal) -> Miss {
        let Refusal { status, retry_after, body } = refusal;
        let said = error_text(&body);
        let words = if said.is_empty() { String::new() } else { format!(": {said}") };
        let failure = Failure::new(ErrorKind::Http(status), format!("the API answered {status}{words}"));
        match status {
            401 | 402 => {
                if self.refused.set(failure.clone()).is_ok() {
                    self.tell_refusal("the token", &failure);
                }
                failure.into()
            }
            429 => {
                match passage.shut(retry_after.or_else(|| retry_after_in(&body))) {
                    Shut::For(delay) => {
                        let account = call.account_name().to_owned();
                        self.events.hint(Event::Paused { account, message: said, delay });
                    }
                    Shut::Already => {}
                    Shut::ForGood(failure) => self.tell_refusal(call.account_name(), &failure),
                }
                Miss::Paused
            }
            ACCOUNT_BROKEN => {
                let account = call.account_name();
                let message = format!("{account}: its Kling session is broken, log in again{words}");
                let failure = Failure::new(ErrorKind::AccountBroken, message);
                if passage.close_for_good(failure.clone()) {
                    self.tell_refusal(account, &failure);
                }
                failure.into()
            }
            _ => Miss::Failed(Setback { failure, retry_after }),
        }
    }

    fn tell_refusal(&self, what: &str, failure: &Failure) {
        let (what, message) = (what.to_owned(), failure.message.clone());
        self.events.hint(Event::Refused { what, kind: failure.kind, message });
    }

    fn gate(&self, email: Option<&str>) -> Arc<Gate> {
        // The map is whole after any panic.
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(email.map(str::to_lowercase)).or_default())
    }
}
