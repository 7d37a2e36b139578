//! Text from the network as the page shows it: as text, whatever is in it.

use std::borrow::Cow;
use std::fmt;

use maud::{Markup, html};

/// `text` with its control characters made visible, but for ends of lines and tabs: a browser would drop them, or show
/// nothing.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let is_shown = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        c if is_shown(c) => c,
        '\u{7f}' => '\u{2421}',
        // The pictures of the first 32 characters stand in their order.
        c => char::from_u32(0x2400 + u32::from(c)).filter(|_| c < ' ').unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(shown).collect())
}

/// `text` on its own: whichever way it is written, what stands around it stays where it is.
pub(super) fn isolated(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

/// A word of the API as people write it: `VIDEO` is "Video", `topView` "Top view". What looks like no word stays.
pub(super) fn word(text: &str) -> Cow<'_, str> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_alphabetic()) {
        return visible(text);
    }
    let mut words = String::new();
    let is_shouted = text.bytes().all(|c| c.is_ascii_uppercase());
    for (at, c) in text.char_indices() {
        if at > 0 && c.is_ascii_uppercase() && !is_shouted {
            words.push(' ');
        }
        words.push(if at == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    Cow::Owned(words)
}

/// A number of bytes, as people read it.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64 / 1024.0;
        if value < 1.0 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 0;
        // What is rounded to 1024 belongs to the next one.
        while value >= 1023.95 && unit + 1 < UNITS.len() {
            (value, unit) = (value / 1024.0, unit + 1);
        }
        let digits = usize::from(value < 99.95);
        write!(f, "{value:.digits$} {}", UNITS[unit])
    }
}

/// So many of something.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_seen_and_other_text_stays_as_it_is() {
        assert_eq!(visible("a\0b\u{1b}[31m\u{7f}\u{85}\rx\r\ny\tz"), "a␀b␛[31m␡\u{fffd}␍x\ny\tz");
        for text in ["", "🦊 Füchschen", "\u{202e}abc", "<script>"] {
            assert!(matches!(visible(text), Cow::Borrowed(shown) if shown == text));
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_isolated() {
        assert_eq!(
            isolated("</bdi><script>\"'&\u{202e}").into_string(),
            "<bdi>&lt;/bdi&gt;&lt;script&gt;&quot;'&amp;\u{202e}</bdi>"
        );
    }

    #[test]
    fn words_of_the_api_are_written_as_people_do() {
        for (text, shown) in [
            ("VIDEO", "Video"),
            ("topView", "Top view"),
            ("side", "Side"),
            ("IMAGE_2", "IMAGE_2"),
            ("", ""),
            ("ü", "ü"),
        ] {
            assert_eq!(word(text), shown);
        }
    }

    #[test]
    fn sizes_have_a_unit_that_fits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (21_811, "21.3 KiB"),
            (102_400, "100 KiB"),
            (1_048_570, "1.0 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
    }
}
