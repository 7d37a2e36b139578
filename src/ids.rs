//! ID lists as a stream, read line by line on a thread of their own.
//!
//! A line is text or JSON, whatever the other lines are:
//! - text: an ID, and behind blanks, a tab or a comma perhaps the account's email. Blank lines and `#` comments are
//!   passed over, and so is a first line `id` or `id,email`, which is a header;
//! - NDJSON: an object with `id` and perhaps `email`, as `list --json` and reports have it. A report's line about what
//!   has no ID (`"id":null`) is passed over.

mod line;
mod next_line;
mod seen;
pub(crate) mod sequence;
mod shard;
mod sieve;

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::element::ElementId;
use crate::error::RunError;
use crate::event::{Counters, Events};
pub use line::is_email;
use sequence::Sequence;
pub use shard::{InvalidShard, Shard};
pub use sieve::Sieve;
pub(crate) use sieve::Sifted;

/// How many elements are read ahead, so that progress can tell how many there are; some 100 bytes each.
const AHEAD: usize = 32 * 1024;

/// An element to mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its ID.
    pub id: ElementId,
    /// The email of its account, where the list names one.
    pub email: Option<String>,
}

impl Entry {
    /// The element `id`, of the account `email` where that is known.
    pub fn new(id: ElementId, email: Option<String>) -> Self {
        Self { id, email }
    }
}

/// What a line of a list comes to.
#[derive(Debug)]
pub enum Line {
    /// An element that is named for the first time.
    Entry(Entry),
    /// A line that is no ID.
    Bad {
        /// Where it stands: `ids.txt:17`.
        source: String,
        /// What is wrong with it.
        message: String,
    },
    /// An element that was named before, for another account; the first line wins.
    OtherAccount {
        /// Where it stands.
        source: String,
        /// The sentence.
        message: String,
    },
    /// The list can't be read on.
    Unreadable(RunError),
}

/// A list that is open for reading.
pub struct Input {
    name: String,
    source: Box<dyn io::Read + Send>,
    /// Whether its first line may be a header.
    may_have_header: bool,
}

impl Input {
    /// Opens the list `path`; `-` is standard input.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::open_as("the ID list", path.as_ref())
    }

    /// Opens the report `path`, whose elements [`Sieve::leave_out`] passes over; `-` is standard input.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open_report(path: impl AsRef<Path>) -> Result<Self, RunError> {
        Self::open_as("the report", path.as_ref())
    }

    #[expect(clippy::disallowed_methods, reason = "the lists' room")]
    fn open_as(what: &str, path: &Path) -> Result<Self, RunError> {
        if path == Path::new("-") {
            return Ok(Self { name: "-".into(), source: Box::new(io::stdin()), may_have_header: true });
        }
        let name = path.display().to_string();
        let cannot = |error| RunError::io(format!("can't read {what} {name}"), error);
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self { name, source: Box::new(file), may_have_header: true })
    }

    /// A list of `ids`, as they stand on a command line: there is no header among them.
    pub fn from_ids(ids: &[String]) -> Self {
        Self { may_have_header: false, ..Self::from_text("--id", ids.join("\n").into_bytes()) }
    }

    /// A list whose text is at hand; `name` is what its lines are placed by (`name:17`).
    pub fn from_text(name: &str, text: Vec<u8>) -> Self {
        Self { name: name.into(), source: Box::new(io::Cursor::new(text)), may_have_header: true }
    }
}

/// The lines of several lists, one after the other, as a stream.
pub struct Lines(mpsc::Receiver<Line>);

impl Lines {
    /// Starts to read `lists`, and counts the elements and bad lines in the counters of `events`.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn read(lists: impl Into<Lists>, events: &Events) -> Result<Self, RunError> {
        Self::counted(lists.into(), Arc::clone(&events.counters))
    }

    /// Starts to read `lists`, as [`Self::read`] does, without counting for anybody.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn read_silently(lists: impl Into<Lists>) -> Result<Self, RunError> {
        Self::counted(lists.into(), Arc::default())
    }

    fn counted(lists: Lists, counters: Arc<Counters>) -> Result<Self, RunError> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let is_all = !lists.more_follows;
        let thread = std::thread::Builder::new().name("ids".into()).spawn(move || {
            let mut lines = Sequence::new(lists);
            // Where nobody listens any more, the rest is not read.
            let all_read = lines.all(|line| {
                let counts = matches!(line, Line::Entry(_) | Line::Bad { .. });
                counters.known.fetch_add(u64::from(counts), Relaxed);
                sender.blocking_send(line).is_ok()
            });
            if all_read && is_all {
                counters.all_known.store(true, Relaxed);
            }
        });
        // It ends by itself when the receiver is dropped, or with the process, should a pipe say nothing.
        thread.map(|_| Self(receiver)).map_err(|error| RunError::io("can't read the ID lists", error))
    }

    /// The lines as an iterator for a thread outside the runtime, which waits for each until `stop` is cancelled. This
    /// itself is to be called inside the runtime.
    pub(crate) fn into_blocking(mut self, stop: CancellationToken) -> impl Iterator<Item = Line> + Send {
        let runtime = tokio::runtime::Handle::current();
        std::iter::from_fn(move || runtime.block_on(stop.run_until_cancelled(self.0.recv())).flatten())
    }
}

impl Stream for Lines {
    type Item = Line;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Line>> {
        self.0.poll_recv(context)
    }
}

/// Lists, and which of the elements that they name are taken up.
#[derive(Default)]
#[non_exhaustive]
pub struct Lists {
    /// The lists.
    pub inputs: Vec<Input>,
    /// Whether only lines whose status is a failure are taken; lines of text are taken as ever.
    pub only_failed: bool,
    /// Whether an account's elements follow: then the end of the lists does not tell yet how many elements there are.
    pub more_follows: bool,
    /// What passes over elements that were named before, are done, or are in another shard.
    pub sieve: Sieve,
}

impl From<Vec<Input>> for Lists {
    fn from(inputs: Vec<Input>) -> Self {
        Self { inputs, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;

    async fn lines(texts: &[&[u8]]) -> Vec<String> {
        let input = |(index, text): (usize, &&[u8])| Input::from_text(&format!("list{index}"), text.to_vec());
        let lines = Lines::read_silently(texts.iter().enumerate().map(input).collect::<Vec<_>>()).unwrap();
        let show = |line| match line {
            Line::Entry(Entry { id, email }) => format!("{id} {}", email.unwrap_or_default()).trim().to_owned(),
            Line::Bad { source, .. } => format!("bad {source}"),
            Line::OtherAccount { source, .. } => format!("other account {source}"),
            Line::Unreadable(error) => format!("unreadable {error}"),
        };
        lines.map(show).collect().await
    }

    #[tokio::test]
    async fn each_id_is_taken_once_and_the_first_line_wins() {
        let found = lines(&[b"u_1 a@b.c\nu_2\nu_1 A@B.C\nu_1\nu_2\n", b"u_1 x@y.z\nu_3\n"]).await;
        assert_eq!(found, ["u_1 a@b.c", "u_2", "other account list1:1", "u_3"]);
    }

    #[tokio::test]
    async fn bad_lines_are_placed_and_do_not_stop_the_others() {
        let found = lines(&[b"u_1\n../x\n\xff\xfe\n\nu_2"]).await;
        assert_eq!(found, ["u_1", "bad list0:2", "bad list0:3", "u_2"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let mut text = vec![b'x'; 10 << 20];
        text.extend_from_slice(b"\nu_2\n");
        assert_eq!(lines(&[&text]).await, ["bad list0:1", "u_2"]);
    }
}
