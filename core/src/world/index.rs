//! Who refers to an entity: the reverse of one column.

use super::column::{Cell, Column};

/// For each row of the type that a column refers to, the rows that refer to it, ascending.
pub(crate) struct Reverse {
    /// Where each target's rows begin; one more than there are targets.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Reverse {
    /// The reverse of a column of references or of sets of them; empty for any other column.
    pub(super) fn new(column: &Column, sources: impl Iterator<Item = u32> + Clone, targets: usize) -> Self {
        let mut starts = vec![0_u32; targets + 1];
        each_reference(column, sources.clone(), |_, target| {
            if let Some(count) = starts.get_mut(target as usize + 1) {
                *count += 1;
            }
        });
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut rows = vec![0_u32; sum as usize];
        each_reference(column, sources, |source, target| {
            if let Some(at) = next.get_mut(target as usize) {
                if let Some(slot) = rows.get_mut(*at as usize) {
                    *slot = source;
                }
                *at += 1;
            }
        });
        Reverse { starts, rows }
    }

    /// The rows that refer to `target`.
    pub(crate) fn of(&self, target: u32) -> &[u32] {
        let at = |row: usize| self.starts.get(row).map(|&start| start as usize);
        match (at(target as usize), at(target as usize + 1)) {
            (Some(from), Some(to)) => self.rows.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many references there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

fn each_reference(column: &Column, sources: impl Iterator<Item = u32>, mut visit: impl FnMut(u32, u32)) {
    for source in sources {
        match column.cell(source) {
            Some(Cell::Row(target)) => visit(source, target),
            Some(Cell::Rows(targets)) => targets.iter().for_each(|&target| visit(source, target)),
            _ => {}
        }
    }
}
