//! Why a request got no reply: the causes of an error, and their words.

use std::error::Error as StdError;

/// Whether a request failed since this machine has no more descriptors, buffers or memory: no fault of the other side.
pub(super) fn is_of_this_machine(error: &(dyn StdError + 'static)) -> bool {
    use rustix::io::Errno;
    const OWN: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let code = |error: &(dyn StdError + 'static)| error.downcast_ref::<std::io::Error>()?.raw_os_error();
    chain(error).filter_map(code).any(|code| OWN.iter().any(|own| own.raw_os_error() == code))
}

/// The first among an error and its causes that is a `T`.
pub(super) fn find_cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its causes.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error with its causes, each said once, without what only says that a request failed.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
    const EMPTY_WORDS: [&str; 5] = [
        "error sending request",
        "client error (Connect)",
        "client error (SendRequest)",
        "error decoding response body",
        "request or response body error",
    ];
    let mut words = String::new();
    for cause in chain(error) {
        let said = cause.to_string();
        if !words.contains(&said) && !EMPTY_WORDS.contains(&said.as_str()) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&said);
        }
    }
    words
}
