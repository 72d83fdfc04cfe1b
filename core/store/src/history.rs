//! What each version changed, kept as the changes that take it back: worlds of past moments are made of it.
//!
//! INVARIANT: taking back the versions after one, newest first, gives the facts of that version. Disposal takes an entity
//! out of every version.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use caseward::{Changes, EntityUid, Ward, World};
use serde_json::{Value as Json, json};

use crate::db::{Db, as_text, number, text};
use crate::draft::{Finished, Touched, uid_json};
use crate::error::Error;
use crate::log::as_i64;

/// Changes that are read at once.
const AT_ONCE: usize = 100_000;

/// Keeps how what a batch touched was before it.
pub(crate) fn record(
    db: &mut dyn Db,
    version: u64,
    before: &World,
    finished: &Finished,
) -> Result<(), Error> {
    let mut keep = |uid: &EntityUid, name: &str, undo: Json| {
        db.run(
            "INSERT INTO caseward_history (version, type, id, name, undo) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                number(as_i64(version)),
                text(uid.type_name()),
                text(uid.id()),
                text(name),
                text(undo.to_string()),
            ],
        )
    };
    for (uid, touched) in &finished.touched {
        let of = uid_json(uid);
        match touched {
            Touched::Whole => match before.attributes(uid)? {
                Some(attrs) => keep(uid, "", json!({"put": {"uid": of, "attrs": attrs}}))?,
                None => keep(uid, "", json!({"remove": {"uid": of}}))?,
            },
            Touched::Attributes(names) => {
                for name in names {
                    let undo = match before.attribute(uid, name)? {
                        Some(value) => json!({"set": {"uid": of, "name": name, "value": value}}),
                        None => json!({"unset": {"uid": of, "name": name}}),
                    };
                    keep(uid, name, undo)?;
                }
                0
            }
        };
    }
    Ok(())
}

/// Takes an entity out of every version.
pub(crate) fn forget(db: &mut dyn Db, uid: &EntityUid) -> Result<(), Error> {
    let sql = "DELETE FROM caseward_history WHERE type = ?1 AND id = ?2";
    db.run(sql, &[text(uid.type_name()), text(uid.id())])?;
    Ok(())
}

/// Takes an attribute out of every version: it was worked out from what was disposed of.
pub(crate) fn forget_one(db: &mut dyn Db, uid: &EntityUid, name: &str) -> Result<(), Error> {
    let sql = "DELETE FROM caseward_history WHERE type = ?1 AND id = ?2 AND name = ?3";
    db.run(sql, &[text(uid.type_name()), text(uid.id()), text(name)])?;
    Ok(())
}

/// What takes one entity back.
#[derive(Default)]
struct Undo {
    whole: Option<Arc<str>>,
    /// After `whole`, by the name of the attribute.
    attributes: BTreeMap<Arc<str>, Arc<str>>,
}

fn is_remove(change: &str) -> bool {
    change.starts_with("{\"remove\"")
}

/// The changes that take versions back from a world: those after `from`, up to `to`. Of an entity of a type that `stays`,
/// all is taken back but that it came.
pub(crate) fn undo(
    db: &mut dyn Db,
    (ward, world): (&Ward, &World),
    (from, to): (u64, u64),
    stays: impl Fn(&str) -> bool,
) -> Result<Changes, Error> {
    let mut all: HashMap<(Arc<str>, Arc<str>), Undo> = HashMap::new();
    let sql = "SELECT type, id, name, undo FROM caseward_history WHERE version > ?1 AND version <= ?2 \
               ORDER BY version DESC";
    db.rows(sql, &[number(as_i64(from)), number(as_i64(to))], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        let (ty, id, name, change) = (cell(0), cell(1), cell(2), cell(3));
        if name.is_empty() && stays(&ty) && is_remove(&change) {
            return Ok(());
        }
        let undo = all.entry((ty, id)).or_default();
        if name.is_empty() {
            undo.attributes.clear();
            undo.whole = Some(change);
        } else {
            undo.attributes.insert(name, change);
        }
        Ok(())
    })?;
    // What came and went in between is not there; nor is, before anything was written down, what changed later.
    all.retain(|(ty, id), undo| {
        let is_put = undo.whole.as_ref().is_some_and(|change| !is_remove(change));
        is_put || world.contains(&EntityUid::new(ty.clone(), id.clone()))
    });
    read(ward, all.into_values().flat_map(|undo| undo.whole.into_iter().chain(undo.attributes.into_values())))
}

/// Changes of their texts.
fn read(ward: &Ward, texts: impl Iterator<Item = Arc<str>>) -> Result<Changes, Error> {
    let mut changes = Changes::new();
    let texts: Vec<Arc<str>> = texts.collect();
    for some in texts.chunks(AT_ONCE) {
        changes = changes.then(ward.read_changes(&format!("[{}]", some.join(",")))?);
    }
    Ok(changes)
}
