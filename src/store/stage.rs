//! A version in the making, out of everybody's sight until it is committed. It is put together in `<id>/version` in a
//! staging folder: the destination's own one, or for a bucket a local folder of the run.

use std::fs::File;
use std::io::{self, BufRead, Seek, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::dir::{Dir, set_modified};
use crate::digest::{Digest, Hasher};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure};
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::Manifest;
use crate::media::HEAD;
use crate::time::Time;

/// The version's folder inside an element's staging folder.
pub(super) const VERSION: &str = "version";
/// The file beside it that says what the version's commit to a folder is to do.
pub(super) const SEALED: &str = "sealed";
/// A version that could not be committed to a folder, and waits for the next run.
pub(super) const DRAFT: &str = "draft";
/// Where an older one waits until another has taken its place.
pub(super) const FORMER: &str = "former";

/// A version in the making. Dropped before it is committed, it leaves nothing behind but a draft.
pub struct Stage {
    staging: Arc<Dir>,
    pub(super) id: ElementId,
    pub(super) dir: Dir,
    pub(super) version: Dir,
    /// What stays when this is dropped.
    pub(super) leaves: Leaves,
    /// How many parts were made; each is named by its number.
    parts: AtomicU32,
}

/// What of a staging folder stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    /// The draft, if there is one.
    Draft,
    /// All of it: recovery needs it.
    All,
}

impl Leaves {
    /// Removes the folder `name` in `staging`, which is open as `staged`, but for what is to stay.
    ///
    /// The order matters where this is interrupted. The seal goes before the version it describes: a commit that
    /// is half removed must never be resumed. A draft that has served goes before the seal, since nothing but
    /// the seal says that it has.
    pub(super) fn discard_others(self, (staging, staged): (&Dir, &Dir), name: &str) -> io::Result<()> {
        if self == Self::All {
            return Ok(());
        }
        if self == Self::Nothing {
            staged.remove_tree(DRAFT)?;
        }
        staged.remove_if_there(SEALED)?;
        if self == Self::Draft {
            restore(staged)?;
        }
        // After a commit nothing else is there, as a rule.
        if staging.remove_if_empty(name)? {
            return Ok(());
        }
        if !staged.has(DRAFT)? {
            return staging.remove_tree(name);
        }
        let mut others = staged.list()?.into_iter().filter(|inner| inner != DRAFT);
        others.try_for_each(|inner| staged.remove_tree(inner))
    }
}

/// Gives an older draft its name back, where no other has taken it.
pub(super) fn restore(staged: &Dir) -> io::Result<()> {
    match staged.has(FORMER)? && !staged.has(DRAFT)? {
        true => staged.rename_new(FORMER, staged, DRAFT),
        false => Ok(()),
    }
}

impl Stage {
    /// A stage in the folder `staging`, where the element may have a draft.
    pub(super) fn new(staging: Arc<Dir>, id: &ElementId, has_draft: bool) -> Result<Self, Failure> {
        let cannot = |error: io::Error| Failure::io(format!("make {}", staging.at(id.as_str())), &error);
        let made = if has_draft { staging.ensure(id.as_str()) } else { staging.make(id.as_str()) };
        let dir = match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(occupied(&staging, id).unwrap_or_else(cannot));
            }
            done => done.map_err(cannot)?,
        };
        let version = dir.make(VERSION).map_err(cannot)?;
        Ok(Self { id: id.clone(), dir, version, leaves: Leaves::Draft, parts: AtomicU32::new(0), staging })
    }

    /// The element that it is of.
    pub fn id(&self) -> &ElementId {
        &self.id
    }

    /// A new file, not yet part of the version.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn part(&self) -> Result<Part, Failure> {
        let name = self.parts.fetch_add(1, Relaxed).to_string();
        let file =
            self.dir.create(&name).map_err(|error| Failure::io(format!("make {}", self.dir.at(&name)), &error))?;
        Ok(Part { path: self.dir.at(&name), name, file, hasher: Hasher::new(), size: 0, head: Vec::new() })
    }

    /// Takes a finished part into the version, as `file`.
    ///
    /// # Errors
    /// It can't be moved, or be given its time.
    pub fn adopt(&self, part: &Part, file: &str, fetched_at: Time) -> Result<(), Failure> {
        set_modified(&part.file, fetched_at)
            .and_then(|()| self.dir.rename(&part.name, &self.version, file))
            .map_err(|error| Failure::io(format!("move {} to {file}", part.path), &error))
    }

    /// Completes the version: the API's reply, the manifest and the checksums. Gives the manifest's digest.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn complete(&self, manifest: &Manifest, response: &[u8]) -> Result<Digest, Failure> {
        let bytes = manifest.to_bytes();
        let digest = Digest::of(&bytes);
        let sums = manifest.sums(digest);
        for (name, bytes) in [(&*manifest.response.file, response), (MANIFEST, &bytes), (SUMS, sums.as_bytes())] {
            self.version
                .write(name, bytes, Some(manifest.committed_at))
                .map_err(|error| Failure::io(format!("write {}", self.version.at(name)), &error))?;
        }
        Ok(digest)
    }
}

/// Why nothing can be staged for `id`: something is staged already, though the run began with clearing up. It is not
/// touched.
fn occupied(staging: &Dir, id: &ElementId) -> io::Result<Failure> {
    let exact = staging.list()?.iter().any(|name| *name == *id.as_str());
    let at = staging.at(id.as_str());
    Ok(match exact {
        true => {
            let message = format!("an earlier version could not be put in its place; it waits in {at}");
            Failure::new(ErrorKind::CannotReplace, message)
        }
        // The file system folds case.
        false => {
            let message = format!("{at} belongs to another ID, which differs in case alone");
            Failure::new(ErrorKind::FolderTaken, message)
        }
    })
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What can't be removed now is litter, and swept by the next run.
        let _ = self.leaves.discard_others((&self.staging, &self.dir), self.id.as_str());
    }
}

/// A file that is being downloaded: each byte is hashed and written once, as it arrives.
pub struct Part {
    name: String,
    path: String,
    file: File,
    hasher: Hasher,
    size: u64,
    /// The first bytes, at most [`HEAD`] of them.
    head: Vec<u8>,
}

impl Part {
    /// How many bytes are there.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// They can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| self.failure("write", &error))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        Ok(())
    }

    /// Forgets all bytes: the download starts over.
    ///
    /// # Errors
    /// The file can't be cut.
    pub fn restart(&mut self) -> Result<(), Failure> {
        let cut = self.file.set_len(0).and_then(|()| self.file.rewind());
        cut.map_err(|error| self.failure("cut", &error))?;
        self.hasher = Hasher::new();
        self.size = 0;
        self.head.clear();
        Ok(())
    }

    /// The digest of all bytes.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// The first bytes, as many as it takes to recognise a file.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last bytes, at most `length` of them.
    ///
    /// # Errors
    /// They can't be read back.
    pub fn tail(&self, length: usize) -> Result<Vec<u8>, Failure> {
        let start = self.size.saturating_sub(length as u64);
        let mut bytes = vec![0; length.min(usize::try_from(self.size).unwrap_or(length))];
        self.file.read_exact_at(&mut bytes, start).map_err(|error| self.failure("read", &error))?;
        Ok(bytes)
    }

    /// Reads all bytes back, from the first on.
    ///
    /// # Errors
    /// The file can't be rewound.
    pub fn reader(&self) -> Result<impl BufRead + Seek, Failure> {
        let mut file = &self.file;
        file.rewind().map_err(|error| self.failure("read", &error))?;
        Ok(io::BufReader::new(file))
    }

    fn failure(&self, what: &str, error: &io::Error) -> Failure {
        Failure::io(format!("{what} {}", self.path), error)
    }
}
