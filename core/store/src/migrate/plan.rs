//! What other policies change of the schema, and whether that can be done without loss and without a guess.
//!
//! INVARIANT: every state that the store ever had is one of the new schema too: what the log tells, the past and proofs stay as
//! they are. What is not so is refused, with the name of what it is about.

use caseward::{EntityType, Schema, World};
use serde::Serialize;

use super::ever::Ever;
use crate::db::Db;
use crate::error::Error;

/// What a migration to other policies does to the data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Migration {
    /// What is done, in words.
    pub steps: Vec<String>,
    /// What cannot be done, and why; then nothing is.
    pub refused: Vec<String>,
    /// Whether these policies are in force already.
    pub is_in_force: bool,
    /// What names the set of policies.
    pub set: String,
}

impl Migration {
    fn step(&mut self, text: String) {
        self.steps.push(text);
    }

    fn refuse(&mut self, text: String) {
        self.refused.push(text);
    }

    /// Whether nothing is to do.
    pub fn is_nothing(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty() && self.is_in_force
    }
}

/// A schema as the data has it, and the one that it is to have; what the store's own commands and feeds write is `own`.
pub(super) struct Schemas<'a> {
    pub(super) from: &'a Schema,
    pub(super) to: &'a Schema,
    pub(super) own: &'a Schema,
}

fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a EntityType> {
    schema.entity_type(schema.type_id(name)?)
}

/// Compares two schemas, of a store with these facts and this past.
pub(super) fn plan(schemas: &Schemas<'_>, db: &mut dyn Db, world: &World) -> Result<Migration, Error> {
    let mut migration = Migration::default();
    let mut ever = Ever { db, world };
    for ty in schemas.from.entity_types() {
        match find(schemas.to, &ty.name) {
            None => removed(&mut migration, schemas, &mut ever, ty)?,
            Some(new) => compared(&mut migration, schemas, &mut ever, (ty, new))?,
        }
    }
    for ty in schemas.to.entity_types().iter().filter(|ty| find(schemas.from, &ty.name).is_none()) {
        migration.step(format!("add the entity type `{}`", ty.name));
    }
    Ok(migration)
}

fn removed(
    migration: &mut Migration,
    schemas: &Schemas<'_>,
    ever: &mut Ever<'_>,
    ty: &EntityType,
) -> Result<(), Error> {
    let name = &ty.name;
    if find(schemas.own, name).is_some() {
        migration
            .refuse(format!("the entity type `{name}` is removed: commands and feeds of the store write it"));
    } else if ty.choices.is_none() && ever.any(name)? {
        migration
            .refuse(format!("the entity type `{name}` is removed, and there are or were entities of it"));
    } else {
        migration.step(format!("remove the entity type `{name}`, of which there never was an entity"));
    }
    Ok(())
}

fn compared(
    migration: &mut Migration,
    schemas: &Schemas<'_>,
    ever: &mut Ever<'_>,
    (old, new): (&EntityType, &EntityType),
) -> Result<(), Error> {
    let name = &old.name;
    match (&old.choices, &new.choices) {
        (None, None) => {}
        (Some(old), Some(new)) => {
            for choice in old.iter().filter(|choice| !new.contains(choice)) {
                migration.refuse(format!("`{name}::\"{choice}\"` is removed, and something may have it"));
            }
            for choice in new.iter().filter(|choice| !old.contains(choice)) {
                migration.step(format!("add `{name}::\"{choice}\"`"));
            }
            return Ok(());
        }
        _ => {
            let is = if old.choices.is_some() { "no longer" } else { "now" };
            migration.refuse(format!("the entity type `{name}` is {is} an enumeration"));
            return Ok(());
        }
    }
    let tags = |schema: &Schema, ty: &EntityType| ty.tags.as_ref().map(|tags| schema.show(tags));
    if tags(schemas.from, old) != tags(schemas.to, new) {
        migration.refuse(format!("the tags of `{name}` are others"));
    }
    let above = |schema: &Schema, ty: &EntityType| -> Vec<String> {
        let mut names: Vec<String> = ty
            .ancestors
            .iter()
            .filter_map(|id| schema.entity_type(*id).map(|ty| ty.name.to_string()))
            .collect();
        names.sort();
        names
    };
    if above(schemas.from, old) != above(schemas.to, new) {
        migration.refuse(format!("what a `{name}` may lie in (`in`) is something else"));
    }
    attributes(migration, schemas, ever, (old, new))
}

fn attributes(
    migration: &mut Migration,
    schemas: &Schemas<'_>,
    ever: &mut Ever<'_>,
    (old, new): (&EntityType, &EntityType),
) -> Result<(), Error> {
    let ty = &old.name;
    let is_own = |name: &str| find(schemas.own, ty).is_some_and(|own| own.attribute(name).is_some());
    for (name, was) in &old.attributes {
        let shown = schemas.from.show(&was.ty);
        let Some((_, is)) = new.attribute(name) else {
            if is_own(name) {
                migration
                    .refuse(format!("`{ty}.{name}` is removed: commands and feeds of the store write it"));
            } else if ever.has(ty, name)? {
                migration.refuse(format!(
                    "`{ty}.{name}` is removed, and there are or were values of it, which would be lost"
                ));
            } else {
                migration.step(format!("remove `{ty}.{name}` ({shown}), which never had a value"));
            }
            continue;
        };
        let now = schemas.to.show(&is.ty);
        if shown != now {
            migration.refuse(format!(
                "`{ty}.{name}` is {now}, and was {shown}: values are not turned into others"
            ));
        } else if was.required && !is.required {
            migration.step(format!("make `{ty}.{name}` optional"));
        } else if is.required && !was.required {
            if is_own(name) {
                migration.refuse(format!(
                    "`{ty}.{name}` is required now: commands and feeds of the store may leave it out"
                ));
            } else if ever.lacks(ty, name)? {
                migration.refuse(format!(
                    "`{ty}.{name}` is required now, and there are or were entities without a value"
                ));
            } else {
                migration.step(format!("make `{ty}.{name}` required, which always had a value"));
            }
        }
    }
    for (name, is) in new.attributes.iter().filter(|(name, _)| old.attribute(name).is_none()) {
        let shown = schemas.to.show(&is.ty);
        if is.required && ever.any(ty)? {
            migration.refuse(format!(
                "`{ty}.{name}` is new and required, and there are or were entities that have no value: make it optional (`{name}?`)"
            ));
        } else if is.required && is_made(schemas, ty) {
            migration.refuse(format!(
                "`{ty}.{name}` is new and required, and what the store makes has no value: make it optional (`{name}?`)"
            ));
        } else {
            let kind = if is.required { "required" } else { "optional" };
            migration.step(format!("add `{ty}.{name}` ({kind} {shown})"));
        }
    }
    Ok(())
}

/// Whether commands or feeds make entities of a type.
fn is_made(schemas: &Schemas<'_>, ty: &str) -> bool {
    find(schemas.own, ty).is_some()
}
