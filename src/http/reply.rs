//! A reply whose head is there, and whose body is read as it comes.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_LENGTH, HeaderName, RETRY_AFTER};
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout};

use super::cause::causes;
use super::flow::Flow;
use super::pace::Pace;
use crate::error::{ErrorKind, Failure};
use crate::header::retry_after;

/// A reply whose body is still to be read; it holds its lane's permit.
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    response: Response,
    /// How long the next byte may take.
    patience: Duration,
    flow: Flow,
    pace: Option<&'a Pace>,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Reply<'a> {
    /// The reply of which `response` is the head; a byte of its body may take `patience`, and all of it keeps the
    /// `pace`.
    pub(super) fn new(
        response: Response,
        patience: Duration,
        pace: Option<&'a Pace>,
        permit: SemaphorePermit<'a>,
    ) -> Self {
        let (status, flow) = (response.status().as_u16(), Flow::new(patience));
        Self { status, response, patience, flow, pace, _permit: permit }
    }

    /// A header's text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// How long the server asks to be left alone, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER).and_then(retry_after)
    }

    /// The body's length in bytes, where the server says it.
    pub fn content_length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// `truncated` where the body breaks off, `timeout` where it stalls or comes too slowly.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let timed_out = |what: String| Failure::new(ErrorKind::Timeout, what);
        let began = Instant::now();
        // Not reqwest's own timeout: that goes on while the pace, or a slow disk, keeps us from asking for more.
        let came = timeout(self.patience, self.response.chunk()).await;
        let came = came.map_err(|_| timed_out(format!("the body stalled: nothing came for {:?}", self.patience)))?;
        let Some(chunk) = came.map_err(|error| {
            let (kind, what) = match error.is_timeout() {
                true => (ErrorKind::Timeout, "the body stalled"),
                false => (ErrorKind::Truncated, "the body broke off"),
            };
            Failure::new(kind, format!("{what}: {}", causes(&error.without_url())))
        })?
        else {
            return Ok(None);
        };
        self.flow.add(chunk.len(), began.elapsed()).map_err(timed_out)?;
        if let Some(pace) = self.pace {
            pace.take(chunk.len()).await;
        }
        Ok(Some(chunk))
    }

    /// The whole body, at most `limit` bytes of it. The permit stays with the reply, so that what the body says can be
    /// heeded before the next request is sent.
    ///
    /// # Errors
    /// As [`Self::chunk`], and `too_large`.
    pub async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let too_large = || Failure::new(ErrorKind::TooLarge, format!("the reply is larger than {} MiB", limit >> 20));
        if self.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(self.content_length().map_or(0, |length| length as usize));
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            if body.capacity() - body.len() < chunk.len() {
                // Twice as much each time, but never more than may come.
                body.reserve_exact(body.len().max(chunk.len()).min(limit - body.len()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
