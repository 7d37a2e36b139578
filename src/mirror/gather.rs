//! Gathers a version's assets: the kept and the downloaded ones, with one look for fresh links where links are refused.

use std::sync::atomic::AtomicU64;

use futures::future::join_all;

use super::Mirror;
use crate::download::{Description, Received, Wanted};
use crate::element::{Asset, ElementId, url_path};
use crate::error::{ErrorKind, Failure};
use crate::event::Event;
use crate::manifest;
use crate::plan::{Action, Plan, Planned};
use crate::store::local::stage::{Part, Stage};

/// One asset, as it was had or not.
pub(super) struct Gathered<'a> {
    pub(super) planned: &'a Planned,
    pub(super) got: Got,
}

/// Where an asset's bytes are.
pub(super) enum Got {
    /// In the standing version.
    Standing(manifest::Asset),
    /// In a part of the stage.
    Part(Part, Box<Description>),
    /// Nowhere: it can't be had.
    Missing(Failure),
}

/// What is gathered for.
pub(super) struct Errand<'a> {
    pub(super) id: &'a ElementId,
    pub(super) account: Option<&'a str>,
    pub(super) attempts: &'a AtomicU64,
    pub(super) stage: &'a Stage,
}

impl Mirror {
    /// Gets every asset of `plan`; fails only for reasons that lie at the destination.
    pub(super) async fn gather<'a>(&self, plan: &'a Plan, errand: &Errand<'_>) -> Result<Vec<Gathered<'a>>, Failure> {
        let numbered = plan.assets.iter().enumerate();
        let mut gathered = join_all(numbered.map(|(index, planned)| self.get(index, planned, None, errand))).await;
        let refused = |gathered: &Gathered<'_>| matches!(&gathered.got, Got::Missing(failure) if matches!(failure.kind, ErrorKind::Http(403 | 404 | 410)));
        if gathered.iter().any(refused)
            && let Some(fresh) = self.fresh_links(errand).await
        {
            let again =
                gathered.iter().enumerate().filter(|(_, gathered)| refused(gathered)).map(|(index, gathered)| {
                    // Numbers of parts beyond those of the first round.
                    let part = plan.assets.len() + index;
                    let identity = gathered.planned.asset.identity();
                    let link = fresh.iter().find(|asset| asset.identity() == identity).map(|asset| asset.url.as_str());
                    async move { (index, self.get(part, gathered.planned, link, errand).await) }
                });
            for (index, got) in join_all(again).await {
                gathered[index] = got;
            }
        }
        let local = gathered.iter().find_map(|gathered| match &gathered.got {
            Got::Missing(failure) if failure.kind.is_local() => Some(failure.clone()),
            _ => None,
        });
        local.map_or(Ok(gathered), Err)
    }

    /// The element's assets with new links; none where it can't be fetched again.
    async fn fresh_links(&self, errand: &Errand<'_>) -> Option<Vec<Asset>> {
        let reply = self.api.element(errand.id, errand.account, errand.attempts).await.ok()?;
        self.events.hint(Event::Refreshed { what: errand.id.to_string() });
        Some(reply.element.assets)
    }

    async fn get<'a>(
        &self,
        index: usize,
        planned: &'a Planned,
        link: Option<&str>,
        errand: &Errand<'_>,
    ) -> Gathered<'a> {
        let got = match &planned.action {
            Action::Keep(standing) => Got::Standing(standing.clone()),
            Action::Fetch { prior, conditional } => {
                let url = link.unwrap_or(&planned.asset.url);
                let fetched = self.fetch(index, (planned, url), prior.as_ref().filter(|_| *conditional), errand).await;
                match (fetched, prior) {
                    (Ok((part, Received::File(description))), _) => Got::Part(part, description),
                    (Ok((_, Received::NotModified)), Some(prior)) => Got::Standing(prior.clone()),
                    (Ok((_, Received::NotModified)), None) => {
                        Got::Missing(Failure::new(ErrorKind::BadReply, "the CDN answered 304 without being asked to"))
                    }
                    (Err(failure), _) => Got::Missing(failure.of_asset(&label(planned))),
                }
            }
        };
        Gathered { planned, got }
    }

    async fn fetch(
        &self,
        index: usize,
        (planned, url): (&Planned, &str),
        unless_current: Option<&manifest::Asset>,
        errand: &Errand<'_>,
    ) -> Result<(Part, Received), Failure> {
        let mut part = errand.stage.part(index)?;
        let name = format!("{}/{}", errand.id, label(planned));
        let wanted = Wanted { role: planned.asset.role, url, name, unless_current };
        let received = self.downloader.download(&wanted, &mut part, errand.attempts).await?;
        Ok((part, received))
    }
}

/// What a person knows an asset by whose bytes may not be known yet: its standing file's name, or its stem with its
/// path's extension.
fn label(planned: &Planned) -> String {
    if let Action::Fetch { prior: Some(prior), .. } | Action::Keep(prior) = &planned.action {
        return prior.file.clone();
    }
    let path = url_path(&planned.asset.url);
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let plain = |extension: &&str| extension.len() <= 5 && extension.chars().all(|c| c.is_ascii_alphanumeric());
    extension.filter(plain).map_or(planned.stem.clone(), |extension| format!("{}.{extension}", planned.stem))
}
