//! The part of a bucket that a mirror has: objects under one prefix.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions,
    PutOptions, UpdateVersion,
};

use super::words;
use crate::digest::{Digest, Hasher};
use crate::error::{ErrorKind, Failure};
use crate::store::MAX_READ;
use crate::time::Time;

/// How many times a request is tried in all whose connection breaks.
pub(super) const TRIES: u32 = 4;

/// A bucket, and a prefix in it. Paths are those behind the prefix.
pub(super) struct Bucket {
    client: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What people call it: its URL.
    name: String,
    /// Whether the server puts an object on a condition; known to be false once it said or showed that.
    is_conditional: AtomicBool,
}

/// An object that was read, and what the server calls this state of it.
#[derive(Debug, Default)]
pub struct Revision {
    pub(super) bytes: Bytes,
    e_tag: Option<String>,
    version: Option<String>,
}

/// What an object is to hold.
#[derive(Clone)]
pub(super) struct Body<'a> {
    bytes: Bytes,
    media_type: &'a str,
}

impl<'a> Body<'a> {
    pub(super) fn new(bytes: Bytes, media_type: &'a str) -> Self {
        Self { bytes, media_type }
    }

    pub(super) fn json(bytes: Bytes) -> Self {
        Self { bytes, media_type: "application/json" }
    }

    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        Self { bytes: text.into(), media_type: "text/plain" }
    }
}

/// On what an object is put.
#[derive(Clone, Copy)]
pub(super) enum Condition<'a> {
    /// There is none yet.
    Absent,
    /// It is still the one that was read.
    Still(&'a Revision),
}

/// Why an object was not put, or why nobody knows whether it was.
pub(super) enum Refused {
    /// The condition does not hold: another is there.
    Condition(Failure),
    /// Anything else.
    Otherwise(Failure),
}

impl Refused {
    /// The same failure where no other object is there after all: another name would be refused as well.
    fn without_reason(self) -> Self {
        match self {
            Self::Condition(failure) => Self::Otherwise(Failure { kind: ErrorKind::Conflict, ..failure }),
            otherwise @ Self::Otherwise(_) => otherwise,
        }
    }
}

/// What the server says of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The last part of its path.
    pub(super) name: String,
    pub(super) size: u64,
    /// By the server's clock.
    pub(super) modified: Time,
    e_tag: Option<String>,
}

impl Bucket {
    pub(super) fn new(client: Arc<dyn ObjectStore>, prefix: Path, name: String) -> Self {
        Self { client, prefix, name, is_conditional: AtomicBool::new(true) }
    }

    /// From now on the program itself checks a condition before it puts an object, by reading what is there.
    pub(super) fn distrust_conditions(&self) {
        self.is_conditional.store(false, Relaxed);
    }

    /// What people call the object, or the folder.
    pub(super) fn shown(&self, path: &str) -> String {
        if path.is_empty() { self.name.clone() } else { format!("{}/{path}", self.name) }
    }

    fn failure(&self, what: &str, path: &str, error: &object_store::Error) -> Failure {
        words::failure(format!("{what} {}", self.shown(path)), error)
    }

    fn at(&self, path: &str) -> Path {
        path.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), Path::join)
    }

    /// The object, read whole; none where there is none.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Revision>, Failure> {
        let failed = |error| self.failure("read", path, &error);
        let found = match self.client.get(&self.at(path)).await {
            Err(error) if words::is_not_found(&error) => return Ok(None),
            found => found.map_err(failed)?,
        };
        if found.meta.size > MAX_READ {
            return Err(Failure::new(
                ErrorKind::Io,
                format!("read {}: it has {} bytes", self.shown(path), found.meta.size),
            ));
        }
        let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
        let bytes = found.bytes().await.map_err(failed)?;
        Ok(Some(Revision { bytes, e_tag, version }))
    }

    /// The size and digest of the object; none where there is none. `took` is told of the bytes as they come.
    pub(super) async fn hash(&self, path: &str, took: impl Fn(u64)) -> Result<Option<(u64, Digest)>, Failure> {
        let failed = |error| self.failure("read", path, &error);
        let found = match self.client.get(&self.at(path)).await {
            Err(error) if words::is_not_found(&error) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let (mut hasher, mut size, mut stream) = (Hasher::new(), 0, found.into_stream());
        while let Some(bytes) = stream.try_next().await.map_err(failed)? {
            hasher.update(&bytes);
            size += bytes.len() as u64;
            took(bytes.len() as u64);
        }
        Ok(Some((size, hasher.finish())))
    }

    /// What the server says of the object; none where there is none.
    pub(super) async fn head(&self, path: &str) -> Result<Option<Entry>, Failure> {
        match self.client.head(&self.at(path)).await {
            Err(error) if words::is_not_found(&error) => Ok(None),
            Err(error) => Err(self.failure("look at", path, &error)),
            Ok(meta) => Ok(Some(entry(&meta))),
        }
    }

    /// Puts an object, whatever was there.
    pub(super) async fn put(&self, path: &str, Body { bytes, media_type }: Body<'_>) -> Result<(), Failure> {
        let options = PutOptions { attributes: attributes(media_type), ..PutOptions::default() };
        let put = self.client.put_opts(&self.at(path), bytes.into(), options).await;
        put.map(drop).map_err(|error| self.failure("put", path, &error))
    }

    /// Puts an object on a condition. Where the server heeds none, what is there is read before, and may change
    /// between.
    pub(super) async fn put_if(&self, path: &str, body: Body<'_>, condition: Condition<'_>) -> Result<(), Refused> {
        if let Some(mode) = condition.mode().filter(|_| self.is_conditional.load(Relaxed)) {
            let options = PutOptions { mode, attributes: attributes(body.media_type), ..PutOptions::default() };
            match self.client.put_opts(&self.at(path), body.bytes.clone().into(), options).await {
                Err(error) if words::is_unsupported(&error) => self.distrust_conditions(),
                Err(error) => {
                    let failure = self.failure("put", path, &error);
                    let is_conflict = words::is_conflict(&error);
                    return Err(if is_conflict { Refused::Condition(failure) } else { Refused::Otherwise(failure) });
                }
                Ok(_) => return Ok(()),
            }
        }
        let found = self.read(path).await.map_err(Refused::Otherwise)?;
        if !condition.holds(found.as_ref()) {
            let message = format!("put {}: another has been put there meanwhile", self.shown(path));
            return Err(Refused::Condition(Failure::new(ErrorKind::Conflict, message)));
        }
        self.put(path, body).await.map_err(Refused::Otherwise)
    }

    /// Puts an object on a condition. Where that fails the object is read back, since it may have been put all the
    /// same; if it was not, and the condition still holds, it is put again.
    pub(super) async fn put_once(&self, path: &str, body: Body<'_>, condition: Condition<'_>) -> Result<(), Refused> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let refused = match self.put_if(path, body.clone(), condition).await {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            // What is there says more than the store's answer: the client may have made the put twice, and had the
            // second refused because of the first.
            let Ok(found) = self.read(path).await else { return Err(refused.without_reason()) };
            if found.as_ref().is_some_and(|found| found.bytes == body.bytes) {
                return Ok(());
            }
            if !condition.holds(found.as_ref()) {
                let message = format!("{} was replaced by another run meanwhile", self.shown(path));
                return Err(Refused::Condition(Failure::new(ErrorKind::Conflict, message)));
            }
            if left == 0 {
                return Err(refused.without_reason());
            }
        }
    }

    /// Begins to put a large object in parts; a task of its own may do that.
    pub(super) fn put_in_parts(
        &self,
        path: &str,
        media_type: &str,
    ) -> impl Future<Output = object_store::Result<Box<dyn MultipartUpload>>> + Send + use<> {
        let options = PutMultipartOptions { attributes: attributes(media_type), ..PutMultipartOptions::default() };
        let (client, at) = (Arc::clone(&self.client), self.at(path));
        async move { client.put_multipart_opts(&at, options).await }
    }

    /// Gives the object a copy at another path.
    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let copied = self.client.copy(&self.at(from), &self.at(to)).await;
        copied.map_err(|error| self.failure("copy", from, &error))
    }

    /// Removes the object, if it is there.
    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let at = self.at(path);
        match again(|| self.client.delete(&at)).await {
            Err(error) if words::is_not_found(&error) => Ok(()),
            removed => removed.map_err(|error| self.failure("remove", path, &error)),
        }
    }

    /// The objects in a folder, and in folders in it: paths behind the prefix.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, Failure> {
        let at = self.at(folder);
        let strip = |meta: ObjectMeta| {
            let parts: Vec<_> =
                meta.location.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
            Some((parts.join("/"), entry(&meta)))
        };
        let list = || self.client.list(Some(&at)).map_ok(strip).try_collect::<Vec<_>>();
        let listed = again(list).await.map_err(|error| self.failure("list", folder, &error))?;
        Ok(listed.into_iter().flatten().collect())
    }

    /// The objects in a folder, and in no folder in it.
    pub(super) async fn list_files(&self, folder: &str) -> Result<Vec<(String, Entry)>, Failure> {
        let mut listed = self.list(folder).await?;
        listed.retain(|(path, object)| *path == format!("{folder}/{}", object.name));
        Ok(listed)
    }

    /// The names of the folders in a folder.
    pub(super) async fn folders(&self, folder: &str) -> Result<Vec<String>, Failure> {
        let at = self.at(folder);
        let listed = again(|| self.client.list_with_delimiter(Some(&at))).await;
        let listed = listed.map_err(|error| self.failure("list", folder, &error))?;
        let name = |path: &Path| path.filename().map(str::to_owned);
        Ok(listed.common_prefixes.iter().filter_map(name).collect())
    }
}

/// Tries again where a connection breaks. For requests that may be made twice, though the client itself tries them once
/// only.
async fn again<T, W>(work: impl Fn() -> W) -> object_store::Result<T>
where
    W: Future<Output = object_store::Result<T>>,
{
    for _ in 1..TRIES {
        match work().await {
            Err(error) if words::is_broken_off(&error) => {}
            done => return done,
        }
    }
    work().await
}

impl Condition<'_> {
    /// How the condition is said; none where the server gave nothing to say it with.
    fn mode(self) -> Option<PutMode> {
        match self {
            Self::Absent => Some(PutMode::Create),
            Self::Still(Revision { e_tag: None, version: None, .. }) => None,
            Self::Still(Revision { e_tag, version, .. }) => {
                Some(PutMode::Update(UpdateVersion { e_tag: e_tag.clone(), version: version.clone() }))
            }
        }
    }

    /// Whether it holds where that was `found`.
    pub(super) fn holds(self, found: Option<&Revision>) -> bool {
        match (self, found) {
            (Self::Absent, None) => true,
            (Self::Still(revision), Some(found)) => revision.bytes == found.bytes,
            (Self::Absent, Some(_)) | (Self::Still(_), None) => false,
        }
    }
}

fn attributes(media_type: &str) -> Attributes {
    Attributes::from_iter([(Attribute::ContentType, media_type.to_owned())])
}

fn entry(meta: &ObjectMeta) -> Entry {
    let name = meta.location.filename().unwrap_or_default().to_owned();
    // A time that no calendar holds counts as now, so that the object is young and stays.
    let modified = Time::from_unix_millis(meta.last_modified.timestamp_millis()).unwrap_or_else(Time::now);
    Entry { name, size: meta.size, modified, e_tag: meta.e_tag.clone() }
}
