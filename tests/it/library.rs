//! The library as others embed it.

use std::path::Path;
use std::process::Command;

use crate::support::MirrorDir;

const EXAMPLE: &str = include_str!("../../examples/embed.rs");

/// Runs an example, built as the program under test was.
fn example(name: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--locked", "--example", name]);
    if Path::new(env!("CARGO_BIN_EXE_element-mirror")).iter().any(|part| part == "release") {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--");
    cargo
}

#[test]
fn the_example_that_embeds_it_mirrors_the_samples_and_says_what_came_of_each() {
    let mirror = MirrorDir::new();
    for status in ["created", "unchanged"] {
        let output = example("embed").arg(mirror.path()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && err.is_empty(), "{out}{err}");
        let (told, last) = out.trim_end().rsplit_once('\n').unwrap();
        let mut ids: Vec<&str> = told.lines().map(|line| line.strip_prefix(status).unwrap().trim()).collect();
        ids.sort_unstable();
        assert_eq!(ids, mirror.ids());
        assert!(last.starts_with(&format!("{} elements", ids.len())), "{last}");
    }
    mirror.check();
}

#[test]
fn the_example_that_embeds_it_is_short_enough_to_be_read() {
    let code = EXAMPLE.lines().filter(|line| !line.is_empty() && !line.starts_with("//!"));
    assert!(code.count() <= 40 && EXAMPLE.lines().count() <= 50, "{} lines", EXAMPLE.lines().count());
}
