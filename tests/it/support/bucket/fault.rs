//! What a bucket does instead of what it should.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::Op;

/// How a request ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// As it should.
    Well,
    /// In an error, with what S3 calls it.
    Error(u16, &'static str),
    /// In nothing: the connection is closed in order.
    Close,
    /// In nothing: the connection is reset.
    Reset,
    /// In nothing, and the connection stays open until the other side closes it.
    Stall,
    /// After so many bytes of the announced body: the connection is closed.
    Cut(usize),
    /// With a body in which a byte is another.
    Flipped,
}

/// What happens to one request.
#[derive(Clone)]
pub(crate) struct Fault {
    pub(super) end: End,
    /// What was asked for is done all the same.
    pub(crate) is_applied: bool,
    /// The body is not even read.
    pub(crate) is_early: bool,
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) meanwhile: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Fault {
    fn new(end: End) -> Self {
        Self { end, is_applied: false, is_early: false, gate: None, meanwhile: None }
    }

    /// None at all: so that a later request gets the next one.
    pub(crate) fn none() -> Self {
        Self::new(End::Well)
    }

    /// An error, with what S3 calls it.
    pub(crate) fn error(status: u16, code: &'static str) -> Self {
        Self::new(End::Error(status, code))
    }

    /// What S3 says when it can't.
    pub(crate) fn broken() -> Self {
        Self::error(500, "InternalError")
    }

    /// No answer: the connection is closed in order.
    pub(crate) fn closed() -> Self {
        Self::new(End::Close)
    }

    /// No answer: the connection is reset.
    pub(crate) fn reset() -> Self {
        Self::new(End::Reset)
    }

    /// The connection is reset before the body is read.
    pub(crate) fn early_reset() -> Self {
        Self { is_early: true, ..Self::reset() }
    }

    /// No answer at all, on a connection that stays open.
    pub(crate) fn stalled() -> Self {
        Self::new(End::Stall)
    }

    /// The announced body breaks off after so many bytes.
    pub(crate) fn cut_at(length: usize) -> Self {
        Self::new(End::Cut(length))
    }

    /// One byte of the body is another.
    pub(crate) fn flipped() -> Self {
        Self::new(End::Flipped)
    }

    /// The same, but what was asked for is done before.
    pub(crate) fn applied(self) -> Self {
        Self { is_applied: true, ..self }
    }

    /// The same, and this happens before it is judged what becomes of the request.
    pub(crate) fn meanwhile(self, what: impl Fn() + Send + Sync + 'static) -> Self {
        Self { meanwhile: Some(Arc::new(what)), ..self }
    }

    pub(super) fn held(gate: Arc<Gate>) -> Self {
        Self { gate: Some(gate), ..Self::none() }
    }

    /// Whether the request is done.
    pub(super) fn is_done(&self) -> bool {
        self.is_applied || matches!(self.end, End::Well | End::Cut(_) | End::Flipped)
    }
}

/// Where a request waits until it is let through.
#[derive(Default)]
pub(super) struct Gate {
    /// Whether one has come, and whether it may go on.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Gate {
    /// Waits until it is opened.
    pub(super) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, is_open)| !*is_open).unwrap());
    }
}

/// A request that is held, or is going to be; it is let through when this is dropped.
pub(crate) struct Held(pub(super) Arc<Gate>);

impl Held {
    /// Waits until the request has come.
    #[track_caller]
    pub(crate) fn wait(&self) {
        let state = self.0.state.lock().unwrap();
        let (_state, waited) =
            self.0.changed.wait_timeout_while(state, Duration::from_secs(60), |(has_come, _)| !*has_come).unwrap();
        assert!(!waited.timed_out(), "the request that is to be held never came");
    }

    /// Lets it through.
    pub(crate) fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1 = true;
        self.0.changed.notify_all();
    }
}

/// What happens to the requests of one kind.
pub(super) struct Rule {
    pub(super) op: Op,
    /// Their key; `*` stands for anything.
    pub(super) pattern: String,
    /// One after the other.
    pub(super) faults: VecDeque<Fault>,
    /// Whether the last one repeats.
    pub(super) repeats: bool,
}

impl Rule {
    /// What happens to the next request, if it is of the kind.
    pub(super) fn next(&mut self, op: Op, key: &str) -> Option<Fault> {
        if op != self.op || !matches(&self.pattern, key) {
            return None;
        }
        if self.repeats && self.faults.len() == 1 { self.faults.front().cloned() } else { self.faults.pop_front() }
    }
}

/// Whether `key` is one that the pattern means.
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((head, rest)) => key.strip_prefix(head).is_some_and(|key| {
            let mut tails = key.char_indices().map(|(at, _)| &key[at..]).chain([""]);
            tails.any(|tail| matches(rest, tail))
        }),
    }
}
