//! One element: fetch, plan, download, commit.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::Mirror;
use super::assemble::{Assembled, assemble};
use super::gather::Errand;
use crate::api::ElementReply;
use crate::error::{ErrorKind, Failure};
use crate::event::Event;
use crate::ids::Entry;
use crate::manifest::Manifest;
use crate::outcome::{ElementOutcome, End, Stands, Status};
use crate::plan::{Plan, Standing, Verdict, settle};
use crate::store::local::commit::Candidate;
use crate::store::local::standing::Occupant;
use crate::time::Time;

/// How far an element came before its slot is free again.
enum Step {
    /// To its end.
    Settled(ElementOutcome),
    /// To a version that is ready to be committed; the outcome is what it will be.
    Ready(Box<Candidate>, ElementOutcome),
}

impl Mirror {
    /// Mirrors one element and tells what became of it. Its `slot` is free as soon as its version waits for the commit.
    pub(super) async fn take_up(&self, entry: Entry, slot: OwnedSemaphorePermit) {
        let started = Instant::now();
        let attempts = AtomicU64::new(0);
        let step = self.stop.token().run_until_cancelled(self.mirror(&entry, &attempts)).await;
        let mut outcome = match step {
            Some(Step::Settled(outcome)) => {
                drop(slot);
                outcome
            }
            Some(Step::Ready(candidate, outcome)) => self.commit(&entry, *candidate, outcome, slot).await,
            None => self.failed(&entry, Failure::new(ErrorKind::Interrupted, "the run was interrupted")),
        };
        outcome.email = entry.email.clone();
        outcome.attempts = attempts.load(Relaxed);
        outcome.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.settle(self.account(&entry), outcome).await;
    }

    async fn mirror(&self, entry: &Entry, attempts: &AtomicU64) -> Step {
        let reply = match self.api.element(&entry.id, self.account(entry), attempts).await {
            Ok(reply) => reply,
            Err(failure) => return Step::Settled(self.unanswered(entry, failure).await),
        };
        self.watch().answered();
        let done = match self.options.dry_run {
            true => self.foresee(entry, &reply).map(Step::Settled),
            false => self.bring_up_to_date(entry, &reply, attempts).await,
        };
        done.unwrap_or_else(|failure| Step::Settled(self.failed(entry, failure)))
    }

    async fn bring_up_to_date(
        &self,
        entry: &Entry,
        reply: &ElementReply,
        attempts: &AtomicU64,
    ) -> Result<Step, Failure> {
        let occupant = self.occupant(entry).await?;
        let plan = Plan::new(&reply.element, occupant.standing(), &self.options.policy);
        if !plan.changed {
            self.store.clear_gone(&entry.id)?;
            return Ok(Step::Settled(standing(entry, occupant.standing(), Status::Unchanged)));
        }
        let stage = self.store.stage(&entry.id)?;
        let errand = Errand { id: &entry.id, account: self.account(entry), attempts, stage: &stage };
        let gathered = self.gather(&plan, &errand).await?;
        let assembled = assemble(gathered, (&reply.element.fields, &reply.body), &stage, &occupant)?;
        let Assembled { mut manifest, failure, downloaded, bytes } = assembled;
        manifest.roles = plan.roles;
        let verdict = settle(&manifest, occupant.standing(), failure.clone());
        if let Verdict::Refuse(failure) = verdict {
            let outcome = standing(entry, occupant.standing(), Status::Failed);
            return Ok(Step::Settled(with_failure(outcome, failure)));
        }
        let status = match (&failure, &verdict, occupant.standing()) {
            (Some(_), ..) => Status::Incomplete,
            (None, Verdict::Same, _) => Status::Unchanged,
            (None, _, None) => Status::Created,
            (None, _, Some(_)) => Status::Updated,
        };
        let outcome = holding(entry, &manifest, status);
        let outcome = ElementOutcome { downloaded: Some(downloaded), bytes: Some(bytes), error: failure, ..outcome };
        if verdict == Verdict::Same {
            self.store.clear_gone(&entry.id)?;
            return Ok(Step::Settled(outcome));
        }
        let digest = stage.complete(&manifest, &reply.body)?;
        Ok(Step::Ready(Box::new(Candidate { stage, manifest, digest, occupant }), outcome))
    }

    /// What is in the element's place; says where that was found damaged.
    async fn occupant(&self, entry: &Entry) -> Result<Occupant, Failure> {
        let occupant = self.store.standing(&entry.id)?;
        let what = entry.id.to_string();
        match &occupant {
            Occupant::Version(version) if !version.standing.damaged.is_empty() => {
                let files = version.standing.damaged.join(", ");
                let message = format!("damaged or missing in its folder, fetched again: {files}");
                self.events.tell(Event::Warned { what, message }).await;
            }
            Occupant::Remains(remains) => {
                if let Some(damage) = &remains.damage {
                    let message = format!("{damage}; the folder is put aside and the element fetched again");
                    self.events.tell(Event::Warned { what, message }).await;
                }
            }
            _ => {}
        }
        Ok(occupant)
    }

    /// Hands the version over, frees the slot, and waits until it is durable.
    async fn commit(
        &self,
        entry: &Entry,
        candidate: Candidate,
        outcome: ElementOutcome,
        slot: OwnedSemaphorePermit,
    ) -> ElementOutcome {
        let ended = || Failure::new(ErrorKind::Io, "the committer has ended");
        let Some(committer) = &self.committer else { return self.failed(entry, ended()) };
        let answer = committer.submit(candidate).await;
        drop(slot);
        let committed = answer.await.unwrap_or_else(|_| Err(ended()));
        match committed.and_then(|()| self.store.clear_gone(&entry.id)) {
            Ok(()) => outcome,
            Err(failure) => self.failed(entry, failure),
        }
    }

    /// What a run that writes would do.
    fn foresee(&self, entry: &Entry, reply: &ElementReply) -> Result<ElementOutcome, Failure> {
        let occupant = self.store.standing(&entry.id)?;
        let plan = Plan::new(&reply.element, occupant.standing(), &self.options.policy);
        let status = match (plan.changed, occupant.standing()) {
            (false, _) => Status::Unchanged,
            (true, None) => Status::WouldCreate,
            (true, Some(_)) => Status::WouldUpdate,
        };
        let outcome = standing(entry, occupant.standing(), status);
        Ok(ElementOutcome { assets: Some(plan.assets.len()), ..outcome })
    }

    /// The outcome of an element that the API did not give.
    async fn unanswered(&self, entry: &Entry, failure: Failure) -> ElementOutcome {
        match failure.kind {
            ErrorKind::Http(404 | 410) => self.absent(entry, failure),
            ErrorKind::Http(400) if self.account(entry).is_none() => {
                self.accounts.get_or_init(|| self.ask_for_account()).await;
                self.failed(entry, failure)
            }
            _ => self.failed(entry, failure),
        }
    }

    /// An element that the API does not know: gone where the mirror holds it.
    fn absent(&self, entry: &Entry, failure: Failure) -> ElementOutcome {
        let Some(manifest) = self.store.manifest(&entry.id) else {
            let message = format!("{}; is it the right ID and account?", failure.message);
            return self.failed(entry, Failure::new(ErrorKind::NotFound, message));
        };
        let since = self.store.gone_since(&entry.id).unwrap_or_else(|| {
            let now = Time::now();
            self.watch().newly(self.account(entry), entry.id.clone(), now);
            now
        });
        ElementOutcome { gone_since: Some(since), warnings: Vec::new(), ..holding(entry, &manifest, Status::Gone) }
    }

    /// Ends the run where the token has several accounts and none was named.
    async fn ask_for_account(&self) {
        let Ok(accounts) = self.api.accounts().await else { return };
        if accounts.len() > 1 {
            let message = format!("the token has several accounts, name one by --email: {}", accounts.join(", "));
            self.stop.end(End::AccountNeeded(message));
        }
    }

    fn failed(&self, entry: &Entry, failure: Failure) -> ElementOutcome {
        let outcome = match self.store.manifest(&entry.id) {
            Some(manifest) => holding(entry, &manifest, Status::Failed),
            None => ElementOutcome::new(Some(entry.id.clone()), Status::Failed),
        };
        with_failure(outcome, failure)
    }

    /// The account that an element is asked of.
    fn account<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        entry.email.as_deref().or(self.options.email.as_deref())
    }
}

fn with_failure(outcome: ElementOutcome, failure: Failure) -> ElementOutcome {
    ElementOutcome { error: Some(failure), downloaded: None, bytes: None, warnings: Vec::new(), ..outcome }
}

/// The outcome of an element whose version `manifest` describes.
fn holding(entry: &Entry, manifest: &Manifest, status: Status) -> ElementOutcome {
    ElementOutcome {
        stands: if manifest.is_complete() { Stands::Complete } else { Stands::Incomplete },
        folder: Some(entry.id.to_string()),
        assets: Some(manifest.assets.len()),
        downloaded: Some(0),
        bytes: Some(0),
        update_time: manifest.element.update_time,
        warnings: manifest.warnings.clone(),
        ..ElementOutcome::new(Some(entry.id.clone()), status)
    }
}

/// The outcome of an element as it stands.
fn standing(entry: &Entry, standing: Option<&Standing>, status: Status) -> ElementOutcome {
    let Some(standing) = standing else {
        let outcome = ElementOutcome::new(Some(entry.id.clone()), status);
        return ElementOutcome { downloaded: Some(0), bytes: Some(0), ..outcome };
    };
    let outcome = holding(entry, &standing.manifest, status);
    let stands = if standing.is_complete() { Stands::Complete } else { Stands::Incomplete };
    ElementOutcome { stands, ..outcome }
}
