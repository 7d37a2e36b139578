//! `element-mirror history`.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use element_mirror::error::RunError;
use element_mirror::history::{self, Item, Superseded};
use element_mirror::ids::{Input, Lines};
use element_mirror::outcome::{ElementOutcome, End, Status, Summary};
use element_mirror::store::{Access, Opened, Store};
use element_mirror::{BucketStore, LocalStore, Stop};
use futures::StreamExt as _;

use crate::cli::{Complaint, Destination, HistoryArgs};
use crate::session::{self, Session};

/// Lists the superseded versions of the elements that the command line names, or of all.
pub(crate) fn history(args: &HistoryArgs) -> Result<Summary, RunError> {
    match &args.destination {
        Destination::Folder(path) => {
            list(args, async |stop| LocalStore::open(path, &args.local_options(stop), Access::Read).await)
        }
        Destination::Bucket(location) => {
            list(args, async |stop| BucketStore::open(location, &args.bucket_options(stop), Access::Read).await)
        }
    }
}

fn list<S: Store>(
    args: &HistoryArgs,
    open: impl AsyncFnOnce(Stop) -> Result<Opened<S>, RunError>,
) -> Result<Summary, RunError> {
    let inputs = args.named.inputs()?;
    let session = Session::start(&Arc::default())?;
    // Interrupted while it waited for a server.
    let Some(opened) = session.wait_for(open(session.stop.clone())) else { return Ok(session.ended_early()) };
    let store = opened?.store;
    let items = items(&session, store, inputs)?;
    let mut listing = Listing { out: session::standard_output(&session.stop)?, args, summary: Summary::default() };
    let listed = items.take_while(|_| !session.stop.has_ended()).try_for_each(|item| listing.tell(item));
    let mut summary = listing.summary;
    if let Err(error) = listed {
        session.stop.end(End::of_output(&error));
    }
    summary.ends = session.stop.ends();
    session::complain_of_ends(&args.saying, &summary.ends, true);
    Ok(summary)
}

/// The past of the elements that the lists name, or of all that have one.
fn items<'a>(
    session: &'a Session,
    store: impl Store + 'a,
    inputs: Option<Vec<Input>>,
) -> Result<Box<dyn Iterator<Item = Item> + 'a>, RunError> {
    let Some(inputs) = inputs else {
        let items = history::whole_history(store).map(|items| Some(Box::new(items) as Box<dyn Iterator<Item = Item>>));
        return Ok(session::unless_interrupted(&session.stop, items)?.unwrap_or_else(|| Box::new(std::iter::empty())));
    };
    let mut lines = Lines::read_silently(inputs)?;
    // A pipe that says nothing must not hold up a signal.
    let lines = std::iter::from_fn(move || session.wait_for(lines.next()).flatten());
    Ok(Box::new(history::history(store, lines)))
}

/// What is listed so far, and where to.
struct Listing<'a, W> {
    out: W,
    args: &'a HistoryArgs,
    /// Counts what failed, and nothing else: the exit code comes of it.
    summary: Summary,
}

impl<W: Write> Listing<'_, W> {
    fn tell(&mut self, item: Item) -> io::Result<()> {
        match item {
            Item::Version(version) => {
                if version.damaged {
                    self.count_failure();
                }
                // Each line at once: the next ID may be long in coming.
                self.out.write_all(&if self.args.json { json(&version)? } else { text(&version) })
            }
            Item::Failed { what, message } => {
                self.count_failure();
                session::complain(&self.args.saying, &Complaint::new(format!("{what}: {message}")));
                Ok(())
            }
            Item::Broken(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn count_failure(&mut self) {
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
