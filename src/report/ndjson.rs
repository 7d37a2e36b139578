//! The report for programs: a JSON line an element, written as the element ends.

use std::io::{self, Write};

use super::Reporter;
use crate::event::Event;

/// Writes report lines.
pub struct NdjsonReport<W>(W);

impl<W: Write + Send> NdjsonReport<W> {
    /// A report into `out`, which must not buffer: a line is to be there as soon as its element has ended.
    pub fn new(out: W) -> Self {
        Self(out)
    }
}

impl<W: Write + Send> Reporter for NdjsonReport<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let Event::Finished(outcome) = event else { return Ok(()) };
        let mut line = serde_json::to_vec(outcome)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
