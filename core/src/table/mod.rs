//! Counts by group, with their totals: what [`Ward::count_by`](crate::Ward::count_by) and reports answer.

pub(crate) mod disclosure;
pub(crate) mod group;
pub(crate) mod profile;
mod show;

use std::fmt;
use std::sync::Arc;

use crate::model::{Period, Provenance, Value};
use crate::table::disclosure::Protected;

/// Counts of records by group, and all of their totals.
///
/// Groups in which there is nothing are left out, but where that is not told ([`Table::protect`]). A record that has several values of a group (a set) counts in
/// each of them, and once in every total; those whose set is empty are a group of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub(crate) of: Arc<str>,
    pub(crate) by: Vec<Arc<str>>,
    /// Whether a record can count in several groups.
    pub(crate) overlaps: bool,
    /// In the order of their keys.
    pub(crate) cells: Vec<Line>,
    /// By how many keys they have, most first, then in the order of these; the last is the total of all.
    pub(crate) totals: Vec<Line>,
    /// Which records each line counts, cells and then totals, as numbers that are the same in every table; empty where
    /// that was not asked for.
    pub(crate) marks: Arc<[u128]>,
    pub(crate) protected: Option<Protected>,
    pub(crate) release: Option<Part>,
    pub(crate) provenance: Provenance,
}

carried!(struct Table {
    of, by, overlaps, cells, totals, marks, protected, release, provenance,
});

/// Which part of a release a table is: tables that are protected together, so that none of them tells what another
/// leaves out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// What the release is called.
    pub release: Arc<str>,
    /// What the table is called in it.
    pub table: Arc<str>,
    /// What the other tables are called.
    pub with: Vec<Arc<str>>,
}

carried!(struct Part { release, table, with });

/// One count, and of which groups it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// For each of the table's groups, which one.
    pub keys: Vec<Key>,
    /// How many records.
    pub count: Count,
}

carried!(struct Line { keys, count });

/// Which one of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Records with this value.
    Value(Value),
    /// Records with an instant in this period.
    Period(Period),
    /// Records whose set has no element.
    Empty,
    /// Records that have no such value: the attribute is absent, or one on the way to it.
    Absent,
    /// All of them: the line is a total.
    All,
}

carried!(enum Key {
    0 = Value { 0: value }, 1 = Period { 0: period }, 2 = Empty {}, 3 = Absent {}, 4 = All {},
});

/// How many records there are in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// About so many, after random rounding.
    Rounded(u64),
    /// Some: how many is not told.
    Suppressed,
}

carried!(enum Count { 0 = Exact { 0: count }, 1 = Rounded { 0: count }, 2 = Suppressed {} });

impl Count {
    /// The number that is told; `None` where none is.
    pub fn number(self) -> Option<u64> {
        match self {
            Count::Exact(n) | Count::Rounded(n) => Some(n),
            Count::Suppressed => None,
        }
    }
}

impl Table {
    /// One table of a release of cases, of its lines.
    #[cfg(feature = "release")]
    pub(crate) fn of_release(
        (of, by, mut lines): (&str, Vec<Arc<str>>, Vec<Line>),
        (part, protected): (Part, Protected),
        provenance: Provenance,
    ) -> Self {
        let whole = lines.iter().take_while(|line| line.keys.iter().all(|key| *key != Key::All)).count();
        let totals = if by.is_empty() { lines.split_off(0) } else { lines.split_off(whole) };
        let mut table = Table {
            of: of.into(),
            by,
            overlaps: false,
            cells: lines,
            totals,
            marks: Arc::from([]),
            protected: Some(protected),
            release: Some(part),
            provenance,
        };
        table.leave_out_zeros();
        table
    }

    /// The type of the records that are counted.
    pub fn of(&self) -> &str {
        &self.of
    }

    /// The names of the groups, in the order of each line's keys.
    pub fn by(&self) -> &[Arc<str>] {
        &self.by
    }

    /// The counts of single groups, in the order of their keys.
    pub fn cells(&self) -> &[Line] {
        &self.cells
    }

    /// The totals over one group, over two …, and of all, which comes last.
    pub fn totals(&self) -> &[Line] {
        &self.totals
    }

    /// How many records there are in all.
    pub fn total(&self) -> Count {
        self.totals.last().map_or(Count::Exact(0), |line| line.count)
    }

    /// The count of these keys; for those that have no line it is zero, rounded where the table is.
    pub fn count(&self, keys: &[Key]) -> Count {
        let mut lines = self.cells.iter().chain(&self.totals);
        let zero = match self.protected {
            Some(Protected::Rounded { .. }) => Count::Rounded(0),
            _ => Count::Exact(0),
        };
        lines.find(|line| line.keys == keys).map_or(zero, |line| line.count)
    }

    /// A count in hundredths of all, made from the numbers that are told; `None` where one of them is not.
    pub fn percent(&self, count: Count) -> Option<f64> {
        let all = self.total().number().filter(|all| *all > 0)?;
        Some(count.number()? as f64 * 100.0 / all as f64)
    }

    /// What was done to the counts so that they tell of nobody; `None` where they are exact.
    pub fn protected(&self) -> Option<Protected> {
        self.protected
    }

    /// Which part of a release it is; `None` for a table by itself.
    pub fn release(&self) -> Option<&Part> {
        self.release.as_ref()
    }

    /// What it was made from; the instant is that of the question.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Value(Value::String(text)) => f.write_str(text),
            Key::Value(Value::Entity(uid)) => f.write_str(uid.id()),
            Key::Value(value) => f.write_str(&show::plain(value)),
            Key::Period(period) => period.fmt(f),
            Key::Empty => f.write_str("(empty)"),
            Key::Absent => f.write_str("(none)"),
            Key::All => f.write_str("all"),
        }
    }
}
