//! Points in time as the mirror writes them: RFC 3339 in UTC, with milliseconds where they are not zero.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// A duration in whole milliseconds, as reports have it.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A point in time, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "Timestamp")]
pub struct Time(Timestamp);

impl Time {
    /// The time by the system's clock.
    pub fn now() -> Self {
        Timestamp::now().into()
    }

    /// From Unix time in milliseconds, as the API gives it; `None` outside the years -9999 to 9999.
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        Timestamp::from_millisecond(millis).ok().map(Self)
    }

    /// From an HTTP date in any of the three forms that RFC 9110 names: `Sun, 06 Nov 1994 08:49:37 GMT`, and of old
    /// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let of_old = |form: &str| DateTime::strptime(form, text).and_then(|time| TimeZone::UTC.to_timestamp(time));
        let timestamp = jiff::fmt::rfc2822::parse(text)
            .map(|zoned| zoned.timestamp())
            .or_else(|_| of_old("%A, %d-%b-%y %H:%M:%S GMT"))
            .or_else(|_| of_old("%a %b %e %H:%M:%S %Y"));
        timestamp.ok().map(Self)
    }

    /// From RFC 3339, as in a manifest or the API's `retryAfter`; cut to milliseconds.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        text.parse().ok().map(|timestamp: Timestamp| timestamp.into())
    }

    /// As an HTTP date, for `If-Modified-Since`; `None` before the year 0.
    pub fn to_http_date(self) -> Option<String> {
        DateTimePrinter::new().timestamp_to_rfc9110_string(&self.0).ok()
    }

    /// As people write the day: `23 Nov 2026`.
    pub fn to_day(self) -> String {
        self.0.strftime("%-d %b %Y").to_string()
    }

    /// As people write the minute: `23 Nov 2026, 08:00 UTC`.
    pub fn to_minute(self) -> String {
        self.0.strftime("%-d %b %Y, %H:%M UTC").to_string()
    }

    /// As a folder's name, in whole seconds: `20261123T080000Z`.
    pub fn to_compact(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// From a folder's name, as [`Self::to_compact`] gives it.
    pub fn from_compact(text: &str) -> Option<Self> {
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        let time: Self = TimeZone::UTC.to_timestamp(time).ok()?.into();
        // Other spellings of a time are nobody's names.
        (time.to_compact() == text).then_some(time)
    }

    /// How long it is until this time; zero if it has passed.
    pub(crate) fn until(self) -> Duration {
        let now = Timestamp::now();
        self.0.duration_since(now).try_into().unwrap_or_default()
    }

    /// How long after `earlier` this time is; zero if it is before.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.duration_since(earlier.0).try_into().unwrap_or_default()
    }

    /// How long ago this time was; zero if it is to come.
    pub(crate) fn age(self) -> Duration {
        Self(Timestamp::now()).since(self)
    }

    /// Whole seconds and nanoseconds since 1970, for the file system.
    pub fn to_unix(self) -> (i64, i64) {
        let nanos = self.0.as_nanosecond();
        let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        // Both fit: jiff's range ends in the year 9999, and the remainder is below a second.
        (seconds as i64, rest as i64)
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_unix_millis(timestamp.as_millisecond()).unwrap_or(Self(Timestamp::UNIX_EPOCH))
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let timestamp = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(timestamp.round(Unit::Millisecond).unwrap_or(timestamp))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let precision = if self.0.subsec_millisecond() == 0 { 0 } else { 3 };
        write!(f, "{:.precision$}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339 in UTC, with milliseconds where they are not zero.",
            "type": "string",
            "format": "date-time",
            "pattern": "Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_only_where_they_are_not_zero() {
        assert_eq!(Time::from_unix_millis(1_736_640_000_000).unwrap().to_string(), "2025-01-12T00:00:00Z");
        assert_eq!(Time::from_unix_millis(1_736_640_000_120).unwrap().to_string(), "2025-01-12T00:00:00.120Z");
    }

    #[test]
    fn what_is_finer_than_milliseconds_is_cut_off_when_it_is_read() {
        let time = Time::from_rfc3339("2025-01-12T00:00:00.1239Z").unwrap();
        assert_eq!(Time::from_rfc3339(&time.to_string()), Some(time));
        assert_eq!(serde_json::from_str::<Time>("\"2025-01-12T00:00:00.1239Z\"").unwrap(), time);
    }

    #[test]
    fn a_time_that_no_calendar_has_is_none() {
        assert_eq!(Time::from_unix_millis(i64::MAX), None);
    }

    #[test]
    fn http_dates_go_both_ways() {
        let text = "Sun, 12 Jan 2025 00:00:00 GMT";
        let time = Time::from_http_date(text).unwrap();
        assert_eq!(time.to_string(), "2025-01-12T00:00:00Z");
        assert_eq!(time.to_http_date().as_deref(), Some(text));
    }

    #[test]
    fn http_dates_of_old_are_read_too() {
        for text in ["Sunday, 12-Jan-25 00:00:00 GMT", "Sun Jan 12 00:00:00 2025"] {
            assert_eq!(Time::from_http_date(text).unwrap().to_string(), "2025-01-12T00:00:00Z", "{text}");
        }
        assert_eq!(Time::from_http_date("Sun Feb 31 00:00:00 2025"), None);
    }

    #[test]
    fn a_day_and_a_minute_are_written_as_people_do() {
        let time = Time::from_rfc3339("2026-11-03T08:00:59.5Z").unwrap();
        assert_eq!((time.to_day(), time.to_minute()), ("3 Nov 2026".to_owned(), "3 Nov 2026, 08:00 UTC".to_owned()));
    }

    #[test]
    fn a_folder_name_has_no_punctuation() {
        assert_eq!(Time::from_rfc3339("2026-11-23T08:00:00.5Z").unwrap().to_compact(), "20261123T080000Z");
    }

    #[test]
    fn a_folder_name_is_read_back_to_the_second_and_no_other_spelling_is() {
        let time = Time::from_rfc3339("2026-11-23T08:00:00Z");
        assert_eq!(Time::from_compact("20261123T080000Z"), time);
        for other in ["2026123T080000Z", "20261123T080000", "20261123T080000Z-2", "20261323T080000Z", "notes", ""] {
            assert_eq!(Time::from_compact(other), None, "{other}");
        }
    }

    #[test]
    fn times_before_1970_keep_their_nanoseconds_positive() {
        assert_eq!(Time::from_unix_millis(-1).unwrap().to_unix(), (-1, 999_000_000));
    }
}
