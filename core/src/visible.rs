//! Which records may this person do this to?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::request::Request;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::World;

impl Ward {
    /// The entities of type `resource_type` to which `principal` may do `action`, in the order of their ids.
    ///
    /// A principal who is not in the data sees nothing. Cost: a check of every entity of the type.
    ///
    /// # Errors
    /// As [`Ward::check`], and [`Error::is_request`] for a type that the schema lacks.
    pub fn list(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Vec<EntityUid>, Error> {
        self.belongs_to(world)?;
        let ty = self.schema().known_type(resource_type)?;
        let name = self.schema().entity_type(ty).map_or_else(|| "".into(), |t| t.name.clone());
        let mut request = Request {
            principal: principal.clone(),
            action: action.into(),
            // Checked once for a record that is not there, so that an empty type is no excuse for a wrong request.
            resource: EntityUid::new(name, ""),
            context: context.clone(),
        };
        self.examine(world, &request)?;
        let mut found = Vec::new();
        for row in world.rows(ty) {
            request.resource = world.uid((ty, row));
            if self.check(world, &request)?.is_allowed() {
                found.push(request.resource.clone());
            }
        }
        found.sort();
        Ok(found)
    }

    /// How many entities [`Ward::list`] gives.
    ///
    /// # Errors
    /// As [`Ward::list`].
    pub fn count(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<usize, Error> {
        Ok(self.list(world, principal, action, resource_type, context)?.len())
    }
}
