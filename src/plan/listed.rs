//! Whether an element that an account's list shows has to be asked for by itself.

use super::{Checked, Held, Plan, Policy};
use crate::element::{Asset, Element, Fields, Listed};
use crate::manifest::Manifest;

/// Whether a list says enough about an element that it is worth looking at what stands.
pub(crate) fn says_enough(listed: &Listed) -> bool {
    listed.element.fields.update_time.is_some()
}

/// Whether what stands is what a list shows, so that nothing new would come of asking for the element itself: the same
/// `updateTime`, `currentVersion` and links, and no other word about it. What the list leaves out counts as unchanged,
/// but for links: a list that shows fewer of them may say less than there is, or show that one has gone.
pub(crate) fn stands_as_listed(listed: &Listed, standing: &Checked, policy: &Policy) -> bool {
    let (shown, manifest) = (&listed.element, &standing.manifest);
    if !says_enough(listed) || !shown.is_as_current_as(&manifest.element) {
        return false;
    }
    let element = Element { fields: fields(listed, &manifest.element), assets: assets(listed, manifest) };
    !Plan::new(&element, Held { standing: Some(standing), draft: None }, policy).changed
}

/// The fields that the list shows; those that it leaves out, as they stand.
fn fields(listed: &Listed, stands: &Fields) -> Fields {
    let (shown, stands, cleared) = (listed.element.fields.clone(), stands.clone(), listed.cleared);
    // The earlier revision tells one tag of several.
    let tags = shown.tags.filter(|_| !listed.is_of_earlier_revision);
    Fields {
        id: shown.id,
        name: shown.name.or(stands.name.filter(|_| !cleared.name)),
        kind: shown.kind.or(stands.kind.filter(|_| !cleared.kind)),
        description: shown.description.or(stands.description.filter(|_| !cleared.description)),
        user_id: shown.user_id.or(stands.user_id),
        current_version: shown.current_version,
        tags: tags.or(stands.tags),
        favored: shown.favored.or(stands.favored),
        official: shown.official.or(stands.official),
        create_time: shown.create_time.or(stands.create_time),
        update_time: shown.update_time,
    }
}

/// The assets that the list shows. Of the earlier revision's links only the paths count: what stands tells their roles
/// and slots.
fn assets(listed: &Listed, manifest: &Manifest) -> Vec<Asset> {
    if !listed.is_of_earlier_revision {
        return listed.element.assets.clone();
    }
    let mut assets: Vec<Asset> = Vec::new();
    for shown in &listed.element.assets {
        let path = shown.link.path();
        let stands = manifest.assets.iter().find(|asset| asset.identity().path == path);
        let (role, slot) = stands.map_or((shown.role, shown.slot.clone()), |asset| (asset.role, asset.slot.clone()));
        let asset = Asset { role, slot, ..shown.clone() };
        // The cover may stand among the other pictures, too.
        if assets.iter().all(|known| known.identity() != asset.identity()) {
            assets.push(asset);
        }
    }
    assets.sort_by_key(|asset| asset.role);
    assets
}
