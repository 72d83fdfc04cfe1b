//! Content, files, and what the log keeps of them, under a key of the operator's: what is not read without it, and what is
//! noticed where it was altered.
//!
//! Every value is encrypted by itself, with a random nonce of 192 bits, under a key that the store drew when it was made; that
//! one is kept in the store, encrypted under the operator's. So the operator's key is changed without writing anything else.
//!
//! INVARIANT: a value that is encrypted is bound to its table, its column and its row: it is read nowhere else. In a store that
//! is encrypted nothing that should be is read where it is not.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::db::Db;
use crate::error::Error;
use crate::ids::hex;
use crate::options::Options;
use crate::state::{get_text, set_text};
use crate::store::Store;

/// What the text of a key begins with.
const HEAD: &str = "caseward-store-key+";
/// What a value begins with that is encrypted.
const MARK: &str = "~1.";
/// The setting that holds the store's own key, encrypted.
const SETTING: &str = "sealed";
const NONCE: usize = 24;

type Bytes32 = Zeroizing<[u8; 32]>;

/// The key of an operator, under which a store is encrypted: 256 random bits.
///
/// Without it what is encrypted is lost. Keep it where no backup of the store is.
#[derive(Clone)]
pub struct StoreKey(Bytes32);

impl StoreKey {
    /// Draws a key.
    ///
    /// # Errors
    /// [`Error::Database`] where the system gives no random bytes.
    pub fn generate() -> Result<Self, Error> {
        Ok(StoreKey(Zeroizing::new(random()?)))
    }

    /// Reads what [`StoreKey::to_text`] gave.
    ///
    /// # Errors
    /// [`Error::Request`] for a text that is no key; it does not show the text.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let bytes =
            text.trim().strip_prefix(HEAD).and_then(|rest| BASE64.decode(rest).ok()).map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let not = || {
            Error::request(format!(
                "it is no key of a store: one begins with `{HEAD}`, see `caseward store keygen`"
            ))
        };
        Ok(StoreKey(Zeroizing::new(bytes.ok_or_else(not)?)))
    }

    /// Reads the file of a key.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read, [`Error::Request`] where it is no key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| Error::file("read", path, error))?;
        Self::from_text(&text).map_err(|error| Error::request(format!("`{}`: {error}", path.display())))
    }

    /// The key as text, a line.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{HEAD}{}\n", BASE64.encode(self.0.as_slice())))
    }

    /// What names the key and tells nothing of it.
    pub fn name(&self) -> String {
        hex(keyed(&self.0, "caseward store: the name of a key").as_slice())
            .get(..16)
            .unwrap_or_default()
            .to_owned()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*keyed(&self.0, "caseward store: the store's own key")).into())
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({})", self.name())
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Database(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// HMAC-SHA256 of a text.
fn keyed(key: &[u8; 32], text: &str) -> Bytes32 {
    // HMAC takes a block, and fills up what is shorter with zeros.
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A field of content, by its entity's type and id.
    Content(&'a str, &'a str, &'a str),
    /// Of an entry of the log.
    Payload(u64),
    Salt(u64),
    /// What was answered to a person under a key.
    Answer(&'a str, &'a str),
    /// A line of a feed, by its kind and key.
    Line(&'a str, &'a str),
    /// A file, by what it is called.
    File(&'a str),
}

impl Place<'_> {
    /// What a value there is bound to.
    fn bound(&self) -> String {
        match self {
            Place::Content(ty, id, field) => serde_json::json!(["caseward_content", "value", ty, id, field]),
            Place::Payload(event) => serde_json::json!(["caseward_log", "payload", event]),
            Place::Salt(event) => serde_json::json!(["caseward_log", "salt", event]),
            Place::Answer(person, key) => serde_json::json!(["caseward_answer", "answer", person, key]),
            Place::Line(kind, key) => serde_json::json!(["caseward_feed", "line", kind, key]),
            Place::File(name) => serde_json::json!(["caseward_file", "bytes", name]),
        }
        .to_string()
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Content(ty, id, field) => write!(f, "`{field}` of {ty}::\"{id}\""),
            Place::Payload(event) | Place::Salt(event) => write!(f, "entry {event} of the log"),
            Place::Answer(person, key) => write!(f, "what was answered to `{person}` under the key `{key}`"),
            Place::Line(kind, key) => write!(f, "the line of {kind} under {key}"),
            Place::File(name) => write!(f, "the file `{name}`"),
        }
    }
}

/// What a store encrypts with; nothing where it is not encrypted.
#[derive(Clone, Default)]
pub(crate) struct Seal(Option<Arc<Keys>>);

struct Keys {
    cipher: XChaCha20Poly1305,
    /// For what is looked up: names of files, and hashes.
    names: Bytes32,
}

impl Seal {
    fn of(own: &[u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&(*keyed(own, "caseward store: values")).into());
        Seal(Some(Arc::new(Keys { cipher, names: keyed(own, "caseward store: names") })))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A text as it is kept.
    pub(crate) fn close(&self, place: Place<'_>, text: impl Into<Arc<str>>) -> Result<Arc<str>, Error> {
        let text = text.into();
        let Some(keys) = &self.0 else { return Ok(text) };
        let sealed = encrypt(&keys.cipher, &place.bound(), text.as_bytes())?;
        Ok(format!("{MARK}{}", BASE64.encode(sealed)).into())
    }

    /// The text of what is kept.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what was not encrypted for this place under this key.
    pub(crate) fn open(&self, place: Place<'_>, kept: Arc<str>) -> Result<Arc<str>, Error> {
        let Some(keys) = &self.0 else { return Ok(kept) };
        let sealed = kept.strip_prefix(MARK).and_then(|rest| BASE64.decode(rest).ok());
        let plain = sealed.and_then(|sealed| decrypt(&keys.cipher, &place.bound(), &sealed));
        let text = plain.and_then(|plain| String::from_utf8(plain).ok());
        text.map(Arc::from).ok_or_else(|| altered(place))
    }

    /// As [`Seal::open`], of what may not be there.
    pub(crate) fn open_some(
        &self,
        place: Place<'_>,
        kept: Option<Arc<str>>,
    ) -> Result<Option<Arc<str>>, Error> {
        kept.map(|kept| self.open(place, kept)).transpose()
    }

    /// The bytes of a file as they are kept.
    pub(crate) fn close_file<'a>(&self, name: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        match &self.0 {
            None => Ok(bytes.into()),
            Some(keys) => encrypt(&keys.cipher, &Place::File(name).bound(), bytes).map(Cow::Owned),
        }
    }

    pub(crate) fn open_file(&self, name: &str, kept: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(keys) = &self.0 else { return Ok(kept) };
        decrypt(&keys.cipher, &Place::File(name).bound(), &kept).ok_or_else(|| altered(Place::File(name)))
    }

    /// What a file of a hash is called: whoever has the file, and not the key, cannot tell that it is kept.
    pub(crate) fn name(&self, hash: &str) -> String {
        self.keyed("file", hash)
    }

    /// A hash of something that may be short enough to be guessed, as it is kept.
    pub(crate) fn digest(&self, hash: &str) -> String {
        self.keyed("hash", hash)
    }

    fn keyed(&self, what: &str, hash: &str) -> String {
        match &self.0 {
            None => hash.to_owned(),
            Some(keys) => hex(keyed(&keys.names, &format!("{what} {hash}")).as_slice()),
        }
    }
}

fn altered(place: Place<'_>) -> Error {
    Error::Unreadable(format!(
        "{place} cannot be decrypted: it was altered, moved from elsewhere, or written by who does not have the key"
    ))
}

fn encrypt(cipher: &XChaCha20Poly1305, bound: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE] = random()?;
    let payload = Payload { msg: plain, aad: bound.as_bytes() };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
    let sealed = sealed.map_err(|_| Error::Database("it is too large to be encrypted".to_owned()))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(cipher: &XChaCha20Poly1305, bound: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: bound.as_bytes() }).ok()
}

/// Draws a store's own key, and keeps it encrypted under the operator's.
pub(crate) fn begin(db: &mut dyn Db, key: &StoreKey) -> Result<(), Error> {
    let own = Zeroizing::new(random()?);
    keep(db, key, &own)?;
    db.set_seal(Seal::of(&own));
    Ok(())
}

fn keep(db: &mut dyn Db, key: &StoreKey, own: &[u8; 32]) -> Result<(), Error> {
    let name = key.name();
    let sealed = encrypt(&key.cipher(), &bound(&name), own)?;
    set_text(db, SETTING, &format!("{name} {}", BASE64.encode(sealed)))
}

fn bound(name: &str) -> String {
    serde_json::json!(["caseward_setting", SETTING, name]).to_string()
}

/// Takes up what a store is encrypted with, if it is.
///
/// # Errors
/// [`Error::Sealed`] where there is no key and should be one, where it is another one, and where the store is not encrypted.
pub(crate) fn attach(db: &mut dyn Db, key: Option<&StoreKey>, place: &Path) -> Result<(), Error> {
    let own = own(db, key, place)?;
    if let Some(own) = own {
        db.set_seal(Seal::of(&own));
    }
    Ok(())
}

fn own(db: &mut dyn Db, key: Option<&StoreKey>, place: &Path) -> Result<Option<Bytes32>, Error> {
    let no = |why: String| Err(Error::Sealed(format!("`{}` {why}", place.display())));
    let Some(kept) = get_text(db, SETTING)? else {
        return match key {
            None => Ok(None),
            Some(_) => no("is not encrypted, and a key was given: it would protect nothing".to_owned()),
        };
    };
    let (name, sealed) = kept.split_once(' ').unwrap_or_default();
    let Some(key) = key else {
        return no(format!("is encrypted: give its key, `{name}` (--key-file, or CASEWARD_KEY_FILE)"));
    };
    if key.name() != name {
        return no(format!("is encrypted with the key `{name}`, and the key `{}` was given", key.name()));
    }
    let own = BASE64.decode(sealed).ok().and_then(|sealed| decrypt(&key.cipher(), &bound(name), &sealed));
    match own.map(Zeroizing::new).and_then(|own| <[u8; 32]>::try_from(own.as_slice()).ok()) {
        Some(own) => Ok(Some(Zeroizing::new(own))),
        None => no("has an own key that was altered: put a backup back".to_owned()),
    }
}

/// Encrypts the store's own key under another of the operator's.
pub(crate) fn change(db: &mut dyn Db, key: &StoreKey, to: &StoreKey, place: &Path) -> Result<(), Error> {
    match own(db, Some(key), place)? {
        Some(own) => keep(db, to, &own),
        None => Ok(()),
    }
}

/// Whether a store is encrypted.
pub(crate) fn is_sealed(db: &mut dyn Db) -> Result<bool, Error> {
    Ok(get_text(db, SETTING)?.is_some())
}

impl Store {
    /// Encrypts the store under another key of the operator's; nothing else is written. Backups from before stay under the key of
    /// before, and so does whatever somebody who had that key can have read.
    ///
    /// # Errors
    /// [`Error::Sealed`] for a store that is not encrypted, and where `key` is not its key; what the database reports.
    pub fn rekey(place: impl AsRef<Path>, key: &StoreKey, to: &StoreKey) -> Result<(), Error> {
        let (key, to, shown) = (key.clone(), to.clone(), crate::place::shown(place.as_ref()));
        let options = Options::new().alone().with_key(Some(key.clone()));
        let store = Store::open(place, &options)?;
        store.run(move |state, _| state.in_group(|state, _| change(state.db.as_mut(), &key, &to, &shown)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Seal, StoreKey};
    use crate::error::Error;

    #[test]
    fn a_value_is_read_in_its_place_alone() {
        let (seal, other) = (Seal::of(&[7; 32]), Seal::of(&[8; 32]));
        let place = Place::Content("Student", "aroha", "name");
        let kept = seal.close(place, "Aroha Ngata").unwrap();
        assert!(!kept.contains("Aroha") && kept.len() > 50, "{kept}");
        assert_eq!(&*seal.open(place, kept.clone()).unwrap(), "Aroha Ngata");
        assert_ne!(seal.close(place, "Aroha Ngata").unwrap(), kept, "with a nonce of its own");
        let is_refused = |seal: &Seal, place, kept: &str| {
            matches!(seal.open(place, kept.into()), Err(Error::Unreadable(_)))
        };
        for elsewhere in [
            Place::Content("Student", "ben", "name"),
            Place::Content("Student", "aroha", "nsn"),
            Place::Content("User", "aroha", "name"),
            Place::Line("Student", "aroha"),
            Place::Payload(1),
        ] {
            assert!(is_refused(&seal, elsewhere, &kept), "{elsewhere}");
        }
        assert!(is_refused(&other, place, &kept));
        assert!(is_refused(&seal, place, "\"Aroha Ngata\""), "what is not encrypted is not read");
        let mut altered = kept.to_string();
        let last = if altered.pop() == Some('A') { 'B' } else { 'A' };
        altered.insert(altered.len() - 8, last);
        assert!(is_refused(&seal, place, &altered));
        assert!(seal.open(Place::Payload(12), seal.close(Place::Payload(1), "x").unwrap()).is_err());
        // Names and hashes are those of the store alone.
        assert_ne!(seal.name("ab"), other.name("ab"));
        assert_ne!(seal.name("ab"), seal.digest("ab"));
        let none = Seal::default();
        assert_eq!((none.name("ab"), &*none.close(place, "x").unwrap()), ("ab".to_owned(), "x"));
    }

    #[test]
    fn hmac_is_that_of_another_implementation() {
        let mac = super::keyed(&[0x0b; 32], "Hi There");
        // Python's `hmac.new(b"\x0b" * 32, b"Hi There", "sha256")`.
        assert_eq!(
            crate::ids::hex(mac.as_slice()),
            "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7"
        );
    }

    #[test]
    fn keys_are_texts() {
        let key = StoreKey::generate().unwrap();
        let again = StoreKey::from_text(&key.to_text()).unwrap();
        assert_eq!((again.name(), key.name().len()), (key.name(), 16));
        assert_eq!(format!("{key:?}"), format!("StoreKey({})", key.name()));
        for wrong in ["", "caseward-store-key+", "caseward-store-key+AAAA", "secret"] {
            let error = StoreKey::from_text(wrong).unwrap_err().to_string();
            assert!(error.contains("is no key of a store") && !error.contains("secret"), "{error}");
        }
    }
}
