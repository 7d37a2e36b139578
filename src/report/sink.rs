//! Where a report or a log goes: a file, or a pipe whose reader may stop reading without going away.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::stop::Stop;

/// How many bytes fit into any pipe that has room at all.
const PIPE_BUF: usize = 4096;
/// How often a full pipe is looked at to see whether the run ends.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How long a run that is to end at once waits for a reader that does not read.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a run does that finishes what is in flight.
const LONG_PATIENCE: Duration = Duration::from_secs(30);

/// Writes to an open file or pipe. A reader that does not read holds the run up, but not its end.
pub struct Sink {
    name: String,
    out: File,
    stop: Stop,
    /// Whether the reader was waited for in vain: then no further line waits.
    given_up: bool,
}

impl Sink {
    /// A sink into `out`, which errors call `name`. Once `stop` ends the run, a reader that does not read is given up
    /// soon.
    pub fn new(name: String, out: File, stop: Stop) -> Self {
        Self { name, out, stop, given_up: false }
    }

    fn wait_for_room(&mut self) -> io::Result<()> {
        let in_vain = || io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads it");
        if self.given_up {
            return Err(in_vain());
        }
        let mut ending: Option<Instant> = None;
        loop {
            if poll(&mut [PollFd::new(&self.out, PollFlags::OUT)], Some(&LOOK))? > 0 {
                return Ok(());
            }
            let patience = match (self.stop.token().is_cancelled(), self.stop.closing().is_cancelled()) {
                (true, _) => PATIENCE,
                (false, true) => LONG_PATIENCE,
                (false, false) => continue,
            };
            if ending.get_or_insert_with(Instant::now).elapsed() >= patience {
                self.given_up = true;
                return Err(in_vain());
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait_for_room()?;
        let written = self.out.write(&bytes[..bytes.len().min(PIPE_BUF)]);
        written.map_err(|error| io::Error::new(error.kind(), format!("can't write {}: {error}", self.name)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
