//! A predicate in the words of a dialect, with its parameters beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::dialect::Dialect;
use super::filter::{Parameter, Setup};
use super::tables::{Kind, Name, Tables};
use super::tree::{
    AddressTest, Column, Comparison, Constant, From, Null, Operation, Predicate, RESOURCE, Row, Rows, Scalar,
    Source, Values,
};
use crate::model::TypeId;

/// Values up to which a list is written out, where a dialect takes one as a whole with more words.
const SHORT: usize = 8;

/// A number that no `Long` is, nor its negative.
const BEYOND: &str = "10000000000000000000";

/// One writing of a predicate.
pub(super) struct Printer<'a> {
    dialect: Dialect,
    collations: bool,
    rows: &'a Rows,
    /// The row that is decided: its table, its column of ids, and what the query calls it.
    pub(super) table: Name,
    pub(super) id: Arc<str>,
    resource: Arc<str>,
    /// Whether the row that is decided is looked for in a query of its own.
    pub(super) in_way: bool,
    /// What the names of other rows begin with.
    pub(super) stem: &'static str,
    /// Columns that are asked for, by row.
    pub(super) used: BTreeSet<(Row, Arc<str>)>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) setup: Vec<Setup>,
    /// Why there is no exact text.
    pub(super) refused: Option<Arc<str>>,
}

/// A single condition in the words of a dialect, and what they can say: true or false alone, or NULL as well, exactly
/// where a column is.
pub(super) struct Written {
    text: String,
    values: Values,
}

impl Written {
    pub(super) fn two(text: impl Into<String>) -> Self {
        Written { text: text.into(), values: Values::Two }
    }

    pub(super) fn three(text: impl Into<String>) -> Self {
        Written { text: text.into(), values: Values::Three }
    }
}

/// Where a predicate stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On its own, or within parentheses.
    Alone,
    /// Beside others that must hold as well.
    InAll,
    /// Where other words follow: below `OR`, or `NOT`.
    Below,
}

impl<'a> Printer<'a> {
    /// `alias` is what the query calls the row that is decided, where it says so itself.
    pub(super) fn new(
        dialect: Dialect,
        rows: &'a Rows,
        (tables, resource): (&Tables, TypeId),
        alias: Option<&str>,
    ) -> Self {
        let table = tables.of(resource);
        let name = table.and_then(|table| table.alias.clone().or_else(|| table.name.last().cloned()));
        let resource = alias.map(Arc::from).or(name).unwrap_or_else(|| "".into());
        // A name of ours must not hide the query's.
        let digits = resource.get(1..).unwrap_or("");
        let is_alike = resource.to_lowercase().starts_with('t') && digits.bytes().all(|b| b.is_ascii_digit());
        let stem = if is_alike { "r" } else { "t" };
        Printer {
            dialect,
            collations: tables.collations,
            rows,
            table: table.map_or_else(|| Arc::from([]), |table| table.name.clone()),
            id: table.map_or_else(|| "id".into(), |table| table.id.clone()),
            resource,
            in_way: false,
            stem,
            used: BTreeSet::new(),
            parameters: Vec::new(),
            setup: Vec::new(),
            refused: None,
        }
    }

    /// The predicate, with the number of a value between two NULs where a parameter is to be. Recursion is bounded by the
    /// limits on policy text.
    pub(super) fn predicate(&mut self, predicate: &Predicate) -> String {
        let mut note = |column: &Column| {
            self.used.insert((column.row, column.name.clone()));
        };
        predicate.columns(&mut note);
        for row in (1..self.rows.len()).filter_map(|row| Some(Row(u32::try_from(row).ok()?))) {
            for (name, value) in self.rows.source(row).iter().flat_map(|source| &source.key) {
                note(&Column { row, name: name.clone(), kind: Kind::Text, null: Null::Never });
                value.columns(&mut note);
            }
        }
        match predicate {
            Predicate::All(all) => {
                let all: Vec<String> = all.iter().map(|one| self.outermost(one, Place::InAll)).collect();
                all.join(" AND ")
            }
            other => self.outermost(other, Place::Alone),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn rows(&self) -> &'a Rows {
        self.rows
    }

    /// The predicate beside others that must hold.
    pub(super) fn beside(&mut self, predicate: &Predicate) -> String {
        self.at(predicate, Place::InAll)
    }

    pub(super) fn at(&mut self, predicate: &Predicate, place: Place) -> String {
        match predicate {
            Predicate::Constant(true) => "TRUE".into(),
            Predicate::Constant(false) => "FALSE".into(),
            Predicate::All(all) => {
                let inner = if place == Place::Below { Place::Below } else { Place::InAll };
                let all: Vec<String> = all.iter().map(|one| self.at(one, inner)).collect();
                parenthesised(all.join(" AND "), place == Place::Below)
            }
            Predicate::Any(all) => {
                let all: Vec<String> = all.iter().map(|one| self.at(one, Place::Below)).collect();
                parenthesised(all.join(" OR "), place != Place::Alone)
            }
            Predicate::Not(of) => match &**of {
                Predicate::IsPresent(scalar) => format!("{} IS NULL", self.scalar(scalar)),
                Predicate::OneOf(scalar, list) => self.one_of(scalar, list, true),
                Predicate::Exists(_, row, of) => format!("NOT {}", self.correlated(*row, of)),
                of => self.negated(of, place),
            },
            Predicate::OneOf(scalar, list) => self.one_of(scalar, list, false),
            Predicate::Exists(_, row, of) => self.exists(*row, of),
            single => self.single(single).text,
        }
    }

    /// The negation of a condition: true nowhere where that is unknown.
    fn negated(&mut self, of: &Predicate, place: Place) -> String {
        let written = match of {
            Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) => {
                Written::three(self.at(of, Place::Alone))
            }
            single => self.single(single),
        };
        let not = (written.text != "FALSE").then(|| format!("NOT {}", parenthesised(written.text, true)));
        if let Some(not) = not.as_ref().filter(|_| written.values == of.values()) {
            return not.clone();
        }
        // The dialect's words say false where a column is NULL.
        let mut columns = BTreeSet::new();
        of.columns(&mut |column| {
            columns.insert(column.clone());
        });
        let there = columns.iter().map(|column| format!("{} IS NOT NULL", self.column(column)));
        let all: Vec<String> = there.chain(not).collect();
        parenthesised(all.join(" AND "), place == Place::Below)
    }

    /// A single condition, and what its words can say.
    fn single(&mut self, single: &Predicate) -> Written {
        match single {
            Predicate::Holds(scalar) => Written::three(self.scalar(scalar)),
            Predicate::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Predicate::IsPresent(scalar) => Written::two(format!("{} IS NOT NULL", self.scalar(scalar))),
            Predicate::Like(scalar, pattern) => self.like(scalar, pattern),
            Predicate::Address(test, of, range) => self.address(*test, of, range.as_ref()),
            Predicate::Fits(scalar) => Written::two(self.fits(scalar)),
            // Those that are written as a whole, with their negation.
            other => Written { text: self.at(other, Place::Alone), values: other.values() },
        }
    }

    fn compare(&mut self, comparison: Comparison, a: &Scalar, b: &Scalar) -> Written {
        // PostgreSQL holds no text with a NUL in it: nothing is equal to one.
        if self.dialect == Dialect::Postgres && (holds_nul(a) || holds_nul(b)) {
            let column = if holds_nul(a) { b } else { a };
            self.refuse_odd(column);
            let is_there = format!("{} IS NOT NULL", self.scalar(column));
            return Written::two(if comparison == Comparison::NotEqual { is_there } else { "FALSE".into() });
        }
        let sign = match comparison {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
        };
        let collation = self.collation(a, b);
        Written::three(format!("{} {sign} {}{collation}", self.scalar(a), self.scalar(b)))
    }

    /// That texts are compared by their bytes, where a column may say otherwise.
    pub(super) fn collation(&self, a: &Scalar, b: &Scalar) -> &'static str {
        let is_text = |scalar: &Scalar| match scalar {
            Scalar::Column(column) => matches!(column.kind, Kind::Text | Kind::Id(_)),
            _ => false,
        };
        match self.dialect {
            Dialect::Sqlite if self.collations && (is_text(a) || is_text(b)) => " COLLATE BINARY",
            Dialect::Postgres if self.collations && (is_text(a) || is_text(b)) => " COLLATE \"C\"",
            // Columns compare without regard to case there, unless they are said to: by that collation an index is used.
            Dialect::MariaDb if is_text(a) || is_text(b) => " COLLATE utf8mb4_nopad_bin",
            _ => "",
        }
    }

    fn one_of(&mut self, scalar: &Scalar, list: &[Constant], negated: bool) -> String {
        let not = if negated { "NOT " } else { "" };
        let (plain, odd): (Vec<Constant>, Vec<Constant>) =
            list.iter().cloned().partition(|one| !self.is_odd(one));
        if !odd.is_empty() {
            self.refuse_odd(scalar);
        }
        let text = self.scalar(scalar);
        let collation = self.collation(scalar, scalar);
        let plain_text = match self.dialect {
            _ if plain.is_empty() => None,
            Dialect::Postgres if negated => {
                Some(format!("{text}{collation} <> ALL ({})", self.list_parameter(&plain)))
            }
            Dialect::Postgres => Some(format!("{text}{collation} = ANY ({})", self.list_parameter(&plain))),
            _ if plain.len() <= SHORT => {
                let all: Vec<String> = plain.iter().map(|one| self.constant(one)).collect();
                Some(format!("{text}{collation} {not}IN ({})", all.join(", ")))
            }
            Dialect::Spark => {
                let view = self.view(&plain);
                Some(format!("{text} {not}IN (SELECT value FROM {view})"))
            }
            _ => {
                let from = self.list(&plain);
                Some(format!("{text}{collation} {not}IN ({from})"))
            }
        };
        // Nothing is equal to a text that the dialect does not have.
        match plain_text {
            Some(text) => text,
            None if negated => format!("{text} IS NOT NULL"),
            None => "FALSE".into(),
        }
    }

    fn fits(&mut self, scalar: &Scalar) -> String {
        let text = self.scalar(scalar);
        match self.dialect {
            Dialect::Sqlite => format!("typeof({text}) = 'integer'"),
            Dialect::Postgres | Dialect::MariaDb => format!("{text} BETWEEN {} AND {}", i64::MIN, i64::MAX),
            Dialect::DuckDb | Dialect::Spark => format!("{text} IS NOT NULL"),
        }
    }

    fn address(&mut self, test: AddressTest, of: &Scalar, range: Option<&Scalar>) -> Written {
        let of = self.scalar(of);
        Written::three(match (test, range) {
            (AddressTest::IsV4, _) => format!("family({of}) = 4"),
            (AddressTest::IsV6, _) => format!("family({of}) = 6"),
            (AddressTest::IsLoopback, _) => {
                format!("({of} <<= inet '127.0.0.0/8' OR {of} <<= inet '::1/128')")
            }
            (AddressTest::IsMulticast, _) => {
                format!("({of} <<= inet '224.0.0.0/4' OR {of} <<= inet 'ff00::/8')")
            }
            (AddressTest::IsInRange, Some(range)) => format!("{of} <<= {}", self.scalar(range)),
            (AddressTest::IsInRange, None) => return Written::two("FALSE"),
        })
    }

    pub(super) fn scalar(&mut self, scalar: &Scalar) -> String {
        match scalar {
            Scalar::Constant(value) => self.constant(value),
            Scalar::Column(column) => self.column(column),
            Scalar::Arithmetic(operation, a, b) => {
                let (a, b) = (self.number(a), self.number(b));
                let (sign, name) = match operation {
                    Operation::Add => ("+", "try_add"),
                    Operation::Subtract => ("-", "try_subtract"),
                    Operation::Multiply => ("*", "try_multiply"),
                };
                match self.dialect {
                    Dialect::Sqlite | Dialect::Postgres | Dialect::MariaDb => format!("({a} {sign} {b})"),
                    Dialect::DuckDb => {
                        format!("TRY_CAST(CAST({a} AS HUGEINT) {sign} CAST({b} AS HUGEINT) AS BIGINT)")
                    }
                    Dialect::Spark => format!("{name}({a}, {b})"),
                }
            }
            Scalar::Divided(of, by) => {
                let of = self.number(of);
                match self.dialect {
                    Dialect::Sqlite => format!("({of} / {by})"),
                    Dialect::Postgres => format!("div({of}, {by})"),
                    Dialect::DuckDb => format!("(({of} - {of} % {by}) // {by})"),
                    Dialect::Spark => format!("({of} div {by})"),
                    Dialect::MariaDb => format!("(({of} - {of} % {by}) / {by})"),
                }
            }
            Scalar::Modulo(of, by) => {
                let of = self.number(of);
                format!("((({of} % {by}) + {by}) % {by})")
            }
        }
    }

    /// An operand of arithmetic.
    fn number(&mut self, scalar: &Scalar) -> String {
        let text = self.scalar(scalar);
        match (self.dialect, scalar) {
            (Dialect::Postgres, Scalar::Constant(_) | Scalar::Column(_)) => format!("{text}::numeric"),
            (Dialect::DuckDb, Scalar::Constant(_)) => format!("{text}::BIGINT"),
            (Dialect::MariaDb, Scalar::Constant(_) | Scalar::Column(_)) => {
                format!("CAST({text} AS DECIMAL(65))")
            }
            // What is too large stays so, and becomes no larger: beyond its digits a query fails.
            (Dialect::MariaDb, _) => format!("LEAST(GREATEST({text}, -{BEYOND}), {BEYOND})"),
            _ => text,
        }
    }

    pub(super) fn column(&mut self, column: &Column) -> String {
        let of = match column.row {
            RESOURCE if !self.in_way => self.dialect.quoted(&self.resource),
            Row(n) => format!("{}{n}", self.stem),
        };
        let name = format!("{of}.{}", self.dialect.quoted(&column.name));
        match column.kind {
            Kind::Timestamp => self.dialect.milliseconds(&name),
            _ => name,
        }
    }

    /// From where a row is taken, and what must hold of it.
    pub(super) fn from(
        &mut self,
        row: Row,
        source: &Source,
        key: &[(Arc<str>, Scalar)],
        of: &Predicate,
    ) -> String {
        let from = self.source(row, source);
        let mut all = self.key(row, key);
        if *of != Predicate::Constant(true) {
            all.push(self.at(of, if all.is_empty() { Place::Alone } else { Place::InAll }));
        }
        match all.is_empty() {
            true => format!("FROM {from}"),
            false => format!("FROM {from} WHERE {}", all.join(" AND ")),
        }
    }

    /// What a row is taken from, with its name.
    pub(super) fn source(&mut self, row: Row, source: &Source) -> String {
        let name = format!("{}{}", self.stem, row.0);
        match &source.from {
            From::Table(table) => format!("{} AS {name}", self.table(table)),
            From::List(list) => self.list_from(list, &name),
            From::World { columns, rows } => {
                let (columns, rows) = self.used_of(row, source, columns, rows);
                self.world_from(&columns, &rows, &name)
            }
        }
    }

    /// That a row has the values of its key.
    pub(super) fn key(&mut self, row: Row, key: &[(Arc<str>, Scalar)]) -> Vec<String> {
        let mut all = Vec::new();
        for (column, value) in key {
            let column = Column { row, name: column.clone(), kind: Kind::Text, null: Null::Never };
            all.push(self.compare(Comparison::Equal, &Scalar::Column(column), value).text);
        }
        all
    }

    pub(super) fn table(&self, name: &Name) -> String {
        name.iter().map(|part| self.dialect.quoted(part)).collect::<Vec<_>>().join(".")
    }
}

fn holds_nul(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Constant(value) if value.holds_nul())
}

fn parenthesised(text: String, yes: bool) -> String {
    if yes { format!("({text})") } else { text }
}
