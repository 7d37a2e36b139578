//! `AZURE_STORAGE_CONNECTION_STRING`: an account, its endpoint and its credentials in one text.

/// What a connection string says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionString {
    /// The account's name.
    pub(super) account: Option<String>,
    /// Its key, in Base64.
    pub(super) key: Option<String>,
    /// Its shared access signature: a URL's query.
    pub(super) signature: Option<String>,
    /// Where its blobs are.
    pub(super) endpoint: Option<String>,
    /// Whether the emulator of this machine is meant.
    pub(super) is_development: bool,
}

impl ConnectionString {
    /// Reads `text`, whose entries are `Name=value`, set apart by semicolons.
    ///
    /// # Errors
    /// It is not of this form; in words, which tell nothing that it holds.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut said = Self::default();
        let (mut protocol, mut suffix) = ("https".to_owned(), "core.windows.net".to_owned());
        for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, value) = entry.split_once('=').ok_or("an entry is not of the form Name=value")?;
            let value = value.trim().to_owned();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => said.account = Some(value),
                "accountkey" => said.key = Some(value),
                "sharedaccesssignature" => said.signature = Some(value),
                "blobendpoint" => said.endpoint = Some(value),
                "defaultendpointsprotocol" => protocol = value,
                "endpointsuffix" => suffix = value,
                "usedevelopmentstorage" => said.is_development = value.eq_ignore_ascii_case("true"),
                // Of queues, tables and files.
                _ => {}
            }
        }
        if said.is_development {
            return Ok(said);
        }
        if said.endpoint.is_none() {
            let account = said.account.as_ref().ok_or("it names neither AccountName nor BlobEndpoint")?;
            said.endpoint = Some(format!("{protocol}://{account}.blob.{suffix}"));
        }
        if said.account.is_none() {
            said.account = said.endpoint.as_deref().and_then(account_of);
        }
        Ok(said)
    }
}

/// The account whose endpoint it is: the first label of its host, or of one without labels, as of an emulator, the
/// first part of the path.
pub(super) fn account_of(endpoint: &str) -> Option<String> {
    let url = url::Url::parse(endpoint).ok()?;
    if let Some((account, _)) = url.domain().and_then(|name| name.split_once('.')) {
        return Some(account.to_owned());
    }
    url.path_segments()?.next().filter(|account| !account.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_names_the_account_and_its_endpoint() {
        let said = |text| ConnectionString::parse(text).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let full = said(
            "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn",
        );
        assert_eq!((full.account, full.key), (some("acc"), some("a2V5==")));
        assert_eq!(full.endpoint, some("https://acc.blob.core.chinacloudapi.cn"));
        let signed = said(
            "BlobEndpoint=https://acc.blob.core.windows.net/;QueueEndpoint=x;SharedAccessSignature=sv=1&sig=a%3D;",
        );
        assert_eq!((signed.account, signed.signature), (some("acc"), some("sv=1&sig=a%3D")));
        assert_eq!(signed.endpoint, some("https://acc.blob.core.windows.net/"));
        let local =
            said("AccountName=devstoreaccount1;accountkey=a2V5;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;");
        assert_eq!(local.endpoint, some("http://127.0.0.1:10000/devstoreaccount1"));
        assert!(said("UseDevelopmentStorage=true").is_development);
    }

    #[test]
    fn what_is_no_connection_string_is_told_without_repeating_it() {
        for text in ["AccountName=a;c2VjcmV0", "AccountKey=c2VjcmV0"] {
            let words = ConnectionString::parse(text).unwrap_err();
            assert!(!words.contains("c2VjcmV0"), "{words}");
        }
    }
}
