//! What a change of the catalogue lets a person see: records whose field, whose existence or whose entries other
//! actions show.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::Diff;
use super::circumstances::{Circumstance, circumstances};
use crate::author::shown::EntriesShown;
use crate::model::{ActionName, EntityUid, Error, Request, Type, Value};
use crate::ward::Ward;
use crate::world::{Row, World};

/// An entry of the catalogue that other actions show than before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The type of the record.
    pub resource_type: Arc<str>,
    /// Who saw it in the older version.
    pub before: Way,
    /// Who sees it in the newer one.
    pub after: Way,
}

/// What lets somebody see something of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Way {
    /// One of these actions; none of them is nothing for anybody.
    AnyOf(Vec<Arc<str>>),
    /// All of these actions together.
    AllOf(Vec<Arc<str>>),
    /// The record is an entry of another one: the action on it, and one of those that let one know of the other.
    Entry(EntriesShown),
}

impl Way {
    /// Nobody sees it.
    pub const NOBODY: Way = Way::AnyOf(Vec::new());

    /// The actions on the record itself.
    fn actions(&self) -> &[Arc<str>] {
        match self {
            Way::AnyOf(actions) | Way::AllOf(actions) => actions,
            Way::Entry(entry) => std::slice::from_ref(&entry.action),
        }
    }
}

/// What one person sees of records more than before, or less.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The roles that matter, as in [`Difference::roles`](super::Difference::roles).
    pub roles: Vec<Arc<str>>,
    /// The records, as numbers in the world, on which the entry is seen now and was not before.
    pub gained: RoaringBitmap,
    /// Those on which it was seen and is not any longer.
    pub lost: RoaringBitmap,
}

impl Diff {
    /// On which records a person sees an entry now and did not before, and the other way round; each version decides
    /// by its own policies, under circumstances as of `now`.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    pub fn of_moved(
        &self,
        world: &World,
        person: &EntityUid,
        moved: &Moved,
        now: i64,
    ) -> Result<Seen, Error> {
        let rows =
            |ward: &Ward, way: &Way| self.rows_of(ward, (world, person, now), &moved.resource_type, way);
        let (before, after) = (rows(&self.old, &moved.before)?, rows(&self.new, &moved.after)?);
        let mut seen = Seen { roles: Vec::new(), gained: &after - &before, lost: &before - &after };
        let (ward, way, row) = match (seen.gained.min(), seen.lost.min()) {
            (Some(row), _) => (&self.new, &moved.after, row),
            (None, Some(row)) => (&self.old, &moved.before, row),
            (None, None) => return Ok(seen),
        };
        let Some(ty) = self.new.schema().type_id(&moved.resource_type) else { return Ok(seen) };
        let record = world.uid((ty, Row(row)));
        // Of several actions that are needed, each may be another role's.
        let mut roles = BTreeSet::new();
        let mut told = BTreeSet::new();
        for (name, context) in self.asked(world, person, way.actions(), now) {
            if told.contains(name) {
                continue;
            }
            let request = Request {
                context: context.into(),
                ..Request::new(person.clone(), ActionName::new(name), record.clone())
            };
            let answer = ward.check(world, &request)?;
            if let (true, Some(policy)) = (answer.is_allowed(), answer.policies.first()) {
                roles.extend(self.roles(world, person, Some(policy)).0);
                told.insert(name);
                if !matches!(way, Way::AllOf(_)) {
                    break;
                }
            }
        }
        seen.roles = roles.into_iter().collect();
        Ok(seen)
    }

    /// The records of a type of which a way lets the person see something.
    fn rows_of(
        &self,
        ward: &Ward,
        (world, person, now): (&World, &EntityUid, i64),
        resource_type: &str,
        way: &Way,
    ) -> Result<RoaringBitmap, Error> {
        let any = |actions: &[Arc<str>], resource_type: &str| {
            let mut rows = RoaringBitmap::new();
            for (name, context) in self.asked(world, person, actions, now) {
                rows |= ward.engine.visible(world, person, name, resource_type, &context)?.bitmap();
            }
            Ok::<_, Error>(rows)
        };
        match way {
            Way::AnyOf(actions) => any(actions, resource_type),
            Way::AllOf(actions) => {
                let mut rows: Option<RoaringBitmap> = None;
                for action in actions {
                    let one = any(std::slice::from_ref(action), resource_type)?;
                    rows = Some(rows.map_or_else(|| one.clone(), |rows| rows & &one));
                }
                Ok(rows.unwrap_or_default())
            }
            Way::Entry(entry) => {
                let mut rows = any(std::slice::from_ref(&entry.action), resource_type)?;
                let schema = ward.schema();
                let entries =
                    schema.type_id(resource_type).and_then(|ty| Some((ty, schema.entity_type(ty)?)));
                let Some((ty, (by, attribute))) =
                    entries.and_then(|(ty, of)| Some((ty, of.attribute(&entry.by)?)))
                else {
                    return Ok(RoaringBitmap::new());
                };
                let Type::Entity(of) = attribute.ty else { return Ok(RoaringBitmap::new()) };
                let of = schema.entity_type(of).map_or("", |of| of.name.as_ref());
                let known = if rows.is_empty() { RoaringBitmap::new() } else { any(&entry.known_by, of)? };
                let record = |row: u32| match world.value(ty, Row(row), by) {
                    Some(Value::Entity(record)) => world.place(&record).map(|place| place.1.0),
                    _ => None,
                };
                let hidden: Vec<u32> =
                    rows.iter().filter(|row| !record(*row).is_some_and(|row| known.contains(row))).collect();
                hidden.into_iter().for_each(|row| {
                    rows.remove(row);
                });
                Ok(rows)
            }
        }
    }

    /// The actions that the person's type may ask for, each under every circumstance that is looked at.
    fn asked<'a>(
        &self,
        world: &World,
        person: &EntityUid,
        actions: &'a [Arc<str>],
        now: i64,
    ) -> Vec<(&'a str, Circumstance)> {
        let ty = self.new.schema().type_id(person.type_name());
        let known = actions.iter().filter_map(|name| Some((name.as_ref(), self.new.schema().action(name)?)));
        let known = known.filter(|(_, action)| ty.is_some_and(|ty| action.principals.contains(&ty)));
        let under = |(name, action)| {
            let (all, _) = circumstances(&[&self.old, &self.new], action, |_| true, world, now);
            all.into_iter().map(move |context| (name, context))
        };
        known.flat_map(under).collect()
    }
}
