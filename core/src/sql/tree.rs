//! A predicate on rows, before it is written in a dialect.
//!
//! It is read as SQL reads it, in three values, and only whether it is true matters. Where Cedar evaluates an
//! expression without failure, its predicate has Cedar's value; what Cedar would not look at may be NULL or
//! anything else, which `AND` and `OR` put right as Cedar's order of evaluation does.
//!
//! INVARIANT: what a condition says where a column is NULL is told by [`Predicate::values`], and when a column is by
//! [`Null`]. Whoever rewrites a predicate reads these; whoever writes one in a dialect makes them true.

use std::sync::Arc;

use super::tables::{Kind, Name};
use crate::ir::Pattern;

/// A row that a predicate speaks of: 0 is the one that is decided, others stand in [`Rows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row(pub(super) u32);

/// The row that is decided.
pub(super) const RESOURCE: Row = Row(0);

/// A value that is written down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Constant {
    Bool(bool),
    Long(i64),
    Text(Arc<str>),
    Ip(Arc<str>),
}

impl Constant {
    /// Whether a NUL is in it, which some databases take for a text's end, and some take in no text.
    pub(super) fn holds_nul(&self) -> bool {
        matches!(self, Constant::Text(text) if text.contains('\0'))
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar {
    Constant(Constant),
    Column(Column),
    /// Numbers of any size, exact or NULL: what is too large is found by [`Predicate::Fits`].
    Arithmetic(Operation, Box<Scalar>, Box<Scalar>),
    /// Towards zero.
    Divided(Box<Scalar>, i64),
    /// What is over a multiple, never negative.
    Modulo(Box<Scalar>, i64),
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    pub(super) row: Row,
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// When it is NULL where the row is there.
    pub(super) null: Null,
}

/// When a column is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Null {
    /// Never: an id that rows are found by, an element of a list, what the world knows.
    Never,
    /// Where the database breaks its promise that what is required is there.
    Broken,
    /// As [`Null::Broken`] where the optional record is there that it is a field of, and rightly where that is not.
    InRecord,
    /// Where the attribute or field is absent.
    Absent,
}

impl Null {
    /// Whether it is NULL in tables that hold what a world could hold.
    pub(super) fn is_allowed(self) -> bool {
        matches!(self, Null::InRecord | Null::Absent)
    }

    /// Whether it may be NULL where Cedar reads it: since the database broke its promise.
    pub(super) fn is_broken(self) -> bool {
        matches!(self, Null::InRecord | Null::Broken)
    }

    /// When a field is, of a record that is absent where this is NULL.
    pub(super) fn of_field(self, required: bool) -> Null {
        match (self, required) {
            (_, false) => Null::Absent,
            (Null::Absent | Null::InRecord, true) => Null::InRecord,
            (null, true) => null,
        }
    }

    /// The same of facts that the world knows, which keeps its promises.
    pub(super) fn of_world(self) -> Null {
        match self {
            Null::Broken => Null::Never,
            Null::InRecord => Null::Absent,
            null => null,
        }
    }
}

/// What a single condition can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// True or false, whatever is NULL.
    Two,
    /// NULL exactly where a column that it reads is, so that neither it nor its negation is true there.
    Three,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
}

/// A test of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AddressTest {
    IsV4,
    IsV6,
    IsLoopback,
    IsMulticast,
    IsInRange,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Predicate {
    Constant(bool),
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    /// A Bool.
    Holds(Scalar),
    Compare(Comparison, Scalar, Scalar),
    /// Whether a value is one of a list, in order, without duplicates.
    OneOf(Scalar, Arc<[Constant]>),
    IsPresent(Scalar),
    Like(Scalar, Pattern),
    Address(AddressTest, Scalar, Option<Scalar>),
    /// Whether arithmetic came to a number of 64 bits.
    Fits(Scalar),
    /// Whether a row is there of which something holds.
    Exists(Existence, Row, Box<Predicate>),
}

/// What it says where no row is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Existence {
    /// Nothing: the record is left out anyway, so that the row may be taken to be there.
    Certain,
    /// That there is none.
    Open,
}

/// The rows that a predicate speaks of, beside the one that is decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows(Vec<Source>);

/// Where a row is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) from: From,
    /// Columns and the values that they have in the row; the values speak of rows of smaller numbers.
    pub(super) key: Vec<(Arc<str>, Scalar)>,
    /// Whether the key finds one row at most.
    pub(super) unique: bool,
    /// The entity type whose entity it is.
    pub(super) entity: Option<crate::model::TypeId>,
}

/// What rows are found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum From {
    Table(Name),
    /// A list, its column called `value`.
    List(Arc<[Constant]>),
    /// Facts of the world: columns, and the rows.
    World {
        columns: Arc<[(Arc<str>, Kind)]>,
        rows: Arc<[Vec<Option<Constant>>]>,
    },
}

impl Rows {
    /// The row of a source; the same one for the same source.
    pub(super) fn row(&mut self, source: Source) -> Row {
        let at = match self.0.iter().position(|known| *known == source) {
            Some(at) => at,
            None => {
                self.0.push(source);
                self.0.len() - 1
            }
        };
        Row(u32::try_from(at + 1).unwrap_or(u32::MAX))
    }

    /// The number of rows, that of the record among them.
    pub(super) fn len(&self) -> usize {
        self.0.len() + 1
    }

    pub(super) fn source(&self, row: Row) -> Option<&Source> {
        self.0.get((row.0 as usize).checked_sub(1)?)
    }
}

impl Scalar {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Scalar::Constant(Constant::Text(text.into()))
    }

    /// Calls `visit` with every row that the value speaks of.
    pub(super) fn rows(&self, visit: &mut dyn FnMut(Row)) {
        self.columns(&mut |column| visit(column.row));
    }

    /// Calls `visit` with every column that the value is made from.
    pub(super) fn columns(&self, visit: &mut dyn FnMut(&Column)) {
        match self {
            Scalar::Constant(_) => {}
            Scalar::Column(column) => visit(column),
            Scalar::Arithmetic(_, a, b) => {
                a.columns(visit);
                b.columns(visit);
            }
            Scalar::Divided(a, _) | Scalar::Modulo(a, _) => a.columns(visit),
        }
    }
}

impl Predicate {
    /// What it says where a column is NULL. Of what is made of several conditions: what `AND`, `OR` and `NOT` make of
    /// theirs.
    pub(super) fn values(&self) -> Values {
        match self {
            Predicate::Constant(_)
            | Predicate::IsPresent(_)
            // A number that is too large is NULL in some dialects, and does not fit.
            | Predicate::Fits(_)
            // SQL takes a row of which it is unknown for one that is not there.
            | Predicate::Exists(..) => Values::Two,
            Predicate::Holds(_)
            | Predicate::Compare(..)
            | Predicate::OneOf(..)
            | Predicate::Like(..)
            | Predicate::Address(..)
            | Predicate::All(_)
            | Predicate::Any(_)
            | Predicate::Not(_) => Values::Three,
        }
    }

    /// Calls `visit` with every row that a value speaks of; those within which something exists are among them.
    pub(super) fn rows(&self, visit: &mut dyn FnMut(Row)) {
        self.columns(&mut |column| visit(column.row));
    }

    /// Calls `visit` with every column that a value is made from.
    pub(super) fn columns(&self, visit: &mut dyn FnMut(&Column)) {
        match self {
            Predicate::Constant(_) => {}
            Predicate::All(all) | Predicate::Any(all) => all.iter().for_each(|one| one.columns(visit)),
            Predicate::Not(of) | Predicate::Exists(_, _, of) => of.columns(visit),
            Predicate::Holds(a)
            | Predicate::OneOf(a, _)
            | Predicate::IsPresent(a)
            | Predicate::Like(a, _)
            | Predicate::Fits(a)
            | Predicate::Address(_, a, None) => a.columns(visit),
            Predicate::Compare(_, a, b) | Predicate::Address(_, a, Some(b)) => {
                a.columns(visit);
                b.columns(visit);
            }
        }
    }

    /// How many conditions it is made of.
    pub(super) fn size(&self) -> usize {
        match self {
            Predicate::All(all) | Predicate::Any(all) => all.iter().map(Predicate::size).sum(),
            Predicate::Not(of) | Predicate::Exists(_, _, of) => 1 + of.size(),
            _ => 1,
        }
    }

    /// How many other rows it looks for.
    pub(super) fn lookups(&self) -> usize {
        match self {
            Predicate::All(all) | Predicate::Any(all) => all.iter().map(Predicate::lookups).sum(),
            Predicate::Not(of) => of.lookups(),
            Predicate::Exists(_, _, of) => 1 + of.lookups(),
            _ => 0,
        }
    }

    /// Whether texts are compared, which takes longer than anything else that is in the row.
    pub(super) fn compares_texts(&self) -> bool {
        let mut found = false;
        self.columns(&mut |column| found |= matches!(column.kind, Kind::Text | Kind::Id(_)));
        found && !matches!(self, Predicate::IsPresent(_))
    }

    pub(super) fn and(self, other: Predicate) -> Predicate {
        Predicate::all([self, other])
    }

    pub(super) fn or(self, other: Predicate) -> Predicate {
        Predicate::any([self, other])
    }

    pub(super) fn all(all: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for one in all {
            match one {
                Predicate::Constant(true) => {}
                Predicate::Constant(false) => return Predicate::Constant(false),
                Predicate::All(more) => kept.extend(more),
                one => kept.push(one),
            }
        }
        match kept.len() {
            0 => Predicate::Constant(true),
            1 => kept.pop().unwrap_or(Predicate::Constant(true)),
            _ => Predicate::All(kept),
        }
    }

    pub(super) fn any(any: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for one in any {
            match one {
                Predicate::Constant(false) => {}
                Predicate::Constant(true) => return Predicate::Constant(true),
                Predicate::Any(more) => kept.extend(more),
                one => kept.push(one),
            }
        }
        match kept.len() {
            0 => Predicate::Constant(false),
            1 => kept.pop().unwrap_or(Predicate::Constant(false)),
            _ => Predicate::Any(kept),
        }
    }

    pub(super) fn not(self) -> Predicate {
        match self {
            Predicate::Constant(value) => Predicate::Constant(!value),
            Predicate::Not(of) => *of,
            of => Predicate::Not(Box::new(of)),
        }
    }
}
