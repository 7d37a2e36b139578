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
//! The modules below stand in layers, and each uses only those of its own layer and further down: use cases, their stages, the mechanisms
//! that each hide one outside world, and the vocabulary, which does no I/O.

// The use cases
pub mod verify;

pub mod list;
pub mod mirror;

pub mod gallery;
pub mod history;
pub mod prune;

// Stages
pub mod api;
pub mod download;
pub mod report;

// Mechanisms
pub mod demo;
pub mod http;
pub mod ids;
pub mod store;

// Vocabulary
pub mod event;
pub mod keep;
pub mod plan;
pub mod schema;
pub mod stop;

pub mod manifest;
pub mod outcome;

pub mod layout;
pub mod media;

pub mod element;

pub mod digest;
pub mod error;
pub mod header;
pub mod time;
