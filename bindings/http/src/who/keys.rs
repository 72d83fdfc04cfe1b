//! API keys and certificates of services, each bound to what it may ask.
//!
//! The file has their hashes alone. A key is 256 random bits, so that one round of SHA-256 is enough: there is nothing to
//! guess. The look-up goes by the hash, whose time tells nothing of the key.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caseward::instant;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::rate::Rate;
use crate::app::random;
use crate::error::Error;
use crate::problem::Problem;

/// What keys begin with.
pub(crate) const MARK: &str = "cwk_";

/// What a credential may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Right {
    /// Decisions.
    Evaluate,
    /// Who may, to what, and what.
    Search,
    /// Records, on behalf of a person, as that person sees them.
    Read,
    /// Commands, on behalf of a person.
    Command,
    /// Who looked at what, on behalf of a person.
    Audit,
    /// Files of lines about people, students and organisations, on behalf of nobody.
    Feed,
}

impl Right {
    /// Every right.
    pub(crate) const ALL: [Right; 6] =
        [Right::Evaluate, Right::Search, Right::Read, Right::Command, Right::Audit, Right::Feed];

    /// Its name, as the file of keys writes it.
    pub fn name(self) -> &'static str {
        match self {
            Right::Evaluate => "evaluate",
            Right::Search => "search",
            Right::Read => "read",
            Right::Command => "command",
            Right::Audit => "audit",
            Right::Feed => "feed",
        }
    }

    /// The right of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    key: Vec<WrittenKey>,
    #[serde(default)]
    certificate: Vec<WrittenCertificate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCertificate {
    name: String,
    /// What the certificate is for: a DNS name or a URI, as it stands in it.
    subject: String,
    may: Vec<Right>,
    #[serde(default)]
    reasons: bool,
    #[serde(default)]
    rate: Option<u32>,
    #[serde(default)]
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    name: String,
    sha256: String,
    may: Vec<Right>,
    #[serde(default)]
    reasons: bool,
    #[serde(default)]
    rate: Option<u32>,
    #[serde(default)]
    until: Option<String>,
}

/// A key, or a certificate: who it is, and what they may ask.
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) may: Vec<Right>,
    pub(crate) reasons: bool,
    rate: Option<Arc<Rate>>,
    until: Option<i64>,
}

/// Every key that is in force, by its hash, and every certificate, by what it is for.
#[derive(Default)]
pub(crate) struct Keys {
    keys: HashMap<[u8; 32], Key>,
    certificates: HashMap<String, Key>,
}

impl Keys {
    pub(crate) fn read_file(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
        Self::read(&text).map_err(|why| Error::file(path, why))
    }

    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string().trim().to_owned())?;
        let (mut all, mut rates) = (Keys::default(), Rates::new());
        for WrittenKey { name, sha256, may, reasons, rate, until } in written.key {
            let what = format!("key `{name}`");
            let hash = unhex(&sha256).ok_or_else(|| format!("{what}: `sha256` is 64 hexadecimal digits"))?;
            let key =
                Key { rate: rated(&mut rates, &what, rate)?, until: ends(&what, until)?, name, may, reasons };
            if all.keys.insert(hash, key.that_may(&what)?).is_some() {
                return Err(format!("{what}: its hash stands twice"));
            }
        }
        for WrittenCertificate { name, subject, may, reasons, rate, until } in written.certificate {
            let what = format!("certificate `{name}`");
            if subject.is_empty() || subject.starts_with('*') {
                return Err(format!("{what}: `subject` is the DNS name or the URI that it is for"));
            }
            let key =
                Key { rate: rated(&mut rates, &what, rate)?, until: ends(&what, until)?, name, may, reasons };
            if all.certificates.insert(subject, key.that_may(&what)?).is_some() {
                return Err(format!("{what}: its subject stands twice"));
            }
        }
        Ok(all)
    }

    /// These keys, with the rates of those that were there before: reading the file again gives nobody more.
    pub(crate) fn going_on_from(mut self, before: &Keys) -> Self {
        let rates: HashMap<&str, &Arc<Rate>> =
            before.all().filter_map(|key| Some((key.name.as_str(), key.rate.as_ref()?))).collect();
        for key in self.keys.values_mut().chain(self.certificates.values_mut()) {
            if let (Some(rate), Some(earlier)) = (&mut key.rate, rates.get(key.name.as_str()))
                && rate.a_second().total_cmp(&earlier.a_second()).is_eq()
            {
                *rate = Arc::clone(earlier);
            }
        }
        self
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        self.keys.values().chain(self.certificates.values())
    }

    /// Whether the secrets and the certificates are the same.
    pub(crate) fn are(&self, others: &Keys) -> bool {
        let are_keys = self.keys.len() == others.keys.len()
            && self.keys.keys().all(|hash| others.keys.contains_key(hash));
        are_keys
            && self.certificates.len() == others.certificates.len()
            && self.certificates.keys().all(|subject| others.certificates.contains_key(subject))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty()
    }

    pub(crate) fn find(&self, secret: &str, now: i64) -> Option<&Key> {
        self.keys.get(&hash(secret)).filter(|key| key.lasts(now))
    }

    /// Whom a certificate is for: the first of its names that is known.
    pub(crate) fn of_certificate(&self, names: &[String], now: i64) -> Option<&Key> {
        names.iter().filter_map(|name| self.certificates.get(name)).find(|key| key.lasts(now))
    }
}

type Rates = HashMap<String, Arc<Rate>>;

/// The rate of a name: two secrets of one name, while it is rotated, are one caller.
fn rated(rates: &mut Rates, what: &str, rate: Option<u32>) -> Result<Option<Arc<Rate>>, String> {
    match rate {
        Some(0) => Err(format!("{what}: a rate of 0 lets nothing through; leave it out instead")),
        Some(rate) => {
            Ok(Some(rates.entry(what.to_owned()).or_insert_with(|| Arc::new(Rate::new(rate))).clone()))
        }
        None => Ok(None),
    }
}

fn ends(what: &str, until: Option<String>) -> Result<Option<i64>, String> {
    let read =
        |text: String| instant(&text).ok_or_else(|| format!("{what}: `{text}` is no instant of RFC 3339"));
    until.map(read).transpose()
}

impl Key {
    fn that_may(self, what: &str) -> Result<Self, String> {
        match self.may.is_empty() {
            true => Err(format!("{what} may ask nothing: `may` names what it may")),
            false => Ok(self),
        }
    }

    fn lasts(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Takes one of the requests that it may make.
    pub(crate) fn take_one(&self) -> Result<(), Problem> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.take(Instant::now())).map_err(Problem::too_often)
    }
}

/// A new key: what whoever asks is given, and what is put into the file of keys.
///
/// # Errors
/// [`Error::Settings`] where the system has no random bytes.
pub fn new_key(name: &str, may: &[Right]) -> Result<(String, String), Error> {
    let secret = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(random()?));
    let hash: String = hash(&secret).iter().map(|byte| format!("{byte:02x}")).collect();
    let may: Vec<String> = may.iter().map(|right| format!("\"{}\"", right.name())).collect();
    let name = toml::Value::String(name.to_owned());
    let entry = format!("[[key]]\nname = {name}\nsha256 = \"{hash}\"\nmay = [{}]\n", may.join(", "));
    Ok((secret, entry))
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|two| two.iter().fold(0, |all, one| all * 16 + one)).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Keys, Right, new_key};

    #[test]
    fn a_key_is_found_by_its_hash_until_its_time() {
        let (secret, entry) = new_key("a \"name\"", &[Right::Evaluate, Right::Search]).expect("random");
        assert!(!entry.contains(&secret));
        let text = format!("{entry}until = \"2026-01-01T00:00:00Z\"\nrate = 5\nreasons = true\n");
        let keys = Keys::read(&text).expect("keys");
        let key = keys.find(&secret, 0).expect("the key");
        assert_eq!(
            (key.name.as_str(), key.may.as_slice()),
            ("a \"name\"", &[Right::Evaluate, Right::Search][..])
        );
        assert!(keys.find(&secret, 1_767_225_600_000).is_none(), "its time is over");
        assert!(keys.find(&format!("{secret}x"), 0).is_none());
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused() {
        let entry = |more: &str| format!("[[key]]\nname = \"n\"\nsha256 = \"{}\"\n{more}\n", "0".repeat(64));
        for bad in [
            "may = []",
            "may = [\"rule\"]",
            "may = [\"audit\"]\nrates = 3",
            "may = [\"audit\"]\nrate = 0",
            "may = [\"audit\"]\nuntil = \"soon\"",
            "",
        ] {
            assert!(Keys::read(&entry(bad)).is_err(), "{bad}");
        }
        let good = entry("may = [\"audit\"]");
        assert!(Keys::read(&good).is_ok());
        assert!(Keys::read(&format!("{good}{good}")).is_err(), "one hash twice");
        let certificate = "[[certificate]]\nname = \"n\"\nsubject = \"a.example.org\"\nmay = [\"audit\"]\n";
        let read = Keys::read(certificate).expect("a certificate");
        assert!(read.of_certificate(&["x".to_owned(), "a.example.org".to_owned()], 0).is_some());
        assert!(read.of_certificate(&["example.org".to_owned()], 0).is_none());
        assert!(Keys::read(&format!("{certificate}{certificate}")).is_err(), "one subject twice");
        for bad in [certificate.replace("a.ex", "*.ex"), certificate.replace("\"audit\"", "")] {
            assert!(Keys::read(&bad).is_err(), "{bad}");
        }
        assert!(Keys::read(&good.replace("00000", "0000")).is_err());
    }
}
