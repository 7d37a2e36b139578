//! A bucket of a scripted S3 server: it does what S3 does, and whatever else a test wants; it notes every request, and
//! watches that no request leaves a manifest that names what is not there.

mod contents;
mod fault;
mod objects;
mod protocol;
mod seen;
mod serve;
mod whole;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::{Program, Upstream, program};
use contents::{Object, Upload};
use fault::Rule;
use wire::{Answer, Asked};

pub(crate) use fault::Fault;
pub(crate) use seen::{Op, Seen};

/// The name of the one bucket there is.
const BUCKET: &str = "bucket-of-tests";
/// Whose key is taken.
const KEY_ID: &str = "AKIDOFTESTS";
/// What nobody is to see: as the token, of which the helper that runs the program looks for this part in all that is said.
const SECRET: &str = "bucket-secret-token";

/// What the server knows.
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    /// How many uploads were begun.
    begun: usize,
    log: Vec<Seen>,
    rules: Vec<Rule>,
    /// What no request may do.
    violations: Vec<String>,
    /// So many entries a page of a listing has.
    page_size: usize,
    is_read_only: bool,
    is_unconditional: bool,
    is_heedless: bool,
}

/// The objects of a bucket under the mirror's prefix. Cheap to clone, for what happens meanwhile.
#[derive(Clone)]
pub(crate) struct Objects {
    state: Arc<(Mutex<State>, Condvar)>,
    /// Ends in a slash where there is one.
    prefix: Arc<str>,
}

/// The bucket, on a loopback port of its own until the test ends, and a folder to stage in.
pub(crate) struct Bucket {
    port: u16,
    objects: Objects,
    staging: TempDir,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        Self::with_prefix("some/where")
    }

    /// A bucket in which the mirror has this prefix.
    pub(crate) fn with_prefix(prefix: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            begun: 0,
            log: Vec::new(),
            rules: Vec::new(),
            violations: Vec::new(),
            page_size: 1000,
            is_read_only: false,
            is_unconditional: false,
            is_heedless: false,
        };
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let objects = Objects { state: Arc::new((Mutex::new(state), Condvar::new())), prefix: prefix.into() };
        let shared = objects.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let objects = shared.clone();
                std::thread::spawn(move || serve::serve(stream, &objects));
            }
        });
        Self { port, objects, staging: tempfile::tempdir().unwrap() }
    }

    /// Where the mirror is.
    pub(crate) fn url(&self) -> String {
        format!("s3://{BUCKET}/{}", self.prefix).trim_end_matches('/').to_owned()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The objects, for what happens meanwhile.
    pub(crate) fn objects(&self) -> Objects {
        self.objects.clone()
    }

    /// `program` with what it needs to reach the bucket in its environment.
    pub(crate) fn reached_by(&self, program: Program) -> Program {
        let credentials = program.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
        credentials.env("AWS_ENDPOINT_URL", &self.endpoint())
    }

    /// `run` against `upstream` into the bucket, quick to fail, with a folder to stage in that the test can look at.
    pub(crate) fn run(&self, upstream: &Upstream) -> Program {
        self.reached_by(program()).run(upstream, Path::new(&self.url())).arg("--staging").arg(self.staging_folder())
    }

    /// Another command on the mirror: `verify`, say, with its options.
    pub(crate) fn command(&self, command: &[&str]) -> Program {
        self.reached_by(program()).args(command).arg(self.url())
    }

    pub(crate) fn staging_folder(&self) -> PathBuf {
        self.staging.path().join("staging")
    }

    /// What is left in the folder to stage in.
    pub(crate) fn staged(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.staging_folder()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every manifest is whole, every list of checksums is up to date, no secret is in any object, and nothing that was
    /// begun is left: no upload, nothing staged.
    #[track_caller]
    pub(crate) fn check(&self) {
        self.check_but_litter();
        let state = self.state();
        let objects = behind(&state.objects, &self.prefix);
        let lagging: Vec<String> = ids(&objects).iter().filter_map(|id| whole::sums_flaw(&objects, id)).collect();
        assert_eq!(lagging, Vec::<String>::new());
        let open: Vec<&str> = state.uploads.values().map(|upload| upload.key.as_str()).collect();
        assert_eq!(open, Vec::<&str>::new(), "uploads are left open");
        assert_eq!(self.staged(), Vec::<String>::new(), "litter in staging");
    }

    /// The same, whatever lags or is left: after a kill.
    #[track_caller]
    pub(crate) fn check_but_litter(&self) {
        let state = self.state();
        let objects = behind(&state.objects, &self.prefix);
        let mut flaws: Vec<String> = ids(&objects).iter().flat_map(|id| whole::flaws(&objects, id)).collect();
        flaws.extend(whole::secrets(&objects));
        flaws.extend(state.violations.iter().cloned());
        assert!(flaws.is_empty(), "{flaws:#?}\n{}", seen::shown(&state.log));
    }
}

impl Deref for Bucket {
    type Target = Objects;

    fn deref(&self) -> &Objects {
        &self.objects
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let violations = self.state().violations.clone();
        // Whatever a test looks at. A test that has failed has said so.
        assert!(violations.is_empty() || std::thread::panicking(), "{violations:#?}");
    }
}

impl Objects {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys as the mirror has them; those of others with a slash before.
    fn behind_prefix(&self, keys: &[String]) -> String {
        let key = |key: &String| match key.strip_prefix(&*self.prefix) {
            Some(own) => own.to_owned(),
            None => format!("/{key}"),
        };
        keys.iter().map(key).collect::<Vec<_>>().join(" ")
    }

    fn at(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn fault(&self, op: Op, keys: &[String]) -> Fault {
        let key = self.behind_prefix(keys);
        self.state().rules.iter_mut().find_map(|rule| rule.next(op, &key)).unwrap_or_else(Fault::none)
    }

    fn arrived(&self, seen: Seen) -> usize {
        let mut state = self.state();
        state.log.push(seen);
        self.state.1.notify_all();
        state.log.len() - 1
    }

    fn answered(&self, at: usize, status: u16) {
        let mut state = self.state();
        if let Some(seen) = state.log.get_mut(at) {
            seen.status = Some(status);
        }
        self.state.1.notify_all();
    }

    /// Does what is asked for, and watches what that leaves.
    fn answer(&self, asked: &Asked, op: Op, at: usize) -> Answer {
        let mut state = self.state();
        if let Some(seen) = state.log.get_mut(at) {
            seen.is_done = true;
        }
        self.state.1.notify_all();
        if let Some(refusal) = protocol::refused(&state, asked, op) {
            return refusal;
        }
        let keys = protocol::keys(asked, op);
        let touched: BTreeSet<String> = keys.iter().filter_map(|key| id_of(key.strip_prefix(&*self.prefix)?)).collect();
        let flaws = |state: &State| -> Vec<String> {
            let objects = behind(&state.objects, &self.prefix);
            touched.iter().flat_map(|id| whole::flaws(&objects, id)).collect()
        };
        if !op.changes() {
            return protocol::done(&mut state, asked, op);
        }
        let before = flaws(&state);
        let answer = protocol::done(&mut state, asked, op);
        let new = flaws(&state).into_iter().filter(|flaw| !before.contains(flaw));
        let new: Vec<String> = new.map(|flaw| format!("{op} {} left it so: {flaw}", keys.join(" "))).collect();
        state.violations.extend(new);
        answer
    }
}

/// The objects under a prefix, by their keys behind it.
fn behind<'a>(objects: &'a BTreeMap<String, Object>, prefix: &str) -> BTreeMap<&'a str, &'a Object> {
    objects.iter().filter_map(|(key, object)| Some((key.strip_prefix(prefix)?, object))).collect()
}

/// The elements that have anything.
fn ids(objects: &BTreeMap<&str, &Object>) -> BTreeSet<String> {
    objects.keys().filter_map(|key| id_of(key)).collect()
}

/// The element that a key belongs to.
fn id_of(key: &str) -> Option<String> {
    let key = key.strip_prefix(".element-mirror/history/").unwrap_or(key);
    let (id, _) = key.split_once('/')?;
    (!id.starts_with('.')).then(|| id.to_owned())
}
