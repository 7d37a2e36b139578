//! Trouble that tests make, for the thread that they run on.

use std::cell::Cell;

use rustix::io::Errno;

thread_local! {
    /// How many more steps succeed before trouble comes; none where it never comes.
    static STEPS: Cell<Option<u32>> = const { Cell::new(None) };
    /// How many changes fail then, in a row. A process that is dead changes nothing any more.
    static FAILURES: Cell<u32> = const { Cell::new(0) };
    static POOR: Cell<bool> = const { Cell::new(false) };
}

/// What comes of a change to the file system, one of which is begun.
pub(super) fn step() -> Result<(), Errno> {
    match STEPS.get() {
        None => Ok(()),
        Some(0) => {
            FAILURES.set(FAILURES.get().saturating_sub(1));
            if FAILURES.get() == 0 {
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
pub(in crate::store) fn kill_after(steps: u32) {
    fail_after(steps, u32::MAX);
}

/// After `steps` more changes so many fail in a row, and no more.
pub(in crate::store) fn fail_after(steps: u32, failures: u32) {
    STEPS.set(Some(steps));
    FAILURES.set(failures);
}

/// Ends the trouble; true where it had come.
pub(in crate::store) fn end() -> bool {
    STEPS.take().is_none_or(|left| left == 0)
}

/// Whether the file system from now on can neither exchange nor link.
pub(in crate::store) fn be_poor(poor: bool) {
    POOR.set(poor);
}
