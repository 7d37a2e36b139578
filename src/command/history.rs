//! `element-mirror history`.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::history::{Superseded, Told, history as past};
use element_mirror::ids::{Entry, Input, Line, Lines};
use element_mirror::outcome::{ElementOutcome, End, Status, Summary};
use element_mirror::store::local::LocalStore;
use element_mirror::store::object::BucketStore;
use element_mirror::store::{Access, Opened, Store};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::cli::{Complaint, Destination, HistoryArgs};
use crate::session::{self, Session};

/// Lists the superseded versions of the elements that the command line names, or of all.
pub(crate) fn history(args: &HistoryArgs) -> Result<Summary, RunError> {
    match &args.destination {
        Destination::Folder(path) => list(args, async |stop| LocalStore::open_to_read(path, stop)),
        Destination::Bucket(location) => {
            list(args, async |stop| BucketStore::open(location, &args.bucket_options(stop), Access::Read).await)
        }
    }
}

fn list<S: Store>(
    args: &HistoryArgs,
    open: impl AsyncFnOnce(CancellationToken) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let inputs = args.named.inputs()?;
    let (session, are_named) = (Session::start(&Arc::default())?, inputs.is_some());
    // Interrupted while it waited for a server.
    let Some(opened) = session.wait_for(open(session.stop.token().clone())) else { return Ok(session.ended_early()) };
    let store = opened?.store;
    let lines = lines(&session, &store, inputs)?.take_while(|_| !session.stop.token().is_cancelled());
    let mut listing = Listing { out: session::standard_output(&session.stop)?, args, summary: Summary::default() };
    let listed = past(store, lines, are_named).try_for_each(|told| listing.tell(told));
    let summary = listing.summary;
    if let Err(error) = listed {
        session.stop.end(End::of_output(&error));
    }
    for end in session.stop.ends() {
        if let End::Broken(message) = end {
            session::complain(&args.saying, &Complaint::new(message));
        }
    }
    Ok(Summary { ends: session.stop.ends(), ..summary })
}

/// The lines that name the elements, or all elements that have a past.
fn lines<'a>(
    session: &'a Session,
    store: &impl Store,
    inputs: Option<Vec<Input>>,
) -> Result<Box<dyn Iterator<Item = Line> + 'a>, RunError> {
    let Some(inputs) = inputs else {
        return Ok(Box::new(
            session::unless_interrupted(&session.stop, store.elements_with_history())?
                .into_iter()
                .map(|id| Line::Entry(Entry { id, email: None })),
        ));
    };
    let mut lines = Lines::read(inputs.into(), Arc::default())?;
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
                // Each line at once: the next ID may be long in coming.
                self.out.write_all(&if self.args.json { json(&version)? } else { text(&version) })
            }
            Told::Failed { what, message } => {
                self.count();
                session::complain(&self.args.saying, &Complaint::new(format!("{what}: {message}")));
                Ok(())
            }
            Told::Broken(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn count(&mut self) {
        self.summary.add(&ElementOutcome::new(None, Status::Failed));
    }
}

fn text(Superseded { id, when, why, size, path, .. }: &Superseded) -> Vec<u8> {
    let columns = format!("{id}\t{when}\t{}\t{size}\t", why.join("; "));
    [columns.as_bytes(), path.as_os_str().as_bytes(), b"\n"].concat()
}

fn json(version: &Superseded) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(version)?;
    line.push(b'\n');
    Ok(line)
}
