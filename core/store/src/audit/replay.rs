//! Every command of the log decided again, on the state and by the policies of its moment, or by others.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::{ActionName, Decision, EntityUid, Request, Ward, World};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::attendance::Spec;
use crate::db::{as_count, as_text, number};
use crate::error::Error;
use crate::history;
use crate::log::{self, as_i64};
use crate::migrate::{is_same_data, recast};
use crate::state::State;
use crate::time;

/// Entries that are read at once.
const AT_ONCE: i64 = 1_000;

/// A command that would be answered otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Differing {
    /// The entry's number.
    pub event: u64,
    /// Who asked.
    #[serde(rename = "as")]
    pub person: String,
    /// For what.
    pub command: String,
    /// Of which record.
    pub on: String,
    /// When, in RFC 3339.
    pub now: String,
    /// Whether it was allowed.
    pub was_allowed: bool,
    /// The policies that decided it then.
    pub by: Vec<String>,
    /// Whether it is allowed when it is decided again.
    pub is_allowed: bool,
    /// The policies that decide it now.
    pub now_by: Vec<Arc<str>>,
    /// What went wrong, where it could not be asked at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Replayed {
    /// Commands that were decided again.
    pub commands: u64,
    /// Entries of commands that are not replayable: they were disposed of.
    pub disposed: u64,
    /// Reads, feeds and other entries, which are not decided again.
    pub others: u64,
    /// The commands that come out otherwise, oldest first.
    pub differing: Vec<Differing>,
}

/// An entry of the log, as it is replayed.
struct Row {
    event: u64,
    kind: Arc<str>,
    payload: Option<Json>,
    /// The version that the entry before it left.
    before: u64,
}

impl State {
    /// Decides every command again: by the policies of its moment, or by `others`.
    pub(crate) fn replay(&mut self, others: Option<&Ward>) -> Result<Replayed, Error> {
        // Of the policies that the world is of, by which what takes it back is read.
        let mut reads = self.ward.clone();
        let mut world = World::from_bytes(reads.schema(), &self.world.to_bytes())?;
        let (mut at, mut next) = (self.numbers.version, as_i64(self.numbers.event));
        let mut found = Replayed::default();
        let mut wards: BTreeMap<String, Ward> = BTreeMap::new();
        while next > 0 {
            for row in self.entries_down_from(next)? {
                next = as_i64(row.event) - 1;
                match (&*row.kind, &row.payload) {
                    ("command", Some(payload)) => {
                        if row.before < at {
                            let undo =
                                history::undo(self.db.as_mut(), (&reads, &world), (row.before, at), |_| {
                                    false
                                })?;
                            world.apply(&undo)?;
                            at = row.before;
                        }
                        let ward = match others {
                            Some(ward) => ward.clone(),
                            None => self.ward_of(payload, &mut wards)?,
                        };
                        if !is_same_data(ward.schema(), world.schema()) {
                            (world, reads) = (recast(&world, ward.schema())?, ward.clone());
                        }
                        found.commands += 1;
                        found.differing.extend(again(&ward, &world, row.event, payload, others.is_none()));
                    }
                    ("command", None) => found.disposed += 1,
                    _ => found.others += 1,
                }
            }
        }
        found.differing.reverse();
        Ok(found)
    }

    /// Entries, the newest first, from one on.
    fn entries_down_from(&mut self, event: i64) -> Result<Vec<Row>, Error> {
        let sql = "SELECT a.event, a.kind, a.payload, b.version FROM caseward_log a \
                   LEFT JOIN caseward_log b ON b.event = a.event - 1 \
                   WHERE a.event <= ?1 AND a.event > ?2 ORDER BY a.event DESC";
        let (mut rows, seal) = (Vec::new(), self.db.seal());
        self.db.rows(sql, &[number(event), number(event - AT_ONCE)], &mut |row| {
            let number = |at: usize| row.get(at).and_then(as_count).unwrap_or(0);
            rows.push(Row {
                event: number(0),
                kind: row.get(1).and_then(as_text).unwrap_or_default(),
                payload: log::payload_in(&seal, row, 0, 2)?
                    .map(|text| serde_json::from_str(&text).unwrap_or_default()),
                before: number(3),
            });
            Ok(())
        })?;
        if rows.is_empty() {
            return Err(Error::Database(format!("entries of the log before {event} are missing: verify it")));
        }
        Ok(rows)
    }

    /// The policies that decided an entry.
    fn ward_of(&mut self, payload: &Json, wards: &mut BTreeMap<String, Ward>) -> Result<Ward, Error> {
        let hash = payload.pointer("/answer/policy_hash").and_then(Json::as_str).unwrap_or_default();
        if hash == &**self.ward.policy_hash() {
            return Ok(self.ward.clone());
        }
        if let Some(ward) = wards.get(hash) {
            return Ok(ward.clone());
        }
        let ward = self.ward_of_hash(hash)?;
        wards.insert(hash.to_owned(), ward.clone());
        Ok(ward)
    }
}

/// Decides a command again; gives it where it comes out otherwise.
fn again(ward: &Ward, world: &World, event: u64, payload: &Json, same_policies: bool) -> Option<Differing> {
    let of = |path: &str| payload.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned();
    let was_allowed = of("/answer/outcome") != "denied";
    let by: Vec<String> = payload
        .pointer("/answer/policies")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut differing = Differing {
        event,
        person: of("/command/as"),
        command: of("/command/command"),
        on: of("/command/on"),
        now: of("/now"),
        was_allowed,
        by,
        is_allowed: false,
        now_by: Vec::new(),
        error: None,
    };
    match decide(ward, world, payload, &differing) {
        Ok(answer) => {
            differing.is_allowed = answer.is_allowed();
            differing.now_by = answer.policies;
            let by_the_same =
                differing.by.iter().map(String::as_str).eq(differing.now_by.iter().map(AsRef::as_ref));
            let is_same = differing.is_allowed == was_allowed && (by_the_same || !same_policies);
            (!is_same).then_some(differing)
        }
        Err(error) => {
            differing.error = Some(error.to_string());
            Some(differing)
        }
    }
}

fn decide(ward: &Ward, world: &World, payload: &Json, of: &Differing) -> Result<caseward::Answer, Error> {
    let mut context = payload.pointer("/command/context").cloned().unwrap_or_else(|| json!({}));
    if let (Some(fields), Some(size)) = (context.as_object_mut(), payload.pointer("/command/data/file/size"))
    {
        fields.insert("sizeBytes".to_owned(), size.clone());
    }
    let action = ActionName::new(&of.command);
    let context = ward.read_context(&action, &context.to_string())?.and_at(time::read(&of.now)?);
    let person = EntityUid::new("User", of.person.as_str());
    let request = Request::new(person, action, of.on.parse()?).in_context(context);
    let mut answer = ward.check(world, &request)?;
    let names_absent = Spec::of(&of.command)
        .zip(payload.pointer("/command/data").and_then(Json::as_object))
        .is_some_and(|(spec, data)| spec.names(data).any(|uid| !world.contains(&uid)));
    if answer.is_allowed() && names_absent {
        (answer.decision, answer.policies) = (Decision::Deny, Vec::new());
    }
    Ok(answer)
}
