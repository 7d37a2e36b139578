//! The values of options: how they are written, and what is wrong with those that are not.

use std::ffi::OsStr;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use element_mirror::error::RunError;
use element_mirror::ids::is_email;
use element_mirror::{Role, Token};
use jiff::{Span, SpanRelativeTo};

/// A whole number from `least` to `most`.
pub(super) fn count(least: u64, most: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ if most == u64::MAX => Err(format!("a whole number is needed, {least} or more")),
        _ => Err(format!("a whole number from {least} to {most} is needed")),
    }
}

/// An ID, right or wrong. An empty one, as an unset variable would give, is refused.
pub(super) fn id(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') { Err("no ID is given".into()) } else { Ok(text.to_owned()) }
}

/// An account's email; an empty one is none.
pub(super) fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || is_email(text) { Ok(text.to_owned()) } else { Err("that is no email".into()) }
}

/// A word. An empty one, as an unset variable would give, is refused.
pub(super) fn word(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("nothing is given".into()) } else { Ok(text.to_owned()) }
}

/// A parser of values that may hold a password, as in `user:password@host`: of one with an @, an error does not repeat
/// it.
#[derive(Clone)]
pub(super) struct Discreet<T>(pub(super) fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Discreet<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "it is no UTF-8".to_owned()).and_then(self.0);
        parsed.map_err(|words| {
            let mut error = clap::Error::new(ErrorKind::ValueValidation).with_cmd(command);
            let mut tell = |kind, text| error.insert(kind, ContextValue::String(text));
            tell(ContextKind::InvalidArg, arg.map(ToString::to_string).unwrap_or_default());
            tell(ContextKind::Custom, words);
            if let Some(value) = value.to_str().filter(|value| !value.contains('@')) {
                tell(ContextKind::InvalidValue, value.to_owned());
            }
            error
        })
    }
}

/// A value that the library itself parses.
pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A folder.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("no folder is given".into()),
        url if url.contains("://") => Err("a folder is needed".into()),
        path => Ok(path.into()),
    }
}

/// A file that is written, which standard output is not.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" | "-" => Err("a file is needed".into()),
        path => Ok(path.into()),
    }
}

/// A parser of a role's name, which tells the names that there are.
#[derive(Clone)]
pub(super) struct Roles;

impl TypedValueParser for Roles {
    type Value = Role;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Role, clap::Error> {
        let trimmed = value.to_str().map_or(value, |value| OsStr::new(value.trim()));
        let name = PossibleValuesParser::new(Role::ALL.map(Role::as_str)).parse_ref(command, arg, trimmed)?;
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
        role.ok_or_else(|| clap::Error::new(ErrorKind::InvalidValue).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Role::ALL.into_iter().map(|role| PossibleValue::new(role.as_str()))))
    }
}

/// A number of bytes: `2G`, `1.5M`, `512K`, `1048576`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err("a size is a number, with K, M, G or T behind it for powers of 1024".into()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (shift == 0 && number.contains('.')) {
        return Err("a size is a number, such as 10M or 1.5G; of bytes a whole one".into());
    }
    let too_large = || "that is more than there can be".to_owned();
    let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(1 << shift)).ok_or_else(too_large)?;
    let part: f64 = format!("0.{part}").parse().unwrap_or_default();
    whole.checked_add((part * (1_u64 << shift) as f64) as u64).ok_or_else(too_large)
}

/// A number of bytes a second.
pub(super) fn byte_rate(text: &str) -> Result<u64, String> {
    bytes(text).and_then(|rate| if rate == 0 { Err("nothing would ever come".into()) } else { Ok(rate) })
}

/// A number of times a second, which may be less than one.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a rate is a number, such as 2 or 0.5".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("a rate is a number above 0".into()) }
}

/// A duration: `10s`, `5m`, `1h30m`, `30d`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let hint = || "a duration is a number with its unit, such as 30s, 5m, 2h or 30d".to_owned();
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: Span = text.parse().map_err(|_| hint())?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| hint())?;
    exact.try_into().map_err(|_| "a duration can't be negative".into())
}

/// How long ago: a duration that decides what is removed, so that its unit has to be said.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(_) => Err("say its unit, such as 30d: what is older is removed".into()),
        Err(_) => duration(text),
    }
}

/// A duration that is not zero.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| if time.is_zero() { Err("that would never wait".into()) } else { Ok(time) })
}

/// Text that a header can carry.
pub(super) fn header_text(text: &str) -> Result<String, String> {
    let plain = !text.trim().is_empty() && text.bytes().all(|c| c == b' ' || c.is_ascii_graphic());
    if plain { Ok(text.to_owned()) } else { Err("it has to be printable ASCII".into()) }
}

/// The API token from `file`, or from the environment.
#[expect(clippy::disallowed_methods, reason = "a file that the user named on the command line")]
pub(super) fn token(file: Option<&Path>) -> Result<Token, RunError> {
    let (text, place) = match file {
        Some(file) => {
            let place = match file.to_str() {
                // Whoever took the option for one of the token itself is not to find that in a log.
                Some(name) if name.contains(':') && !name.contains('/') => {
                    "the token file, whose name looks like the token itself".to_owned()
                }
                _ => format!("the token file {}", file.display()),
            };
            let bytes = std::fs::read(file);
            let bytes = bytes.map_err(|error| RunError::Usage(format!("can't read {place}: {error}")))?;
            (String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned(), place)
        }
        None => (std::env::var("USEAPI_TOKEN").unwrap_or_default(), "$USEAPI_TOKEN".to_owned()),
    };
    let token = text.trim();
    if token.is_empty() && file.is_none() {
        let ways = "put it into $USEAPI_TOKEN, or into a file named by --token-file (or try --demo, which needs none)";
        return Err(RunError::Usage(format!("no API token: {ways}")));
    }
    if token.is_empty() {
        return Err(RunError::Usage(format!("{place} is empty: put the API token into it, as useapi.net shows it")));
    }
    if !token.bytes().all(|c| c.is_ascii_graphic()) || token.starts_with("USEAPI_TOKEN=") {
        let alone = "the token alone is needed there, as useapi.net shows it, without \"Bearer\" or a variable's name";
        return Err(RunError::Usage(format!("{place} holds more than a token: {alone}")));
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0", Some(0))]
    #[case("1024", Some(1024))]
    #[case("512K", Some(512 << 10))]
    #[case("10M", Some(10 << 20))]
    #[case("2g", Some(2 << 30))]
    #[case("1MiB", Some(1 << 20))]
    #[case("", None)]
    #[case("M", None)]
    #[case("1.5G", Some(3 << 29))]
    #[case("0.25K", Some(256))]
    #[case("1.5", None)]
    #[case("1.", None)]
    #[case(".5G", None)]
    #[case("1e3", None)]
    #[case("1.-5G", None)]
    #[case("-1", None)]
    #[case("10X", None)]
    #[case("99999999T", None)]
    fn sizes_are_powers_of_1024(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(bytes(text).ok(), expected);
    }

    #[rstest]
    #[case("2", Some(2.0))]
    #[case("0.5", Some(0.5))]
    #[case("0", None)]
    #[case("-1", None)]
    #[case("nan", None)]
    #[case("inf", None)]
    #[case("1/2", None)]
    #[case("", None)]
    fn rates_are_numbers_above_nothing(#[case] text: &str, #[case] expected: Option<f64>) {
        assert_eq!(rate(text).ok(), expected);
    }

    #[rstest]
    #[case("30", Some(30))]
    #[case("10s", Some(10))]
    #[case("5m", Some(300))]
    #[case("1h30m", Some(5400))]
    #[case("30d", Some(30 * 86400))]
    #[case("0s", Some(0))]
    #[case("-5s", None)]
    #[case("soon", None)]
    #[case("", None)]
    fn durations_have_units(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs));
    }
}
