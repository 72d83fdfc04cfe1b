//! Which policies were in force when, held against what the log says: of those that were put in force, and of each decision.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Told, says};
use crate::db::{Db, as_count, as_number, as_text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::log;
use crate::state::State;

/// From when each set decides, as the store has it, in order.
pub(super) struct InForce(Vec<Row>);

struct Row {
    from: i64,
    /// The entry that put it in force; 0 for those of the start.
    event: u64,
    set: String,
    policy_hash: String,
}

impl InForce {
    pub(super) fn read(checkup: &mut Checkup, db: &mut dyn Db) -> Result<Self, Error> {
        let mut rows = Vec::new();
        let sql = "SELECT p.from_at, p.event, p.hash, t.policy_hash FROM caseward_policies p \
                   JOIN caseward_policy_text t ON t.hash = p.hash ORDER BY p.from_at, p.event";
        db.rows(sql, &[], &mut |row| {
            rows.push(Row {
                from: row.first().and_then(as_number).unwrap_or(i64::MIN),
                event: row.get(1).and_then(as_count).unwrap_or(0),
                set: row.get(2).and_then(as_text).unwrap_or_default().to_string(),
                policy_hash: row.get(3).and_then(as_text).unwrap_or_default().to_string(),
            });
            Ok(())
        })?;
        let of_start: Vec<&Row> = rows.iter().filter(|row| row.event == 0).collect();
        if of_start.len() != 1 || of_start.iter().any(|row| row.from != i64::MIN) {
            let what = "the store was not made with one set of policies, in force from the start";
            checkup.fault("policies", None, what);
        }
        let sql =
            "SELECT hash FROM caseward_policy_text WHERE hash NOT IN (SELECT hash FROM caseward_policies)";
        for hash in db.texts(sql, &[])? {
            checkup.fault(
                "policies",
                None,
                format!("the policies `{hash}` are kept, and were never in force"),
            );
        }
        Ok(InForce(rows))
    }

    /// Holds an entry against the policies that were in force: a decision against those of its instant, all else against those
    /// that were ever put in force before it.
    pub(super) fn entry(&self, checkup: &mut Checkup, told: &Told) {
        let Some(payload) =
            told.payload.as_ref().filter(|_| !matches!(&*told.kind, "activation" | "disposal"))
        else {
            return;
        };
        let is_decision = &*told.kind == "command";
        let decided_by = says(payload, if is_decision { "/answer/policy_hash" } else { "/policy_hash" });
        let set = says(payload, "/set");
        // Entries of before do not name the set.
        let is_so = |row: &Row| {
            (decided_by.is_empty() || row.policy_hash == decided_by) && (set.is_empty() || row.set == set)
        };
        // An entry may be written at a later instant than it was decided for.
        let at = crate::time::read(says(payload, "/now")).unwrap_or(told.recorded);
        let mut before = self.0.iter().filter(|row| row.event < told.event);
        let is_told = match is_decision {
            true => before.rfind(|row| row.from <= at).is_some_and(is_so),
            false => before.any(is_so),
        };
        if !is_told {
            let (event, by) = (told.event, if decided_by.is_empty() { set } else { decided_by });
            let what = format!(
                "entry {event} was written under the policies `{by}`, and the store says that others were in force"
            );
            checkup.fault("policies", None, what);
        }
    }
}

impl State {
    /// Holds the policies that the store has against what the log says of them.
    pub(super) fn policies_are_told(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        let mut told = BTreeMap::new();
        let sql = "SELECT event, payload FROM caseward_log WHERE kind = 'activation'";
        let seal = self.db.seal();
        self.db.rows(sql, &[], &mut |row| {
            let payload = log::payload_in(&seal, row, 0, 1)?.unwrap_or_default();
            let payload: Json = serde_json::from_str(&payload).unwrap_or_default();
            let (set, from) = (says(&payload, "/set").to_owned(), says(&payload, "/from").to_owned());
            told.insert(row.first().and_then(as_count), (set, from));
            Ok(())
        })?;
        for kept in self.activated()? {
            let is_sound = self.policy_set(&kept.set).and_then(|set| {
                let (ward, fits) = set.load_whole()?;
                let is_named = kept.policy_hash == **ward.policy_hash();
                Ok(is_named && crate::policies::PolicySet::hash(&ward, &fits) == kept.set)
            });
            if !is_sound.unwrap_or(false) {
                checkup.fault("policies", None, format!("the set `{}` was altered", kept.set));
            }
            if kept.event.is_some()
                && told.remove(&kept.event) != kept.from.map(|from| (kept.set.clone(), from))
            {
                let what = format!("the log does not say that the set `{}` is in force so", kept.set);
                checkup.fault("policies", None, what);
            }
        }
        for (event, (set, _)) in told {
            let event = event.unwrap_or(0);
            checkup.fault("policies", None, format!("the set `{set}` of entry {event} is not there"));
        }
        Ok(())
    }
}
