//! The options that say which account is asked, and with which token.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueHint};
use element_mirror::demo;
use element_mirror::error::RunError;
use element_mirror::{ApiBase, HttpOptions, PUBLIC_API, Token, Upstream};

use super::{ACCOUNT, value};

/// In whose name the API is asked.
#[derive(Clone)]
pub(crate) struct Credentials {
    token: Token,
    /// The account's email, for elements whose list names none.
    email: Option<String>,
}

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

    /// The token and the account, from the command line, the environment, and the token's file.
    pub(crate) fn credentials(&self) -> Result<Credentials, RunError> {
        let token = if self.demo { demo::TOKEN.into() } else { value::token(self.token_file.as_deref())? };
        let email = match &self.email {
            Some(email) => email.clone(),
            None => value::email(&std::env::var("USEAPI_EMAIL").unwrap_or_default())
                .map_err(|what| RunError::Usage(format!("invalid value for the variable USEAPI_EMAIL: {what}")))?,
        };
        Ok(Credentials { token, email: Some(email).filter(|email| !email.is_empty()) })
    }

    /// Whom to ask, and how (`http`); `demo` is the sample API's base URL, where that stands in for the real one.
    pub(super) fn upstream(&self, credentials: Credentials, demo: Option<ApiBase>, http: HttpOptions) -> Upstream {
        let mut upstream = Upstream::new(credentials.token);
        upstream.base = demo.unwrap_or_else(|| self.api_base.clone());
        upstream.email = credentials.email;
        upstream.http = http;
        upstream
    }
}
