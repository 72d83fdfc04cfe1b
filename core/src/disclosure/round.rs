//! Random rounding to multiples of three, the same each time, by a secret key.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::Protected;
use crate::error::Error;
use crate::table::{Count, Key, Line, Table};

/// Counts become multiples of this.
const BASE: u64 = 3;
/// Bytes of a key at least.
const SHORTEST: usize = 16;
/// Bytes that the hash works on at once.
const BLOCK: usize = 64;

/// The secret that decides which way counts are rounded: whoever knows it can undo the rounding.
#[derive(Clone)]
pub struct RoundingKey(Arc<[u8]>);

impl RoundingKey {
    /// A key of 16 bytes or more, which must be drawn at random and kept secret.
    ///
    /// # Errors
    /// [`Error::is_request`] for a shorter one.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let bytes: Vec<u8> = bytes.into();
        if bytes.len() < SHORTEST {
            return Err(Error::request(format!("a key for rounding has {SHORTEST} bytes at least")));
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
pub(super) fn rounded(table: &Table, key: &RoundingKey) -> Table {
    let round = |line: &Line| {
        let count = line.count.number().unwrap_or(0);
        Line { keys: line.keys.clone(), count: Count::Rounded(nearest(count, draw(key, table, line, count))) }
    };
    let mut rounded = table.clone();
    rounded.cells = table.cells.iter().map(round).filter(|line| line.count != Count::Rounded(0)).collect();
    let is_told =
        |line: &Line| line.count != Count::Rounded(0) || line.keys.iter().all(|key| *key == Key::All);
    rounded.totals = table.totals.iter().map(round).filter(is_told).collect();
    rounded.protected = Some(Protected::Rounded { base: BASE });
    rounded
}

/// The multiple below or above, so that the mean over all draws is the count.
fn nearest(count: u64, draw: u64) -> u64 {
    let rest = count % BASE;
    let up = draw % BASE < rest;
    count - rest + if up { BASE } else { 0 }
}

/// A number that looks random, and is the same for the same group, count and key, whatever else the table holds.
fn draw(key: &RoundingKey, table: &Table, line: &Line, count: u64) -> u64 {
    let of = table.by.iter().zip(&line.keys).filter(|(_, key)| **key != Key::All);
    let mut of: Vec<(&str, Vec<u8>)> = of.map(|(name, key)| (name.as_ref(), written(key))).collect();
    of.sort();
    let mut message = b"caseward rounding 1".to_vec();
    let mut push = |part: &[u8]| {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part);
    };
    push(table.of.as_bytes());
    push(&count.to_be_bytes());
    for (name, key) in of {
        push(name.as_bytes());
        push(&key);
    }
    let [a, b, c, d, e, f, g, h, ..] = hmac(&key.0, &message);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// A key as bytes, different ones for different keys.
fn written(key: &Key) -> Vec<u8> {
    match key {
        Key::Value(value) => {
            [b"v".as_slice(), serde_json::to_string(value).unwrap_or_default().as_bytes()].concat()
        }
        Key::Period(period) => format!("p{period}").into_bytes(),
        Key::Absent => b"n".to_vec(),
        Key::All => b"a".to_vec(),
    }
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
        let key = RoundingKey::new(*b"sixteen bytes...").expect("a key");
        assert_eq!(format!("{key:?}"), "RoundingKey(secret)");
    }
}
