//! Requests and answers as they are on the wire.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use url::form_urlencoded;

/// A request as it came in.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    /// The bucket that the path begins with.
    pub(super) bucket: String,
    /// The rest of the path, decoded.
    pub(super) key: String,
    /// Decoded.
    pub(super) query: HashMap<String, String>,
    /// Names in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// The next request of a connection, but for its body; none where the other side is done.
    pub(super) fn read_head(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut parts = line.split(' ');
        let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut asked = Self { method, bucket: decoded(bucket), key: decoded(key), query, ..Self::default() };
        loop {
            line.clear();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => asked.headers.insert(name.to_lowercase(), value.trim().to_owned()),
                None => return Some(asked),
            };
        }
    }

    /// Reads the body; none where the other side broke off.
    pub(super) fn read_body(&mut self, reader: &mut impl BufRead) -> Option<()> {
        self.body = vec![0; self.header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut self.body).ok()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// What is said of the body's length, where there is none because only the head was asked for.
    length: Option<usize>,
}

impl Answer {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), length: None }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An error as S3 writes it.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let inner = element("Code", code) + &element("Message", message) + &element("RequestId", "4442587FB7D0A2F9");
        Self::xml(status, &format!("<Error>{inner}</Error>"))
    }

    pub(super) fn xml(status: u16, body: &str) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
        Self::new(status, body).header("content-type", "application/xml")
    }

    /// The same without its body.
    pub(super) fn only_head(mut self) -> Self {
        self.length = Some(self.body.len());
        self.body.clear();
        self
    }

    /// The same in response to a request that has no body in its answer.
    pub(super) fn to(self, asked: &Asked) -> Self {
        if asked.method == "HEAD" { self.only_head() } else { self }
    }

    /// Writes as much of it as is wanted of the body.
    pub(super) fn write(&self, stream: &mut impl Write, length: usize) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 204 {
            head.push_str(&format!("content-length: {}\r\n", self.length.unwrap_or(self.body.len())));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(&self.body[..length.min(self.body.len())]);
        stream.write_all(&bytes)
    }
}

/// An element of XML that holds text.
pub(super) fn element(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    format!("<{name}>{text}</{name}>")
}

/// The texts of all elements of XML with that name.
pub(super) fn texts(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next());
    let plain =
        |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    inner.map(plain).collect()
}

/// `text` without percent-encoding.
pub(super) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
