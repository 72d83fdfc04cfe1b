//! Policies as one signed file, so that a rule changes without a release. Feature `bundle`.
//!
//! ```text
//! "CASEWARD" | format u32 | length of the body u64 | body | public key, 32 bytes | signature, 64 bytes
//! ```
//! Numbers are little-endian; the body is JSON; the signature is Ed25519 over everything before it, the key
//! included, behind the text `caseward bundle of policies` and a NUL.
//!
//! INVARIANT: nothing of the body is read before its signature was verified by a key that the caller trusts, and
//! the policies of an opened bundle were validated and have the hash that the bundle names.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::model::{Error, Source};
use crate::policy::Sources;
use crate::ward::Ward;

const MAGIC: &[u8; 8] = b"CASEWARD";
const FORMAT: u32 = 1;
/// What a signature of this kind of file begins with, so that it is one of nothing else.
const CONTEXT: &[u8] = b"caseward bundle of policies\0";
/// What the texts of keys begin with.
const PUBLIC: &str = "caseward-public-key-1:";
const SECRET: &str = "caseward-secret-key-1:";
const HEAD: usize = 8 + 4 + 8;
const TAIL: usize = 32 + 64;
/// Bytes of a bundle, at most.
const MOST_BYTES: usize = 64 << 20;
/// Files of a bundle besides its policies, at most.
const MOST_FILES: usize = 1_000;

/// The key that a bundle's signature is verified with; as text, `caseward-public-key-1:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The key that a bundle is signed with; as text, `caseward-secret-key-1:` and 64 hexadecimal digits. It is never
/// printed by itself.
///
/// Each kind of key says which it is: any 32 bytes can sign, and a bundle that is signed with what is public is signed
/// by anybody.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

/// A schema and policies with what belongs to them, found valid.
///
/// # Example
/// ```
/// use caseward::bundle::{Bundle, SecretKey};
/// use caseward::{Sources, Ward};
///
/// let key = SecretKey::from_bytes(&[7; 32]); // 32 bytes that nobody can guess
/// let bytes = Bundle::new(Sources::attendance(), 1, "the rules of May")?.sign(&key)?;
///
/// let ward = Ward::from_bundle(&bytes, &[key.public()])?;
/// assert_eq!(ward.policy_hash(), Ward::attendance()?.policy_hash());
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bundle {
    sources: Sources,
    body: Body,
    ward: Ward,
}

/// The body's JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    label: String,
    serial: u64,
    hash: String,
    schema: Text,
    policies: Vec<Text>,
    catalogue: Option<Text>,
    files: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: Arc<str>,
    text: Arc<str>,
}

impl From<&Source> for Text {
    fn from(source: &Source) -> Self {
        Text { name: source.name.clone(), text: source.text.clone() }
    }
}

impl Bundle {
    /// Takes policies that are valid. `serial` grows with each bundle, so that who loads them can refuse an older
    /// one; `label` is for people.
    ///
    /// # Errors
    /// [`Error::is_policies`] where they are not valid.
    pub fn new(sources: Sources, serial: u64, label: &str) -> Result<Self, Error> {
        let ward = Ward::new(&sources)?;
        let body = Body {
            label: label.to_owned(),
            serial,
            hash: ward.policy_hash().to_string(),
            schema: Text { name: "schema.cedarschema".into(), text: sources.schema.text.clone() },
            policies: sources.policies.iter().map(Text::from).collect(),
            catalogue: sources.catalogue.as_ref().map(Text::from),
            files: BTreeMap::new(),
        };
        Ok(Bundle { sources, body, ward })
    }

    /// Adds a file that goes with the policies, such as the invariants.
    #[must_use]
    pub fn with_file(mut self, name: &str, text: &str) -> Self {
        self.body.files.insert(name.to_owned(), text.to_owned());
        self
    }

    /// The bytes of the bundle, signed.
    ///
    /// The same bundle and key give the same bytes.
    ///
    /// # Errors
    /// [`Error::is_bundle`] for a bundle that is too large to be opened.
    pub fn sign(&self, key: &SecretKey) -> Result<Vec<u8>, Error> {
        let body = serde_json::to_vec(&self.body).map_err(|e| Error::bundle(e.to_string()))?;
        let mut bytes = Vec::with_capacity(HEAD + body.len() + TAIL);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((body.len() as u64).to_le_bytes());
        bytes.extend(body);
        bytes.extend(key.public().to_bytes());
        if bytes.len() > MOST_BYTES || self.body.files.len() > MOST_FILES {
            return Err(Error::bundle(format!(
                "it would have more than {MOST_BYTES} bytes or {MOST_FILES} files"
            )));
        }
        let signature = key.0.sign(&signed(&bytes));
        bytes.extend(signature.to_bytes());
        Ok(bytes)
    }

    /// Opens a bundle that one of the `trusted` keys signed.
    ///
    /// # Errors
    /// [`Error::is_bundle`] for what is no bundle, was changed, is of a later format or was signed by nobody whom
    /// the caller trusts; [`Error::is_policies`] where this version of the library refuses the policies.
    pub fn open(bytes: &[u8], trusted: &[PublicKey]) -> Result<Self, Error> {
        let body = verified(bytes, trusted)?;
        let body: Body = serde_json::from_slice(body).map_err(|e| Error::bundle(format!("its body: {e}")))?;
        if body.files.len() > MOST_FILES {
            return Err(Error::bundle(format!("it has more than {MOST_FILES} files")));
        }
        let source = |text: &Text| Source { name: text.name.clone(), text: text.text.clone() };
        let sources = Sources {
            schema: source(&body.schema),
            policies: body.policies.iter().map(source).collect(),
            catalogue: body.catalogue.as_ref().map(source),
        };
        let ward = Ward::new(&sources)?;
        if **ward.policy_hash() != *body.hash {
            return Err(Error::bundle("its policies do not have the hash that it names"));
        }
        Ok(Bundle { sources, body, ward })
    }

    /// The policies, ready to answer.
    pub fn ward(&self) -> &Ward {
        &self.ward
    }

    /// Schema and policies as text.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What it is called, for people.
    pub fn label(&self) -> &str {
        &self.body.label
    }

    /// Its number; a later bundle has a greater one.
    pub fn serial(&self) -> u64 {
        self.body.serial
    }

    /// The text of a file that goes with the policies.
    pub fn file(&self, name: &str) -> Option<&str> {
        self.body.files.get(name).map(String::as_str)
    }

    /// The names of the files that go with the policies.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.body.files.keys().map(String::as_str)
    }
}

impl Ward {
    /// Loads the policies of a bundle that one of the `trusted` keys signed; see [`Bundle::open`].
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_bundle(bytes: &[u8], trusted: &[PublicKey]) -> Result<Self, Error> {
        Ok(Bundle::open(bytes, trusted)?.ward)
    }
}

/// The body, where everything around it is as it must be and a trusted key signed it.
fn verified<'a>(bytes: &'a [u8], trusted: &[PublicKey]) -> Result<&'a [u8], Error> {
    let cut = || Error::bundle("it is cut off, or goes on behind its end");
    if trusted.is_empty() {
        return Err(Error::bundle("no key is trusted"));
    }
    if bytes.len() > MOST_BYTES + TAIL {
        return Err(Error::bundle(format!("it has more than {MOST_BYTES} bytes")));
    }
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
    if magic != MAGIC {
        return Err(Error::bundle("it does not begin as a bundle does"));
    }
    let (format, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let format = u32::from_le_bytes(*format);
    if format != FORMAT {
        return Err(Error::bundle(format!("it is of format {format}; this library knows {FORMAT}")));
    }
    let (len, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| cut())?;
    if rest.len().checked_sub(TAIL) != Some(len) {
        return Err(cut());
    }
    let (before, signature) = bytes.split_last_chunk::<64>().ok_or_else(cut)?;
    let (_, key) = before.split_last_chunk::<32>().ok_or_else(cut)?;
    // By its bytes: a key that is not among the trusted is not even read as one.
    let key = trusted.iter().find(|trusted| trusted.to_bytes() == *key);
    let key = key.ok_or_else(|| Error::bundle("it is signed with a key that is not trusted"))?;
    let valid = key.0.verify_strict(&signed(before), &Signature::from_bytes(signature));
    valid.map_err(|_| Error::bundle("its signature is not one of its content: it was changed"))?;
    rest.get(..len).ok_or_else(cut)
}

/// What is signed.
fn signed(bytes: &[u8]) -> Vec<u8> {
    [CONTEXT, bytes].concat()
}

impl PublicKey {
    /// The key that these bytes are.
    ///
    /// # Errors
    /// [`Error::is_bundle`] where they are none, or one that anybody could sign for.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(PublicKey(key)),
            _ => Err(Error::bundle("not a public key that signatures can be verified with")),
        }
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl SecretKey {
    /// The key of 32 bytes that nobody can guess.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        SecretKey(SigningKey::from_bytes(bytes))
    }

    /// Its 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its text, for a file that only its owner reads.
    pub fn to_text(&self) -> String {
        format!("{SECRET}{}", hex(&self.to_bytes()))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(… of {})", self.public())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", hex(&self.to_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FromStr for PublicKey {
    type Err = Error;

    /// # Errors
    /// [`Error::is_bundle`] where the text is not that of a public key, as [`PublicKey`] shows itself.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_bytes(&key_bytes(text, PUBLIC, "a public key")?)
    }
}

impl FromStr for SecretKey {
    type Err = Error;

    /// # Errors
    /// [`Error::is_bundle`] where the text is not what [`SecretKey::to_text`] gave. The text is not repeated.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(Self::from_bytes(&key_bytes(text, SECRET, "a secret key")?))
    }
}

/// The 32 bytes of a key of the kind that `tag` names.
fn key_bytes(text: &str, tag: &str, wanted: &str) -> Result<[u8; 32], Error> {
    let text = text.trim();
    let Some(digits) = text.strip_prefix(tag) else {
        return Err(Error::bundle(match text {
            text if text.starts_with(SECRET) => format!("it is a secret key, and {wanted} is asked for"),
            text if text.starts_with(PUBLIC) => format!("it is a public key, and {wanted} is asked for"),
            text if digits_of(text).is_some() => format!(
                "it does not say which kind of key it is; where it is {wanted}, write `{tag}` before its digits"
            ),
            _ => format!("{wanted} is `{tag}` and 64 hexadecimal digits"),
        }));
    };
    digits_of(digits).ok_or_else(|| Error::bundle(format!("{wanted} is `{tag}` and 64 hexadecimal digits")))
}

/// The bytes that 64 hexadecimal digits are.
fn digits_of(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Bundle, PublicKey, SecretKey};
    use crate::model::Source;
    use crate::policy::Sources;
    use crate::ward::Ward;

    fn small() -> Sources {
        Sources {
            schema: Source::new("schema", "entity U; action a appliesTo { principal: U, resource: U };"),
            policies: vec![Source::new("p.cedar", "@id(\"p\") permit (principal, action, resource);")],
            catalogue: None,
        }
    }

    fn key(n: u8) -> SecretKey {
        SecretKey::from_bytes(&[n; 32])
    }

    fn refused(bytes: &[u8], trusted: &[PublicKey]) -> String {
        let error = Bundle::open(bytes, trusted).map(|_| ()).unwrap_err();
        assert!(error.is_bundle(), "{error}");
        error.to_string()
    }

    #[test]
    fn what_was_signed_is_opened() {
        let bundle = Bundle::new(small(), 7, "of May").unwrap().with_file("catalogue.toml", "x = 1");
        let bytes = bundle.sign(&key(1)).unwrap();
        assert_eq!(bytes, bundle.sign(&key(1)).unwrap());
        let opened = Bundle::open(&bytes, &[key(2).public(), key(1).public()]).unwrap();
        assert_eq!((opened.serial(), opened.label()), (7, "of May"));
        assert_eq!(opened.file("catalogue.toml"), Some("x = 1"));
        assert_eq!(opened.files().collect::<Vec<_>>(), ["catalogue.toml"]);
        assert_eq!(opened.sources().policies, small().policies);
        assert_eq!(opened.ward().policy_hash(), Ward::new(&small()).unwrap().policy_hash());
    }

    #[test]
    fn no_byte_can_be_changed_added_or_left_out() {
        let bytes = Bundle::new(small(), 1, "").unwrap().sign(&key(1)).unwrap();
        let trusted = [key(1).public()];
        for at in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                refused(&changed, &trusted);
            }
            refused(&bytes[..at], &trusted);
        }
        for more in [&[0][..], &bytes] {
            refused(&[&bytes, more].concat(), &trusted);
        }
    }

    #[test]
    fn only_trusted_keys_count() {
        let bytes = Bundle::new(small(), 1, "").unwrap().sign(&key(1)).unwrap();
        assert!(refused(&bytes, &[key(2).public()]).contains("not trusted"));
        assert!(refused(&bytes, &[]).contains("no key is trusted"));
    }

    #[test]
    fn what_is_signed_must_still_make_sense() {
        let of = |change: fn(&mut super::Body)| {
            let mut bundle = Bundle::new(small(), 1, "").unwrap();
            change(&mut bundle.body);
            Bundle::open(&bundle.sign(&key(1)).unwrap(), &[key(1).public()]).map(|_| ()).unwrap_err()
        };
        assert!(of(|body| body.hash = "0".repeat(64)).is_bundle());
        assert!(of(|body| body.policies[0].text = "permit (".into()).is_policies());
        assert!(of(|body| body.policies.clear()).is_bundle());
        assert!(of(|body| body.schema.text = "(".repeat(100_000).into()).is_policies());
    }

    #[test]
    fn keys_are_read_from_text_and_not_repeated() {
        let secret = key(3);
        assert_eq!(secret.public().to_string().parse::<PublicKey>().unwrap(), secret.public());
        assert_eq!(secret.to_text().parse::<SecretKey>().unwrap().to_bytes(), secret.to_bytes());
        for text in ["", "xyz", &"0".repeat(63), &"é".repeat(32), &"00".repeat(32)] {
            for text in [text.to_owned(), format!("{}{text}", super::PUBLIC)] {
                assert!(text.parse::<PublicKey>().unwrap_err().is_bundle(), "{text}");
            }
        }
        assert!(!format!("{secret:?}").contains("0303"));
    }

    #[test]
    fn one_kind_of_key_is_never_taken_for_the_other() {
        let secret = key(3);
        let why = |text: &str| text.parse::<SecretKey>().unwrap_err().to_string();
        assert!(
            why(&secret.public().to_string()).contains("it is a public key, and a secret key is asked for")
        );
        let untagged = secret.public().to_string().replace(super::PUBLIC, "");
        assert!(why(&untagged).contains("does not say which kind of key it is"));
        assert!(!why(&secret.to_text().replace(super::SECRET, "")).contains("0303"));
        let why = |text: &str| text.parse::<PublicKey>().unwrap_err().to_string();
        assert!(why(&secret.to_text()).contains("it is a secret key, and a public key is asked for"));
        assert!(why(&untagged).contains("does not say which kind of key it is"));
    }
}
