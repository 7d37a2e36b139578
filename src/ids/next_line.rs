//! The lines of a list as they come, none of them longer than memory has room for.

use std::io::{self, BufRead, Read as _};

/// The longest line that is read, in bytes; the rest of a longer one is passed over.
pub(super) const MAX_LINE: usize = 1 << 20;

/// What comes next in a list.
pub(super) enum Next {
    Line,
    /// Of the line only the beginning is kept.
    TooLong,
    End,
}

/// Reads the next line, with its end, into `line`.
pub(super) fn next_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    let read = source.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Next::End);
    }
    if line.last() == Some(&b'\n') || read <= MAX_LINE {
        return Ok(Next::Line);
    }
    source.skip_until(b'\n')?;
    Ok(Next::TooLong)
}
