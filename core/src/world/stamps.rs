//! When entities were last changed, closely enough to know what is stale.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Place, Row};
use crate::model::TypeId;

/// Slots; many entities share one.
const SLOT_BITS: u32 = 16;

/// The version of the last batch that touched an entity, or another that shares its slot: never too early.
///
/// Stored within a batch's odd count, so that a consistent read of the data reads the stamps that belong to it.
pub(crate) struct Stamps {
    /// Made with the first batch.
    entities: OnceLock<Box<[AtomicU64]>>,
    types: Vec<AtomicU64>,
}

impl Stamps {
    pub(super) fn new(types: usize) -> Self {
        Stamps { entities: OnceLock::new(), types: (0..types).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn touch(&self, place: Place, version: u64) {
        let entities = self.entities.get_or_init(|| (0..1 << SLOT_BITS).map(|_| AtomicU64::new(0)).collect());
        for stamp in [entities.get(slot(place)), self.types.get(place.0.index())].into_iter().flatten() {
            stamp.store(version, Ordering::Relaxed);
        }
    }

    /// The version since which the entity is surely as it is; 0 for one that was loaded so.
    #[inline]
    pub(crate) fn of(&self, place: Place) -> u64 {
        let stamp = self.entities.get().and_then(|entities| entities.get(slot(place)));
        stamp.map_or(0, |stamp| stamp.load(Ordering::Relaxed))
    }

    /// The version since which all entities of a type are as they are.
    pub(crate) fn of_type(&self, ty: TypeId) -> u64 {
        self.types.get(ty.index()).map_or(0, |stamp| stamp.load(Ordering::Relaxed))
    }
}

/// Fibonacci hashing: neighbours of one type never share a slot.
#[inline]
fn slot((TypeId(ty), Row(row)): Place) -> usize {
    let key = row.wrapping_add(u32::from(ty).wrapping_mul(0x85eb_ca6b));
    (key.wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS)) as usize
}
