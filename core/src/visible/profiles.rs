//! Records told apart by all that they are grouped by: what tables are made of that are protected together, and how
//! the same records are known again in every table.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use roaring::RoaringBitmap;
use sha2::{Digest as _, Sha256};

use super::count_by::{Groups, subsets, too_many};
use super::tally::Reader;
use crate::model::Error;
use crate::table::{Count, Key, Line};
use crate::world::{Row, World};

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
    #[cfg_attr(
        not(feature = "release"),
        expect(dead_code, reason = "releases alone ask what a line is made of")
    )]
    pub(crate) of: Vec<usize>,
}

impl Groups {
    /// The profiles of the rows, in the order of their keys.
    ///
    /// # Errors
    /// More than `most` of them.
    pub(super) fn profiles(
        &self,
        world: &World,
        rows: &RoaringBitmap,
        most: usize,
    ) -> Result<Vec<Profile>, Error> {
        let readers: Option<Vec<Reader<'_>>> =
            self.all.iter().map(|group| Reader::new(world, group)).collect();
        let mut readers = readers.ok_or_else(|| Error::request("no such group"))?;
        // Each row's numbers, those of one group after the other, each behind how many there are.
        let mut found: HashMap<Vec<u32>, (u64, u128)> = HashMap::new();
        let (mut numbers, mut keys) = (Vec::new(), Vec::new());
        for row in rows {
            numbers.clear();
            for reader in &mut readers {
                keys.clear();
                reader.read_all(world, (self.ty, row), &mut keys);
                keys.sort_unstable();
                numbers.push(u32::try_from(keys.len()).unwrap_or(u32::MAX));
                numbers.extend_from_slice(&keys);
            }
            let (count, mark) = found.entry_ref(numbers.as_slice()).or_insert((0, 0));
            *count += 1;
            *mark = mark.wrapping_add(hash(world, (self.ty, Row(row))));
            if found.len() > most {
                return Err(too_many());
            }
        }
        let keys = |mut numbers: &[u32]| {
            let mut all = Vec::with_capacity(readers.len());
            for reader in &readers {
                let (&len, rest) = numbers.split_first().unwrap_or((&0, &[]));
                let (own, rest) = rest.split_at_checked(len as usize).unwrap_or((rest, &[]));
                let mut own: Vec<Key> = own.iter().map(|number| reader.key(world, *number)).collect();
                own.sort();
                all.push(own);
                numbers = rest;
            }
            all
        };
        let mut profiles: Vec<Profile> = found
            .iter()
            .map(|(numbers, (count, mark))| Profile { keys: keys(numbers), count: *count, mark: *mark })
            .collect();
        profiles.sort_by(|a, b| a.keys.cmp(&b.keys));
        Ok(profiles)
    }
}

/// What one record is, as a number that is the same wherever it is counted.
fn hash(world: &World, place: (crate::model::TypeId, Row)) -> u128 {
    let ty = world.schema().entity_type(place.0).map_or("", |ty| ty.name.as_ref());
    let id = world.id(place);
    let mut hash = Sha256::new().chain_update(b"caseward record 1");
    for part in [ty, id] {
        hash = hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
    }
    let all: [u8; 32] = hash.finalize().into();
    all.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
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
            return Err(too_many());
        }
    }
    Ok(all)
}

impl Part {
    fn none(keys: &[Key]) -> Self {
        Part { line: Line { keys: keys.to_vec(), count: Count::Exact(0) }, mark: 0, of: Vec::new() }
    }
}
