//! The batch that makes one world of another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Changes, Place, World};
use crate::model::{EntityUid, Error, TypeId, Value};

/// All that is held of an entity.
#[derive(PartialEq, Eq)]
struct Whole {
    attributes: BTreeMap<Arc<str>, Value>,
    parents: BTreeSet<EntityUid>,
    tags: BTreeMap<Arc<str>, Value>,
}

impl World {
    /// The batch that makes this world another one of its schema: entities that the other holds otherwise are put, and those
    /// that it lacks are removed.
    ///
    /// Cost: a look at every entity of both.
    ///
    /// # Errors
    /// [`Error::is_schema`] for a world of another schema.
    ///
    /// # Example
    /// ```
    /// use caseward::Ward;
    /// use caseward::attendance::Sample;
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 10, seed: 1 }.build(&ward, &mut |_| {})?;
    /// let other = Sample { cases: 12, seed: 2 }.build(&ward, &mut |_| {})?;
    /// world.apply(&world.changes_to(&other)?)?;
    /// assert!(world.changes_to(&other)?.is_empty());
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn changes_to(&self, other: &World) -> Result<Changes, Error> {
        if self.schema().entity_types() != other.schema().entity_types() {
            return Err(Error::schema());
        }
        let mut changes = Changes::new();
        let types = self.schema().entity_types().iter().enumerate();
        for (at, _) in types.filter(|(_, ty)| ty.choices.is_none()) {
            let ty = TypeId(at as u16);
            let mut had: BTreeMap<EntityUid, Whole> = self.wholes(ty).collect();
            for (uid, whole) in other.wholes(ty) {
                if had.remove(&uid).as_ref() != Some(&whole) {
                    let attributes =
                        whole.attributes.iter().map(|(name, value)| (name.as_ref(), value.clone()));
                    changes = changes.put_whole(&uid, attributes, whole.parents, whole.tags);
                }
            }
            changes = had.keys().fold(changes, Changes::remove);
        }
        Ok(changes)
    }

    fn wholes(&self, ty: TypeId) -> impl Iterator<Item = (EntityUid, Whole)> + '_ {
        self.rows(ty).map(move |row| self.whole((ty, row)))
    }

    fn whole(&self, place: Place) -> (EntityUid, Whole) {
        let uid = self.uid(place);
        let attributes = self.all_found(&uid).unwrap_or_default();
        let parents = self.parents(place).iter().map(|parent| self.uid(*parent)).collect();
        (uid, Whole { attributes, parents, tags: self.tags(place).cloned().unwrap_or_default() })
    }
}
