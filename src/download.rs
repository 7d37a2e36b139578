//! One asset, from its link into a staged file: streamed, hashed as it comes, resumed where it breaks off, checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE,
};
use url::Url;

use crate::digest::Digest;
use crate::element::{Link, Role};
use crate::error::{ErrorKind, Failure};
use crate::event::{Event, Events};
use crate::header::ContentRange;
use crate::http::retry::Setback;
use crate::http::{Http, Reply, Target};
use crate::media::{self, Media};
use crate::plan::Prior;
use crate::store::stage::Part;
use crate::text::printable;
use crate::time::Time;

/// What is to be downloaded.
pub(crate) struct Wanted<'a> {
    /// What it is to its element.
    pub role: Role,
    /// Where its bytes are.
    pub link: &'a Link,
    /// What messages call it: `u_1/cover.jpg`.
    pub name: String,
    /// The file that is held, where the server is to be asked, by the validator of that file, whether it is still
    /// current.
    pub unless_current: Option<&'a Prior>,
    /// Counts the requests that it takes.
    pub attempts: &'a AtomicU64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Received<'a> {
    /// The server says that the file that is held is current.
    Current(&'a Prior),
    /// All bytes are in the part.
    File(Box<Description>),
}

/// A downloaded file.
#[derive(Debug)]
pub(crate) struct Description {
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub digest: Digest,
    /// What it is.
    pub media: Media,
    /// The picture's own width and height in pixels.
    pub pixels: Option<(u32, u32)>,
    /// Whether its end is there, as far as its format tells.
    pub ends_whole: bool,
    /// The server's `ETag`.
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    pub last_modified: Option<Time>,
    /// When its last byte came.
    pub fetched_at: Time,
}

/// Downloads assets.
pub(crate) struct Downloader {
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
        let etag = text(&ETAG).filter(|etag| is_validator(etag));
        let (last_modified, content_type) = (text(&LAST_MODIFIED), text(&CONTENT_TYPE));
        // Of a part this is no whole length; a Content-Range says that.
        let length = reply.content_length().filter(|_| reply.status == 200);
        Self { length, etag, last_modified, content_type }
    }

    /// The validator by which a server can say that two replies have the same bytes.
    fn strong_etag(&self) -> Option<&str> {
        let is_strong = |etag: &&str| {
            let inner = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"'));
            inner.is_some_and(|inner| !inner.contains('"'))
        };
        self.etag.as_deref().filter(is_strong)
    }

    /// Whether a range, about which the server said `part`, is of the same file as the bytes that are there; `whole` is
    /// that file's length by its `Content-Range`. A server need not repeat the date beside the ETag.
    fn goes_on_with(&self, part: &Self, whole: Option<u64>) -> bool {
        self.etag == part.etag
            && (part.last_modified.is_none() || self.last_modified == part.last_modified)
            && (self.length.is_none() || whole.is_none() || self.length == whole)
    }
}

/// Whether an `ETag` tells versions apart. (Asked with `*`, a server says of anything that it is current.)
fn is_validator(etag: &str) -> bool {
    !matches!(etag.trim(), "" | "*")
}

impl Downloader {
    /// A downloader that takes assets of at most `max_size` bytes.
    pub(crate) fn new(http: Arc<Http>, events: Events, max_size: u64) -> Self {
        Self { http, events, max_size }
    }

    /// Downloads `wanted` into `part`.
    ///
    /// # Errors
    /// It can't be had, or not be written. What there is of it stays in the part.
    pub(crate) async fn download<'a>(&self, wanted: &'a Wanted<'a>, part: &mut Part) -> Result<Received<'a>, Failure> {
        let url = wanted.link.url().map_err(|error| {
            let message = format!("the link is no URL: {error}");
            Failure::new(ErrorKind::UnsafeUrl, message)
        })?;
        let mut transfer = Transfer { downloader: self, url, wanted, part, source: Source::default(), reached: 0 };
        let mut retry = self.http.retry(&wanted.name);
        loop {
            match transfer.attempt().await {
                Ok(Attempt::Whole) => return transfer.describe().map(|file| Received::File(Box::new(file))),
                Ok(Attempt::Current(prior)) => return Ok(Received::Current(prior)),
                // Without a pause. That can't go on for ever: only a retry asks for a range, and retries are counted.
                Ok(Attempt::StartOver(why)) => transfer.start_over(why)?,
                Err(setback) => {
                    if transfer.take_progress() {
                        retry.begin_again();
                    }
                    retry.pause(setback).await?;
                }
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
    /// What came can't be put behind the bytes that are there; why.
    StartOver(&'static str),
}

/// A download under way: try by try it goes on behind the bytes that are there.
struct Transfer<'a, 't> {
    downloader: &'t Downloader,
    url: &'a Url,
    wanted: &'a Wanted<'a>,
    part: &'t mut Part,
    source: Source,
    /// How long the part was, in bytes, when the tries last began anew.
    reached: u64,
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
        let mut reply = http.get(Target::Cdn, self.url, &self.headers(), permit).await?;
        let resuming = self.part.size() > 0;
        let end = match (reply.status, self.wanted.unless_current) {
            (206, _) if resuming => match self.accept_range(&reply) {
                Ok(end) => Some(end),
                Err(why) => return Ok(Attempt::StartOver(why)),
            },
            (200, _) => {
                if resuming {
                    self.part.restart()?;
                }
                self.source = Source::of(&reply);
                None
            }
            (304, Some(prior)) if !resuming => return Ok(Attempt::Current(prior)),
            (304 | 412 | 416, _) if resuming => return Ok(Attempt::StartOver("the server has no such range")),
            (status, _) => {
                let failure = Failure::new(ErrorKind::Http(status), format!("the CDN answered {status}"));
                return Err(Setback { failure, retry_after: reply.retry_after() });
            }
        };
        self.read_body(&mut reply, end).await
    }

    /// Whether the part has grown by an eighth of the file, or by a MiB where the file's length is not known, since the
    /// tries last began anew. A large file on a bad line gets its tries that often, and no more often.
    fn take_progress(&mut self) -> bool {
        let step = self.source.length.map_or(1 << 20, |length| length.div_ceil(8).max(1));
        let has_progressed = self.part.size().saturating_sub(self.reached) >= step;
        if has_progressed {
            self.reached = self.part.size();
        }
        has_progressed
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

    /// Accepts the range that a 206 brings: how long the part will be with it. An error says why that is
    /// not the rest of the same file.
    fn accept_range(&mut self, reply: &Reply<'_>) -> Result<u64, &'static str> {
        let range = reply.header(&CONTENT_RANGE).and_then(ContentRange::parse);
        let Some(ContentRange { first, last, whole }) = range else { return Err("the server sent no range") };
        if first != self.part.size() || !self.source.goes_on_with(&Source::of(reply), whole) {
            return Err("the server went on with another part or another file");
        }
        // Without the file's length nobody would know whether it ends with this range.
        self.source.length = self.source.length.or(whole);
        self.source.length.ok_or("the server does not say how long the file is")?;
        Ok(last.saturating_add(1))
    }

    /// Forgets what is there, and tells why.
    fn start_over(&mut self, why: &str) -> Result<(), Failure> {
        let (what, message) = (self.wanted.name.clone(), format!("{why}; starting over"));
        let delay = Duration::ZERO;
        self.downloader.events.hint(Event::Retrying { what, kind: ErrorKind::BadReply, message, delay });
        self.part.restart()
    }

    /// Reads the body to its end, behind the bytes that are there. That of a range may not make the part longer than
    /// `end`.
    async fn read_body(&mut self, reply: &mut Reply<'_>, end: Option<u64>) -> Result<Attempt<'a>, Setback> {
        let is_plain = |encoding: &str| encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if let Some(encoding) = reply.header(&CONTENT_ENCODING).filter(|encoding| !is_plain(encoding)) {
            let encoding = printable(encoding, 60);
            let message = format!("the body is encoded ({encoding}) although that was not asked for");
            return Err(Failure::new(ErrorKind::ContentEncoding, message).into());
        }
        self.downloader.check_size(self.source.length.unwrap_or(0))?;
        while let Some(chunk) = reply.chunk().await? {
            let size = self.part.size() + chunk.len() as u64;
            if end.is_some_and(|end| size > end) {
                return Ok(Attempt::StartOver("the server sent more than the range that it announced"));
            }
            self.downloader.check_size(size)?;
            // Where bytes come faster than they are written this never waits, and would not hear of the run's end.
            self.downloader.http.check_running()?;
            self.part.write(&chunk)?;
            self.downloader.events.counters.bytes.fetch_add(chunk.len() as u64, Relaxed);
        }
        // A server may answer with a part of the range that was asked for: the end of a body is not that of the file.
        match self.source.length {
            Some(length) if length != self.part.size() => {
                let message = format!("{length} bytes were announced, {} came", self.part.size());
                Err(Failure::new(ErrorKind::Truncated, message).into())
            }
            _ => Ok(Attempt::Whole),
        }
    }

    /// Says what the bytes are.
    fn describe(&self) -> Result<Description, Failure> {
        let Self { wanted, part, source, .. } = self;
        let head = part.head();
        let content_type = source.content_type.as_deref();
        let Some(media) = media::recognise(head, content_type, wanted.link.path(), wanted.role) else {
            let called = printable(content_type.unwrap_or("nothing"), 60);
            let message = format!("{} bytes came that are no image, video or audio (called {called})", part.size());
            return Err(Failure::new(ErrorKind::NotMedia, message));
        };
        let (pixels, ends_whole) = match media.is_image() {
            true => (self.pixels(&media, head)?, self.ends_whole(&media, head)?),
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

    /// The picture's own width and height: read again only where its head does not say them.
    fn pixels(&self, media: &Media, head: &[u8]) -> Result<Option<(u32, u32)>, Failure> {
        match media::pixels_in_head(media, head) {
            Some(pixels) => Ok(Some(pixels)),
            None => Ok(media::pixels(self.part.reader()?)),
        }
    }

    /// Whether the picture's end is there.
    fn ends_whole(&self, media: &Media, head: &[u8]) -> Result<bool, Failure> {
        for length in media::TAILS {
            if media::ends_whole(media, head, &self.part.tail(length)?, self.part.size()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_etag_lets_a_download_go_on() {
        let source = |etag: &str| Source { etag: Some(etag.into()), ..Source::default() };
        assert_eq!(source("\"a\"").strong_etag(), Some("\"a\""));
        for weak in ["W/\"a\"", "\"a\", \"b\"", "\"a", "\"", "a"] {
            assert_eq!(source(weak).strong_etag(), None, "{weak}");
        }
        assert_eq!(Source::default().strong_etag(), None);
    }
}
