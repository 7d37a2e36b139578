//! Repair: what is damaged gets its bytes from another version of the element that has them. What none has is fetched
//! again, by a run over just those elements.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::finding::Seen;
use super::verdict::Repaired;
use super::{RepairOptions, Verify};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::{ErrorKind, RunError};
use crate::event::Event;
use crate::ids::{Entry, Line};
use crate::mirror::Mirror;
use crate::outcome::{ElementOutcome, Status};
use crate::store::Store;
use crate::store::inspect::{Depth, Flaw, Inspection};

/// How many elements may wait to be fetched, beside those that are.
const QUEUE: usize = 64;
/// How many events of the run that fetches may wait.
const EVENTS: usize = 64;

/// A verification that repairs.
pub(super) struct Repair<S: Store> {
    verify: Arc<Verify<S>>,
    mirror: Mirror<S>,
    told: mpsc::Receiver<Event>,
    cases: Arc<Cases>,
}

/// The elements that are being fetched.
type Cases = Mutex<HashMap<ElementId, Case>>;

/// An element that is to be repaired.
struct Case {
    entry: Entry,
    /// What was found of it once everything was healed that the mirror itself has the bytes for.
    before: ElementOutcome,
    wanted: Wanted,
}

/// Which flaws of superseded versions are healed.
enum Wanted {
    /// All of them; those that can't be healed are told.
    All,
    /// Those of files with these digests, which the standing version has as flawed files too. None is told.
    Shared(HashSet<Digest>),
}

impl<S: Store> Repair<S> {
    /// A repair of what `verify` finds; `options` say how to fetch what the mirror has no bytes for.
    pub(super) fn new(verify: Arc<Verify<S>>, options: RepairOptions) -> Result<Self, RunError> {
        let (events, told) = verify.events.apart(EVENTS);
        let upstream = (options.upstream, options.max_size);
        let mirror = Mirror::to_repair(verify.store.clone(), upstream, events, verify.stop.clone())?;
        Ok(Self { verify, mirror, told, cases: Arc::default() })
    }

    /// Verifies and repairs the elements that `lines` name.
    pub(super) async fn run(self, lines: impl Iterator<Item = Line> + Send + 'static) {
        let Self { verify, mirror, mut told, cases } = self;
        let (sender, mut queue) = mpsc::channel(QUEUE);
        let walking = {
            let cases = Arc::clone(&cases);
            verify.walk(lines, move |verify, seen| {
                if let Some(case) = begin(verify, seen) {
                    let line = Line::Entry(case.entry.clone());
                    lock(&cases).insert(case.entry.id.clone(), case);
                    // A run that has ended takes nothing up any more.
                    let _ = sender.blocking_send(line);
                }
            })
        };
        let fetching = mirror.run(futures::stream::poll_fn(move |context| queue.poll_recv(context)), None);
        let relaying = {
            let (verify, cases) = (Arc::clone(&verify), Arc::clone(&cases));
            tokio::task::spawn_blocking(move || {
                while let Some(event) = told.blocking_recv() {
                    relay(&verify, &cases, event);
                }
            })
        };
        let ((), _, _) = tokio::join!(walking, fetching, relaying);
        // What was not taken up before the run ended is told as it was found.
        let left = std::mem::take(&mut *lock(&cases));
        let tell = move || left.into_values().for_each(|case| verify.tell(case.before));
        let _ = tokio::task::spawn_blocking(tell).await;
    }
}

fn lock(cases: &Cases) -> std::sync::MutexGuard<'_, HashMap<ElementId, Case>> {
    // The map is whole after any panic.
    cases.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Heals what the mirror itself has the bytes for, and tells what that came to; gives the element back where the API
/// has to be asked.
fn begin<S: Store>(verify: &Verify<S>, seen: Seen<S::Handle>) -> Option<Case> {
    let outcome = seen.outcome(&verify.store)?;
    let found = match &seen.found {
        Ok(found) if outcome.status != Status::Ok => found,
        _ => {
            verify.tell(outcome);
            return None;
        }
    };
    let wanted = if verify.options.depth.history { Wanted::All } else { Wanted::Shared(flawed_digests(found)) };
    let now = look_and_heal(verify, seen.entry, &wanted);
    let stands =
        |found: &Inspection<S::Handle>| found.standing.as_ref().is_some_and(|standing| standing.flaws.is_empty());
    if now.found.as_ref().is_ok_and(|found| !stands(found)) {
        let before = now.outcome(&verify.store).unwrap_or(outcome);
        return Some(Case { entry: now.entry, before, wanted });
    }
    if let Some(told) = now.outcome(&verify.store) {
        verify.tell(match told.status {
            Status::Ok => ElementOutcome { status: Status::Repaired, ..told },
            // What was found damaged before that is no better for all that is known.
            Status::Failed => ElementOutcome { stands: outcome.stands, ..told },
            _ => told,
        });
    }
    None
}

fn flawed_digests<P>(found: &Inspection<P>) -> HashSet<Digest> {
    found.standing.iter().flat_map(|standing| &standing.flaws).filter_map(|flaw| flaw.digest).collect()
}

/// Looks at the element once more, superseded versions too, and heals what can be.
fn look_and_heal<S: Store>(verify: &Verify<S>, entry: Entry, wanted: &Wanted) -> Seen<S::Handle> {
    let mut seen = verify.look_at(entry, Depth { history: true, ..verify.options.depth });
    if matches!(wanted, Wanted::Shared(_)) && seen.found.is_err() {
        // Superseded versions that can't be read are no reason to leave the one that stands as it is.
        seen = verify.look_at(seen.entry, verify.options.depth);
    }
    let id = &seen.entry.id;
    let found = seen.found.and_then(|mut found| {
        if let Wanted::Shared(digests) = wanted {
            let is_shared = |flaw: &Flaw| flaw.digest.is_some_and(|digest| digests.contains(&digest));
            found.past.iter_mut().for_each(|version| version.flaws.retain(is_shared));
        }
        verify.store.heal(id, &mut found)?;
        if matches!(wanted, Wanted::Shared(_)) {
            // What could not be healed of them is for a verification of history to tell.
            found.past.clear();
        }
        Ok(found)
    });
    Seen { found, ..seen }
}

/// Tells what the run that fetches tells, its outcomes as those of a repair.
fn relay<S: Store>(verify: &Verify<S>, cases: &Cases, event: Event) {
    match event {
        Event::Finished(fetched) => {
            let case = fetched.id.as_ref().and_then(|id| lock(cases).remove(id));
            if let Some(case) = case {
                verify.tell(conclude(verify, case, *fetched));
            }
        }
        // The verification has a summary of its own.
        Event::Ended(_) => {}
        event => verify.events.tell_blocking(event),
    }
}

/// What the repair of an element came to, after it was `fetched`.
fn conclude<S: Store>(
    verify: &Verify<S>,
    Case { entry, before, wanted }: Case,
    fetched: ElementOutcome,
) -> ElementOutcome {
    let is_cut_off =
        |now: &ElementOutcome| now.error.as_ref().is_some_and(|failure| failure.kind == ErrorKind::Interrupted);
    let now = look_and_heal(verify, entry, &wanted).outcome(&verify.store).filter(|now| !is_cut_off(now));
    Repaired { before, fetched, now, history: matches!(wanted, Wanted::All) }.verdict()
}
