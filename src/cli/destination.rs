//! Where a mirror is: the value of `--out` and `DEST`.

use std::path::PathBuf;

use element_mirror::store::object::Location;

use super::value;

/// Where a mirror is.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket of an object store.
    Bucket(Location),
}

impl Destination {
    /// Reads a path or a URL.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("the destination is empty".into()),
            url if url.contains("://") => value::parsed(url).map(Self::Bucket),
            slip if ["s3:", "gs:", "az:"].iter().any(|scheme| slip.starts_with(scheme)) => {
                let (scheme, _) = slip.split_once(':').unwrap_or_default();
                Err(format!("is {scheme}://bucket/prefix meant? (A folder of this name is ./{slip})"))
            }
            tilde if tilde == "~" || tilde.starts_with("~/") => {
                let why = "the shell makes ~ the home directory only where a word begins with it, as in -o ~/mirror";
                Err(format!("{why}; a folder of this name is ./{tilde}"))
            }
            path => Ok(Self::Folder(path.into())),
        }
    }

    /// As it is told to people.
    pub(crate) fn shown(&self) -> PathBuf {
        match self {
            Self::Folder(path) => path.clone(),
            Self::Bucket(location) => location.to_string().into(),
        }
    }

    /// The folder, where it is one.
    pub(crate) fn folder(&self) -> Option<&PathBuf> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Bucket(_) => None,
        }
    }
}
