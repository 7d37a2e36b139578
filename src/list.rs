//! Listing: the elements of the accounts, as their own lists show them. Nothing is mirrored.
//!
//! One account after the other, so that what comes is in an order; a run walks all at once.

use std::io;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use crate::api::Api;
use crate::api::list::{Filter, Leaf, place};
use crate::element::{Listed, Page};
use crate::error::{Failure, RunError};
use crate::event::Events;
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
    /// What is left out of them.
    pub sieve: Sieve,
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
    stop: Stop,
}

/// What came of a listing so far.
#[derive(Default)]
struct Tally {
    summary: Summary,
    /// Whether the API answered at all.
    is_reached: bool,
    /// Why it did not, the last time.
    unreachable: Option<Failure>,
}

impl List {
    /// A listing. Retries and pauses are told to `events`; `stop` ends it early.
    ///
    /// # Errors
    /// The token can't be sent.
    pub fn new(options: ListOptions, events: Events, stop: Stop) -> Result<Self, RunError> {
        let http = Http::new(options.http.clone(), &options.token, events.clone(), stop.token().clone());
        let http = Arc::new(http.map_err(|failure| RunError::Broken(failure.message))?);
        let api = Api::new(http, options.api_base.clone(), events);
        Ok(Self { api, options, stop })
    }

    /// Tells every element of every account, one account after the other.
    pub async fn run(self, mut tell: impl Listener) -> Summary {
        let mut tally = Tally::default();
        let told = self.stop.token().run_until_cancelled(self.tell_all(&mut tally, &mut tell)).await;
        if let Some(Err(error)) = told {
            self.stop.end(match error.kind() {
                io::ErrorKind::BrokenPipe => End::ReaderGone,
                _ => End::Broken(error.to_string()),
            });
        }
        if let Some(failure) = tally.unreachable.filter(|_| !tally.is_reached) {
            self.stop.end(End::unreachable(&failure));
        }
        Summary { ends: self.stop.ends(), ..tally.summary }
    }

    async fn tell_all(&self, tally: &mut Tally, tell: &mut impl Listener) -> io::Result<()> {
        let accounts = match self.api.accounts_to_list(self.options.email.as_deref()).await {
            Ok(accounts) => accounts,
            Err(end) => {
                self.stop.end(end);
                return Ok(());
            }
        };
        for email in &accounts {
            let mut walk = self.api.list(email, &self.options.filter);
            while let Some(Leaf { number, page }) = walk.next().await {
                let failures = match page {
                    Ok(Page { listed, bad, .. }) => {
                        tally.is_reached = true;
                        for listed in listed.iter().filter(|listed| self.is_taken(listed, email)) {
                            tell(Told::Element { listed, email, is_one_of_several: accounts.len() > 1 })?;
                        }
                        bad
                    }
                    Err(failure) => vec![failure],
                };
                for failure in failures {
                    if let Some(end) = End::refused(&failure) {
                        self.stop.end(end);
                        return Ok(());
                    }
                    let failed = ElementOutcome::unlisted(place(email, number), Some(email.clone()), failure);
                    tell(Told::Failed(&failed))?;
                    tally.add(&failed);
                }
            }
        }
        Ok(())
    }

    fn is_taken(&self, listed: &Listed, email: &str) -> bool {
        let entry = Entry { id: listed.id.clone(), email: Some(email.to_owned()) };
        self.options.sieve.sift(&entry) == Sifted::Taken
    }
}

impl Tally {
    fn add(&mut self, failed: &ElementOutcome) {
        self.summary.add(failed);
        match &failed.error {
            Some(failure) if failure.kind.is_unreachable() => self.unreachable = Some(failure.clone()),
            _ => self.is_reached = true,
        }
    }
}
