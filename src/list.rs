//! Listing: the elements of the accounts, as their own lists show them. Nothing is mirrored.
//!
//! One account after the other, so that what comes is in an order; a run walks all at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use secrecy::SecretString;
use url::Url;

use crate::api::Api;
use crate::api::list::{Filter, Reach};
use crate::element::Listed;
use crate::error::RunError;
use crate::event::{Event, Events};
use crate::http::{Http, HttpOptions};
use crate::ids::{Entry, Sieve, Sifted};
use crate::outcome::{ElementOutcome, End, Summary};
use crate::stop::Stop;

/// What is listed, and how it is asked for.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// The API's base URL.
    pub api_base: Url,
    /// The token for the API.
    pub token: SecretString,
    /// The account; where none is named, every one that the token has.
    pub email: Option<String>,
    /// Which of an account's elements.
    pub filter: Filter,
    /// How the network is used.
    pub http: HttpOptions,
}

/// What is told of a listing.
pub enum Told<'a> {
    /// An element.
    Element {
        /// As the list shows it.
        listed: &'a Listed,
        /// The account's email.
        email: &'a str,
        /// Whether it is one account of several.
        is_one_of_several: bool,
    },
    /// An account or a page that can't be listed, or an item that names no element.
    Failed(&'a ElementOutcome),
}

/// Whoever is told; a listing ends where that fails.
pub trait Listener: FnMut(Told<'_>) -> io::Result<()> {}

impl<F: FnMut(Told<'_>) -> io::Result<()>> Listener for F {}

/// Lists elements.
pub struct List {
    api: Api,
    options: ListOptions,
    /// What is left out.
    sieve: Sieve,
    events: Events,
    stop: Stop,
}

impl List {
    /// A listing of what `sieve` lets pass. What is odd, retries and pauses are told to `events`; `stop` ends it early.
    ///
    /// # Errors
    /// The token can't be sent.
    pub fn new(options: ListOptions, sieve: Sieve, events: Events, stop: Stop) -> Result<Self, RunError> {
        let http = Http::new(options.http.clone(), &options.token, events.clone(), stop.token().clone());
        let http = Arc::new(http.map_err(|failure| RunError::Broken(failure.message))?);
        let api = Api::new(http, options.api_base.clone(), events.clone());
        Ok(Self { api, options, sieve, events, stop })
    }

    /// Tells every element of every account, one account after the other.
    pub async fn run(self, mut tell: impl Listener) -> Summary {
        let mut summary = Summary::default();
        let told = self.stop.token().run_until_cancelled(self.tell_all(&mut summary, &mut tell)).await;
        if let Some(Err(error)) = told {
            self.stop.end(End::of_output(&error));
        }
        Summary { ends: self.stop.ends(), ..summary }
    }

    async fn tell_all(&self, summary: &mut Summary, tell: &mut impl Listener) -> io::Result<()> {
        let accounts = match self.api.accounts_to_list(self.options.email.as_deref()).await {
            Ok(accounts) => accounts,
            Err(end) => {
                self.stop.end(end);
                return Ok(());
            }
        };
        let mut reach = Reach::default();
        for email in &accounts {
            let mut walk = self.api.list(email, &self.options.filter);
            while let Some(leaf) = walk.next().await {
                reach.add(&leaf.page);
                let (listed, unlisted) = leaf.sort(email, &self.sieve);
                for listed in listed.iter().filter(|listed| self.is_taken(listed, email)) {
                    self.events.counters.known.fetch_add(1, Relaxed);
                    tell(Told::Element { listed, email, is_one_of_several: accounts.len() > 1 })?;
                }
                for failed in &unlisted {
                    if let Some(end) = failed.error.as_ref().and_then(End::refused) {
                        self.stop.end(end);
                        return Ok(());
                    }
                    tell(Told::Failed(failed))?;
                    summary.add(failed);
                }
            }
            if let Some(message) = walk.oddity() {
                self.events.tell(Event::Warned { what: email.clone(), message }).await;
            }
        }
        if let Some(end) = reach.end() {
            self.stop.end(end);
        }
        Ok(())
    }

    fn is_taken(&self, listed: &Listed, email: &str) -> bool {
        let entry = Entry { id: listed.id.clone(), email: Some(email.to_owned()) };
        self.sieve.sift(&entry) == Sifted::Taken
    }
}
