//! Text from elsewhere, made fit to be shown.

/// `text` made fit for a terminal and a log: control and formatting characters become spaces, a row of spaces becomes
/// one, and of more than `limit` characters the rest becomes `…`.
pub fn printable(text: &str, limit: usize) -> String {
    let mut words = String::new();
    for word in text.split(|c: char| is_hidden(c) || c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.chars().count() > limit {
            return words.chars().take(limit).chain(['…']).collect();
        }
    }
    words
}

/// Whether a character steers a terminal, or can't be seen: a control character, or one of Unicode's that only set
/// direction, joining or breaks.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_network_can_not_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\n\u{202e}c  d", 100), "a [31mb c d");
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}
