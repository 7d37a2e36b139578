//! What a command runs in: the runtime, signals, and those who are told what happens.

pub(crate) mod metrics;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use element_mirror::error::RunError;
use element_mirror::event::{Counters, Events};
use element_mirror::exit;
use element_mirror::outcome::{End, Summary};
use element_mirror::report::{JsonLog, NdjsonReport, Reporter, Sink, Verbosity, drain};
use element_mirror::stop::Stop;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Complaint, Instead, LogFormat, SayingArgs};
use crate::terminal::{self, Terminal};

/// How many events may wait for the reporters.
const EVENTS: usize = 1024;
/// With fewer workers a flush or a slow file would hold up the network.
const MIN_WORKERS: usize = 4;

/// Where a command does its work until it is done, or a signal ends it.
pub(crate) struct Session {
    runtime: Handle,
    pub(crate) stop: Stop,
    counters: Arc<Counters>,
    _workers: Workers,
}

/// A runtime that is not waited for when it is dropped: a thread of it may read a silent pipe, or ask a slow name
/// server.
struct Workers(Option<Runtime>);

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Who is told: people or a collector on standard error, and the report.
pub(crate) struct Audience<'a> {
    pub(crate) saying: &'a SayingArgs,
    /// The report's file; `-` is standard output.
    pub(crate) report: Option<&'a Path>,
    /// The mirror's path; `None` for a command that has no mirror.
    pub(crate) destination: Option<&'a Path>,
    /// Whether it is told what a run would do.
    pub(crate) is_dry_run: bool,
    /// The options given that leave elements out.
    pub(crate) leaving_out: Vec<&'static str>,
}

impl Session {
    /// Starts the runtime, and watches for signals; what is done is counted in `counters`.
    pub(crate) fn start(counters: &Arc<Counters>) -> Result<Self, RunError> {
        let workers = thread::available_parallelism().map_or(MIN_WORKERS, |cores| cores.get().max(MIN_WORKERS));
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
        let runtime = runtime.map_err(|error| RunError::io("can't start", error))?;
        let (handle, workers) = (runtime.handle().clone(), Workers(Some(runtime)));
        let stop = Stop::default();
        watch_signals(stop.clone())?;
        Ok(Self { runtime: handle, stop, counters: Arc::clone(counters), _workers: workers })
    }

    /// What comes of `work`; `None` if a signal ended it.
    pub(crate) fn wait_for<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(self.stop.unless_ended(work))
    }

    /// The summary of a command that was ended before it had begun.
    pub(crate) fn ended_early(&self) -> Summary {
        Summary::ended(self.stop.ends())
    }

    /// Opens what `work` is done on, does it, and tells the `audience` of it.
    pub(crate) fn conduct<T, F>(
        self,
        audience: &Audience<'_>,
        open: impl AsyncFnOnce(Stop) -> Result<T, RunError>,
        work: impl FnOnce(T, Events, Stop) -> F,
    ) -> Result<Summary, RunError>
    where
        F: Future<Output = Result<Summary, RunError>>,
    {
        // Before the report is truncated: another run may hold the lock, and a signal may end the wait for it.
        let Some(opened) = self.wait_for(open(self.stop.clone())) else { return Ok(self.ended_early()) };
        let opened = opened?;
        let report = audience.report.map(ToOwned::to_owned);
        // Opening a named pipe takes until somebody reads it; a signal must not have to wait for that.
        let opening = self.runtime.spawn_blocking(move || report.as_deref().map(report_file).transpose());
        let report = match self.wait_for(opening) {
            None => return Ok(self.ended_early()),
            Some(Ok(report)) => report?,
            Some(Err(error)) => return Err(RunError::Broken(format!("can't open the report: {error}"))),
        };
        let Self { runtime, stop, counters, _workers } = self;
        let (events, receiver) = Events::channel(EVENTS);
        let events = events.counted_by(counters);
        let reporters = audience.reporters(report, &events.counters, &stop)?;
        let reporting = {
            let stop = stop.clone();
            let runtime = single_threaded()?;
            let thread = thread::Builder::new().name("report".into());
            let drained = thread.spawn(move || runtime.block_on(drain(receiver, reporters, stop)));
            drained.map_err(|error| RunError::io("can't start reporting", error))?
        };
        let summary = runtime.block_on(work(opened, events, stop.clone()));
        // The reporters end with the last sender of events.
        if reporting.join().is_err() {
            stop.end(End::Broken("reporting broke down, please report it".into()));
        }
        // A report that could not be written to its end is known only now.
        unless_interrupted(&stop, summary).map(|mut summary| {
            summary.ends = stop.ends();
            summary
        })
    }
}

/// The result of work. Where that was interrupted it has not failed, and an empty result stands for its error.
pub(crate) fn unless_interrupted<T: Default>(stop: &Stop, done: Result<T, RunError>) -> Result<T, RunError> {
    match done {
        Err(_) if stop.ends().iter().any(End::is_interruption) => Ok(T::default()),
        done => done,
    }
}

impl Audience<'_> {
    fn reporters(
        &self,
        report: Option<File>,
        counters: &Arc<Counters>,
        stop: &Stop,
    ) -> Result<Vec<Box<dyn Reporter>>, RunError> {
        let Self { saying, destination, .. } = *self;
        let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
        if let (Some(path), Some(report)) = (self.report, report) {
            let sink = Sink::new(format!("the report {}", path.display()), report, stop.clone());
            reporters.push(Box::new(NdjsonReport::new(sink)));
        }
        let standard_error = sink("standard error", io::stderr(), stop)?;
        reporters.push(match saying.log_format {
            LogFormat::Json => Box::new(JsonLog::new(standard_error, saying.verbosity())),
            LogFormat::Text => {
                let terminal = Terminal::new(saying, destination, standard_error, Arc::clone(counters));
                let terminal = terminal.leaving_out(self.leaving_out.clone());
                Box::new(if self.is_dry_run { terminal.of_dry_run() } else { terminal })
            }
        });
        Ok(reporters)
    }
}

/// Standard output, where something other than a report was asked for.
pub(crate) fn standard_output(stop: &Stop) -> Result<Sink, RunError> {
    sink("standard output", io::stdout(), stop)
}

/// A sink into an open stream: a reader who does not read it must not keep the run from its end.
fn sink(name: &str, stream: impl AsFd, stop: &Stop) -> Result<Sink, RunError> {
    let out = duplicate(stream).map_err(|error| RunError::io(format!("can't write to {name}"), error))?;
    Ok(Sink::new(name.to_owned(), out, stop.clone()))
}

/// An open stream as a file, without the standard library's buffer and lock.
fn duplicate(stream: impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

/// Prints `text` on standard output, for a command that does nothing else.
pub(crate) fn print(text: &[u8]) -> Result<Summary, RunError> {
    let ends = match standard_output(&Stop::default())?.write_all(text).map_err(|error| End::of_output(&error)) {
        Ok(()) => Vec::new(),
        Err(End::Broken(message)) => return Err(RunError::Broken(message)),
        Err(end) => vec![end],
    };
    Ok(Summary::ended(ends))
}

/// Says what is to be said instead of running a command; gives the exit code.
pub(crate) fn answer(instead: Instead, saying: &SayingArgs) -> u8 {
    match instead {
        Instead::Answer(text) => exit_code(print(terminal::fit_for_output(&text, saying).as_bytes()), saying),
        Instead::NoCommand(text) if saying.log_format == LogFormat::Text => {
            terminal::show(&text, saying);
            exit::USAGE
        }
        Instead::NoCommand(_) => {
            complain(saying, &Complaint::new("no command is given"));
            exit::USAGE
        }
        Instead::Complaint(complaint) => {
            complain(saying, &complaint);
            exit::USAGE
        }
    }
}

/// The exit code of a command; says why, where it could not be done.
pub(crate) fn exit_code(done: Result<Summary, RunError>, saying: &SayingArgs) -> u8 {
    match done {
        Ok(summary) => summary.exit_code(),
        Err(error) => {
            complain(saying, &terminal::hint::complaint(&error));
            error.exit_code()
        }
    }
}

/// Says on standard error what keeps the program from its work, or from a part of it.
pub(crate) fn complain(saying: &SayingArgs, complaint: &Complaint) {
    match saying.log_format {
        LogFormat::Json => {
            JsonLog::new(io::stderr(), Verbosity::Quiet).complain(&complaint.message, &complaint.hints);
        }
        LogFormat::Text => terminal::complain(saying, complaint),
    }
}

/// Says what ended a listing, which has no last words, `with_hints` also what to do about it. Of an interruption there
/// is nothing to say.
pub(crate) fn complain_of_ends(saying: &SayingArgs, ends: &[End], with_hints: bool) {
    for end in ends.iter().filter(|end| !end.is_interruption()) {
        let hints = terminal::hint::of_end(end).filter(|_| with_hints).into_iter().map(str::to_owned).collect();
        complain(saying, &Complaint { hints, ..Complaint::new(end.to_string()) });
    }
}

#[expect(clippy::disallowed_methods, reason = "the report is a file that the user named, anywhere")]
fn report_file(path: &Path) -> Result<File, RunError> {
    let file = match path == Path::new("-") {
        true => duplicate(io::stdout()),
        false => File::create(path),
    };
    file.map_err(|error| RunError::io(format!("can't write the report {}", path.display()), error))
}

/// Lets the first SIGINT or SIGTERM end the run in order, and the second at once. They are watched on a thread of
/// their own, which no stalled disk holds up.
fn watch_signals(stop: Stop) -> Result<(), RunError> {
    let cannot = |error| RunError::io("can't watch for signals", error);
    let runtime = single_threaded()?;
    let (mut interrupts, mut terminations) = {
        let _inside = runtime.enter();
        // What is watched does not kill: a write past the limit of a file's size fails instead.
        drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map_err(cannot)?);
        (signal(SignalKind::interrupt()).map_err(cannot)?, signal(SignalKind::terminate()).map_err(cannot)?)
    };
    let mut next = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupts.recv() => SignalKind::interrupt().as_raw_value(),
                _ = terminations.recv() => SignalKind::terminate().as_raw_value(),
            }
        })
    };
    let watching = thread::Builder::new().name("signals".into()).spawn(move || {
        stop.end(End::Signal(next()));
        std::process::exit(128 + next());
    });
    watching.map(drop).map_err(cannot)
}

fn single_threaded() -> Result<Runtime, RunError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| RunError::io("can't start", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    #[test]
    fn a_thread_that_waits_keeps_nobody_from_the_end() {
        let runtime = Builder::new_multi_thread().build().unwrap();
        let (began, has_begun) = mpsc::channel();
        let (_silent, never) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || {
            began.send(()).unwrap();
            never.recv_timeout(Duration::from_secs(10))
        });
        has_begun.recv().unwrap();
        let workers = Workers(Some(runtime));
        let started = Instant::now();
        drop(workers);
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
