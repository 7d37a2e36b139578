//! Values of HTTP headers, and the API's `retryAfter`, which says the same as one of them.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::time::Time;

/// The longest wait that a header is taken to ask for, some 136 years: short enough to be added to any point in time.
const LONGEST_WAIT: Duration = Duration::from_secs(u32::MAX as u64);

/// How long a `Retry-After` asks to wait: seconds, or until an HTTP date; no time where that has passed.
pub fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim_matches([' ', '\t']);
    if is_digits(text) {
        // What is too large for a number is a long wait too.
        return Some(text.parse().map_or(LONGEST_WAIT, Duration::from_secs).min(LONGEST_WAIT));
    }
    Some(Time::from_http_date(text)?.until().min(LONGEST_WAIT))
}

/// How long `retryAfter` in the JSON of an error body, or of its `error`, asks to wait: until a time in RFC 3339, or
/// what else a `Retry-After` may say.
pub fn retry_after_in(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Body {
        retry_after: Value,
        error: Value,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    let wait = match [&body.retry_after, &body.error["retryAfter"]].into_iter().find(|said| !said.is_null())? {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok()?,
        Value::String(text) => Time::from_rfc3339(text).map_or_else(|| retry_after(text), |time| Some(time.until()))?,
        _ => return None,
    };
    Some(wait.min(LONGEST_WAIT))
}

/// The `Content-Range` of a 206: `bytes 5-9/10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Where the part begins, counted from 0.
    pub first: u64,
    /// Its last byte.
    pub last: u64,
    /// The whole file's length in bytes, where that is said.
    pub whole: Option<u64>,
}

impl ContentRange {
    /// Reads a range of bytes; `None` if it is one of something else, of no bytes (`bytes */10`), or contradicts
    /// itself: by RFC 9110 such a part may not be put together with others.
    pub fn parse(text: &str) -> Option<Self> {
        let (unit, said) = text.trim_matches([' ', '\t']).split_once(' ')?;
        let (range, whole) = said.trim_start_matches(' ').split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let whole = if whole == "*" { None } else { Some(number(whole)?) };
        let sound = first <= last && whole.is_none_or(|whole| last < whole);
        (unit.eq_ignore_ascii_case("bytes") && sound).then_some(Self { first, last, whole })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/", self.first, self.last)?;
        match self.whole {
            Some(whole) => write!(f, "{whole}"),
            None => f.write_str("*"),
        }
    }
}

/// A number of digits alone, without the sign that `parse` would take.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_digits(text))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn in_a_minute() -> Time {
        Time::from_unix_millis(jiff::Timestamp::now().as_millisecond() + 60_000).unwrap()
    }

    #[rstest]
    #[case::seconds("120", Some(120))]
    #[case::blanks(" 120\t", Some(120))]
    #[case::at_once("0", Some(0))]
    #[case::more_than_any_clock_has("18446744073709551615", Some(u64::from(u32::MAX)))]
    #[case::more_than_any_number_has("99999999999999999999999999", Some(u64::from(u32::MAX)))]
    #[case::a_date_long_past("Sun, 06 Nov 1994 08:49:37 GMT", Some(0))]
    #[case::the_date_of_rfc_850("Sunday, 06-Nov-94 08:49:37 GMT", Some(0))]
    #[case::the_date_of_asctime("Sun Nov  6 08:49:37 1994", Some(0))]
    #[case::a_date_far_away("Fri, 01 Jan 9999 00:00:00 GMT", Some(u64::from(u32::MAX)))]
    #[case::a_word("soon", None)]
    #[case::nothing("", None)]
    #[case::a_sign("+5", None)]
    #[case::below_zero("-1", None)]
    #[case::a_fraction("1.5", None)]
    #[case::digits_of_another_script("\u{0661}", None)]
    #[case::a_day_that_is_none("Sun, 31 Feb 1994 08:49:37 GMT", None)]
    fn retry_after_is_seconds_or_a_date(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(retry_after(text), seconds.map(Duration::from_secs));
    }

    #[test]
    fn a_date_is_waited_for() {
        let wait = retry_after(&in_a_minute().to_http_date().unwrap()).unwrap();
        assert!((58..=60).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn retry_after_may_stand_in_the_body() {
        let wait = retry_after_in(format!("{{\"retryAfter\": \"{}\"}}", in_a_minute()).as_bytes()).unwrap();
        assert!((58..=60).contains(&wait.as_secs()), "{wait:?}");
        for body in
            [r#"{"retryAfter": 5}"#, r#"{"retryAfter": "5"}"#, r#"{"error": {"message": "m", "retryAfter": 5.0}}"#]
        {
            assert_eq!(retry_after_in(body.as_bytes()), Some(Duration::from_secs(5)), "{body}");
        }
        for body in [r#"{"retryAfter": -5}"#, r#"{"retryAfter": "soon"}"#, r#"{"retryAfter": [5]}"#, "{}", "busy"] {
            assert_eq!(retry_after_in(body.as_bytes()), None, "{body}");
        }
    }

    #[rstest]
    #[case::plain("bytes 5-9/10", Some((5, 9, Some(10))))]
    #[case::of_unknown_length("bytes 5-9/*", Some((5, 9, None)))]
    #[case::one_byte("bytes 0-0/1", Some((0, 0, Some(1))))]
    #[case::another_case(" Bytes  5-9/10", Some((5, 9, Some(10))))]
    #[case::the_largest("bytes 0-18446744073709551614/18446744073709551615", Some((0, u64::MAX - 1, Some(u64::MAX))))]
    #[case::no_range("bytes */10", None)]
    #[case::another_unit("items 5-9/10", None)]
    #[case::no_unit("5-9/10", None)]
    #[case::no_blank("bytes5-9/10", None)]
    #[case::as_in_a_request("bytes=5-9/10", None)]
    #[case::nothing("", None)]
    #[case::a_unit_alone("bytes", None)]
    #[case::no_first("bytes -5/10", None)]
    #[case::no_last("bytes 5-/10", None)]
    #[case::no_length("bytes 5-9", None)]
    #[case::a_length_that_is_none("bytes 5-9/ten", None)]
    #[case::backwards("bytes 9-5/10", None)]
    #[case::behind_the_end("bytes 5-10/10", None)]
    #[case::a_sign("bytes +5-9/10", None)]
    #[case::too_large("bytes 0-18446744073709551616/*", None)]
    fn a_range_begins_and_a_file_ends_where_content_range_says(
        #[case] text: &str,
        #[case] said: Option<(u64, u64, Option<u64>)>,
    ) {
        let range = ContentRange::parse(text).map(|range| (range.first, range.last, range.whole));
        assert_eq!(range, said);
    }
}
