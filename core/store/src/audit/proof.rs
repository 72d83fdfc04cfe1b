//! Proofs that an entry is in the log, which need no store to be verified. The format is C2SP's `tlog-proof`; the entry itself
//! is the proof's extra data.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{InclusionProof, RootHash};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::Sha256;

use super::note::{Checkpoint, LogVerifier};
use super::tree::Tree;
use crate::db::{as_text, number};
use crate::error::Error;
use crate::log::{as_i64, hash};
use crate::seal::Place;
use crate::state::State;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of a proof that is read.
const LONGEST: usize = 64 << 20;

/// An entry as a proof carries it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    envelope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// The entry's number.
    pub event: u64,
    /// The log's name.
    pub origin: String,
    /// How many entries the log had that it is proved to be in.
    pub size: u64,
    /// The envelope.
    pub envelope: Json,
    /// What the entry says; absent where it was disposed of, or left out of the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Json>,
}

impl State {
    /// A proof that an entry is in the log of a checkpoint.
    pub(crate) fn prove(
        &mut self,
        event: u64,
        (note, checkpoint): (&str, &Checkpoint),
        with_payload: bool,
    ) -> Result<String, Error> {
        let index = event.checked_sub(1).filter(|index| *index < checkpoint.size).ok_or_else(|| {
            Error::request(format!(
                "the checkpoint has no entry {event}: it has {}, counted from 1",
                checkpoint.size
            ))
        })?;
        let mut tree = MemoryBackedTree::<Sha256, String>::new();
        self.envelopes(checkpoint.size)?.into_iter().for_each(|envelope| tree.push(envelope));
        if tree.len() != checkpoint.size || tree.root().as_bytes().as_slice() != checkpoint.root {
            return Err(Error::request("the log is not that of the checkpoint: see `caseward audit verify`"));
        }
        let at = usize::try_from(index).map_err(|_| Error::request("there is no such entry"))?;
        let entry = self.entry(event, with_payload)?;
        let extra = serde_json::to_string(&entry).map_err(|error| Error::request(error.to_string()))?;
        let hashes: String =
            tree.prove_inclusion(at).as_bytes().chunks(32).map(|hash| STANDARD.encode(hash) + "\n").collect();
        Ok(format!("{HEADER}\nextra {}\nindex {index}\n{hashes}\n{note}", STANDARD.encode(extra)))
    }

    fn entry(&mut self, event: u64, with_payload: bool) -> Result<Entry, Error> {
        let sql = "SELECT envelope, payload, salt FROM caseward_log WHERE event = ?1";
        let row = self.db.row(sql, &[number(as_i64(event))])?.unwrap_or_default();
        let seal = self.db.seal();
        let cell = |at: usize| row.get(at).and_then(as_text).map(|text| text.to_string());
        let opened = |place: Place<'_>, at: usize| -> Result<Option<String>, Error> {
            let text = seal.open_some(place, row.get(at).and_then(as_text))?;
            Ok(text.map(|text| text.to_string()))
        };
        let envelope = cell(0).ok_or_else(|| Error::request(format!("there is no entry {event}")))?;
        let (payload, salt) = match with_payload {
            true => (opened(Place::Payload(event), 1)?, opened(Place::Salt(event), 2)?),
            false => (None, None),
        };
        Ok(Entry { envelope, payload, salt })
    }
}

impl Proof {
    /// Verifies a proof, by the keys of logs that are trusted, without any store.
    ///
    /// # Errors
    /// [`Error::Request`], with what does not hold.
    pub fn open(text: &str, trusted: &[LogVerifier]) -> Result<Self, Error> {
        let not = |why: &str| Error::request(format!("it is no proof: {why}"));
        if text.len() > LONGEST {
            return Err(not("it is too long"));
        }
        let rest = text
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or_else(|| not(&format!("it does not begin with `{HEADER}`")))?;
        let (head, note) = rest.split_once("\n\n").ok_or_else(|| not("it has no checkpoint"))?;
        let mut lines = head.lines();
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.and_then(|extra| STANDARD.decode(extra).ok());
        let entry: Entry = extra
            .and_then(|extra| serde_json::from_slice(&extra).ok())
            .ok_or_else(|| not("its extra data is no entry of a log"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index: u64 = index.and_then(|index| index.parse().ok()).ok_or_else(|| not("it has no index"))?;
        let hashes: Option<Vec<Vec<u8>>> =
            lines.map(|line| STANDARD.decode(line).ok().filter(|hash| hash.len() == 32)).collect();
        let hashes = hashes.ok_or_else(|| not("a line of it is no hash"))?;
        let checkpoint = Checkpoint::open(note, trusted)?;
        is_included(&entry.envelope, index, &hashes, &checkpoint)?;
        let envelope: Json =
            serde_json::from_str(&entry.envelope).map_err(|_| not("its envelope is no JSON"))?;
        if envelope.get("event").and_then(Json::as_u64) != Some(index + 1) {
            return Err(not("its envelope is that of another entry"));
        }
        let payload = match (&entry.payload, &entry.salt) {
            (Some(payload), Some(salt)) => {
                let says = envelope.get("payload").and_then(Json::as_str);
                if says != Some(format!("sha256:{}", hash(salt, payload)).as_str()) {
                    return Err(Error::request(
                        "the payload is not the one of which the envelope holds the hash",
                    ));
                }
                Some(serde_json::from_str(payload).map_err(|_| not("its payload is no JSON"))?)
            }
            (None, None) => None,
            _ => return Err(not("it has a payload without salt, or a salt without payload")),
        };
        Ok(Proof { event: index + 1, origin: checkpoint.origin, size: checkpoint.size, envelope, payload })
    }
}

fn is_included(envelope: &str, index: u64, hashes: &[Vec<u8>], checkpoint: &Checkpoint) -> Result<(), Error> {
    let not = || Error::request("the entry is not in the log of the checkpoint");
    if checkpoint.size == 1 {
        // With one entry the proof has no hashes, and the entry's own hash is the root.
        let mut tree = Tree::default();
        tree.push(envelope.as_bytes());
        let is_it = index == 0 && hashes.is_empty() && tree.root() == checkpoint.root;
        return if is_it { Ok(()) } else { Err(not()) };
    }
    let root = RootHash::<Sha256>::new(checkpoint.root.into(), checkpoint.size);
    let proof = InclusionProof::<Sha256>::try_from_bytes(hashes.concat()).map_err(|_| not())?;
    root.verify_inclusion(&envelope, index, &proof).map_err(|_| not())
}
