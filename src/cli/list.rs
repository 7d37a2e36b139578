//! The options of `list`.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use element_mirror::ids::Sieve;
use element_mirror::{ApiBase, ListOptions, Token};

use super::{AccountArgs, ApiArgs, FilterArgs, SayingArgs, ShardArgs};

pub(super) const EXAMPLES: &str = "\
An ID a line, and behind a tab the account's email where there are several accounts: what run takes as an ID list.

Examples:
  element-mirror list                          every element of every configured account
  element-mirror list --email me@example.com   of one account
  element-mirror list --json | jq -r .name     an object a line: what a manifest says of an element, and the email
  element-mirror list --tag people | element-mirror run -
                                               though run --all --tag people asks less of the API

Exit codes:
  0  all is listed             3  some accounts or pages could not be listed
  1, 2, 4, 130, 143, 141  as of run";

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// An object a line, as NDJSON.
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
    pub(crate) fn options(&self, token: Token, demo: Option<ApiBase>) -> ListOptions {
        let http = self.api.http_options(demo.is_some());
        let mut options = ListOptions::new(self.account.upstream(token, demo, http));
        options.filter = self.filter.filter();
        options
    }

    /// What lets the shard pass.
    pub(crate) fn sieve(&self) -> Sieve {
        self.shard.sieve()
    }
}
