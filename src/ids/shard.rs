//! A part of all elements, told by their IDs alone: several runs can share a list without talking to each other.

use std::fmt;
use std::str::FromStr;

use super::seen::head;
use crate::element::ElementId;

/// Part `part` of `of` parts, counted from 1; written as `part/of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: u64,
    of: u64,
}

/// The text names no shard.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shard is K/N, such as 1/8: part K of N, counted from 1")]
pub struct InvalidShard;

impl Shard {
    /// Whether `id` is one of its elements: the first eight bytes, big-endian, of the SHA-256 of the ID, modulo `of`,
    /// plus 1.
    pub(super) fn holds(self, id: &ElementId) -> bool {
        u64::from_be_bytes(head(id.as_str())) % self.of + 1 == self.part
    }

    /// Whether it is the first one, which is also given what has no ID: bad lines.
    pub(super) fn is_first(self) -> bool {
        self.part == 1
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let (part, of) = text.trim().split_once('/').ok_or(InvalidShard)?;
        match (number(part), number(of)) {
            (Some(part), Some(of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err(InvalidShard),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    // As sha256sum says.
    #[case("u_1", 0x2308_f296_3599_8d1d)]
    #[case("u_2", 0x2f97_c904_6c1a_4c7a)]
    fn an_element_is_its_digests_shard(#[case] id: &str, #[case] head: u64) {
        for of in [1, 2, 3, 8, 1000] {
            let id: ElementId = id.parse().unwrap();
            let holding: Vec<u64> = (1..=of).filter(|&part| Shard { part, of }.holds(&id)).collect();
            assert_eq!(holding, [head % of + 1]);
        }
    }

    #[rstest]
    #[case("1/1", true)]
    #[case("8/8", true)]
    #[case("0/8", false)]
    #[case("9/8", false)]
    #[case("1/0", false)]
    #[case("1", false)]
    #[case("1/2/3", false)]
    #[case("+1/2", false)]
    #[case("-1/2", false)]
    #[case("a/b", false)]
    #[case("", false)]
    fn a_shard_is_a_part_of_all(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(text.parse::<Shard>().is_ok(), is_one, "{text}");
        assert!(!is_one || text.parse::<Shard>().unwrap().to_string() == text);
    }
}
