//! The page around the elements: its head and its end.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::{Bytes, counted, isolated};
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::time::Time;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// How a page of ours begins, whichever version of the program wrote it.
const GENERATOR: &str = "<meta name=\"generator\" content=\"element-mirror ";

/// Where the elements go: what no text of the page has in it.
const ELEMENTS: &str = "\0elements\0";

/// Whether a page that starts so is one of ours.
pub(super) fn is_ours(start: &[u8]) -> bool {
    start.windows(GENERATOR.len()).any(|window| window == GENERATOR.as_bytes())
}

/// The page but for its elements.
pub(super) struct Frame {
    /// What the mirror is called: the name of its folder.
    name: String,
    written: Time,
}

/// What all elements come to.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) elements: u64,
    files: u64,
    bytes: u64,
}

impl Totals {
    /// Takes one more element in.
    pub(super) fn add(&mut self, manifest: &Manifest) {
        self.elements += 1;
        self.files += manifest.assets.len() as u64;
        self.bytes = self.bytes.saturating_add(manifest.assets_size());
    }
}

impl Frame {
    /// The page of the mirror in the folder `location`.
    pub(super) fn of(location: &Path) -> Self {
        let whole = std::path::absolute(location).unwrap_or_default();
        let name = whole.components().next_back().filter(|last| matches!(last, std::path::Component::Normal(_)));
        let name = name.map_or("mirror".into(), |name| name.as_os_str().to_string_lossy().into_owned());
        Self { name, written: Time::now() }
    }

    /// What comes before the elements.
    pub(super) fn begin(&self) -> Vec<u8> {
        self.parts(&Totals::default()).0.into_bytes()
    }

    /// What comes after them.
    pub(super) fn end(&self, totals: &Totals) -> Vec<u8> {
        self.parts(totals).1.into_bytes()
    }

    fn parts(&self, totals: &Totals) -> (String, String) {
        let page = self.page(totals).into_string();
        let (begin, end) = page.split_once(ELEMENTS).unwrap_or((&page, ""));
        (begin.to_owned(), end.to_owned())
    }

    fn page(&self, totals: &Totals) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="generator" content={ "element-mirror " (env!("CARGO_PKG_VERSION")) };
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="referrer" content="no-referrer";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.name) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.masthead())
                    main {
                        ul #grid role="list" { (PreEscaped(ELEMENTS)) }
                        @if totals.elements == 0 { p .empty { "No elements are mirrored here yet." } }
                        p #none hidden { "No element matches. " button .plain type="button" { "Show all" } }
                    }
                    footer {
                        p {
                            (counted(totals.elements, "element")) ", " (counted(totals.files, "file")) ", "
                            (Bytes(totals.bytes)) ". Written " time datetime=(self.written) { (self.written.to_minute()) }
                            " by element-mirror."
                        }
                    }
                    (lightbox())
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }

    /// The name, and the controls, which are of use where scripts run.
    fn masthead(&self) -> Markup {
        html! {
            header {
                h1 { (isolated(&self.name)) }
                p #count role="status" {}
                form #controls hidden role="search" autocomplete="off" {
                    input #search type="search" aria-label="Search" placeholder="Search names, tags, descriptions"
                        aria-keyshortcuts="/" spellcheck="false";
                    select #type aria-label="Type" { option value="" { "All types" } }
                    select #tag aria-label="Tag" { option value="" { "All tags" } }
                    select #sort aria-label="Sort by" {
                        option value="name" { "By name" }
                        option value="updated" { "Newest first" }
                        option value="mirrored" { "Last mirrored first" }
                        option value="size" { "Largest first" }
                        option value="id" { "By ID" }
                    }
                    div #marks role="group" aria-label="Show only" {
                        @for (mark, label) in [("favored", "Favored"), ("official", "Official"),
                            ("incomplete", "Incomplete"), ("gone", "Gone"), ("warnings", "Warnings")] {
                            button type="button" data-mark=(mark) aria-pressed="false" hidden { (label) " " span {} }
                        }
                    }
                }
            }
        }
    }
}

/// The large view, which scripts fill and open.
fn lightbox() -> Markup {
    html! {
        dialog #lightbox aria-labelledby="title" {
            div #stage tabindex="-1" autofocus {
                figure #figure {}
                button #previous .round type="button" aria-label="Previous" {}
                button #next .round type="button" aria-label="Next" {}
                p #caption aria-live="polite" {}
                div #views role="group" aria-label="Views" {}
            }
            div #panel {
                p #place {}
                button #close .round type="button" aria-label="Close" {}
                h2 #title aria-live="polite" {}
                p #labels {}
                p #text dir="auto" {}
                div #details {}
            }
        }
    }
}

/// What the page may do: show the mirror's own files, and run its own script.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Digest::of(text.as_bytes()).as_bytes()));
    format!(
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests;
