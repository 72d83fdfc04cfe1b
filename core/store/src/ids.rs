//! Ids that nobody guesses and that sort by time, and salts.

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Where random bytes come from.
pub(crate) enum Random {
    /// The system.
    System,
    /// A seed: the same bytes each time, for tests and for runs that are compared.
    Seeded { seed: u64, count: u64 },
}

impl Random {
    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        match self {
            Random::System => getrandom::fill(&mut out)
                .map_err(|error| Error::Database(format!("the system gives no random bytes: {error}")))?,
            Random::Seeded { seed, count } => {
                for chunk in out.chunks_mut(32) {
                    *count += 1;
                    let hash = Sha256::digest([seed.to_le_bytes(), count.to_le_bytes()].concat());
                    chunk.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
                }
            }
        }
        Ok(out)
    }

    /// A UUID of version 7: milliseconds since 1970, then random bits.
    pub(crate) fn id(&mut self, now: i64) -> Result<String, Error> {
        let random: [u8; 10] = self.bytes()?;
        let time = u64::try_from(now).unwrap_or(0).to_be_bytes();
        let mut all = [0; 16];
        all.iter_mut().zip(time.into_iter().skip(2).chain(random)).for_each(|(to, from)| *to = from);
        let mut text = hex(&all);
        // The version and the variant stand in four bits and in two.
        text.replace_range(12..13, "7");
        let variant = text.get(16..17).and_then(|digit| u8::from_str_radix(digit, 16).ok()).unwrap_or(0);
        text.replace_range(16..17, &format!("{:x}", variant & 3 | 8));
        for at in [20, 16, 12, 8] {
            text.insert(at, '-');
        }
        Ok(text)
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits, in lower case.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (hex(&bytes) == text).then_some(bytes)
}

/// SHA-256 as hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
