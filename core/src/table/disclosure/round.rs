//! Random rounding to multiples of three, by a secret key: the same records come out the same in every table.
//!
//! The method is that of cell keys, as the Australian Bureau of Statistics publishes it (Fraser and Wooton, "A proposed
//! method for confidentialising tabular output to protect against differencing", 2005): each record has a random
//! number, those of a cell are added up, and the sum with the count decides which way it is rounded. Here the numbers
//! are a hash of each record, and the secret comes in where their sum is looked up.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Protected;
use crate::model::Error;
use crate::table::{Count, Key, Line, Table};

/// Counts become multiples of this.
pub(super) const BASE: u64 = 3;
/// Bytes of a key at least.
const SHORTEST: usize = 16;
/// Different bytes in it at least. Of 16 hexadecimal digits drawn at random, one key in a thousand million has fewer.
const DIFFERENT: usize = 4;

/// The secret that decides which way counts are rounded: whoever knows it can undo the rounding.
#[derive(Clone)]
pub struct RoundingKey(Hmac<Sha256>);

impl RoundingKey {
    /// A key of 16 bytes or more, which must be drawn at random and kept secret.
    ///
    /// # Errors
    /// [`Error::is_request`] for a shorter one, and for one that nobody has drawn: of fewer than four different bytes,
    /// such as zeros alone.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes: Vec<u8> = bytes.into();
        if bytes.len() < SHORTEST {
            return Err(Error::request(format!("a key for rounding has {SHORTEST} bytes at least")));
        }
        if bytes.iter().collect::<BTreeSet<_>>().len() < DIFFERENT {
            return Err(Error::request(
                "a key for rounding is drawn at random: this one repeats a few bytes, which anybody can guess",
            ));
        }
        // A key of any length will do.
        let mac = Hmac::new_from_slice(&bytes).map_err(|e| Error::request(e.to_string()))?;
        Ok(RoundingKey(mac))
    }
}

impl fmt::Debug for RoundingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoundingKey(secret)")
    }
}

/// The table with every count rounded, and without those that became zero: a zero that is told is one of many.
///
/// # Errors
/// A table that does not know its records.
pub(super) fn rounded(table: &Table, key: &RoundingKey) -> Result<Table, Error> {
    let lines = || table.cells.iter().chain(&table.totals);
    if table.marks.len() != lines().count() {
        return Err(Error::request(
            "counts are rounded by which records they count: ask for the rounding when they are counted, not of the \
            table",
        ));
    }
    let round = |line: &Line, mark: u128| Line {
        keys: line.keys.clone(),
        count: Count::Rounded(key.round(line.count.number().unwrap_or(0), mark)),
    };
    let mut all: Vec<Line> = lines().zip(table.marks.iter()).map(|(line, mark)| round(line, *mark)).collect();
    let mut rounded = table.clone();
    rounded.totals = all.split_off(table.cells.len());
    rounded.cells = all;
    rounded.leave_out_zeros();
    rounded.protected = Some(Protected::Rounded { base: BASE });
    Ok(rounded)
}

impl Table {
    /// Leaves out what came to zero, but for the total of all.
    pub(crate) fn leave_out_zeros(&mut self) {
        let is_told =
            |line: &Line| line.count != Count::Rounded(0) || line.keys.iter().all(|key| *key == Key::All);
        self.cells.retain(|line| line.count != Count::Rounded(0));
        self.totals.retain(is_told);
        self.marks = Arc::from([]);
    }
}

impl RoundingKey {
    /// A count of the records that `mark` stands for, rounded.
    pub(super) fn round(&self, count: u64, mark: u128) -> u64 {
        let mut message = b"caseward rounding 2".to_vec();
        message.extend(count.to_be_bytes());
        message.extend(mark.to_be_bytes());
        let mac: [u8; 32] = self.0.clone().chain_update(message).finalize().into_bytes().into();
        let [a, b, c, d, e, f, g, h, ..] = mac;
        nearest(count, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// The multiple below or above, so that the mean over all draws is the count.
fn nearest(count: u64, draw: u64) -> u64 {
    let rest = count % BASE;
    let up = draw % BASE < rest;
    count - rest + if up { BASE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{RoundingKey, nearest};

    /// As Python's `hmac` has it: another hash would round what is published already another way.
    #[test]
    fn a_key_rounds_as_it_always_did() {
        let asked =
            [(7, 12345), (8, 12345), (7, 1 << 127), (8, 1 << 127), (1, 0), (2, 0), (100, 99), (101, 99)];
        // One is longer than a block of the hash.
        let long: Vec<u8> = (0..131).collect();
        for (key, expected) in
            [(b"sixteen bytes...".to_vec(), [6, 9, 9, 9, 3, 3, 102, 102]), (long, [6, 9, 6, 9, 3, 3, 99, 99])]
        {
            let key = RoundingKey::new(key).expect("a key");
            assert_eq!(asked.map(|(count, mark)| key.round(count, mark)), expected);
        }
    }

    #[test]
    fn rounding_is_right_on_average_and_never_far() {
        for count in 0..40 {
            let all: Vec<u64> = (0..3).map(|draw| nearest(count, draw)).collect();
            assert_eq!(all.iter().sum::<u64>(), 3 * count, "{count}");
            assert!(all.iter().all(|n| n % 3 == 0 && n.abs_diff(count) < 3), "{count}: {all:?}");
        }
    }

    #[test]
    fn keys_are_long_and_not_shown() {
        assert!(RoundingKey::new(*b"fifteen bytes..").expect_err("short").is_request());
        for guessed in [[0; 32], [b'7'; 32], std::array::from_fn(|n| n as u8 % 3)] {
            assert!(RoundingKey::new(guessed).expect_err("drawn by nobody").is_request());
        }
        let key = RoundingKey::new(*b"sixteen bytes...").expect("a key");
        assert_eq!(format!("{key:?}"), "RoundingKey(secret)");
    }
}
