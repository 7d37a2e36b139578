//! What stands in an element's folder, and whether its files are as its manifest says.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use super::seal::OLD;
use crate::digest::{Digest, Hasher};
use crate::element::ElementId;
use crate::error::{ErrorKind, Failure, ended};
use crate::layout::{self, MANIFEST, Naming, OWN, RESPONSE, STAGING, SUMS};
use crate::manifest::{InvalidManifest, Manifest, OwnFile};
use crate::media;
use crate::plan::Checked;
use crate::store::dir::{Dir, Entry};
use crate::store::standing;
pub(super) use crate::store::standing::Holds;
use crate::time::Time;

/// By how much a file's time may differ before the file is read again. (Some file systems keep times no finer than
/// this.)
const TIME_TOLERANCE_NANOS: i128 = 2_000_000_000;

/// How many times a folder is looked at that is replaced each time meanwhile.
pub(super) const MOST_LOOKS: usize = 20;

/// Files are read in pieces: of the largest size, but smaller files in one piece of their own size, down to the
/// smallest.
const MAX_BUFFER: usize = 256 * 1024;
const MIN_BUFFER: usize = 4 * 1024;

/// The files that every version has: where one of them is, a version was.
const TRACES: [&str; 3] = [MANIFEST, RESPONSE, SUMS];

/// What is in an element's place.
pub(super) type Occupant = standing::Occupant<Arc<Dir>>;
/// A version that stands, by its open folder.
pub(super) type Version = standing::Version<Arc<Dir>>;
/// A folder that holds no readable manifest.
pub(super) type Remains = standing::Remains<Arc<Dir>>;

/// The names in the element's folder that the program did not put there.
pub(super) fn strangers_beside(occupant: &Occupant) -> Result<Vec<OsString>, Failure> {
    let (dir, manifest) = match occupant {
        Occupant::Nothing => return Ok(Vec::new()),
        Occupant::Version(version) => (&version.place, Some(&version.checked.manifest)),
        Occupant::Remains(remains) => (&remains.place, None),
    };
    strangers(dir, manifest).map_err(|error| Failure::io(format!("list {}", dir.at("")), &error))
}

/// The names in `dir` that the program did not give, by the folder's `manifest`; where there is none that can be read,
/// by what else is there of the program's.
pub(super) fn strangers(dir: &Dir, manifest: Option<&Manifest>) -> io::Result<Vec<OsString>> {
    let names = dir.list()?;
    let own: HashSet<String> = match manifest {
        Some(manifest) => own_names(manifest).into_iter().map(str::to_owned).collect(),
        None => own_names_by_traces(dir, &names)?,
    };
    Ok(names.into_iter().filter(|name| !name.to_str().is_some_and(|name| own.contains(name))).collect())
}

/// Those of the `names` in `dir`, which has no manifest that can be read, that the program gave: what the checksums
/// list, or where they can't be read, what looks like a file of ours. Without a trace of a version nothing is ours, for
/// anybody may call a file `cover.jpg`.
fn own_names_by_traces(dir: &Dir, names: &[OsString]) -> io::Result<HashSet<String>> {
    if !has_traces(names) {
        return Ok(HashSet::new());
    }
    let mut own = listed(&read_sums(dir)?).unwrap_or_else(|| {
        let ours = names.iter().filter_map(|name| name.to_str()).filter(|name| looks_ours(dir, name));
        ours.map(str::to_owned).collect()
    });
    own.extend(TRACES.map(str::to_owned));
    Ok(own)
}

/// Whether one of the `names` is that of a file which every version has.
fn has_traces(names: &[OsString]) -> bool {
    names.iter().any(|name| TRACES.iter().any(|trace| name == trace))
}

/// Whether `name` is a file in `dir`, and called as the program calls media.
fn looks_ours(dir: &Dir, name: &str) -> bool {
    // A bucket's mirror may have been copied here.
    let plain = Naming::ByContent.plain(name);
    let is_media = plain.split_once('.').is_some_and(|(_, extension)| media::is_extension(extension));
    // What the disk has lost is nobody's any more, and so goes where damaged files go.
    let is_file = || dir.entry(name).map_or_else(|error| is_damage(&error), |entry| entry.is_file);
    is_media && layout::is_ours(&plain) && is_file()
}

/// The names that checksums list; none where they are not all there, or have been edited.
fn listed(sums: &[u8]) -> Option<HashSet<String>> {
    let lines = std::str::from_utf8(sums).ok()?.strip_suffix('\n')?.split('\n');
    let name = |line: &str| {
        let (sum, name) = line.split_once("  ")?;
        sum.parse::<Digest>().ok().map(|_| name.to_owned())
    };
    lines.map(name).collect()
}

/// The names of all files of a version.
pub(super) fn own_names(manifest: &Manifest) -> HashSet<&str> {
    manifest.own_files().map(|file| file.name).chain([MANIFEST, SUMS]).collect()
}

/// How elements' folders are looked at.
pub(super) struct Look<'a> {
    pub(super) root: &'a Dir,
    /// Whether a file that has another time, and good bytes, gets its time back.
    pub(super) mend: bool,
    /// Whether a file is read even where it has its time.
    pub(super) distrust: bool,
    /// Ends the reading of large files.
    pub(super) stop: &'a CancellationToken,
}

/// What was found of a manifest and the checksums beside it.
pub(super) enum Found {
    /// A manifest; whether the checksums beside it are its own.
    Whole(Box<Manifest>, bool),
    Nothing,
    /// What is wrong.
    Damaged(String),
    /// Of a newer format, or about another element.
    Foreign(InvalidManifest),
}

/// What is in the place of `id` in `root`, of whose files only the manifest and the checksums are looked at. Where a
/// run replaced the folder meanwhile it is looked at again: what was replaced may have been half gone.
pub(super) fn find(root: &Dir, id: &ElementId) -> Result<Occupant, Failure> {
    for _ in 1..MOST_LOOKS {
        let occupant = find_once(root, id)?;
        let is_settled = match &occupant {
            Occupant::Version(_) => true,
            Occupant::Remains(remains) => is_still(root, id.as_str(), &remains.place),
            // Where folders can't be exchanged there is an instant without one.
            Occupant::Nothing => !root.has(&format!("{OWN}/{STAGING}/{id}/{OLD}")).unwrap_or(false),
        };
        if is_settled {
            return Ok(occupant);
        }
        std::thread::yield_now();
    }
    find_once(root, id)
}

/// Whether `dir` is still what stands at `path`.
pub(super) fn is_still(root: &Dir, path: &str, dir: &Dir) -> bool {
    matches!((root.entry(path), dir.entry(".")), (Ok(there), Ok(open)) if there.inode == open.inode)
}

fn find_once(root: &Dir, id: &ElementId) -> Result<Occupant, Failure> {
    let place = || root.at(id.as_str());
    let dir = match root.dir(id.as_str()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nothing),
        Err(error) if is_no_folder(&error) => {
            let message = format!("{} is a symbolic link or a file, not a folder; it is not touched", place());
            return Err(Failure::new(ErrorKind::NotAFolder, message));
        }
        dir => dir.map_err(|error| Failure::io(format!("open {}", place()), &error))?,
    };
    let path = || dir.at(MANIFEST);
    let holds = match find_manifest(&dir, id)? {
        Found::Whole(manifest, sums_hold) => {
            let damaged = if sums_hold { Vec::new() } else { vec![SUMS.to_owned()] };
            let checked = Checked { manifest: *manifest, damaged };
            return Ok(Occupant::Version(Box::new(Version { place: Arc::new(dir), checked })));
        }
        Found::Foreign(error) => return Err(refused(&dir, &error)),
        Found::Damaged(why) => Holds::BadManifest(format!("{} is damaged: {why}", path())),
        // That is no damage: nothing of ours was ever here.
        Found::Nothing if !holds_traces(&dir)? => Holds::Strangers,
        Found::Nothing => Holds::NoManifest(format!("{} is missing, though there are files of a mirror", path())),
    };
    Ok(Occupant::Remains(Remains { place: Arc::new(dir), holds }))
}

impl Look<'_> {
    /// Looks at the folder of `id`.
    pub(super) fn at(&self, id: &ElementId) -> Result<Occupant, Failure> {
        let mut occupant = find(self.root, id)?;
        if let Occupant::Version(version) = &mut occupant {
            let Version { place: dir, checked } = version.as_mut();
            // Without checksums only the files themselves vouch for the manifest.
            let is_vouched_for = checked.damaged.is_empty();
            let distrust = self.distrust || !is_vouched_for;
            if self.mend && is_vouched_for {
                mend_times(dir, checked.manifest.committed_at);
            }
            for file in checked.manifest.own_files() {
                let good = Self { distrust, ..*self }.is_good(dir, &file);
                if !good.map_err(|error| Failure::io(format!("read {}", dir.at(file.name)), &error))? {
                    checked.damaged.push(file.name.to_owned());
                }
            }
        }
        Ok(occupant)
    }

    /// Whether `file` has its size and time, or where the time differs, its bytes.
    fn is_good(&self, dir: &Dir, file: &OwnFile<'_>) -> io::Result<bool> {
        let entry = match dir.entry(file.name) {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_damage(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        if !entry.is_file || entry.size != file.size {
            return Ok(false);
        }
        let has_its_time = is_about(&entry, file.modified);
        if has_its_time && !self.distrust {
            return Ok(true);
        }
        let good = match hash(dir, file.name, Some(self.stop)) {
            Err(error) if is_damage(&error) => false,
            found => found? == file.sha256,
        };
        if good && self.mend && !has_its_time {
            // Where the time can't be given back, the file is read again next time.
            let _ = dir.set_modified(file.name, file.modified);
        }
        Ok(good)
    }
}

/// Gives the manifest in `dir` and the checksums beside it, which vouch for each other, the time that they should have.
fn mend_times(dir: &Dir, committed_at: Time) {
    for file in [MANIFEST, SUMS] {
        if dir.entry(file).is_ok_and(|entry| !is_about(&entry, committed_at)) {
            // Nothing is wrong but for that: where the time can't be given back, it is tried again next time.
            let _ = dir.set_modified(file, committed_at);
        }
    }
}

/// Reads the manifest in `dir`, and holds it against SHA256SUMS, which names its digest. Where the checksums are lost,
/// nothing speaks against the manifest.
pub(super) fn find_manifest(dir: &Dir, id: &ElementId) -> Result<Found, Failure> {
    let bytes = match dir.read(MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if is_no_file(&error) => return Ok(Found::Damaged("it is no file".to_owned())),
        Err(error) if is_damage(&error) || is_too_large(&error) => return Ok(Found::Damaged(error.to_string())),
        bytes => bytes.map_err(|error| Failure::io(format!("read {}", dir.at(MANIFEST)), &error))?,
    };
    let manifest = match Manifest::parse(&bytes, id) {
        Err(InvalidManifest::Damaged(why)) => return Ok(Found::Damaged(why)),
        Err(error) => return Ok(Found::Foreign(error)),
        Ok(manifest) => manifest,
    };
    let sums = read_sums(dir).map_err(|error| Failure::io(format!("read {}", dir.at(SUMS)), &error))?;
    let digest = Digest::of(&bytes);
    // A bucket's mirror that was copied here has checksums of the data alone.
    let of_bucket = || manifest.response.file != RESPONSE && sums == manifest.sums_of_data().as_bytes();
    if sums == manifest.sums(digest).as_bytes() || of_bucket() {
        return Ok(Found::Whole(Box::new(manifest), true));
    }
    // Where the two contradict each other, one of them was edited, and nobody can say which.
    let (sums, digest) = (String::from_utf8_lossy(&sums), digest.to_string());
    let own = own_names(&manifest);
    let is_known = |sum: Digest| manifest.own_files().any(|file| file.sha256 == sum);
    let contradicts = |(sum, name): (&str, &str)| match name {
        MANIFEST => sum != digest,
        // A slip in a name, or a line about a stranger's file, says nothing against the manifest.
        name => !own.contains(name) && layout::is_ours(name) && sum.parse().is_ok_and(|sum| !is_known(sum)),
    };
    Ok(match sums.lines().filter_map(|line| line.split_once("  ")).any(contradicts) {
        true => Found::Damaged(format!("it is not the one that {SUMS} names")),
        false => Found::Whole(Box::new(manifest), false),
    })
}

/// The checksums in `dir`; none where they are lost.
fn read_sums(dir: &Dir) -> io::Result<Vec<u8>> {
    let is_lost = |error: &io::Error| error.kind() == io::ErrorKind::NotFound || is_no_file(error) || is_damage(error);
    match dir.read(SUMS) {
        Err(error) if is_lost(&error) || is_too_large(&error) => Ok(Vec::new()),
        sums => sums,
    }
}

/// Whether `error`, of reading a file, says that it is larger than it may be.
fn is_too_large(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::FBIG)
}

/// Whether `dir`, which has no manifest, has held a version all the same.
fn holds_traces(dir: &Dir) -> Result<bool, Failure> {
    let listed = dir.list().map(|names| has_traces(&names));
    listed.map_err(|error| Failure::io(format!("list {}", dir.at("")), &error))
}

fn refused(dir: &Dir, error: &InvalidManifest) -> Failure {
    Failure::new(error.kind(), format!("{} is not touched: {error}", dir.at(MANIFEST)))
}

/// Whether `error`, of opening a folder, says that what is there is none.
pub(super) fn is_no_folder(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::NOTDIR | Errno::MLINK))
}

/// Whether `error` says that the disk has lost what is to be read. Then the file is damaged, which a good copy mends.
pub(super) fn is_damage(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    const CORRUPT: Errno = Errno::UCLEAN;
    #[cfg(not(target_os = "linux"))]
    const CORRUPT: Errno = Errno::IO;
    Errno::from_io_error(error).is_some_and(|no| [Errno::IO, CORRUPT, Errno::BADMSG].contains(&no))
}

/// Whether `error`, of reading a file, says that what is there is none.
pub(super) fn is_no_file(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO))
}

fn is_about(entry: &Entry, time: Time) -> bool {
    let nanos = |(seconds, nanos): (i64, i64)| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    (nanos(entry.modified) - nanos(time.to_unix())).abs() <= TIME_TOLERANCE_NANOS
}

/// The digest of the file `name`; reading it ends when `stop` is cancelled.
pub(super) fn hash(dir: &Dir, name: &str, stop: Option<&CancellationToken>) -> io::Result<Digest> {
    let file = dir.file(name)?;
    // Most files are smaller than the buffer that a large one is read with.
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(MAX_BUFFER);
    digest_of(file, &mut vec![0; size.clamp(MIN_BUFFER, MAX_BUFFER)], stop)
}

fn digest_of(mut file: impl io::Read, buffer: &mut [u8], stop: Option<&CancellationToken>) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    loop {
        if stop.is_some_and(CancellationToken::is_cancelled) {
            return Err(ended());
        }
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(&buffer[..read]),
            // By a signal: network file systems may tell of one. It is not the run's end, though it has the same kind.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is interrupted before each piece.
    struct Interrupted<'a> {
        left: &'a [u8],
        is_next: bool,
    }

    impl io::Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.is_next = !self.is_next;
            if self.is_next { Err(io::ErrorKind::Interrupted.into()) } else { self.left.read(buffer) }
        }
    }

    #[test]
    fn checksums_list_files_only_as_long_as_they_are_whole() {
        let digest = Digest::of(b"");
        let sums = format!("{digest}  cover.png\n{digest}  manifest.json\n");
        assert_eq!(listed(sums.as_bytes()), Some(["cover.png", "manifest.json"].map(str::to_owned).into()));
        let edited = sums.replacen("  ", " *", 1);
        for lost in ["", "\n", &sums[..sums.len() - 1], &edited, &sums[1..], &format!("{sums}mine\n")] {
            assert_eq!(listed(lost.as_bytes()), None, "{lost:?}");
        }
        assert_eq!(listed(b"\xff\n"), None);
    }

    #[test]
    fn a_read_that_a_signal_interrupts_is_gone_on_with_but_the_end_of_the_run_is_one() {
        let file = || Interrupted { left: b"abc", is_next: false };
        assert_eq!(digest_of(file(), &mut [0; 2], None).unwrap(), Digest::of(b"abc"));
        let stop = CancellationToken::new();
        assert_eq!(digest_of(file(), &mut [0; 2], Some(&stop)).unwrap(), Digest::of(b"abc"));
        stop.cancel();
        let ended = digest_of(file(), &mut [0; 2], Some(&stop)).unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::Interrupted);
    }
}
