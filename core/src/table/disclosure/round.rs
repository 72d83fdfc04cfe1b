//! Random rounding to multiples of three, by a secret key: the same records come out the same in every table.
//!
//! The method is that of cell keys, as the Australian Bureau of Statistics publishes it (Fraser and Wooton, "A proposed
//! method for confidentialising tabular output to protect against differencing", 2005): each record has a random
//! number, those of a cell are added up, and the sum with the count decides which way it is rounded. Here the numbers
//! are a hash of each record, and the secret comes in where their sum is looked up.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::Protected;
use crate::model::Error;
use crate::table::{Count, Key, Line, Table};

/// Counts become multiples of this.
pub(super) const BASE: u64 = 3;
/// Bytes of a key at least.
const SHORTEST: usize = 16;
/// Different bytes in it at least. Of 16 hexadecimal digits drawn at random, one key in a thousand million has fewer.
const DIFFERENT: usize = 4;
/// Bytes that the hash works on at once.
const BLOCK: usize = 64;

/// The secret that decides which way counts are rounded: whoever knows it can undo the rounding.
#[derive(Clone)]
pub struct RoundingKey(Arc<[u8]>);

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
        Ok(RoundingKey(bytes.into()))
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
        let [a, b, c, d, e, f, g, h, ..] = hmac(&self.0, &message);
        nearest(count, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// The multiple below or above, so that the mean over all draws is the count.
fn nearest(count: u64, draw: u64) -> u64 {
    let rest = count % BASE;
    let up = draw % BASE < rest;
    count - rest + if up { BASE } else { 0 }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        let hash: [u8; 32] = Sha256::digest(key).into();
        block.iter_mut().zip(hash).for_each(|(slot, byte)| *slot = byte);
    } else {
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{RoundingKey, hmac, nearest};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_hash_is_that_of_rfc_4231() {
        // Test cases 1, 2 and 6.
        let (what, question) = ([0x0b; 20], b"what do ya want for nothing?");
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&hmac(&what, b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac(b"Jefe", question)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac(&[0xaa; 131], long)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
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
