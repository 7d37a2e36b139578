//! Files as the system sees them: their times and modes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use element_mirror::time::Time;
use rstest::rstest;

use super::{run, three};
use crate::support::{MirrorDir, Upstream, program_with_umask};

#[test]
fn a_file_has_the_time_that_the_manifest_says() {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    run(&upstream, &mirror).expect(0);
    let manifest = mirror.manifest("u_1");
    let modified = |file: &str| Time::from(mirror.at(&format!("u_1/{file}")).metadata().unwrap().modified().unwrap());
    for asset in manifest["assets"].as_array().unwrap() {
        assert_eq!(modified(asset["file"].as_str().unwrap()).to_string(), asset["fetchedAt"].as_str().unwrap());
    }
    for file in ["element.json", "manifest.json", "SHA256SUMS"] {
        assert_eq!(modified(file).to_string(), manifest["committedAt"].as_str().unwrap(), "{file}");
    }
}

/// The modes of all that is under `folder`, and of itself.
fn modes(folder: &Path, found: &mut BTreeMap<String, (bool, u32)>) {
    let metadata = folder.symlink_metadata().unwrap();
    found.insert(folder.display().to_string(), (metadata.is_dir(), metadata.permissions().mode() & 0o7777));
    if metadata.is_dir() {
        for entry in std::fs::read_dir(folder).unwrap() {
            modes(&entry.unwrap().path(), found);
        }
    }
}

#[rstest]
#[case("022", 0o755, 0o644)]
#[case("027", 0o750, 0o640)]
#[case("077", 0o700, 0o600)]
#[case("000", 0o777, 0o666)]
fn modes_are_what_the_umask_leaves(#[case] umask: &str, #[case] folder: u32, #[case] file: u32) {
    let (upstream, mirror) = (Upstream::start(), MirrorDir::new());
    three(&upstream);
    program_with_umask(umask).run(&upstream, &mirror.path()).ids(["u_1"]).output().expect(0);
    let mut found = BTreeMap::new();
    modes(&mirror.path(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    for (path, (is_folder, mode)) in found {
        assert_eq!(mode, if is_folder { folder } else { file }, "{path}: {mode:o}");
    }
}
