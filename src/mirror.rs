//! A run: a stream of element IDs becomes a stream of outcomes.
//!
//! Each element is one task: fetch, plan, download, commit (`element.rs`). The number of elements in flight is bounded,
//! and so is that of those that only wait. Of those that have ended next to nothing is kept, so that memory stays flat
//! however long the list is.

mod accounts;
mod assemble;
mod census;
mod element;
mod gather;
mod gone;
mod overviews;
mod prune;
mod sources;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::{Stream, StreamExt as _};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::task::TaskTracker;

use crate::api::{Api, Upstream};
use crate::download::Downloader;
use crate::element::Listed;
use crate::error::{ErrorKind, Failure, RunError};
use crate::event::{Event, Events};
use crate::http::HttpOptions;
use crate::ids::{Entry, Line};
use crate::keep::Keep;
use crate::outcome::{ElementOutcome, End, Summary};
pub use crate::plan::Policy;
use crate::stop::Stop;
use crate::store::commit::Committer;
use crate::store::{Opened, Recovered, Store};
pub use census::All;
use census::{Census, Named};
use watch::Watch;

/// The largest asset taken by default, in bytes.
pub(crate) const MAX_SIZE: u64 = 2 << 30;

/// How many elements may be under way in all: in flight, paused, or waiting for their commit to be durable.
const MAX_WAITING: usize = 1024;

/// How many elements the destination is asked about at a time where no more than that are in flight: a bucket's answers
/// are long in coming, and those that a list shows as they stand wait for nothing else.
const ASKS: usize = 64;

/// How many elements are noted as gone at a time.
const NOTES: usize = 8;

/// What a run does, and with whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MirrorOptions {
    /// Whom it asks.
    pub upstream: Upstream,
    /// What is fetched.
    pub policy: Policy,
    /// The largest asset taken, in bytes.
    pub max_size: u64,
    /// Which superseded versions are kept, of every element taken up.
    pub keep: Keep,
    /// Whether the index is written at the end.
    pub index: bool,
    /// Whether the gallery is written at the end; in a folder only, since its links are paths.
    pub gallery: bool,
    /// Ask the API and say what would be done, but write nothing.
    pub dry_run: bool,
    /// After so many failures, of elements or of input lines that are no ID, nothing new is begun, and what is in
    /// flight is finished. None: however many.
    pub max_errors: Option<u64>,
    /// What counts as success.
    pub accepts: Accepts,
}

impl MirrorOptions {
    /// Asks `upstream` for every role of each element, with assets of at most 2 GiB. All superseded versions are kept,
    /// and nothing is accepted that is not a success.
    pub fn new(upstream: Upstream) -> Self {
        Self {
            upstream,
            policy: Policy::default(),
            max_size: MAX_SIZE,
            keep: Keep::default(),
            index: false,
            gallery: false,
            dry_run: false,
            max_errors: None,
            accepts: Accepts::default(),
        }
    }
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Bring the mirror up to date.
    Mirror,
    /// Ask the API and say what would be done, but write nothing.
    DryRun,
    /// Make good what was found damaged or missing. What is gone upstream is not noted: only a run over the whole list
    /// can tell whether that is suspicious.
    Repair,
}

/// What counts as a success though it is not quite one. By default nothing does.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Accepts {
    /// Elements that are incomplete just as they were before.
    pub known_missing: bool,
    /// Elements that are newly gone, however many: they are noted, and no number of them is suspicious.
    pub gone: bool,
    /// Elements that failed, in a run that took up all that there are: the exit code is 0, and the report names them.
    pub partial: bool,
}

/// Mirrors elements into a destination.
pub struct Mirror<S: Store> {
    api: Api,
    downloader: Downloader,
    store: S,
    /// None in a dry run.
    committer: Option<Arc<Committer<S::Handle>>>,
    /// Elements in flight: enough for every download, and for some whose next step is not yet clear.
    slots: Arc<Semaphore>,
    purpose: Purpose,
    options: MirrorOptions,
    /// What was found of an earlier run when the destination was opened, until that is told.
    recovered: Recovered,
    events: Events,
    stop: Stop,
    watch: Mutex<Watch>,
    /// What the destination is asked on threads that may wait: the run ends no earlier than the last of it.
    asks: TaskTracker,
    /// Bounds how much of that goes on at a time. Not by the slots in flight: whoever has one asks, too.
    asking: Arc<Semaphore>,
    /// Bounds how many histories are pruned at a time.
    pruning: Semaphore,
    /// The accounts that the token has, or how the token was refused. Asked for once, when the API refuses an element
    /// because of its account.
    accounts: OnceCell<Result<Vec<String>, Failure>>,
}

impl<S: Store> Mirror<S> {
    /// A mirror into the destination that was `opened`: with [`Access::Write`](crate::store::Access::Write), or for a
    /// dry run with [`Access::Look`](crate::store::Access::Look). It tells `events` what happens, and `stop` ends it
    /// early.
    ///
    /// # Errors
    /// The token or the user agent holds characters that can't be sent; TLS can't be set up; or the committer can't be
    /// started, as where the destination was not opened to be written.
    pub fn new(opened: Opened<S>, options: MirrorOptions, events: Events, stop: Stop) -> Result<Self, RunError> {
        let purpose = if options.dry_run { Purpose::DryRun } else { Purpose::Mirror };
        let Opened { store, recovered } = opened;
        Ok(Self { recovered, ..Self::with_purpose(purpose, store, options, (events, stop))? })
    }

    /// A mirror that fetches again what is damaged in `store`: of each element the roles that it has had, with assets
    /// of at most `max_size` bytes.
    pub(crate) fn to_repair(
        store: S,
        (upstream, max_size): (Upstream, u64),
        events: Events,
        stop: Stop,
    ) -> Result<Self, RunError> {
        let policy = Policy { roles: None, refresh: false };
        let options = MirrorOptions { policy, max_size, ..MirrorOptions::new(upstream) };
        Self::with_purpose(Purpose::Repair, store, options, (events, stop))
    }

    fn with_purpose(
        purpose: Purpose,
        store: S,
        options: MirrorOptions,
        (events, stop): (Events, Stop),
    ) -> Result<Self, RunError> {
        let (http, api) = options.upstream.connect(&events, &stop)?;
        let committer = match purpose {
            Purpose::DryRun => None,
            Purpose::Mirror | Purpose::Repair => Some(Arc::new(store.committer(events.clone(), stop.token().clone())?)),
        };
        let HttpOptions { concurrency, api_concurrency, .. } = options.upstream.http;
        let slots = concurrency.saturating_add(api_concurrency.saturating_mul(2)).clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            api,
            downloader: Downloader::new(http, events.clone(), options.max_size),
            store,
            committer,
            slots: Arc::new(Semaphore::new(slots)),
            watch: Mutex::new(Watch::new(options.max_errors)),
            purpose,
            options,
            recovered: Recovered::default(),
            events,
            stop,
            asks: TaskTracker::new(),
            asking: Arc::new(Semaphore::new(slots.max(ASKS))),
            pruning: Semaphore::new(crate::prune::THREADS),
            accounts: OnceCell::new(),
        })
    }

    /// Takes up every element that `lines` name and then, where `all` is given, those that the accounts' own lists
    /// name. Returns when all of them have ended; what became of each is told as an [`Event::Finished`].
    ///
    /// # Panics
    /// Where the run itself panicked, whose panic this goes on with. (That of one element ends the run as broken.)
    pub async fn run(self, lines: impl Stream<Item = Line> + Unpin + Send + 'static, all: Option<All>) -> Summary {
        // As a task among those of the elements: polled by the caller's thread, each element would cost two switches
        // between threads.
        let done = tokio::spawn(self.take_up_all(lines, all)).await;
        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    async fn take_up_all(mut self, lines: impl Stream<Item = Line> + Unpin, all: Option<All>) -> Summary {
        let started = Instant::now();
        std::mem::take(&mut self.recovered).tell(&self.events).await;
        let committer = self.committer.take();
        let mirror = Arc::new(self);
        let mut tasks = JoinSet::new();
        mirror.take_up_each(lines.map(Named::Line), &mut tasks, committer.as_ref()).await;
        if let Some(all) = all {
            let Census { mut named, task } = mirror.census(all);
            let named = futures::stream::poll_fn(|context| named.poll_recv(context));
            mirror.take_up_each(named, &mut tasks, committer.as_ref()).await;
            mirror.check_all(task).await;
        }
        while let Some(ended) = tasks.join_next().await {
            mirror.check(ended);
        }
        // All that was handed over has been answered by now; this waits for the thread to see that.
        if let Some(committer) = committer.and_then(Arc::into_inner) {
            committer.finish();
        }
        let mut summary = mirror.conclude().await;
        summary.gallery = mirror.write_overviews().await;
        mirror.asks.close();
        mirror.asks.wait().await;
        summary.ends = mirror.stop.ends();
        summary.elapsed = started.elapsed();
        mirror.events.tell(Event::Ended(Box::new(summary.clone()))).await;
        summary
    }

    /// Begins a task for each element that is named, until there are no more, or nothing new is to be begun.
    async fn take_up_each(
        self: &Arc<Self>,
        mut named: impl Stream<Item = Named> + Unpin,
        tasks: &mut JoinSet<()>,
        committer: Option<&Arc<Committer<S::Handle>>>,
    ) {
        while let Some(Some(named)) = self.stop.closing().run_until_cancelled(named.next()).await {
            let Some((entry, listed)) = self.resolve(named).await else { continue };
            let (mirror, committer) = (Arc::clone(self), committer.cloned());
            // In a box, since the runtime moves a task's future about, and this one is large.
            tasks.spawn(Box::pin(async move { mirror.take_up(entry, listed, committer.as_deref()).await }));
            while let Some(ended) = tasks.try_join_next() {
                self.check(ended);
            }
            if tasks.len() >= MAX_WAITING
                && let Some(ended) = tasks.join_next().await
            {
                self.check(ended);
            }
        }
    }

    /// Waits for `tasks` to end, or aborts them where the run begins nothing new any more.
    async fn check_all(&self, mut tasks: JoinSet<()>) {
        if self.stop.closing().is_cancelled() {
            tasks.abort_all();
        }
        while let Some(ended) = tasks.join_next().await {
            self.check(ended);
        }
    }

    /// A task that panicked told no outcome: the run can't count as done.
    fn check(&self, ended: Result<(), JoinError>) {
        if let Some(error) = ended.err().filter(|error| !error.is_cancelled()) {
            self.stop.end(End::Broken(format!("a task broke down, please report it: {error}")));
        }
    }

    /// The element that is named. What names none is told, or ends the run.
    async fn resolve(&self, named: Named) -> Option<(Entry, Option<Box<Listed>>)> {
        match named {
            Named::Element(entry, listed) => return Some((entry, listed)),
            Named::Unlisted(outcome) => self.tell(*outcome).await,
            Named::Line(Line::Entry(entry)) => return Some((entry, None)),
            Named::Line(Line::Bad { source, message }) => {
                self.tell(ElementOutcome::bad_line(source, message)).await;
            }
            Named::Line(Line::OtherAccount { source, message }) => {
                self.events.warn(source, message).await;
            }
            Named::Line(Line::Unreadable(error)) => self.stop.end(End::Broken(error.to_string())),
        }
        None
    }

    /// Counts an outcome, ends the run where it says so, and tells it.
    async fn tell(&self, outcome: ElementOutcome) {
        let end = self.watch().add(&outcome);
        if let Some(end) = end {
            self.stop.end(end);
        }
        self.events.tell(Event::Finished(Box::new(outcome))).await;
    }

    /// Folds the run, and notes what is newly gone unless that looks like a mistake.
    async fn conclude(&self) -> Summary {
        let (mut summary, unreachable) = {
            let mut watch = self.watch();
            (watch.conclude(&self.options.accepts), watch.unreachable())
        };
        if let Some(end) = unreachable {
            self.stop.end(end);
        }
        if summary.suspiciously_gone == 0 && self.purpose == Purpose::Mirror {
            self.note_newly_gone().await;
        }
        if self.events.counters.are_all(summary.total()) {
            self.stop.nothing_is_left();
        }
        summary.not_taken_up = self.events.counters.left(summary.total());
        summary
    }

    /// Notes which elements are newly gone. What the run's end cuts off is left for the next run to note.
    async fn note_newly_gone(&self) {
        let newly_gone = self.watch().take_newly_gone();
        let notes = newly_gone.into_iter().take_while(|_| !self.stop.token().is_cancelled());
        // Not by `ask`: each note is flushed, which no worker of the runtime should wait for.
        let note = |(id, since)| async move { self.wait_for(&id, move |store, id| store.note_gone(id, since)).await };
        let mut notes = futures::stream::iter(notes.map(note)).buffer_unordered(NOTES);
        while let Some(noted) = notes.next().await {
            if let Err(failure) = noted
                && failure.kind != ErrorKind::Interrupted
            {
                self.stop.end(End::Broken(failure.message));
                return;
            }
        }
    }

    // The fold is whole after any panic: no call leaves it half changed.
    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
