//! ID lists, as a stream: text and NDJSON, read line by line on a thread of its own.

mod line;
mod seen;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

use crate::element::ElementId;
use crate::error::RunError;
use crate::event::Counters;
use line::{Parsed, Reader};
use seen::{Seen, Sighting};

/// The longest line that is read; the rest of a longer one is passed over.
const MAX_LINE: usize = 1 << 20;

/// How many elements are read ahead, so that progress can tell how many there are; some 100 bytes each.
const AHEAD: usize = 32 * 1024;

/// An element to mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its ID.
    pub id: ElementId,
    /// The account, where the list names one.
    pub email: Option<String>,
}

/// What a list holds, line by line.
#[derive(Debug)]
pub enum Line {
    /// An element, named for the first time.
    Entry(Entry),
    /// A line that is no ID.
    Bad {
        /// Where it stands: `ids.txt:17`.
        source: String,
        /// What is wrong with it.
        message: String,
    },
    /// An element that was named before, for another account; the first line wins.
    Contradiction {
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
    is_list: bool,
    /// What it is on disk, to tell whether a report would overwrite it.
    path: Option<PathBuf>,
}

impl Input {
    /// Opens the list `path`; `-` is standard input.
    ///
    /// # Errors
    /// It can't be read.
    #[expect(clippy::disallowed_methods, reason = "the lists' room")]
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if path == Path::new("-") {
            let path = Some(PathBuf::from("/dev/stdin"));
            return Ok(Self { name: "-".into(), source: Box::new(io::stdin()), is_list: true, path });
        }
        let name = path.display().to_string();
        let cannot = |error| RunError::io(format!("can't read the ID list {name}"), error);
        let file = File::open(path).map_err(cannot)?;
        if file.metadata().map_err(cannot)?.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self { name, source: Box::new(file), is_list: true, path: Some(path.to_owned()) })
    }

    /// A list of the IDs that stand on the command line.
    pub fn from_ids(ids: &[String]) -> Self {
        let text = ids.join("\n");
        Self { name: "--id".into(), source: Box::new(io::Cursor::new(text.into_bytes())), is_list: false, path: None }
    }

    /// Whether it is the file `other`. A pipe or a device is no file: nothing in it would be overwritten.
    pub fn is_file(&self, other: &Path) -> bool {
        self.path.as_deref().is_some_and(|path| same_file(path, other))
    }
}

#[expect(clippy::disallowed_methods, reason = "the lists' room")]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let file = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
    let identity = |path: &Path| file(path).map(|metadata| (metadata.dev(), metadata.ino()));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

/// The lines of several lists, one after the other.
pub struct Lines(mpsc::Receiver<Line>);

impl Lines {
    /// Starts to read `inputs`, and counts in `counters` how many elements (and bad lines) they hold.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn read(inputs: Vec<Input>, counters: Arc<Counters>) -> Result<Self, RunError> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let thread = std::thread::Builder::new().name("ids".into()).spawn(move || {
            let mut seen = Seen::default();
            let mut inputs = inputs.into_iter();
            // Where nobody listens any more, the rest is not read.
            if inputs.all(|input| read(input, &mut seen, (&sender, &counters)).is_some()) {
                counters.all_known.store(true, Relaxed);
            }
        });
        // It ends by itself when the receiver is dropped, or with the process, should a pipe say nothing.
        thread.map(|_| Self(receiver)).map_err(|error| RunError::io("can't read the ID lists", error))
    }
}

impl Stream for Lines {
    type Item = Line;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Line>> {
        self.0.poll_recv(context)
    }
}

/// Reads one list to its end; none where nobody listens any more.
fn read(input: Input, seen: &mut Seen, (sender, counters): (&mpsc::Sender<Line>, &Counters)) -> Option<()> {
    let mut source = BufReader::with_capacity(64 * 1024, input.source);
    let mut reader = Reader::new(input.is_list);
    let mut line = Vec::new();
    for number in 1_u64.. {
        let place = || format!("{}:{number}", input.name);
        let parsed = match next_line(&mut source, &mut line) {
            Ok(None) => return Some(()),
            Ok(Some(true)) => reader.parse(&line),
            Ok(Some(false)) => Parsed::Bad(format!("the line is longer than {} KiB", MAX_LINE >> 10)),
            Err(error) => {
                let unreadable = RunError::io(format!("can't read the ID list {}", place()), error);
                return sender.blocking_send(Line::Unreadable(unreadable)).ok();
            }
        };
        let line = match parsed {
            Parsed::Nothing => continue,
            Parsed::Bad(message) => Line::Bad { source: place(), message },
            Parsed::Entry(entry) => match seen.sight(&entry) {
                Sighting::First => Line::Entry(entry),
                Sighting::Again => continue,
                Sighting::OtherAccount => Line::Contradiction {
                    source: place(),
                    message: format!("{} stands further up with another account, which is taken", entry.id),
                },
            },
        };
        counters.known.fetch_add(u64::from(!matches!(line, Line::Contradiction { .. })), Relaxed);
        sender.blocking_send(line).ok()?;
    }
    Some(())
}

/// Reads the next line into `line`, without its end; `Some(false)` where it is too long and was passed over.
fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let read = source.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || read <= MAX_LINE {
        return Ok(Some(true));
    }
    source.skip_until(b'\n')?;
    Ok(Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;

    async fn lines(texts: &[&[u8]]) -> Vec<String> {
        let input = |(index, text): (usize, &&[u8])| Input {
            name: format!("list{index}"),
            source: Box::new(io::Cursor::new(text.to_vec())),
            is_list: true,
            path: None,
        };
        let lines = Lines::read(texts.iter().enumerate().map(input).collect(), Arc::default()).unwrap();
        let show = |line| match line {
            Line::Entry(Entry { id, email }) => format!("{id} {}", email.unwrap_or_default()).trim().to_owned(),
            Line::Bad { source, .. } => format!("bad {source}"),
            Line::Contradiction { source, .. } => format!("contradiction {source}"),
            Line::Unreadable(error) => format!("unreadable {error}"),
        };
        lines.map(show).collect().await
    }

    #[tokio::test]
    async fn each_id_is_taken_once_and_the_first_line_wins() {
        let found = lines(&[b"u_1 a@b.c\nu_2\nu_1 A@B.C\nu_1\nu_2\n", b"u_1 x@y.z\nu_3\n"]).await;
        assert_eq!(found, ["u_1 a@b.c", "u_2", "contradiction list1:1", "u_3"]);
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
