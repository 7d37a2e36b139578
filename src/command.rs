//! The commands: each wires what the command line says together with the core.

pub(crate) mod run;
pub(crate) mod verify;
