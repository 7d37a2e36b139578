//! File systems that a test mounts, where it may.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount that ends with the test.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// An empty file system in memory at `at`; none, and said loudly, where mounting is not permitted.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        Self::mount(&["-t", "tmpfs", "-o", options, "tmpfs"], at)
    }

    /// The folder `from` once more at `at`.
    pub(crate) fn bind(from: &Path, at: &Path) -> Option<Self> {
        Self::mount(&["--bind", from.to_str().unwrap()], at)
    }

    fn mount(args: &[&str], at: &Path) -> Option<Self> {
        let why = match Command::new("mount").args(args).arg(at).output() {
            Ok(output) if output.status.success() => return Some(Self(at.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        // Past the test runner, which would keep what a passing test prints to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED {name}: can't mount {args:?} at {}: {}", at.display(), why.trim());
        None
    }

    /// Gives it other options, such as more room.
    pub(crate) fn resize(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
