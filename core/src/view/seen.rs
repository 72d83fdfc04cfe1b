//! Of which records of a type does a view of this person show which fields?
//!
//! INVARIANT: all of an answer is of one version of the data, and says of each record what its [`View`](crate::View)
//! says: a field is in it exactly where the view shows its section.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{FieldNeed, Onlooker};
use crate::engine::Engine;
use crate::model::{EntityUid, Error, Provenance, Transform, Type, TypeId, Value};
use crate::table::group::resolve_path;
use crate::visible::Visible;
use crate::world::World;
use crate::world::index::Path;

/// The records of a type that a person may know of, and those of which a view of the person shows each of some fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// The records that the person may know of: to them, all others are as if they were not there.
    pub known: Visible,
    /// For each field that was asked for, the records of which a view shows it; all of them are among `known`.
    pub fields: Vec<Visible>,
    /// For each of these fields, the forms in which the catalogue lets it be released, beside as it is.
    pub transforms: Vec<Vec<Transform>>,
    /// What all of it was found from.
    pub provenance: Provenance,
}

impl Engine {
    pub(crate) fn seen(
        &self,
        world: &World,
        (principal, of): (&EntityUid, &str),
        fields: &[&str],
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Seen, Error> {
        self.belongs_to(world)?;
        let ty = self.schema().known_type(of)?;
        let needs = fields.iter().map(|field| self.needs_of(ty, field)).collect::<Result<Vec<_>, _>>()?;
        let transforms =
            fields.iter().map(|field| self.transforms_of(ty, field)).collect::<Result<Vec<_>, _>>()?;
        world.undisturbed(|| {
            let version = world.version();
            let rows: RoaringBitmap = world.rows(ty).map(|row| row.0).collect();
            let onlooker = Onlooker { world, principal, context, rows: &rows, version, listed_by: None };
            let Some(known) = self.known_of(ty, &onlooker)? else { return Ok(None) };
            let onlooker = Onlooker { rows: &known, ..onlooker };
            let mut found: Vec<(&[FieldNeed], RoaringBitmap)> = Vec::new();
            let mut shown = Vec::new();
            for needs in &needs {
                // Fields of one section need the same: it is looked for once.
                let same = found.iter().find(|(other, _)| is_same(other, needs));
                let rows = match same {
                    Some((_, rows)) => rows.clone(),
                    None => {
                        let Some(rows) = self.shown_of(needs, &onlooker)? else { return Ok(None) };
                        found.push((needs, rows.clone()));
                        rows
                    }
                };
                shown.push(self.found(world, ty, rows, context, version));
            }
            let known = self.found(world, ty, known.clone(), context, version);
            let provenance = known.provenance().clone();
            Ok((world.version() == version).then_some(Seen {
                known,
                fields: shown,
                transforms: transforms.clone(),
                provenance,
            }))
        })
    }

    /// What must be allowed so that a field is seen: of the record itself, such as `status`, or of what it refers to,
    /// such as `student.yearLevel`. `Student.yearLevel` means the same where one attribute alone refers to a student,
    /// and `Case.status` is a case's own.
    fn needs_of(&self, ty: TypeId, asked: &str) -> Result<Vec<FieldNeed>, Error> {
        let path = self.path_from(ty, asked)?;
        let schema = self.schema();
        let (way, of, last) = self.end_of(ty, asked, &path)?;
        let is_content = schema.entity_type(of).is_some_and(|of| {
            of.attribute(last).is_none()
                && self.fields_of(&of.name, false).iter().any(|(field, _)| **field == *last)
        });
        match is_content {
            true => self.content_needs(&asked.into(), &way, last),
            false => self.field_needs(asked.into(), &resolve_path(schema, ty, &path)?.0),
        }
    }

    /// The way to the entity that has the field at the end of a path, its type, and the field.
    fn end_of<'p>(&self, ty: TypeId, asked: &str, path: &'p str) -> Result<(Path, TypeId, &'p str), Error> {
        match path.rsplit_once('.') {
            None => Ok((Path { start: ty, steps: Vec::new() }, ty, path)),
            Some((before, last)) => match resolve_path(self.schema(), ty, before)? {
                (way, Type::Entity(of)) => Ok((way, of, last)),
                _ => Err(Error::request(format!("`{asked}`: `{before}` leads to no one entity"))),
            },
        }
    }

    /// The forms in which a field may be released: those that stand with the type that has it.
    fn transforms_of(&self, ty: TypeId, asked: &str) -> Result<Vec<Transform>, Error> {
        let path = self.path_from(ty, asked)?;
        let (_, of, last) = self.end_of(ty, asked, &path)?;
        let shown = self.catalogue.as_ref().and_then(|catalogue| catalogue.of(of));
        Ok(shown.and_then(|shown| shown.transforms.get(last)).cloned().unwrap_or_default())
    }

    /// The path that a name with a type in front stands for.
    fn path_from(&self, ty: TypeId, asked: &str) -> Result<String, Error> {
        let schema = self.schema();
        let Some(entity_type) = schema.entity_type(ty) else { return Ok(asked.to_owned()) };
        let Some((before, field)) = asked.rsplit_once('.') else { return Ok(asked.to_owned()) };
        // An attribute of that name goes first.
        let Some(of) = schema.type_id(before).filter(|_| entity_type.attribute(before).is_none()) else {
            return Ok(asked.to_owned());
        };
        if of == ty {
            return Ok(field.to_owned());
        }
        let refers = |attribute: &Type| matches!(attribute, Type::Entity(target) if *target == of);
        let all = entity_type.attributes.iter().filter(|(_, attribute)| refers(&attribute.ty));
        let names: Vec<&str> = all.map(|(name, _)| name.as_ref()).collect();
        let of = &entity_type.name;
        match names.as_slice() {
            [only] => Ok(format!("{only}.{field}")),
            [] => Err(Error::request(format!("`{asked}`: no attribute of `{of}` refers to a `{before}`"))),
            several => Err(Error::request(format!(
                "`{asked}`: several attributes of `{of}` refer to a `{before}`: write one of {}",
                several.iter().map(|name| format!("`{name}.{field}`")).collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

/// Whether the same must be allowed, whatever the fields are called.
fn is_same(one: &[FieldNeed], other: &[FieldNeed]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.asks_as(other))
}
