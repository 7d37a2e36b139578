//! Trouble that tests make, for the thread that they run on.

use std::cell::Cell;

use rustix::io::Errno;

thread_local! {
    /// How many more steps succeed before trouble comes; none where it never comes.
    static STEPS: Cell<Option<u32>> = const { Cell::new(None) };
    /// Whether trouble, once come, stays: the process is dead and changes nothing any more.
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static POOR: Cell<bool> = const { Cell::new(false) };
}

/// What comes of a change to the file system, one of which is begun.
pub(super) fn step() -> Result<(), Errno> {
    match STEPS.get() {
        None => Ok(()),
        Some(0) => {
            if !DEAD.get() {
                STEPS.set(None);
            }
            Err(Errno::IO)
        }
        Some(left) => {
            STEPS.set(Some(left - 1));
            Ok(())
        }
    }
}

/// Whether the file system can neither exchange nor link.
pub(super) fn is_poor() -> bool {
    POOR.get()
}

/// After `steps` more changes nothing changes any more: a kill, as the file system sees it.
pub(in crate::store::local) fn kill_after(steps: u32) {
    STEPS.set(Some(steps));
    DEAD.set(true);
}

/// The change after `steps` more fails, and only that one.
pub(in crate::store::local) fn fail_after(steps: u32) {
    STEPS.set(Some(steps));
    DEAD.set(false);
}

/// Ends the trouble; true where it had come.
pub(in crate::store::local) fn end() -> bool {
    let came = if DEAD.get() { STEPS.get() == Some(0) } else { STEPS.get().is_none() };
    STEPS.set(None);
    DEAD.set(false);
    came
}

/// Whether the file system from now on can neither exchange nor link.
pub(in crate::store::local) fn be_poor(poor: bool) {
    POOR.set(poor);
}
