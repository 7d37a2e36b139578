//! One element: fetch, plan, download, commit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::assemble::{Assembled, assemble};
use super::gather::InFlight;
use super::sources::Sources;
use super::{Mirror, Purpose};
use crate::api::{Asked, ElementReply, Slot};
use crate::element::{ElementId, Listed};
use crate::error::{ErrorKind, Failure};
use crate::ids::Entry;
use crate::outcome::{ElementOutcome, Stands, Status};
use crate::plan::{Checked, Held, Plan, Verdict, judge, says_enough, stands_as_listed};
use crate::store::Store;
use crate::store::commit::{Candidate, Committer};
use crate::store::stage::Stage;
use crate::store::standing::{Occupant, Version};
use crate::time::{Time, millis};

/// How far an element came before its slot is free again.
enum Step<P> {
    /// To its end.
    Settled(ElementOutcome),
    /// To a version that is ready to be committed; the outcome is what it will be.
    Ready(Box<Candidate<P>>, ElementOutcome),
}

impl<S: Store> Mirror<S> {
    /// Mirrors one element and tells what became of it, unless the run takes up nothing more before its turn comes.
    pub(super) async fn take_up(
        &self,
        entry: Entry,
        listed: Option<Box<Listed>>,
        committer: Option<&Committer<S::Handle>>,
    ) {
        let started = Instant::now();
        let attempts = AtomicU64::new(0);
        let asked = Asked { id: &entry.id, account: self.account(&entry), attempts: &attempts };
        let closed_before_its_turn = async {
            self.stop.closing().cancelled().await;
            if attempts.load(Relaxed) > 0 {
                std::future::pending::<()>().await;
            }
        };
        let done = tokio::select! {
            done = self.mirror(&asked, listed, committer) => done,
            () = closed_before_its_turn => return,
        };
        let was_overtaken = |failure: &Failure| failure.kind == ErrorKind::Conflict;
        let mut outcome = match done.error.as_ref().is_some_and(was_overtaken) {
            // Another run has put its version first. Once, the element is planned anew against that.
            true => Box::pin(self.mirror(&asked, None, committer)).await,
            false => done,
        };
        let is_refused = outcome.error.as_ref().is_some_and(|failure| failure.kind.is_refusal());
        if attempts.load(Relaxed) == 0 && (is_refused || (outcome.error.is_some() && self.stop.token().is_cancelled()))
        {
            // It still waited for its turn when the run ended, or was about to: it counts as not taken up.
            return;
        }
        outcome = self.prune_history(outcome).await;
        outcome.email = entry.email.clone();
        outcome.attempts = attempts.load(Relaxed);
        outcome.elapsed_ms = millis(started.elapsed());
        self.tell(outcome).await;
    }

    /// Mirrors one element, its commit included. Until the commit begins, the run's end cuts it off.
    async fn mirror(
        &self,
        asked: &Asked<'_>,
        listed: Option<Box<Listed>>,
        committer: Option<&Committer<S::Handle>>,
    ) -> ElementOutcome {
        // (Not `run_until_cancelled`, whose future has room for this large one twice.)
        let done = tokio::select! {
            done = self.prepare(asked, listed) => Some(done),
            () = self.stop.token().cancelled() => None,
        };
        match done {
            Some((step, slot)) => Box::pin(self.finish(asked.id, step, slot, committer)).await,
            // Of one that still waited for its turn nothing is told.
            None if asked.attempts.load(Relaxed) == 0 => {
                let interrupted = Failure::new(ErrorKind::Interrupted, "the run ended before its turn");
                ElementOutcome::new(Some(asked.id.clone()), Status::Failed).with_failure(interrupted)
            }
            None => self.cut_off(asked.id).await,
        }
    }

    /// Does everything up to the commit. The slot in flight is to be kept until the version waits for that.
    async fn prepare(&self, asked: &Asked<'_>, listed: Option<Box<Listed>>) -> (Step<S::Handle>, Slot) {
        let mut slot = Slot::of(&self.slots);
        if let Some(listed) = listed.filter(|listed| says_enough(listed)) {
            match self.settle_by_list(asked, &listed).await {
                Ok(None) => {}
                Ok(Some(outcome)) => return (Step::Settled(outcome), slot),
                Err(failure) => return (Step::Settled(self.failed(asked.id, failure).await), slot),
            }
        }
        let reply = match self.api.element(asked, &mut slot).await {
            Ok(reply) => reply,
            Err(failure) => {
                if asked.attempts.load(Relaxed) > 0 {
                    self.watch().asked(asked.account, false);
                }
                return (Step::Settled(self.unanswered(asked, failure).await), slot);
            }
        };
        self.watch().asked(asked.account, true);
        let done = match self.purpose {
            Purpose::DryRun => self.dry_run(asked.id, &reply).await.map(Step::Settled),
            // In a box: many elements wait for their turn above, and none of those needs the room that this takes.
            Purpose::Mirror | Purpose::Repair => {
                let in_flight = InFlight { asked, slot: &mut slot };
                Box::pin(self.bring_up_to_date(in_flight, reply)).await
            }
        };
        match done {
            Ok(step) => (step, slot),
            Err(failure) => (Step::Settled(self.failed(asked.id, failure).await), slot),
        }
    }

    /// The outcome of an element that need not be asked for, since its account's list shows it as it stands; else none.
    async fn settle_by_list(&self, asked: &Asked<'_>, listed: &Listed) -> Result<Option<ElementOutcome>, Failure> {
        let id = asked.id;
        // What is wrong with its place is told later, once it has been asked for.
        let Ok(occupant) = self.ask(id, S::occupant).await else { return Ok(None) };
        let Some(standing) = occupant.standing() else { return Ok(None) };
        if !stands_as_listed(listed, standing, &self.options.policy) {
            return Ok(None);
        }
        self.watch().asked(asked.account, true);
        if self.purpose == Purpose::Mirror {
            self.settle(id).await?;
        }
        Ok(Some(as_it_stands(id, Some(standing), Status::Unchanged)))
    }

    /// Plans the next version against what stands, and puts it together where the plan changes anything.
    async fn bring_up_to_date(
        &self,
        mut in_flight: InFlight<'_>,
        reply: ElementReply,
    ) -> Result<Step<S::Handle>, Failure> {
        let asked = in_flight.asked;
        let id = asked.id;
        let mut sources = Sources { occupant: self.occupant(id).await?, draft: None };
        let plan = Plan::new(&reply.element, sources.held(), &self.options.policy);
        if !plan.changed {
            self.settle(id).await?;
            return Ok(Step::Settled(as_it_stands(id, sources.occupant.standing(), Status::Unchanged)));
        }
        sources.draft = self.draft(id).await?;
        let plan = Plan::new(&reply.element, sources.held(), &self.options.policy);
        let stage = self.store.stage(id)?;
        let gathered = match self.gather((plan, reply), &mut in_flight, &sources, &stage).await {
            Err(failure) if matches!(failure.kind, ErrorKind::Http(404 | 410)) => {
                return Ok(Step::Settled(self.absent(asked, failure).await));
            }
            gathered => gathered?,
        };
        let assembled = assemble(gathered, (&self.store, &stage), &sources)?;
        self.decide(id, (stage, sources.occupant), assembled).await
    }

    /// Decides what becomes of a version that was put together in the stage: it is ready to replace the occupant, or
    /// holds what that holds already, or may not replace it and waits as a draft.
    async fn decide(
        &self,
        id: &ElementId,
        (stage, occupant): (Stage, Occupant<S::Handle>),
        assembled: Assembled,
    ) -> Result<Step<S::Handle>, Failure> {
        let standing = occupant.standing();
        let verdict = judge(&assembled.manifest, standing);
        let status = match (&assembled.failure, verdict, standing) {
            (Some(failure), Verdict::Refuse, _) => {
                let outcome = as_it_stands(id, standing, Status::Failed).with_failure(failure.clone());
                // It is back, though not all of it can be had.
                self.ask(id, S::clear_gone).await?;
                self.keep_draft(stage, &assembled).await?;
                return Ok(Step::Settled(outcome));
            }
            (Some(_), ..) => Status::Incomplete,
            (None, Verdict::Same, _) => Status::Unchanged,
            (None, _, None) => Status::Created,
            (None, _, Some(_)) => Status::Updated,
        };
        let is_known_to_miss = standing.is_some_and(|standing| standing.manifest.misses_same(&assembled.manifest));
        let accepted = status == Status::Incomplete && is_known_to_miss && self.options.accepts.known_missing;
        let Assembled { manifest, response, failure, has_news, downloaded, bytes } = assembled;
        let outcome = ElementOutcome {
            accepted,
            error: failure,
            downloaded: Some(downloaded),
            bytes: Some(bytes),
            ..ElementOutcome::holding(id, &manifest, status)
        };
        if let (Verdict::Same, Some(standing)) = (verdict, standing) {
            self.settle(id).await?;
            return Ok(Step::Settled(ElementOutcome { warnings: standing.manifest.warnings.clone(), ..outcome }));
        }
        let digest = stage.complete(&manifest, &response)?;
        let candidate = Candidate { stage, manifest, digest, occupant, has_news };
        Ok(Step::Ready(Box::new(candidate), outcome))
    }

    /// What stands is what the API has: the note that the element was gone, and the draft of a next version, are of no
    /// more use.
    async fn settle(&self, id: &ElementId) -> Result<(), Failure> {
        let settle = |store: &S, id: &ElementId| store.clear_gone(id).and_then(|()| store.drop_draft(id));
        self.ask(id, settle).await
    }

    /// What an earlier run had of the next version.
    async fn draft(&self, id: &ElementId) -> Result<Option<Version<S::Handle>>, Failure> {
        if !self.store.has_draft(id) {
            return Ok(None);
        }
        self.wait_for(id, S::draft).await
    }

    /// Keeps what was had of a version that may not replace what stands, for the next run.
    async fn keep_draft(&self, stage: Stage, assembled: &Assembled) -> Result<(), Failure> {
        if !assembled.has_news {
            return Ok(());
        }
        stage.complete(&assembled.manifest, &assembled.response)?;
        let id = stage.id().clone();
        self.wait_for(&id, move |store, _| store.keep_as_draft(stage)).await
    }

    /// What is in the element's place; says where that was found damaged.
    async fn occupant(&self, id: &ElementId) -> Result<Occupant<S::Handle>, Failure> {
        let occupant = self.ask(id, S::occupant).await?;
        let damage = match &occupant {
            Occupant::Version(version) if !version.checked.damaged.is_empty() => {
                let files = version.checked.damaged.join(", ");
                Some(format!("damaged or missing in its folder: {files}"))
            }
            Occupant::Remains(remains) => remains.damage().map(str::to_owned),
            Occupant::Nothing | Occupant::Version(_) => None,
        };
        if let Some(message) = damage {
            self.events.warn(id, message).await;
        }
        Ok(occupant)
    }

    /// The outcome, once it is durable: a version that is ready is handed to the committer, which frees the slot, and
    /// waited for.
    async fn finish(
        &self,
        id: &ElementId,
        step: Step<S::Handle>,
        slot: Slot,
        committer: Option<&Committer<S::Handle>>,
    ) -> ElementOutcome {
        let (candidate, outcome, committer) = match (step, committer) {
            (Step::Settled(outcome), _) => return outcome,
            (Step::Ready(candidate, outcome), Some(committer)) => (*candidate, outcome, committer),
            (Step::Ready(..), None) => {
                return self.failed(id, Failure::new(ErrorKind::Io, "nothing is committed here")).await;
            }
        };
        let answer = committer.submit(candidate).await;
        drop(slot);
        let ended = |_| Err(Failure::new(ErrorKind::Io, "the committer has ended"));
        let mut done = answer.await.unwrap_or_else(ended);
        if done.is_ok() {
            done = self.ask(id, S::clear_gone).await;
        }
        match done {
            Ok(()) => outcome,
            Err(failure) => self.failed(id, failure).await,
        }
    }

    /// The outcome in a dry run: what one that writes would do.
    async fn dry_run(&self, id: &ElementId, reply: &ElementReply) -> Result<ElementOutcome, Failure> {
        let occupant = self.ask(id, S::occupant).await?;
        let held = Held { standing: occupant.standing(), draft: None };
        let plan = Plan::new(&reply.element, held, &self.options.policy);
        let status = match (plan.changed, occupant.standing()) {
            (false, _) => Status::Unchanged,
            (true, None) => Status::WouldCreate,
            (true, Some(_)) => Status::WouldUpdate,
        };
        let outcome = as_it_stands(id, occupant.standing(), status);
        Ok(ElementOutcome { assets: Some(plan.assets.len()), ..outcome })
    }

    /// The outcome of an element that the API did not give.
    async fn unanswered(&self, asked: &Asked<'_>, failure: Failure) -> ElementOutcome {
        match failure.kind {
            ErrorKind::Http(404 | 410) => self.absent(asked, failure).await,
            ErrorKind::Http(400) if asked.account.is_none() || failure.is_about_account() => {
                let failure = self.refused_account(asked.account, failure).await;
                self.failed(asked.id, failure).await
            }
            _ => self.failed(asked.id, failure).await,
        }
    }

    /// An element that the API does not know: gone where the mirror holds it.
    async fn absent(&self, asked: &Asked<'_>, failure: Failure) -> ElementOutcome {
        let id = asked.id;
        let occupant = match self.occupant(id).await {
            Ok(occupant) => occupant,
            Err(failure) => return self.failed(id, failure).await,
        };
        let Some(standing) = occupant.standing() else {
            let failure = match asked.account.filter(|_| failure.is_about_account()) {
                Some(account) => self.refused_account(Some(account), failure).await,
                None => failure,
            };
            let message = format!("{}; is it the right ID and account?", failure.message);
            return self.failed(id, Failure::new(ErrorKind::NotFound, message)).await;
        };
        let noted = match self.ask(id, S::gone_since).await {
            Ok(noted) => noted,
            Err(failure) => return self.failed(id, failure).await,
        };
        let since = noted.unwrap_or_else(|| {
            let now = Time::now();
            self.watch().add_newly_gone(asked.account, id.clone(), now);
            now
        });
        ElementOutcome { gone_since: Some(since), ..as_it_stands(id, Some(standing), Status::Gone) }
    }

    /// The outcome of an element for which nothing could be done; says what stands all the same.
    async fn failed(&self, id: &ElementId, failure: Failure) -> ElementOutcome {
        let outcome = match self.purpose {
            // A repair looks at the element again by itself.
            Purpose::Repair => self.failed_by_manifest(id).await,
            Purpose::Mirror | Purpose::DryRun => match self.ask(id, S::occupant).await {
                Ok(occupant) => as_it_stands(id, occupant.standing(), Status::Failed),
                Err(_) => self.failed_by_manifest(id).await,
            },
        };
        outcome.with_failure(failure)
    }

    /// The outcome of an element whose folder can't be looked at closer: what its manifest says stands.
    async fn failed_by_manifest(&self, id: &ElementId) -> ElementOutcome {
        match self.ask(id, S::standing_manifest).await {
            Ok(Some(Ok(manifest))) => ElementOutcome::holding(id, &manifest, Status::Failed),
            Ok(None | Some(Err(_))) | Err(_) => ElementOutcome::new(Some(id.clone()), Status::Failed),
        }
    }

    /// The outcome of an element that the run's end cut off; there is no time to look at more than its manifest.
    async fn cut_off(&self, id: &ElementId) -> ElementOutcome {
        let interrupted = Failure::new(ErrorKind::Interrupted, "the run ended before it was done");
        self.failed_by_manifest(id).await.with_failure(interrupted)
    }
}

/// The outcome of an element as it stands, its damaged files counted as missing.
fn as_it_stands(id: &ElementId, standing: Option<&Checked>, status: Status) -> ElementOutcome {
    let Some(standing) = standing else {
        let outcome = ElementOutcome::new(Some(id.clone()), status);
        return ElementOutcome { downloaded: Some(0), bytes: Some(0), ..outcome };
    };
    let stands = if standing.is_complete() { Stands::Complete } else { Stands::Incomplete };
    ElementOutcome { stands, ..ElementOutcome::holding(id, &standing.manifest, status) }
}
