//! What to do about an element: decided here, by pure functions, from what the API says and what stands.

use crate::element::{Asset, Element, Identity, Role};
use crate::layout;
use crate::manifest::{self, Manifest, Missing};

/// The user's wishes, as far as they decide what is fetched.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The roles to mirror; a role once mirrored for an element stays mirrored.
    pub roles: Vec<Role>,
    /// Download again even what looks unchanged.
    pub refresh: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { roles: Role::ALL.to_vec(), refresh: false }
    }
}

/// The version of an element that stands in the mirror.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What it should hold.
    pub manifest: Manifest,
    /// Its files that are not there, or not as the manifest says.
    pub damaged: Vec<String>,
}

impl Standing {
    fn holds_good(&self, asset: &manifest::Asset) -> bool {
        !self.damaged.contains(&asset.file)
    }

    /// Whether every asset that the API named is there, and good.
    pub fn is_complete(&self) -> bool {
        self.manifest.is_complete() && self.damaged.is_empty()
    }
}

/// What to do about one asset.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The standing file serves the new version too.
    Keep(manifest::Asset),
    /// The CDN is asked whether the standing file is still current, and for the new bytes where it is not.
    Ask(manifest::Asset),
    /// The bytes are downloaded, though the standing file may have the same.
    Again(manifest::Asset),
    /// The bytes are downloaded: there is no good file of the asset.
    Fetch {
        /// The name of its damaged file, which the new one gets.
        had: Option<String>,
    },
}

impl Action {
    /// The name of the asset's file in the standing version.
    pub fn standing_name(&self) -> Option<&str> {
        match self {
            Self::Keep(prior) | Self::Ask(prior) | Self::Again(prior) => Some(&prior.file),
            Self::Fetch { had } => had.as_deref(),
        }
    }
}

/// One asset, its file's stem, and what to do.
#[derive(Clone, Debug)]
pub struct Planned {
    /// As the API links it.
    pub asset: Asset,
    /// The file's name without its extension.
    pub stem: String,
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
    /// Plans the next version of `element` against the one that stands.
    pub fn new(element: &Element, standing: Option<&Standing>, policy: &Policy) -> Self {
        let roles = roles(standing, policy);
        let mut prior = Prior::new(standing);
        let stale = standing.is_some_and(|standing| {
            let (was, is) = (&standing.manifest.element, &element.fields);
            was.update_time != is.update_time || was.current_version != is.current_version
        });
        let assets: Vec<Planned> = element
            .assets
            .iter()
            .zip(layout::stems(&element.assets))
            .filter(|(asset, _)| roles.contains(&asset.role))
            .map(|(asset, stem)| {
                let action = match prior.take(&asset.identity()) {
                    Some(prior) if !standing.is_some_and(|standing| standing.holds_good(&prior)) => {
                        Action::Fetch { had: Some(prior.file) }
                    }
                    Some(prior) if policy.refresh => Action::Again(prior),
                    Some(prior) if stale => Action::Ask(prior),
                    Some(prior) => Action::Keep(prior),
                    None => Action::Fetch { had: None },
                };
                Planned { asset: asset.clone(), stem, action }
            })
            .collect();
        let roles = (roles.len() < Role::ALL.len()).then_some(roles);
        let keeps_all = assets.iter().all(|planned| matches!(planned.action, Action::Keep(_)));
        let as_it_stands = standing.is_some_and(|standing| {
            // With all assets kept, a gap of the standing version is one that the API names no more.
            standing.is_complete()
                && standing.manifest.roles == roles
                && standing.manifest.element == element.fields
                && standing.manifest.assets.len() == assets.len()
        });
        Self { roles, assets, changed: !(keeps_all && as_it_stands) }
    }
}

/// The wanted roles and those that the element has had, in order.
fn roles(standing: Option<&Standing>, policy: &Policy) -> Vec<Role> {
    let had = |role| {
        standing.is_some_and(|standing| match &standing.manifest.roles {
            Some(roles) => roles.contains(&role),
            None => true,
        })
    };
    Role::ALL.into_iter().filter(|&role| policy.roles.contains(&role) || had(role)).collect()
}

/// The files of the standing version, each to be taken once.
struct Prior(Vec<manifest::Asset>);

impl Prior {
    fn new(standing: Option<&Standing>) -> Self {
        Self(standing.map(|standing| standing.manifest.assets.clone()).unwrap_or_default())
    }

    fn take(&mut self, identity: &Identity) -> Option<manifest::Asset> {
        let index = self.0.iter().position(|asset| asset.identity() == *identity)?;
        Some(self.0.remove(index))
    }
}

/// What becomes of a version that was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds what stands already.
    Same,
    /// It takes the place of what stands, or is the first.
    Commit,
    /// It does not: too much of it could not be had.
    Refuse,
}

/// Decides about `candidate`.
///
/// A complete version replaces anything. An incomplete one replaces nothing, or an incomplete one that misses at least
/// the same.
pub fn judge(candidate: &Manifest, standing: Option<&Standing>) -> Verdict {
    let gaps = |manifest: &Manifest| manifest.missing.iter().map(Missing::identity).collect::<Vec<_>>();
    let covered = standing.is_none_or(|standing| {
        let known = gaps(&standing.manifest);
        gaps(candidate).iter().all(|gap| known.contains(gap))
    });
    if !candidate.is_complete() && (candidate.assets.is_empty() || !covered) {
        return Verdict::Refuse;
    }
    let same = |standing: &Standing| standing.damaged.is_empty() && standing.manifest.holds_same(candidate);
    if standing.is_some_and(same) { Verdict::Same } else { Verdict::Commit }
}

#[cfg(test)]
mod tests;
