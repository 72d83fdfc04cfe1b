//! Tables as text for people, as CSV and as JSON.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Count, Key, Line, Part, Table};
use crate::model::Value;
use crate::table::disclosure::Protected;

/// Columns up to which a table of two groups is drawn with one of them across.
const ACROSS: usize = 12;

/// A value that is neither a string nor an entity, as short text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Decimal(v) => crate::cedar::decimal_text(*v),
        Value::Ip(ip) => format!("{}/{}", ip.address, ip.prefix),
        Value::Duration(ms) => format!("{ms}ms"),
        value => serde_json::to_string(value).unwrap_or_default(),
    }
}

/// What a suppressed count looks like.
const SUPPRESSED: &str = "s";

fn count_text(count: Count) -> String {
    count.number().map_or_else(|| SUPPRESSED.to_owned(), |n| n.to_string())
}

impl Table {
    /// The table as CSV (RFC 4180): a column that names the groups which a line's keys are of, one column for each
    /// group, then the count and its percentage, both empty where the count is suppressed.
    ///
    /// Text that a spreadsheet would take for a formula gets an apostrophe before it.
    pub fn to_csv(&self) -> String {
        let mut out = String::from("groups");
        for name in &self.by {
            out.push(',');
            out.push_str(&field(name));
        }
        out.push_str(",count,percent\r\n");
        for line in self.cells.iter().chain(&self.totals) {
            let of = self.by.iter().zip(&line.keys).filter(|(_, key)| **key != Key::All);
            out.push_str(&field(&of.map(|(name, _)| name.as_ref()).collect::<Vec<_>>().join("; ")));
            for key in &line.keys {
                out.push(',');
                out.push_str(&csv_key(key));
            }
            let number = line.count.number().map_or_else(String::new, |n| n.to_string());
            let percent = self.percent(line.count).map_or_else(String::new, |p| format!("{p:.1}"));
            out.push_str(&format!(",{number},{percent}\r\n"));
        }
        out
    }

    /// What the protection of its counts leaves open, in a sentence for who publishes the table; `None` where they are
    /// rounded or not protected.
    pub fn open(&self) -> Option<&'static str> {
        match (&self.release, self.protected) {
            (None, Some(Protected::Suppressed { .. })) => Some(
                "beside another table of the same records it may tell what it leaves out: publish both as one release, or \
                 rounded",
            ),
            (Some(_), Some(Protected::Suppressed { .. })) => Some(
                "beside a table of the same records that is not in this release it may tell what it leaves out",
            ),
            _ => None,
        }
    }

    /// The lines in which a table is drawn, each a list of texts, the heading first; and how many of these texts
    /// are names, which stand to the left.
    fn drawn(&self) -> (usize, Vec<Vec<String>>) {
        let columns: BTreeSet<&Key> = self.cells.iter().filter_map(|line| line.keys.get(1)).collect();
        if self.by.len() == 2 && columns.len() <= ACROSS {
            return (1, self.across(&columns));
        }
        let heading = self.by.iter().map(|name| name.to_string());
        let mut drawn = vec![heading.chain(["count".to_owned(), "%".to_owned()]).collect::<Vec<_>>()];
        for Line { keys, count } in self.cells.iter().chain(&self.totals) {
            let percent = self.percent(*count).map_or_else(String::new, |p| format!("{p:.1}"));
            let keys = keys.iter().map(Key::to_string);
            drawn.push(keys.chain([count_text(*count), percent]).collect());
        }
        (self.by.len(), drawn)
    }

    /// A table of two groups, the second of them across.
    fn across(&self, columns: &BTreeSet<&Key>) -> Vec<Vec<String>> {
        let rows: BTreeSet<&Key> = self.cells.iter().filter_map(|line| line.keys.first()).collect();
        let heading =
            format!("{} by {}", self.by.first().map_or("", |b| b), self.by.get(1).map_or("", |b| b));
        let columns = || columns.iter().copied().chain([&Key::All]);
        let mut drawn =
            vec![std::iter::once(heading).chain(columns().map(Key::to_string)).collect::<Vec<_>>()];
        let counts: std::collections::HashMap<&[Key], Count> =
            self.cells.iter().chain(&self.totals).map(|line| (line.keys.as_slice(), line.count)).collect();
        for row in rows.into_iter().chain([&Key::All]) {
            let mut line = vec![row.to_string()];
            for column in columns() {
                let keys = [row.clone(), column.clone()];
                let count = counts.get(&keys[..]).copied();
                line.push(count_text(count.unwrap_or(Count::Exact(0))));
            }
            drawn.push(line);
        }
        drawn
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (names, drawn) = self.drawn();
        let plain = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let width = |at: usize| {
            drawn.iter().filter_map(|line| line.get(at)).map(|text| text.chars().count()).max().unwrap_or(0)
        };
        for line in &drawn {
            let mut text = String::new();
            for (at, cell) in line.iter().enumerate() {
                let (cell, width) = (cell.chars().map(plain).collect::<String>(), width(at));
                let gap = if at == 0 { "" } else { "  " };
                text.push_str(gap);
                text.push_str(&if at < names {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                });
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        if let Some(protected) = self.protected {
            let from = match (&self.release, protected) {
                (None, Protected::Suppressed { .. }) => " from this table alone",
                (Some(_), Protected::Suppressed { .. }) => " from this table and those with it",
                _ => "",
            };
            writeln!(f, "{protected}{from}")?;
            if let Some(open) = self.open() {
                writeln!(f, "{open}")?;
            }
        }
        if let Some(Part { release, with, .. }) = &self.release {
            let names = with.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let with =
                if names.is_empty() { "by itself".to_owned() } else { format!("together with {names}") };
            writeln!(f, "protected {with}, as release `{release}`")?;
        }
        Ok(())
    }
}

/// A field of CSV, in quotes where it must be.
fn field(text: &str) -> String {
    let guarded = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match guarded.contains(['"', ',', '\n', '\r']) || guarded.trim() != guarded {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

/// A key in CSV: nothing for a total, and for what is absent, which the first column tells apart.
fn csv_key(key: &Key) -> String {
    match key {
        Key::All | Key::Absent => String::new(),
        Key::Value(Value::Long(number)) => number.to_string(),
        key => field(&key.to_string()),
    }
}

impl Serialize for Key {
    /// The value in Cedar's JSON, a period as text, an empty set as `[]`, what is absent as null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Key::Value(value) => value.serialize(serializer),
            Key::Period(period) => serializer.collect_str(period),
            Key::Empty => serializer.collect_seq::<[(); 0]>([]),
            Key::Absent | Key::All => serializer.serialize_none(),
        }
    }
}

impl Serialize for Count {
    /// The number; null where none is told.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number().serialize(serializer)
    }
}

/// The keys of a line by the names of their groups, without those of which it is a total.
struct Keys<'a>(&'a Table, &'a Line);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, key) in self.0.by.iter().zip(&self.1.keys).filter(|(_, key)| **key != Key::All) {
            map.serialize_entry(name, key)?;
        }
        map.end()
    }
}

struct Counted<'a>(&'a Table, &'a Line);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Counted(table, line) = self;
        let mut fields = serializer.serialize_struct("Line", 3)?;
        fields.serialize_field("key", &Keys(table, line))?;
        fields.serialize_field("count", &line.count)?;
        let percent = table.percent(line.count).map(|p| (p * 10.0).round() / 10.0);
        fields.serialize_field("percent", &percent)?;
        fields.end()
    }
}

struct Lines<'a>(&'a Table, &'a [Line]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|line| Counted(self.0, line)))
    }
}

impl Serialize for Table {
    /// `{"of", "by", "cells", "totals", "protected", "policy_hash", "version", "now"}`, and `release` with the names of
    /// its tables for one of a release; a line is `{"key", "count",
    /// "percent"}`, its key an object with the groups that it is of, its count null where it is suppressed.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Table", 8 + usize::from(self.release.is_some()))?;
        fields.serialize_field("of", &self.of)?;
        fields.serialize_field("by", &self.by)?;
        fields.serialize_field("cells", &Lines(self, &self.cells))?;
        fields.serialize_field("totals", &Lines(self, &self.totals))?;
        fields.serialize_field("protected", &self.protected)?;
        if let Some(part) = &self.release {
            fields.serialize_field("release", part)?;
        }
        self.provenance.beside(&mut fields)?;
        fields.end()
    }
}
