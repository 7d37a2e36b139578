//! What the documents refer to is there.

use std::path::Path;

/// What a document's links within the project lead to and is not there: files, and headings of documents.
pub(super) fn dead_links(document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let inside = targets.filter(|target| !target.contains("://"));
    inside.filter(|target| !is_there(document, target)).map(str::to_owned).collect()
}

fn is_there(document: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let path = if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
    match heading {
        None => path.exists(),
        Some(heading) => std::fs::read_to_string(path).is_ok_and(|text| headings(&text).any(|found| found == heading)),
    }
}

/// The names by which the headings of a document are referred to.
fn headings(markdown: &str) -> impl Iterator<Item = String> {
    let titles = markdown.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}

#[test]
fn a_dead_link_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("a.md");
    let text = "# One, and `two`\n[a](a.md) [b](b.md) [c](#one-and-two) [d](a.md#three) [e](https://example.org/x.md)";
    std::fs::write(&document, text).unwrap();
    assert_eq!(dead_links(&document), ["b.md", "a.md#three"]);
}
