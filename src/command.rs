//! The commands: each wires what the command line says together with the core.

pub(crate) mod gallery;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod prune;
pub(crate) mod run;
pub(crate) mod schema;
mod skip_done;
pub(crate) mod verify;
