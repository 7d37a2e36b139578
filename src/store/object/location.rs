//! Where in which bucket a mirror is: `s3://bucket/prefix`.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;

/// What begins those parts of a URL that say nothing of a bucket.
const MARKS: [(char, &str); 2] = [('?', "query"), ('#', "fragment")];

/// Whose protocol a bucket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum Scheme {
    /// `s3://`: Amazon S3, and what speaks as it does.
    S3,
    /// `gs://`: Google Cloud Storage.
    Gs,
    /// `az://`: Azure Blob Storage, where a bucket is called a container.
    Az,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::S3, Self::Gs, Self::Az];

    fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }

    /// What it calls a bucket.
    fn bucket(self) -> &'static str {
        if self == Self::Az { "container" } else { "bucket" }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place in a bucket: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Whose protocol the bucket speaks.
    pub(in crate::store) scheme: Scheme,
    /// The bucket's name.
    pub(in crate::store) bucket: String,
    /// What the names of all objects begin with, before a slash; empty for the whole bucket.
    pub(in crate::store) prefix: Path,
}

/// Why a text is no [`Location`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLocation(String);

impl FromStr for Location {
    type Err = InvalidLocation;

    /// Reads a URL. A slash at its end says nothing.
    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        Self::parse(text).map_err(InvalidLocation)
    }
}

impl Location {
    pub(in crate::store) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| unknown("no URL"))?;
        let scheme = Scheme::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(scheme));
        let scheme = scheme.ok_or_else(|| unknown("of an unknown scheme"))?;
        for (mark, part) in MARKS {
            if rest.contains(mark) {
                return Err(format!("a {scheme}:// URL takes no {part}"));
            }
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(scheme, bucket)?;
        Ok(Self { scheme, bucket: bucket.to_owned(), prefix: parse_prefix(prefix)? })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.bucket)?;
        if self.prefix.as_ref().is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

fn unknown(what: &str) -> String {
    format!("{what}: s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or a folder is taken")
}

fn check_bucket(scheme: Scheme, bucket: &str) -> Result<(), String> {
    let noun = scheme.bucket();
    if bucket.is_empty() {
        return Err(format!("no {noun} is named: {scheme}://{noun}/prefix"));
    }
    if bucket.contains('@') {
        // Not said again: it may be a password.
        return Err(format!(
            "a {scheme}:// URL takes no user and no password; credentials are read from the environment"
        ));
    }
    if bucket.contains(':') {
        return Err(format!("a {scheme}:// URL takes no port; an endpoint is read from the environment"));
    }
    // Azure has containers $root and $web.
    let taken = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c) || (c == '$' && scheme == Scheme::Az);
    if !bucket.chars().all(taken) || bucket.chars().all(|c| c == '.') {
        return Err(format!("this is no {noun}'s name: it has letters, digits, '-', '.' and '_'"));
    }
    Ok(())
}

fn parse_prefix(prefix: &str) -> Result<Path, String> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() {
        return Ok(Path::default());
    }
    for segment in prefix.split('/') {
        match segment {
            "" => return Err("the prefix has an empty segment".to_owned()),
            "." | ".." => return Err(format!("the prefix has a segment that is {segment:?}")),
            _ if segment.chars().any(char::is_control) => return Err("the prefix has control characters".to_owned()),
            _ => {}
        }
    }
    Path::parse(prefix).map_err(|error| format!("the prefix can't be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_written_as_it_was_read() {
        for (text, canonical, bucket, prefix) in [
            ("s3://b/some/where", "s3://b/some/where", "b", "some/where"),
            ("s3://b/some/where/", "s3://b/some/where", "b", "some/where"),
            ("s3://b", "s3://b", "b", ""),
            ("s3://b/", "s3://b", "b", ""),
            ("S3://My.bucket_1/A b/%20", "s3://My.bucket_1/A b/%20", "My.bucket_1", "A b/%20"),
            ("gs://b/p", "gs://b/p", "b", "p"),
            ("az://$web/é", "az://$web/é", "$web", "é"),
        ] {
            let location = Location::parse(text).unwrap();
            assert_eq!(location.to_string(), canonical);
            assert_eq!((location.bucket.as_str(), location.prefix.as_ref()), (bucket, prefix), "{text}");
            assert_eq!(Location::parse(canonical).unwrap(), location);
        }
    }

    #[test]
    fn what_names_no_place_in_a_bucket_is_told_in_words() {
        for (text, words) in [
            ("mirror", "or a folder"),
            ("https://bucket/prefix", "s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or a folder"),
            ("s3://", "no bucket"),
            ("az:///prefix", "no container"),
            ("s3://user:word@bucket/p", "no user and no password"),
            ("s3://bucket:9000/p", "no port"),
            ("s3://bucket/p?versionId=1", "no query"),
            ("gs://bucket/p#1", "no fragment"),
            ("s3://bucket//p", "empty segment"),
            ("s3://bucket/p//", "empty segment"),
            ("s3://bucket/../p", "\"..\""),
            ("s3://bucket/p/.", "\".\""),
            ("s3://bucket/p\n", "control"),
            ("s3://$web", "no bucket's name"),
            ("s3://../p", "no bucket's name"),
            ("s3://bück", "no bucket's name"),
        ] {
            let said = Location::parse(text).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
            assert!(!said.contains("word@"), "{said}");
        }
    }
}
