//! File systems that a test mounts, where it may.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount that ends with the test.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// An empty file system in memory at `at`; none, and said loudly, where mounting is not permitted.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", options, "tmpfs"], at)
    }

    /// A file system of so many `mebibytes` at `at`, made by `mkfs`, a command and its options.
    pub(crate) fn made(mkfs: &[&str], mebibytes: u64, at: &Path) -> Option<Self> {
        let image = at.with_extension("image");
        make(mkfs, mebibytes, &image)?;
        std::fs::create_dir_all(at).unwrap();
        let mount = Self::new(&["-o", "loop", image.to_str().unwrap()], at)?;
        let _ = std::fs::remove_dir(at.join("lost+found"));
        Some(mount)
    }

    /// Sets a limit on what may be written to it: `1M` or `none`. None, and said loudly, where it knows no quotas.
    pub(crate) fn limit(&self, limit: &str) -> Option<()> {
        let at = self.0.to_str().unwrap();
        run(&["btrfs", "quota", "enable", at])?;
        run(&["btrfs", "qgroup", "limit", limit, at])
    }

    /// An overlay at `at`, whose lower layer is `lower`; its upper layer lies `beside`, in a file system of its own.
    pub(crate) fn overlay(lower: &Path, beside: &Path, at: &Path) -> Option<[Self; 2]> {
        for folder in [lower, beside, at] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let upper = Self::tmpfs(beside, "size=64m")?;
        let folders = ["upper", "work"].map(|name| beside.join(name));
        folders.iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        let [upperdir, workdir] = folders.each_ref().map(|folder| folder.display());
        let options = format!("lowerdir={},upperdir={upperdir},workdir={workdir}", lower.display());
        Some([Self::new(&["-t", "overlay", "-o", &options, "overlay"], at)?, upper])
    }

    /// The folder `from` once more at `at`.
    pub(crate) fn bind(from: &Path, at: &Path) -> Option<Self> {
        Self::new(&["--bind", from.to_str().unwrap()], at)
    }

    fn new(args: &[&str], at: &Path) -> Option<Self> {
        let why = match Command::new("mount").args(args).arg(at).output() {
            Ok(output) if output.status.success() => return Some(Self(at.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        skipped(&format!("can't mount {args:?} at {}: {why}", at.display()))
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

/// A disk of 64 MiB, in a file, whose power can be cut.
pub(crate) struct Disk {
    image: PathBuf,
    mount: Mount,
}

impl Disk {
    /// An ext4 disk in the file `image`, at `at`; none, and said loudly, where that is not possible.
    pub(crate) fn ext4(image: &Path, at: &Path) -> Option<Self> {
        make(&["mkfs.ext4", "-q", "-F"], 64, image)?;
        run(&["python3", "-c", "import fcntl"])?;
        std::fs::create_dir_all(at).unwrap();
        let disk = Self { image: image.to_owned(), mount: Mount::new(&mount_args(image), at)? };
        std::fs::remove_dir(at.join("lost+found")).unwrap();
        disk.mount_again();
        Some(disk)
    }

    /// Cuts the power: from now on nothing is written, and what was not on the disk is lost.
    pub(crate) fn cut(&self) {
        // EXT4_IOC_SHUTDOWN, without a flush of the journal.
        const CUT: &str = "import fcntl,os,struct,sys\n\
                           fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        assert!(Command::new("python3").args(["-c", CUT]).arg(&self.mount.0).status().unwrap().success());
    }

    /// Turns the power on again.
    pub(crate) fn mount_again(&self) {
        assert!(Command::new("umount").arg(&self.mount.0).status().unwrap().success());
        let mounted = Command::new("mount").args(mount_args(&self.image)).arg(&self.mount.0).status().unwrap();
        assert!(mounted.success());
    }
}

/// Makes a file system in a file of so many `mebibytes` by `mkfs`, a command and its options; none, and said loudly, where
/// that is not possible.
fn make(mkfs: &[&str], mebibytes: u64, image: &Path) -> Option<()> {
    std::fs::File::create(image).and_then(|file| file.set_len(mebibytes << 20)).unwrap();
    run(&[mkfs, &[image.to_str().unwrap()]].concat())
}

fn run(command: &[&str]) -> Option<()> {
    match Command::new(command[0]).args(&command[1..]).output() {
        Ok(output) if output.status.success() => Some(()),
        Ok(output) => skipped(&format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => skipped(&format!("{command:?}: {error}")),
    }
}

/// The disk writes nothing by itself for so long, but what it is told to.
fn mount_args(image: &Path) -> [&str; 3] {
    ["-o", "loop,commit=600", image.to_str().unwrap()]
}

/// Says loudly that the test is left out, and why.
pub(crate) fn skipped<T>(why: &str) -> Option<T> {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    // Past the test runner, which would keep what a passing test prints to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {}", why.trim());
    None
}
