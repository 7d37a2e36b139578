//! The overviews of the mirror, as the last things that a run writes.

use super::{Mirror, Purpose};
use crate::error::ErrorKind;
use crate::gallery::Page;
use crate::outcome::End;
use crate::store::Store;
use crate::store::overview::{self, Index, Overview};

impl<S: Store> Mirror<S> {
    /// Writes the index and the gallery, where they are wanted, once the last commit is durable; says how many elements
    /// the gallery shows.
    pub(super) async fn write_overviews(&self) -> Option<u64> {
        if self.purpose == Purpose::DryRun {
            return None;
        }
        if self.options.index {
            self.write_overview("index", Index).await;
        }
        if !self.options.gallery {
            return None;
        }
        let page = Page::new(self.store.clone(), self.events.clone());
        self.write_overview("gallery", page).await.map(|page| page.shown())
    }

    /// Writes one overview, unless the run was interrupted, which leaves no time, or the destination fails; then the
    /// old one stays.
    async fn write_overview<O: Overview + Send + 'static>(&self, noun: &str, overview: O) -> Option<O> {
        if self.watch().is_destination_failing() {
            return None;
        }
        match overview::write(&self.store, overview, &self.events, &self.stop).await {
            Ok(overview) => return Some(overview),
            Err(failure) if failure.kind == ErrorKind::Interrupted => {}
            Err(failure) => self.tell_broken(format!("can't write the {noun}: {}", failure.message)).await,
        }
        None
    }

    /// Ends the run as broken. The run keeps only the first reason for that; a further one is told as a warning.
    async fn tell_broken(&self, message: String) {
        if self.stop.ends().iter().any(|end| matches!(end, End::Broken(_))) {
            let what = self.store.location().display().to_string();
            self.events.warn(what, message.clone()).await;
        }
        self.stop.end(End::Broken(message));
    }
}
