//! A link to an asset, as the API gives it: parsed once, since parsing is what an element costs most after its bytes.

use url::Url;

/// A link, signed query and all. What is no URL is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link(Result<Url, String>);

impl Link {
    /// The whole link.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Ok(url) => url.as_str(),
            Err(text) => text,
        }
    }

    /// The URL to ask.
    ///
    /// # Errors
    /// It is none.
    pub fn url(&self) -> Result<Url, url::ParseError> {
        match &self.0 {
            Ok(url) => Ok(url.clone()),
            Err(text) => Url::parse(text),
        }
    }

    /// The URL's path, or where it is no URL, what stands before a query or fragment.
    pub fn path(&self) -> &str {
        match &self.0 {
            Ok(url) if !url.cannot_be_a_base() => url.path(),
            Ok(_) | Err(_) => without_query(self.as_str()),
        }
    }

    /// The link without what may be secret in it: user, password, query, fragment. One that is no web address is cut
    /// short.
    pub fn public(&self) -> String {
        match &self.0 {
            Ok(url) if url.has_host() => {
                let mut url = url.clone();
                // The two can only fail for URLs without a host.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.set_fragment(None);
                url.into()
            }
            Ok(_) | Err(_) => {
                let rest = without_query(self.as_str());
                rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).chars().take(100).collect()
            }
        }
    }
}

impl From<String> for Link {
    fn from(text: String) -> Self {
        Self(Url::parse(&text).map_err(|_| text))
    }
}

impl From<&str> for Link {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_link_holds_no_secret() {
        let public = |link: &str| Link::from(link).public();
        assert_eq!(public("https://u:p@h.example/a.png?sig=s#f"), "https://h.example/a.png");
        assert_eq!(public("not a url?sig=s"), "not a url");
        assert_eq!(public("//user:secret@host/x"), "host/x");
        assert_eq!(public(&format!("data:image/png;base64,{}", "A".repeat(500))).len(), 100);
    }

    #[test]
    fn a_path_is_what_the_server_is_asked_for() {
        let path = |link: &str| Link::from(link).path().to_owned();
        assert_eq!(path("https://h.example/a/../b c.png?sig=s#f"), "/b%20c.png");
        assert_eq!(path("not a url?sig=s"), "not a url");
        assert_eq!(path("data:image/png,x?y"), "data:image/png,x");
    }
}
