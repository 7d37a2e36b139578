//! The index of the mirror, as the last thing that a run writes.

use super::Mirror;
use crate::error::{ErrorKind, Failure};
use crate::event::Event;
use crate::layout::INDEX;
use crate::outcome::End;
use crate::store::Store;

impl<S: Store> Mirror<S> {
    /// Writes the index, where one is wanted, once the last commit is durable. After an interruption there is no time for
    /// that, and where the destination fails no place; then the old one stays.
    pub(super) async fn write_index(&self) {
        if !self.options.index || self.watch().is_destination_failing() {
            return;
        }
        let (store, events, stop) = (self.store.clone(), self.events.clone(), self.stop.clone());
        let is_over = move || stop.ends().iter().any(End::is_interruption);
        // It reads every manifest, which no worker of the runtime should wait for.
        let written = tokio::task::spawn_blocking(move || {
            store.write_index(is_over, |id, why| {
                let message = format!("left out of {INDEX}: {why}");
                events.tell_blocking(Event::Warned { what: id.to_string(), message });
            })
        });
        let broken = |error| Failure::new(ErrorKind::Io, format!("it broke down, please report it: {error}"));
        match written.await.unwrap_or_else(|error| Err(broken(error))) {
            Err(failure) if failure.kind != ErrorKind::Interrupted => {
                self.tell_broken(format!("can't write the index: {}", failure.message)).await;
            }
            _ => {}
        }
    }

    /// Ends the run as broken. Where it is that already, its end would say one reason only.
    async fn tell_broken(&self, message: String) {
        if self.stop.ends().iter().any(|end| matches!(end, End::Broken(_))) {
            let what = self.store.location().display().to_string();
            self.events.warn(what, message.clone()).await;
        }
        self.stop.end(End::Broken(message));
    }
}
