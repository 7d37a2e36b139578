//! Whom a run asks.

use std::sync::Arc;

use super::Api;
use crate::error::RunError;
use crate::event::Events;
use crate::http::{ApiBase, Http, HttpOptions, Token};
use crate::stop::Stop;

/// Whom a run asks, in whose name, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Upstream {
    /// Where the API is.
    pub base: ApiBase,
    /// The API's token.
    pub token: Token,
    /// The email of the account, for elements whose list names none; needed only where the token has several accounts.
    pub email: Option<String>,
    /// How the network is used, for the API and for the assets.
    pub http: HttpOptions,
}

impl Upstream {
    /// The public API with `token`; everything else is as by default.
    pub fn new(token: impl Into<Token>) -> Self {
        Self { base: ApiBase::default(), token: token.into(), email: None, http: HttpOptions::default() }
    }

    /// The network and the API as this describes them. Retries and pauses are told to `events`; no request is begun
    /// after `stop`.
    ///
    /// # Errors
    /// The token or the user agent can't be sent, or the client can't be set up.
    pub(crate) fn connect(&self, events: &Events, stop: &Stop) -> Result<(Arc<Http>, Api), RunError> {
        let http = Arc::new(Http::new(self.http.clone(), &self.token, events.clone(), stop.token().clone())?);
        let api = Api::new(Arc::clone(&http), self.base.url()?, events.clone());
        Ok((http, api))
    }
}
