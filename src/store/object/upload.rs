//! From a staged file into an object: in one put, or a large one in parts. The memory that all uploads take is bounded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::MultipartUpload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::bucket::{Body, Bucket, Entry};
use super::{GRACE, unless_ended, words};
use crate::error::{ErrorKind, Failure};

/// A file that is larger goes up in parts.
const PART: u64 = 8 << 20;
/// The most parts that stores take.
const MOST_PARTS: u64 = 10_000;
/// How many parts of one file are on their way at a time.
const PARTS_AT_A_TIME: usize = 4;
/// How long aborting an upload may take while the run goes on.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much memory all parts on their way may take, in KiB.
const ROOM: u32 = 32 << 10;

/// Bounds the memory of what is on its way.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// A file that goes up.
pub(super) struct Upload<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) room: &'a Room,
    /// Where to.
    pub(super) path: &'a str,
    pub(super) media_type: &'a str,
    /// Ends it.
    pub(super) stop: &'a CancellationToken,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM as usize)))
    }

    async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(1024)).unwrap_or(ROOM).clamp(1, ROOM);
        // It is never closed.
        Arc::clone(&self.0).acquire_many_owned(units).await.ok()
    }
}

impl Upload<'_> {
    /// Puts the whole `file`.
    ///
    /// # Errors
    /// It can't be read or put, or the run has ended; nothing of it is left then, but perhaps the whole object.
    pub(super) async fn put(&self, file: &File) -> Result<(), Failure> {
        let size = file.metadata().map_err(|error| self.unreadable(&error))?.len();
        if size > PART {
            return self.put_in_parts(file, size).await;
        }
        unless_ended(self.stop, async {
            let _room = self.room.take(size).await;
            let bytes = read(file, 0, size).map_err(|error| self.unreadable(&error))?;
            self.bucket.put(self.path, Body::new(bytes, self.media_type)).await
        })
        .await
    }

    async fn put_in_parts(&self, file: &File, size: u64) -> Result<(), Failure> {
        let before = unless_ended(self.stop, self.bucket.head(self.path)).await?;
        let mut upload = self.begin().await?;
        let mut is_completed = false;
        let done = async {
            self.put_parts(&mut *upload, file, size).await?;
            match upload.complete().await {
                Ok(_) => {
                    is_completed = true;
                    Ok(())
                }
                // The first answer may have been lost: the client's second try finds no upload any more, and fails.
                Err(_) if self.is_there(before.as_ref(), size).await => Ok(()),
                Err(error) => Err(self.failure(&error)),
            }
        };
        let done = unless_ended(self.stop, done).await;
        if !is_completed {
            // Otherwise the store would keep the parts, and charge for them. If even that fails, there is nothing to be
            // done.
            let patience = if self.stop.is_cancelled() { GRACE } else { PATIENCE };
            let _ = timeout(patience, upload.abort()).await;
        }
        done
    }

    /// Begins the upload. Where the run ends meanwhile, what was begun all the same is aborted.
    async fn begin(&self) -> Result<Box<dyn MultipartUpload>, Failure> {
        let (sender, mut begun) = oneshot::channel();
        let begin = self.bucket.put_in_parts(self.path, self.media_type);
        let mut task = tokio::spawn(async move {
            if let Err(Ok(mut upload)) = sender.send(begin.await) {
                let _: object_store::Result<()> = upload.abort().await;
            }
        });
        match self.stop.run_until_cancelled(&mut begun).await {
            Some(Ok(begun)) => begun.map_err(|error| self.failure(&error)),
            Some(Err(_)) => Err(Failure::new(ErrorKind::Io, "beginning an upload broke down")),
            None => {
                begun.close();
                let _ = match begun.try_recv() {
                    Ok(Ok(mut upload)) => timeout(GRACE, upload.abort()).await.is_ok(),
                    _ => timeout(GRACE, &mut task).await.is_ok(),
                };
                Err(Failure::ended())
            }
        }
    }

    async fn put_parts(&self, upload: &mut dyn MultipartUpload, file: &File, size: u64) -> Result<(), Failure> {
        let part = PART.max(size.div_ceil(MOST_PARTS));
        // In tasks of their own: they have to go on, and give room back, while this one waits for room.
        let mut under_way = JoinSet::new();
        let mut start = 0;
        while start < size {
            while under_way.len() >= PARTS_AT_A_TIME {
                self.check_next(&mut under_way).await?;
            }
            let length = part.min(size - start);
            let room = self.room.take(length).await;
            let bytes = read(file, start, length).map_err(|error| self.unreadable(&error))?;
            let put = upload.put_part(bytes.into());
            under_way.spawn(async move {
                let done = put.await;
                drop(room);
                done
            });
            start += length;
        }
        while !under_way.is_empty() {
            self.check_next(&mut under_way).await?;
        }
        Ok(())
    }

    /// Waits for one part of those `under_way`.
    async fn check_next(&self, under_way: &mut JoinSet<object_store::Result<()>>) -> Result<(), Failure> {
        match under_way.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(self.failure(&error)),
            Some(Err(error)) => Err(Failure::new(ErrorKind::Io, format!("putting a part broke down: {error}"))),
        }
    }

    /// Whether the whole object is there, and not the one that was there `before`.
    async fn is_there(&self, before: Option<&Entry>, size: u64) -> bool {
        let found = self.bucket.head(self.path).await.ok().flatten();
        found.is_some_and(|found| found.size == size && before != Some(&found))
    }

    fn failure(&self, error: &object_store::Error) -> Failure {
        words::failure(format!("put {}", self.bucket.shown(self.path)), error)
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::io(format!("read what is staged for {}", self.bucket.shown(self.path)), error)
    }
}

/// A piece of a file.
fn read(file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
