//! Records told apart by all that they are grouped by: what tables are made of that are protected together, and how
//! the same records are known again in every table.

use hashbrown::HashMap;
use roaring::RoaringBitmap;
use sha2::{Digest as _, Sha256};

use super::Groups;
use super::tally::Reader;
use crate::model::Error;
use crate::table::Key;
use crate::table::profile::{Profile, too_many};
use crate::world::{Row, World};

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
                return Err(too_many(most));
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
