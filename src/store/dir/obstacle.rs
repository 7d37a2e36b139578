//! What is in the way of a folder or a file, in words: the system's own name no path, and take a link for a loop or for
//! no folder.

use std::io;
use std::path::Path;

use rustix::io::Errno;

/// `error`, of opening what is at `path` and follows no symbolic link.
pub(super) fn at(path: &Path, error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::MLINK | Errno::NOTDIR) if path.is_symlink() => {
            io::Error::other(format!("{} is a symbolic link, and none is followed there", path.display()))
        }
        Some(Errno::NOTDIR | Errno::ISDIR) => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
        _ => error,
    }
}

/// Why a folder can't be made at `path`, where something else is there, or above it.
pub(super) fn above(path: &Path) -> io::Error {
    let there = path.ancestors().find(|path| path.symlink_metadata().is_ok());
    match there.filter(|there| there.is_symlink()) {
        Some(link) => io::Error::other(format!("{} is a symbolic link that leads to no folder", link.display())),
        None => Errno::NOTDIR.into(),
    }
}
