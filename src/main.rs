//! The program: parses the command line, runs the command, and ends with its exit code.

mod cli;
mod command;
mod session;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Cli, Command, SayingArgs};

/// HTTP and JSON take hundreds of small pieces of memory an element: with the system's allocator an unchanged run takes
/// a quarter longer, a first one of small files a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many files the program may have open: enough for the versions that wait to be committed, beside the connections
/// and files in flight.
const OPEN_FILES: u64 = 8192;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let mut command = match Cli::read(&words) {
        Ok(cli) => cli.command,
        Err(instead) => return session::answer(instead, &SayingArgs::guessed(&words)).into(),
    };
    raise_open_files();
    let done = match &command {
        Command::Run(args) => command::run::run(args),
        Command::List(args) => command::list::list(args),
        Command::Verify(args) => command::verify::verify(args),
        Command::History(args) => command::history::history(args),
        Command::Prune(args) => command::prune::prune(args),
        Command::Gallery(args) => command::gallery::gallery(args),
        Command::Schema(args) => command::schema::schema(args),
        Command::Completions(args) => session::print(args.script(cli::documented()).as_bytes()),
        Command::Man => session::print(cli::man::page().as_bytes()),
    };
    let saying = command.saying().cloned().unwrap_or_else(|| SayingArgs::guessed(&words));
    session::exit_code(done, &saying).into()
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
