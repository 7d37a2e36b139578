//! Which account, and what opens it.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::demo;
use element_mirror::error::RunError;
use element_mirror::{ApiBase, HttpOptions, PUBLIC_API, Token, Upstream};

use super::{ACCOUNT, value};

#[derive(Args, Debug)]
#[command(next_help_heading = ACCOUNT)]
pub(crate) struct AccountArgs {
    /// The account, if one of several [env: USEAPI_EMAIL].
    ///
    /// Of elements whose list names none, and the only one that --all and list look at.
    #[arg(long, value_name = "EMAIL", value_parser = value::email, env = "ELEMENT_MIRROR_EMAIL", hide_env = true)]
    email: Option<String>,

    /// File with the API token, else in $USEAPI_TOKEN.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, env = "ELEMENT_MIRROR_TOKEN_FILE", hide_env = true)]
    token_file: Option<PathBuf>,

    /// The API.
    ///
    /// http:// is taken only on loopback: the token would travel in clear.
    #[arg(long, value_name = "URL", default_value = PUBLIC_API, value_parser = value::Discreet(value::parsed::<ApiBase>),
          value_hint = ValueHint::Url,
          env = "ELEMENT_MIRROR_API_BASE", hide_env = true)]
    api_base: ApiBase,

    /// Use a built-in sample API: no token, no network.
    #[arg(long, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new(),
          env = "ELEMENT_MIRROR_DEMO", hide_env = true)]
    demo: bool,
}

impl AccountArgs {
    /// The file that the token is read from.
    pub(crate) fn token_file(&self) -> Option<&PathBuf> {
        self.token_file.as_ref()
    }

    /// Whether the built-in sample API stands in for the real one.
    pub(crate) fn is_demo(&self) -> bool {
        self.demo
    }

    /// The API token: the file's, the environment's, or the sample API's.
    pub(crate) fn token(&self) -> Result<Token, RunError> {
        if self.demo {
            return Ok(demo::TOKEN.into());
        }
        value::token(self.token_file.as_deref())
    }

    /// Whom to ask, by `http`: the sample API, where there is one.
    pub(super) fn upstream(&self, token: Token, demo: Option<ApiBase>, http: HttpOptions) -> Upstream {
        let mut upstream = Upstream::new(token);
        upstream.base = demo.unwrap_or_else(|| self.api_base.clone());
        let email = self.email.clone().or_else(|| std::env::var("USEAPI_EMAIL").ok());
        upstream.email = email.filter(|email| !email.is_empty());
        upstream.http = http;
        upstream
    }
}
