//! Tables of counts that are given, for tests of what is done to them.

use std::collections::BTreeMap;

use crate::table::{Count, Key, Line, Table};
use crate::value::Value;

/// A table of up to two groups with these counts and all of their totals; counts of zero are left out.
pub fn table(by: &[&str], counts: &[(Vec<&str>, u64)]) -> Table {
    let mut sums: BTreeMap<Vec<Key>, u64> = BTreeMap::new();
    for (keys, count) in counts.iter().filter(|(_, count)| *count > 0) {
        for all in 0..1_u32 << by.len() {
            let key = |(at, text): (usize, &&str)| match all >> at & 1 {
                0 => Key::Value(Value::from(*text)),
                _ => Key::All,
            };
            *sums.entry(keys.iter().enumerate().map(key).collect()).or_default() += count;
        }
    }
    sums.entry(vec![Key::All; by.len()]).or_default();
    let lines = sums.into_iter().map(|(keys, count)| Line { keys, count: Count::Exact(count) });
    let totals = |line: &Line| line.keys.iter().filter(|key| **key == Key::All).count();
    let (mut totalled, cells): (Vec<Line>, Vec<Line>) =
        lines.partition(|line| by.is_empty() || totals(line) > 0);
    totalled.sort_by_key(totals);
    Table {
        of: "Record".into(),
        by: by.iter().map(|name| (*name).into()).collect(),
        overlaps: false,
        cells,
        totals: totalled,
        protected: None,
        policy_hash: "".into(),
        version: 1,
        now: None,
    }
}
