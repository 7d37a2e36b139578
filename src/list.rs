//! Listing: the elements of the accounts, as their own lists show them. Nothing is mirrored.
//!
//! Accounts come one after the other, so that the order is always the same; a run walks them all at once.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use crate::api::list::Reach;
use crate::api::{Api, Filter, Upstream};
use crate::element::{ElementId, Fields, Listed};
use crate::error::RunError;
use crate::event::Events;
use crate::ids::{Entry, Sieve, Sifted};
use crate::outcome::{ElementOutcome, End, Summary};
use crate::stop::Stop;

/// What is listed, and how it is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListOptions {
    /// Whom to ask; where it names no account, every one that the token has.
    pub upstream: Upstream,
    /// Which of an account's elements.
    pub filter: Filter,
}

impl ListOptions {
    /// All of the accounts' own elements.
    pub fn new(upstream: Upstream) -> Self {
        Self { upstream, filter: Filter::default() }
    }
}

/// What a listing tells as it goes on.
#[derive(Debug)]
pub enum Item<'a> {
    /// An element.
    #[non_exhaustive]
    Element {
        /// Its ID.
        id: &'a ElementId,
        /// What the list says of it; what it leaves out is not known.
        fields: &'a Fields,
        /// The account's email.
        email: &'a str,
        /// Whether several accounts are listed.
        is_one_of_several: bool,
    },
    /// An account or a page that can't be listed, or an item of a page that names no element.
    Failed(&'a ElementOutcome),
    /// The elements of a page have been told. The next one may be long in coming: what is kept back, for larger writes,
    /// is to go out now.
    PageEnd,
}

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
    /// A listing of the elements that `sieve` lets pass. Warnings, retries and pauses are told to `events`; `stop` ends
    /// it early.
    ///
    /// # Errors
    /// The token or the user agent can't be sent, or TLS can't be set up.
    pub fn new(options: ListOptions, sieve: Sieve, events: Events, stop: Stop) -> Result<Self, RunError> {
        let (_, api) = options.upstream.connect(&events, &stop)?;
        Ok(Self { api, options, sieve, events, stop })
    }

    /// Calls `tell` for every element of every account, one account after the other, and for what can't be listed. An
    /// error of `tell` ends the listing.
    pub async fn run(self, mut tell: impl FnMut(Item<'_>) -> io::Result<()>) -> Summary {
        let mut summary = Summary::default();
        let told = self.stop.token().run_until_cancelled(self.tell_all(&mut summary, &mut tell)).await;
        if let Some(Err(error)) = told {
            self.stop.end(End::of_output(&error));
        }
        Summary { ends: self.stop.ends(), ..summary }
    }

    async fn tell_all(
        &self,
        summary: &mut Summary,
        tell: &mut impl FnMut(Item<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let accounts = match self.api.accounts_to_list(self.options.upstream.email.as_deref()).await {
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
                let (listed, unlisted) = leaf.split(email, &self.sieve);
                for Listed { id, element, .. } in listed.iter().filter(|listed| self.is_taken(&listed.id, email)) {
                    self.events.counters.known.fetch_add(1, Relaxed);
                    let is_one_of_several = accounts.len() > 1;
                    tell(Item::Element { id, fields: &element.fields, email, is_one_of_several })?;
                }
                tell(Item::PageEnd)?;
                for failed in &unlisted {
                    if let Some(end) = failed.error.as_ref().and_then(End::refused) {
                        self.stop.end(end);
                        return Ok(());
                    }
                    tell(Item::Failed(failed))?;
                    summary.add(failed);
                }
            }
            if let Some(message) = walk.oddity() {
                self.events.warn(email, message).await;
            }
        }
        if let Some(end) = reach.end() {
            self.stop.end(end);
        }
        Ok(())
    }

    fn is_taken(&self, id: &ElementId, email: &str) -> bool {
        let entry = Entry { id: id.clone(), email: Some(email.to_owned()) };
        self.sieve.sift(&entry) == Sifted::Taken
    }
}
