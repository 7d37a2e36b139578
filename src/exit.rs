//! The exit codes of the program, which scripts rely on. (Of a signal: 128 and its number.)

/// All that was asked for is done.
pub const DONE: u8 = 0;
/// It could not be done: the destination, a list or the API can't be used.
pub const BROKEN: u8 = 1;
/// What was asked for is wrong.
pub const USAGE: u8 = 2;
/// It was done, but some elements failed, are incomplete or damaged, or suspiciously many are gone.
pub const FLAWED: u8 = 3;
/// The API refuses the token or the subscription.
pub const REFUSED: u8 = 4;
/// Another run is working on the destination.
pub const LOCKED: u8 = 5;
/// The time was up.
pub const TIME_UP: u8 = 6;
/// The reader of standard output went away: what a SIGPIPE would give.
pub const READER_GONE: u8 = 141;
