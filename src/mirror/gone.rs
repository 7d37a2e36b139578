//! Elements that the API does not know any more: believed, unless they are so many that the account is in doubt.

use std::collections::HashMap;

use crate::element::ElementId;
use crate::time::Time;

/// Up to this many newly gone elements of an account are not suspicious, where it answered for any other.
const FEW: u64 = 5;

/// What the API answered about an account's elements.
#[derive(Debug, Default)]
struct Account {
    asked: u64,
    answered: u64,
    newly_gone: Vec<(ElementId, Time)>,
}

impl Account {
    fn is_suspicious(&self) -> bool {
        let gone = self.newly_gone.len() as u64;
        (gone > FEW && gone * 10 > self.asked) || (gone >= 2 && self.answered == 0)
    }
}

/// What is newly gone, by account, its email in lower case.
#[derive(Debug, Default)]
pub(super) struct Gone(HashMap<Option<String>, Account>);

impl Gone {
    /// An element of `account` was asked for, and the API knew it or not.
    pub(super) fn asked(&mut self, account: Option<&str>, answered: bool) {
        let account = self.0.entry(account.map(str::to_lowercase)).or_default();
        account.asked += 1;
        account.answered += u64::from(answered);
    }

    /// An element that was not noted as gone is.
    pub(super) fn add(&mut self, account: Option<&str>, id: ElementId, since: Time) {
        self.0.entry(account.map(str::to_lowercase)).or_default().newly_gone.push((id, since));
    }

    /// How many are newly gone in accounts where that looks like a mistake.
    pub(super) fn suspicious(&self) -> u64 {
        self.0.values().filter(|account| account.is_suspicious()).map(|account| account.newly_gone.len() as u64).sum()
    }

    /// All that are newly gone, taken out.
    pub(super) fn take(&mut self) -> Vec<(ElementId, Time)> {
        self.0.drain().flat_map(|(_, account)| account.newly_gone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::one_of_one(1, 0, 0)]
    #[case::both_of_two(2, 0, 2)]
    #[case::two_of_three(2, 1, 0)]
    #[case::five_of_six(5, 1, 0)]
    #[case::six_of_sixty(6, 54, 0)]
    #[case::six_of_fifty_nine(6, 53, 6)]
    fn many_newly_gone_are_suspicious(#[case] gone: usize, #[case] answered: usize, #[case] suspicious: u64) {
        let mut all = Gone::default();
        for number in 0..gone {
            all.asked(None, false);
            all.add(None, format!("u_{number}").parse().unwrap(), Time::now());
        }
        for _ in 0..answered {
            all.asked(None, true);
        }
        assert_eq!(all.suspicious(), suspicious);
    }

    #[test]
    fn each_account_is_judged_by_itself() {
        let mut all = Gone::default();
        for number in 0..2 {
            all.asked(Some("a@b.c"), false);
            all.add(Some("a@b.c"), format!("u_{number}").parse().unwrap(), Time::now());
            all.asked(Some("d@e.f"), true);
        }
        assert_eq!(all.suspicious(), 2);
    }
}
