//! A page of the account's list of elements. Source: `GET /elements?pageNum=…`.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{Bounded, integer, mended, no_error, object};
use super::wire::{Cleared, WireElement};
use super::{Element, ElementId};
use crate::error::{ErrorKind, Failure};
use crate::text::printable;

/// The most items that a page may have; the API gives at most 100.
const MAX_ITEMS: usize = 1000;

/// One page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The elements on it, in the API's order; one may stand on it twice.
    pub listed: Vec<Listed>,
    /// What is wrong with the items that name no element; each says the item's place, counted from 1.
    pub bad: Vec<Failure>,
    /// How many elements the whole list has, where that is said.
    pub total: Option<u64>,
}

/// An element as a list shows it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its ID.
    pub id: ElementId,
    /// What the list says of it. It may show all of its assets, some, or none (none too where it shows more than an
    /// element may have), so that an element that looks changed is to be asked for by its ID.
    pub element: Element,
    /// Which fields the list says are empty, and does not just leave out.
    pub cleared: Cleared,
    /// Whether it is told in the API's earlier revision: links without role and slot, and one tag.
    pub is_of_earlier_revision: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WirePage<'a> {
    error: Value,
    #[serde(borrow)]
    elements_list: Bounded<&'a RawValue, MAX_ITEMS>,
    total: Value,
}

impl Page {
    /// Reads the reply to a request for a page. Where `elementsList` is missing or null the page has no items only if
    /// the total is 0; else the list may go by another name now.
    ///
    /// # Errors
    /// `truncated` where the JSON ends early, `api_error` where the body is an error, `too_large` where it has more
    /// than 1000 items, else `bad_reply`.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        let body = mended(body)?;
        let page: WirePage<'_> = object(&body)?;
        no_error(&page.error)?;
        if page.elements_list.overflow {
            return Err(Failure::new(ErrorKind::TooLarge, format!("the page has more than {MAX_ITEMS} items")));
        }
        let mut read = Self { total: integer(&page.total).and_then(|n| n.try_into().ok()), ..Self::default() };
        if page.elements_list.items.is_none() && read.total != Some(0) {
            return Err(Failure::new(ErrorKind::BadReply, "the reply has no elementsList"));
        }
        for (index, item) in page.elements_list.items.iter().flatten().enumerate() {
            match Listed::parse(item) {
                Ok(listed) => read.listed.push(listed),
                Err(what) => {
                    read.bad.push(Failure::new(ErrorKind::BadReply, format!("item {}: {what}", index + 1)));
                }
            }
        }
        Ok(read)
    }
}

impl Listed {
    /// Reads an item, or says what is wrong with it.
    fn parse(item: &RawValue) -> Result<Self, String> {
        // serde would read an object from an array, field by field.
        if !item.get().starts_with('{') {
            return Err("it is no JSON object".into());
        }
        let wire: WireElement<'_> = serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
        let named = wire.id().ok_or("it has no id")?;
        let id: ElementId = named.parse().map_err(|error| format!("its id {} is {error}", printable(&named, 80)))?;
        let (assets, is_of_earlier_revision) = (wire.assets().unwrap_or_default(), wire.is_of_earlier_revision());
        let cleared = wire.cleared();
        let element = Element { fields: wire.into_fields(&id), assets };
        Ok(Self { id, element, cleared, is_of_earlier_revision })
    }
}

#[cfg(test)]
mod tests;
