//! Why a version of an element differs from the one that took its place.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{Asset, Manifest, Missing};
use crate::element::{Identity, Role};
use crate::layout::Naming;

/// One thing in which a version differs from its successor. Files are called by their names in the version; files that
/// only the successor has, by their names there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The file has other bytes in the successor.
    OtherBytes(String),
    /// The file has another name in the successor.
    Renamed {
        /// Its name in the version.
        from: String,
        /// Its name in the successor.
        to: String,
    },
    /// The file has the same bytes in the successor, from another link.
    OtherLink(String),
    /// The file, which the successor has, was known but could not be had.
    WasMissing(String),
    /// The file, which the successor has, was not known yet.
    Added(String),
    /// The file is not known any more.
    Removed(String),
    /// The file is still known, but can't be had any more.
    WentMissing(String),
    /// An asset, called by its slot or role, was not known yet, and can't be had.
    GapAppeared(String),
    /// An asset, called by its slot or role, could not be had, and is not known any more.
    GapClosed(String),
    /// A field of the manifest's `element` changed: its name there.
    Field(String),
    /// Other roles are mirrored.
    Roles,
    /// Nothing differs but the bytes of the API's reply.
    ReplyAlone,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherBytes(file) => write!(f, "{file}: other bytes"),
            Self::Renamed { from, to } => write!(f, "{from}: named {to} later"),
            Self::OtherLink(file) => write!(f, "{file}: other link"),
            Self::WasMissing(file) => write!(f, "{file}: was missing"),
            Self::Added(file) => write!(f, "{file}: added later"),
            Self::Removed(file) => write!(f, "{file}: removed later"),
            Self::WentMissing(file) => write!(f, "{file}: missing later"),
            Self::GapAppeared(asset) => write!(f, "{asset}: added later, but missing"),
            Self::GapClosed(asset) => write!(f, "{asset}: was missing, removed later"),
            Self::Field(name) => write!(f, "{name} changed"),
            Self::Roles => f.write_str("roles changed"),
            Self::ReplyAlone => f.write_str("only element.json differs"),
        }
    }
}

impl Manifest {
    /// In what this version differs from `successor`.
    pub fn differences(&self, successor: &Self) -> Vec<Difference> {
        let mut differences = files(self, successor);
        differences.extend(fields(self, successor));
        if self.roles != successor.roles {
            differences.push(Difference::Roles);
        }
        if differences.is_empty() && self.response.sha256 != successor.response.sha256 {
            differences.push(Difference::ReplyAlone);
        }
        differences
    }
}

/// An asset of a version, had or missing.
#[derive(Clone, Copy)]
enum Part<'a> {
    Had(&'a Asset),
    Missing(&'a Missing),
}

impl<'a> Part<'a> {
    fn identity(self) -> Identity<'a> {
        match self {
            Self::Had(asset) => asset.identity(),
            Self::Missing(missing) => missing.identity(),
        }
    }

    /// Its role and slot, where an element has only one such asset: that is the same one then, though its link is
    /// another.
    fn place(self) -> Option<(Role, &'a str)> {
        let Identity { role, slot, .. } = self.identity();
        let is_one = matches!(role, Role::Cover | Role::Video | Role::Voice) || !slot.is_empty();
        is_one.then_some((role, slot))
    }

    /// What it is called.
    fn name(self) -> String {
        match self {
            // In a bucket a name says the bytes. That they differ is told as such, and not as a new name.
            Self::Had(asset) => Naming::ByContent.plain(&asset.file),
            Self::Missing(missing) if missing.slot.is_empty() => missing.role.as_str().to_owned(),
            Self::Missing(missing) => crate::text::printable(&missing.slot, 80),
        }
    }
}

fn parts(manifest: &Manifest) -> Vec<Part<'_>> {
    manifest.assets.iter().map(Part::Had).chain(manifest.missing.iter().map(Part::Missing)).collect()
}

fn files(old: &Manifest, new: &Manifest) -> Vec<Difference> {
    let mut left = parts(new);
    let mut take = |is_it: &dyn Fn(Part<'_>) -> bool| {
        let index = left.iter().position(|part| is_it(*part))?;
        Some(left.remove(index))
    };
    let old = parts(old);
    // Each is paired with the same asset; else with one of the same name and role; else with one of the same role and
    // slot.
    let mut pairs: Vec<_> = old.iter().map(|part| take(&|other| other.identity() == part.identity())).collect();
    for (part, pair) in old.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
        *pair = take(&|other| other.identity().role == part.identity().role && other.name() == part.name());
    }
    for (part, pair) in old.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
        *pair = take(&|other| part.place().is_some() && other.place() == part.place());
    }
    let known = old.iter().zip(pairs).flat_map(|(part, pair)| between(*part, pair));
    let added = left.iter().map(|part| match part {
        Part::Had(_) => Difference::Added(part.name()),
        Part::Missing(_) => Difference::GapAppeared(part.name()),
    });
    known.chain(added).collect()
}

/// What became of an asset.
fn between(old: Part<'_>, new: Option<Part<'_>>) -> Vec<Difference> {
    match (old, new) {
        (Part::Had(old), Some(Part::Had(new))) => {
            let mut differences = Vec::new();
            let (was, is) = (Part::Had(old).name(), Part::Had(new).name());
            if old.sha256 != new.sha256 {
                differences.push(Difference::OtherBytes(was.clone()));
            } else if old.identity() != new.identity() {
                differences.push(Difference::OtherLink(was.clone()));
            }
            if was != is {
                differences.push(Difference::Renamed { from: was, to: is });
            }
            differences
        }
        (Part::Had(_), Some(Part::Missing(_))) => vec![Difference::WentMissing(old.name())],
        (Part::Had(_), None) => vec![Difference::Removed(old.name())],
        (Part::Missing(_), Some(new @ Part::Had(_))) => vec![Difference::WasMissing(new.name())],
        (Part::Missing(_), Some(Part::Missing(_))) => Vec::new(),
        (Part::Missing(_), None) => vec![Difference::GapClosed(old.name())],
    }
}

/// The fields of `element` that differ, in their order.
fn fields(old: &Manifest, new: &Manifest) -> Vec<Difference> {
    let fields = |manifest: &Manifest| match serde_json::to_value(&manifest.element) {
        Ok(Value::Object(fields)) => fields,
        // Fields are always an object.
        _ => Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let mut seen = BTreeSet::new();
    let names = old.keys().chain(new.keys()).filter(|name| seen.insert(*name) && old.get(*name) != new.get(*name));
    names.cloned().map(Difference::Field).collect()
}

#[cfg(test)]
mod tests;
