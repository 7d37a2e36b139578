//! What is published: the program's source, what it needs to be built, and what explains it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What stands in the package, by its path there.
fn packaged() -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--offline", "--quiet"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_package_holds_what_it_is_built_from_and_nothing_else() {
    let packaged = packaged();
    let made_by_cargo = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];
    let wanted = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "sample-ids.txt", "examples/embed.rs"];
    for file in wanted.iter().chain(&made_by_cargo[1..]).chain(&["src/lib.rs", "src/main.rs", "docs/format.md"]) {
        assert!(packaged.contains(*file), "{file} is left out");
    }
    let is_known = |file: &str| {
        let is_source = file.starts_with("src/") && file.ends_with(".rs");
        // `draw.py` makes what is there, and a frozen manifest is what the format is tested with.
        let is_media = file.starts_with("src/demo/media/") || file == "src/manifest/format-1.json";
        let is_page = ["src/gallery/script.js", "src/gallery/style.css"].contains(&file);
        let is_doc = file.starts_with("docs/") && (file.ends_with(".md") || file.ends_with(".svg"));
        let is_of_root = !file.contains('/') && (file.ends_with(".md") || wanted.contains(&file));
        is_source
            || is_media
            || is_page
            || is_doc
            || is_of_root
            || file.starts_with("examples/")
            || made_by_cargo.contains(&file)
    };
    let unknown: Vec<&String> = packaged.iter().filter(|file| !is_known(file)).collect();
    assert!(unknown.is_empty(), "neither source nor documentation: {unknown:#?}");
}

#[test]
fn what_the_readme_links_to_is_in_the_package() {
    let (packaged, readme) = (packaged(), include_str!("../../README.md"));
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let relative: Vec<&str> = links.filter(|link| !link.is_empty() && !link.contains("://")).collect();
    assert!(relative.len() > 5, "{relative:?}");
    // Pictures are looked at where the source is.
    for link in relative.into_iter().filter(|link| !link.ends_with(".png")) {
        let is_there = packaged.iter().any(|file| Path::new(file).starts_with(link));
        assert!(is_there, "{link} is not in the package");
    }
}
