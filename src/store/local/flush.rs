//! Making things durable: a whole group of versions at once, where the file system can be trusted to report what
//! failed.

use std::fs::File;
use std::io;

use super::seal::{SEALED, VERSION};
use super::{LocalStore, Own};
use crate::error::Failure;
use crate::layout::DAMAGED;
use crate::store::dir::Dir;
use crate::store::stage::Stage;

/// How many threads fsync, where that is done file by file.
pub(super) const THREADS: usize = 4;

/// How a destination is flushed.
pub(super) enum Flusher {
    /// Not at all: the user left it to the operating system.
    Never,
    /// By one `syncfs`; its descriptor was opened at the start, since errors count from there.
    #[cfg(target_os = "linux")]
    Whole(File),
    /// By an `fsync` of each file and folder.
    Each,
}

impl Flusher {
    /// The fastest way that can be trusted at `root`.
    pub(super) fn choose(root: &Dir, no_sync: bool) -> io::Result<Self> {
        if no_sync {
            return Ok(Self::Never);
        }
        #[cfg(target_os = "linux")]
        if linux::syncfs_tells_the_truth(root) {
            return Ok(Self::Whole(root.fd().try_clone()?.into()));
        }
        Ok(Self::Each)
    }

    /// Flushes the file system as a whole; false where that is not the way.
    pub(super) fn flush_whole(&self) -> io::Result<bool> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Whole(root) => Ok(rustix::fs::syncfs(root).map(|()| true)?),
            Self::Never | Self::Each => Ok(false),
        }
    }

    /// Flushes the data of the staged versions `data`, and the renames of the published ones `renames`; an answer for
    /// each.
    pub(super) fn flush(&self, store: &LocalStore, data: &[&Stage], renames: &[&Stage]) -> Answers {
        match self {
            Self::Never => (data.iter().map(|_| Ok(())).collect(), renames.iter().map(|_| Ok(())).collect()),
            #[cfg(target_os = "linux")]
            Self::Whole(root) => match rustix::fs::syncfs(root) {
                Ok(()) => Self::Never.flush(store, data, renames),
                Err(error) => blame(each(store, data, renames), error.into()),
            },
            Self::Each => each(store, data, renames),
        }
    }
}

type Answers = (Vec<Result<(), Failure>>, Vec<Result<(), Failure>>);

/// Finds out whom a failed `syncfs` concerns, by the answers of a flush of each. Where all of those succeeded it may
/// have been any, and all have failed: the system may report a failed write only once.
#[cfg(target_os = "linux")]
fn blame((data, renames): Answers, error: io::Error) -> Answers {
    if data.iter().chain(&renames).any(Result::is_err) {
        return (data, renames);
    }
    let failure = Failure::io("flush the destination", &error);
    let all = |answers: Vec<_>| answers.iter().map(|_| Err(failure.clone())).collect();
    (all(data), all(renames))
}

fn each(store: &LocalStore, data: &[&Stage], renames: &[&Stage]) -> Answers {
    let data_answers = in_parallel(data, sync_data);
    let renames_answers = in_parallel(renames, |stage| sync_renames(store, stage));
    let shared = sync_shared(store);
    let with_shared = |answers: Vec<Result<(), Failure>>| {
        answers.into_iter().map(|answer| answer.and_then(|()| shared.clone())).collect()
    };
    (with_shared(data_answers), with_shared(renames_answers))
}

fn in_parallel(stages: &[&Stage], sync: impl Fn(&Stage) -> io::Result<()> + Sync) -> Vec<Result<(), Failure>> {
    let sync =
        |stage: &&Stage| sync(stage).map_err(|error| Failure::io(format!("flush {}", stage.dir.at(VERSION)), &error));
    let share = stages.len().div_ceil(THREADS).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            stages.chunks(share).map(|chunk| scope.spawn(|| chunk.iter().map(sync).collect::<Vec<_>>())).collect();
        let joined = threads.into_iter().flat_map(|thread| {
            // A panic of a thread goes on in the committer, as if it had flushed itself.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}

/// The files of a staged version, its folder, its seal.
fn sync_data(stage: &Stage) -> io::Result<()> {
    stage.version.sync_with_files()?;
    stage.dir.file(SEALED)?.sync_all()?;
    stage.dir.sync()
}

/// The places that a published version and the one it superseded were moved between.
fn sync_renames(store: &LocalStore, stage: &Stage) -> io::Result<()> {
    stage.dir.sync()?;
    stage.version.sync()?;
    sync_shelves(store.own().map_err(io::Error::other)?, stage.id.as_str())
}

/// The folders that superseded and damaged versions of `id` are kept in.
pub(super) fn sync_shelves(own: &Own, id: &str) -> io::Result<()> {
    for shelf in [own.history.dir(id), own.own.dir(format!("{DAMAGED}/{id}")), own.own.dir(DAMAGED)] {
        match shelf {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            shelf => shelf?.sync()?,
        }
    }
    Ok(())
}

/// The folders that all versions share.
fn sync_shared(store: &LocalStore) -> Result<(), Failure> {
    let (root, own) = (store.root()?, store.own()?);
    for dir in [root, &own.own, &own.history, &own.staging] {
        dir.sync().map_err(|error| Failure::io(format!("flush {}", dir.at("")), &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
mod linux {
    use super::Dir;

    /// Whether `syncfs` reports every failed write here: known of these file systems since Linux 5.8. On overlayfs it
    /// has been seen to report success for lost data.
    pub(super) fn syncfs_tells_the_truth(root: &Dir) -> bool {
        const EXT4: u64 = 0xef53;
        const XFS: u64 = 0x5846_5342;
        const BTRFS: u64 = 0x9123_683e;
        const TMPFS: u64 = 0x0102_1994;
        let kind = rustix::fs::fstatfs(root.fd()).map(|stat| u64::try_from(stat.f_type).unwrap_or(0));
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        kind.is_ok_and(|kind| [EXT4, XFS, BTRFS, TMPFS].contains(&kind)) && is_at_least_5_8(&release)
    }

    fn is_at_least_5_8(release: &str) -> bool {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn a_kernel_is_new_enough_from_5_8_on() {
            for (release, expected) in [("5.7.19", false), ("5.8.0-rc1", true), ("6.18.44-x", true), ("4.19", false)] {
                assert_eq!(super::is_at_least_5_8(release), expected, "{release}");
            }
        }
    }
}
