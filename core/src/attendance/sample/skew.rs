//! Choices that are not made evenly: few schools and offices have most of the cases.

use crate::model::random::Random;

impl Random {
    /// One of `from`; `None` where there is none.
    pub(in crate::attendance) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.number(from.len())).copied()
    }

    /// One of `from`, the first as often as its weight says, and so on; the weights are parts of 1,000.
    pub(in crate::attendance) fn among<T: Copy>(&mut self, from: &[(u64, T)], otherwise: T) -> T {
        let mut at = self.below(1_000);
        for &(weight, choice) in from {
            match at.checked_sub(weight) {
                None => return choice,
                Some(rest) => at = rest,
            }
        }
        otherwise
    }
}

/// Picks numbers with given weights.
#[derive(Default)]
pub(super) struct Skew {
    /// The weights up to each number, it included.
    sums: Vec<u64>,
}

impl Skew {
    pub(super) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let mut sum = 0;
        let sums = weights.into_iter().map(|weight| {
            sum += weight;
            sum
        });
        Skew { sums: sums.collect() }
    }

    /// One of the numbers; `None` where there is none.
    pub(super) fn pick(&self, random: &mut Random) -> Option<usize> {
        let at = random.below(*self.sums.last()?);
        Some(self.sums.partition_point(|&sum| sum <= at))
    }
}

/// The weight of rank 0, 1, 2 … by the law of Zipf and Mandelbrot: 1 ÷ (rank + `flat`).
///
/// The larger `flat`, the less do the first ones stand out.
pub(super) fn zipf(rank: usize, flat: usize) -> u64 {
    1_000_000_000 / (rank + flat.max(1)) as u64
}

#[cfg(test)]
mod tests {
    use super::{Skew, zipf};
    use crate::model::random::Random;

    #[test]
    fn follows_weights() {
        let mut random = Random::new(1, 2);
        assert_eq!(random.pick::<u8>(&[]), None);
        let skew = Skew::new([1, 0, 3]);
        let mut counts = [0; 3];
        (0..4_000).filter_map(|_| skew.pick(&mut random)).for_each(|n| counts[n] += 1);
        assert!(counts[1] == 0 && counts[0] > 800 && counts[2] > 2_800, "{counts:?}");
        assert_eq!(Skew::default().pick(&mut random), None);
        assert!(zipf(0, 0) > zipf(1, 0));
    }
}
