//! One asset, from its link into a staged file: streamed, hashed as it comes, resumed where it breaks off, checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use url::Url;

use crate::digest::Digest;
use crate::element::{Role, url_path};
use crate::error::{ErrorKind, Failure, printable};
use crate::event::Events;
use crate::header::ContentRange;
use crate::http::retry::Setback;
use crate::http::{Http, Reply, Target};
use crate::media::{self, Media};
use crate::plan::Prior;
use crate::store::local::stage::Part;
use crate::time::Time;

/// What is to be downloaded.
pub struct Wanted<'a> {
    /// What it is to its element.
    pub role: Role,
    /// The whole link.
    pub url: &'a str,
    /// What a person knows it by: `u_1/cover.jpg`.
    pub name: String,
    /// The file that is held, where its validator is to be asked with.
    pub unless_current: Option<&'a Prior>,
    /// Counts the requests that it takes.
    pub attempts: &'a AtomicU64,
}

/// What came of it.
#[derive(Debug)]
pub enum Received<'a> {
    /// The server says that the file that is held is current.
    Current(&'a Prior),
    /// All bytes are in the part.
    File(Box<Description>),
}

/// A downloaded file.
#[derive(Debug)]
pub struct Description {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
    /// What it is.
    pub media: Media,
    /// The picture's own width and height in pixels.
    pub pixels: Option<(u32, u32)>,
    /// Whether it ends as its format says.
    pub ends_whole: bool,
    /// The server's `ETag`.
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    pub last_modified: Option<Time>,
    /// When its last byte came.
    pub fetched_at: Time,
}

/// Downloads assets.
pub struct Downloader {
    http: Arc<Http>,
    events: Events,
    max_size: u64,
}

/// What the server said about the bytes that are in the part.
#[derive(Clone, Debug, Default)]
struct Source {
    /// The whole file's length, where any reply said it.
    length: Option<u64>,
    etag: Option<String>,
    last_modified: Option<String>,
    content_type: Option<String>,
}

impl Source {
    fn of(reply: &Reply<'_>) -> Self {
        let text = |name: &HeaderName| reply.header(name).map(str::to_owned);
        let (etag, last_modified, content_type) = (text(&ETAG), text(&LAST_MODIFIED), text(&CONTENT_TYPE));
        // Of a part this is no whole length; a Content-Range says that.
        let length = reply.content_length().filter(|_| reply.status == 200);
        Self { length, etag, last_modified, content_type }
    }

    /// The validator by which a server can say that two replies have the same bytes.
    fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| etag.starts_with('"'))
    }

    /// Whether `part`, the range of a file that is `whole` bytes long, is of the same file. A server need not repeat
    /// the date beside the ETag.
    fn goes_on_with(&self, part: &Self, whole: Option<u64>) -> bool {
        self.etag == part.etag
            && (part.last_modified.is_none() || self.last_modified == part.last_modified)
            && (self.length.is_none() || whole.is_none() || self.length == whole)
    }
}

impl Downloader {
    /// A downloader that takes assets of at most `max_size` bytes.
    pub fn new(http: Arc<Http>, events: Events, max_size: u64) -> Self {
        Self { http, events, max_size }
    }

    /// Downloads `wanted` into `part`.
    ///
    /// # Errors
    /// It can't be had; what there is of it stays in the part.
    pub async fn download<'a>(&self, wanted: &'a Wanted<'a>, part: &mut Part) -> Result<Received<'a>, Failure> {
        let url = Url::parse(wanted.url).map_err(|error| {
            let message = format!("the link is no URL: {error}");
            Failure::new(ErrorKind::UnsafeUrl, message)
        })?;
        let mut transfer = Transfer { downloader: self, url, wanted, part, source: Source::default() };
        let mut retry = self.http.retry(&wanted.name);
        loop {
            match transfer.attempt().await {
                Ok(Attempt::Whole) => return transfer.describe().map(|file| Received::File(Box::new(file))),
                Ok(Attempt::Current(prior)) => return Ok(Received::Current(prior)),
                Err(setback) => retry.pause(setback).await?,
            }
        }
    }

    fn check_size(&self, size: u64) -> Result<(), Failure> {
        if size <= self.max_size {
            return Ok(());
        }
        let message = format!("it is larger than {} bytes (--max-size)", self.max_size);
        Err(Failure::new(ErrorKind::TooLarge, message))
    }
}

/// How a try ended that did not fail.
enum Attempt<'a> {
    /// All bytes are in the part.
    Whole,
    /// The file that is held is current.
    Current(&'a Prior),
}

/// A download under way: try by try it goes on behind the bytes that are there.
struct Transfer<'a, 't> {
    downloader: &'t Downloader,
    url: Url,
    wanted: &'a Wanted<'a>,
    part: &'t mut Part,
    source: Source,
}

impl<'a> Transfer<'a, '_> {
    async fn attempt(&mut self) -> Result<Attempt<'a>, Setback> {
        let Downloader { http, events, .. } = self.downloader;
        if self.part.size() > 0 && self.source.strong_etag().is_none() {
            self.part.restart()?;
        }
        let permit = http.permit(Target::Cdn).await?;
        let _in_flight = events.counters.in_flight();
        self.wanted.attempts.fetch_add(1, Relaxed);
        let mut reply = http.get(Target::Cdn, &self.url, &self.headers(), permit).await?;
        match (reply.status, self.wanted.unless_current) {
            (206, _) if self.part.size() > 0 => self.go_on(&reply)?,
            (200, _) => {
                if self.part.size() > 0 {
                    self.part.restart()?;
                }
                self.source = Source::of(&reply);
            }
            (304, Some(prior)) if self.part.size() == 0 => return Ok(Attempt::Current(prior)),
            (416, _) if self.part.size() > 0 => self.start_over("the server has no such range")?,
            (status, _) => {
                let failure = Failure::new(ErrorKind::Http(status), format!("the CDN answered {status}"));
                return Err(Setback { failure, asked: reply.retry_after() });
            }
        }
        self.read_body(&mut reply).await?;
        Ok(Attempt::Whole)
    }

    fn headers(&self) -> Vec<(HeaderName, String)> {
        let have = self.part.size();
        let mut headers = vec![(ACCEPT_ENCODING, "identity".to_owned())];
        match (self.source.strong_etag(), self.wanted.unless_current) {
            (Some(etag), _) if have > 0 => {
                headers.push((RANGE, format!("bytes={have}-")));
                headers.push((IF_RANGE, etag.to_owned()));
            }
            (_, Some(Prior { asset, .. })) if have == 0 => {
                if let Some(etag) = &asset.etag {
                    headers.push((IF_NONE_MATCH, etag.clone()));
                } else if let Some(date) = asset.last_modified.and_then(Time::to_http_date) {
                    headers.push((IF_MODIFIED_SINCE, date));
                }
            }
            _ => {}
        }
        headers
    }

    /// Whether the range of a 206 goes on where the part ends, in the same file.
    fn go_on(&mut self, reply: &Reply<'_>) -> Result<(), Failure> {
        let range = reply.header(&CONTENT_RANGE).and_then(ContentRange::parse);
        let whole = range.and_then(|range| range.whole);
        let starts_here = range.is_some_and(|range| range.first == self.part.size());
        if !starts_here || !self.source.goes_on_with(&Source::of(reply), whole) {
            return self.start_over("the server went on with another part or another file");
        }
        self.source.length = self.source.length.or(whole);
        Ok(())
    }

    fn start_over(&mut self, why: &str) -> Result<(), Failure> {
        self.part.restart()?;
        Err(Failure::new(ErrorKind::Truncated, format!("{why}; starting over")))
    }

    /// Reads the body to its end, behind the bytes that are there.
    async fn read_body(&mut self, reply: &mut Reply<'_>) -> Result<(), Failure> {
        if let Some(encoding) = reply.header(&CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            let message = format!("the body is encoded ({encoding}) although that was not asked for");
            return Err(Failure::new(ErrorKind::ContentEncoding, message));
        }
        self.downloader.check_size(self.source.length.unwrap_or(0))?;
        while let Some(chunk) = reply.chunk().await? {
            self.downloader.check_size(self.part.size() + chunk.len() as u64)?;
            self.part.write(&chunk)?;
            self.downloader.events.counters.bytes.fetch_add(chunk.len() as u64, Relaxed);
        }
        // A server may answer with a part of the range that was asked for: the end of a body is not that of the file.
        match self.source.length {
            Some(length) if length != self.part.size() => {
                let message = format!("{length} bytes were announced, {} came", self.part.size());
                Err(Failure::new(ErrorKind::Truncated, message))
            }
            _ => Ok(()),
        }
    }

    /// Says what the bytes are.
    fn describe(&self) -> Result<Description, Failure> {
        let Self { wanted, part, source, .. } = self;
        let head = part.head(media::HEAD)?;
        let content_type = source.content_type.as_deref();
        let Some(media) = media::recognise(&head, content_type, &url_path(wanted.url), wanted.role) else {
            let called = printable(content_type.unwrap_or("nothing"), 60);
            let message = format!("{} bytes came that are no image, video or audio (called {called})", part.size());
            return Err(Failure::new(ErrorKind::NotMedia, message));
        };
        let (pixels, ends_whole) = match media.is_image() {
            true => (part.pixels(), media::ends_whole(&media, &head, &part.tail(media::TAIL)?, part.size())),
            false => (None, true),
        };
        Ok(Description {
            size: part.size(),
            digest: part.digest(),
            media,
            pixels,
            ends_whole,
            etag: source.etag.clone(),
            last_modified: source.last_modified.as_deref().and_then(Time::from_http_date),
            fetched_at: Time::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_etag_lets_a_download_go_on() {
        let source = |etag: &str| Source { etag: Some(etag.into()), ..Source::default() };
        assert_eq!(source("\"a\"").strong_etag(), Some("\"a\""));
        assert_eq!(source("W/\"a\"").strong_etag(), None);
        assert_eq!(Source::default().strong_etag(), None);
    }
}
