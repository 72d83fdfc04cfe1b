//! What a change of the catalogue lets a person see: records whose field, or whose existence, other actions show.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::Diff;
use super::circumstances::{Circumstance, circumstances};
use crate::model::{ActionName, EntityUid, Error, Request};
use crate::ward::Ward;
use crate::world::{Row, World};

/// An entry of the catalogue that other actions show than before.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The type of the record.
    pub resource_type: Arc<str>,
    /// The actions that showed it in the older version.
    pub before: Vec<Arc<str>>,
    /// Those that show it in the newer one.
    pub after: Vec<Arc<str>>,
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
        let rows = |ward: &Ward, actions: &[Arc<str>]| {
            let mut rows = RoaringBitmap::new();
            for (name, context) in self.asked(world, person, actions, now) {
                rows |= ward.engine.visible(world, person, name, &moved.resource_type, &context)?.bitmap();
            }
            Ok::<_, Error>(rows)
        };
        let (before, after) = (rows(&self.old, &moved.before)?, rows(&self.new, &moved.after)?);
        let mut seen = Seen { roles: Vec::new(), gained: &after - &before, lost: &before - &after };
        let (ward, actions, row) = match (seen.gained.min(), seen.lost.min()) {
            (Some(row), _) => (&self.new, &moved.after, row),
            (None, Some(row)) => (&self.old, &moved.before, row),
            (None, None) => return Ok(seen),
        };
        let Some(ty) = self.new.schema().type_id(&moved.resource_type) else { return Ok(seen) };
        let record = world.uid((ty, Row(row)));
        for (name, context) in self.asked(world, person, actions, now) {
            let request = Request {
                context: context.into(),
                ..Request::new(person.clone(), ActionName::new(name), record.clone())
            };
            let answer = ward.check(world, &request)?;
            if let (true, Some(policy)) = (answer.is_allowed(), answer.policies.first()) {
                seen.roles = self.roles(world, person, Some(policy)).0;
                break;
            }
        }
        Ok(seen)
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
