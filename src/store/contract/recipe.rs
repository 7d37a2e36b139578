//! Versions for tests of any destination: what they hold is known beforehand, to the byte.

use std::sync::LazyLock;

use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::digest::Digest;
use crate::element::ElementId;
use crate::error::Failure;
use crate::event::{Event, Events};
use crate::layout::{Naming, RESPONSE};
use crate::manifest::Manifest;
use crate::plan::Checked;
use crate::store::Destination;
use crate::store::commit::Candidate;
use crate::store::standing::Occupant;
use crate::time::Time;

/// Where the requests of destinations are made.
pub(in crate::store) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap()
});

/// What a version is made of.
#[derive(Clone, Debug)]
pub(in crate::store) struct Recipe {
    pub(in crate::store) id: ElementId,
    pub(in crate::store) at: Time,
    /// Its assets by their plain names.
    pub(in crate::store) assets: Vec<(String, Vec<u8>)>,
    response: Vec<u8>,
}

pub(in crate::store) fn id(text: &str) -> ElementId {
    text.parse().unwrap()
}

pub(in crate::store) fn cover() -> Vec<u8> {
    b"the cover, the same in all versions".to_vec()
}

pub(in crate::store) fn side(number: u8) -> Vec<u8> {
    format!("the side of version {number}").into_bytes()
}

impl Recipe {
    /// The version `number` of the element `u_1`: its cover is that of all versions, its side is its own.
    pub(in crate::store) fn number(number: u8) -> Self {
        Self::of("u_1", number)
    }

    pub(in crate::store) fn of(id: &str, number: u8) -> Self {
        // Always the same time for each version, whatever the clock says.
        let at = Time::from_unix_millis(1_700_000_000_000 + 60_000 * i64::from(number)).unwrap();
        let assets = vec![("cover.png".to_owned(), cover()), ("side.png".to_owned(), side(number))];
        Self { id: self::id(id), at, assets, response: format!("{{\"version\": {number}}}").into_bytes() }
    }

    /// The same, committed when `other` is.
    pub(in crate::store) fn at_the_time_of(self, other: &Self) -> Self {
        Self { at: other.at, ..self }
    }

    /// The same, committed `at` a time, with the `response` of the API that it has then.
    pub(in crate::store) fn committed(self, at: Time, response: &[u8]) -> Self {
        Self { at, response: response.to_owned(), ..self }
    }

    /// The same, committed `hours` ago.
    pub(in crate::store) fn hours_ago(self, hours: i64) -> Self {
        static NOW: LazyLock<i64> = LazyLock::new(|| Time::now().to_unix().0);
        Self { at: Time::from_unix_millis(1000 * (*NOW - 3600 * hours)).unwrap(), ..self }
    }

    /// The same with one more asset.
    pub(in crate::store) fn with(mut self, plain: &str, bytes: Vec<u8>) -> Self {
        self.assets.push((plain.to_owned(), bytes));
        self
    }

    /// The name of the folder in which its manifest is when it is superseded.
    pub(in crate::store) fn when(&self) -> String {
        self.at.to_compact()
    }

    pub(in crate::store) fn manifest(&self, naming: Naming) -> Manifest {
        let asset = |(plain, bytes): &(String, Vec<u8>)| {
            let digest = Digest::of(bytes);
            let role = if plain.starts_with("cover") { "cover" } else { "secondary" };
            json!({"file": naming.name(plain, digest), "role": role, "slot": "", "size": bytes.len(), "sha256": digest,
                "mediaType": "image/png", "url": format!("https://cdn/{plain}"), "fetchedAt": "2026-11-23T08:00:00Z"})
        };
        let (size, digest) = (self.response.len(), Digest::of(&self.response));
        serde_json::from_value(json!({
            "format": 1, "generator": "test", "committedAt": self.at, "element": {"id": self.id, "name": "a name"},
            "response": {"file": naming.name(RESPONSE, digest), "size": size, "sha256": digest},
            "assets": self.assets.iter().map(asset).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    /// The files that its manifest names, with their bytes.
    pub(in crate::store) fn files(&self, naming: Naming) -> Vec<(String, Vec<u8>)> {
        let plain = self.assets.iter().cloned().chain([(RESPONSE.to_owned(), self.response.clone())]);
        plain.map(|(plain, bytes)| (naming.name(&plain, Digest::of(&bytes)), bytes)).collect()
    }

    /// The name of the file that is plainly called so.
    pub(in crate::store) fn name(&self, naming: Naming, plain: &str) -> String {
        let mut names = self.files(naming).into_iter().map(|(name, _)| name);
        names.find(|name| naming.plain(name) == plain).unwrap()
    }

    /// Stages it as the next version, planned against what stands now: what that has is kept.
    pub(in crate::store) fn stage<S: Destination>(&self, store: &S) -> Result<Candidate<S::Handle>, Failure> {
        self.stage_against(store, store.occupant(&self.id)?)
    }

    /// The same, planned against what was found before.
    pub(in crate::store) fn stage_against<S: Destination>(
        &self,
        store: &S,
        occupant: Occupant<S::Handle>,
    ) -> Result<Candidate<S::Handle>, Failure> {
        let stage = store.stage(&self.id)?;
        let manifest = self.manifest(S::NAMING);
        for (asset, (_, bytes)) in manifest.assets.iter().zip(&self.assets) {
            let is_held = |version: &&crate::store::standing::Version<S::Handle>| {
                let Checked { manifest, damaged } = &version.checked;
                let mut held = manifest.assets.iter().filter(|held| !damaged.contains(&held.file));
                held.any(|held| held.file == asset.file && held.sha256 == asset.sha256)
            };
            if let Some(version) = occupant.version().filter(is_held) {
                store.keep(version, &asset.file, (&stage, &asset.file))?;
            } else {
                let mut part = stage.part()?;
                part.write(bytes)?;
                stage.adopt(&part, &asset.file, asset.fetched_at)?;
            }
        }
        let digest = stage.complete(&manifest, &self.response)?;
        Ok(Candidate { stage, manifest, digest, occupant, has_news: true })
    }

    /// Commits it as the next version.
    pub(in crate::store) fn commit<S: Destination>(&self, store: &S) -> Result<(), Failure> {
        commit(store, self.stage(store)?).0
    }
}

/// Commits one version; what came of it, and what was warned of.
pub(in crate::store) fn commit<S: Destination>(
    store: &S,
    candidate: Candidate<S::Handle>,
) -> (Result<(), Failure>, Vec<String>) {
    let (mut answers, warnings) = commit_all(store, vec![candidate], &CancellationToken::new());
    (answers.remove(0), warnings)
}

/// Hands versions over to be committed, one after the other, and then waits for all.
pub(in crate::store) fn commit_all<S: Destination>(
    store: &S,
    candidates: Vec<Candidate<S::Handle>>,
    stop: &CancellationToken,
) -> (Vec<Result<(), Failure>>, Vec<String>) {
    let (events, mut told) = Events::channel(1024);
    let committer = store.committer(events, stop.clone()).unwrap();
    let answers = RUNTIME.block_on(async {
        let mut answers = Vec::new();
        for candidate in candidates {
            answers.push(committer.submit(candidate).await);
        }
        futures::future::join_all(answers).await
    });
    committer.finish();
    let answers = answers.into_iter().map(|answer| answer.expect("the committer broke down")).collect();
    let mut warnings = Vec::new();
    while let Ok(event) = told.try_recv() {
        if let Event::Warned { message, .. } = event {
            warnings.push(message);
        }
    }
    (answers, warnings)
}
