//! The program: parses the command line, wires the core together, and ends with the exit code.

mod cli;
mod terminal;

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use element_mirror::demo::Demo;
use element_mirror::error::RunError;
use element_mirror::event::{Counters, Event, Events};
use element_mirror::ids::Lines;
use element_mirror::mirror::Mirror;
use element_mirror::outcome::{End, Summary};
use element_mirror::report::log::{JsonLog, Verbosity};
use element_mirror::report::ndjson::NdjsonReport;
use element_mirror::report::sink::Sink;
use element_mirror::report::{Reporter, drain};
use element_mirror::stop::Stop;
use element_mirror::store::local::{LocalStore, Opened, Recovered};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use cli::{Cli, Command, LogFormat, RunArgs};
use terminal::Terminal;

/// How many events may wait for the reporters.
const EVENTS: usize = 1024;
/// With fewer workers a flush or a slow file would hold up the network.
const MIN_WORKERS: usize = 4;
/// Descriptors for the versions that wait for their commit, beside connections and files in flight.
const OPEN_FILES: u64 = 8192;

fn main() -> ExitCode {
    let Command::Run(args) = Cli::read().command;
    raise_open_files();
    match run(&args) {
        Ok(summary) => summary.exit_code().into(),
        Err(error) => {
            let message = error.to_string();
            match args.saying.log_format {
                LogFormat::Json => JsonLog::new(std::io::stderr(), Verbosity::Quiet).complain(&message),
                LogFormat::Text => terminal::complain(&message),
            }
            error.exit_code().into()
        }
    }
}

/// Mirrors what the command line names.
fn run(args: &RunArgs) -> Result<Summary, RunError> {
    let token = args.token()?;
    let inputs = args.inputs()?;
    args.check_report()?;
    let workers = thread::available_parallelism().map_or(MIN_WORKERS, |cores| cores.get().max(MIN_WORKERS));
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = runtime.map_err(|error| RunError::io("can't start", error))?;
    let stop = Stop::default();
    watch_signals(stop.clone())?;
    let opened = runtime.block_on(stop.token().run_until_cancelled(open(args, &stop)));
    // Interrupted while it waited for the lock.
    let Some(opened) = opened else { return Ok(Summary { ends: stop.ends(), ..Summary::default() }) };
    let Opened { store, recovered } = opened?;
    let (events, receiver) = Events::channel(EVENTS);
    let counters = Arc::clone(&events.counters);
    let reporters = reporters(args, &counters, &stop)?;
    let reporting = {
        let stop = stop.clone();
        let runtime = single_threaded()?;
        let thread = thread::Builder::new().name("report".into());
        let drained = thread.spawn(move || runtime.block_on(drain(receiver, reporters, stop)));
        drained.map_err(|error| RunError::io("can't start reporting", error))?
    };
    let summary = runtime.block_on(async {
        tell_recovered(&events, &recovered).await;
        let demo = if args.is_demo() { Some(Demo::start().await?.base) } else { None };
        let mirror = Mirror::new(store, args.mirror_options(token, demo), events, stop.clone())?;
        Ok::<_, RunError>(mirror.run(Lines::read(inputs, counters)?).await)
    });
    // The reporters end with the last sender of events.
    if reporting.join().is_err() {
        stop.end(End::Broken("reporting broke down, please report it".into()));
    }
    // A pipe that says nothing, or a slow name server, is no reason to stay.
    runtime.shutdown_background();
    // A report that could not be written to its end is known only now.
    summary.map(|summary| Summary { ends: stop.ends(), ..summary })
}

/// Opens the destination: for a run, or to look only.
async fn open(args: &RunArgs, stop: &Stop) -> Result<Opened, RunError> {
    match args.local_options(stop.token().clone()) {
        Some(options) => LocalStore::open(args.destination(), &options).await,
        None => LocalStore::open_to_look(args.destination(), stop.token().clone()),
    }
}

async fn tell_recovered(events: &Events, recovered: &Recovered) {
    for id in &recovered.finished {
        let message = "the version that an interrupted run had ready was put in its place".to_owned();
        events.tell(Event::Warned { what: id.to_string(), message }).await;
    }
    for (id, failure) in &recovered.stuck {
        let message = format!("the version that an interrupted run had ready can't be put in its place: {failure}");
        events.tell(Event::Warned { what: id.to_string(), message }).await;
    }
}

/// Those who are told: people or a collector on standard error, and the report.
fn reporters(args: &RunArgs, counters: &Arc<Counters>, stop: &Stop) -> Result<Vec<Box<dyn Reporter>>, RunError> {
    let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
    if let Some(path) = &args.report {
        reporters.push(Box::new(NdjsonReport::new(Sink::new(
            path.display().to_string(),
            report_file(path)?,
            stop.clone(),
        ))));
    }
    reporters.push(match args.saying.log_format {
        LogFormat::Json => Box::new(JsonLog::new(std::io::stderr(), args.saying.verbosity())),
        LogFormat::Text => Box::new(Terminal::new(&args.saying, args.destination(), Arc::clone(counters))),
    });
    Ok(reporters)
}

#[expect(clippy::disallowed_methods, reason = "the report is a file that the user named, anywhere")]
fn report_file(path: &Path) -> Result<File, RunError> {
    let file = match path == Path::new("-") {
        true => std::io::stdout().as_fd().try_clone_to_owned().map(File::from),
        false => File::create(path),
    };
    file.map_err(|error| RunError::io(format!("can't write the report {}", path.display()), error))
}

/// The first SIGINT or SIGTERM ends the run in order, the second at once. On a thread of its own, so that a stalled
/// disk stops neither.
fn watch_signals(stop: Stop) -> Result<(), RunError> {
    let cannot = |error| RunError::io("can't watch for signals", error);
    let runtime = single_threaded()?;
    let (mut interrupts, mut terminations) = {
        let _inside = runtime.enter();
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

/// Raises the soft limit of open files towards the hard one.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    if limit.current.is_some_and(|soft| soft < wanted) {
        // Where it can't be raised, a run that needs more fails element by element, and says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}
