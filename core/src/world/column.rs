//! One attribute of all entities of a type.

use crate::schema::Type;
use crate::value::Value;

/// A row or a string that is not there.
const ABSENT: u32 = u32::MAX;

/// What one entity holds for one attribute, in the world's own numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Bool(bool),
    /// A `Long`, or a `datetime`, `duration` or `decimal` as its number.
    Long(i64),
    /// A string's number.
    String(u32),
    /// An entity's row; its type is the column's.
    Row(u32),
    /// Rows of a set of entities, ascending, each once.
    Rows(&'a [u32]),
    /// Anything else.
    Value(&'a Value),
}

/// The values of one attribute, by row.
#[derive(Clone)]
pub(crate) enum Column {
    Bool {
        values: Vec<bool>,
        present: Vec<bool>,
    },
    Long {
        values: Vec<i64>,
        present: Vec<bool>,
    },
    String(Vec<u32>),
    Row(Vec<u32>),
    /// Each set is a slice of `pool`; an absent set starts at [`ABSENT`].
    Rows {
        slices: Vec<(u32, u32)>,
        pool: Vec<u32>,
    },
    Value(Vec<Option<Box<Value>>>),
}

impl Column {
    pub(crate) fn new(ty: &Type) -> Self {
        match ty {
            Type::Bool => Column::Bool { values: Vec::new(), present: Vec::new() },
            Type::Long | Type::Datetime | Type::Duration | Type::Decimal => {
                Column::Long { values: Vec::new(), present: Vec::new() }
            }
            Type::String => Column::String(Vec::new()),
            Type::Entity(_) => Column::Row(Vec::new()),
            Type::Set(element) if matches!(**element, Type::Entity(_)) => {
                Column::Rows { slices: Vec::new(), pool: Vec::new() }
            }
            Type::Set(_) | Type::Record(_) | Type::Ip => Column::Value(Vec::new()),
        }
    }

    pub(crate) fn cell(&self, row: u32) -> Option<Cell<'_>> {
        let at = row as usize;
        match self {
            Column::Bool { values, present } => {
                present.get(at)?.then_some(()).and_then(|()| values.get(at)).map(|&v| Cell::Bool(v))
            }
            Column::Long { values, present } => {
                present.get(at)?.then_some(()).and_then(|()| values.get(at)).map(|&v| Cell::Long(v))
            }
            Column::String(values) => values.get(at).filter(|&&v| v != ABSENT).map(|&v| Cell::String(v)),
            Column::Row(values) => values.get(at).filter(|&&v| v != ABSENT).map(|&v| Cell::Row(v)),
            Column::Rows { slices, pool } => {
                let &(start, len) = slices.get(at)?;
                if start == ABSENT {
                    return None;
                }
                pool.get(start as usize..start as usize + len as usize).map(Cell::Rows)
            }
            Column::Value(values) => values.get(at)?.as_deref().map(Cell::Value),
        }
    }

    /// Puts `cell` at `row`, which held nothing before; rows between are absent.
    ///
    /// Returns whether it fitted: a cell of another kind than the column's does not.
    pub(crate) fn set(&mut self, row: u32, cell: &Cell<'_>) -> bool {
        let at = row as usize;
        match (self, cell) {
            (Column::Bool { values, present }, Cell::Bool(v)) => {
                put(values, at, *v, false);
                put(present, at, true, false);
            }
            (Column::Long { values, present }, Cell::Long(v)) => {
                put(values, at, *v, 0);
                put(present, at, true, false);
            }
            (Column::String(values), Cell::String(v)) | (Column::Row(values), Cell::Row(v)) => {
                put(values, at, *v, ABSENT);
            }
            (Column::Rows { slices, pool }, Cell::Rows(rows)) => {
                let (Ok(start), Ok(len)) = (u32::try_from(pool.len()), u32::try_from(rows.len())) else {
                    return false;
                };
                pool.extend_from_slice(rows);
                put(slices, at, (start, len), (ABSENT, 0));
            }
            (Column::Value(values), Cell::Value(v)) => put(values, at, Some(Box::new((*v).clone())), None),
            _ => return false,
        }
        true
    }

    pub(crate) fn shrink(&mut self) {
        match self {
            Column::Bool { values, present } => {
                values.shrink_to_fit();
                present.shrink_to_fit();
            }
            Column::Long { values, present } => {
                values.shrink_to_fit();
                present.shrink_to_fit();
            }
            Column::String(values) | Column::Row(values) => values.shrink_to_fit(),
            Column::Rows { slices, pool } => {
                slices.shrink_to_fit();
                pool.shrink_to_fit();
            }
            Column::Value(values) => values.shrink_to_fit(),
        }
    }

    /// Bytes held, unused capacity included, values behind boxes left out.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Column::Bool { values, present } => values.capacity() + present.capacity(),
            Column::Long { values, present } => values.capacity() * 8 + present.capacity(),
            Column::String(values) | Column::Row(values) => values.capacity() * 4,
            Column::Rows { slices, pool } => slices.capacity() * 8 + pool.capacity() * 4,
            Column::Value(values) => values.capacity() * size_of::<Option<Box<Value>>>(),
        }
    }
}

fn put<T: Clone>(values: &mut Vec<T>, at: usize, value: T, filler: T) {
    if values.len() <= at {
        values.resize(at + 1, filler);
    }
    if let Some(slot) = values.get_mut(at) {
        *slot = value;
    }
}
