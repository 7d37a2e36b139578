//! A run: a stream of element IDs becomes a stream of outcomes.
//!
//! Each element is one task: fetch, plan, download, commit (`element.rs`). Elements in flight are bounded, and so are
//! those that only wait; of those that ended next to nothing is kept, so that memory is flat however long the list is.

mod assemble;
mod element;
mod gather;
mod gone;
mod index;
mod past;
mod sources;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::{Stream, StreamExt as _};
use secrecy::SecretString;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use url::Url;

use crate::api::Api;
use crate::download::Downloader;
use crate::error::{Failure, RunError};
use crate::event::{Event, Events};
use crate::http::{Http, HttpOptions};
use crate::ids::{Entry, Line};
use crate::keep::Keep;
use crate::outcome::{ElementOutcome, End, Summary};
use crate::plan::Policy;
use crate::prune;
use crate::stop::Stop;
use crate::store::local::LocalStore;
use crate::store::local::commit::Committer;
use watch::Watch;

/// How many elements may be under way in all: in flight, paused, or waiting for their commit to be durable.
const MAX_WAITING: usize = 1024;

/// What a run does, and with whom.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// The API's base URL.
    pub api_base: Url,
    /// The token for the API.
    pub token: SecretString,
    /// The account of elements whose list names none.
    pub email: Option<String>,
    /// What is fetched.
    pub policy: Policy,
    /// The largest asset taken, in bytes.
    pub max_size: u64,
    /// Which superseded versions are kept, of every element taken up.
    pub keep: Keep,
    /// Whether the index is written at the end.
    pub index: bool,
    /// What the run is for.
    pub purpose: Purpose,
    /// How the network is used.
    pub http: HttpOptions,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Bring the mirror up to date.
    #[default]
    Mirror,
    /// Ask the API and say what would be done, but write nothing.
    DryRun,
    /// Make good what was found damaged or missing. What is gone upstream is not noted: that is for a run to tell.
    Repair,
}

/// A place among the elements in flight; none while its account pauses, or when it was given back.
type Slot = Option<OwnedSemaphorePermit>;

/// Mirrors elements into a destination.
pub struct Mirror {
    api: Api,
    downloader: Downloader,
    store: LocalStore,
    /// None in a dry run.
    committer: Option<Arc<Committer>>,
    /// Elements in flight: enough for every download, and for some whose next step is not yet clear.
    slots: Arc<Semaphore>,
    options: MirrorOptions,
    events: Events,
    stop: Stop,
    watch: Mutex<Watch>,
    /// Histories that are pruned at a time.
    pruning: Semaphore,
    /// Whether the token has several accounts: asked once, when the API refuses an element without an email.
    accounts: OnceCell<Option<Failure>>,
}

impl Mirror {
    /// A mirror into `store`, which was opened to look only where `options` say a dry run. What happens is told to
    /// `events`; `stop` ends it early.
    ///
    /// # Errors
    /// The token can't be sent, TLS can't be set up, or the committer not be started.
    pub fn new(store: LocalStore, options: MirrorOptions, events: Events, stop: Stop) -> Result<Self, RunError> {
        let http = Http::new(options.http.clone(), &options.token, events.clone(), stop.token().clone());
        let http = Arc::new(http.map_err(|failure| RunError::Broken(failure.message))?);
        let committer = match options.purpose {
            Purpose::DryRun => None,
            Purpose::Mirror | Purpose::Repair => {
                Some(Arc::new(Committer::start(&store, events.clone(), stop.token().clone())?))
            }
        };
        let slots = options.http.concurrency + 2 * options.http.api_concurrency;
        Ok(Self {
            api: Api::new(Arc::clone(&http), options.api_base.clone(), events.clone()),
            downloader: Downloader::new(http, events.clone(), options.max_size),
            store,
            committer,
            slots: Arc::new(Semaphore::new(slots)),
            options,
            events,
            stop,
            watch: Mutex::default(),
            pruning: Semaphore::new(prune::THREADS),
            accounts: OnceCell::new(),
        })
    }

    /// Takes up every element of `lines`, and says what became of them all.
    pub async fn run(self, lines: impl Stream<Item = Line> + Unpin + Send + 'static) -> Summary {
        // Among the elements' tasks: from a thread of its own each would cost two switches.
        let done = tokio::spawn(self.take_up_all(lines)).await;
        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    async fn take_up_all(mut self, mut lines: impl Stream<Item = Line> + Unpin) -> Summary {
        let started = Instant::now();
        let committer = self.committer.take();
        let mirror = Arc::new(self);
        let mut tasks = JoinSet::new();
        while let Some(Some(line)) = mirror.stop.token().run_until_cancelled(lines.next()).await {
            let Some(entry) = mirror.sift(line).await else { continue };
            let (task, committer) = (Arc::clone(&mirror), committer.clone());
            // In a box, since the runtime moves a task's future about, and this one is large.
            tasks.spawn(Box::pin(async move { task.take_up(entry, committer.as_deref()).await }));
            while let Some(ended) = tasks.try_join_next() {
                mirror.check(ended);
            }
            if tasks.len() >= MAX_WAITING
                && let Some(ended) = tasks.join_next().await
            {
                mirror.check(ended);
            }
        }
        while let Some(ended) = tasks.join_next().await {
            mirror.check(ended);
        }
        // All that was handed over has been answered by now; this waits for the thread to see that.
        if let Some(committer) = committer.and_then(Arc::into_inner) {
            committer.finish();
        }
        mirror.write_index().await;
        let mut summary = mirror.conclude();
        summary.elapsed = started.elapsed();
        mirror.events.tell(Event::Ended(Box::new(summary.clone()))).await;
        summary
    }

    /// An element's task that panicked told no outcome: the run can't count as done.
    fn check(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            self.stop.end(End::Broken(format!("an element's task broke down, please report it: {error}")));
        }
    }

    /// The entry of a line; what else a line can be is told.
    async fn sift(&self, line: Line) -> Option<Entry> {
        match line {
            Line::Entry(entry) => return Some(entry),
            Line::Bad { source, message } => {
                self.tell(ElementOutcome::bad_line(source, message)).await;
            }
            Line::Contradiction { source, message } => {
                self.events.tell(Event::Warned { what: source, message }).await;
            }
            Line::Unreadable(error) => self.stop.end(End::Broken(error.to_string())),
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
    fn conclude(&self) -> Summary {
        let mut watch = self.watch();
        let mut summary = watch.conclude();
        if let Some(end) = watch.unreachable() {
            self.stop.end(end);
        }
        if summary.suspiciously_gone == 0 && self.options.purpose == Purpose::Mirror {
            for (id, since) in watch.take_newly_gone() {
                if let Err(failure) = self.store.note_gone(&id, since) {
                    self.stop.end(End::Broken(failure.message));
                    break;
                }
            }
        }
        summary.ends = self.stop.ends();
        summary
    }

    // The fold is whole after any panic: no call leaves it half changed.
    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
