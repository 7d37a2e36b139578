//! The options that choose among the elements that lists name, and among those of an account.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::Filter;
use element_mirror::error::RunError;
use element_mirror::ids::{Input, Lists, Shard, Sieve};

use super::{WHICH, value};

#[derive(Args, Debug)]
#[command(next_help_heading = WHICH)]
pub(crate) struct SelectArgs {
    /// Of reports, take only what failed or is incomplete.
    ///
    /// Damaged and missing elements, too; lines of text are taken as ever.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_ONLY_FAILED", hide_env = true)]
    only_failed: bool,

    /// Leave out what a report says is done; repeatable.
    #[arg(long, value_name = "REPORT", value_hint = ValueHint::FilePath, env = "ELEMENT_MIRROR_SKIP_DONE", hide_env = true)]
    skip_done: Vec<PathBuf>,

    #[command(flatten)]
    shard: ShardArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShardArgs {
    /// Take part K of N only: IDs decide which.
    ///
    /// Every ID is in one of the N parts, whatever list it stands in.
    #[arg(long, value_name = "K/N", help_heading = WHICH, env = "ELEMENT_MIRROR_SHARD", hide_env = true)]
    shard: Option<Shard>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = WHICH)]
pub(crate) struct FilterArgs {
    /// Only elements with this tag, its ID or key.
    #[arg(long, value_name = "TAG", value_parser = value::word, env = "ELEMENT_MIRROR_TAG", hide_env = true)]
    tag: Option<String>,

    /// Only favored elements.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_FAVORED", hide_env = true)]
    favored: bool,

    /// The system's elements instead of the account's.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_OFFICIAL", hide_env = true)]
    official: bool,
}

impl SelectArgs {
    /// The reports whose elements are left out where they are done.
    pub(crate) fn reports(&self) -> &[PathBuf] {
        &self.skip_done
    }

    /// Checks that standard input is not to be both one of the `lists` and such a report.
    pub(crate) fn check(&self, lists: &[PathBuf]) -> Result<(), RunError> {
        let input = PathBuf::from("-");
        match lists.contains(&input) && self.skip_done.contains(&input) {
            true => Err(RunError::Usage("standard input can't be an ID list and the report of --skip-done".into())),
            false => Ok(()),
        }
    }

    /// Those of these options that are given, by which elements are left out.
    pub(crate) fn leaving_out(&self) -> Vec<&'static str> {
        let given = [
            ("--only-failed", self.only_failed),
            ("--skip-done", !self.skip_done.is_empty()),
            ("--shard", self.shard.shard.is_some()),
        ];
        named(&given)
    }

    /// The ID lists `inputs`, read as these options say; what `sieve` leaves out is passed over.
    pub(crate) fn lists(&self, inputs: Vec<Input>, sieve: Sieve) -> Lists {
        let mut lists = Lists::from(inputs);
        lists.only_failed = self.only_failed;
        lists.sieve = sieve;
        lists
    }

    /// A sieve that lets the elements of the shard pass, or all where there is none.
    pub(crate) fn sieve(&self) -> Sieve {
        self.shard.sieve()
    }
}

impl ShardArgs {
    /// A sieve that lets the elements of the shard pass, or all where there is none.
    pub(crate) fn sieve(&self) -> Sieve {
        Sieve::new(self.shard)
    }
}

/// The names of the options that are given.
fn named(options: &[(&'static str, bool)]) -> Vec<&'static str> {
    options.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect()
}

impl FilterArgs {
    /// Those of these options that are given, by which elements are left out.
    pub(crate) fn leaving_out(&self) -> Vec<&'static str> {
        named(&[("--tag", self.tag.is_some()), ("--favored", self.favored), ("--official", self.official)])
    }

    /// What an account's list is to show.
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        filter.tag = self.tag.clone();
        filter.favored = self.favored;
        filter.official = self.official;
        filter
    }
}
