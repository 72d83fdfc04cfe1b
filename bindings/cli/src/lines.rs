//! Lines of a stream, each of a bounded length.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of one line, its end left out.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// Bytes of a line that are skipped before it is taken for no line at all, as of `/dev/zero`.
const MAX_SKIPPED: u64 = 1 << 30;

/// Reads a stream line by line; memory does not grow with the stream or with a line.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    most: usize,
}

/// One line, its end left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Bytes(&'a [u8]),
    /// It has more bytes than a line may have, and was skipped.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// Lines of at most [`MAX_LINE`] bytes.
    pub(crate) fn new(input: R) -> Self {
        Self::of_at_most(input, MAX_LINE)
    }

    pub(crate) fn of_at_most(input: R, most: usize) -> Self {
        Lines { input: BufReader::with_capacity(1 << 16, input), line: Vec::new(), most }
    }

    /// Whether the next line may have to be waited for.
    pub(crate) fn may_wait(&self) -> bool {
        self.input.buffer().is_empty()
    }

    /// The next line; `None` at the end. The last line needs no line end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut any, mut too_long, mut len) = (false, false, 0_u64);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|&b| b == b'\n');
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            len += part.len() as u64;
            if len > MAX_SKIPPED {
                return Err(io::Error::other(format!("a line of it has more than {MAX_SKIPPED} bytes")));
            }
            too_long |= self.line.len() + part.len() > self.most;
            if !too_long {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(match (any, too_long) {
            (false, _) => None,
            (true, true) => Some(Line::TooLong),
            (true, false) => Some(Line::Bytes(&self.line)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines, MAX_LINE};

    fn lengths(text: &[u8]) -> Vec<Option<usize>> {
        let mut lines = Lines::new(text);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(match line {
                Line::Bytes(bytes) => Some(bytes.len()),
                Line::TooLong => None,
            });
        }
        all
    }

    #[test]
    fn splits_at_line_ends() {
        assert_eq!(lengths(b""), []);
        assert_eq!(lengths(b"\n"), [Some(0)]);
        assert_eq!(lengths(b"a\nbc"), [Some(1), Some(2)]);
        assert_eq!(lengths(b"a\n\nbc\n"), [Some(1), Some(0), Some(2)]);
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        assert!(Lines::new(std::io::repeat(0)).next().is_err());
    }

    #[test]
    fn skips_what_is_too_long_and_goes_on() {
        let mut text = vec![b'x'; MAX_LINE];
        text.push(b'\n');
        text.extend(vec![b'x'; MAX_LINE + 1]);
        text.extend(b"\nlast");
        assert_eq!(lengths(&text), [Some(MAX_LINE), None, Some(4)]);
    }
}
