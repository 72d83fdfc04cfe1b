//! Columns of ids, in every layout that text has in Arrow.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::DataType;

use crate::error::Error;

/// A column of ids of entities, in chunks as they come: `Utf8`, `LargeUtf8`, `Utf8View`, dictionaries of these with any
/// keys, or nothing but nulls.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    chunks: Vec<ArrayRef>,
    len: usize,
}

/// One chunk, as what its layout is.
enum Texts<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    /// Where the value of each row is among the values; what is null is told by the array itself.
    Dictionary(Box<Texts<'a>>, Vec<usize>),
    Nulls,
}

impl Column {
    /// A column of a frame. `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Frame`] for a column that holds no text, and for chunks that are not what their type says: offsets that
    /// lead out of them, bytes that are no UTF-8.
    pub fn new(name: &str, chunks: Vec<ArrayRef>) -> Result<Self, Error> {
        let mut start = 0usize;
        for chunk in &chunks {
            if !is_text(chunk.data_type()) {
                return Err(Error::frame(format!(
                    "column `{name}` holds {}, and ids are text: cast it, or name the column that holds the ids",
                    chunk.data_type()
                )));
            }
            // Whoever made it may have been wrong about it, and everything behind this trusts it.
            chunk.to_data().validate_full().map_err(|error| {
                Error::frame(format!("column `{name}`, in the chunk from row {start}: {error}"))
            })?;
            start = start.saturating_add(chunk.len());
        }
        Ok(Column { name: name.to_owned(), chunks, len: start })
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Goes through the rows, some at a time: `None` for null.
    pub(crate) fn blocks(&self, most: usize) -> Blocks<'_> {
        Blocks { chunks: self.chunks.iter(), open: None, most }
    }
}

fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => {
            matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    }
}

impl<'a> Texts<'a> {
    /// `None` for what is no text, which a column was looked through for.
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Texts::Small(array.as_string_opt()?),
            DataType::LargeUtf8 => Texts::Large(array.as_string_opt()?),
            DataType::Utf8View => Texts::View(array.as_string_view_opt()?),
            DataType::Null => Texts::Nulls,
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary_opt()?;
                let values = dictionary.values().as_ref();
                if values.is_empty() {
                    return Some(Texts::Nulls);
                }
                Texts::Dictionary(Box::new(Texts::of(values)?), dictionary.normalized_keys())
            }
            _ => return None,
        })
    }

    /// The text of a row that is there and not null.
    #[inline]
    fn text(&self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Small(array) => Some(array.value(row)),
            Texts::Large(array) => Some(array.value(row)),
            Texts::View(array) => Some(array.value(row)),
            Texts::Dictionary(values, keys) => values.text(*keys.get(row)?),
            Texts::Nulls => None,
        }
    }
}

/// The rows of a column, in blocks that end where a chunk does.
pub(crate) struct Blocks<'a> {
    chunks: std::slice::Iter<'a, ArrayRef>,
    open: Option<Open<'a>>,
    most: usize,
}

struct Open<'a> {
    texts: Texts<'a>,
    nulls: Option<arrow_buffer::NullBuffer>,
    at: usize,
    len: usize,
}

impl<'a> Blocks<'a> {
    /// The next rows, `most` at most, put behind what is in `into`; false at the end.
    pub(crate) fn next_into(&mut self, into: &mut Vec<Option<&'a str>>, most: usize) -> bool {
        loop {
            if self.open.as_ref().is_none_or(|open| open.at == open.len) {
                let Some(chunk) = self.chunks.next() else { return false };
                let Some(texts) = Texts::of(chunk.as_ref()) else { return false };
                // Of a dictionary, a value may be null as well as a key.
                let nulls = chunk.logical_nulls();
                self.open = Some(Open { texts, nulls, at: 0, len: chunk.len() });
                continue;
            }
            let Some(open) = &mut self.open else { return false };
            let end = open.len.min(open.at.saturating_add(most.min(self.most)));
            match &open.nulls {
                None => into.extend((open.at..end).map(|row| open.texts.text(row))),
                Some(nulls) => into.extend((open.at..end).map(|row| match nulls.is_null(row) {
                    true => None,
                    false => open.texts.text(row),
                })),
            }
            open.at = end;
            return true;
        }
    }

    /// The next `most` rows, or as many as there are, whichever chunks they are in.
    pub(crate) fn fill(&mut self, into: &mut Vec<Option<&'a str>>, most: usize) {
        into.clear();
        while into.len() < most && self.next_into(into, most - into.len()) {}
    }
}
