//! The file work of whole versions, as `docs/design.md` has it: staging, parts that get their names last, a seal, one rename.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// About as long as such files are.
const MANIFEST: [u8; 2500] = [b' '; 2500];
const SEAL: [u8; 120] = [b' '; 120];

pub(crate) struct Version {
    staged: PathBuf,
    place: PathBuf,
    times: FileTimes,
    parts: u32,
}

pub(crate) fn make_staging(out: &Path) {
    fs::create_dir_all(out.join("staging")).expect("a folder can be made");
}

impl Version {
    pub(crate) fn begin(out: &Path, place: &Path) -> Self {
        let staged = out.join("staging").join(place.file_name().unwrap());
        fs::create_dir(&staged).expect("a folder can be made");
        fs::create_dir(staged.join("version")).expect("a folder can be made");
        let times = FileTimes::new().set_modified(SystemTime::now());
        Self { staged, place: place.to_owned(), times, parts: 0 }
    }

    pub(crate) fn part(&mut self) -> File {
        self.parts += 1;
        File::create_new(self.part_path()).expect("a file can be made")
    }

    /// Gives the newest part its name.
    pub(crate) fn adopt(&mut self, part: File, name: &str) {
        part.set_times(self.times).expect("a file can be given its time");
        fs::rename(self.part_path(), self.staged.join("version").join(name)).expect("a file can be moved");
    }

    pub(crate) fn commit(self, sums: &str) {
        let write = |path: &str, bytes: &[u8]| {
            let mut file = File::create_new(self.staged.join(path)).expect("a file can be made");
            file.write_all(bytes).expect("a file can be written");
            file.set_times(self.times).expect("a file can be given its time");
        };
        write("version/manifest.json", &MANIFEST);
        write("version/SHA256SUMS", sums.as_bytes());
        write("sealed", &SEAL);
        fs::rename(self.staged.join("version"), &self.place).expect("a folder can be moved");
        fs::remove_file(self.staged.join("sealed")).expect("a file can be removed");
        fs::remove_dir(&self.staged).expect("a folder can be removed");
    }

    fn part_path(&self) -> PathBuf {
        self.staged.join(self.parts.to_string())
    }
}
