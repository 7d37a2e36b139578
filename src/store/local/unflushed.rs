//! The note that a run with `--no-sync` leaves. The next run that flushes begins with everything that is there: it
//! reports elements that it finds unchanged, and what it reports must outlive a power cut.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::flush::{Flusher, THREADS};
use crate::layout::{DAMAGED, HISTORY, OWN};
use crate::store::dir::{self, Dir};

/// The note, in the program's own folder.
const UNFLUSHED: &str = "unflushed";

/// Notes that from now on files are written that nobody flushes. The note itself is flushed: it must outlive them.
pub(super) fn note(root: &Dir, own: &Dir) -> io::Result<()> {
    own.open_or_create(UNFLUSHED)?.sync_all()?;
    [own, root].into_iter().try_for_each(Dir::sync)
}

/// Flushes all of the destination `path`, where a run has left it unflushed. Cancelling `stop` ends it, but not before
/// the file that is being flushed then.
pub(super) async fn make_up_for(path: &Path, own: &Dir, stop: &CancellationToken) -> io::Result<()> {
    if !own.has(UNFLUSHED)? {
        return Ok(());
    }
    let (path, stop) = (path.to_owned(), stop.clone());
    // On a thread that may wait, so that this one hears of the run's end.
    let flushed = tokio::task::spawn_blocking(move || flush_all(&path, &stop)).await;
    flushed.map_err(io::Error::other)??;
    own.remove_file(UNFLUSHED)?;
    own.sync()
}

fn flush_all(path: &Path, stop: &CancellationToken) -> io::Result<()> {
    let root = Dir::open(path)?;
    if Flusher::choose(&root, false)?.flush_whole()? {
        return Ok(());
    }
    flush_each(&root, stop)?;
    dir::sync_above(path)
}

/// Flushes every file and folder in `root`, each element's by one of the threads.
fn flush_each(root: &Dir, stop: &CancellationToken) -> io::Result<()> {
    let own = root.dir(OWN)?;
    let shelves = [HISTORY, DAMAGED].map(|shelf| own.dir(shelf).map_err(|error| own.obstacle(shelf, error)));
    let there = |shelf: io::Result<Dir>| match shelf {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        shelf => Some(shelf),
    };
    let shelves = shelves.into_iter().filter_map(there).collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<(&Dir, OsString)> = Vec::new();
    for folder in [root, &own].into_iter().chain(&shelves) {
        let listed = folder.list()?.into_iter().filter(|name| ![OWN, HISTORY, DAMAGED].iter().any(|it| name == it));
        names.extend(listed.map(|name| (folder, name)));
    }
    // Held for as long as it takes to draw the next name.
    let names = Mutex::new(names);
    let draw = || names.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let flush = || {
        while let Some((folder, name)) = draw() {
            folder.sync_tree(&name, stop)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(flush)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("it panicked"))))
    })?;
    shelves.iter().chain([&own, root]).try_for_each(Dir::sync)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::local::tests::{Bench, block_on};
    use crate::store::local::{LocalOptions, LocalStore};

    fn open_flushed(bench: &Bench) {
        block_on(LocalStore::open_to_write(&bench.path(), &LocalOptions::default())).unwrap();
    }

    #[test]
    fn a_run_that_flushes_nothing_says_so_and_the_next_that_does_makes_up_for_it() {
        let bench = Bench::new();
        open_flushed(&bench);
        assert!(!bench.at(".element-mirror/unflushed").exists());
        bench.commit(1);
        assert!(bench.at(".element-mirror/unflushed").exists());
        bench.open();
        assert!(bench.at(".element-mirror/unflushed").exists());
        open_flushed(&bench);
        assert!(!bench.at(".element-mirror/unflushed").exists());
        assert_eq!(bench.standing(), Some(1));
    }

    #[test]
    fn whatever_lies_in_a_destination_is_flushed_or_passed_over() {
        let bench = Bench::new();
        bench.commit(1);
        bench.commit(2);
        bench.add_strangers();
        bench.write("folder/file", "of a stranger");
        std::os::unix::fs::symlink("nowhere", bench.at("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(bench.at("u_1/socket")).unwrap();
        let root = Dir::open(&bench.path()).unwrap();
        flush_each(&root, &CancellationToken::new()).unwrap();
        dir::sync_above(&bench.path()).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(flush_each(&root, &stop).unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
