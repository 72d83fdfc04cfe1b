//! The words of all entities of a type: read without a lock, written by one writer, grown in place.
//!
//! Rows that came with the world lie in one block; later ones in blocks that double. A block never moves and
//! never goes away, so that a reader needs nothing but the number of a row.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows of the first block after those that came with the world.
const FIRST: u32 = 1 << FIRST_BITS;
const FIRST_BITS: u32 = 10;
/// Blocks enough for 2³² rows.
const BLOCKS: usize = 23;

type Block = Box<[AtomicU32]>;

pub(crate) struct Rows {
    stride: usize,
    loaded_rows: u32,
    loaded: Block,
    grown: [OnceLock<Block>; BLOCKS],
}

impl Rows {
    /// Rows of `stride` words each, from their words.
    pub(super) fn new(stride: usize, words: Vec<u32>) -> Self {
        let loaded: Block = words.into_iter().map(AtomicU32::new).collect();
        let loaded_rows = u32::try_from(loaded.len() / stride.max(1)).unwrap_or(u32::MAX);
        Rows { stride, loaded_rows, loaded, grown: [const { OnceLock::new() }; BLOCKS] }
    }

    /// One word of a row; 0 for a row or a word that is not there.
    #[inline]
    pub(crate) fn word(&self, row: u32, at: usize) -> u32 {
        if row < self.loaded_rows {
            let word = self.loaded.get(row as usize * self.stride + at);
            return word.map_or(0, |word| word.load(Ordering::Relaxed));
        }
        self.grown_word(row, at)
    }

    #[cold]
    fn grown_word(&self, row: u32, at: usize) -> u32 {
        self.cell(row, at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The words of a row; none for one that there is no room for.
    pub(super) fn row(&self, row: u32) -> impl Iterator<Item = u32> + Clone + '_ {
        let words = match row.checked_sub(self.loaded_rows) {
            None => self.loaded.get(row as usize * self.stride..),
            Some(grown) => {
                let (block, row) = block_of(grown);
                let block = self.grown.get(block).and_then(OnceLock::get);
                block.and_then(|block| block.get(row * self.stride..))
            }
        };
        words.unwrap_or_default().iter().take(self.stride).map(|word| word.load(Ordering::Relaxed))
    }

    fn cell(&self, row: u32, at: usize) -> Option<&AtomicU32> {
        if row < self.loaded_rows {
            return self.loaded.get(row as usize * self.stride + at);
        }
        let (block, row) = block_of(row - self.loaded_rows);
        self.grown.get(block)?.get()?.get(row * self.stride + at)
    }

    /// Makes room for a row, so that [`Rows::set`] only stores.
    pub(super) fn reserve(&self, row: u32) {
        let Some(row) = row.checked_sub(self.loaded_rows) else { return };
        let (block, _) = block_of(row);
        if let Some(slot) = self.grown.get(block) {
            let words = (FIRST as usize) << block;
            slot.get_or_init(|| (0..words * self.stride).map(|_| AtomicU32::new(0)).collect());
        }
    }

    /// Replaces the words of a row that there is room for.
    pub(super) fn set(&self, row: u32, words: &[u32]) {
        for (at, &word) in words.iter().enumerate() {
            if let Some(cell) = self.cell(row, at) {
                cell.store(word, Ordering::Relaxed);
            }
        }
    }

    /// Replaces one word.
    pub(super) fn set_word(&self, row: u32, at: usize, word: u32) {
        if let Some(cell) = self.cell(row, at) {
            cell.store(word, Ordering::Relaxed);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let grown: usize = self.grown.iter().filter_map(OnceLock::get).map(|block| block.len()).sum();
        (self.loaded.len() + grown) * size_of::<AtomicU32>()
    }
}

/// The block of a row, counted from the first that came after loading, and its place in the block.
fn block_of(row: u32) -> (usize, usize) {
    let block = (row / FIRST + 1).ilog2();
    let start = ((1u64 << block) - 1) << FIRST_BITS;
    (block as usize, usize::try_from(u64::from(row) - start).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Rows, block_of};

    #[test]
    fn blocks_follow_one_another() {
        assert_eq!(block_of(0), (0, 0));
        assert_eq!(block_of(1_023), (0, 1_023));
        assert_eq!(block_of(1_024), (1, 0));
        assert_eq!(block_of(3_071), (1, 2_047));
        assert_eq!(block_of(3_072), (2, 0));
        assert_eq!(block_of(u32::MAX).0, 22);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = Rows::new(2, vec![0, 0, 1, 2]);
        assert_eq!((rows.word(1, 0), rows.word(1, 1)), (1, 2));
        assert_eq!((rows.word(2, 0), rows.word(9_999_999, 1)), (0, 0));
        for row in [2, 1_025, 1_026, 70_000] {
            rows.reserve(row);
            rows.set(row, &[row, row + 1]);
        }
        for row in [2, 1_025, 1_026, 70_000] {
            assert_eq!((rows.word(row, 0), rows.word(row, 1)), (row, row + 1));
        }
        assert_eq!(rows.word(3, 0), 0);
    }
}
