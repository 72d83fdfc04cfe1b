//! Bytes that whoever carries them cannot read: how cursors travel.
//!
//! A cursor says where in the data a page ended. That place counts what the reader may not know of too, so it is never written
//! in clear. Its key is the epoch of the world that it belongs to: 64 random bits, which no answer to a reader has.
//!
//! INVARIANT: what is sealed with one key is refused by every other, and so is whatever was changed.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Serialize, Serializer};
use sha2::Sha256;

use crate::model::Error;
#[cfg(feature = "carry")]
use crate::model::carried::{Bytes, Wire};

/// Bytes of what shows that nothing was changed, and that hides the rest.
const TAG: usize = 16;

/// `N` bytes, sealed: deterministic, so that one place has one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed<const N: usize> {
    tag: [u8; TAG],
    hidden: [u8; N],
}

impl<const N: usize> Sealed<N> {
    /// Seals bytes: a synthetic initialisation vector (as RFC 5297 has it), with HMAC-SHA256 as the function for both.
    pub(crate) fn new(key: u64, bytes: [u8; N]) -> Self {
        let tag = first(mac(key, b"tag", &bytes));
        Sealed { tag, hidden: hide(key, &tag, bytes) }
    }

    /// The bytes; `None` where they were sealed with another key, or changed.
    pub(crate) fn open(&self, key: u64) -> Option<[u8; N]> {
        let bytes = hide(key, &self.tag, self.hidden);
        (first(mac(key, b"tag", &bytes)) == self.tag).then_some(bytes)
    }
}

fn mac(key: u64, purpose: &[u8], bytes: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length: the error cannot be.
    let keyed = Hmac::<Sha256>::new_from_slice(&key.to_le_bytes());
    keyed.map_or([0; 32], |mac| mac.chain_update(purpose).chain_update(bytes).finalize().into_bytes().into())
}

fn first(mac: [u8; 32]) -> [u8; TAG] {
    std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default())
}

/// Lays a stream that the tag begins over bytes; done twice, it is undone.
fn hide<const N: usize>(key: u64, tag: &[u8; TAG], mut bytes: [u8; N]) -> [u8; N] {
    const { assert!(N <= 32, "one block of the stream is made") };
    let stream = mac(key, b"stream", tag);
    bytes.iter_mut().zip(stream).for_each(|(byte, over)| *byte ^= over);
    bytes
}

/// Hexadecimal digits, two a byte.
impl<const N: usize> fmt::Display for Sealed<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tag.iter().chain(&self.hidden).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> FromStr for Sealed<N> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        let read = |bytes: Vec<u8>| {
            let (tag, hidden) = bytes.split_at_checked(TAG)?;
            Some(Sealed { tag: tag.try_into().ok()?, hidden: hidden.try_into().ok()? })
        };
        bytes.and_then(read).ok_or_else(|| Error::request("not a cursor"))
    }
}

impl<const N: usize> Serialize for Sealed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "carry")]
impl<const N: usize> Wire for Sealed<N> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.tag);
        out.extend(self.hidden);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        Some(Sealed { tag: from.array()?, hidden: from.array()? })
    }
}

#[cfg(test)]
mod tests {
    use super::Sealed;

    #[test]
    fn opens_with_its_key_alone_and_unchanged() {
        let sealed = Sealed::new(7, 5_u32.to_le_bytes());
        assert_eq!(sealed.open(7), Some(5_u32.to_le_bytes()));
        assert_eq!(sealed.open(8), None);
        let text = sealed.to_string();
        assert_eq!(text.parse::<Sealed<4>>().unwrap(), sealed);
        for at in 0..text.len() {
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(changed.parse::<Sealed<4>>().unwrap().open(7), None, "{at}");
        }
        for wrong in ["", "0", &text[1..], &text[2..], &format!("{text}00"), &text.replace('0', "é")] {
            assert!(wrong.parse::<Sealed<4>>().is_err() || wrong == text, "{wrong}");
        }
    }

    #[test]
    fn neighbours_look_as_strangers() {
        let texts: Vec<String> = (0..200_u32).map(|n| Sealed::new(7, n.to_le_bytes()).to_string()).collect();
        // Of 48 digits some three are the same by chance.
        let same = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
        assert!(texts.windows(2).all(|two| same(&two[0], &two[1]) < 20));
        let mut sorted = texts.clone();
        sorted.sort();
        assert_ne!(sorted, texts);
    }
}
