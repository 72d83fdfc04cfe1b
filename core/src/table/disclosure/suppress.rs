//! Suppression of small counts, and of others with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::network::{Edge, Network};
use super::{Protected, alike};
use crate::model::Error;
use crate::table::{Count, Key, Line, Table};

/// Lines of a table, at most.
const LINES: usize = 50_000;

/// What it costs to leave out a count of a single group, a total over one group, and the total of all.
const CELL: u64 = 1;
const TOTAL: u64 = 8;
const GRAND: u64 = 64;

pub(super) fn suppressed(table: &Table, below: u64) -> Result<Table, Error> {
    let refuse = |why: &str| Err(Error::request(format!("the table cannot be suppressed, {why}: round it")));
    if table.by.len() > 2 {
        return refuse("it has more than two groups");
    }
    if table.overlaps {
        return refuse("a record can count in several groups");
    }
    if table.cells.len() + table.totals.len() > LINES {
        return refuse(&format!("it has more than {LINES} lines"));
    }
    let zeros = alike::zeros(table);
    let mut told = table.clone();
    told.cells.retain(|line| line.count != Count::Exact(0));
    told.cells.extend(
        zeros.into_iter().map(|(row, column)| Line { keys: vec![row, column], count: Count::Exact(0) }),
    );
    told.cells.sort_by(|a, b| a.keys.cmp(&b.keys));
    let (mut nodes, mut edges) = (Nodes::default(), Vec::new());
    // By line, the number of its edge. Other zeros are told: they are no part of it.
    let is_total = |line: &Line| line.keys.iter().all(|key| *key == Key::All);
    let of_line: Vec<Option<usize>> = told
        .cells
        .iter()
        .chain(&told.totals)
        .map(|line| {
            let count = line.count.number().filter(|count| *count > 0 || !is_total(line))?;
            edges.push(nodes.edge(line, count)?);
            Some(edges.len() - 1)
        })
        .collect();
    let mut network = Network::new(nodes.numbers.len(), edges, below);
    network.protect();
    for (line, edge) in told.cells.iter_mut().chain(&mut told.totals).zip(of_line) {
        if edge.is_some_and(|edge| network.is_hidden(edge)) {
            line.count = Count::Suppressed;
        }
    }
    // Its lines are others now.
    told.marks = Arc::from([]);
    told.protected = Some(Protected::Suppressed { below });
    Ok(told)
}

/// The nodes of a table's network, numbered as they come.
#[derive(Default)]
struct Nodes<'a> {
    numbers: BTreeMap<Node<'a>, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node<'a> {
    /// What adds up over the last group, and the total of all.
    Row(&'a Key),
    /// What adds up over the first of two groups.
    Column(&'a Key),
    /// Where the counts of one group come from.
    Ground,
}

impl<'a> Nodes<'a> {
    fn number(&mut self, node: Node<'a>) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(node).or_insert(next)
    }

    /// The edge of a line's count.
    fn edge(&mut self, line: &'a Line, count: u64) -> Option<Edge> {
        let totals = line.keys.iter().filter(|key| **key == Key::All).count();
        let is_grand = totals == line.keys.len();
        let (from, to) = match line.keys.as_slice() {
            [] => (Node::Ground, Node::Ground),
            [Key::All] => (Node::Row(&Key::All), Node::Ground),
            [_] => (Node::Ground, Node::Row(&Key::All)),
            // A single count goes from its row to its column, a total of a row from the totals' column to the row,
            // and that of a column from it to the totals' row; the total of all closes the circle.
            [row, column] => match (row, column) {
                (Key::All, Key::All) => (Node::Row(row), Node::Column(column)),
                (row, column @ Key::All) => (Node::Column(column), Node::Row(row)),
                (row @ Key::All, column) => (Node::Column(column), Node::Row(row)),
                (row, column) => (Node::Row(row), Node::Column(column)),
            },
            _ => return None,
        };
        let cost = match totals {
            0 => CELL,
            _ if is_grand => GRAND,
            _ => TOTAL,
        };
        let (from, to) = (self.number(from), self.number(to));
        Some(Edge { from, to, count, cost })
    }
}
