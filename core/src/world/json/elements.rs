//! The elements of a JSON list, one at a time, from a stream of any length.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use crate::model::Span;

/// Bytes of one element.
const MAX_ELEMENT: usize = 64 << 20;
const CHUNK: usize = 1 << 20;

/// Why a list cannot be read on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The stream failed.
    Stream(String),
    /// The text is no list, from this place on.
    Syntax(String, Span),
}

/// Splits a JSON list into the texts of its elements.
///
/// It checks the list's own syntax: brackets, commas and what comes before and after. An element's text
/// ends where its brackets close; its inner syntax is for its reader to check.
pub(super) struct Elements<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of the stream before the buffer.
    passed: u64,
    /// Line ends among them, and the characters behind the last of them.
    lines: u64,
    behind: u64,
    at_end: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    First,
    Next,
    After,
}

impl<R: Read> Elements<R> {
    pub(super) fn new(input: R) -> Self {
        Elements {
            input,
            buffer: Vec::new(),
            at: 0,
            passed: 0,
            lines: 0,
            behind: 0,
            at_end: false,
            state: State::Before,
        }
    }

    /// Bytes of the stream that were read so far.
    pub(super) fn position(&self) -> u64 {
        self.passed + self.at as u64
    }

    /// The text of an element, until the next one is asked for.
    pub(super) fn text(&self, element: &Range<usize>) -> &[u8] {
        self.buffer.get(element.clone()).unwrap_or_default()
    }

    /// The line and the column at which something in the buffer stands, both from 1.
    pub(super) fn line_and_column(&self, at: usize) -> (u64, u64) {
        let before = self.buffer.get(..at).unwrap_or_default();
        let (lines, behind) = ends(before);
        match lines {
            0 => (self.lines + 1, self.behind + behind + 1),
            _ => (self.lines + lines + 1, behind + 1),
        }
    }

    /// A part of the buffer as a place in the stream.
    pub(super) fn span(&self, part: Range<usize>) -> Span {
        let (start, end) = (self.line_and_column(part.start), self.line_and_column(part.end));
        let byte = |at: usize| usize::try_from(self.passed).unwrap_or(usize::MAX).saturating_add(at);
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Span {
            start: byte(part.start),
            end: byte(part.end),
            line: number(start.0),
            column: number(start.1),
            end_line: number(end.0),
            end_column: number(end.1),
        }
    }

    /// Where the next element's text stands, or `None` at the end of the list.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, Broken> {
        if self.state == State::Before {
            self.expect(b'[')?;
            self.state = State::First;
        }
        match (self.state, self.peek()?) {
            (State::After, _) => return Ok(None),
            (State::First | State::Next, Some(b']')) => {
                self.at += 1;
                self.state = State::After;
                return match self.peek()? {
                    None => Ok(None),
                    Some(_) => Err(self.complaint("something follows the list")),
                };
            }
            (State::Next, Some(b',')) => {
                self.at += 1;
                if matches!(self.peek()?, Some(b']')) {
                    return Err(self.complaint("a comma before the end of the list"));
                }
            }
            (State::Next, Some(_)) => return Err(self.complaint("a comma is missing")),
            (_, None) => return Err(self.complaint("the list does not end")),
            (State::First | State::Before, Some(_)) => {}
        }
        self.state = State::Next;
        let len = self.element_len()?;
        let start = self.at;
        self.at += len;
        Ok(Some(start..start + len))
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Broken> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            _ if self.position() == 0 && has_mark(&self.buffer) => {
                Err(self.complaint("it starts with a byte order mark (BOM); save it as UTF-8 without one"))
            }
            _ => Err(self.complaint("expected a list of entities")),
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<Option<u8>, Broken> {
        loop {
            match self.buffer.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(Some(*byte)),
                None if self.at_end => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    /// How many bytes from here the element takes.
    fn element_len(&mut self) -> Result<usize, Broken> {
        let (mut len, mut depth, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
        loop {
            let Some(&byte) = self.buffer.get(self.at + len) else {
                if self.at_end {
                    // A bare number may end with the input; its list then lacks the bracket.
                    return if depth == 0 && !in_string && len > 0 {
                        Ok(len)
                    } else {
                        Err(self.complaint("the last entity does not end"))
                    };
                }
                if len > MAX_ELEMENT {
                    return Err(self.complaint(&format!("an entity of more than {MAX_ELEMENT} bytes")));
                }
                self.fill()?;
                continue;
            };
            let mut ends_here = false;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => {
                    in_string = !in_string;
                    ends_here = !in_string && depth == 0;
                }
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    ends_here = depth == 0;
                }
                b',' | b']' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                    return if len > 0 { Ok(len) } else { Err(self.complaint("an entity is missing")) };
                }
                _ => {}
            }
            len += 1;
            if ends_here {
                return Ok(len);
            }
        }
    }

    /// Reads more, dropping what was passed.
    fn fill(&mut self) -> Result<(), Broken> {
        if self.at > 0 {
            let (lines, behind) = ends(self.buffer.get(..self.at).unwrap_or_default());
            self.behind = if lines == 0 { self.behind + behind } else { behind };
            self.lines += lines;
            self.buffer.drain(..self.at);
            self.passed += self.at as u64;
            self.at = 0;
        }
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        let read = loop {
            let Some(room) = self.buffer.get_mut(old..) else { break 0 };
            match self.input.read(room) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Broken::Stream(error.to_string())),
            }
        };
        self.buffer.truncate(old + read);
        self.at_end = read == 0;
        Ok(())
    }

    fn complaint(&self, what: &str) -> Broken {
        let end = self.buffer.len().min(self.at + 1);
        Broken::Syntax(what.to_owned(), self.span(self.at..end))
    }
}

fn has_mark(bytes: &[u8]) -> bool {
    [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| bytes.starts_with(mark))
}

/// How many line ends there are, and how many characters behind the last one.
fn ends(bytes: &[u8]) -> (u64, u64) {
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    // Of the bytes of a character of UTF-8 one does not start with the bits 10.
    let starts = |byte: &&u8| **byte & 0xc0 != 0x80;
    let behind = bytes.iter().rev().take_while(|&&byte| byte != b'\n').filter(starts).count();
    (lines as u64, behind as u64)
}

#[cfg(test)]
mod tests {
    use super::{Broken, Elements};
    use std::io::Read;

    /// Hands out one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer.get_mut(..1).unwrap_or_default())
        }
    }

    fn split(text: &str) -> Result<Vec<String>, Broken> {
        let collect = |mut elements: Elements<Box<dyn Read + '_>>| {
            let mut all = Vec::new();
            while let Some(element) = elements.next()? {
                all.push(String::from_utf8_lossy(elements.text(&element)).into_owned());
            }
            Ok(all)
        };
        let whole = collect(Elements::new(Box::new(text.as_bytes())));
        let drip = collect(Elements::new(Box::new(Drip(text.as_bytes()))));
        assert_eq!(whole, drip, "however it arrives: {text}");
        whole
    }

    #[test]
    fn splits_lists() {
        assert_eq!(split(" [ ] \n"), Ok(vec![]));
        assert_eq!(
            split(r#"[{"a":"]}\"{"},[1,[2]], 3 ,"x"]"#).expect("a list"),
            [r#"{"a":"]}\"{"}"#, "[1,[2]]", "3", r#""x""#]
        );
    }

    #[test]
    fn refuses_what_is_no_list() {
        for text in [
            "",
            "{}",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1]]",
            "[1] x",
            "[{]",
            "[\"",
            "[{\"\\\"}]",
            "]",
        ] {
            let result = split(text);
            // The splitter leaves inner syntax to the reader: `{]` closes nothing, so it never ends.
            assert!(result.is_err(), "{text}: {result:?}");
        }
    }
}
