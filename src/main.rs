//! The program: parses the command line, does the command, and ends with its exit code.

mod cli;
mod command;
mod session;
mod terminal;

use std::process::ExitCode;

use element_mirror::report::log::{JsonLog, Verbosity};

use cli::{Cli, Command, LogFormat};

/// Descriptors for the versions that wait for their commit, beside connections and files in flight.
const OPEN_FILES: u64 = 8192;

fn main() -> ExitCode {
    let mut command = Cli::read().command;
    raise_open_files();
    let done = match &command {
        Command::Run(args) => command::run::run(args),
        Command::Verify(args) => command::verify::verify(args),
    };
    let error = match done {
        Ok(summary) => return summary.exit_code().into(),
        Err(error) => error,
    };
    let message = error.to_string();
    match command.saying().log_format {
        LogFormat::Json => JsonLog::new(std::io::stderr(), Verbosity::Quiet).complain(&message),
        LogFormat::Text => terminal::complain(&message),
    }
    error.exit_code().into()
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
