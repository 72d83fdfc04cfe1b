//! What some policies by themselves come to, and decisions among a few records: for comparing versions of policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::find::Finder;
use super::set::Set;
use crate::cache::Class;
use crate::cache::plan::Plan;
use crate::decide::Asker;
use crate::engine::Engine;
use crate::ir::{Evaluation, MadeFrom, Program, Residual};
use crate::model::schema::Environment;
use crate::model::{EntityUid, Error, Value};
use crate::world::{Place, Row, World};

/// Rows beyond which it is less to make whole lists than to look for those that policies by themselves hold for.
const MANY: usize = 1_024;

/// Who asks, for records of a type.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) world: &'a World,
    pub(crate) environment: Environment,
    pub(crate) person: Place,
}

type Context = BTreeMap<Arc<str>, Value>;

impl Asking<'_> {
    /// The rows for which some policy of a residual holds, be it a permit or a forbid; `None` where indices do not
    /// tell them, or too many: a policy can fail, or the data is seen through changes.
    pub(crate) fn held(&self, residual: &Program, context: &Context) -> Option<RoaringBitmap> {
        let Asking { world, environment, person } = *self;
        if residual.can_fail() || world.is_overlaid() {
            return None;
        }
        let residual = Residual { program: residual.clone(), made_from: MadeFrom::default() };
        let plan = Plan::new(residual, world, person, environment.2, context, world.version());
        world.make_indices(plan.paths.iter()).ok()?;
        let indices = world.still();
        if !plan.made_from.is_unchanged_since(plan.version, world) {
            return None;
        }
        let mut finder = Finder::new(&plan, world, &indices, person, context);
        let estimates = plan.narrowed.entries.iter().map(|entry| finder.estimate(entry.root));
        if estimates.fold(0, usize::saturating_add) > MANY {
            return None;
        }
        let held = plan.narrowed.entries.iter().map(|entry| finder.all_that(entry.root));
        Some(held.fold(Set::EMPTY, Set::or).into_bitmap())
    }
}

impl Engine {
    /// Those of some rows that [`Ward::visible`] finds, decided one by one.
    ///
    /// # Errors
    /// As [`Ward::visible`].
    pub(crate) fn visible_among(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &Context,
        rows: &RoaringBitmap,
    ) -> Result<RoaringBitmap, Error> {
        let ty = self.schema().known_type(resource_type)?;
        let examine = || self.examine_asker(world, principal, action, resource_type, context);
        let Asker { action, principal, absent } = world.consistent(examine).0?;
        let Some(person) = principal.filter(|_| absent.is_empty()) else { return Ok(RoaringBitmap::new()) };
        let asking = Asking { world, environment: (person.0, action.place, ty), person };
        let among = |_, program: &Program| {
            let mut evaluation = Evaluation::new(program, world, person, None, context);
            let is_allowed = |row: &u32| {
                let place = (ty, Row(*row));
                evaluation.turn_to(place);
                world.has(place) && evaluation.allows()
            };
            rows.iter().filter(is_allowed).collect()
        };
        Ok(self.with_class(&asking, among))
    }

    /// What `ask` makes of the person's class and its program.
    pub(crate) fn with_class<T>(&self, asking: &Asking<'_>, mut ask: impl FnMut(Class, &Program) -> T) -> T {
        let Asking { world, environment, person } = *asking;
        let link = self.link(world);
        let classes = link.classes(environment);
        let both = || {
            let class = link.class(&self.loaded, world, person);
            ask(class, &link.compiled(&self.loaded, world, classes, environment, person).program)
        };
        world.consistent(both).0
    }
}
