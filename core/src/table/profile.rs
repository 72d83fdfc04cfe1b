//! Records told apart by all that they are grouped by: what tables are made of that are protected together.

use std::collections::BTreeMap;

use super::{Count, Key, Line};
use crate::model::Error;

/// Groups of one table.
pub(crate) const GROUPS: usize = 4;
/// Records that are alike in all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// For each group, which of its keys; several of a set.
    pub(crate) keys: Vec<Vec<Key>>,
    pub(crate) count: u64,
    /// Which records these are, as one number: the sum of a hash of each, so that sets of records that share none add
    /// up, as the record keys of the Australian Bureau of Statistics do.
    pub(crate) mark: u128,
}

/// A line of a table, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) line: Line,
    pub(crate) mark: u128,
    /// The places of its profiles, ascending.
    pub(crate) of: Vec<usize>,
}

/// The lines of a table by some of the groups of profiles, its totals among them, as a table has them.
///
/// # Errors
/// More than `most` of them.
pub(crate) fn parts(profiles: &[Profile], chosen: &[usize], most: usize) -> Result<Vec<Part>, Error> {
    let (mut all, every) = (Vec::new(), [Key::All]);
    for subset in subsets(chosen.len()) {
        let mut lines: BTreeMap<Vec<Key>, Part> = BTreeMap::new();
        for (at, profile) in profiles.iter().enumerate() {
            // Every combination of the profile's keys in these groups.
            let mut combined: Vec<Vec<Key>> = vec![Vec::with_capacity(chosen.len())];
            for (place, group) in chosen.iter().enumerate() {
                let own = profile.keys.get(*group).filter(|_| subset.contains(&place));
                let own: &[Key] = own.map_or(&every, Vec::as_slice);
                let longer = combined.into_iter().flat_map(|keys| {
                    own.iter().map(move |key| {
                        let mut keys = keys.clone();
                        keys.push(key.clone());
                        keys
                    })
                });
                combined = longer.collect();
            }
            for keys in combined {
                let part = lines.entry(keys).or_insert_with_key(|keys| Part::none(keys));
                let count = part.line.count.number().unwrap_or(0) + profile.count;
                part.line.count = Count::Exact(count);
                part.mark = part.mark.wrapping_add(profile.mark);
                part.of.push(at);
            }
        }
        if subset.is_empty() && lines.is_empty() {
            let keys = vec![Key::All; chosen.len()];
            lines.insert(keys.clone(), Part::none(&keys));
        }
        all.extend(lines.into_values());
        if all.len() > most {
            return Err(too_many(most));
        }
    }
    Ok(all)
}

impl Part {
    fn none(keys: &[Key]) -> Self {
        Part { line: Line { keys: keys.to_vec(), count: Count::Exact(0) }, mark: 0, of: Vec::new() }
    }
}

/// Every subset of so many groups, from the larger to the smaller: the lines of a table in their order.
pub(crate) fn subsets(groups: usize) -> Vec<Vec<usize>> {
    let mut subsets: Vec<Vec<usize>> = (0..1_u32 << groups.min(GROUPS))
        .map(|bits| (0..groups).filter(|at| bits >> at & 1 != 0).collect())
        .collect();
    subsets.sort_by(|a: &Vec<usize>, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    subsets
}

pub(crate) fn too_many(most: usize) -> Error {
    Error::request(format!("the table has more than {most} lines; group by fewer things"))
}
