//! A folder by its descriptor: every operation is relative to it, and follows no symbolic link.

mod obstacle;
#[cfg(test)]
pub(super) mod trouble;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, Access, AtFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::MAX_READ;
use crate::error::ended;
use crate::time::Time;

/// Modes are given in full; the umask takes off what it takes off.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIR_MODE: Mode = Mode::from_raw_mode(0o777);

/// An open folder, and its path for messages.
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// What is at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    /// The device, and the number that the file has on it.
    pub(super) inode: (u64, u64),
    pub(super) is_file: bool,
    pub(super) is_dir: bool,
    pub(super) size: u64,
    /// Seconds and nanoseconds since 1970.
    pub(super) modified: (i64, i64),
}

/// Trouble that tests make: a kill, a failing call, a file system that can do little.
#[cfg(not(test))]
mod trouble {
    use rustix::io::Errno;

    pub(super) const fn step() -> Result<(), Errno> {
        Ok(())
    }

    pub(super) const fn is_poor() -> bool {
        false
    }
}

/// Makes `path` and the folders above it; `sync` makes their names durable too.
#[expect(clippy::disallowed_methods, reason = "the store's room")]
pub(super) fn create_all(path: &Path, sync: bool) -> io::Result<()> {
    let named = |path: &&Path| !path.as_os_str().is_empty();
    let missing: Vec<&Path> = path.ancestors().filter(named).take_while(|path| !path.exists()).collect();
    match std::fs::create_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(obstacle::above(path)),
        done => done?,
    }
    for made in missing.into_iter().filter(|_| sync) {
        let parent = made.parent().filter(named).unwrap_or(Path::new("."));
        // One that may be written but not read can't be flushed.
        if let Ok(parent) = Dir::open(parent) {
            parent.sync()?;
        }
    }
    Ok(())
}

/// Makes the names of `path` and of all folders above it durable, as far as they may be read.
pub(super) fn sync_above(path: &Path) -> io::Result<()> {
    for above in path.canonicalize()?.ancestors().skip(1) {
        let Ok(above) = Dir::open(above) else { continue };
        match above.sync() {
            // A file system that has nothing to flush.
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::ROFS)) => {}
            synced => synced?,
        }
    }
    Ok(())
}

impl Dir {
    /// Opens the folder `path`, through symbolic links: it is what the user named.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { fd: fs::open(path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// Opens the folder `name` in this one.
    pub(super) fn dir(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { fd: fs::openat(&self.fd, name, flags, Mode::empty())?, path: self.path.join(name) })
    }

    /// The same folder, by a descriptor of its own.
    pub(super) fn again(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, path: self.path.clone() })
    }

    /// Opens the folder `name`, made where it is not there.
    pub(super) fn ensure(&self, name: &str) -> io::Result<Self> {
        match self.make(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.dir(name).map_err(|error| self.obstacle(name, error))
            }
            done => done,
        }
    }

    /// Makes the folder `name`.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        trouble::step()?;
        fs::mkdirat(&self.fd, name, DIR_MODE)?;
        self.dir(name)
    }

    /// The path of `name`, for messages.
    pub(super) fn at(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// `error`, of opening `name`, in words that say what is in the way there.
    pub(super) fn obstacle(&self, name: &str, error: io::Error) -> io::Error {
        obstacle::at(&self.path.join(name), error)
    }

    /// Makes the file `name`, open for reading and writing.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        trouble::step()?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(fs::openat(&self.fd, name, flags, FILE_MODE)?.into())
    }

    /// Opens the file `name` for reading and writing, made where it is not there.
    pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = fs::openat(&self.fd, name, flags, FILE_MODE);
        Ok(opened.map_err(|error| self.obstacle(name, error.into()))?.into())
    }

    /// Opens the file `name` for reading; a pipe or device does not block.
    pub(super) fn file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(&self.fd, name.as_ref(), flags, Mode::empty())?.into())
    }

    /// The bytes of the file `name`. Where it is no file, or larger than [`MAX_READ`], that is an error.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Errno::ISDIR.into());
        }
        if metadata.len() > MAX_READ {
            return Err(Errno::FBIG.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        // To that length and no further: looking for the end would be a call more.
        file.take(metadata.len()).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the new file `name`.
    pub(super) fn write(&self, name: &str, bytes: &[u8], modified: Option<Time>) -> io::Result<()> {
        let mut file = self.create(name)?;
        trouble::step()?;
        file.write_all(bytes)?;
        modified.map_or(Ok(()), |time| set_modified(&file, time))
    }

    /// Writes the file `name` in one step, by way of a file in `staging`: whoever reads it finds all of the old or all
    /// of the new one. With `sync` that holds after a power cut too, and the new one is durable.
    pub(super) fn replace(&self, name: &str, bytes: &[u8], staging: &Self, sync: bool) -> io::Result<()> {
        let part = format!("{name}.part");
        let _ = staging.remove_file(&part);
        staging.write(&part, bytes, None)?;
        if sync {
            staging.file(&part)?.sync_all()?;
        }
        staging.rename(&part, self, name)?;
        if sync { self.sync() } else { Ok(()) }
    }

    /// What is at `name`, a symbolic link not followed.
    pub(super) fn entry(&self, name: impl AsRef<OsStr>) -> io::Result<Entry> {
        let stat = fs::statat(&self.fd, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        Ok(Entry {
            inode: (stat.st_dev as _, stat.st_ino as _),
            is_file: kind == FileType::RegularFile,
            is_dir: kind == FileType::Directory,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, stat.st_mtime_nsec as i64),
        })
    }

    /// Whether anything is at `name`. That it can't be known is an error: nothing may be deleted on such a guess.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match self.entry(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the user may make and remove names in the folder.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        Ok(fs::accessat(&self.fd, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
    }

    /// The names in the folder.
    pub(super) fn list(&self) -> io::Result<Vec<OsString>> {
        self.names()?.collect()
    }

    /// The names in the folder, read as they are asked for.
    pub(super) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>> + Send + use<>> {
        let names = fs::Dir::read_from(&self.fd)?.map(|entry| Ok(entry?.file_name().to_bytes().to_vec()));
        let inner = names.filter(|name| !matches!(name.as_deref(), Ok(b"." | b"..")));
        Ok(inner.map(|name| name.map(OsString::from_vec)))
    }

    /// Moves `name` to `to/new`, replacing a file of that name.
    pub(super) fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        trouble::step()?;
        Ok(fs::renameat(&self.fd, name, &to.fd, new)?)
    }

    /// Moves `name` to `to/new` unless something is there.
    pub(super) fn rename_new(&self, name: impl AsRef<OsStr>, to: &Self, new: impl AsRef<OsStr>) -> io::Result<()> {
        let (name, new) = (name.as_ref(), new.as_ref());
        trouble::step()?;
        match fs::renameat_with(&self.fd, name, &to.fd, new, RenameFlags::NOREPLACE) {
            // A file system without that flag: the lock keeps other runs away, so looking first will do.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                match fs::statat(&to.fd, new, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => Ok(fs::renameat(&self.fd, name, &to.fd, new)?),
                    Ok(_) => Err(Errno::EXIST.into()),
                    Err(error) => Err(error.into()),
                }
            }
            done => Ok(done?),
        }
    }

    /// Exchanges `name` and `to/other` in one step; false where the file system can't.
    pub(super) fn exchange(&self, name: &str, to: &Self, other: &str) -> io::Result<bool> {
        if trouble::is_poor() {
            return Ok(false);
        }
        trouble::step()?;
        match fs::renameat_with(&self.fd, name, &to.fd, other, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file `name` a second name `to/new`: a hard link, or a copy with its time where links fail.
    pub(super) fn share(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        trouble::step()?;
        let linked = match trouble::is_poor() {
            true => Err(Errno::PERM),
            false => fs::linkat(&self.fd, name, &to.fd, new, AtFlags::empty()),
        };
        match linked {
            Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP | Errno::MLINK | Errno::XDEV | Errno::INVAL) => {
                let mut from = self.file(name)?;
                let mut copy = to.create(new)?;
                trouble::step()?;
                io::copy(&mut from, &mut copy)?;
                let stat = fs::fstat(&from)?;
                let time = Timespec { tv_sec: stat.st_mtime as _, tv_nsec: stat.st_mtime_nsec as _ };
                Ok(fs::futimens(&copy, &Timestamps { last_access: time, last_modification: time })?)
            }
            done => Ok(done?),
        }
    }

    /// Gives the file `name` the modification time `time`.
    pub(super) fn set_modified(&self, name: &str, time: Time) -> io::Result<()> {
        Ok(fs::utimensat(&self.fd, name, &timestamps(time), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Removes the file `name`.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        trouble::step()?;
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Removes the file `name`, if it is there.
    pub(super) fn remove_if_there(&self, name: &str) -> io::Result<()> {
        match self.remove_file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Removes whatever is at `name`, folders with all that they hold, if it is there. Only for what lies in staging,
    /// where nobody sees it half removed.
    pub(super) fn remove_tree(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = name.as_ref();
        trouble::step()?;
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            done => return Ok(done?),
        }
        let dir = self.dir(name)?;
        for inner in dir.list()? {
            dir.remove_tree(inner)?;
        }
        trouble::step()?;
        Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes the folder `name` if nothing is in it; true where there is none then.
    pub(super) fn remove_if_empty(&self, name: &str) -> io::Result<bool> {
        trouble::step()?;
        match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            // Somebody's link in its place is no empty folder either.
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Flushes the folder itself: the names in it.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }

    /// Flushes the folder and the files in it, not what lies in folders below.
    pub(super) fn sync_with_files(&self) -> io::Result<()> {
        for name in self.list()? {
            let stat = fs::statat(&self.fd, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                self.file(&name)?.sync_all()?;
            }
        }
        self.sync()
    }

    /// Flushes what is at `name`, folders with all that they hold; what is no file, may not be read or is gone
    /// meanwhile is passed over. Ends between two files when `stop` is cancelled.
    pub(super) fn sync_tree(&self, name: &OsStr, stop: &CancellationToken) -> io::Result<()> {
        if stop.is_cancelled() {
            return Err(ended());
        }
        let at =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.join(name).display()));
        let sync = || match self.entry(name)? {
            Entry { is_dir: true, .. } => {
                let dir = self.dir(name)?;
                dir.list()?.iter().try_for_each(|inner| dir.sync_tree(inner, stop))?;
                dir.sync().map_err(at)
            }
            Entry { is_file: true, .. } => self.file(name)?.sync_all().map_err(at),
            _ => Ok(()),
        };
        match sync() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(()),
            done => done,
        }
    }

    /// The descriptor.
    #[cfg(target_os = "linux")]
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

/// Gives an open file the modification time `time`.
pub(super) fn set_modified(file: &File, time: Time) -> io::Result<()> {
    Ok(fs::futimens(file, &timestamps(time))?)
}

fn timestamps(time: Time) -> Timestamps {
    let (tv_sec, nanos) = time.to_unix();
    let time = Timespec { tv_sec, tv_nsec: nanos as _ };
    Timestamps { last_access: time, last_modification: time }
}
