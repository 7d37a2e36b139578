//! The committer: a thread of its own, to which versions are handed over. What it does with them is the destination's.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::stage::Stage;
use super::standing::Occupant;
use crate::digest::Digest;
use crate::error::{Failure, RunError};
use crate::manifest::Manifest;

/// A version that is complete in its stage, ready to be committed.
pub struct Candidate<P> {
    /// Where it was put together.
    pub stage: Stage,
    /// What it holds.
    pub manifest: Manifest,
    /// The digest of its `manifest.json`.
    pub digest: Digest,
    /// What was in the element's place when the version was planned.
    pub occupant: Occupant<P>,
    /// Whether the CDN was asked for any of it, so that as a draft it saves a later run requests.
    pub has_news: bool,
}

pub(super) struct Job<P> {
    pub(super) candidate: Candidate<P>,
    done: oneshot::Sender<Result<(), Failure>>,
}

impl<P> Job<P> {
    /// A job, and what answers when it is done.
    pub(super) fn new(candidate: Candidate<P>) -> (Self, oneshot::Receiver<Result<(), Failure>>) {
        let (done, answer) = oneshot::channel();
        (Self { candidate, done }, answer)
    }

    /// Says what came of it.
    pub(super) fn answer(self, result: Result<(), Failure>) {
        // The stage goes first: when the answer is heard, nothing of it is left.
        drop(self.candidate);
        // Whoever asked may have been interrupted.
        let _ = self.done.send(result);
    }
}

/// The thread that commits.
pub struct Committer<P> {
    jobs: mpsc::Sender<Job<P>>,
    thread: JoinHandle<()>,
}

/// That committing can't be started.
pub(super) fn broken(error: &dyn std::fmt::Display) -> RunError {
    RunError::Broken(format!("can't start committing: {error}"))
}

impl<P: Send + Sync + 'static> Committer<P> {
    /// Starts the thread, whose `work` takes what is handed over. At most `queue` versions wait for it.
    pub(super) fn start(
        queue: usize,
        work: impl FnOnce(mpsc::Receiver<Job<P>>) + Send + 'static,
    ) -> Result<Self, RunError> {
        let (jobs, queue) = mpsc::channel(queue);
        let thread = std::thread::Builder::new().name("commit".into()).spawn(move || work(queue));
        Ok(Self { jobs, thread: thread.map_err(|error| broken(&error))? })
    }

    /// Hands a version over, which waits for room in the queue. The receiver hears when the version is durable, or why
    /// it is not committed; it gets an error itself where the thread has broken down.
    pub async fn submit(&self, candidate: Candidate<P>) -> oneshot::Receiver<Result<(), Failure>> {
        let (job, answer) = Job::new(candidate);
        // A committer that is gone drops the job, and with it the sender that the answer waits for.
        let _ = self.jobs.send(job).await;
        answer
    }

    /// Waits until everything handed over is answered.
    pub fn finish(self) {
        drop(self.jobs);
        // A panic of the thread has been printed by then, and each answer tells of it.
        let _ = self.thread.join();
    }
}
