//! `element-mirror history`.

use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::history::{Superseded, Told, history as past};
use element_mirror::ids::{Entry, Input, Line, Lines};
use element_mirror::outcome::{End, Status, Summary};
use element_mirror::store::local::LocalStore;
use futures::StreamExt as _;

use crate::cli::HistoryArgs;
use crate::session::{self, Session};

/// Lists the superseded versions of the elements that the command line names, or of all.
pub(crate) fn history(args: &HistoryArgs) -> Result<Summary, RunError> {
    let inputs = args.named.inputs()?;
    let session = Session::start()?;
    let store = LocalStore::open_to_read(&args.destination, session.stop.token().clone())?.store;
    let lines = lines(&session, &store, inputs)?.take_while(|_| !session.stop.token().is_cancelled());
    let mut listing =
        Listing { out: BufWriter::new(session::standard_output(&session.stop)?), args, summary: Summary::default() };
    let listed = past(store, lines).try_for_each(|told| listing.tell(told)).and_then(|()| listing.out.flush());
    let Listing { out, summary, .. } = listing;
    // What a reader that went away left unread is not written once more.
    drop(out.into_parts());
    if let Err(error) = listed {
        session.stop.end(match error.kind() {
            io::ErrorKind::BrokenPipe => End::ReaderGone,
            _ => End::Broken(error.to_string()),
        });
    }
    for end in session.stop.ends() {
        if let End::Broken(message) = end {
            session::complain(&args.saying, &message);
        }
    }
    Ok(Summary { ends: session.stop.ends(), ..summary })
}

/// The lines that name the elements, or all elements that have a past.
fn lines<'a>(
    session: &'a Session,
    store: &LocalStore,
    inputs: Option<Vec<Input>>,
) -> Result<Box<dyn Iterator<Item = Line> + 'a>, RunError> {
    let Some(inputs) = inputs else {
        return Ok(Box::new(store.elements_with_history()?.map(|id| match id {
            Ok(id) => Line::Entry(Entry { id, email: None }),
            Err(error) => Line::Unreadable(error),
        })));
    };
    let mut lines = Lines::read(inputs, Arc::default())?;
    // A pipe that says nothing must not hold up a signal.
    Ok(Box::new(std::iter::from_fn(move || session.wait_for(lines.next()).flatten())))
}

/// What is listed so far, and where to.
struct Listing<'a, W> {
    out: W,
    args: &'a HistoryArgs,
    /// Counts what failed.
    summary: Summary,
}

impl<W: Write> Listing<'_, W> {
    fn tell(&mut self, told: Told) -> io::Result<()> {
        match told {
            Told::Version(version) => {
                if version.damaged {
                    self.count();
                }
                if self.args.json { self.json(&version) } else { self.text(&version) }
            }
            Told::Failed { what, message } => {
                self.count();
                // What is listed so far is not to come after what is said now.
                self.out.flush()?;
                session::complain(&self.args.saying, &format!("{what}: {message}"));
                Ok(())
            }
            Told::Broken(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn text(&mut self, Superseded { id, when, why, size, path, .. }: &Superseded) -> io::Result<()> {
        write!(self.out, "{id}\t{when}\t{}\t{size}\t", why.join("; "))?;
        self.out.write_all(path.as_os_str().as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn json(&mut self, version: &Superseded) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, version)?;
        self.out.write_all(b"\n")
    }

    fn count(&mut self) {
        *self.summary.counts.entry(Status::Failed).or_default() += 1;
    }
}
