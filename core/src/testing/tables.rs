//! Tables of counts that are given, for tests of what is done to them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{Provenance, Value};
use crate::table::{Count, Key, Line, Table};

/// A table of up to two groups with these counts and all of their totals; counts of zero are left out. Each cell
/// counts records of its own, the same ones wherever its keys are the same.
pub fn table(by: &[&str], counts: &[(Vec<&str>, u64)]) -> Table {
    let mut sums: BTreeMap<Vec<Key>, (u64, u128)> = BTreeMap::new();
    for (keys, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        let hash: [u8; 32] = Sha256::digest(format!("{sorted:?} {count}")).into();
        let mark = hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        for all in 0..1_u32 << by.len() {
            let key = |(at, text): (usize, &&str)| match all >> at & 1 {
                0 => Key::Value(Value::from(*text)),
                _ => Key::All,
            };
            let sum = sums.entry(keys.iter().enumerate().map(key).collect()).or_default();
            *sum = (sum.0 + count, u128::wrapping_add(sum.1, mark));
        }
    }
    sums.entry(vec![Key::All; by.len()]).or_default();
    let lines =
        sums.into_iter().map(|(keys, (count, mark))| (Line { keys, count: Count::Exact(count) }, mark));
    let totals = |line: &Line| line.keys.iter().filter(|key| **key == Key::All).count();
    let (mut totalled, cells): (Vec<_>, Vec<_>) =
        lines.partition(|(line, _)| by.is_empty() || totals(line) > 0);
    totalled.sort_by_key(|(line, _)| totals(line));
    let marks: Vec<u128> = cells.iter().chain(&totalled).map(|(_, mark)| *mark).collect();
    let only = |lines: Vec<(Line, u128)>| lines.into_iter().map(|(line, _)| line).collect();
    Table {
        of: "Record".into(),
        by: by.iter().map(|name| (*name).into()).collect(),
        overlaps: false,
        cells: only(cells),
        totals: only(totalled),
        marks: marks.into(),
        protected: None,
        release: None,
        provenance: Provenance::new("", 1, None),
    }
}
