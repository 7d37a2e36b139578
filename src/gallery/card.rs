//! An element on the page: what is seen of it among the others, and in `<noscript>` all there is to say. Where scripts
//! run that is a piece of text, which the page's script makes into the panel beside the large picture: so that ten
//! thousand elements are no half a million nodes.

use std::borrow::Cow;

use maud::{Markup, html};

use super::link::link;
use super::tag;
use super::text::{Bytes, counted, isolated, visible, word};
use crate::element::{ElementId, Role};
use crate::layout::{HISTORY, MANIFEST, OWN};
use crate::manifest::{Asset, Manifest, Missing, Warning};
use crate::time::Time;

/// An element to show.
pub(super) struct Card<'a> {
    pub(super) id: &'a ElementId,
    pub(super) manifest: &'a Manifest,
    /// Since when the API does not know it any more, where that was noted.
    pub(super) gone_since: Option<Time>,
    /// Its superseded versions, the oldest first.
    pub(super) older: Vec<Older<'a>>,
}

/// A superseded version.
pub(super) struct Older<'a> {
    /// Its folder's name in the history.
    pub(super) when: &'a str,
    pub(super) committed_at: Time,
}

impl Card<'_> {
    /// Its HTML, an item of the list.
    pub(super) fn render(&self) -> Vec<u8> {
        let Self { id, manifest, .. } = self;
        let element = &manifest.element;
        let millis = |time: Time| time.to_unix().0;
        let item = html! {
            li data-id=(id) data-is=[self.marks()] data-updated=[element.update_time.map(millis)]
                data-mirrored=(millis(manifest.committed_at)) data-size=(manifest.assets_size()) {
                (self.cover())
                h2 { a href=(self.link()) { (isolated(self.name())) } }
                p .about {
                    @if let Some(kind) = &element.kind { bdi .type { (word(kind)) } " " }
                    @if let Some(time) = element.update_time {
                        time datetime=(time) title="Updated" { (time.to_day()) } " "
                    }
                    @if element.official == Some(true) { span .official { "Official" } " " }
                    @if !self.older.is_empty() { span { (self.older.len()) " older" } }
                }
                @if let Some(tags) = element.tags.as_ref().filter(|tags| !tags.is_empty()) {
                    p .tags { @for tag in tags { (isolated(&tag::words(tag))) " " } }
                }
                @if let Some(said) = element.description.as_ref().filter(|said| !said.trim().is_empty()) {
                    p .said dir="auto" { (visible(said)) }
                }
                noscript { details { summary { "Details" } (self.details()) } }
            }
        };
        item.into_string().into_bytes()
    }

    /// What it can be filtered by, beside its type and tags.
    fn marks(&self) -> Option<String> {
        let element = &self.manifest.element;
        let marks = [
            ("favored", element.favored == Some(true)),
            ("official", element.official == Some(true)),
            ("incomplete", !self.manifest.is_complete()),
            ("gone", self.gone_since.is_some()),
            ("warnings", !self.manifest.warnings.is_empty()),
        ];
        let marks: Vec<&str> = marks.into_iter().filter(|(_, is)| *is).map(|(mark, _)| mark).collect();
        (!marks.is_empty()).then(|| marks.join(" "))
    }

    fn name(&self) -> &str {
        self.manifest.element.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(self.id.as_str())
    }

    /// Its pictures; the first one stands for it.
    fn pictures(&self) -> impl Iterator<Item = &Asset> {
        self.manifest.assets.iter().filter(|asset| asset.media_type.starts_with("image/"))
    }

    fn link_to(&self, file: &str) -> String {
        link([self.id.as_str(), file])
    }

    /// Where its name leads, without a script: to its picture, or to what else there is.
    fn link(&self) -> String {
        let first = self.pictures().next().or_else(|| self.manifest.assets.first());
        self.link_to(first.map_or(MANIFEST, |asset| &asset.file))
    }

    /// Its picture, and on it what is to be seen at once.
    fn cover(&self) -> Markup {
        let Manifest { element, missing, warnings, assets, .. } = self.manifest;
        let has = |role| assets.iter().any(|asset| asset.role == role);
        html! {
            div .cover .bare[self.pictures().next().is_none()] {
                @if let Some(cover) = self.pictures().next() {
                    img src=(self.link_to(&cover.file)) alt="" loading="lazy" decoding="async";
                }
                @if element.favored == Some(true) { span .star { "Favored" } }
                @if self.gone_since.is_some() || !missing.is_empty() || !warnings.is_empty() {
                    p .marks {
                        @if let Some(since) = self.gone_since { span .gone { "Gone since " (since.to_day()) } " " }
                        @if !missing.is_empty() { span .incomplete { (missing.len()) " missing" } " " }
                        @if !warnings.is_empty() { span .warned { (counted(warnings.len() as u64, "warning")) } }
                    }
                }
                @if has(Role::Video) || has(Role::Voice) {
                    p .kinds {
                        @if has(Role::Video) { span .video { "Video" } " " }
                        @if has(Role::Voice) { span .voice { "Voice" } }
                    }
                }
            }
        }
    }

    /// All that there is to say of it.
    fn details(&self) -> Markup {
        let Manifest { missing, warnings, .. } = self.manifest;
        html! {
            dl { @for (what, value) in self.facts() { dt { (what) } dd { (value) } } }
            @if !missing.is_empty() {
                h3 { "Missing" }
                ul { @for missing in missing { li { (lost(missing)) } } }
            }
            @if !warnings.is_empty() {
                h3 { "Warnings" }
                ul { @for Warning { file, message, .. } in warnings { li { (isolated(file)) ": " (isolated(message)) } } }
            }
            h3 { "Files" }
            ul .files {
                @for asset in &self.manifest.assets { li { (self.file(asset)) } }
                @for own in [MANIFEST, &self.manifest.response.file] { li { a href=(self.link_to(own)) { (own) } } }
            }
            @if !self.older.is_empty() {
                h3 { "Older versions" }
                ul {
                    @for Older { when, committed_at } in self.older.iter().rev() {
                        @let within = |name| link([OWN, HISTORY, self.id.as_str(), when, name]);
                        li {
                            a href=(within("")) { (committed_at.to_minute()) }
                            // Where a web server lists no folder, this is the way in.
                            " " small { a href=(within(MANIFEST)) { (MANIFEST) } }
                        }
                    }
                }
            }
        }
    }

    /// A file of it: what it shows, its name, and how large it is. The script takes it for a view by its type.
    fn file(&self, asset: &Asset) -> Markup {
        html! {
            a href=(self.link_to(&asset.file)) type=(asset.media_type) { (label(asset.role, &asset.slot)) }
            " " small {
                (asset.file) ", "
                @if let (Some(width), Some(height)) = (asset.width, asset.height) { (width) " × " (height) ", " }
                (Bytes(asset.size))
            }
        }
    }

    fn facts(&self) -> Vec<(&'static str, Markup)> {
        let Manifest { element, committed_at, roles, assets, .. } = self.manifest;
        let minute = |time: Time| html! { (time.to_minute()) };
        let roles = roles.as_ref().map(|roles| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "));
        let size = format!("{}, {}", counted(assets.len() as u64, "file"), Bytes(self.manifest.assets_size()));
        let facts = [
            ("ID", Some(html! { code { (self.id) } })),
            ("Type", element.kind.as_ref().map(|kind| isolated(&word(kind)))),
            ("Gone since", self.gone_since.map(minute)),
            ("Created", element.create_time.map(minute)),
            ("Updated", element.update_time.map(minute)),
            ("Mirrored", Some(minute(*committed_at))),
            ("Version", element.current_version.map(|version| html! { (version) })),
            ("Owner", element.user_id.map(|user| html! { (user) })),
            ("Only roles", roles.map(|roles| html! { (roles) })),
            ("Size", Some(html! { (size) })),
        ];
        facts.into_iter().filter_map(|(what, value)| Some((what, value?))).collect()
    }
}

/// What an asset shows.
fn label(role: Role, slot: &str) -> Markup {
    match role {
        Role::Secondary if slot.trim().is_empty() => html! { "View" },
        Role::Secondary => name(slot),
        Role::Cover | Role::Video | Role::Voice | Role::Other => html! { (word(role.as_str())) },
    }
}

/// A slot's name, apart from what stands around it where it is no word.
fn name(slot: &str) -> Markup {
    match word(slot) {
        Cow::Owned(word) if word.is_ascii() => html! { (word) },
        _ => isolated(slot),
    }
}

/// What is missing, and why.
fn lost(Missing { role, slot, error, .. }: &Missing) -> Markup {
    html! { (label(*role, slot)) ": " (isolated(error)) }
}

#[cfg(test)]
mod tests;
