//! What a test does with a bucket: scripts it, looks into it, changes what is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::contents::Object;
use super::fault::{Fault, Gate, Held, Rule, matches};
use super::{Objects, Op, Seen, State, behind, seen};

impl Objects {
    /// What happens to the next requests of this kind, one after the other; those behind are answered as they should.
    /// In a pattern of keys, `*` stands for anything.
    pub(crate) fn on(&self, op: Op, pattern: &str, faults: impl IntoIterator<Item = Fault>) {
        let faults = faults.into_iter().collect();
        self.state().rules.push(Rule { op, pattern: pattern.to_owned(), faults, repeats: false });
    }

    /// What happens to all requests of this kind from now on.
    pub(crate) fn always(&self, op: Op, pattern: &str, fault: Fault) {
        let faults = [fault].into();
        self.state().rules.push(Rule { op, pattern: pattern.to_owned(), faults, repeats: true });
    }

    /// Holds the next request of this kind.
    pub(crate) fn hold(&self, op: Op, pattern: &str) -> Held {
        let gate = Arc::new(Gate::default());
        self.on(op, pattern, [Fault::held(Arc::clone(&gate))]);
        Held(gate)
    }

    /// What happened to requests so far happens to none any more.
    pub(crate) fn mend(&self) {
        self.state().rules.clear();
    }

    /// A page of a listing has at most so many entries.
    pub(crate) fn page_size(&self, size: usize) {
        self.state().page_size = size;
    }

    /// Nobody may write.
    pub(crate) fn read_only(&self) {
        self.state().is_read_only = true;
    }

    /// Conditions of puts are not implemented.
    pub(crate) fn unconditional(&self) {
        self.state().is_unconditional = true;
    }

    /// Conditions of puts are not looked at, and nothing is said of that.
    pub(crate) fn heedless(&self) {
        self.state().is_heedless = true;
    }

    /// The keys, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let state = self.state();
        behind(&state.objects, &self.prefix).into_keys().map(str::to_owned).collect()
    }

    /// The keys that a pattern means, sorted.
    pub(crate) fn keys_like(&self, pattern: &str) -> Vec<String> {
        self.keys().into_iter().filter(|key| matches(pattern, key)).collect()
    }

    /// The one key that a pattern means.
    #[track_caller]
    pub(crate) fn key(&self, pattern: &str) -> String {
        let keys = self.keys_like(pattern);
        assert_eq!(keys.len(), 1, "{pattern} means {keys:?} of {:?}", self.keys());
        keys.into_iter().next().unwrap()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.state().objects.contains_key(&self.at(key))
    }

    #[track_caller]
    pub(crate) fn object(&self, key: &str) -> Object {
        self.state().objects.get(&self.at(key)).cloned().unwrap_or_else(|| panic!("there is no {key}"))
    }

    #[track_caller]
    pub(crate) fn read(&self, key: &str) -> Vec<u8> {
        self.object(key).bytes.to_vec()
    }

    #[track_caller]
    pub(crate) fn manifest(&self, id: &str) -> Value {
        serde_json::from_slice(&self.read(&format!("{id}/manifest.json"))).unwrap()
    }

    /// The superseded versions of `id`.
    pub(crate) fn history(&self, id: &str) -> Vec<String> {
        let folder = format!(".element-mirror/history/{id}/");
        let keys = self.keys_like(&format!("{folder}*/manifest.json")).into_iter();
        keys.map(|key| key[folder.len()..].trim_end_matches("/manifest.json").to_owned()).collect()
    }

    pub(crate) fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let object = Object::new(bytes.into(), "");
        self.state().objects.insert(self.at(key), object);
    }

    #[track_caller]
    pub(crate) fn remove(&self, key: &str) {
        assert!(self.state().objects.remove(&self.at(key)).is_some(), "there is no {key}");
    }

    /// Makes another byte of an object, which keeps its size and its time.
    #[track_caller]
    pub(crate) fn flip(&self, key: &str) {
        let old = self.object(key);
        let mut bytes = old.bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let object = Object { modified: old.modified, ..Object::new(bytes, &old.media_type) };
        self.state().objects.insert(self.at(key), object);
    }

    /// Sets the times of the objects that a pattern means back.
    pub(crate) fn age(&self, pattern: &str, by: Duration) {
        let mut state = self.state();
        let objects = state.objects.iter_mut();
        let meant = objects.filter(|(key, _)| key.strip_prefix(&*self.prefix).is_some_and(|key| matches(pattern, key)));
        meant.for_each(|(_, object)| object.age(by));
    }

    /// Makes it as if the object had been put then.
    #[track_caller]
    pub(crate) fn set_modified(&self, key: &str, modified: Timestamp) {
        let object = Object { modified, ..self.object(key) };
        self.state().objects.insert(self.at(key), object);
    }

    /// All objects, whosever they are, to be compared.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, String> {
        self.state().objects.iter().map(|(key, object)| (key.clone(), object.digest.to_string())).collect()
    }

    /// The keys of uploads that were begun and neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> Vec<String> {
        self.state().uploads.values().map(|upload| self.behind_prefix(std::slice::from_ref(&upload.key))).collect()
    }

    /// All requests so far, in the order in which they came.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.state().log.clone()
    }

    /// The requests of one kind so far, to the keys that a pattern means.
    pub(crate) fn seen(&self, op: Op, pattern: &str) -> Vec<Seen> {
        self.log().into_iter().filter(|seen| seen.op == op && matches(pattern, &seen.key)).collect()
    }

    /// The log, a line a request.
    pub(crate) fn shown(&self) -> String {
        seen::shown(&self.state().log)
    }

    /// Forgets all requests so far.
    pub(crate) fn forget(&self) {
        self.state().log.clear();
    }

    /// Waits until so many requests of this kind have come.
    #[track_caller]
    pub(crate) fn wait_for(&self, op: Op, pattern: &str, count: usize) {
        self.wait(op, pattern, |seen| seen.len() >= count);
    }

    /// Waits until a request of this kind has been done, whatever is answered then.
    #[track_caller]
    pub(crate) fn wait_until_done(&self, op: Op, pattern: &str) {
        self.wait(op, pattern, |seen| seen.iter().any(|seen| seen.is_done));
    }

    /// Waits until a request of this kind has been answered.
    #[track_caller]
    pub(crate) fn wait_until_answered(&self, op: Op, pattern: &str) {
        self.wait(op, pattern, |seen| seen.iter().any(|seen| seen.status.is_some()));
    }

    #[track_caller]
    fn wait(&self, op: Op, pattern: &str, holds: impl Fn(&[&Seen]) -> bool) {
        let is_waiting = |state: &mut State| {
            let meant = state.log.iter().filter(|seen| seen.op == op && matches(pattern, &seen.key));
            !holds(&meant.collect::<Vec<_>>())
        };
        let (state, waited) =
            self.state.1.wait_timeout_while(self.state(), Duration::from_secs(60), is_waiting).unwrap();
        assert!(!waited.timed_out(), "waited in vain for {op} {pattern}:\n{}", seen::shown(&state.log));
    }
}
