//! The gallery: a page to look the mirror through, `index.html` beside the elements' folders. It needs no server, asks
//! for nothing but the mirror's own files, and is a plain list where scripts don't run.

mod card;
mod link;
mod page;
mod tag;
mod text;

use std::time::Instant;

use crate::element::ElementId;
use crate::error::ErrorKind;
use crate::event::{Event, Events};
use crate::layout::GALLERY;
use crate::manifest::Manifest;
use crate::outcome::{End, Summary};
use crate::stop::Stop;
use crate::store::overview::{self, Overview};
use crate::store::{Opened, Recovered, Store};
use card::{Card, Older};
use page::{Frame, Totals};

/// Writes the gallery of a mirror.
pub struct Gallery<S> {
    store: S,
    recovered: Recovered,
    events: Events,
    stop: Stop,
}

impl<S: Store> Gallery<S> {
    /// The gallery of a mirror that was `opened` with [`Access::Change`](crate::store::Access::Change); in a folder,
    /// since the page's links are paths. It tells `events` what is odd. Where `stop` ends it early, the old page stays.
    pub fn new(opened: Opened<S>, events: Events, stop: Stop) -> Self {
        let Opened { store, recovered } = opened;
        Self { store, recovered, events, stop }
    }

    /// Writes the page. Elements whose manifest can't be read are left out, each with a warning.
    pub async fn run(self) -> Summary {
        let Self { store, recovered, events, stop } = self;
        let started = Instant::now();
        recovered.tell(&events).await;
        let page = Page::new(store.clone(), events.clone());
        let gallery = match overview::write(&store, page, &events, &stop).await {
            Ok(page) => Some(page.shown()),
            Err(failure) if failure.kind == ErrorKind::Interrupted => None,
            Err(failure) => {
                stop.end(End::Broken(format!("can't write the gallery: {}", failure.message)));
                None
            }
        };
        let summary = Summary { gallery, ends: stop.ends(), elapsed: started.elapsed(), ..Summary::default() };
        events.tell(Event::Ended(Box::new(summary.clone()))).await;
        summary
    }
}

/// The page while it is being written. It keeps nothing of an element that it has shown, so that a mirror may be of any
/// size.
pub(crate) struct Page<S> {
    store: S,
    events: Events,
    frame: Frame,
    totals: Totals,
}

impl<S: Store> Page<S> {
    /// A page that shows nothing yet; it takes from `store` what manifests don't say.
    pub(crate) fn new(store: S, events: Events) -> Self {
        let frame = Frame::of(&store.location());
        Self { store, events, frame, totals: Totals::default() }
    }

    /// How many elements it shows.
    pub(crate) fn shown(&self) -> u64 {
        self.totals.elements
    }

    /// What is `known` of `id` beside its manifest. Where that can't be had, a warning says so, and the element is
    /// shown without.
    fn beside<T: Default>(&self, id: &ElementId, known: Result<T, crate::error::Failure>) -> T {
        known.unwrap_or_else(|failure| {
            self.events.warn_blocking(id, format!("not all of it is in {GALLERY}: {}", failure.message));
            T::default()
        })
    }
}

impl<S: Store> Overview for Page<S> {
    const NAME: &'static str = GALLERY;
    const MEDIA_TYPE: &'static str = "text/html; charset=utf-8";

    fn is_ours(start: &[u8]) -> bool {
        page::is_ours(start)
    }

    fn begin(&mut self) -> Vec<u8> {
        self.frame.begin()
    }

    fn element(&mut self, id: &ElementId, manifest: &Manifest) -> Vec<u8> {
        let gone_since = self.beside(id, self.store.gone_since(id));
        let past = self.beside(id, self.store.history(id));
        let older = past.iter().map(|past| Older { when: &past.when, committed_at: past.committed_at() }).collect();
        let card = Card { id, manifest, gone_since, older };
        self.totals.add(manifest);
        card.render()
    }

    fn end(&mut self) -> Vec<u8> {
        self.frame.end(&self.totals)
    }
}
