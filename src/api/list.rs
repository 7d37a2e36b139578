//! An account's list of elements, page by page. Source: `GET /elements?email&pageNum&pageSize&tag&official&favored&sortDirection`.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicU64;

use super::{Api, Call};
use crate::element::{ElementId, Page};
use crate::error::{ErrorKind, Failure};
use crate::outcome::End;

/// So many elements are asked for a page; a server may give fewer.
const PAGE_SIZE: u64 = 100;

/// Which elements an account's list is to show: by default all that are its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those with this tag, by its id or key.
    pub tag: Option<String>,
    /// The account's favourites.
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
pub struct Leaf {
    /// Its number, from 1.
    pub number: u64,
    /// The elements of the page that no page before it showed.
    pub page: Result<Page, Failure>,
}

/// A walk through an account's list.
pub struct Walk<'a> {
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
    /// Whether the page before this one could not be had.
    stumbled: bool,
    ended: bool,
}

impl Api {
    /// The accounts whose lists are walked: that of `email`, or every one that the token has.
    ///
    /// # Errors
    /// Nobody can say; a run that was to walk them ends with that.
    pub async fn accounts_to_list(&self, email: Option<&str>) -> Result<Vec<String>, End> {
        if let Some(email) = email {
            return Ok(vec![email.to_owned()]);
        }
        let accounts = self.accounts().await.map_err(|failure| {
            let cannot = || End::Broken(format!("can't ask which accounts there are: {failure}"));
            End::refused(&failure).unwrap_or_else(cannot)
        })?;
        match accounts.is_empty() {
            true => Err(End::Broken("the token has no Kling account: connect one at useapi.net".into())),
            false => Ok(accounts),
        }
    }

    /// The pages of the list of `account`, in ascending order, each asked for when it is waited for. They go on until as many
    /// elements were shown as the list says that it has, or a page shows none that is new. A page that can't be had is passed
    /// over, where it is that page alone that is at fault.
    pub fn list<'a>(&'a self, account: &'a str, filter: &'a Filter) -> Walk<'a> {
        Walk {
            api: self,
            account,
            filter,
            number: 0,
            seen: HashSet::new(),
            hasher: RandomState::new(),
            total: None,
            largest: 0,
            stumbled: false,
            ended: false,
        }
    }

    async fn page(&self, account: &str, filter: &Filter, number: u64) -> Result<Page, Failure> {
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
        let (what, attempts) = (place(account, number), &AtomicU64::new(0));
        let account = Some(account);
        let call = Call { url, what: &what, account, depends_on_accounts: false, attempts, slots: None };
        let parse = |body: Vec<u8>| Page::parse(&self.http.without_token(&body));
        Ok(self.get(&call, parse).await?.0)
    }
}

/// What a person knows a page by: `list a@b.c page 3`.
pub fn place(account: &str, number: u64) -> String {
    format!("list {account} page {number}")
}

impl Walk<'_> {
    /// The next page; none at the end.
    pub async fn next(&mut self) -> Option<Leaf> {
        if self.ended {
            return None;
        }
        self.number += 1;
        let page = self.api.page(self.account, self.filter, self.number).await.map(|page| self.news(page));
        match &page {
            Ok(page) => {
                let all_seen = self.total.is_some_and(|total| self.seen.len() as u64 >= total);
                self.ended = page.listed.is_empty() || all_seen;
                self.stumbled = false;
            }
            Err(failure) => {
                self.ended = self.stumbled || !self.goes_on_after(failure.kind);
                self.stumbled = true;
            }
        }
        Some(Leaf { number: self.number, page })
    }

    /// What of `page` is new.
    fn news(&mut self, mut page: Page) -> Page {
        let Self { seen, hasher, .. } = self;
        self.largest = self.largest.max((page.listed.len() + page.bad.len()) as u64);
        // None of any is what a server says that does not count.
        self.total = page.total.filter(|&total| total > 0).or(self.total);
        page.listed.retain(|listed| seen.insert(hasher.hash_one::<&ElementId>(&listed.id)));
        page
    }

    /// Whether there are pages behind the one that failed so, and it says nothing about them.
    fn goes_on_after(&self, kind: ErrorKind) -> bool {
        let is_of_page = match kind {
            ErrorKind::Http(status) => status >= 500,
            kind => {
                matches!(kind, ErrorKind::BadReply | ErrorKind::ApiError | ErrorKind::TooLarge | ErrorKind::Truncated)
            }
        };
        is_of_page && self.total.is_some_and(|total| self.number * self.largest < total)
    }
}
