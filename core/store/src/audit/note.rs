//! Checkpoints: the size and the root of the log's tree, signed. The format is C2SP's `tlog-checkpoint`, a `signed-note` with
//! Ed25519, so that what reads transparency logs reads it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::tree::Hash;
use crate::error::Error;
use crate::ids::{hex, unhex};

/// How a key says that it is one of Ed25519.
const ED25519: u8 = 1;
/// Bytes of a note that is read.
const LONGEST: usize = 1 << 20;
/// Begins a line of a signature.
const DASH: &str = "\u{2014} ";

/// A key that signs checkpoints, with the name of the log.
#[derive(Clone)]
pub struct LogKey {
    name: String,
    key: SigningKey,
}

/// A key by which checkpoints are verified, with the name of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVerifier {
    name: String,
    key: VerifyingKey,
}

/// What a log was: so many entries, with this root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it had.
    pub size: u64,
    /// The root of the tree over their envelopes.
    pub root: [u8; 32],
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The first four bytes of what names a key.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key).finalize();
    let mut id = [0; 4];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// The 32 bytes of a key, behind its kind.
fn key_bytes(text: &str) -> Option<[u8; 32]> {
    let bytes = STANDARD.decode(text).ok()?;
    let (kind, key) = bytes.split_first()?;
    if *kind == ED25519 { key.try_into().ok() } else { None }
}

fn keyed(bytes: &[u8]) -> String {
    STANDARD.encode([&[ED25519], bytes].concat())
}

impl LogKey {
    /// A new key for a log of this name: a text without blanks and without `+`, such as `cases.example.org/2026`.
    ///
    /// # Errors
    /// [`Error::Request`] for another name; where the system gives no random bytes.
    pub fn new(name: &str) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::request(format!(
                "`{}` is no name of a log: it has no blanks and no `+`, as in cases.example.org/2026",
                name.escape_debug()
            )));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Error::request(format!("the system gives no random bytes: {error}")))?;
        Ok(LogKey { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// The key by which its signatures are verified.
    pub fn verifier(&self) -> LogVerifier {
        LogVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// As it is kept: `PRIVATE+KEY+name+id+key`.
    pub fn to_text(&self) -> String {
        let id = hex(&key_id(&self.name, &self.key.verifying_key()));
        format!("PRIVATE+KEY+{}+{id}+{}", self.name, keyed(self.key.as_bytes()))
    }

    /// Signs what the log is.
    pub(crate) fn sign(&self, size: u64, root: &Hash) -> String {
        let text = format!("{}\n{size}\n{}\n", self.name, STANDARD.encode(root));
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let id = key_id(&self.name, &self.key.verifying_key());
        let signed = STANDARD.encode([id.as_slice(), signature.as_slice()].concat());
        format!("{text}\n{DASH}{} {signed}\n", self.name)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.name)
    }
}

impl FromStr for LogKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let not = || Error::request("it is no secret key of a log, such as `caseward audit keygen` writes");
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or_else(not)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(not());
        };
        let key = SigningKey::from_bytes(&key_bytes(key).ok_or_else(not)?);
        let is_its = unhex::<4>(id) == Some(key_id(name, &key.verifying_key()));
        if is_its && is_name(name) { Ok(LogKey { name: name.to_owned(), key }) } else { Err(not()) }
    }
}

impl fmt::Display for LogVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex(&key_id(&self.name, &self.key)), keyed(self.key.as_bytes()))
    }
}

impl FromStr for LogVerifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let not =
            || Error::request("it is no key of a log, such as `caseward audit keygen` prints: name+id+key");
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(not());
        };
        let key = key_bytes(key).and_then(|key| VerifyingKey::from_bytes(&key).ok()).ok_or_else(not)?;
        let is_its = unhex::<4>(id) == Some(key_id(name, &key));
        if is_its && is_name(name) { Ok(LogVerifier { name: name.to_owned(), key }) } else { Err(not()) }
    }
}

impl Checkpoint {
    /// Reads a checkpoint that is signed with one of the keys that are trusted.
    ///
    /// # Errors
    /// [`Error::Request`], with what is wrong.
    pub fn open(note: &str, trusted: &[LogVerifier]) -> Result<Self, Error> {
        let not = |why: &str| Error::request(format!("it is no checkpoint: {why}"));
        if note.len() > LONGEST {
            return Err(not("it is too long"));
        }
        let (text, signatures) = note.split_once("\n\n").ok_or_else(|| not("it has no signature"))?;
        let text = format!("{text}\n");
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(not("it has fewer than three lines"));
        };
        let number: u64 = size.parse().map_err(|_| not("its second line is no size"))?;
        if number.to_string() != size {
            return Err(not("its second line is no size"));
        }
        let hash = STANDARD.decode(root).ok().and_then(|root| Hash::try_from(root.as_slice()).ok());
        let root = hash.ok_or_else(|| not("its third line is no hash"))?;
        let of_it = trusted.iter().filter(|key| key.name == origin);
        if !of_it.into_iter().any(|key| is_signed(&text, signatures, key)) {
            return Err(Error::request(format!(
                "the checkpoint of `{}` is signed with none of the keys that are trusted",
                origin.escape_debug()
            )));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size: number, root })
    }
}

fn is_signed(text: &str, signatures: &str, key: &LogVerifier) -> bool {
    signatures.lines().any(|line| {
        let Some((name, signature)) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')) else {
            return false;
        };
        let Ok(bytes) = STANDARD.decode(signature) else { return false };
        let Some((id, signature)) = bytes.split_at_checked(4) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        name == key.name
            && id == key_id(&key.name, &key.key)
            && key.key.verify_strict(text.as_bytes(), &signature).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, LogKey, LogVerifier};

    #[test]
    fn keys_are_those_of_signed_notes() {
        // The key, and the note that it signed, of the documentation of Go's package `note`.
        let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let key: LogKey = text.parse().unwrap();
        assert_eq!(key.to_text(), text);
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(key.verifier().to_string(), public);
        assert_eq!(public.parse::<LogVerifier>().unwrap(), key.verifier());
    }

    #[test]
    fn a_checkpoint_is_what_was_signed() {
        let key = LogKey::new("cases.example.org/1").unwrap();
        let note = key.sign(7, &[9; 32]);
        let checkpoint = Checkpoint::open(&note, &[key.verifier()]).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size, checkpoint.root),
            ("cases.example.org/1", 7, [9; 32])
        );
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            if let Ok(opened) = Checkpoint::open(&changed, &[key.verifier()]) {
                panic!("byte {at}: {opened:?}");
            }
        }
        let other = LogKey::new("cases.example.org/1").unwrap();
        assert!(Checkpoint::open(&note, &[other.verifier()]).is_err());
        assert!(Checkpoint::open(&note, &[]).is_err());
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        assert!(LogKey::new("a b").is_err() && LogKey::new("").is_err() && LogKey::new("a+b").is_err());
        let key = LogKey::new("a").unwrap().to_text();
        for text in ["", "a", "a+b", "a+b+c", &key[1..], &key.replace("+a+", "+b+")] {
            assert!(text.parse::<LogKey>().is_err() && text.parse::<LogVerifier>().is_err(), "{text}");
        }
    }
}
