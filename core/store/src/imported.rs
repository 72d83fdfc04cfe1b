//! What was imported, by hashes: so that facts that nothing wrote since can be held against the import.
//!
//! Facts are hashed in groups: a type each, and what is disposed of together. Each hash is salted, and the salt goes with what
//! is disposed of, so that nothing can be guessed from what stays.

use std::collections::BTreeMap;

use caseward::{EntityUid, World};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::db::{Db, as_text, text};
use crate::draft::uid_json;
use crate::error::Error;
use crate::facts::{entity, uids};
use crate::ids::{Random, hex, sha256};

/// The attribute of a student that is worked out from what is disposed of.
pub(crate) const RATE: &str = "attendanceRate";

/// Hashes of the facts of a group, by what names it.
pub(crate) type Groups = BTreeMap<String, Vec<[u8; 32]>>;

/// A group of imported facts, as the store keeps it.
pub(crate) struct Kept {
    /// `None` once it was disposed of.
    pub(crate) salt: Option<String>,
    pub(crate) hash: String,
}

/// The facts of a world in groups.
pub(crate) fn groups(world: &World) -> Result<Groups, Error> {
    let mut groups = Groups::new();
    let types: Vec<_> = world.schema().entity_types().iter().filter(|ty| ty.choices.is_none()).collect();
    for ty in types {
        for uid in uids(world, &ty.name)? {
            let mut attrs = world.attributes(&uid)?.unwrap_or_default();
            let rate = if &*ty.name == "Student" { attrs.remove(RATE) } else { None };
            if let Some(rate) = rate {
                add(&mut groups, uid.to_string(), &json!({"uid": uid_json(&uid), "rate": rate}));
            }
            let group = owner(world, &uid)?;
            add(&mut groups, group, &json!({"uid": uid_json(&uid), "attrs": attrs}));
        }
    }
    groups.values_mut().for_each(|hashes| hashes.sort_unstable());
    Ok(groups)
}

fn add(groups: &mut Groups, group: String, fact: &serde_json::Value) {
    groups.entry(group).or_default().push(Sha256::digest(fact.to_string().as_bytes()).into());
}

/// The group that an entity belongs to.
fn owner(world: &World, uid: &EntityUid) -> Result<String, Error> {
    let student = match uid.type_name() {
        "Case" | "Request" => entity(world, uid, "student")?,
        "Item" => match entity(world, uid, "case")? {
            Some(case) => entity(world, &case, "student")?,
            None => None,
        },
        "Register" => Some(uid.clone()),
        _ => None,
    };
    Ok(student.map_or_else(|| uid.type_name().to_owned(), |student| student.to_string()))
}

/// The hash of a group.
pub(crate) fn hash(salt: &str, hashes: &[[u8; 32]]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(salt.as_bytes());
    hashes.iter().for_each(|hash| hasher.update(hash));
    hex(&hasher.finalize())
}

/// Keeps the hashes of what is imported; gives the hash of them all, for the log.
pub(crate) fn keep(db: &mut dyn Db, random: &mut Random, world: &World) -> Result<String, Error> {
    let mut all = BTreeMap::new();
    for (group, hashes) in groups(world)? {
        let salt = hex(&random.bytes::<32>()?);
        let hash = hash(&salt, &hashes);
        db.run(
            "INSERT INTO caseward_imported (name, salt, hash) VALUES (?1, ?2, ?3)",
            &[text(group.as_str()), text(salt.as_str()), text(hash.as_str())],
        )?;
        all.insert(group, Kept { salt: Some(salt), hash });
    }
    Ok(over_all(&all))
}

/// The hash of all groups.
pub(crate) fn over_all(groups: &BTreeMap<String, Kept>) -> String {
    let lines: String = groups.iter().map(|(group, kept)| format!("{} {group}\n", kept.hash)).collect();
    sha256(lines.as_bytes())
}

/// The groups as they are kept.
pub(crate) fn read(db: &mut dyn Db) -> Result<BTreeMap<String, Kept>, Error> {
    let mut all = BTreeMap::new();
    db.rows("SELECT name, salt, hash FROM caseward_imported", &[], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).map(|text| text.to_string());
        if let (Some(name), Some(hash)) = (cell(0), cell(2)) {
            all.insert(name, Kept { salt: cell(1), hash });
        }
        Ok(())
    })?;
    Ok(all)
}

/// Takes the salt of what is disposed of with an entity.
pub(crate) fn forget(db: &mut dyn Db, uid: &EntityUid) -> Result<(), Error> {
    let sql = "UPDATE caseward_imported SET salt = NULL WHERE name = ?1";
    db.run(sql, &[text(uid.to_string())]).map(drop)
}
