//! Which policies are in force when: each set that ever was is kept by its hash, and others are activated from an instant on.

use std::sync::{Arc, PoisonError, RwLock};

use caseward::{Schema, Ward};
use serde::Serialize;
use serde_json::json;

use crate::db::{Cell, Db, as_count, as_number, as_text, number, text};
use crate::error::Error;
use crate::log::{Entry, as_i64};
use crate::migrate::is_same_data;
use crate::policies::PolicySet;
use crate::state::{Group, State};
use crate::time::rfc3339;

/// Policies, from an instant on.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) from: i64,
    /// The entry that put it in force.
    event: u64,
    /// What names the set.
    pub(crate) set: String,
    pub(crate) ward: Ward,
    pub(crate) fits: Ward,
}

/// The policies in force, as readers see them.
#[derive(Clone)]
pub(crate) struct Shared(Arc<RwLock<Ward>>);

impl Shared {
    pub(crate) fn new(ward: &Ward) -> Self {
        Shared(Arc::new(RwLock::new(ward.clone())))
    }

    pub(crate) fn ward(&self) -> Ward {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// INVARIANT: whoever calls this holds what stands beside the world for writing, so that nobody reads policies of one
    /// moment and facts of another.
    pub(crate) fn replace(&self, ward: &Ward) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ward.clone();
    }
}

/// That policies are in force, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activation {
    /// From when, in milliseconds since 1970; `None` for now.
    pub at: Option<i64>,
    /// Who approved them.
    pub approved_by: String,
    /// Why they are changed.
    pub reason: String,
}

impl Activation {
    /// From now on.
    pub fn now(approved_by: impl Into<String>, reason: impl Into<String>) -> Self {
        Activation { at: None, approved_by: approved_by.into(), reason: reason.into() }
    }

    /// From an instant on.
    #[must_use]
    pub fn at(mut self, at: i64) -> Self {
        self.at = Some(at);
        self
    }
}

/// A set of policies that a store has, as it was put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Activated {
    /// What names the set: a SHA-256 of the policies and of who fits.
    pub set: String,
    /// SHA-256 of schema, policies and catalogue, as answers have it.
    pub policy_hash: String,
    /// From when, in RFC 3339; absent for those that the store was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The number of its entry in the audit log; absent for those that the store was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
}

impl State {
    /// Makes the policies of an instant those that decide.
    pub(crate) fn in_force(&mut self, now: i64) {
        if self.decide_by(now) {
            self.publish();
        }
    }

    /// Lets everybody see which policies decide.
    pub(crate) fn publish(&self) {
        let _held = self.beside.write();
        self.shared.replace(&self.ward);
    }

    /// Makes the policies of an instant those that decide here, which nobody sees yet; whether they are others.
    pub(crate) fn decide_by(&mut self, now: i64) -> bool {
        let found = at(&self.policies, now).filter(|set| set.set != self.set).cloned();
        let is_other = found.is_some();
        if let Some(found) = found {
            (self.ward, self.fits, self.set) = (found.ward, found.fits, found.set);
        }
        is_other
    }

    /// Knows that another process put policies in force, by the entry.
    pub(crate) fn has_in_force(&mut self, set: InForce) {
        self.policies.push(set);
        self.policies.sort_by_key(|set| (set.from, set.event));
    }

    /// Puts other policies in force.
    pub(crate) fn activate(
        &mut self,
        set: &PolicySet,
        as_said: &Activation,
        clock: i64,
    ) -> Result<String, Error> {
        is_said(as_said)?;
        let (ward, fits) = set.load_whole()?;
        same_data(self.ward.schema(), ward.schema())?;
        let hash = PolicySet::hash(&ward, &fits);
        let clock = self.in_group(|state, group| {
            let clock = clock.max(group.numbers.clock);
            let at = as_said.at.unwrap_or(clock);
            if at < clock {
                let (at, clock) = (rfc3339(at), rfc3339(clock));
                return Err(Error::request(format!(
                    "policies cannot be in force from {at}: the store's clock says {clock}, and what was decided before stands"
                )));
            }
            // What is in force at that instant, and stays so, is not put in force again.
            if crate::activate::at(&state.policies, at).is_some_and(|set| set.set == hash) {
                return Ok(clock);
            }
            state.put_in_force(group, (set, &ward, &fits), as_said, (clock, at), None)?;
            Ok(clock)
        })?;
        self.policies = read(self.db.as_mut(), self.numbers.clock)?;
        self.in_force(clock);
        Ok(hash)
    }

    /// Audits that a set is in force from an instant on, and keeps it; `schema` is what it changed of the data's schema.
    pub(crate) fn put_in_force(
        &mut self,
        group: &mut Group,
        (set, ward, fits): (&PolicySet, &Ward, &Ward),
        as_said: &Activation,
        (clock, at): (i64, i64),
        schema: Option<&[String]>,
    ) -> Result<(), Error> {
        let mut payload = json!({
            "set": PolicySet::hash(ward, fits), "policy_hash": ward.policy_hash(), "from": rfc3339(at),
            "approved_by": as_said.approved_by, "reason": as_said.reason,
        });
        if let (Some(schema), Some(payload)) = (schema, payload.as_object_mut()) {
            payload.insert("schema".to_owned(), json!(schema));
        }
        let version = group.numbers.version;
        let entry = Entry { kind: "activation", version, recorded: clock, at, payload, about: Vec::new() };
        let event = self.audit(group, &entry)?;
        group.numbers.clock = clock;
        keep(self.db.as_mut(), set, (ward, fits), (at, event))
    }

    /// A set that the store has, by what names it.
    pub(crate) fn policy_set(&mut self, hash: &str) -> Result<PolicySet, Error> {
        let sql = "SELECT sources FROM caseward_policy_text WHERE hash = ?1";
        let sources = self.db.texts(sql, &[text(hash)])?.into_iter().next();
        let sources =
            sources.ok_or_else(|| Error::request(format!("the store never had policies `{hash}`")))?;
        PolicySet::from_text(&sources)
    }

    /// Every set, in the order in which they came into force.
    pub(crate) fn activated(&mut self) -> Result<Vec<Activated>, Error> {
        let mut all = Vec::new();
        let sql = "SELECT p.hash, p.from_at, p.event, t.policy_hash FROM caseward_policies p \
                   JOIN caseward_policy_text t ON t.hash = p.hash ORDER BY p.from_at, p.event";
        self.db.rows(sql, &[], &mut |row| {
            let event = row.get(2).and_then(as_count).filter(|event| *event > 0);
            all.push(Activated {
                set: row.first().and_then(as_text).unwrap_or_default().to_string(),
                policy_hash: row.get(3).and_then(as_text).unwrap_or_default().to_string(),
                from: row.get(1).and_then(as_number).filter(|_| event.is_some()).map(rfc3339),
                event,
            });
            Ok(())
        })?;
        Ok(all)
    }
}

/// The set that is in force at an instant.
pub(crate) fn at(policies: &[InForce], now: i64) -> Option<&InForce> {
    policies.iter().rev().find(|set| set.from <= now).or_else(|| policies.first())
}

/// Keeps a set, and from when and by which entry it is in force.
pub(crate) fn keep(
    db: &mut dyn Db,
    set: &PolicySet,
    (ward, fits): (&Ward, &Ward),
    (from, event): (i64, u64),
) -> Result<(), Error> {
    let hash = PolicySet::hash(ward, fits);
    db.run(
        "INSERT INTO caseward_policy_text (hash, policy_hash, sources) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO NOTHING",
        &[text(hash.as_str()), text(ward.policy_hash().clone()), text(set.to_text())],
    )?;
    db.run(
        "INSERT INTO caseward_policies (from_at, event, hash) VALUES (?1, ?2, ?3)",
        &[number(from), number(as_i64(event)), text(hash)],
    )?;
    Ok(())
}

/// Reads the sets that are in force at an instant or later.
pub(crate) fn read(db: &mut dyn Db, now: i64) -> Result<Vec<InForce>, Error> {
    let mut kept = Vec::new();
    let sql = "SELECT p.from_at, p.hash, t.sources, p.event FROM caseward_policies p \
               JOIN caseward_policy_text t ON t.hash = p.hash ORDER BY p.from_at, p.event";
    db.rows(sql, &[], &mut |row| {
        kept.push(Kept::of(row));
        Ok(())
    })?;
    // Those that others have taken the place of are loaded when the past is asked about.
    let last = kept.iter().rposition(|kept| kept.from <= now).unwrap_or(0);
    kept.into_iter().skip(last).map(Kept::load).collect()
}

/// The set that an entry put in force.
pub(crate) fn by_entry(db: &mut dyn Db, event: u64) -> Result<Option<InForce>, Error> {
    let sql = "SELECT p.from_at, p.hash, t.sources, p.event FROM caseward_policies p \
               JOIN caseward_policy_text t ON t.hash = p.hash WHERE p.event = ?1";
    db.row(sql, &[number(as_i64(event))])?.map(|row| Kept::of(&row).load()).transpose()
}

/// A set as the database keeps it.
struct Kept {
    from: i64,
    hash: Arc<str>,
    sources: Arc<str>,
    event: u64,
}

impl Kept {
    fn of(row: &[Cell]) -> Self {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let from = row.first().and_then(as_number).unwrap_or(i64::MIN);
        Kept { from, hash: cell(1), sources: cell(2), event: row.get(3).and_then(as_count).unwrap_or(0) }
    }

    fn load(self) -> Result<InForce, Error> {
        let (ward, fits) = PolicySet::from_text(&self.sources)?.load()?;
        let set = PolicySet::hash(&ward, &fits);
        if *self.hash != *set {
            return Err(Error::Database(
                "its policies are not those that were put in force: they were altered".to_owned(),
            ));
        }
        Ok(InForce { from: self.from, event: self.event, set, ward, fits })
    }
}

/// Refuses policies whose schema has other entities: the tables are made of it.
pub(crate) fn same_data(ours: &Schema, theirs: &Schema) -> Result<(), Error> {
    if is_same_data(ours, theirs) {
        return Ok(());
    }
    Err(Error::request(
        "the schema of these policies has other entity types than the store's tables: `caseward store migrate` says what is to be done",
    ))
}

/// Refuses policies of which nobody says who approved them, and why.
pub(crate) fn is_said(as_said: &Activation) -> Result<(), Error> {
    for (what, said) in [("who approved it", &as_said.approved_by), ("the reason", &as_said.reason)] {
        if said.trim().is_empty() {
            return Err(Error::request(format!("{what} is not said: policies are not changed without")));
        }
    }
    Ok(())
}
