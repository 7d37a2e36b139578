//! Gathers a version's assets: the kept and the downloaded ones, with one look for fresh links where links are refused.

use futures::future::join_all;

use super::Mirror;
use crate::api::Asked;
use crate::download::{Description, Received, Wanted};
use crate::element::{Asset, url_path};
use crate::error::{ErrorKind, Failure};
use crate::event::Event;
use crate::plan::{Action, Plan, Planned, Prior};
use crate::store::local::stage::{Part, Stage};

/// One asset, as it was had or not.
pub(super) struct Gathered<'a> {
    pub(super) planned: &'a Planned,
    pub(super) got: Got,
}

/// Where an asset's bytes are.
pub(super) enum Got {
    /// In a file that the mirror holds.
    Held(Prior),
    /// In a part of the stage.
    Part(Part, Box<Description>),
    /// Nowhere: it can't be had.
    Missing(Failure),
}

impl Gathered<'_> {
    /// Whether its link was refused, as one that has expired is.
    fn is_refused(&self) -> bool {
        matches!(&self.got, Got::Missing(failure) if matches!(failure.kind, ErrorKind::Http(403 | 404 | 410)))
    }
}

impl Mirror {
    /// Gets every asset of `plan` into `stage`.
    ///
    /// Fails only for reasons that lie at the destination, or where the API refuses the token meanwhile.
    pub(super) async fn gather<'a>(
        &self,
        plan: &'a Plan,
        asked: &Asked<'_>,
        stage: &Stage,
    ) -> Result<Vec<Gathered<'a>>, Failure> {
        let get = |planned: &'a Planned| async move {
            let got = self.get(planned, &planned.asset.url, asked, stage).await;
            Gathered { planned, got }
        };
        let mut gathered = join_all(plan.assets.iter().map(get)).await;
        if gathered.iter().any(Gathered::is_refused) {
            let fresh = self.fresh_links(asked).await?;
            let again = gathered.iter_mut().filter(|gathered| gathered.is_refused()).filter_map(|gathered| {
                let identity = gathered.planned.asset.identity();
                let link = &fresh.iter().find(|asset| asset.identity() == identity)?.url;
                Some(async move { gathered.got = self.get(gathered.planned, link, asked, stage).await })
            });
            join_all(again).await;
        }
        let local = gathered.iter().find_map(|gathered| match &gathered.got {
            Got::Missing(failure) if failure.kind.is_local() => Some(failure.clone()),
            _ => None,
        });
        local.map_or(Ok(gathered), Err)
    }

    /// The element's assets with new links; none where it can't be fetched again.
    async fn fresh_links(&self, asked: &Asked<'_>) -> Result<Vec<Asset>, Failure> {
        match self.api.element(asked, None).await {
            Ok((reply, _)) => {
                self.events.hint(Event::Refreshed { what: asked.id.to_string() });
                Ok(reply.element.assets)
            }
            Err(failure) if matches!(failure.kind, ErrorKind::Http(401 | 402)) => Err(failure),
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn get(&self, planned: &Planned, url: &str, asked: &Asked<'_>, stage: &Stage) -> Got {
        let unless_current = match &planned.action {
            Action::Keep(prior) => return Got::Held(prior.clone()),
            Action::Ask(prior) => Some(prior),
            Action::Fetch => None,
        };
        let (label, role, attempts) = (label(planned), planned.asset.role, asked.attempts);
        let wanted = Wanted { role, url, name: format!("{}/{label}", asked.id), unless_current, attempts };
        let fetch = async {
            let mut part = stage.part()?;
            let received = self.downloader.download(&wanted, &mut part).await?;
            Ok((part, received))
        };
        match fetch.await {
            Ok((_, Received::Current(prior))) => Got::Held(prior.clone()),
            Ok((part, Received::File(description))) => Got::Part(part, description),
            Err(failure) => Got::Missing(Failure::of_asset(failure, &label)),
        }
    }
}

/// What a person knows an asset by whose bytes may not be known yet: its standing file's name, or its stem with its
/// path's extension.
fn label(planned: &Planned) -> String {
    if let Some(name) = &planned.had {
        return name.clone();
    }
    let path = url_path(&planned.asset.url);
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let plain = |extension: &&str| extension.len() <= 5 && extension.chars().all(|c| c.is_ascii_alphanumeric());
    extension.filter(plain).map_or(planned.stem.clone(), |extension| format!("{}.{extension}", planned.stem))
}
