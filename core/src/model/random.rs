//! Numbers that look random and are the same on every platform.
//!
//! INVARIANT: integers only, and 64 bits wide everywhere: a seed means the same on every machine.

/// SplitMix64, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators", OOPSLA 2014),
/// with the constants of Vigna's reference implementation, which is in the public domain.
pub(crate) struct Random(u64);

impl Random {
    /// The stream of one part of the data: what one part draws does not disturb the others.
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        Random(Random(seed).next() ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `end`, by Lemire's multiplication; 0 where `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// As [`Random::below`], for counts of things in memory.
    pub(crate) fn number(&mut self, end: usize) -> usize {
        self.below(end as u64) as usize
    }

    pub(crate) fn chance(&mut self, in_1_000: u64) -> bool {
        self.below(1_000) < in_1_000
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (2..=all.len()).rev() {
            let other = self.number(end);
            all.swap(end - 1, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn is_splitmix64() {
        // The first numbers of the reference implementation for the seed 1234567.
        let mut random = Random(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn stays_below() {
        let mut random = Random::new(1, 2);
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
    }
}
