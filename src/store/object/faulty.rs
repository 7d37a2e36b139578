//! For tests: a bucket in memory, as runs see it that are killed, cut off or overtaken at one of their calls.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is done any more, from this call on: the run was killed, or cut off.
    Dies,
    /// The same, but this call is done, and not answered.
    DiesAfter,
    /// It is not done.
    Fails,
    /// It is done, but the answer is lost.
    FailsThough,
    /// It is not done: a condition does not hold, it is said.
    Refuses,
    /// It is done, but another try of the client's finds that its condition does not hold.
    RefusesThough,
    /// From this call on no condition holds, it is said, and nothing is done.
    RefusesFromHere,
}

impl Fault {
    pub(super) const ALL: [Self; 6] =
        [Self::Dies, Self::DiesAfter, Self::Fails, Self::FailsThough, Self::Refuses, Self::RefusesThough];

    fn is_done(self) -> bool {
        matches!(self, Self::DiesAfter | Self::FailsThough | Self::RefusesThough)
    }

    fn error(self, path: &str) -> Error {
        let said = std::io::Error::other(format!("{self:?}"));
        match self {
            Self::Refuses | Self::RefusesThough | Self::RefusesFromHere => {
                Error::Precondition { path: path.to_owned(), source: said.into() }
            }
            _ => broken(said),
        }
    }
}

/// As the client tells that no answer came.
fn broken(said: std::io::Error) -> Error {
    Error::Generic { store: "memory", source: HttpError::new(HttpErrorKind::Interrupted, said).into() }
}

/// What a store does about conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Conditions {
    #[default]
    Heeded,
    /// It says that it does not know them.
    Unsupported,
    /// It does not, and does not say so.
    Ignored,
}

/// What is in the bucket.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) memory: InMemory,
    conditions: Conditions,
    /// Objects that were put long ago, by their tags: one that is put again is young again.
    aged: Mutex<HashMap<Path, (Option<String>, Duration)>>,
}

impl World {
    pub(super) fn with(conditions: Conditions) -> Self {
        Self { conditions, ..Self::default() }
    }

    /// Lets an object be so old, as long as it is not put again.
    pub(super) async fn age(&self, path: &Path, by: Duration) {
        let tag = self.memory.head(path).await.unwrap().e_tag;
        self.aged.lock().unwrap().insert(path.clone(), (tag, by));
    }

    fn shift(&self, meta: &mut ObjectMeta) {
        if let Some((tag, by)) = self.aged.lock().unwrap().get(&meta.location)
            && *tag == meta.e_tag
        {
            meta.last_modified -= *by;
        }
    }
}

/// What is done between two calls.
type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    /// The calls that were made: a verb and a path.
    calls: Vec<String>,
    /// What goes wrong, and with which of the calls.
    fault: Option<(usize, Fault)>,
    hook: Option<(usize, Hook)>,
    is_dead: bool,
}

/// The bucket, as one run sees it.
#[derive(Clone)]
pub(super) struct Faulty {
    world: Arc<World>,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    pub(super) fn of(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), state: Arc::default() }
    }

    /// From now on the call number `number` goes wrong.
    pub(super) fn fail(&self, number: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        let number = state.calls.len() + number;
        state.fault = Some((number, fault));
    }

    /// Right before the call number `number` from now on, `hook` is called, on a thread of its own.
    pub(super) fn before(&self, number: usize, hook: impl FnOnce() + Send + 'static) {
        let mut state = self.state.lock().unwrap();
        let number = state.calls.len() + number;
        state.hook = Some((number, Box::new(hook)));
    }

    /// Whether the call that was to go wrong, or before which something was to happen, was made; ends that.
    pub(super) fn end(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let (fault, hook) = (state.fault.take(), state.hook.take());
        state.is_dead = false;
        let made = state.calls.len();
        fault.is_none_or(|(number, _)| number < made) && hook.is_none()
    }

    /// The calls that were made, each a verb and a path, since this was asked last.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// What is to go wrong with the next call.
    async fn enter(&self, verb: &str, path: &Path) -> Result<Option<Fault>> {
        let hook = {
            let mut state = self.state.lock().unwrap();
            if state.is_dead {
                return Err(broken(std::io::Error::other("long dead")));
            }
            let number = state.calls.len();
            state.calls.push(format!("{verb} {path}"));
            match state.fault {
                Some((at, Fault::RefusesFromHere)) if at <= number && verb == "put-if" => {
                    return Ok(Some(Fault::Refuses));
                }
                Some((_, Fault::RefusesFromHere)) => {}
                Some((at, fault)) if at == number => {
                    state.is_dead = matches!(fault, Fault::Dies | Fault::DiesAfter);
                    return Ok(Some(fault));
                }
                _ => {}
            }
            state.hook.take_if(|(at, _)| *at == number)
        };
        if let Some((_, hook)) = hook {
            tokio::task::spawn_blocking(hook).await.unwrap();
        }
        Ok(None)
    }

    async fn call<T>(&self, verb: &str, path: &Path, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = self.enter(verb, path).await?;
        match fault {
            None => work.await,
            Some(fault) => {
                if fault.is_done() {
                    drop(work.await);
                }
                Err(fault.error(path.as_ref()))
            }
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket in memory")
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let is_plain = matches!(options.mode, PutMode::Overwrite);
        if !is_plain && self.world.conditions == Conditions::Unsupported {
            return Err(Error::NotImplemented { operation: "put_opts".into(), implementer: self.to_string() });
        }
        if self.world.conditions == Conditions::Ignored {
            options.mode = PutMode::Overwrite;
        }
        let verb = if is_plain { "put" } else { "put-if" };
        self.call(verb, path, self.world.memory.put_opts(path, payload, options)).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.call("begin", path, self.world.memory.put_multipart_opts(path, options)).await?;
        Ok(Box::new(Upload { upload, faulty: self.clone(), path: path.clone() }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let verb = if options.head { "head" } else { "get" };
        let mut found = self.call(verb, path, self.world.memory.get_opts(path, options)).await?;
        self.world.shift(&mut found.meta);
        Ok(found)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let delete = move |path: Result<Path>| {
            let this = this.clone();
            async move {
                let path = path?;
                this.call("delete", &path, this.world.memory.delete(&path)).await?;
                Ok(path)
            }
        };
        paths.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned().unwrap_or_default());
        let listed = async move {
            let listed = this.world.memory.list(Some(&prefix)).try_collect::<Vec<_>>();
            let mut listed = this.call("list", &prefix, listed).await?;
            listed.iter_mut().for_each(|meta| this.world.shift(meta));
            Ok::<_, Error>(stream::iter(listed.into_iter().map(Ok)))
        };
        listed.into_stream().try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.call("folders", &path, self.world.memory.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.call("copy", to, self.world.memory.copy_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct Upload {
    upload: Box<dyn MultipartUpload>,
    faulty: Faulty,
    path: Path,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let put = self.upload.put_part(data);
        let (faulty, path) = (self.faulty.clone(), self.path.clone());
        Box::pin(async move { faulty.call("part", &path, put).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Self { upload, faulty, path } = self;
        faulty.call("complete", path, upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let Self { upload, faulty, path } = self;
        faulty.call("abort", path, upload.abort()).await
    }
}
