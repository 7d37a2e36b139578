//! The options for the files that tell other programs what came of a run.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use element_mirror::error::RunError;
use element_mirror::store::{GALLERY, INDEX};

use super::{SAYING, value};

#[derive(Args, Debug)]
#[command(next_help_heading = SAYING)]
pub(crate) struct ReportArgs {
    /// A JSON line per element, as it ends; - is stdout.
    ///
    /// A report is an ID list for a later run.
    #[arg(long, value_name = "FILE|-", value_hint = ValueHint::FilePath, env = "ELEMENT_MIRROR_REPORT", hide_env = true)]
    pub(crate) report: Option<PathBuf>,

    /// Metrics for Prometheus, at the end.
    ///
    /// The file is replaced at once.
    #[arg(long, value_name = "FILE", value_parser = value::file, value_hint = ValueHint::FilePath,
          env = "ELEMENT_MIRROR_METRICS", hide_env = true)]
    pub(crate) metrics: Option<PathBuf>,
}

impl ReportArgs {
    /// Checks that no file would be written over what the mirror `out` holds, over what is to be `read`, or over the
    /// other.
    pub(crate) fn check<'a>(
        &self,
        out: Option<&PathBuf>,
        read: impl IntoIterator<Item = &'a PathBuf>,
    ) -> Result<(), RunError> {
        let read: Vec<&PathBuf> = read.into_iter().collect();
        let refused = |message: String| Err(RunError::Usage(message));
        let report = self.report.as_deref().filter(|path| *path != Path::new("-"));
        if report != self.report.as_deref() && read.iter().any(|list| is_file(list, Path::new("/dev/stdout"))) {
            return refused("--report - would overwrite standard output's file, which is to be read".into());
        }
        let files = [("--report", report), ("--metrics", self.metrics.as_deref())];
        for (option, file) in files.iter().filter_map(|(option, file)| Some((option, (*file)?))) {
            if read.iter().any(|list| is_file(list, file)) {
                return refused(format!("{option} {0} would overwrite {0}, which is to be read", file.display()));
            }
            if out.is_some_and(|out| is_of_mirror(file, out)) {
                return refused(format!(
                    "{option} would be written over what the mirror holds; put it beside the mirror"
                ));
            }
        }
        match (report, &self.metrics) {
            (Some(report), Some(metrics)) if place(report).is_some() && place(report) == place(metrics) => {
                refused(format!("--report and --metrics are one file, {}", report.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `file` is an overview of the mirror `out`, or in one of its folders.
fn is_of_mirror(file: &Path, out: &Path) -> bool {
    let is_overview = |file: &Path, out: &Path| [INDEX, GALLERY].iter().any(|name| file == out.join(name));
    // A mirror that is yet to be made has no canonical path.
    if let (Some(file), Some(out)) = (plain(file), plain(out))
        && is_overview(&file, &out)
    {
        return true;
    }
    let (Some(place), Ok(out)) = (place(file), out.canonicalize()) else { return false };
    is_overview(&place, &out) || place.parent().is_some_and(|folder| folder != out && folder.starts_with(&out))
}

/// Whether the list `list` is the file `other`. A pipe or a device is no file: nothing in it would be overwritten.
#[expect(clippy::disallowed_methods, reason = "files that the user named, anywhere")]
fn is_file(list: &Path, other: &Path) -> bool {
    let list = if list == Path::new("-") { Path::new("/dev/stdin") } else { list };
    let file = |path: &Path| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
    let identity = |path: &Path| file(path).map(|metadata| (metadata.dev(), metadata.ino()));
    identity(list).is_some_and(|list| Some(list) == identity(other))
}

/// The path from the root on, without steps that go nowhere.
fn plain(path: &Path) -> Option<PathBuf> {
    Some(std::path::absolute(path).ok()?.components().collect())
}

/// The canonical path of a file, also of one that is yet to be made; `None` if its folder is not there.
fn place(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    file.canonicalize().ok().or_else(|| Some(folder.canonicalize().ok()?.join(file.file_name()?)))
}
