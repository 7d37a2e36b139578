//! An account's list of elements, page by page.
//!
//! Source: `GET /elements?email&pageNum&pageSize&tag&official&favored&sortDirection`.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{Api, Call};
use crate::element::{ElementId, Listed, Page};
use crate::error::{ErrorKind, Failure};
use crate::ids::Sieve;
use crate::outcome::{ElementOutcome, End};
use crate::time::millis;

/// How many elements a page is asked for; a server may give fewer.
const PAGE_SIZE: u64 = 100;

/// Which elements an account's list is asked for: by default all that are the account's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Those with this tag, by its id or key.
    pub tag: Option<String>,
    /// Those that the account has favored.
    pub favored: bool,
    /// The system's elements, instead of the account's own.
    pub official: bool,
}

impl Filter {
    /// Whether all of the account's own elements are shown.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// A page that was asked for, or why it can't be had.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// What a person knows it by: `list a@b.c page 3`.
    place: String,
    /// How many requests it took.
    attempts: u64,
    /// How long it took.
    elapsed: Duration,
    /// The elements of the page that no page before it showed.
    pub(crate) page: Result<Page, Failure>,
}

impl Leaf {
    /// The elements that the page shows, and an outcome for each item of it that names none, or for the page if it
    /// can't be had. Bad items are left out if `sieve` leaves them to another shard.
    pub(crate) fn split(self, email: &str, sieve: &Sieve) -> (Vec<Listed>, Vec<ElementOutcome>) {
        let (listed, failures) = match self.page {
            Ok(Page { listed, bad, .. }) if sieve.tells_bad_lines() => (listed, bad),
            Ok(Page { listed, .. }) => (listed, Vec::new()),
            Err(failure) => (Vec::new(), vec![failure]),
        };
        let elapsed_ms = millis(self.elapsed);
        let unlisted = |failure| {
            let outcome = ElementOutcome::unlisted(self.place.clone(), email.to_owned(), failure);
            ElementOutcome { attempts: self.attempts, elapsed_ms, ..outcome }
        };
        (listed, failures.into_iter().map(unlisted).collect())
    }
}

/// Whether the API could be reached for any list.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    is_reached: bool,
    /// Why it could not, the last time.
    failure: Option<Failure>,
}

impl Reach {
    /// Takes in what came of a page.
    pub(crate) fn add(&mut self, page: &Result<Page, Failure>) {
        match page {
            Err(failure) if failure.kind.is_unreachable() => self.failure = Some(failure.clone()),
            _ => self.is_reached = true,
        }
    }

    /// Both taken together.
    pub(crate) fn with(self, other: &Self) -> Self {
        let failure = other.failure.clone().or(self.failure);
        Self { is_reached: self.is_reached || other.is_reached, failure }
    }

    /// The end of a run for which no list could be reached.
    pub(crate) fn end(&self) -> Option<End> {
        self.failure.as_ref().filter(|_| !self.is_reached).map(End::unreachable)
    }
}

/// A walk through an account's list.
pub(crate) struct Walk<'a> {
    api: &'a Api,
    account: &'a str,
    filter: &'a Filter,
    number: u64,
    /// Hashes of the IDs that were shown. (One in 10^13 of a million is taken for another.)
    seen: HashSet<u64>,
    hasher: RandomState,
    total: Option<u64>,
    /// The items of the largest page so far.
    largest: u64,
    /// Items that name no element.
    bad: u64,
    /// Whether the page before this one could not be had, or named no element.
    stumbled: bool,
    is_complete: bool,
    ended: bool,
}

impl Api {
    /// The emails of the accounts whose lists are walked: `email`, or every one that the token has.
    ///
    /// # Errors
    /// The accounts are not known, or there are none: why the run ends.
    pub(crate) async fn accounts_to_list(&self, email: Option<&str>) -> Result<Vec<String>, End> {
        if let Some(email) = email {
            return Ok(vec![email.to_owned()]);
        }
        let accounts = self.accounts().await.map_err(|failure| {
            let cannot = || End::unanswered("can't ask which accounts there are", &failure);
            End::refused(&failure).unwrap_or_else(cannot)
        })?;
        match accounts.is_empty() {
            true => Err(End::Broken("the token has no Kling account: connect one at useapi.net".into())),
            false => Ok(accounts),
        }
    }

    /// A walk through the pages of the list of `account`, in ascending order; each is asked for when it is waited for.
    /// They go on until as many elements were shown as the list says that it has, or a page shows none that is new. A
    /// page that can't be had is passed over if the fault is of that page alone; two in a row end the walk.
    pub(crate) fn list<'a>(&'a self, account: &'a str, filter: &'a Filter) -> Walk<'a> {
        Walk {
            api: self,
            account,
            filter,
            number: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            total: None,
            largest: 0,
            bad: 0,
            stumbled: false,
            is_complete: true,
            ended: false,
        }
    }

    async fn page(&self, account: &str, filter: &Filter, number: u64) -> Leaf {
        let started = Instant::now();
        let mut url = self.url(&["elements"], Some(account));
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("pageNum", &number.to_string()).append_pair("pageSize", &PAGE_SIZE.to_string());
            query.append_pair("sortDirection", "ASC");
            if let Some(tag) = &filter.tag {
                query.append_pair("tag", tag);
            }
            for (name, wanted) in [("favored", filter.favored), ("official", filter.official)] {
                if wanted {
                    query.append_pair(name, "true");
                }
            }
        }
        let (place, attempts) = (format!("list {account} page {number}"), &AtomicU64::new(0));
        let account = Some(account);
        let call = Call { url, what: &place, account, depends_on_accounts: false, attempts };
        let parse = |body: Vec<u8>| Page::parse(&self.http.without_token(&body));
        let page = self.get(&call, None, parse).await;
        Leaf { place, attempts: attempts.load(Relaxed), elapsed: started.elapsed(), page }
    }

    /// The failure of a list that is refused, with the words that the token has no such account, where that is so.
    async fn doubt_account(&self, account: &str, failure: Failure) -> Failure {
        if !failure.is_about_account() {
            return failure;
        }
        match self.accounts().await {
            Ok(accounts) => failure.of_account(account, &accounts),
            Err(_) => failure,
        }
    }
}

impl Walk<'_> {
    /// The next page; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Leaf> {
        if self.ended {
            return None;
        }
        self.number += 1;
        let mut leaf = self.api.page(self.account, self.filter, self.number).await;
        leaf.page = match leaf.page {
            Ok(page) => Ok(self.learn_from(page)),
            Err(failure) if self.number == 1 => Err(self.api.doubt_account(self.account, failure).await),
            Err(failure) => Err(failure),
        };
        let (stumbles, goes_on) = match &leaf.page {
            // Nothing but items that are bad: what is behind them may be good.
            Ok(page) if page.listed.is_empty() && !page.bad.is_empty() => (true, self.has_more_pages()),
            // A total that is less than what was shown says nothing.
            Ok(page) => (false, !page.listed.is_empty() && self.total != Some(self.shown())),
            Err(failure) => (true, is_of_page(failure.kind) && self.has_more_pages()),
        };
        self.ended = !goes_on || (stumbles && self.stumbled);
        self.stumbled = stumbles;
        self.is_complete &= !stumbles;
        Some(leaf)
    }

    /// Whether every page so far could be had, and named an element.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What is odd about a list that was read to its end, in words: it shows nothing, or less than it says that it has.
    pub(crate) fn oddity(&self) -> Option<String> {
        let (shown, total) = (self.shown(), self.total);
        match total.filter(|&total| shown + self.bad < total) {
            _ if !self.is_complete => None,
            Some(total) => Some(format!("its list shows {shown} of the {total} elements that it says it has")),
            None if shown + self.bad == 0 && self.filter.is_all() => Some("its list shows no elements".into()),
            None => None,
        }
    }

    /// How many elements were shown.
    fn shown(&self) -> u64 {
        self.seen.len() as u64
    }

    /// `page` without the elements that were shown before; keeps what it says of the whole list.
    fn learn_from(&mut self, mut page: Page) -> Page {
        let Self { seen, hasher, .. } = self;
        self.largest = self.largest.max((page.listed.len() + page.bad.len()) as u64);
        self.bad += page.bad.len() as u64;
        // A server that does not count says 0 whatever it has.
        self.total = page.total.filter(|&total| total > 0).or(self.total);
        page.listed.retain(|listed| seen.insert(hasher.hash_one::<&ElementId>(&listed.id)));
        page
    }

    /// Whether there are pages behind the last one.
    fn has_more_pages(&self) -> bool {
        self.total.is_some_and(|total| self.number * self.largest < total)
    }
}

/// Whether the fault may be of one page alone, so that the next one can still be had.
fn is_of_page(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Http(status) => status >= 500,
        kind => matches!(kind, ErrorKind::BadReply | ErrorKind::ApiError | ErrorKind::TooLarge | ErrorKind::Truncated),
    }
}
