//! Puts a version together: names its files, moves or links them into the stage, and writes down what it holds.

use super::gather::{Gathered, GatheredAsset, Got};
use super::sources::Sources;
use crate::digest::Digest;
use crate::download::Description;
use crate::error::Failure;
use crate::layout::{Names, RESPONSE};
use crate::manifest::{Asset, FORMAT, Manifest, Missing, Response, Warning};
use crate::plan::{Action, Checked, HeldIn, Planned, Prior};
use crate::store::Store;
use crate::store::stage::{Part, Stage};
use crate::store::standing::Occupant;
use crate::time::Time;

/// A version that was put together.
pub(super) struct Assembled {
    pub(super) manifest: Manifest,
    /// The API's reply.
    pub(super) response: Vec<u8>,
    /// The first failure of an asset that is missing.
    pub(super) failure: Option<Failure>,
    /// Whether the CDN was asked for any of it, so that as a draft it saves a later run requests.
    pub(super) has_news: bool,
    pub(super) downloaded: u64,
    pub(super) bytes: u64,
}

/// Puts a version together in `stage`, of what was gathered: of parts of the stage, and of files that the `sources`
/// hold.
pub(super) fn assemble<S: Store>(
    Gathered { reply, roles, assets }: Gathered,
    (store, stage): (&S, &Stage),
    sources: &Sources<S::Handle>,
) -> Result<Assembled, Failure> {
    let sha256 = Digest::of(&reply.body);
    let response = Response { file: S::NAMING.name(RESPONSE, sha256), size: reply.body.len() as u64, sha256 };
    let manifest = Manifest {
        format: FORMAT,
        generator: concat!("element-mirror ", env!("CARGO_PKG_VERSION")).to_owned(),
        committed_at: Time::now(),
        element: reply.element.fields,
        roles,
        response,
        assets: Vec::new(),
        missing: Vec::new(),
        warnings: Vec::new(),
    };
    let mut assembly = Assembly {
        names: reserved(store, &assets, &sources.occupant)?,
        store,
        stage,
        sources,
        done: Assembled { manifest, response: reply.body, failure: None, has_news: false, downloaded: 0, bytes: 0 },
    };
    assets.into_iter().try_for_each(|asset| assembly.take(asset))?;
    Ok(assembly.done)
}

/// The names that no new file may get: those of strangers' files, and those of the assets' own standing files.
fn reserved<S: Store>(store: &S, assets: &[GatheredAsset], occupant: &Occupant<S::Handle>) -> Result<Names, Failure> {
    let mut names = Names::new();
    for stranger in store.strangers(occupant)? {
        names.reserve(&stranger.to_string_lossy());
    }
    for name in assets.iter().filter_map(|asset| asset.planned.had.as_ref()) {
        names.reserve(&S::NAMING.plain(name));
    }
    Ok(names)
}

struct Assembly<'a, S: Store> {
    names: Names,
    store: &'a S,
    stage: &'a Stage,
    sources: &'a Sources<S::Handle>,
    done: Assembled,
}

impl<S: Store> Assembly<'_, S> {
    fn take(&mut self, GatheredAsset { planned, got }: GatheredAsset) -> Result<(), Failure> {
        match got {
            Got::Held(prior) => self.keep(&planned, prior),
            Got::Part(part, description) => self.take_part(&planned, &part, *description),
            Got::Missing(failure) => {
                let asset = planned.asset;
                self.done.manifest.missing.push(Missing {
                    role: asset.role,
                    slot: asset.slot,
                    url: asset.link.public(),
                    error: failure.kind.to_string(),
                });
                self.done.failure.get_or_insert(failure);
                Ok(())
            }
        }
    }

    fn take_part(&mut self, planned: &Planned, part: &Part, description: Description) -> Result<(), Failure> {
        self.done.has_news = true;
        self.done.downloaded += 1;
        self.done.bytes += description.size;
        let file = self.name(planned, &description.media.extension, description.digest);
        let warnings = warnings(planned, &file, &description);
        let twin = self.sources.occupant.standing().and_then(|standing| good_twin(standing, description.digest));
        let asset = Asset {
            file,
            role: planned.asset.role,
            slot: planned.asset.slot.clone(),
            size: description.size,
            sha256: description.digest,
            media_type: description.media.media_type,
            width: description.pixels.map(|(width, _)| width),
            height: description.pixels.map(|(_, height)| height),
            url: planned.asset.link.public(),
            etag: description.etag,
            last_modified: description.last_modified,
            fetched_at: twin.as_ref().map_or(description.fetched_at, |twin| twin.fetched_at),
        };
        self.done.manifest.warnings.extend(warnings);
        match twin {
            // The same bytes again: one file with several links.
            Some(twin) if S::NAMING.can_rename() || twin.file == asset.file => {
                self.share(HeldIn::Standing, &twin.file, asset)
            }
            _ => {
                self.stage.adopt(part, &asset.file, asset.fetched_at)?;
                self.done.manifest.assets.push(asset);
                Ok(())
            }
        }
    }

    /// Takes a file that is held into the version as it is, with the warnings about it.
    fn keep(&mut self, planned: &Planned, Prior { asset, held_in }: Prior) -> Result<(), Failure> {
        self.done.has_news |= matches!(planned.action, Action::Ask(_));
        let held = asset.file.clone();
        let extension = held.rsplit_once('.').map_or("bin", |(_, extension)| extension);
        let file = match planned.had.as_ref() == Some(&held) || !S::NAMING.can_rename() {
            true => held.clone(),
            false => self.name(planned, extension, asset.sha256),
        };
        let asset = Asset { file, url: planned.asset.link.public(), ..asset };
        let warnings = &mut self.done.manifest.warnings;
        warnings.extend(dimensions_differ(planned, &asset.file, asset.width.zip(asset.height)));
        if let Some(version) = self.sources.version(held_in) {
            // The API may declare other dimensions now.
            let known = version.checked.manifest.warnings.iter();
            let known = known.filter(|warning| warning.file == held && warning.code != DIMENSIONS_DIFFER);
            warnings.extend(known.map(|warning| Warning { file: asset.file.clone(), ..warning.clone() }));
        }
        self.share(held_in, &held, asset)
    }

    /// Gives a `file` of a version that is held a second name in the new one, as `asset` says.
    fn share(&mut self, held_in: HeldIn, file: &str, asset: Asset) -> Result<(), Failure> {
        if let Some(version) = self.sources.version(held_in) {
            self.store.keep(version, file, (self.stage, &asset.file))?;
        }
        self.done.manifest.assets.push(asset);
        Ok(())
    }

    /// The file's name: the one that the asset has in the standing version, where that has this extension, else a new
    /// one.
    fn name(&mut self, planned: &Planned, extension: &str, digest: Digest) -> String {
        let fits = |file: &String| file.rsplit_once('.').is_some_and(|(_, had)| had == extension);
        let plain = match planned.had.as_ref().map(|had| S::NAMING.plain(had)).filter(fits) {
            Some(had) => had,
            None => self.names.claim(S::NAMING.stem(&planned.stem), extension),
        };
        S::NAMING.name(&plain, digest)
    }
}

fn good_twin(standing: &Checked, digest: Digest) -> Option<Asset> {
    let good = |asset: &&Asset| asset.sha256 == digest && !standing.damaged.contains(&asset.file);
    standing.manifest.assets.iter().find(good).cloned()
}

fn warnings(planned: &Planned, file: &str, description: &Description) -> Vec<Warning> {
    let is_cut = !description.ends_whole;
    let cut = is_cut.then(|| warning(file, "truncated_media", "the picture's end is missing".to_owned()));
    dimensions_differ(planned, file, description.pixels).into_iter().chain(cut).collect()
}

const DIMENSIONS_DIFFER: &str = "dimensions_differ";

/// That a picture has other dimensions, its `own`, than the API declares.
fn dimensions_differ(planned: &Planned, file: &str, own: Option<(u32, u32)>) -> Option<Warning> {
    let ((declared_width, declared_height), (width, height)) = (planned.asset.width.zip(planned.asset.height)?, own?);
    let message = format!("declared {declared_width}x{declared_height}, is {width}x{height}");
    ((declared_width, declared_height) != (width, height)).then(|| warning(file, DIMENSIONS_DIFFER, message))
}

fn warning(file: &str, code: &str, message: String) -> Warning {
    Warning { file: file.to_owned(), code: code.to_owned(), message }
}
