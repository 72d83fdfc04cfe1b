//! Searches that go on: the token of the next page, and results that are held for it.
//!
//! A token holds its request, the version of the data, the policies and the instant that the search was made from, and is
//! signed by this process: left-out fields of the next request are taken from it, and whatever it was given for is found
//! again. All pages are of one version of the data: from what is held, or while the data is still of that version.
//!
//! INVARIANT: a token that was not made here, or for another caller, is refused before anything of it is used.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caseward::{EntityUid, Visible};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Fields;

/// Searches whose results are held at once.
const HELD: usize = 256;
/// Results that are held at once, over all searches, apart from the one that came last.
const RESULTS: usize = 1 << 22;
/// Bytes of a token.
const LONGEST: usize = 1 << 16;

/// What a search found.
pub(crate) enum Found {
    Entities(Visible),
    Sorted(Vec<EntityUid>),
    Names(Vec<Arc<str>>),
}

impl Found {
    pub(crate) fn len(&self) -> usize {
        match self {
            Found::Entities(all) => all.len(),
            Found::Sorted(all) => all.len(),
            Found::Names(all) => all.len(),
        }
    }
}

/// What a token says.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Going {
    /// What is looked for.
    pub(crate) kind: String,
    /// The request, but for its page.
    pub(crate) asked: Fields,
    /// The order that was asked for.
    pub(crate) order: serde_json::Value,
    pub(crate) limit: usize,
    pub(crate) version: u64,
    /// Which world it was, as the process alone can tell: its epoch opens cursors.
    pub(crate) world: String,
    pub(crate) policy_hash: String,
    pub(crate) now: i64,
    pub(crate) offset: usize,
}

impl Going {
    /// What all pages of the search have in common.
    fn search(&self) -> Vec<u8> {
        serde_json::to_vec(&Going { offset: 0, limit: 0, ..self.clone() }).unwrap_or_default()
    }
}

/// Every search that goes on.
pub(crate) struct Searches {
    key: Vec<u8>,
    held: Mutex<VecDeque<([u8; 32], Arc<Found>)>>,
}

impl Searches {
    pub(crate) fn new(key: Vec<u8>) -> Self {
        Searches { key, held: Mutex::default() }
    }

    /// What tells a world from every other, and says nothing of it.
    pub(crate) fn world(&self, world: &caseward::World) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(&[b"world", &world.epoch().to_be_bytes()]))
    }

    /// The token of the next page, for a caller.
    pub(crate) fn token(&self, caller: &str, going: &Going) -> String {
        let said = serde_json::to_vec(going).unwrap_or_default();
        let signed = self.mac(&[caller.as_bytes(), &said]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(said), URL_SAFE_NO_PAD.encode(signed))
    }

    /// What a token says, where it was made here and for this caller.
    pub(crate) fn open(&self, caller: &str, token: &str) -> Option<Going> {
        let (said, signed) = token.split_once('.').filter(|_| token.len() <= LONGEST)?;
        let said = URL_SAFE_NO_PAD.decode(said).ok()?;
        let signed = URL_SAFE_NO_PAD.decode(signed).ok()?;
        self.begun(&[caller.as_bytes(), &said])?.verify_slice(&signed).ok()?;
        serde_json::from_slice(&said).ok()
    }

    /// Holds what a search found, for its next pages; what was not asked for longest goes.
    pub(crate) fn hold(&self, going: &Going, found: Arc<Found>) {
        let name = self.mac(&[&going.search()]);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(of, _)| *of != name);
        held.push_front((name, found));
        held.truncate(HELD);
        while held.len() > 1 && held.iter().map(|(_, found)| found.len()).sum::<usize>() > RESULTS {
            held.pop_back();
        }
    }

    /// What a search found, where it is held.
    pub(crate) fn find(&self, going: &Going) -> Option<Arc<Found>> {
        let name = self.mac(&[&going.search()]);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|(of, _)| *of == name)?;
        let one = held.remove(at)?;
        let found = one.1.clone();
        held.push_front(one);
        Some(found)
    }

    fn begun(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.begun(parts).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }
}
