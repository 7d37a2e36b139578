//! The arrows of the house: no module uses one above it, and the core knows neither the command line nor the terminal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The modules in the order of `src/lib.rs`, with their layer: a blank line there starts a new one, further down.
fn layers() -> BTreeMap<String, usize> {
    let map = std::fs::read_to_string(source("lib.rs")).unwrap();
    let mut layers = BTreeMap::new();
    let mut layer = 0;
    for line in map.lines() {
        if line.is_empty() {
            layer += 1;
        }
        let module = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ");
        if let Some(name) = module.and_then(|name| name.strip_suffix(';')) {
            layers.insert(name.to_owned(), layer);
        }
    }
    layers
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The code of a file without comments and without its tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_module_uses_one_above_it() {
    let layers = layers();
    assert!(layers.len() > 25, "the map was not read: {layers:?}");
    let mut upward = Vec::new();
    for path in rust_files(&source("")) {
        let inner = path.strip_prefix(source("")).unwrap().to_path_buf();
        let module = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(layer) = layers.get(&module) else { continue };
        for used in code(&path).split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if used != module && layers.get(&used).is_some_and(|other| other < layer) {
                upward.push(format!("{} uses {used}", inner.display()));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn the_core_knows_neither_the_command_line_nor_the_terminal() {
    let layers = layers();
    for path in rust_files(&source("")) {
        let inner = path.strip_prefix(source("")).unwrap();
        let module = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if layers.contains_key(module) {
            for outer in ["clap", "indicatif", "console"] {
                assert!(!code(&path).contains(&format!("{outer}::")), "{} uses {outer}", inner.display());
            }
        }
    }
}

#[test]
fn only_http_knows_reqwest_clients() {
    for path in rust_files(&source("")) {
        let inner = path.strip_prefix(source("")).unwrap();
        if !inner.starts_with("http") && inner != Path::new("http.rs") {
            assert!(!code(&path).contains("reqwest::Client"), "{}", inner.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    let lines = |path: &PathBuf| std::fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = rust_files(&source("")).into_iter().filter(|path| lines(path) > 400).collect();
    assert!(long.is_empty(), "{long:#?}");
}
