//! Gathers a version's assets: the kept and the downloaded ones, with one more look at the element where links are
//! refused.

use futures::future::join_all;

use super::Mirror;
use super::sources::Sources;
use crate::api::{Asked, ElementReply, Slot};
use crate::download::{Description, Received, Wanted};
use crate::element::{Asset, Element, Role};
use crate::error::{ErrorKind, Failure};
use crate::event::Event;
use crate::plan::{Action, Plan, Planned, Prior};
use crate::store::Store;
use crate::store::stage::{Part, Stage};

/// A version's assets, had or not, and the reply that names them.
pub(super) struct Gathered {
    pub(super) reply: ElementReply,
    /// The roles that the version will hold, where that is not all of them.
    pub(super) roles: Option<Vec<Role>>,
    pub(super) assets: Vec<GatheredAsset>,
}

/// One asset, as it was had or not.
pub(super) struct GatheredAsset {
    pub(super) planned: Planned,
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

/// What was had before the element was fetched once more.
struct Had<'a> {
    assets: Vec<GatheredAsset>,
    /// The element as it was, and as it is.
    replies: [&'a Element; 2],
}

impl Had<'_> {
    /// What was had of `asset`, which the newer reply names.
    fn take(&mut self, asset: &Asset) -> Option<Got> {
        let identity = asset.identity();
        let is_one_of_several =
            |element: &&Element| element.assets.iter().filter(|other| other.identity() == identity).count() > 1;
        // Then only the whole link tells them apart.
        let by_link = self.replies.iter().any(is_one_of_several);
        let is_it = |had: &Asset| had.identity() == identity && (!by_link || had.link == asset.link);
        let index = self.assets.iter().position(|had| is_it(&had.planned.asset))?;
        Some(self.assets.swap_remove(index).got)
    }
}

impl GatheredAsset {
    /// Why it can't be had, where it can't.
    fn failure(&self) -> Option<&Failure> {
        match &self.got {
            Got::Missing(failure) => Some(failure),
            Got::Held(_) | Got::Part(..) => None,
        }
    }

    /// Why its link was refused, where that is how one that has expired is refused.
    fn refusal(&self) -> Option<&Failure> {
        self.failure().filter(|failure| matches!(failure.kind, ErrorKind::Http(403 | 404 | 410)))
    }
}

/// An element in flight: how it is asked for, and its slot.
pub(super) struct InFlight<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) slot: &'a mut Slot,
}

impl<S: Store> Mirror<S> {
    /// Gets every asset of `plan`, which was made for `reply`, into `stage`. Where links are refused, the element is
    /// fetched once more, and the new reply counts; should its account pause then, its slot is given back
    /// meanwhile.
    ///
    /// Fails only for reasons that lie at the destination, or where the API refuses the token or does not know the
    /// element any more. An asset that can't be had is no failure here, but a gap in what is gathered.
    pub(super) async fn gather(
        &self,
        (mut plan, mut reply): (Plan, ElementReply),
        in_flight: &mut InFlight<'_>,
        sources: &Sources<S::Handle>,
        stage: &Stage,
    ) -> Result<Gathered, Failure> {
        let asked = in_flight.asked;
        let mut assets = self.get_all(plan.assets, None, (asked, stage)).await;
        if let Some(refusal) = assets.iter().find_map(GatheredAsset::refusal)
            && let Some(fresh) = self.ask_again(in_flight, sources, refusal).await?
        {
            // Of an element that was changed meanwhile the same path may have other bytes.
            let is_same = fresh.element.is_as_current_as(&reply.element.fields);
            let before = std::mem::replace(&mut reply, fresh);
            plan = Plan::new(&reply.element, sources.held(), &self.options.policy);
            assets.retain(|asset| is_same && asset.refusal().is_none());
            let had = Had { assets, replies: [&before.element, &reply.element] };
            assets = self.get_all(plan.assets, Some(had), (asked, stage)).await;
        }
        if let Some(failure) =
            assets.iter().filter_map(GatheredAsset::failure).find(|failure| failure.kind.is_on_this_side())
        {
            return Err(failure.clone());
        }
        for Failure { kind, message, asset } in assets.iter().filter_map(GatheredAsset::failure) {
            let what = format!("{}/{}", asked.id, asset.as_deref().unwrap_or_default());
            self.events.hint(Event::Refused { what, kind: *kind, message: message.clone() });
        }
        Ok(Gathered { reply, roles: plan.roles, assets })
    }

    /// The element as the API gives it after the `refusal` of a link; none where it can't be fetched again, which
    /// leaves what could be had.
    ///
    /// Fails where more than a fresh link is lost: the token is refused, or an element that the mirror holds is gone.
    async fn ask_again(
        &self,
        InFlight { asked, slot }: &mut InFlight<'_>,
        sources: &Sources<S::Handle>,
        refusal: &Failure,
    ) -> Result<Option<ElementReply>, Failure> {
        let what = asked.id.to_string();
        let asset = refusal.asset.as_deref().unwrap_or_default();
        let message = format!("{asset}: {refusal}");
        self.events.hint(Event::Refreshed { what: what.clone(), kind: refusal.kind, message });
        match self.api.element(asked, slot).await {
            Ok(reply) => Ok(Some(reply)),
            Err(failure) if failure.kind.is_refusal() => Err(failure),
            // Of one that is not held yet, what could be had is better than nothing.
            Err(failure) if matches!(failure.kind, ErrorKind::Http(404 | 410)) && sources.held().standing.is_some() => {
                Err(failure)
            }
            Err(Failure { kind, message, .. }) => {
                self.events.hint(Event::Refused { what, kind, message: format!("no fresh links: {message}") });
                Ok(None)
            }
        }
    }

    /// The assets of a `plan`: those that were `had` before as they were, the others downloaded.
    async fn get_all(
        &self,
        plan: Vec<Planned>,
        mut had: Option<Had<'_>>,
        (asked, stage): (&Asked<'_>, &Stage),
    ) -> Vec<GatheredAsset> {
        let get = |planned: Planned| {
            let had = had.as_mut().and_then(|had| had.take(&planned.asset));
            async move {
                let got = match had {
                    Some(got) => got,
                    None => self.get(&planned, asked, stage).await,
                };
                GatheredAsset { planned, got }
            }
        };
        join_all(plan.into_iter().map(get)).await
    }

    async fn get(&self, planned: &Planned, asked: &Asked<'_>, stage: &Stage) -> Got {
        let unless_current = match &planned.action {
            Action::Keep(prior) => return Got::Held(prior.clone()),
            // Without a validator there is nothing to ask with.
            Action::Ask(prior) => Some(prior).filter(|prior| prior.asset.has_validator()),
            Action::Fetch => None,
        };
        let (label, attempts) = (label(planned), asked.attempts);
        let Asset { role, link, .. } = &planned.asset;
        let wanted = Wanted { role: *role, link, name: format!("{}/{label}", asked.id), unless_current, attempts };
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

/// What messages call an asset whose bytes may not be known yet: the name of its standing file, or else its stem with
/// the extension of its link's path.
fn label(planned: &Planned) -> String {
    if let Some(name) = &planned.had {
        return name.clone();
    }
    let is_plain = |extension: &str| extension.len() <= 5 && extension.chars().all(|c| c.is_ascii_alphanumeric());
    let name = planned.asset.link.path().rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, extension)) if is_plain(extension) => format!("{}.{extension}", planned.stem),
        _ => planned.stem.clone(),
    }
}
