//! The options of `gallery`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use element_mirror::{LocalOptions, Stop};

use super::{Destination, FolderArgs, SayingArgs, value};

pub(super) const EXAMPLES: &str = "\
The page is DIR/index.html, beside the elements' folders. It needs no server and
no network: open it from the disk. Run the command again, or use run --gallery,
after the mirror has changed. An index.html that is not its own is not touched.

Examples:
  element-mirror gallery mirror    write mirror/index.html
  xdg-open mirror/index.html       look at it

Exit codes:
  0  done
  1, 2, 5, 130, 143 as of run";

#[derive(Args, Debug)]
pub(crate) struct GalleryArgs {
    /// The mirror's folder.
    #[arg(value_name = "DIR", value_parser = value::Discreet(folder), value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,

    #[command(flatten)]
    store: FolderArgs,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

/// Reads a path: the page's links lead to files beside it.
fn folder(text: &str) -> Result<PathBuf, String> {
    match Destination::parse(text)? {
        Destination::Folder(path) => Ok(path),
        Destination::Bucket(_) => Err("a gallery is for folders: its links lead to files beside it".into()),
    }
}

impl GalleryArgs {
    /// How the folder is opened.
    pub(crate) fn local_options(&self, stop: Stop) -> LocalOptions {
        self.store.local_options(stop)
    }
}
