//! Which records may this person do this to?

mod candidates;

use std::collections::BTreeMap;
use std::sync::Arc;

use candidates::{Candidates, Printed};

use crate::decide::Asker;
use crate::error::Error;
use crate::ir::{Evaluation, Program};
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::{Place, Row, World};

impl Ward {
    /// The entities of type `resource_type` to which `principal` may do `action`, in the order of their ids.
    ///
    /// A principal who is not in the data sees nothing. Cost: the policies are specialised on the person once;
    /// what is left of them is evaluated for the entities that its comparisons of references lead to, by
    /// index, or for all of the type where nothing bounds them.
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
        let mut found = Vec::new();
        self.each_visible(world, principal, action, resource_type, context, |place| {
            found.push(world.uid(place))
        })?;
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
        let mut count = 0;
        self.each_visible(world, principal, action, resource_type, context, |_| count += 1)?;
        Ok(count)
    }

    /// Calls `visit` with every entity of the type that the person may do the action to, in no order.
    fn each_visible(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
        mut visit: impl FnMut(Place),
    ) -> Result<(), Error> {
        let ty = self.schema().known_type(resource_type)?;
        let Asker { action, principal, absent } =
            self.examine_asker(world, principal, action, resource_type, context)?;
        let (Some(principal), true) = (principal, absent.is_empty()) else { return Ok(()) };
        let program = self.program(principal.0, action, ty).specialise(world, principal, context);
        let mut evaluation = Evaluation::new(&program, world, principal, None, context);
        let rows = Candidates::of(&program, &mut evaluation, world).rows(world);
        let look_at = |row: Row| {
            evaluation.turn_to((ty, row));
            if evaluation.allows() {
                visit((ty, row));
            }
        };
        match rows {
            Some(rows) => rows.into_iter().map(Row).filter(|&row| world.has((ty, row))).for_each(look_at),
            None => world.rows(ty).for_each(look_at),
        }
        Ok(())
    }
}

/// How a list finds its candidates, for people.
pub(crate) fn show_candidates(
    program: &Program,
    world: &World,
    principal: Place,
    context: &BTreeMap<Arc<str>, Value>,
) -> String {
    let mut evaluation = Evaluation::new(program, world, principal, None, context);
    let candidates = Candidates::of(program, &mut evaluation, world);
    Printed { candidates: &candidates, world }.to_string()
}
