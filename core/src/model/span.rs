//! Places in texts, in bytes for programs and by line and column for people.
//!
//! INVARIANT: a place that leaves the crate is a [`Span`], which is made with the text at hand: what is printed or
//! written as JSON always has its line and its column.

use std::cell::Cell;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// A part of a text.
///
/// Bytes are those of UTF-8, from 0. Lines and columns count from 1, columns in characters. The end is the first
/// place behind the part. In JSON it is `span` with `start` and `end` in bytes, and beside it `line`, `column`,
/// `end_line` and `end_column`.
///
/// # Example
/// ```
/// let text = "permit (\n  principal";
/// let span = caseward::Span::of(text, 11..20);
/// assert_eq!((span.line, span.column, span.end_line, span.end_column), (2, 3, 2, 12));
/// assert_eq!(&text[span.range()], "principal");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// The line of the first character.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// The line of the character behind the last.
    pub end_line: u32,
    /// Its column.
    pub end_column: u32,
}

carried!(struct Span { start, end, line, column, end_line, end_column });

impl Span {
    /// The part of a text that has these bytes; what lies outside of it is taken for its end.
    ///
    /// Cost: the length of the text up to the part. Many parts of one text are found together inside the crate.
    pub fn of(text: &str, bytes: Range<usize>) -> Self {
        Places::new(text).span(bytes)
    }

    /// The bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Finds parts of one text. Where they are asked for in their order, the text is looked through once.
pub(crate) struct Places<'a> {
    text: &'a str,
    /// The last place that was found, with its line and column.
    last: Cell<(usize, u32, u32)>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Places { text, last: Cell::new(START) }
    }

    pub(crate) fn span(&self, bytes: Range<usize>) -> Span {
        let from = if bytes.start < self.last.get().0 { START } else { self.last.get() };
        let start = self.step(from, bytes.start);
        self.last.set(start);
        let end = self.step(start, bytes.end.max(bytes.start));
        Span {
            start: bytes.start,
            end: bytes.end,
            line: start.1,
            column: start.2,
            end_line: end.1,
            end_column: end.2,
        }
    }

    /// The place at or before byte `to`, counted on from one before it.
    fn step(&self, (at, mut line, mut column): (usize, u32, u32), to: usize) -> (usize, u32, u32) {
        let to = self.text.floor_char_boundary(to.max(at));
        for c in self.text.get(at..to).unwrap_or_default().chars() {
            match c {
                '\n' => (line, column) = (line.saturating_add(1), 1),
                _ => column = column.saturating_add(1),
            }
        }
        (to.max(at), line, column)
    }
}

/// Byte, line and column at which every text begins.
const START: (usize, u32, u32) = (0, 1, 1);

#[derive(Serialize)]
struct Bytes {
    start: usize,
    end: usize,
}

/// What a place is in JSON: to be flattened into what it is the place of.
#[derive(Default, Serialize)]
struct Flat {
    span: Option<Bytes>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Span { start, end, line, column, end_line, end_column } = self;
        Flat {
            span: Some(Bytes { start, end }),
            line: Some(line),
            column: Some(column),
            end_line: Some(end_line),
            end_column: Some(end_column),
        }
        .serialize(serializer)
    }
}

/// A place where there is one; the same names with nulls where there is none.
pub(crate) fn if_any<S: Serializer>(span: &Option<Span>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => span.serialize(serializer),
        None => Flat::default().serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, Span};

    fn told(span: Span) -> (u32, u32, u32, u32) {
        (span.line, span.column, span.end_line, span.end_column)
    }

    #[test]
    fn lines_and_columns_count_from_one_and_columns_in_characters() {
        let text = "ā b\nč🙂d\n\nx";
        assert_eq!(told(Span::of(text, 0..2)), (1, 1, 1, 2));
        assert_eq!(told(Span::of(text, 3..4)), (1, 3, 1, 4));
        assert_eq!(told(Span::of(text, 5..11)), (2, 1, 2, 3));
        assert_eq!(told(Span::of(text, 3..12)), (1, 3, 2, 4));
        assert_eq!(told(Span::of(text, 14..15)), (4, 1, 4, 2));
    }

    #[test]
    fn what_lies_outside_of_a_text_or_within_a_character_has_a_place_too() {
        let text = "ā\nb";
        assert_eq!(told(Span::of(text, 1..1)), (1, 1, 1, 1));
        assert_eq!(told(Span::of(text, 40..50)), (2, 2, 2, 2));
        assert_eq!(told(Span::of("", 3..9)), (1, 1, 1, 1));
    }

    #[test]
    fn parts_are_found_in_any_order() {
        let text = "a\nbc\nd";
        let places = Places::new(text);
        for bytes in [5..6, 2..4, 2..6, 0..1, 3..4, 6..6] {
            assert_eq!(places.span(bytes.clone()), Span::of(text, bytes));
        }
    }
}
