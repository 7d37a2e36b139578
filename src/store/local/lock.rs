//! The lock of a destination: runs on one folder exclude each other.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::RunError;
use crate::store::dir::Dir;
use crate::time::Time;

/// How long to wait before a lock that another run holds is tried again.
const POLL: Duration = Duration::from_millis(100);

/// The lock, held until it is dropped or the process ends, however it ends.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the open file")] File);

/// Who holds a lock: what the lock file says.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: Time,
}

/// Takes the lock in the program's own folder, waiting for it up to `wait`.
pub(super) async fn acquire(own: &Dir, wait: Duration) -> Result<Lock, RunError> {
    let what = || format!("can't lock the destination by {}", own.at("lock"));
    let mut file = own.open_or_create("lock").map_err(|error| RunError::io(what(), error))?;
    // None where the wait is so long that no clock can hold its end: then it has none.
    let until = Instant::now().checked_add(wait);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if until.is_none_or(|until| Instant::now() < until) => pause().await,
            Err(TryLockError::WouldBlock) => {
                let to_do = if wait.is_zero() { "; --lock-wait waits for it" } else { ", and --lock-wait is over" };
                return Err(RunError::Locked(held(&mut file, to_do)));
            }
            Err(TryLockError::Error(error)) => {
                let what = format!("{}; does this file system support locks?", what());
                return Err(RunError::io(what, error));
            }
        }
    }
    let holder = Holder { pid: std::process::id(), host: host(), since: Time::now() };
    let text = serde_json::to_string(&holder).unwrap_or_default();
    let written = file.set_len(0).and_then(|()| writeln!(file, "{text}"));
    written.map_err(|error| RunError::io(what(), error))?;
    Ok(Lock(file))
}

#[expect(clippy::disallowed_methods, reason = "no file system tells when a lock is let go")]
async fn pause() {
    tokio::time::sleep(POLL).await;
}

/// Who holds the lock, in words; of a run that is known, `to_do` about it.
fn held(file: &mut File, to_do: &str) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    match read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        // The file still names the run that had the lock before, which has ended; whoever has it now has not said so.
        Some(holder) if holder.has_ended() => {
            "this destination is locked, by a program that copies it or by a run that begins".to_owned()
        }
        Some(Holder { pid, host, since }) => {
            format!("another run is working on this destination: pid {pid} on {host}, since {since}{to_do}")
        }
        None => "another run is working on this destination".to_owned(),
    }
}

impl Holder {
    /// Whether it is known to have ended. Of a process on another machine nothing is known.
    fn has_ended(&self) -> bool {
        use rustix::process::{Pid, test_kill_process};
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.host == host() && pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
