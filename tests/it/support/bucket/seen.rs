//! The requests that a bucket has seen.

use std::collections::HashMap;
use std::fmt;

use super::wire::Asked;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Get,
    Head,
    Put,
    Copy,
    Delete,
    List,
    /// Begins an upload in parts.
    Begin,
    Part,
    Complete,
    Abort,
}

impl Op {
    /// Whether it changes an object.
    pub(super) fn changes(self) -> bool {
        matches!(self, Self::Put | Self::Copy | Self::Delete | Self::Complete)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Copy => "COPY",
            Self::Delete => "DELETE",
            Self::List => "LIST",
            Self::Begin => "BEGIN",
            Self::Part => "PART",
            Self::Complete => "COMPLETE",
            Self::Abort => "ABORT",
        })
    }
}

/// A request as it came, and what it got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) op: Op,
    /// Behind the mirror's prefix; of a listing the prefix. One that is outside has a slash before.
    pub(crate) key: String,
    pub(crate) query: HashMap<String, String>,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    /// How long its body is.
    pub(crate) size: usize,
    /// Whether the server did what it should about it, whatever it answered then.
    pub(super) is_done: bool,
    /// None where it was not answered.
    pub(crate) status: Option<u16>,
}

impl Seen {
    pub(super) fn new(op: Op, key: String, asked: &Asked) -> Self {
        let (query, headers) = (asked.query.clone(), asked.headers.clone());
        Self { op, key, query, headers, size: asked.body.len(), is_done: false, status: None }
    }

    /// What it says of the state in which an object must be.
    pub(crate) fn condition(&self) -> String {
        let condition = |name: &str, shown: &str| Some(format!("{shown}: {}", self.headers.get(name)?));
        condition("if-none-match", "If-None-Match").or_else(|| condition("if-match", "If-Match")).unwrap_or_default()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upload = self.query.get("uploadId").map_or("", String::as_str);
        write!(f, "{:8} {} {}{upload}", self.op, self.key, self.condition())?;
        match self.status {
            Some(status) => write!(f, " → {status}"),
            None => f.write_str(" → nothing"),
        }
    }
}

/// The requests, one a line.
pub(super) fn shown(log: &[Seen]) -> String {
    log.iter().map(|seen| format!("{seen}\n")).collect()
}
