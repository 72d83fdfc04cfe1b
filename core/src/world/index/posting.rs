//! The rows behind one key of an index: a few in place, more in a list, many as a compressed bitmap.

use roaring::RoaringBitmap;

/// Rows held in place, where most keys need no more: the cases of one student.
const FEW: usize = 5;
/// Rows up to which a list is always smaller and faster than a bitmap.
const LISTED: usize = 512;
/// Rows of one of a bitmap's blocks below which a list is smaller: a block costs as much as so many.
const SPARSE: usize = 16;

/// What an allocation costs besides, about; and what a bitmap holds of each of its blocks.
const ALLOCATION: usize = 16;
const BLOCK: usize = 32;

/// Rows beyond which a bitmap is better, where `last` is the largest of them.
fn listed_up_to(last: Option<&u32>) -> usize {
    let blocks = last.map_or(1, |last| (last >> 16) as usize + 1);
    LISTED.max(SPARSE * blocks)
}

/// A set of rows.
#[derive(Clone, Debug)]
pub(crate) enum Posting {
    Few(u8, [u32; FEW]),
    /// Ascending.
    Listed(Box<[u32]>),
    Bitmap(Box<RoaringBitmap>),
}

impl Default for Posting {
    fn default() -> Self {
        Posting::Few(0, [0; FEW])
    }
}

impl Posting {
    pub(crate) fn len(&self) -> usize {
        match self {
            Posting::Few(len, _) => usize::from(*len),
            Posting::Listed(rows) => rows.len(),
            Posting::Bitmap(rows) => usize::try_from(rows.len()).unwrap_or(usize::MAX),
        }
    }

    /// The rows, ascending, where they are not a bitmap.
    pub(crate) fn rows(&self) -> Result<&[u32], &RoaringBitmap> {
        match self {
            Posting::Few(len, rows) => Ok(rows.get(..usize::from(*len)).unwrap_or_default()),
            Posting::Listed(rows) => Ok(rows),
            Posting::Bitmap(rows) => Err(rows),
        }
    }

    pub(crate) fn each(&self, visit: impl FnMut(u32)) {
        match self.rows() {
            Ok(rows) => rows.iter().copied().for_each(visit),
            Err(rows) => rows.iter().for_each(visit),
        }
    }

    /// How many of the rows are in a set.
    pub(crate) fn meet_len(&self, set: &RoaringBitmap) -> u64 {
        match self.rows() {
            Ok(rows) => rows.iter().filter(|row| set.contains(**row)).count() as u64,
            Err(rows) => rows.intersection_len(set),
        }
    }

    /// Those of the rows that are in a set.
    pub(crate) fn meet(&self, set: &RoaringBitmap) -> RoaringBitmap {
        match self.rows() {
            Ok(rows) => rows.iter().copied().filter(|row| set.contains(*row)).collect(),
            Err(rows) => rows & set,
        }
    }

    pub(crate) fn insert(&mut self, row: u32) {
        match self {
            Posting::Bitmap(rows) => {
                rows.insert(row);
            }
            Posting::Listed(rows) => {
                let Err(at) = rows.binary_search(&row) else { return };
                let mut listed = std::mem::take(rows).into_vec();
                listed.insert(at, row);
                *self = if listed.len() > listed_up_to(listed.last()) {
                    Posting::Bitmap(Box::new(listed.into_iter().collect()))
                } else {
                    Posting::Listed(listed.into())
                };
            }
            Posting::Few(len, rows) => {
                let held = usize::from(*len);
                let Err(at) = rows.get(..held).unwrap_or_default().binary_search(&row) else { return };
                if held < FEW {
                    if let Some(tail) = rows.get_mut(at..=held) {
                        tail.rotate_right(1);
                        tail.iter_mut().take(1).for_each(|first| *first = row);
                    }
                    *len += 1;
                } else {
                    let mut listed = rows.to_vec();
                    listed.insert(at, row);
                    *self = Posting::Listed(listed.into());
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, row: u32) {
        match self {
            Posting::Bitmap(rows) => {
                rows.remove(row);
                // Half the bound, so that a set about that size does not go to and fro.
                if rows.len() <= listed_up_to(rows.max().as_ref()) as u64 / 2 {
                    *self = Posting::Listed(rows.iter().collect());
                }
            }
            Posting::Listed(rows) => {
                let Ok(at) = rows.binary_search(&row) else { return };
                let mut listed = std::mem::take(rows).into_vec();
                listed.remove(at);
                *self = if listed.len() <= FEW {
                    let mut few = [0; FEW];
                    few.iter_mut().zip(&listed).for_each(|(slot, row)| *slot = *row);
                    Posting::Few(u8::try_from(listed.len()).unwrap_or(0), few)
                } else {
                    Posting::Listed(listed.into())
                };
            }
            Posting::Few(len, rows) => {
                let held = rows.get_mut(..usize::from(*len)).unwrap_or_default();
                if let Ok(at) = held.binary_search(&row) {
                    if let Some(tail) = held.get_mut(at..) {
                        tail.rotate_left(1);
                    }
                    *len -= 1;
                }
            }
        }
    }

    /// Holds rows that follow one another as spans, so that a copy of the set costs next to nothing.
    pub(super) fn span(&mut self) {
        if let Posting::Bitmap(rows) = self {
            rows.optimize();
        }
    }

    /// Bytes held behind the posting itself, with the allocator's own where a list is a small one.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Posting::Few(..) => 0,
            Posting::Listed(rows) => rows.len() * 4 + ALLOCATION,
            Posting::Bitmap(rows) => {
                let held = rows.statistics();
                let blocks = held.n_containers as usize * (BLOCK + ALLOCATION);
                let listed = held.n_values_array_containers as usize * 2;
                let others = held.n_bytes_run_containers + held.n_bytes_bitset_containers;
                size_of::<RoaringBitmap>() + ALLOCATION + blocks + listed + others as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Posting;

    #[test]
    fn a_posting_is_a_set_whatever_its_form() {
        let (mut posting, mut set) = (Posting::default(), BTreeSet::new());
        let mut state = 1_u32;
        for step in 0..20_000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let row = state >> 21;
            // Grows and shrinks in turn, through every form.
            if (step / 2_500) % 2 == 0 && step % 3 != 0 || set.len() < 2 {
                posting.insert(row);
                set.insert(row);
            } else {
                posting.remove(row);
                set.remove(&row);
            }
            assert_eq!(posting.len(), set.len());
            let mut rows = Vec::new();
            posting.each(|row| rows.push(row));
            assert!(rows.iter().eq(&set), "{rows:?} {set:?}");
        }
    }
}
