//! Where the API is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, ParseError, Url};

use crate::error::RunError;

/// The base URL of the public API.
pub const PUBLIC_API: &str = "https://api.useapi.net/v1/kling";

/// The API's base URL: https, or http on loopback, since the token goes with every request. By default the public one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiBase(String);

impl ApiBase {
    /// The URL itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn url(&self) -> Result<Url, RunError> {
        Url::parse(&self.0).map_err(|error| RunError::Broken(format!("{self} is no URL: {error}")))
    }
}

impl Default for ApiBase {
    fn default() -> Self {
        Self(PUBLIC_API.to_owned())
    }
}

/// Why a text is no [`ApiBase`], in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidBase(String);

impl FromStr for ApiBase {
    type Err = InvalidBase;

    fn from_str(text: &str) -> Result<Self, InvalidBase> {
        let refused = |why: String| Err(InvalidBase(why));
        let url = Url::parse(text).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase if !text.is_empty() => InvalidBase("put https:// before it".into()),
            error => InvalidBase(format!("not a URL: {error}")),
        })?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => {
                let why = "the token would travel in clear: http:// is taken only for loopback, use https://";
                return refused(why.into());
            }
            other => return refused(format!("{other}: is no scheme for an API, use https://")),
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return refused("it can't carry a user, query or fragment".into());
        }
        Ok(Self(url.into()))
    }
}

impl fmt::Display for ApiBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://api.example/v1", true)]
    #[case("http://127.0.0.1:8080/v1", true)]
    #[case("http://localhost/v1", true)]
    #[case("http://[::1]/v1", true)]
    #[case("http://api.example/v1", false)]
    #[case("http://10.0.0.1/v1", false)]
    #[case("https://user:pass@api.example/v1", false)]
    #[case("ftp://api.example", false)]
    #[case("api.example", false)]
    fn the_token_never_travels_in_clear(#[case] text: &str, #[case] taken: bool) {
        assert_eq!(text.parse::<ApiBase>().is_ok(), taken, "{text}");
    }

    #[test]
    fn the_public_api_is_the_default() {
        assert_eq!(PUBLIC_API.parse(), Ok(ApiBase::default()));
    }
}
