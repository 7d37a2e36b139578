//! What a store said, in its own words: the code and the message of its reply, without its secrets.

use std::error::Error as StdError;
use std::fmt;

use object_store::Error;
use object_store::client::HttpError;

use crate::error::{ErrorKind, Failure, RunError};
use crate::http::cause::{causes, chain};
use crate::text::printable;

/// The longest sentence that is repeated.
const MAX_WORDS: usize = 400;

/// How the client begins to tell of a reply; the type that says so is not public.
const NO_SUCCESS: &str = "Server returned non-2xx status code: ";
/// How it begins to tell of a success whose body is an error.
const ERROR_AS_SUCCESS: &str = "Server returned error response: ";
/// How it begins to tell of a redirect that names no location, by which S3 says that the bucket is in another region.
const NO_LOCATION: &str = "Received redirect without LOCATION";

/// The failure of an operation on a store: `what` names the operation and the object.
pub(super) fn failure(what: impl fmt::Display, error: &Error) -> Failure {
    let kind = if is_interrupted(error) { ErrorKind::Interrupted } else { ErrorKind::Io };
    Failure::new(kind, format!("{what}: {}", words(error)))
}

/// Why a run can't be done, where that is because of a store.
pub(super) fn run_error(what: impl fmt::Display, error: &Error) -> RunError {
    RunError::Broken(format!("{what}: {}", words(error)))
}

/// Whether there is no such object, in a bucket that is there as far as the store tells.
pub(super) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !is_without_bucket(error)
}

/// Whether another was there first, or may have been: the condition of a put does not hold.
pub(super) fn is_conflict(error: &Error) -> bool {
    let told = matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. });
    (told || reply(error).is_some_and(|reply| matches!(reply.status, 409 | 412))) && !is_without_bucket(error)
}

/// Whether the store can't do what was asked of it, such as a conditional put.
pub(super) fn is_unsupported(error: &Error) -> bool {
    matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. })
        || reply(error).is_some_and(|reply| reply.status == 501)
}

/// Whether no reply came, or not to its end.
pub(super) fn is_broken_off(error: &Error) -> bool {
    reply(error).is_none() && chain(error).any(|cause| cause.downcast_ref::<HttpError>().is_some())
}

/// What `error` says that helps people, on one line, without secrets.
pub(super) fn words(error: &Error) -> String {
    let said = if let Some(reply) = reply(error) {
        reply.words()
    } else if let Some(broken) = chain(error).find_map(|cause| cause.downcast_ref::<HttpError>()) {
        broken.source().map_or_else(|| broken.to_string(), causes)
    } else if let Some(said) = said_from(error, NO_LOCATION) {
        said
    } else {
        match error {
            // That it is "generic", and of which store, helps nobody.
            Error::Generic { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    };
    printable(&without_secrets(&said), MAX_WORDS)
}

fn is_interrupted(error: &Error) -> bool {
    matches!(error, Error::JoinError { source } if source.is_cancelled())
}

fn is_without_bucket(error: &Error) -> bool {
    let code = reply(error).and_then(|reply| reply.code());
    code.is_some_and(|code| matches!(code.as_str(), "NoSuchBucket" | "ContainerNotFound"))
}

/// The first of an error's causes that begins with `words`, as far as it says them.
fn said_from(error: &Error, words: &str) -> Option<String> {
    chain(error).map(ToString::to_string).find(|said| said.starts_with(words))
}

/// A reply that was no success.
#[derive(Debug)]
struct Reply {
    status: u16,
    /// The status with its name.
    line: String,
    body: String,
}

fn reply(error: &Error) -> Option<Reply> {
    if let Some(said) = said_from(error, NO_SUCCESS) {
        let (line, body) = said[NO_SUCCESS.len()..].split_once(": ")?;
        let status = line.get(..3)?.parse().ok()?;
        return Some(Reply { status, line: line.to_owned(), body: body.to_owned() });
    }
    let said = said_from(error, ERROR_AS_SUCCESS)?;
    Some(Reply { status: 200, line: "200 OK".to_owned(), body: said[ERROR_AS_SUCCESS.len()..].to_owned() })
}

impl Reply {
    /// The code by which the store names what is wrong.
    fn code(&self) -> Option<String> {
        self.xml("Code").or_else(|| self.json().map(|(code, _)| code).filter(|code| !code.is_empty()))
    }

    fn words(&self) -> String {
        if let Some(code) = self.xml("Code") {
            // What Azure adds on further lines is the request's ID and the time.
            let message = self.xml("Message").and_then(|message| message.lines().next().map(str::to_owned));
            let parts = [Some(code), message, self.xml("Details")];
            let said: Vec<String> = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
            return if said.len() == 1 { format!("{} ({})", said[0], self.line) } else { said.join(": ") };
        }
        let body = self.body.trim();
        match self.json() {
            Some((code, message)) if code.is_empty() => format!("{}: {message}", self.line),
            Some((code, message)) if message.is_empty() => format!("{code} ({})", self.line),
            Some((code, message)) => format!("{code}: {message}"),
            // With a server error such a page may come from a proxy before the store.
            None if self.status < 500 && is_web_page(body) => {
                format!("{}, with a web page: is it really an object store that answers there?", self.line)
            }
            // No words for people, or none that can be read.
            None if body.is_empty() || body.starts_with(['<', '{', '[', '\u{feff}']) => self.line.clone(),
            None => format!("{}: {body}", self.line),
        }
    }

    /// The text of the first element `name`.
    fn xml(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        const ENTITIES: [(&str, &str); 5] =
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
        Some(ENTITIES.iter().fold(text.trim().to_owned(), |text, (entity, is)| text.replace(entity, is)))
    }

    /// Code and message of an error in JSON, as the services that give out credentials write them.
    fn json(&self) -> Option<(String, String)> {
        let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let error = body.get("error")?;
        Some(match error {
            serde_json::Value::Object(error) => {
                (text(error.get("code")?), error.get("message").map(text).unwrap_or_default())
            }
            code => (text(code), body.get("error_description").map(text).unwrap_or_default()),
        })
    }
}

fn is_web_page(body: &str) -> bool {
    let begins = |with: &str| body.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    begins("<!doctype html") || begins("<html")
}

/// `text` with every URL cut off before its query, which may be a signature, and without user and password.
fn without_secrets(text: &str) -> String {
    const SIGNED: [&str; 5] = ["sig=", "X-Amz-", "X-Goog-", "Signature=", "AccountKey="];
    let clean = |word: &str| {
        let open = word.split_once("://").map_or(word, |(_, rest)| rest);
        if open.len() < word.len() {
            let (scheme, rest) = word.split_at(word.len() - open.len());
            let host = rest.split('/').next().unwrap_or_default();
            let rest = if let Some((_, after)) = host.rsplit_once('@') {
                format!("{after}{}", &rest[host.len()..])
            } else {
                rest.to_owned()
            };
            return match rest.split_once('?') {
                Some((path, _)) => format!("{scheme}{path}?…"),
                None => format!("{scheme}{rest}"),
            };
        }
        match SIGNED.iter().filter_map(|mark| word.find(mark)).min() {
            Some(from) if word.contains('=') => format!("{}…", &word[..from]),
            _ => word.to_owned(),
        }
    };
    text.split_whitespace().map(clean).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
