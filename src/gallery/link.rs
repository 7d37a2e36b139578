//! Links from the page to the mirror's files.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Whatever has a meaning in a URL, or might have one somewhere.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The link to what lies at these names, each in the one before. It can't be taken for one with a scheme or a host.
pub(super) fn link<const N: usize>(names: [&str; N]) -> String {
    let path = names.map(|name| utf8_percent_encode(name, ENCODED).to_string()).join("/");
    if path.starts_with(|c: char| c.is_ascii_alphanumeric()) { path } else { format!("./{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_path_below_the_page_whatever_the_names_are() {
        assert_eq!(link(["u_1", "side-2.png"]), "u_1/side-2.png");
        assert_eq!(link(["_x", "cover.jpg"]), "./_x/cover.jpg");
        assert_eq!(link([".element-mirror", "history"]), "./.element-mirror/history");
        assert_eq!(link(["javascript:alert(1)", ""]), "javascript%3Aalert%281%29/");
        assert_eq!(link(["//host", "?a#b%c\"'<é"]), "./%2F%2Fhost/%3Fa%23b%25c%22%27%3C%C3%A9");
    }
}
