//! A link to an asset, as the API gives it. It is parsed only when it has to be: the path of most links can be read as
//! it stands, and for an element that is unchanged nothing else is needed.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::OnceLock;

use url::{ParseError, Url};

/// A link, signed query and all. What is no URL is kept as it came.
#[derive(Clone, Debug)]
pub struct Link {
    text: String,
    /// Where the path is in the text, if the link is written so plainly that no parser is needed.
    plain: Option<Range<usize>>,
    url: OnceLock<Result<Url, ParseError>>,
}

impl Link {
    /// The whole link, as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL to ask.
    ///
    /// # Errors
    /// The link is no URL.
    pub fn url(&self) -> Result<&Url, ParseError> {
        self.url.get_or_init(|| Url::parse(&self.text)).as_ref().map_err(|error| *error)
    }

    /// The URL's path; of a link that is no URL, what stands before a query or fragment.
    pub fn path(&self) -> &str {
        if let Some(path) = &self.plain {
            return &self.text[path.clone()];
        }
        match self.url() {
            Ok(url) if !url.cannot_be_a_base() => url.path(),
            Ok(_) | Err(_) => without_query(&self.text),
        }
    }

    /// The link without what may be secret in it: user, password, query and fragment. Of one that is no web address at
    /// most 100 characters are left.
    pub fn public(&self) -> String {
        if let Some(path) = &self.plain {
            return self.text[..path.end].to_owned();
        }
        match self.url() {
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
                let rest = without_query(&self.text);
                rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).chars().take(100).collect()
            }
        }
    }
}

impl From<String> for Link {
    fn from(text: String) -> Self {
        Self { plain: plain_path(&text), text, url: OnceLock::new() }
    }
}

impl From<&str> for Link {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq for Link {
    /// Whether both are the same URL, however they are written.
    fn eq(&self, other: &Self) -> bool {
        let is_same = || matches!((self.url(), other.url()), (Ok(one), Ok(other)) if one == other);
        self.text == other.text || self.path() == other.path() && is_same()
    }
}

impl Eq for Link {}

/// The path of a link, as [`Link::path`] gives it.
pub(crate) fn path_of(link: &str) -> Cow<'_, str> {
    match plain_path(link) {
        Some(path) => link[path].into(),
        None => Link::from(link).path().to_owned().into(),
    }
}

/// Where the path is in a link that is written just as a parser would write it, without a user; `None` where only a
/// parser can tell.
fn plain_path(text: &str) -> Option<Range<usize>> {
    let link = without_query(text);
    let (rest, default_port) = match link.strip_prefix("https://") {
        Some(rest) => (rest, "443"),
        None => (link.strip_prefix("http://")?, "80"),
    };
    let (authority, path) = rest.split_at(rest.find('/')?);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    // A parser leaves out the scheme's own port, and zeros in front of any.
    let is_plain_port =
        |port: &str| port != default_port && port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    // A segment of dots would be resolved.
    let is_plain = is_plain_host(host)
        && port.is_none_or(is_plain_port)
        && path.bytes().all(is_plain_byte)
        && !path.contains("/.");
    is_plain.then_some(link.len() - path.len()..link.len())
}

/// Whether a host is a name in ASCII, or an IPv4 address in four numbers. (A host that ends in a number may be an
/// address in another notation, and is left to the parser.)
fn is_plain_host(host: &str) -> bool {
    let is_plain = |label: &str| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let ends_in_a_name =
        host.rsplit('.').next().is_some_and(|label| label.starts_with(|c: char| c.is_ascii_lowercase()));
    ends_in_a_name && host.split('.').all(is_plain) || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether a byte of a path means itself.
fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$')
        || b"&'()*+,;=:@".contains(&byte)
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn a_public_link_holds_no_secret() {
        let public = |link: &str| Link::from(link).public();
        assert_eq!(public("https://u:p@h.example/a.png?sig=s#f"), "https://h.example/a.png");
        assert_eq!(public("https://h.example/a.png?sig=s#f"), "https://h.example/a.png");
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

    #[test]
    fn links_that_are_written_in_two_ways_are_one() {
        assert_eq!(Link::from("https://h.example/a.png?s"), Link::from("HTTPS://h.example:443/a.png?s"));
        assert_ne!(Link::from("https://h.example/a.png?s"), Link::from("https://h.example/a.png?t"));
        assert_ne!(Link::from("https://h.example/a.png"), Link::from("http://h.example/a.png"));
        assert_eq!(Link::from("no url"), Link::from("no url"));
    }

    #[rstest]
    #[case::a_cdn("https://s21-kling.klingai.com/ai-platform/bs2/upload/a.png?x-kcdn-pid=112452")]
    #[case::a_port("http://127.0.0.1:8080/cover.jpg")]
    fn a_usual_link_needs_no_parser(#[case] link: &str) {
        assert!(plain_path(link).is_some());
    }

    #[rstest]
    #[case::a_default_port("https://h.example:443/a.png")]
    #[case::a_zero_in_front("https://h.example:08443/a.png")]
    #[case::a_user("https://u@h.example/a.png")]
    #[case::dots("https://h.example/a/../b.png")]
    #[case::an_escape("https://h.example/%2e/b.png")]
    #[case::another_notation_of_an_address("https://127.1/a.png")]
    #[case::a_host_that_may_be_none("https://xn--a.example/a.png")]
    #[case::no_path("https://h.example?a")]
    fn others_do(#[case] link: &str) {
        assert!(plain_path(link).is_none());
    }

    proptest! {
        #[test]
        fn what_is_read_without_a_parser_is_what_a_parser_says(
            link in "(https?|HTTP|ftp)://([a-z0-9.:-]{0,12}|[a-zA-Z0-9.:@%_é-]{0,12}|xn--[a-z0-9]{0,4}|[0-9.x]{1,12})(:(80|443|[0-9]{0,6}))?\
                     (/[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,12}|/[.]{1,3}|/[ -~é\\\\]{0,6}){0,3}([?#][ -~]{0,6})?"
        ) {
            if let Some(path) = plain_path(&link) {
                let mut url = Url::parse(&link).unwrap();
                prop_assert_eq!(&link[path.clone()], url.path());
                url.set_query(None);
                url.set_fragment(None);
                prop_assert_eq!(&link[..path.end], url.as_str());
            }
        }
    }
}
