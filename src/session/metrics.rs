//! The file of metrics: written when a command ends, whatever came of it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use element_mirror::error::RunError;
use element_mirror::event::Counters;
use element_mirror::exit;
use element_mirror::outcome::{End, Summary};
use element_mirror::report::{Metrics, last_success};
use element_mirror::time::Time;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::complain;
use crate::cli::{Complaint, SayingArgs};

/// An earlier file is read no further: ours are a hundredth of it.
const MAX_EARLIER: u64 = 1 << 20;

/// Checks that `file` can be made or replaced, as far as that is known before, so that no long run is in vain. Nothing
/// is written.
///
/// # Errors
/// It can't be.
#[expect(clippy::disallowed_methods, reason = "a file that the user named, anywhere")]
pub(crate) fn check(file: Option<&Path>) -> Result<(), RunError> {
    let Some(file) = file else { return Ok(()) };
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let ways = Access::WRITE_OK | Access::EXEC_OK;
    let checked = match std::fs::metadata(&real) {
        Ok(there) if !there.is_file() => Err(no_file()),
        _ => accessat(CWD, folder, ways, AtFlags::EACCESS).map_err(io::Error::from),
    };
    checked.map_err(|error| RunError::io(cannot(file), error))
}

fn cannot(file: &Path) -> String {
    format!("can't write the metrics {}", file.display())
}

fn no_file() -> io::Error {
    io::Error::other("what is there is no file")
}

/// Does `work`, and writes its metrics to `file`, where one is named: also where the work could not even begin, but not
/// after a usage error, or where another run holds the destination.
pub(crate) fn measured(
    file: Option<&Path>,
    saying: &SayingArgs,
    work: impl FnOnce(&Arc<Counters>) -> Result<Summary, RunError>,
) -> Result<Summary, RunError> {
    let (started, counters) = (Instant::now(), Arc::default());
    let done = work(&counters);
    let exit_code = done.as_ref().map_or_else(RunError::exit_code, Summary::exit_code);
    let Some(file) = file.filter(|_| !matches!(exit_code, exit::USAGE | exit::LOCKED)) else { return done };
    let nothing = Summary::default();
    let (summary, duration) = (done.as_ref().unwrap_or(&nothing), started.elapsed());
    let written = replace(file, |earlier| {
        let last_success = match exit_code {
            exit::DONE => Some(Time::now().to_unix().0.to_string()),
            _ => last_success(earlier),
        };
        Metrics { summary, counters: &counters, duration, exit_code, last_success }.render()
    });
    let Err(error) = written else { return done };
    let message = format!("{}: {error}", cannot(file));
    // It may have been said before anything began.
    if !done.as_ref().is_err_and(|before| before.to_string() == message) {
        complain(saying, &Complaint::new(&*message));
    }
    done.map(|mut summary| {
        summary.ends.push(End::Broken(message));
        summary
    })
}

/// Replaces `file` atomically by what `text` makes of the earlier text: whoever reads it finds the one or the other,
/// after a power cut too.
#[expect(clippy::disallowed_methods, reason = "a file that the user named, anywhere")]
fn replace(file: &Path, text: impl FnOnce(&str) -> String) -> io::Result<()> {
    // A symbolic link stays one.
    let file = &file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let mut earlier = Vec::new();
    match std::fs::metadata(file) {
        Ok(there) if !there.is_file() => return Err(no_file()),
        // One that can't be read can be replaced all the same.
        Ok(_) => drop(File::open(file).and_then(|file| file.take(MAX_EARLIER).read_to_end(&mut earlier))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Named after the file too: in containers all processes have the same number.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let part = &file.with_file_name(format!(".{name}.{}.part", std::process::id()));
    // Left by a process that was killed, and had the same number.
    let _ = std::fs::remove_file(part);
    let mut written = File::create_new(part)?;
    let done = written
        .write_all(text(&String::from_utf8_lossy(&earlier)).as_bytes())
        .and_then(|()| written.sync_all())
        .and_then(|()| std::fs::rename(part, file));
    if done.is_err() {
        let _ = std::fs::remove_file(part);
    }
    done
}
