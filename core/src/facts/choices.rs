//! Decisions drawn from bytes.

/// Decisions drawn from bytes; once these are used up, every decision is the first choice.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Decisions from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Choices { bytes }
    }

    /// A number below `n`; 0 where `n` is 0 or 1.
    pub fn below(&mut self, n: usize) -> usize {
        if n <= 1 {
            return 0;
        }
        let byte = |choices: &mut Self| match choices.bytes.split_first() {
            Some((first, rest)) => {
                choices.bytes = rest;
                usize::from(*first)
            }
            None => 0,
        };
        let drawn = if n <= 256 { byte(self) } else { byte(self) << 8 | byte(self) };
        drawn % n
    }

    /// True in `n` of `of` cases, and once the bytes are used up.
    pub fn chance(&mut self, n: usize, of: usize) -> bool {
        self.below(of) < n
    }

    /// One of `all`.
    pub fn pick<'b, T>(&mut self, all: &'b [T]) -> Option<&'b T> {
        all.get(self.below(all.len()))
    }

    /// Any 64-bit number.
    pub fn long(&mut self) -> i64 {
        (0..8).fold(0_i64, |n, _| n << 8 | i64::try_from(self.below(256)).unwrap_or(0))
    }
}

/// `len` bytes that follow from a seed alone: SplitMix64.
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend(next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
