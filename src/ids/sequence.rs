//! The lines of lists, as they are read one after the other.

use std::io::{self, BufReader};

use super::line::{LineParser, Parsed};
use super::next_line::{MAX_LINE, Next, next_line};
use super::sieve::Sifted;
use super::{Input, Line, Lists, Sieve};
use crate::error::RunError;

/// The lines of several lists, one after the other, each read when it is asked for.
pub struct Sequence {
    inputs: std::vec::IntoIter<Input>,
    list: Option<OpenList>,
    only_failed: bool,
    sieve: Sieve,
}

impl Sequence {
    /// The lines of `lists`, none of which is read yet.
    pub fn new(lists: impl Into<Lists>) -> Self {
        let Lists { inputs, only_failed, sieve, .. } = lists.into();
        Self { inputs: inputs.into_iter(), list: None, only_failed, sieve }
    }
}

impl Iterator for Sequence {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.list.as_mut().and_then(|list| list.next(&self.sieve)) {
                return Some(line);
            }
            self.list = Some(OpenList::new(self.inputs.next()?, self.only_failed));
        }
    }
}

/// The list that is being read.
struct OpenList {
    name: String,
    source: BufReader<Box<dyn io::Read + Send>>,
    parser: LineParser,
    line: Vec<u8>,
    number: u64,
    unreadable: bool,
}

impl OpenList {
    fn new(Input { name, source, may_have_header }: Input, only_failed: bool) -> Self {
        let source = BufReader::with_capacity(64 * 1024, source);
        let parser = LineParser::new(may_have_header, only_failed);
        Self { name, source, parser, line: Vec::new(), number: 0, unreadable: false }
    }

    /// The next line that says something; `None` at the list's end.
    fn next(&mut self, sieve: &Sieve) -> Option<Line> {
        while !self.unreadable {
            self.number += 1;
            let place = || format!("{}:{}", self.name, self.number);
            let parsed = match next_line(&mut self.source, &mut self.line) {
                Ok(Next::End) => return None,
                Ok(Next::Line) => self.parser.parse(&self.line),
                Ok(Next::TooLong) => Parsed::Bad(format!("the line is longer than {} KiB", MAX_LINE >> 10)),
                Err(error) => {
                    self.unreadable = true;
                    return Some(Line::Unreadable(RunError::io(format!("can't read the ID list {}", place()), error)));
                }
            };
            match parsed {
                Parsed::Nothing => {}
                Parsed::Bad(message) if sieve.tells_bad_lines() => return Some(Line::Bad { source: place(), message }),
                Parsed::Bad(_) => {}
                Parsed::Entry(entry) => match sieve.sift(&entry) {
                    Sifted::Taken => return Some(Line::Entry(entry)),
                    Sifted::Passed => {}
                    Sifted::OtherAccount => {
                        let passed = entry.email.unwrap_or_default();
                        let message = format!(
                            "{} was named before with another account, which is taken: {passed} is not",
                            entry.id
                        );
                        return Some(Line::OtherAccount { source: place(), message });
                    }
                },
            }
        }
        None
    }
}
