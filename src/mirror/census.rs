//! What the accounts' own lists name: every element of them, and those mirrored ones that no list names any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Mirror;
use crate::api::list::{Filter, Reach};
use crate::element::Listed;
use crate::error::RunError;
use crate::ids::{Entry, Line, Sieve, Sifted};
use crate::outcome::{ElementOutcome, End};
use crate::store::Store;

/// How many elements are listed ahead: a page of each of a few accounts.
const AHEAD: usize = 256;

/// The wish that every element of the accounts be mirrored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct All {
    /// Which of them.
    pub filter: Filter,
    /// Leaves out what was named already, and more. It is shared with the ID lists of the run.
    pub sieve: Sieve,
}

impl All {
    /// The elements that `filter` names and `sieve` lets pass.
    pub fn new(filter: Filter, sieve: Sieve) -> Self {
        Self { filter, sieve }
    }
}

/// What is named to be taken up.
pub(super) enum Named {
    /// By an ID list.
    Line(Line),
    /// By an account's list, with what that shows of it; or, with nothing, by the mirror alone.
    Element(Entry, Option<Box<Listed>>),
    /// None: a list, or a page of it, can't be had, which is told by this outcome.
    Unlisted(Box<ElementOutcome>),
}

/// What came of the walk through an account's list.
struct Walked {
    email: String,
    /// The owners of the elements that were shown, and how many of each.
    users: HashMap<i64, u64>,
    is_complete: bool,
    reach: Reach,
}

/// The census under way: what it names, until it is dropped.
pub(super) struct Census {
    pub(super) named: mpsc::Receiver<Named>,
    /// The task that takes it, which ends when all is named.
    pub(super) task: JoinSet<()>,
}

impl<S: Store> Mirror<S> {
    /// Starts to walk the lists of the accounts, each at its own pace, and counts what they name.
    pub(super) fn census(self: &Arc<Self>, all: All) -> Census {
        let (sender, named) = mpsc::channel(AHEAD);
        let mut task = JoinSet::new();
        let mirror = Arc::clone(self);
        mirror.events.counters.all_known.store(false, Relaxed);
        task.spawn(async move {
            Taker { mirror: &mirror, all: &all, sender }.take().await;
            mirror.events.counters.all_known.store(true, Relaxed);
        });
        Census { named, task }
    }
}

struct Taker<'a, S: Store> {
    mirror: &'a Arc<Mirror<S>>,
    all: &'a All,
    sender: mpsc::Sender<Named>,
}

impl<S: Store> Taker<'_, S> {
    async fn take(self) {
        let accounts = match self.mirror.api.accounts_to_list(self.mirror.options.upstream.email.as_deref()).await {
            Ok(accounts) => accounts,
            Err(end) => return self.mirror.stop.end(end),
        };
        let walked = match self.all.filter.official {
            // The system's elements are the same for all accounts. One list after the other, so that they always come
            // from the first account.
            true => stream::iter(accounts).then(|email| self.walk(email)).collect().await,
            false => join_all(accounts.into_iter().map(|email| self.walk(email))).await,
        };
        let reach = walked.iter().fold(Reach::default(), |reach, walked| reach.with(&walked.reach));
        if let Some(end) = reach.end().filter(|_| !self.mirror.watch().was_reached()) {
            return self.mirror.stop.end(end);
        }
        if self.all.filter.is_all() {
            self.name_unlisted(walked).await;
        }
    }

    async fn name(&self, named: Named) {
        self.mirror.events.counters.known.fetch_add(1, Relaxed);
        // It fails only where the run takes nothing up any more, and has dropped the receiver.
        let _ = self.sender.send(named).await;
    }

    async fn walk(&self, email: String) -> Walked {
        let (mut users, mut reach) = (HashMap::new(), Reach::default());
        let mut walk = self.mirror.api.list(&email, &self.all.filter);
        while let Some(leaf) = walk.next().await {
            reach.add(&leaf.page);
            let (listed, unlisted) = leaf.split(&email, &self.all.sieve);
            for failed in unlisted {
                self.name(Named::Unlisted(Box::new(failed))).await;
            }
            for user in listed.iter().filter_map(|listed| listed.element.fields.user_id) {
                *users.entry(user).or_default() += 1;
            }
            for listed in listed {
                let entry = Entry { id: listed.id.clone(), email: Some(email.clone()) };
                // What was taken already is passed over without a warning: several accounts may well show the same
                // element.
                if self.all.sieve.sift(&entry) == Sifted::Taken {
                    self.name(Named::Element(entry, Some(Box::new(listed)))).await;
                }
            }
        }
        if let Some(message) = walk.oddity() {
            self.mirror.events.warn(&email, message).await;
        }
        let is_complete = walk.is_complete();
        Walked { email, users, is_complete, reach }
    }

    /// Names the mirrored elements that no list names, though it should name them: their owner's elements were all
    /// listed.
    async fn name_unlisted(self, walked: Vec<Walked>) {
        let accounts = owners(&walked);
        if accounts.is_empty() {
            return;
        }
        let (mirror, sieve, sender) = (Arc::clone(self.mirror), self.all.sieve.clone(), self.sender.clone());
        let asks = &self.mirror.asks;
        // It reads manifests, which no worker of the runtime should wait for.
        let named = asks.spawn_blocking(move || {
            for id in mirror.store.all_elements()? {
                if mirror.stop.closing().is_cancelled() {
                    break;
                }
                let entry = Entry { id, email: None };
                if sieve.sift(&entry) != Sifted::Taken {
                    continue;
                }
                let manifest = match mirror.store.standing_manifest(&entry.id) {
                    Ok(Some(Ok(manifest))) => manifest,
                    Ok(_) => continue,
                    Err(failure) => {
                        mirror.events.warn_blocking(&entry.id, format!("it is not known whose it is: {failure}"));
                        continue;
                    }
                };
                let Some(email) = manifest.element.user_id.and_then(|user| accounts.get(&user)) else { continue };
                let entry = Entry { email: Some(email.clone()), ..entry };
                mirror.events.counters.known.fetch_add(1, Relaxed);
                if sender.blocking_send(Named::Element(entry, None)).is_err() {
                    break;
                }
            }
            Ok::<_, RunError>(())
        });
        match named.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.mirror.stop.end(End::Broken(error.to_string())),
            Err(error) => self.mirror.check(Err(error)),
        }
    }
}

/// The account to ask about the elements of each owner, for owners all of whose elements were listed.
///
/// A list may show elements of other owners too, so an owner belongs to the account that lists most of its elements.
/// Where some list could not be read to its end, an owner whom another list shows in passing may be at home in the
/// unread one; then each list that was read speaks for one owner alone, the one whose elements it shows most of.
fn owners(walked: &[Walked]) -> HashMap<i64, String> {
    let all_complete = walked.iter().all(|walked| walked.is_complete);
    let mut owners: HashMap<i64, (u64, &Walked)> = HashMap::new();
    for walked in walked {
        let most = walked.users.values().max();
        for (&user, count) in walked.users.iter().filter(|(_, count)| all_complete || Some(*count) == most) {
            let best = owners.entry(user).or_insert((*count, walked));
            if best.0 < *count {
                *best = (*count, walked);
            }
        }
    }
    let complete = owners.into_iter().filter(|(_, (_, walked))| walked.is_complete);
    complete.map(|(user, (_, walked))| (user, walked.email.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(email: &str, is_complete: bool, users: &[(i64, u64)]) -> Walked {
        Walked { email: email.into(), users: users.iter().copied().collect(), is_complete, reach: Reach::default() }
    }

    fn told(walked: &[Walked]) -> Vec<String> {
        let mut owners: Vec<String> = owners(walked).iter().map(|(user, email)| format!("{user} {email}")).collect();
        owners.sort();
        owners
    }

    #[test]
    fn an_owners_elements_are_asked_of_the_account_that_shows_most_of_them() {
        let both = [walked("a", true, &[(1, 20), (2, 1)]), walked("b", true, &[(2, 5)]), walked("c", true, &[(2, 1)])];
        assert_eq!(told(&both), ["1 a", "2 b"]);
    }

    #[test]
    fn where_a_list_could_not_be_read_the_others_speak_for_their_own_owners_alone() {
        let unread = [walked("a", true, &[(1, 20), (2, 1)]), walked("b", false, &[])];
        assert_eq!(told(&unread), ["1 a"]);
        let cut_off = [walked("a", true, &[(1, 20)]), walked("b", false, &[(2, 5)])];
        assert_eq!(told(&cut_off), ["1 a"]);
    }
}
