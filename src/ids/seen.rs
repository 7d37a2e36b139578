//! Which elements a run has met, in eleven bytes an ID.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::{Entry, Sifted};
use crate::digest::Digest;

/// The account of a line that names none: that contradicts nothing.
const ANY: [u8; 2] = [0; 2];

/// The first nine bytes of an ID's digest, and two of its account's: a million IDs collide with a chance of 1 in
/// 10^10, and a collision of accounts costs a warning.
///
/// In sixteen maps, since one that grows is there twice for a moment.
#[derive(Debug, Default)]
pub(super) struct Seen([HashMap<[u8; 9], [u8; 2]>; 16]);

impl Seen {
    /// What becomes of the element of `entry`: taken the first time, passed when it is met again.
    pub(super) fn sight(&mut self, entry: &Entry) -> Sifted {
        let account = entry.email.as_deref().map_or(ANY, |email| head(&email.to_lowercase()));
        let id: [u8; 9] = head(entry.id.as_str());
        match self.0[usize::from(id[0] % 16)].entry(id) {
            Slot::Vacant(slot) => {
                slot.insert(account);
                Sifted::Taken
            }
            Slot::Occupied(slot) if *slot.get() == account || account == ANY || *slot.get() == ANY => Sifted::Passed,
            Slot::Occupied(_) => Sifted::OtherAccount,
        }
    }
}

/// The first `N` bytes of the SHA-256 of `text`.
pub(super) fn head<const N: usize>(text: &str) -> [u8; N] {
    let digest = Digest::of(text.as_bytes());
    std::array::from_fn(|index| digest.as_bytes()[index])
}
