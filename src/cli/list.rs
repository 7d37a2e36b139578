//! The options of `list`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use element_mirror::ids::Sieve;
use element_mirror::{ApiBase, ListOptions};

use super::{AccountArgs, ApiArgs, Credentials, FilterArgs, SayingArgs, ShardArgs};

/// What is used most.
pub(super) const MOST_USED: &[&str] =
    &["json", "tag", "favored", "official", "email", "token_file", "demo", "quiet", "verbose"];

pub(super) const EXAMPLES: &str = "\
One ID per line, and behind a tab the email where there are several accounts: an
ID list for run.

Examples:
  element-mirror list --demo                  try it: no token, no network
  element-mirror list                         every element of every account
  element-mirror list --email me@example.com  of one account
  element-mirror list --json | jq -r .name    an object per line, for programs

Exit codes:
  0  all is listed       3  some accounts or pages could not be listed
  1, 2, 4, 130, 143, 141 as of run";

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// One JSON object per line, as NDJSON.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_JSON", hide_env = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    shard: ShardArgs,

    #[command(flatten)]
    pub(crate) account: AccountArgs,

    #[command(flatten)]
    api: ApiArgs,

    #[command(flatten)]
    pub(crate) saying: SayingArgs,
}

impl ListArgs {
    /// What is listed; `demo` is the sample API's base URL where that is used.
    pub(crate) fn options(&self, credentials: Credentials, demo: Option<ApiBase>) -> ListOptions {
        let http = self.api.http_options(demo.is_some());
        let mut options = ListOptions::new(self.account.upstream(credentials, demo, http));
        options.filter = self.filter.filter();
        options
    }

    /// A sieve that lets the elements of the shard pass, or all where there is none.
    pub(crate) fn sieve(&self) -> Sieve {
        self.shard.sieve()
    }
}
