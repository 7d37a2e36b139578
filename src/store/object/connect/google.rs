//! Google Cloud Storage.

use std::path::Path;
use std::sync::Arc;

use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey as Key};
use object_store::{ObjectStore, StaticCredentialProvider};

use super::endpoint::{Endpoint, reach};
use super::variables::Variables;
use super::{client_options, granted, retry, unbuildable};
use crate::error::RunError;
use crate::http::HttpOptions;

/// The variables that are taken as they are; where two set the same, the later one wins.
const TABLE: [(&str, Key); 6] = [
    ("GOOGLE_APPLICATION_CREDENTIALS", Key::ApplicationCredentials),
    ("GOOGLE_SERVICE_ACCOUNT_PATH", Key::ServiceAccount),
    ("GOOGLE_SERVICE_ACCOUNT", Key::ServiceAccount),
    ("GOOGLE_SERVICE_ACCOUNT_KEY", Key::ServiceAccountKey),
    ("CLOUDSDK_AUTH_ACCESS_TOKEN", Key::BearerToken),
    ("GOOGLE_BEARER_TOKEN", Key::BearerToken),
];

/// What Google's own clients read to speak to an emulator, without credentials.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";
/// Where the endpoint is read; the first one wins.
pub(super) const ENDPOINTS: [&str; 2] = [EMULATOR, "GOOGLE_BASE_URL"];

/// Where the service is found that gives credentials to a machine in the cloud.
const METADATA: [&str; 3] = ["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];
const METADATA_DEFAULT: &str = "169.254.169.254";

/// Where the credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Anonymous,
    Given,
    Instance,
}

/// What the variables say of credentials.
///
/// # Errors
/// None can be had.
pub(super) fn credentials(variables: Variables<'_>) -> Result<Credentials, RunError> {
    if variables.has(EMULATOR) || variables.is_true("GOOGLE_SKIP_SIGNATURE") {
        return Ok(Credentials::Anonymous);
    }
    if TABLE.iter().any(|(name, _)| variables.has(name)) || has_login(variables) {
        return Ok(Credentials::Given);
    }
    if variables.is_true("NO_GCE_CHECK") {
        return Err(missing("NO_GCE_CHECK is set"));
    }
    Ok(Credentials::Instance)
}

/// Whether there is the file that `gcloud auth application-default login` leaves, which the client reads by itself.
fn has_login(variables: Variables<'_>) -> bool {
    const FILE: &str = ".config/gcloud/application_default_credentials.json";
    variables.get("HOME").is_some_and(|home| Path::new(&home).join(FILE).exists())
}

fn missing(why: &str) -> RunError {
    RunError::Broken(format!(
        "no credentials for Google Cloud Storage: set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, \
         or run where there is an instance's account ({why})"
    ))
}

/// The client for `bucket`.
pub(super) async fn connect(
    bucket: &str,
    http: &HttpOptions,
    variables: Variables<'_>,
) -> Result<Arc<dyn ObjectStore>, RunError> {
    let credentials = credentials(variables)?;
    if credentials == Credentials::Instance {
        let metadata = variables.first(&METADATA).map_or_else(|| METADATA_DEFAULT.to_owned(), |(_, host)| host);
        reach(&metadata).await.map_err(|why| missing(&why))?;
    }
    let endpoint = endpoint(variables)?;
    let is_plain = endpoint.as_ref().is_some_and(|endpoint| endpoint.is_plain);
    let sole = endpoint.as_ref().filter(|_| credentials == Credentials::Anonymous);
    let mut options = client_options(http, sole, is_plain)?;
    if is_plain && credentials != Credentials::Given {
        // Without trust roots, which a slim machine may not have.
        options = options.with_no_system_certificates(true);
    }
    let mut builder =
        GoogleCloudStorageBuilder::new().with_bucket_name(bucket).with_client_options(options).with_retry(retry(http));
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(&endpoint.url);
    }
    if credentials == Credentials::Anonymous {
        // Puts ask for credentials although no signature is wanted.
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        builder = builder.with_skip_signature(true).with_credentials(Arc::new(nobody));
    } else {
        for name in ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"] {
            if variables.get(name).is_some_and(|value| value.trim_start().starts_with('{')) {
                // The client would repeat it as a file's name.
                let words = "holds a key, and not the path of its file; GOOGLE_SERVICE_ACCOUNT_KEY takes that";
                return Err(RunError::Broken(format!("{name} {words}")));
            }
        }
        for (key, value) in variables.settings(&TABLE)? {
            builder = builder.with_config(key, value);
        }
    }
    let store = builder.build().map_err(|error| unbuildable(&error))?;
    if credentials == Credentials::Instance {
        granted(store.credentials().get_credential()).await.map_err(|why| missing(&why))?;
    }
    Ok(Arc::new(store))
}

fn endpoint(variables: Variables<'_>) -> Result<Option<Endpoint>, RunError> {
    let Some((name, text)) = variables.first(&ENDPOINTS) else { return Ok(None) };
    // A host alone is meant as one that is spoken to in clear.
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    // Some clients want it with the path of the protocol that they speak.
    let text = text.trim_end_matches('/').trim_end_matches("/storage/v1");
    Endpoint::parse(name, text, variables).map(Some)
}
