//! Amazon S3, and what speaks as it does.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::{Certificate, HeaderValue, ObjectStore};

use super::endpoint::{Endpoint, reach};
use super::variables::Variables;
use super::{client_options, granted, retry, unbuildable, words};
use crate::error::RunError;
use crate::http::HttpOptions;

/// The variables that are taken as they are, by the names that the client knows them by; the first region wins.
const NAMES: [&str; 24] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_IMDSV1_FALLBACK",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_UNSIGNED_PAYLOAD",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_CONDITIONAL_PUT",
    "AWS_REQUEST_PAYER",
    "AWS_S3_EXPRESS",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_CUSTOMER_KEY_BASE64",
];

/// Where the endpoint is read; the first one wins, as with the AWS CLI.
pub(super) const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// Where the service is found that gives credentials to a machine in the cloud: its name here, and with AWS' tools.
const METADATA: [&str; 2] = ["AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"];
const METADATA_DEFAULT: &str = "http://169.254.169.254";

/// What each of the names sets.
pub(super) fn table() -> Vec<(&'static str, Key)> {
    NAMES.into_iter().filter_map(|name| Some((name, name.to_ascii_lowercase().parse().ok()?))).collect()
}

/// Where the credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Anonymous,
    Static,
    WebIdentity,
    Container,
    Instance,
}

/// What the variables say of credentials.
///
/// # Errors
/// There are half of them, or none can be had.
pub(super) fn credentials(variables: Variables<'_>) -> Result<Credentials, RunError> {
    let has = |name| variables.has(name);
    if variables.is_true("AWS_SKIP_SIGNATURE") {
        return Ok(Credentials::Anonymous);
    }
    match (has("AWS_ACCESS_KEY_ID"), has("AWS_SECRET_ACCESS_KEY")) {
        (true, true) => return Ok(Credentials::Static),
        (true, false) => return Err(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (false, true) => return Err(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
        (false, false) => {}
    }
    if has("AWS_WEB_IDENTITY_TOKEN_FILE") && has("AWS_ROLE_ARN") {
        return Ok(Credentials::WebIdentity);
    }
    let container = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || has(container) && has("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    {
        return Ok(Credentials::Container);
    }
    if has(container) {
        return Err(half(container, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    }
    if variables.is_true("AWS_EC2_METADATA_DISABLED") {
        return Err(missing(variables, "AWS_EC2_METADATA_DISABLED is set"));
    }
    Ok(Credentials::Instance)
}

fn half(there: &str, lacking: &str) -> RunError {
    RunError::Broken(format!("no credentials for S3: {there} is set without {lacking}"))
}

fn missing(variables: Variables<'_>, why: &str) -> RunError {
    let profile = if variables.has("AWS_PROFILE") { "; profiles (AWS_PROFILE) are not read" } else { "" };
    RunError::Broken(format!(
        "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_WEB_IDENTITY_TOKEN_FILE and \
         AWS_ROLE_ARN, or run where there is an instance's or a container's role ({why}){profile}"
    ))
}

/// Refuses what the client would break down on: it sends the token as it is in the file, to the URL as it is.
///
/// # Errors
/// One of them can't be sent.
fn check_container(variables: Variables<'_>) -> Result<(), RunError> {
    const URL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    if let Some(url) = variables.get(URL) {
        let is_url = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_url {
            return Err(RunError::Broken(format!("{URL} is no http:// or https:// URL")));
        }
    }
    if let Some(path) = variables.get(TOKEN) {
        #[expect(clippy::disallowed_methods, reason = "a file that the machine has for those who run on it")]
        let token = std::fs::read_to_string(&path);
        let token = token.map_err(|error| RunError::io(format!("can't read {path} ({TOKEN})"), error))?;
        if HeaderValue::from_str(&token).is_err() {
            let words = "holds characters that can't be sent; is there a line feed at its end?";
            return Err(RunError::Broken(format!("{path} ({TOKEN}) {words}")));
        }
    }
    Ok(())
}

/// The client for `bucket`.
pub(super) async fn connect(
    bucket: &str,
    http: &HttpOptions,
    variables: Variables<'_>,
) -> Result<Arc<dyn ObjectStore>, RunError> {
    let credentials = credentials(variables)?;
    let metadata = variables.first(&METADATA).map_or_else(|| METADATA_DEFAULT.to_owned(), |(_, url)| url);
    if credentials == Credentials::Instance {
        reach(&metadata).await.map_err(|why| missing(variables, &why))?;
    }
    if credentials == Credentials::Container {
        check_container(variables)?;
    }
    let endpoint = variables.first(&ENDPOINTS);
    let endpoint = endpoint.map(|(name, url)| Endpoint::parse(name, &url, variables)).transpose()?;
    let is_plain = endpoint.as_ref().is_some_and(|endpoint| endpoint.is_plain);
    let is_sole = matches!(credentials, Credentials::Static | Credentials::Anonymous);
    let mut options = client_options(http, endpoint.as_ref().filter(|_| is_sole), is_plain)?;
    if is_plain && credentials != Credentials::WebIdentity {
        // Without trust roots, which a slim machine may not have.
        options = options.with_no_system_certificates(true);
    }
    for certificate in bundle(variables)? {
        options = options.with_root_certificate(certificate);
    }
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(retry(http))
        .with_metadata_endpoint(metadata);
    for (key, value) in variables.settings(&table())? {
        builder = builder.with_config(key, value);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.url);
    }
    let store = builder.build().map_err(|error| unbuildable(&error))?;
    if credentials == Credentials::Instance {
        granted(store.credentials().get_credential()).await.map_err(|why| missing(variables, &why))?;
    }
    Ok(Arc::new(store))
}

/// The certificates of authorities that are trusted besides the system's.
#[expect(clippy::disallowed_methods, reason = "a file that the user named")]
fn bundle(variables: Variables<'_>) -> Result<Vec<Certificate>, RunError> {
    let Some(file) = variables.get("AWS_CA_BUNDLE") else { return Ok(Vec::new()) };
    let pem = std::fs::read(&file).map_err(|error| RunError::io(format!("read AWS_CA_BUNDLE {file}"), error))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| words::run_error(format!("AWS_CA_BUNDLE {file}"), &error))
}
