//! One line of an ID list.

use serde::Deserialize;
use serde_json::Value;

use super::Entry;
use crate::outcome::Status;
use crate::text::is_hidden;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// No element that is to be taken: blank, a comment, a header, a report's line about what has no ID or has not
    /// failed.
    Nothing,
    Entry(Entry),
    /// What is wrong with it.
    Bad(String),
}

/// Parses the lines of one list.
pub(super) struct LineParser {
    /// Whether the next line that says something can be no header.
    begun: bool,
    only_failed: bool,
}

impl LineParser {
    /// A parser of a list that may begin with a header, or not; `only_failed` takes of JSON only the lines whose status
    /// is a failure.
    pub(super) fn new(may_have_header: bool, only_failed: bool) -> Self {
        Self { begun: !may_have_header, only_failed }
    }

    /// Reads a line, given with or without its end.
    pub(super) fn parse(&mut self, line: &[u8]) -> Parsed {
        let line = match std::str::from_utf8(line) {
            Ok(line) => line,
            // What a comment says may be in any encoding.
            Err(error) => match before_comment(&line[..error.valid_up_to()]) {
                Some(line) => line,
                None => return Parsed::Bad(self.unreadable(line).into()),
            },
        };
        let line = if self.begun { line } else { line.trim_start_matches('\u{feff}') };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Parsed::Nothing;
        }
        let first = !std::mem::replace(&mut self.begun, true);
        match line.chars().next() {
            Some('{') => json(line, self.only_failed),
            Some('[') => Parsed::Bad("a JSON array is no list: an object a line is one (jq -c '.[]')".into()),
            _ => text(line, first),
        }
    }

    /// What is to be said of a `line` that is no text.
    fn unreadable(&self, line: &[u8]) -> &'static str {
        match line {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if !self.begun => "the list is UTF-16 text: save it as UTF-8",
            [b'P', b'K', 3, 4, ..] if !self.begun => "the list is a spreadsheet or an archive: save it as CSV",
            _ => "the line is no UTF-8 text",
        }
    }
}

/// The text of a line whose comment is no text; `None` where it has none.
fn before_comment(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok().filter(|line| !line.trim_start().starts_with('{'))?;
    line.contains('#').then_some(line)
}

/// `id`, or `id` and `email` in columns, with a trailing comment; each may be quoted, as spreadsheets do it.
fn text(line: &str, first: bool) -> Parsed {
    if let Some((id, rest)) = quoted_field(line) {
        return columns(&id, rest, first);
    }
    let (id, rest) = line.split_once(is_gap).unwrap_or((line, ""));
    // No ID has a # in it, but an email may: there a comment needs a blank before it.
    let (id, rest) = id.split_once('#').map_or((id, rest), |(id, _)| (id, ""));
    columns(id, rest, first)
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c == ','
}

/// The field in quotes that `text` begins with, and what follows it; none where something else begins or follows.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut left = text.strip_prefix('"')?;
    loop {
        let (part, rest) = left.split_once('"')?;
        field.push_str(part);
        left = match rest.strip_prefix('"') {
            // A quote in a field is written twice.
            Some(after) => after,
            None if rest.is_empty() || rest.starts_with(is_gap) || rest.starts_with('#') => {
                return Some((field.trim().to_owned(), rest));
            }
            None => return None,
        };
        field.push('"');
    }
}

/// `id`, and perhaps an email in the `rest` of its line.
fn columns(id: &str, rest: &str, first: bool) -> Parsed {
    let rest = rest.trim_matches(is_gap);
    if let Some((email, rest)) = quoted_field(rest)
        && (rest.is_empty() || rest.trim_start_matches(is_gap).starts_with('#'))
    {
        return row(id, &email, first);
    }
    // No host has a # in it, but the name before it may: there a comment needs a blank before it.
    let begins_comment = |at: usize| {
        let before = &rest[..at];
        before.is_empty() || before.ends_with(char::is_whitespace) || before.contains('@')
    };
    let comment = rest.match_indices('#').map(|(at, _)| at).find(|&at| begins_comment(at));
    let email = &rest[..comment.unwrap_or(rest.len())];
    row(id, email.trim_matches(is_gap), first)
}

/// What the columns `id` and `email` come to; in a `first` line they may be a header.
fn row(id: &str, email: &str, first: bool) -> Parsed {
    if first && id.eq_ignore_ascii_case("id") && (email.is_empty() || email.eq_ignore_ascii_case("email")) {
        return Parsed::Nothing;
    }
    entry(id, Some(email))
}

/// An object with `id` and perhaps `email`; of a report also `status`.
fn json(line: &str, only_failed: bool) -> Parsed {
    #[derive(Deserialize)]
    struct Wire {
        id: Value,
        #[serde(default)]
        email: Value,
        #[serde(default)]
        status: Value,
    }
    match serde_json::from_str::<Wire>(line) {
        Ok(Wire { id: Value::Null, .. }) => Parsed::Nothing,
        Ok(Wire { status, .. }) if only_failed && !has_failed(&status) => Parsed::Nothing,
        Ok(Wire { id: Value::String(id), email: Value::Null, .. }) => entry(&id, None),
        Ok(Wire { id: Value::String(id), email: Value::String(email), .. }) => entry(&id, Some(&email)),
        Ok(_) => Parsed::Bad("its \"id\" or \"email\" is no string".into()),
        Err(error) => {
            let error = error.to_string();
            // serde counts the lines of this one line.
            let what = error.split(" at line ").next().unwrap_or(&error);
            Parsed::Bad(format!("not a JSON object with an \"id\": {what}"))
        }
    }
}

fn has_failed(status: &Value) -> bool {
    Status::deserialize(status).is_ok_and(Status::is_flawed)
}

fn entry(id: &str, email: Option<&str>) -> Parsed {
    let email = email.filter(|email| !email.is_empty());
    match (id.parse(), email) {
        (Err(_), _) if id.is_empty() => Parsed::Bad("the ID is empty".into()),
        (Err(_), _) if id.contains(';') => {
            Parsed::Bad(format!("{} is not an element ID: a comma, a tab or blanks divide columns", quoted(id)))
        }
        (Err(error), _) => Parsed::Bad(format!("{} is {error}", quoted(id))),
        (Ok(_), Some(email)) if email.contains(is_gap) => {
            Parsed::Bad(format!("{} is no account email: there are two columns, ID and email", quoted(email)))
        }
        (Ok(_), Some(email)) if !is_email(email) => Parsed::Bad(format!("{} is no account email", quoted(email))),
        (Ok(id), _) => Parsed::Entry(Entry { id, email: email.map(str::to_owned) }),
    }
}

/// The beginning of `text` with everything in it made visible.
fn quoted(text: &str) -> String {
    let head: String = text.chars().take(80).collect();
    format!("{head:?}{}", if head.len() < text.len() { "…" } else { "" })
}

/// Whether `text` can be an account's email: what a list's second column can hold.
pub fn is_email(text: &str) -> bool {
    let plain = text.len() <= 320 && !text.chars().any(|c| c.is_whitespace() || is_hidden(c) || c == ',');
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains(['"', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn parse(line: &str) -> Parsed {
        let mut parser = LineParser::new(true, false);
        parser.parse(b"first");
        parser.parse(line.as_bytes())
    }

    #[rstest]
    #[case::plain("u_1", "u_1", None)]
    #[case::crlf("u_1\r\n", "u_1", None)]
    #[case::blanks("  u_1  ", "u_1", None)]
    #[case::comment("u_1 # the first", "u_1", None)]
    #[case::comment_close_by("u_1# the first", "u_1", None)]
    #[case::spaces("u_1   a@b.c", "u_1", Some("a@b.c"))]
    #[case::tab("u_1\ta@b.c", "u_1", Some("a@b.c"))]
    #[case::comma("u_1,a@b.c", "u_1", Some("a@b.c"))]
    #[case::comma_and_blank("u_1, a@b.c # his", "u_1", Some("a@b.c"))]
    #[case::empty_column("u_1,", "u_1", None)]
    #[case::comment_behind_email("u_1,a@b.c#his", "u_1", Some("a@b.c"))]
    #[case::comment_close_behind_email("u_1 a@b.c# his", "u_1", Some("a@b.c"))]
    #[case::comment_behind_quotes("\"u_1\"# the first", "u_1", None)]
    #[case::comment_behind_both_quoted("\"u_1\",\"a@b.c\"# his", "u_1", Some("a@b.c"))]
    #[case::hash_in_email("u_1 a#1@b.c\t# his", "u_1", Some("a#1@b.c"))]
    #[case::quoted("\"u_1\"", "u_1", None)]
    #[case::both_quoted("\"u_1\",\"a@b.c\"\r\n", "u_1", Some("a@b.c"))]
    #[case::email_quoted("u_1,\"a@b.c\" # his", "u_1", Some("a@b.c"))]
    #[case::id_quoted("\"u_1\"\ta@b.c", "u_1", Some("a@b.c"))]
    #[case::empty_column_quoted("\"u_1\",\"\"", "u_1", None)]
    #[case::email_with_a_quoted_name("u_1,\"a\"@b.c", "u_1", Some("\"a\"@b.c"))]
    #[case::quotes_in_quotes("u_1,\"\"\"a\"\"@b.c\"", "u_1", Some("\"a\"@b.c"))]
    #[case::json("{\"id\":\"u_1\"}", "u_1", None)]
    #[case::json_with_email(
        "{\"x\":[1],\"id\":\"u_1\",\"email\":\"a@b.c\",\"status\":\"failed\"}",
        "u_1",
        Some("a@b.c")
    )]
    #[case::json_without_email("{\"id\":\"u_1\",\"email\":null}", "u_1", None)]
    #[case::called_id_further_down("id", "id", None)]
    fn a_line_names_an_element(#[case] line: &str, #[case] id: &str, #[case] email: Option<&str>) {
        let expected = Entry { id: id.parse().unwrap(), email: email.map(str::to_owned) };
        assert_eq!(parse(line), Parsed::Entry(expected));
    }

    #[rstest]
    #[case("")]
    #[case("   \t")]
    #[case("# a comment")]
    #[case("{\"schema\":1,\"id\":null,\"source\":\"x:1\",\"status\":\"failed\"}")]
    fn a_line_may_name_nothing(#[case] line: &str) {
        assert_eq!(parse(line), Parsed::Nothing);
    }

    #[rstest]
    #[case::path("../../etc/passwd")]
    #[case::dots("..")]
    #[case::too_long(&"x".repeat(65))]
    #[case::two_ids("u_1 u_2")]
    #[case::three_columns("u_1 a@b.c d@e.f")]
    #[case::json_without_id("{\"name\":\"x\"}")]
    #[case::json_with_a_number("{\"id\":5}")]
    #[case::broken_json("{\"id\":")]
    #[case::comment_in_json("{\"id\":\"u_1\",\"email\":\"a@b.c#his\"}")]
    #[case::bad_id_in_json("{\"id\":\"a/b\"}")]
    #[case::quote_that_is_not_closed("\"u_1")]
    #[case::quote_that_is_closed_too_soon("\"u\"_1")]
    #[case::quoted_gap("\"u_1,a@b.c\"")]
    #[case::three_quoted_columns("\"u_1\",\"a@b.c\",\"x\"")]
    #[case::json_with_an_email_in_quotes("{\"id\":\"u_1\",\"email\":\"\\\"a@b.c\\\"\"}")]
    #[case::array("[\"u_1\"]")]
    #[case::nul("u_\u{0}1")]
    #[case::email_that_is_read_backwards("u_1 a\u{202e}@b.c")]
    #[case::email_with_what_is_not_seen("u_1 a\u{200b}@b.c")]
    fn a_line_may_be_bad(#[case] line: &str) {
        assert!(matches!(parse(line), Parsed::Bad(_)), "{:?}", parse(line));
    }

    #[rstest]
    #[case("u_1", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"failed\"}", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"incomplete\"}", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"damaged\"}", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"missing\"}", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"missing_manifest\"}", true)]
    #[case("{\"id\":\"u_1\",\"status\":\"unchanged\"}", false)]
    #[case("{\"id\":\"u_1\",\"status\":\"gone\"}", false)]
    #[case("{\"id\":\"u_1\",\"status\":7}", false)]
    #[case("{\"id\":\"u_1\"}", false)]
    fn of_a_report_only_what_failed_may_be_taken(#[case] line: &str, #[case] is_taken: bool) {
        let parsed = LineParser::new(true, true).parse(line.as_bytes());
        assert_eq!(parsed != Parsed::Nothing, is_taken, "{parsed:?}");
    }

    #[rstest]
    #[case("id")]
    #[case("id,email")]
    #[case("id\temail")]
    #[case("\u{feff}id,email\r\n")]
    #[case("\u{feff}\"id\",\"email\"\r\n")]
    #[case("\"ID\"")]
    fn a_first_line_may_be_a_header(#[case] line: &str) {
        let mut parser = LineParser::new(true, false);
        assert_eq!(parser.parse(b"# comment"), Parsed::Nothing);
        assert_eq!(parser.parse(line.as_bytes()), Parsed::Nothing);
        assert!(matches!(parser.parse(b"id"), Parsed::Entry(_)));
    }

    #[rstest]
    #[case(b"# caf\xe9", None)]
    #[case(b"u_1 # M\xfcller", Some("u_1"))]
    #[case(b"u_1 a@b.c#\xe9", Some("u_1"))]
    fn a_comment_may_be_in_any_encoding(#[case] line: &[u8], #[case] id: Option<&str>) {
        let expected = id.map(|id| id.parse().unwrap());
        match LineParser::new(true, false).parse(line) {
            Parsed::Nothing => assert_eq!(None, expected),
            Parsed::Entry(entry) => assert_eq!(Some(entry.id), expected),
            Parsed::Bad(message) => panic!("{message}"),
        }
    }

    #[rstest]
    #[case::utf16(b"\xff\xfeu\x001\x00", "save it as UTF-8")]
    #[case::spreadsheet(b"PK\x03\x04\xff", "save it as CSV")]
    #[case::id_in_another_encoding(b"u_\xe9 # his", "no UTF-8 text")]
    #[case::json(b"{\"id\":\"u_1\",\"name\":\"#\xe9\"}", "no UTF-8 text")]
    #[case::semicolons(b"u_1;a@b.c", "a comma, a tab or blanks")]
    #[case::a_column_too_many(b"u_1,Rex,a@b.c", "two columns")]
    #[case::empty_columns(b",,", "is empty")]
    fn a_bad_line_is_said_to_be_what_it_is(#[case] line: &[u8], #[case] words: &str) {
        let Parsed::Bad(message) = LineParser::new(true, false).parse(line) else { panic!("{line:?} is taken") };
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert!(matches!(LineParser::new(true, false).parse("\u{feff}u_1".as_bytes()), Parsed::Entry(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic_and_every_entry_is_safe(line in any::<Vec<u8>>()) {
            if let Parsed::Entry(entry) = LineParser::new(true, false).parse(&line) {
                prop_assert!(entry.id.as_str().len() <= 64 && !entry.id.as_str().contains(['/', '.']));
            }
        }
    }
}
