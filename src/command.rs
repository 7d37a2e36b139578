//! The commands: each wires what the command line says together with the core.

mod done;
pub(crate) mod gallery;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod prune;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod verify;
