//! Inspection: every file of an element's versions is held against its manifest. It writes nothing and needs no lock:
//! folders are read through their descriptors, and again where a run replaced one meanwhile.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use super::LocalStore;
use super::history::SupersededVersion;
use super::shelf::Shelf;
use super::standing::{self, Holds, MOST_LOOKS, Occupant, Version};
use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::event::Counters;
use crate::layout::{MANIFEST, SUMS};
use crate::manifest::{Manifest, OwnFile};
use crate::store::dir::{Dir, Entry};
use crate::store::inspect::{self, Defect, Depth, Flaw};

/// What was found of an element in a folder.
pub(super) type Inspection = inspect::Inspection<Arc<Dir>>;
/// A version. Its place is its folder, or for a superseded version the folder that this is in: a long history has more
/// folders than can be open at once.
pub(super) type Inspected = inspect::Inspected<Arc<Dir>>;

impl Inspected {
    /// The open folder that [`Self::path`] starts from.
    pub(super) fn base(&self) -> &Dir {
        &self.place
    }

    /// The path of a file of it from [`Self::base`].
    pub(super) fn path(&self, file: &str) -> String {
        self.when.as_ref().map_or_else(|| file.to_owned(), |when| format!("{when}/{file}"))
    }

    /// Its own folder, opened.
    pub(super) fn folder(&self) -> io::Result<Dir> {
        self.when.as_ref().map_or_else(|| self.place.again(), |when| self.place.dir(when))
    }
}

impl LocalStore {
    /// See [`Destination::inspect`](crate::store::Destination::inspect); it reads on all cores.
    pub(super) fn look_into(&self, id: &ElementId, depth: Depth, counters: &Counters) -> Result<Inspection, Failure> {
        let Some(root) = &self.0.root else { return Ok(Inspection::default()) };
        for _ in 1..MOST_LOOKS {
            let inspection = self.inspect_once(root, id, depth, counters)?;
            let replaced = |version: &Inspected| {
                !version.flaws.is_empty() && !standing::is_still(root, id.as_str(), &version.place)
            };
            if !inspection.standing.as_ref().is_some_and(replaced) {
                return Ok(inspection);
            }
        }
        self.inspect_once(root, id, depth, counters)
    }

    fn inspect_once(
        &self,
        root: &Dir,
        id: &ElementId,
        depth: Depth,
        counters: &Counters,
    ) -> Result<Inspection, Failure> {
        let (mut inspection, mut past) = (Inspection::default(), Vec::new());
        match standing::find(root, id)? {
            Occupant::Nothing => {}
            Occupant::Remains(remains) => {
                inspection.remains = Some(remains.holds).filter(|holds| *holds != Holds::Strangers);
            }
            Occupant::Version(version) => {
                let Version { place: dir, checked } = *version;
                // Of a version whose files nobody has looked at yet, only the checksums can be known to be damaged.
                let flaws = checked.damaged.iter().map(|_| sums_flaw(&dir, SUMS)).collect();
                let manifest = Some(checked.manifest);
                inspection.standing =
                    Some(Inspected { when: None, folder: String::new(), manifest, flaws, place: dir });
            }
        }
        if depth.history {
            past = self.history(id)?;
            inspection.past = past.iter().map(|past| superseded(id, past)).collect();
        }
        let Inspection { standing, past: versions, .. } = &mut inspection;
        self.check(&mut standing.iter_mut().chain(versions).collect::<Vec<_>>(), depth.quick, counters)?;
        // One that was pruned meanwhile is not damaged.
        let mut past = past.iter();
        inspection.past.retain(|version| {
            let past = past.next();
            version.flaws.is_empty() || past.is_none_or(SupersededVersion::is_kept)
        });
        Ok(inspection)
    }

    /// Fills in what is wrong with `versions`. A file that several have in common is read once.
    fn check(&self, versions: &mut [&mut Inspected], quick: bool, counters: &Counters) -> Result<(), Failure> {
        let mut flaws: Vec<Vec<Flaw>> = versions.iter().map(|_| Vec::new()).collect();
        let mut files: HashMap<Entry, Vec<(&Dir, String)>> = HashMap::new();
        let mut expected = Vec::new();
        for (index, version) in versions.iter().enumerate() {
            for OwnFile { name, size, sha256, .. } in version.manifest.iter().flat_map(Manifest::own_files) {
                let path = version.path(name);
                let failed = |error: io::Error| Failure::io(format!("read {}", version.place.at(&path)), &error);
                match look(&version.place, &path, size).map_err(failed)? {
                    Ok(entry) => {
                        files.entry(entry).or_default().push((version.base(), path));
                        expected.push((index, entry, name, sha256));
                    }
                    Err(defect) => {
                        flaws[index].push(Flaw { file: name.to_owned(), digest: Some(sha256), defect });
                    }
                }
            }
        }
        if !quick {
            let read = |(entry, names): (Entry, Vec<(&Dir, String)>)| {
                let read = self.read(&names)?;
                counters.read.fetch_add(entry.size, Relaxed);
                Ok((entry, read))
            };
            let found = files.into_par_iter().map(read).collect::<Result<HashMap<_, _>, Failure>>()?;
            for (index, entry, name, sha256) in expected {
                let defect = match &found[&entry] {
                    Ok(found) if *found == sha256 => continue,
                    Ok(_) => Defect::Bytes,
                    Err(defect) => defect.clone(),
                };
                flaws[index].push(Flaw { file: name.to_owned(), digest: Some(sha256), defect });
            }
        }
        for (version, flaws) in versions.iter_mut().zip(flaws) {
            version.flaws.extend(flaws);
        }
        Ok(())
    }

    /// The digest of the file that has all these `names`, or its defect. A name that is gone may have been pruned
    /// meanwhile, and says nothing about the others.
    fn read(&self, names: &[(&Dir, String)]) -> Result<Result<Digest, Defect>, Failure> {
        for (dir, path) in names {
            return match standing::hash(dir, path, Some(&self.0.stop)) {
                Ok(digest) => Ok(Ok(digest)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if standing::is_no_file(&error) => Ok(Err(Defect::NoFile)),
                Err(error) if standing::is_damage(&error) => Ok(Err(Defect::Unreadable(error.to_string()))),
                Err(error) => Err(Failure::io(format!("read {}", dir.at(path)), &error)),
            };
        }
        Ok(Err(Defect::Missing))
    }
}

/// The flaw of a version's checksums that do not hold. They can be made anew from its manifest.
fn sums_flaw(dir: &Dir, path: &str) -> Flaw {
    let defect = match dir.entry(path) {
        Ok(entry) if entry.is_file => Defect::Bytes,
        Ok(_) => Defect::NoFile,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Defect::Missing,
        Err(error) => Defect::Unreadable(error.to_string()),
    };
    Flaw { file: SUMS.to_owned(), digest: None, defect }
}

/// What is at `file`, or its defect where that can't be the file of `size` bytes.
fn look(dir: &Dir, file: &str, size: u64) -> io::Result<Result<Entry, Defect>> {
    match dir.entry(file) {
        Ok(entry) if !entry.is_file => Ok(Err(Defect::NoFile)),
        Ok(entry) if entry.size != size => Ok(Err(Defect::Size { found: entry.size, expected: size })),
        Ok(entry) => Ok(Ok(entry)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(Defect::Missing)),
        Err(error) if standing::is_damage(&error) => Ok(Err(Defect::Unreadable(error.to_string()))),
        Err(error) => Err(error),
    }
}

/// A superseded version, its files unchecked.
fn superseded(id: &ElementId, past: &SupersededVersion) -> Inspected {
    let (when, place) = (Some(past.when.clone()), Arc::clone(&past.place));
    let folder = format!("{}/{}/", Shelf::History.path(id), past.when);
    let mut version = Inspected { when, folder, manifest: None, flaws: Vec::new(), place };
    match &past.manifest {
        Ok(manifest) => version.manifest = Some(manifest.clone()),
        Err(why) => {
            let (file, defect) = (MANIFEST.to_owned(), Defect::Manifest(why.clone()));
            version.flaws.push(Flaw { file, digest: None, defect });
        }
    }
    if !past.sums_hold {
        version.flaws.push(sums_flaw(&version.place, &version.path(SUMS)));
    }
    version
}
