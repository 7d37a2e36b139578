//! Verification: every file of a mirror is held against its manifest, on all cores.
//!
//! That writes nothing, needs no network and takes no lock. Where it is asked to, it repairs what it finds damaged or
//! missing.

mod finding;
mod repair;
mod verdict;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rayon::prelude::*;

use crate::api::Upstream;
use crate::error::{ErrorKind, RunError};
use crate::event::{Event, Events};
use crate::ids::{Entry, Line, Lines, Sieve, Sifted};
use crate::mirror::MAX_SIZE;
use crate::outcome::{ElementOutcome, End, Status, Summary};
use crate::stop::Stop;
pub use crate::store::inspect::Depth;
use crate::store::{Opened, Recovered, Store};
use finding::Seen;
use repair::Repair;

/// What a verification does.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// How much is looked at.
    pub depth: Depth,
    /// How what is damaged is made good. None: it is only told.
    pub repair: Option<RepairOptions>,
}

/// How what a verification found damaged or missing is fetched again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RepairOptions {
    /// Whom to ask.
    pub upstream: Upstream,
    /// The largest asset taken, in bytes.
    pub max_size: u64,
}

impl RepairOptions {
    /// Asks `upstream`, and takes assets of at most 2 GiB.
    pub fn new(upstream: Upstream) -> Self {
        Self { upstream, max_size: MAX_SIZE }
    }
}

/// Which elements are verified.
#[non_exhaustive]
pub enum Elements {
    /// All that the mirror holds, and that the sieve lets pass.
    All(Sieve),
    /// Those that lists name.
    Listed(Lines),
}

/// Verifies a mirror.
pub struct Verify<S> {
    store: S,
    options: VerifyOptions,
    /// What an earlier run had left, until that is told.
    recovered: Recovered,
    /// Whether lists name the elements.
    is_listed: bool,
    events: Events,
    stop: Stop,
    summary: Mutex<Summary>,
}

impl<S: Store> Verify<S> {
    /// A verification of the mirror that was `opened`: with [`Access::Read`](crate::store::Access::Read), or for a
    /// repair with [`Access::Change`](crate::store::Access::Change). It tells `events` what it finds, and `stop` ends
    /// it early.
    pub fn new(opened: Opened<S>, options: VerifyOptions, events: Events, stop: Stop) -> Self {
        let Opened { store, recovered } = opened;
        Self { store, options, recovered, is_listed: false, events, stop, summary: Mutex::default() }
    }

    /// Verifies `elements`, and repairs them where that is asked for. Returns when all have been; what was found of
    /// each is told as an [`Event::Finished`].
    ///
    /// # Errors
    /// The mirror can't be listed. For a repair, also: the token or the user agent holds characters that can't be sent,
    /// TLS can't be set up, or the committer can't be started.
    pub async fn run(mut self, elements: Elements) -> Result<Summary, RunError> {
        let started = Instant::now();
        std::mem::take(&mut self.recovered).tell(&self.events).await;
        let is_listed = matches!(elements, Elements::Listed(_));
        let lines = self.lines(elements).await?;
        let verify = Arc::new(Self { is_listed, ..self });
        let repair = verify.options.repair.clone();
        let is_repair = repair.is_some();
        match repair {
            None => {
                let tell = |verify: &Self, seen: Seen<S::Handle>| {
                    if let Some(outcome) = seen.outcome(&verify.store) {
                        verify.tell(outcome);
                    }
                };
                verify.walk(lines, tell).await;
            }
            Some(options) => Repair::new(Arc::clone(&verify), options)?.run(lines).await,
        }
        let mut summary = verify.summary().clone();
        summary.repair = is_repair;
        if !verify.options.depth.quick {
            summary.read = Some(verify.events.counters.read.load(Relaxed));
        }
        summary.elapsed = started.elapsed();
        if verify.events.counters.are_all(summary.total()) {
            verify.stop.nothing_is_left();
        }
        summary.not_taken_up = verify.events.counters.left(summary.total());
        summary.ends = verify.stop.ends();
        verify.events.tell(Event::Ended(Box::new(summary.clone()))).await;
        Ok(summary)
    }

    /// The lines that name the elements; those of the mirror itself are counted, for progress.
    async fn lines(&self, elements: Elements) -> Result<Box<dyn Iterator<Item = Line> + Send>, RunError> {
        let sieve = match elements {
            Elements::Listed(lines) => return Ok(Box::new(lines.into_blocking(self.stop.closing().clone()))),
            Elements::All(sieve) => sieve,
        };
        let store = self.store.clone();
        let all = tokio::task::spawn_blocking(move || store.all_elements()).await;
        let all = all.map_err(|error| RunError::Broken(format!("listing broke down, please report it: {error}")))??;
        let elements = all.into_iter().map(|id| Entry { id, email: None });
        let elements: Vec<Entry> = elements.filter(|entry| sieve.sift(entry) == Sifted::Taken).collect();
        let counters = &self.events.counters;
        counters.known.store(elements.len() as u64, Relaxed);
        counters.all_known.store(true, Relaxed);
        Ok(Box::new(elements.into_iter().map(Line::Entry)))
    }

    /// Looks at the element of each line, several at a time, and calls `settle` with what was found of each.
    async fn walk(
        self: &Arc<Self>,
        lines: impl Iterator<Item = Line> + Send + 'static,
        settle: impl Fn(&Self, Seen<S::Handle>) + Send + Sync + 'static,
    ) {
        let verify = Arc::clone(self);
        let walked = tokio::task::spawn_blocking(move || {
            // Threads of its own: they may have to wait for a repair, which needs the shared ones to read files.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(verify.store.inspections()).build()?;
            let lines = lines.take_while(|_| !verify.stop.closing().is_cancelled()).par_bridge();
            pool.install(|| lines.for_each(|line| verify.take_up(line, &settle)));
            Ok::<_, rayon::ThreadPoolBuildError>(())
        });
        let broken = match walked.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("can't start verifying: {error}"),
            Err(error) => format!("verifying broke down, please report it: {error}"),
        };
        self.stop.end(End::Broken(broken));
    }

    fn take_up(&self, line: Line, settle: &impl Fn(&Self, Seen<S::Handle>)) {
        match line {
            Line::Entry(entry) => {
                let _in_flight = self.events.counters.in_flight();
                settle(self, self.look_at(entry, self.options.depth));
            }
            Line::Bad { source, message } => self.tell(ElementOutcome::bad_line(source, message)),
            Line::OtherAccount { source, message } => self.events.warn_blocking(source, message),
            Line::Unreadable(error) => self.stop.end(End::Broken(error.to_string())),
        }
    }

    fn look_at(&self, entry: Entry, depth: Depth) -> Seen<S::Handle> {
        let started = Instant::now();
        let found = self.store.inspect(&entry.id, depth, &self.events.counters);
        let may_be_of_another = match &found {
            Ok(found) => found.standing.is_none() && found.remains.is_none(),
            Err(failure) => failure.kind == ErrorKind::NotAFolder,
        };
        let is_known = self.is_listed || (may_be_of_another && self.store.is_known(&entry.id));
        if may_be_of_another && !is_known {
            // It is no element after all, and progress counts none but those.
            self.events.counters.known.fetch_sub(1, Relaxed);
        }
        Seen { entry, is_known, found, elapsed: started.elapsed() }
    }

    /// Counts an outcome and tells it.
    fn tell(&self, mut outcome: ElementOutcome) {
        if outcome.status != Status::Failed {
            outcome.gone_since = outcome.id.as_ref().and_then(|id| self.store.gone_since(id).ok().flatten());
        }
        self.summary().add(&outcome);
        self.events.tell_blocking(Event::Finished(Box::new(outcome)));
    }

    // The fold is whole after any panic: no call leaves it half changed.
    fn summary(&self) -> std::sync::MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
