//! Azure Blob Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};

use super::connection_string::{ConnectionString, account_of};
use super::endpoint::{Endpoint, reach};
use super::variables::{Variables, is_yes};
use super::{client_options, granted, retry, unbuildable};
use crate::error::RunError;
use crate::http::HttpOptions;

/// The variables that are taken as they are; where two set the same, the later one wins: that of the Azure CLI.
const TABLE: [(&str, Key); 27] = [
    ("AZURE_STORAGE_ACCOUNT_NAME", Key::AccountName),
    ("AZURE_STORAGE_ACCOUNT", Key::AccountName),
    ("AZURE_STORAGE_ACCESS_KEY", Key::AccessKey),
    ("AZURE_STORAGE_ACCOUNT_KEY", Key::AccessKey),
    ("AZURE_STORAGE_KEY", Key::AccessKey),
    ("AZURE_STORAGE_SAS_KEY", Key::SasKey),
    ("AZURE_STORAGE_SAS_TOKEN", Key::SasKey),
    ("AZURE_STORAGE_TOKEN", Key::Token),
    ("AZURE_STORAGE_CLIENT_ID", Key::ClientId),
    ("AZURE_CLIENT_ID", Key::ClientId),
    ("AZURE_STORAGE_CLIENT_SECRET", Key::ClientSecret),
    ("AZURE_CLIENT_SECRET", Key::ClientSecret),
    ("AZURE_STORAGE_TENANT_ID", Key::AuthorityId),
    ("AZURE_TENANT_ID", Key::AuthorityId),
    ("AZURE_AUTHORITY_HOST", Key::AuthorityHost),
    ("AZURE_FEDERATED_TOKEN_FILE", Key::FederatedTokenFile),
    ("AZURE_MSI_ENDPOINT", Key::MsiEndpoint),
    ("IDENTITY_ENDPOINT", Key::MsiEndpoint),
    ("AZURE_OBJECT_ID", Key::ObjectId),
    ("AZURE_MSI_RESOURCE_ID", Key::MsiResourceId),
    ("AZURE_USE_AZURE_CLI", Key::UseAzureCli),
    ("AZURE_SKIP_SIGNATURE", Key::SkipSignature),
    ("AZURE_STORAGE_USE_EMULATOR", Key::UseEmulator),
    ("AZURE_USE_FABRIC_ENDPOINT", Key::UseFabricEndpoint),
    ("AZURE_DISABLE_TAGGING", Key::DisableTagging),
    ("AZURE_CREDENTIAL_TYPE", Key::CredentialType),
    ("AZURE_STORAGE_ENCRYPTION_KEY", Key::EncryptionKey),
];

/// Where the endpoint is read; the first one wins.
pub(super) const ENDPOINTS: [&str; 4] =
    ["AZURE_STORAGE_SERVICE_ENDPOINT", "AZURE_STORAGE_BLOB_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"];

/// The variable that says it all, and wins over the others.
const CONNECTION_STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";

const METADATA_DEFAULT: &str = "http://169.254.169.254";

/// Where the credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// None are needed, or they go to the store itself.
    Given,
    /// Others are got for them over https.
    Exchanged,
    /// This machine's identity.
    Instance,
}

/// What is to be set, and what it comes to.
pub(super) struct Plan {
    pub(super) settings: Vec<(Key, String)>,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) credentials: Credentials,
}

/// What the variables say.
///
/// # Errors
/// They name no account, or say what can't be done.
pub(super) fn plan(variables: Variables<'_>) -> Result<Plan, RunError> {
    let mut settings = variables.settings(&TABLE)?;
    let mut endpoint = variables.first(&ENDPOINTS);
    if let Some(text) = variables.get(CONNECTION_STRING) {
        let broken = |why| RunError::Broken(format!("{CONNECTION_STRING} can't be read: {why}"));
        let said = ConnectionString::parse(&text).map_err(broken)?;
        settings.retain(|(key, _)| !is_said_by_connection_string(*key));
        endpoint = said.endpoint.map(|url| (CONNECTION_STRING, url));
        let parts = [(Key::AccountName, said.account), (Key::AccessKey, said.key), (Key::SasKey, said.signature)];
        settings.extend(parts.into_iter().filter_map(|(key, value)| Some((key, value?))));
        if said.is_development {
            settings.push((Key::UseEmulator, "true".to_owned()));
        }
    }
    let endpoint = endpoint.map(|(name, url)| Endpoint::parse(name, &url, variables)).transpose()?;
    let credentials = credentials(&settings);
    let account = endpoint.as_ref().and_then(|endpoint| account_of(&endpoint.url));
    if !says_yes(&settings, Key::UseEmulator) && !has(&settings, Key::AccountName) {
        let account = account.ok_or_else(|| {
            let words = format!("no Azure account is named: set AZURE_STORAGE_ACCOUNT or {CONNECTION_STRING}");
            RunError::Broken(words)
        })?;
        settings.push((Key::AccountName, account));
    }
    // A signature for the store is meant for it; the client would rather use an identity.
    if has(&settings, Key::SasKey)
        && ![Key::AccessKey, Key::Token, Key::CredentialType].iter().any(|&key| has(&settings, key))
    {
        settings.push((Key::CredentialType, "sas_token".to_owned()));
    }
    Ok(Plan { settings, endpoint, credentials })
}

fn is_said_by_connection_string(key: Key) -> bool {
    matches!(key, Key::AccountName | Key::AccessKey | Key::SasKey | Key::Token | Key::UseEmulator | Key::CredentialType)
}

fn has(settings: &[(Key, String)], wanted: Key) -> bool {
    settings.iter().any(|(key, _)| *key == wanted)
}

fn says_yes(settings: &[(Key, String)], wanted: Key) -> bool {
    settings.iter().any(|(key, value)| *key == wanted && is_yes(value))
}

/// Where the credentials come from, as the client will decide.
fn credentials(settings: &[(Key, String)]) -> Credentials {
    const OF_THE_STORE: [Key; 3] = [Key::Token, Key::AccessKey, Key::SasKey];
    const NONE_NEEDED: [Key; 3] = [Key::UseEmulator, Key::SkipSignature, Key::UseAzureCli];
    let has = |key| has(settings, key);
    if OF_THE_STORE.into_iter().any(has) || NONE_NEEDED.into_iter().any(|key| says_yes(settings, key)) {
        Credentials::Given
    } else if has(Key::ClientId) && has(Key::AuthorityId) && (has(Key::ClientSecret) || has(Key::FederatedTokenFile)) {
        Credentials::Exchanged
    } else {
        Credentials::Instance
    }
}

fn missing(why: &str) -> RunError {
    RunError::Broken(format!(
        "no credentials for Azure: set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, {CONNECTION_STRING}, or \
         AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or run where there is a managed identity ({why})"
    ))
}

/// The client for `container`.
pub(super) async fn connect(
    container: &str,
    http: &HttpOptions,
    variables: Variables<'_>,
) -> Result<Arc<dyn ObjectStore>, RunError> {
    let plan = plan(variables)?;
    if plan.credentials == Credentials::Instance {
        let msi = plan.settings.iter().rfind(|(key, _)| *key == Key::MsiEndpoint);
        reach(msi.map_or(METADATA_DEFAULT, |(_, url)| url)).await.map_err(|why| missing(&why))?;
    }
    let is_plain = says_yes(&plan.settings, Key::UseEmulator) || plan.endpoint.as_ref().is_some_and(|it| it.is_plain);
    let is_sole = plan.credentials == Credentials::Given;
    let mut options = client_options(http, plan.endpoint.as_ref().filter(|_| is_sole), is_plain)?;
    if is_plain && plan.credentials != Credentials::Exchanged {
        // Without trust roots, which a slim machine may not have.
        options = options.with_no_system_certificates(true);
    }
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(container)
        .with_client_options(options)
        .with_retry(retry(http));
    for (key, value) in plan.settings {
        builder = builder.with_config(key, value);
    }
    if let Some(endpoint) = plan.endpoint {
        builder = builder.with_endpoint(endpoint.url);
    }
    let store = builder.build().map_err(|error| unbuildable(&error))?;
    if plan.credentials == Credentials::Instance {
        granted(store.credentials().get_credential()).await.map_err(|why| missing(&why))?;
    }
    Ok(Arc::new(store))
}
