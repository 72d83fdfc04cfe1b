//! The secret of a release, by which values are hashed.

use std::collections::BTreeSet;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Error;

/// Bytes of a key at least.
const SHORTEST: usize = 32;
/// Different bytes in it at least: of 32 that are drawn at random, one key in 10^30 or so has fewer.
const DIFFERENT: usize = 8;

/// The secret of one release, by which hashes in it are made: whoever has it can find out which value a hash is of.
///
/// Equal texts have equal hashes under one key, in whichever column they are, and nobody can join two releases by hashes
/// under two keys.
#[derive(Clone)]
pub struct ReleaseKey(Hmac<Sha256>);

impl ReleaseKey {
    /// A key of 32 bytes or more, drawn at random for one release and kept secret.
    ///
    /// # Errors
    /// [`Error::is_request`] for a shorter one, and for one that nobody has drawn: of fewer than eight different bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() < SHORTEST {
            return Err(Error::request(format!("the key of a release has {SHORTEST} bytes at least")));
        }
        if bytes.iter().collect::<BTreeSet<_>>().len() < DIFFERENT {
            return Err(Error::request(
                "the key of a release is drawn at random: this one repeats a few bytes, which anybody can guess",
            ));
        }
        let mac = Hmac::new_from_slice(bytes).map_err(|error| Error::request(error.to_string()))?;
        Ok(ReleaseKey(mac))
    }

    /// HMAC-SHA-256 of a text in UTF-8, as 64 hexadecimal digits.
    pub fn hash(&self, text: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReleaseKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_not_shown() {
        let drawn: Vec<u8> = (0..32).collect();
        assert_eq!(format!("{:?}", ReleaseKey::new(&drawn).unwrap()), "ReleaseKey(secret)");
        for (bytes, why) in [(&drawn[1..], "32 bytes at least"), (&[7; 32], "repeats a few bytes")] {
            assert!(ReleaseKey::new(bytes).unwrap_err().to_string().contains(why));
        }
    }

    /// As Python has it: `hmac.new(bytes(range(32)), b"Hi There", "sha256").hexdigest()`.
    #[test]
    fn hashes_are_those_of_others() {
        let key = ReleaseKey::new(&(0..32).collect::<Vec<u8>>()).unwrap();
        assert_eq!(key.hash("Hi There"), "278639ec02309d3afded1b273f1349ba63b9089c12476d716bee3ecc94673e9e");
        assert_ne!(key.hash(""), key.hash(" "));
    }
}
