//! What to do about an element: decided here, by pure functions, from what the API says and what stands.

mod listed;

use crate::element::{Asset, Element, Identity, Role};
use crate::layout;
use crate::manifest::{self, Manifest, Missing};
pub(crate) use listed::{says_enough, stands_as_listed};

/// What the user wants to be fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// The roles to mirror, beside those that are mirrored already: a role once mirrored for an element stays mirrored.
    /// `None`: no others, and all roles of an element that is new.
    pub roles: Option<Vec<Role>>,
    /// Download again even what looks unchanged.
    pub refresh: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { roles: Some(Role::ALL.to_vec()), refresh: false }
    }
}

/// A version of an element, and which of its files are not good.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it should hold.
    pub manifest: Manifest,
    /// Its files that are not there, or not as the manifest says.
    pub damaged: Vec<String>,
}

impl Checked {
    fn holds_good(&self, asset: &manifest::Asset) -> bool {
        !self.damaged.contains(&asset.file)
    }

    /// Whether every asset that the API named is there, and good.
    pub fn is_complete(&self) -> bool {
        self.manifest.is_complete() && self.damaged.is_empty()
    }
}

/// Where in the mirror a file of an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldIn {
    /// In the version that stands.
    Standing,
    /// In the draft of one that could not replace it.
    Draft,
}

/// What the mirror holds of an element.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held<'a> {
    /// The version that stands.
    pub standing: Option<&'a Checked>,
    /// What an earlier run kept of the next version.
    pub draft: Option<&'a Checked>,
}

/// A file of an asset that the mirror holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    /// The file, as the manifest beside it describes it.
    pub asset: manifest::Asset,
    /// Where it is.
    pub held_in: HeldIn,
}

/// What to do about one asset.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The file that is held serves the new version too.
    Keep(Prior),
    /// The CDN is asked whether the file that is held is still current, and for the new bytes where it is not.
    Ask(Prior),
    /// The bytes are downloaded: there is no good file of the asset, or it is not to be trusted.
    Fetch,
}

/// One asset, its file's name, and what to do.
#[derive(Clone, Debug)]
pub struct Planned {
    /// As the API links it.
    pub asset: Asset,
    /// The file's name without its extension.
    pub stem: String,
    /// The name of its file in the version that stands, good or damaged. The new file keeps that name where it fits.
    pub had: Option<String>,
    /// What to do.
    pub action: Action,
}

/// What to do about an element.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The roles that the version will hold, where that is not all of them.
    pub roles: Option<Vec<Role>>,
    /// The wanted assets, in the manifest's order.
    pub assets: Vec<Planned>,
    /// Whether the new version differs, or may differ, from the standing one.
    pub changed: bool,
}

impl Plan {
    /// Plans the next version of `element` against what is held of it.
    pub fn new(element: &Element, held: Held<'_>, policy: &Policy) -> Self {
        let roles = roles(held.standing, policy);
        let mut standing = Files::new(HeldIn::Standing, held.standing, element);
        let mut draft = Files::new(HeldIn::Draft, held.draft, element);
        let assets: Vec<Planned> = element
            .assets
            .iter()
            .zip(layout::stems(&element.assets))
            .filter(|(asset, _)| roles.contains(&asset.role))
            .map(|(asset, stem)| {
                let (stands, drafted) = (standing.take(&asset.identity()), draft.take(&asset.identity()));
                let had = stands.as_ref().map(|found| found.prior.asset.file.clone());
                let action = if policy.refresh { Action::Fetch } else { choose(stands, drafted) };
                Planned { asset: asset.clone(), stem, had, action }
            })
            .collect();
        let roles = (roles.len() < Role::ALL.len()).then_some(roles);
        let stays =
            |planned: &Planned| matches!(&planned.action, Action::Keep(prior) if prior.held_in == HeldIn::Standing);
        let as_it_stands = held.standing.is_some_and(|standing| {
            // Where all assets are kept and the standing version is incomplete, the API has ceased to name what is
            // missing.
            standing.is_complete()
                && standing.manifest.roles == roles
                && standing.manifest.element == element.fields
                && standing.manifest.assets.len() == assets.len()
        });
        let changed = !(assets.iter().all(stays) && as_it_stands);
        Self { roles, assets, changed }
    }
}

/// The wanted roles and those that the element has had, in order.
fn roles(standing: Option<&Checked>, policy: &Policy) -> Vec<Role> {
    let wanted = match (&policy.roles, standing) {
        (Some(roles), _) => roles.as_slice(),
        (None, None) => &Role::ALL,
        (None, Some(_)) => &[],
    };
    let had = |role| {
        standing.is_some_and(|standing| match &standing.manifest.roles {
            Some(roles) => roles.contains(&role),
            None => true,
        })
    };
    Role::ALL.into_iter().filter(|&role| wanted.contains(&role) || had(role)).collect()
}

/// Decides between the files found in the standing version and in the draft. A file that is current is kept, and the
/// CDN is not asked. Else the CDN is asked about the draft's file, which is the younger one, or about the only one.
fn choose(standing: Option<Found>, draft: Option<Found>) -> Action {
    let good = |found: Option<Found>| found.filter(|found| found.is_good);
    match (good(standing), good(draft)) {
        (Some(found), _) if found.is_current => Action::Keep(found.prior),
        (_, Some(found)) if found.is_current => Action::Keep(found.prior),
        (_, Some(found)) | (Some(found), None) => Action::Ask(found.prior),
        (None, None) => Action::Fetch,
    }
}

/// The file of an asset that is found in a version.
struct Found {
    prior: Prior,
    is_good: bool,
    is_current: bool,
}

/// The files of a version, each to be taken once. Where several assets share an identity, their order tells which is
/// which, but only where none of them was missing and the API names as many: else none of them is taken.
struct Files<'a> {
    held_in: HeldIn,
    version: Option<&'a Checked>,
    is_current: bool,
    left: Vec<&'a manifest::Asset>,
}

impl<'a> Files<'a> {
    fn new(held_in: HeldIn, version: Option<&'a Checked>, element: &Element) -> Self {
        let is_told = |identity: &Identity<'_>, manifest: &Manifest| {
            let named = element.assets.iter().filter(|asset| asset.identity() == *identity).count();
            let had = manifest.assets.iter().filter(|asset| asset.identity() == *identity).count();
            named == had && manifest.missing.iter().all(|missing| missing.identity() != *identity)
        };
        let told = |version: &'a Checked| {
            let manifest = &version.manifest;
            manifest.assets.iter().filter(|asset| is_told(&asset.identity(), manifest)).collect()
        };
        let left = version.map(told).unwrap_or_default();
        Self {
            held_in,
            version,
            is_current: version.is_some_and(|version| element.is_as_current_as(&version.manifest.element)),
            left,
        }
    }

    fn take(&mut self, identity: &Identity<'_>) -> Option<Found> {
        let index = self.left.iter().position(|asset| asset.identity() == *identity)?;
        let asset = self.left.remove(index);
        Some(Found {
            prior: Prior { asset: asset.clone(), held_in: self.held_in },
            is_good: self.version.is_some_and(|version| version.holds_good(asset)),
            is_current: self.is_current,
        })
    }
}

/// What becomes of a version that was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds what stands already.
    Same,
    /// It takes the place of what stands, or is the first.
    Commit,
    /// It does not: none of its assets could be had, or it misses one that the standing version does not.
    Refuse,
}

/// Decides about `candidate`.
///
/// A complete version replaces anything. An incomplete one replaces nothing, or an incomplete one that misses at least
/// the same.
pub(crate) fn judge(candidate: &Manifest, standing: Option<&Checked>) -> Verdict {
    fn gaps(manifest: &Manifest) -> Vec<Identity<'_>> {
        manifest.missing.iter().map(Missing::identity).collect()
    }
    let covered = standing.is_none_or(|standing| {
        let mut known = gaps(&standing.manifest);
        // Each gap once: several assets may share an identity.
        let mut was_known = |gap| known.iter().position(|known| *known == gap).map(|index| known.swap_remove(index));
        gaps(candidate).into_iter().all(|gap| was_known(gap).is_some())
    });
    if !candidate.is_complete() && (candidate.assets.is_empty() || !covered) {
        return Verdict::Refuse;
    }
    let same = |standing: &Checked| standing.damaged.is_empty() && standing.manifest.holds_same(candidate);
    if standing.is_some_and(same) { Verdict::Same } else { Verdict::Commit }
}

#[cfg(test)]
mod tests;
