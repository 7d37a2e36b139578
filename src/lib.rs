//! Keeps copies of Kling AI elements that live behind an API: covers, views, videos and voices, in folders with
//! manifests and checksums.
//!
//! > A run turns a stream of element IDs into a stream of outcomes: for each ID it **fetches** the element, **plans**
//! > against the version on disk, **downloads** what the plan asks for into a staged version, and **commits** that
//! > version whole.
//!
//! ```text
//! ids ─► ElementId ─fetch─► Element ─plan─► Plan ─download─► staged version ─commit─► Manifest
//!                                    ▲                                                  │
//!                                    └───────────── previous Manifest ◄─────────────────┘
//!         what happens is an Event ─► one report task ─► terminal │ NDJSON │ log       ElementOutcome
//!                                                                                        │ fold
//!                                                                                  Summary ─► exit code
//! ```
//!
//! To embed it: open a destination ([`LocalStore`] or [`BucketStore`]), say what to do ([`MirrorOptions`]), name the
//! elements ([`Lines`]), listen to what happens ([`Event`]), and read what came of it ([`Summary`]). All of it needs
//! tokio's runtime with several threads, such as `#[tokio::main]` starts.
//!
//! ```no_run
//! use element_mirror::{Event, Events, Input, Lines, LocalStore, Mirror, MirrorOptions, Stop, Upstream};
//! use element_mirror::store::Access;
//!
//! # async fn mirror() -> Result<(), Box<dyn std::error::Error>> {
//! let options = MirrorOptions::new(Upstream::new(std::env::var("USEAPI_TOKEN")?));
//! let opened = LocalStore::open("mirror", &Default::default(), Access::Write).await?;
//! let (events, mut told) = Events::channel(256);
//! let lines = Lines::read(vec![Input::open("ids.txt")?], &events)?;
//! let mirror = Mirror::new(opened, options, events, Stop::default())?;
//! let run = tokio::spawn(mirror.run(lines, None));
//! while let Some(event) = told.recv().await {
//!     if let Event::Finished(outcome) = event {
//!         println!("{}: {}", outcome.name(), outcome.status.as_str());
//!     }
//! }
//! let summary = run.await?;
//! std::process::exit(summary.exit_code().into())
//! # }
//! ```
//!
//! `examples/embed.rs` does that against the built-in sample API ([`demo`]): no token, no network.
//!
//! - Types that may grow are `#[non_exhaustive]`: make options with `new` or `Default`, and then set their fields.
//! - The failure of one element is not an `Err` but an [`ElementOutcome`]. An `Err` is a [`RunError`]: the run as a
//!   whole could not be done.
//! - The library prints nothing and never ends the process; [`Stop`] ends a run early. It reads no environment variables
//!   but those that the object stores' own tools read, and those that name proxies.
//! - Of other crates it shows the receiver of tokio's channel, by which events come, `Stream` of futures, the traits of
//!   serde and schemars, and [`serde_json::Value`], where JSON is passed on as it came.
//!
//! What lies where in a mirror is described in `docs/format.md`, how all of this works in `docs/design.md`.

// The modules stand in layers, and each uses only those of its own layer and further down: use cases, their stages, the
// mechanisms that each hide one outside world, and the vocabulary, which does no I/O. A blank line begins the next layer;
// `tests/it/architecture.rs` reads this.

#[doc(hidden)]
pub mod internals;

// The use cases
pub mod verify;

pub mod list;
pub mod mirror;

pub mod gallery;
pub mod history;
pub mod prune;

// Stages
mod api;
mod download;
pub mod report;

// Mechanisms
pub mod demo;
mod http;
pub mod ids;
pub mod store;

// Vocabulary
pub mod event;
pub mod keep;
mod plan;
pub mod schema;
pub mod stop;

pub mod manifest;
pub mod outcome;

mod layout;
mod media;

mod element;

pub mod digest;
pub mod error;
pub mod exit;
mod header;
pub mod text;
pub mod time;

pub use api::{Filter, Upstream};
pub use element::{ElementId, Fields, InvalidId, Role};
pub use error::{ErrorKind, Failure, RunError};
pub use event::{Event, Events};
pub use gallery::Gallery;
pub use http::{ApiBase, HttpOptions, InvalidBase, PUBLIC_API, Token};
pub use ids::{Input, Lines};
pub use keep::Keep;
pub use list::{List, ListOptions};
pub use manifest::Manifest;
pub use mirror::{Mirror, MirrorOptions};
pub use outcome::{ElementOutcome, Status, Summary};
pub use prune::{Prune, PruneOptions};
pub use stop::Stop;
pub use store::local::{LocalOptions, LocalStore};
pub use store::object::{BucketOptions, BucketStore};
pub use verify::{Verify, VerifyOptions};
