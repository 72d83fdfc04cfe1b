//! Places as editors count them: lines from 0, columns in units of UTF-16 unless bytes were agreed on.

use std::ops;

use ls_types::{Position, PositionEncodingKind, Range};

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Columns {
    #[default]
    Utf16,
    Bytes,
}

impl Columns {
    /// Bytes where the client takes them: they need no counting.
    pub(super) fn agree(offered: &[PositionEncodingKind]) -> Self {
        match offered.contains(&PositionEncodingKind::UTF8) {
            true => Columns::Bytes,
            false => Columns::Utf16,
        }
    }

    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Columns::Utf16 => PositionEncodingKind::UTF16,
            Columns::Bytes => PositionEncodingKind::UTF8,
        }
    }
}

/// The lines of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each starts.
    starts: Vec<usize>,
    columns: Columns,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str, columns: Columns) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Lines { text, starts, columns }
    }

    /// The byte at a place; the nearest where there is no such place.
    pub(super) fn byte(&self, place: Position) -> usize {
        let line = usize::try_from(place.line).unwrap_or(usize::MAX);
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let own = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let wanted = usize::try_from(place.character).unwrap_or(usize::MAX);
        start
            + match self.columns {
                Columns::Bytes => own.floor_char_boundary(wanted.min(own.len())),
                Columns::Utf16 => {
                    let mut counted = 0;
                    let at = own.char_indices().find(|(_, c)| {
                        let is_there = counted + c.len_utf16() > wanted;
                        counted += c.len_utf16();
                        is_there
                    });
                    at.map_or(own.len(), |(at, _)| at)
                }
            }
    }

    /// The place of a byte.
    pub(super) fn place(&self, byte: usize) -> Position {
        let byte = self.text.floor_char_boundary(byte.min(self.text.len()));
        let line = self.starts.partition_point(|start| *start <= byte).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..byte).unwrap_or_default();
        let column = match self.columns {
            Columns::Bytes => before.len(),
            Columns::Utf16 => before.encode_utf16().count(),
        };
        Position::new(u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    pub(super) fn range(&self, bytes: ops::Range<usize>) -> Range {
        Range::new(self.place(bytes.start), self.place(bytes.end.max(bytes.start)))
    }
}

#[cfg(test)]
mod tests {
    use ls_types::Position;

    use super::{Columns, Lines};

    #[test]
    fn columns_count_units_of_utf16() {
        let text = "Māori 🙂 x\r\nō\n\ry";
        let lines = Lines::of(text, Columns::Utf16);
        for (line, column, byte) in [
            (0, 0, 0),
            (0, 2, 3),
            (0, 6, 7),
            (0, 8, 11),
            (0, 9, 12),
            (1, 0, 15),
            (1, 1, 17),
            (2, 0, 18),
            (3, 1, 20),
        ] {
            assert_eq!(lines.byte(Position::new(line, column)), byte, "{line}:{column}");
            assert_eq!(lines.place(byte), Position::new(line, column), "{byte}");
        }
        // Within a pair, behind a line, behind the text.
        assert_eq!(lines.byte(Position::new(0, 7)), 7);
        assert_eq!(lines.byte(Position::new(0, 99)), 13);
        assert_eq!(lines.byte(Position::new(9, 0)), text.len());
        assert_eq!(lines.place(9999), Position::new(3, 1));
        assert_eq!(lines.place(2), Position::new(0, 1));
    }

    #[test]
    fn columns_count_bytes_where_that_was_agreed_on() {
        let lines = Lines::of("āb\nō", Columns::Bytes);
        assert_eq!(lines.byte(Position::new(0, 2)), 2);
        assert_eq!(lines.byte(Position::new(0, 1)), 0);
        assert_eq!(lines.place(6), Position::new(1, 2));
    }
}
