//! Puts a version together: names its files, moves or links them into the stage, and writes down what it holds.

use super::gather::{Gathered, Got};
use crate::api::ElementReply;
use crate::digest::Digest;
use crate::download::Description;
use crate::element::public_url;
use crate::error::Failure;
use crate::layout::{Names, RESPONSE};
use crate::manifest::{Asset, FORMAT, Manifest, Missing, Response, Warning};
use crate::media::Media;
use crate::plan::{Plan, Planned, Standing};
use crate::store::local::stage::{Part, Stage};
use crate::store::local::standing::{Occupant, Version};
use crate::time::Time;

/// A version that was put together.
pub(super) struct Assembled {
    pub(super) manifest: Manifest,
    /// The first failure of an asset that is missing.
    pub(super) failure: Option<Failure>,
    pub(super) downloaded: u64,
    pub(super) bytes: u64,
}

/// Puts `gathered` together in `stage`, beside what `occupant` holds.
pub(super) fn assemble(
    gathered: Vec<Gathered<'_>>,
    (plan, reply): (&Plan, &ElementReply),
    stage: &Stage,
    occupant: &Occupant,
) -> Result<Assembled, Failure> {
    let response = &reply.body;
    let manifest = Manifest {
        format: FORMAT,
        generator: concat!("element-mirror ", env!("CARGO_PKG_VERSION")).to_owned(),
        committed_at: Time::now(),
        element: reply.element.fields.clone(),
        roles: plan.roles.clone(),
        response: Response { file: RESPONSE.to_owned(), size: response.len() as u64, sha256: Digest::of(response) },
        assets: Vec::new(),
        missing: Vec::new(),
        warnings: Vec::new(),
    };
    let mut assembly = Assembly {
        names: reserved(&gathered, occupant)?,
        stage,
        standing: occupant.version(),
        done: Assembled { manifest, failure: None, downloaded: 0, bytes: 0 },
    };
    gathered.into_iter().try_for_each(|gathered| assembly.take(gathered))?;
    Ok(assembly.done)
}

/// The names that new files can't have: strangers' ones, and those that assets have already.
fn reserved(gathered: &[Gathered<'_>], occupant: &Occupant) -> Result<Names, Failure> {
    let mut names = Names::new();
    for stranger in occupant.strangers()? {
        names.reserve(&stranger.to_string_lossy());
    }
    for gathered in gathered {
        if let Some(name) = gathered.planned.action.standing_name() {
            names.reserve(name);
        }
    }
    Ok(names)
}

struct Assembly<'a> {
    names: Names,
    stage: &'a Stage,
    standing: Option<&'a Version>,
    done: Assembled,
}

impl Assembly<'_> {
    fn take(&mut self, Gathered { planned, got }: Gathered<'_>) -> Result<(), Failure> {
        match got {
            Got::Standing(asset) => self.keep(Asset { url: public_url(&planned.asset.url), ..asset }),
            Got::Part(part, description) => self.take_part(planned, &part, *description),
            Got::Missing(failure) => {
                let asset = &planned.asset;
                self.done.manifest.missing.push(Missing {
                    role: asset.role,
                    slot: asset.slot.clone(),
                    url: public_url(&asset.url),
                    error: failure.kind.to_string(),
                });
                self.done.failure.get_or_insert(failure);
                Ok(())
            }
        }
    }

    fn take_part(&mut self, planned: &Planned, part: &Part, description: Description) -> Result<(), Failure> {
        self.done.downloaded += 1;
        self.done.bytes += description.size;
        let file = self.name(planned, &description.media);
        let warnings = warnings(planned, &file, &description);
        let twin = self.standing.and_then(|version| good_twin(&version.standing, description.digest));
        let asset = Asset {
            file,
            role: planned.asset.role,
            slot: planned.asset.slot.clone(),
            size: description.size,
            sha256: description.digest,
            media_type: description.media.media_type,
            width: description.pixels.map(|(width, _)| width),
            height: description.pixels.map(|(_, height)| height),
            url: public_url(&planned.asset.url),
            etag: description.etag,
            last_modified: description.last_modified,
            fetched_at: twin.as_ref().map_or(description.fetched_at, |twin| twin.fetched_at),
        };
        self.done.manifest.warnings.extend(warnings);
        match twin {
            // The same bytes again: one file with several links.
            Some(twin) => self.share(&twin.file, asset),
            None => {
                self.stage.adopt(part, &asset.file, asset.fetched_at)?;
                self.done.manifest.assets.push(asset);
                Ok(())
            }
        }
    }

    /// Takes a file of the standing version in as it is, with what was said about it.
    fn keep(&mut self, asset: Asset) -> Result<(), Failure> {
        let known = self.standing.map(|version| version.standing.manifest.warnings.as_slice()).unwrap_or_default();
        let known = known.iter().filter(|warning| warning.file == asset.file).cloned();
        self.done.manifest.warnings.extend(known);
        let file = asset.file.clone();
        self.share(&file, asset)
    }

    /// Takes the standing version's `file` in, as `asset`.
    fn share(&mut self, file: &str, asset: Asset) -> Result<(), Failure> {
        if let Some(version) = self.standing {
            self.stage.keep(version, file, &asset.file)?;
        }
        self.done.manifest.assets.push(asset);
        Ok(())
    }

    /// The name that the asset had, where it still fits, else a new one.
    fn name(&mut self, planned: &Planned, media: &Media) -> String {
        let fits = |file: &&str| file.rsplit_once('.').is_some_and(|(_, extension)| extension == media.extension);
        match planned.action.standing_name().filter(fits) {
            Some(had) => had.to_owned(),
            None => self.names.claim(&planned.stem, &media.extension),
        }
    }
}

fn good_twin(standing: &Standing, digest: Digest) -> Option<Asset> {
    let good = |asset: &&Asset| asset.sha256 == digest && !standing.damaged.contains(&asset.file);
    standing.manifest.assets.iter().find(good).cloned()
}

fn warnings(planned: &Planned, file: &str, description: &Description) -> Vec<Warning> {
    let warning = |code: &str, message| Warning { file: file.to_owned(), code: code.to_owned(), message };
    let mut warnings = Vec::new();
    if let (Some(width), Some(height), Some(own)) = (planned.asset.width, planned.asset.height, description.pixels)
        && (width, height) != own
    {
        let message = format!("declared {width}x{height}, is {}x{}", own.0, own.1);
        warnings.push(warning("dimensions_differ", message));
    }
    if !description.ends_whole {
        warnings.push(warning("truncated_media", "the picture's end is missing".to_owned()));
    }
    warnings
}
