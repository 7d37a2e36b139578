//! Where a store's server is, and whether it may be spoken to in clear.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

use super::variables::Variables;
use crate::error::RunError;

/// How long a service of this machine's own network is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The variable that lets endpoints be spoken to in clear.
pub(super) const ALLOW_HTTP: &str = "AWS_ALLOW_HTTP";

/// An endpoint that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Without a slash at its end.
    pub(super) url: String,
    /// Whether it is spoken to in clear.
    pub(super) is_plain: bool,
    /// Its host, where that is this machine.
    pub(super) loopback: Option<String>,
}

impl Endpoint {
    /// Reads what the variable `name` says.
    ///
    /// # Errors
    /// It is no http:// or https:// URL of a server, or one that may not be spoken to in clear.
    pub(super) fn parse(name: &str, text: &str, variables: Variables<'_>) -> Result<Self, RunError> {
        let broken = |words: &str| RunError::Broken(format!("{name} {words}"));
        let url = Url::parse(text).map_err(|error| broken(&format!("is no URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(broken("is no http:// or https:// URL"));
        }
        let Some(host) = url.host() else { return Err(broken("names no host")) };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(broken("is to have no user, no password, no query and no fragment"));
        }
        let is_plain = url.scheme() == "http";
        if is_plain && !is_loopback(&host) && !variables.is_true(ALLOW_HTTP) {
            let words = format!(
                "is http://{host}, on which all could be read and changed underway: https:// is to be used, \
                 or {ALLOW_HTTP}=true to be set"
            );
            return Err(broken(&words));
        }
        let loopback = is_loopback(&host).then(|| host.to_string());
        Ok(Self { url: text.trim_end_matches('/').to_owned(), is_plain, loopback })
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether there is a server at `url`, which may be a host alone.
///
/// # Errors
/// There is none; in words.
pub(super) async fn reach(url: &str) -> Result<(), String> {
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let parsed = Url::parse(&full).map_err(|error| format!("no URL: {error}"))?;
    let (host, port) = (parsed.host_str().unwrap_or_default(), parsed.port_or_known_default().unwrap_or(80));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match timeout(PATIENCE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{host}: {error}")),
        Err(_) => Err(format!("{host}: no connection within {PATIENCE:?}")),
    }
}
