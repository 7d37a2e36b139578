//! What the program is made of, beside its own source: who may use it, and with which compiler it builds. What `deny.toml`
//! says, for those who have not cargo-deny, and for this platform alone; advisories only their database knows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What a list in `deny.toml` holds.
fn listed(key: &str) -> Vec<&'static str> {
    let config = include_str!("../../deny.toml");
    let list = config.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = [")?.strip_suffix(']')).unwrap();
    list.split(", ").map(|word| word.trim_matches('"')).collect()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that the program is built from on this platform, itself among them.
fn packages() -> Vec<Value> {
    let tree = cargo(&["tree", "--offline", "--locked", "--edges=no-dev", "--prefix=none", "--format={p}"]);
    let version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let used: BTreeSet<String> = tree.lines().map(version).collect();
    let host = cargo(&["-vV"]);
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = cargo(&["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let is_used =
        |package: &&Value| used.contains(&format!("{} v{}", name(package), package["version"].as_str().unwrap()));
    let packages: Vec<Value> = metadata["packages"].as_array().unwrap().iter().filter(is_used).cloned().collect();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    packages
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Whether an SPDX expression offers what is allowed; `/` is how older crates wrote OR.
fn is_allowed(licence: &str) -> bool {
    if let Some(open) = licence.rfind('(') {
        let (inner, rest) = licence[open + 1..].split_once(')').unwrap();
        let inner = if is_allowed(inner) { listed("allow")[0] } else { "none" };
        return is_allowed(&format!("{}{inner}{rest}", &licence[..open]));
    }
    let (licence, allowed) = (licence.replace('/', " OR "), listed("allow"));
    licence.split(" OR ").any(|choice| choice.split(" AND ").all(|part| allowed.contains(&part.trim())))
}

#[test]
fn an_expression_of_licences_is_read_as_it_is_meant() {
    for good in ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR ISC", "ISC AND (GPL-3.0 OR MIT)", "(MIT OR GPL-2.0) AND (ISC)"] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "GPL-2.0 OR MPL-2.0", "MIT-0"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_asks_no_more_than_to_be_named() {
    let packages = packages();
    let licence = |package: &Value| package["license"].as_str().unwrap_or_default().to_owned();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(&licence(package)))
        .map(|package| format!("{}: {}", name(package), licence(package)))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn every_dependency_comes_from_the_registry_and_is_there_once() {
    let (packages, mut versions) = (packages(), BTreeMap::<&str, u32>::new());
    for package in &packages {
        let source = package["source"].as_str().unwrap_or_default();
        let is_own = name(package) == env!("CARGO_PKG_NAME");
        assert!(is_own || source.starts_with("registry+"), "{} comes from {source:?}", name(package));
        *versions.entry(name(package)).or_default() += 1;
    }
    let twice: Vec<&str> = versions.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
    assert_eq!(twice, listed("skip"), "the list of those that are there twice");
}

#[test]
fn no_dependency_asks_for_a_newer_compiler_than_the_package_does() {
    let version = |text: &str| text.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u64>>();
    let own = version(env!("CARGO_PKG_RUST_VERSION"));
    for package in &packages() {
        let asked = package["rust_version"].as_str().unwrap_or("1.0");
        assert!(version(asked)[..2] <= own[..2], "{} asks for Rust {asked}", name(package));
    }
}
