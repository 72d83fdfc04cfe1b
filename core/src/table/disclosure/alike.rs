//! Groups whose records are all alike: what tells of one of them tells of everybody in it.
//!
//! Whoever knows that somebody is in a group learns from `0` beside a total that they are in the other cell, however
//! large the group is. The literature calls it group disclosure, or group attribute disclosure (Hundepool et al.,
//! *Statistical Disclosure Control*, 2012, on frequency tables; the guidance of Eurostat and of the Office for National
//! Statistics on tables of counts). So where all records of a row are in one cell, or all of a column, a zero beside it is
//! left out as a small count is: others may be there, as far as can be told.
//!
//! Which of the zeros it is follows from the order of the keys, in pairs that stand for each other, so that it does not
//! say which of the two it is.
//!
//! What follows from how things are is told: groups that are parts of each other (a provider and its kind, a month and
//! its year) have zeros that cannot be otherwise, and tell of nobody.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(feature = "release")]
use crate::table::profile::{Profile, subsets};
use crate::table::{Key, Line, Table};

/// The zeros of a table of two groups that are to be left out, by their keys.
pub(super) fn zeros(table: &Table) -> BTreeSet<(Key, Key)> {
    let [first, second] = table.by.as_slice() else { return BTreeSet::new() };
    if are_nested(first, second) {
        return BTreeSet::new();
    }
    let listed = |line: &Line| match line.keys.as_slice() {
        [row, column] if line.count.number() != Some(0) => Some((row.clone(), column.clone())),
        _ => None,
    };
    let cells: BTreeSet<(Key, Key)> = table.cells.iter().filter_map(listed).collect();
    let turned: BTreeSet<(Key, Key)> =
        cells.iter().map(|(row, column)| (column.clone(), row.clone())).collect();
    let of_rows = beside(&cells);
    let of_columns = beside(&turned).into_iter().map(|(column, row)| (row, column));
    of_rows.into_iter().chain(of_columns).collect()
}

/// For each row with one cell alone, a zero beside it.
fn beside(cells: &BTreeSet<(Key, Key)>) -> Vec<(Key, Key)> {
    let columns: BTreeSet<&Key> = cells.iter().map(|(_, column)| column).collect();
    let columns: Vec<&Key> = columns.into_iter().collect();
    let mut rows: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
    cells.iter().for_each(|(row, column)| rows.entry(row).or_default().push(column));
    let alone = rows.into_iter().filter_map(|(row, cells)| match cells.as_slice() {
        [column] => Some((row.clone(), partner(&columns, column)?.clone())),
        _ => None,
    });
    alone.collect()
}

/// The key that stands for another and is stood for by it; that of the last one, where they are odd, is the one before.
fn partner<'a>(keys: &[&'a Key], key: &Key) -> Option<&'a Key> {
    let at = keys.iter().position(|other| *other == key)?;
    keys.get(at ^ 1).or_else(|| keys.get(at.checked_sub(1)?)).copied()
}

/// Whether of two groups one follows from the other, by their names: `provider` and `provider.kind`, `month of openedAt`
/// and `year of openedAt`.
fn are_nested(one: &str, other: &str) -> bool {
    let path = |name: &str| name.split_once(" of ").map_or(name, |(_, path)| path).to_owned();
    let (one, other) = (path(one), path(other));
    let is_part =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('.'));
    one == other || is_part(&one, &other) || is_part(&other, &one)
}

/// Records that there are not, and that there may be as far as a release tells: for every group of every table whose
/// records are all alike in another of its groups, one that is not.
#[cfg(feature = "release")]
pub(super) fn absent(
    profiles: &[Profile],
    tables: &[Vec<usize>],
    names: &[std::sync::Arc<str>],
) -> Vec<Profile> {
    let mut made: BTreeMap<Vec<Vec<Key>>, Profile> = BTreeMap::new();
    let nested = |a: usize, b: usize| match (names.get(a), names.get(b)) {
        (Some(a), Some(b)) => are_nested(a, b),
        _ => false,
    };
    let known: BTreeSet<&Vec<Vec<Key>>> = profiles.iter().map(|profile| &profile.keys).collect();
    for table in tables {
        for subset in subsets(table.len()).into_iter().filter(|subset| !subset.is_empty()) {
            let rows: Vec<usize> = subset.iter().filter_map(|at| table.get(*at).copied()).collect();
            let across = table.iter().filter(|group| !rows.contains(group));
            for group in across.filter(|group| !rows.iter().any(|row| nested(*row, **group))) {
                for profile in of_one_kind(profiles, &rows, *group, &nested) {
                    if !known.contains(&profile.keys) {
                        made.insert(profile.keys.clone(), profile);
                    }
                }
            }
        }
    }
    made.into_values().collect()
}

/// For every combination of keys of some groups whose records are alike in another, records that are otherwise.
#[cfg(feature = "release")]
fn of_one_kind(
    profiles: &[Profile],
    rows: &[usize],
    group: usize,
    nested: &dyn Fn(usize, usize) -> bool,
) -> Vec<Profile> {
    let one = |profile: &'_ Profile, group: usize| match profile.keys.get(group).map(Vec::as_slice) {
        Some([key]) => Some(key.clone()),
        _ => None,
    };
    let columns: BTreeSet<Key> = profiles.iter().filter_map(|profile| one(profile, group)).collect();
    let columns: Vec<&Key> = columns.iter().collect();
    let mut alike: BTreeMap<Vec<Key>, (&Profile, BTreeSet<Key>)> = BTreeMap::new();
    for profile in profiles {
        let keys: Option<Vec<Key>> = rows.iter().map(|row| one(profile, *row)).collect();
        let (Some(keys), Some(column)) = (keys, one(profile, group)) else { continue };
        alike.entry(keys).or_insert_with(|| (profile, BTreeSet::new())).1.insert(column);
    }
    let otherwise = alike.into_values().filter_map(|(profile, found)| {
        let [column] = found.iter().collect::<Vec<_>>()[..] else { return None };
        let other = partner(&columns, column)?;
        let like = profiles.iter().find(|profile| one(profile, group).as_ref() == Some(other))?;
        let mut keys = profile.keys.clone();
        for (at, slot) in keys.iter_mut().enumerate() {
            // What belongs together goes together: another month is in its own year.
            if at == group || (nested(at, group) && !rows.contains(&at)) {
                slot.clone_from(like.keys.get(at)?);
            }
        }
        Some(Profile { keys, count: 0, mark: 0 })
    });
    otherwise.collect()
}

#[cfg(test)]
mod tests {
    use super::are_nested;

    #[test]
    fn groups_that_are_parts_of_each_other() {
        for (one, other) in [
            ("provider", "provider.kind"),
            ("month of openedAt", "year of openedAt"),
            ("student.enrolledAt.kind", "student.enrolledAt"),
        ] {
            assert!(are_nested(one, other) && are_nested(other, one), "{one}, {other}");
        }
        for (one, other) in [
            ("provider", "providerKind"),
            ("school.kind", "school.name"),
            ("month of openedAt", "month of closedAt"),
        ] {
            assert!(!are_nested(one, other), "{one}, {other}");
        }
    }
}
