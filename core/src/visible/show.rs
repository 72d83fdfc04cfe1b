//! How a list is found, for people: what is looked up, what it was thought to cost and what it did.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::find::Finder;
use super::{Open, Search};
use crate::cache::plan::{Lookup, Plan};
use crate::engine::Engine;
use crate::ir::{Printed, Program};
use crate::model::{Action, Effect, EntityUid, Error, TypeId, Value};
use crate::world::index::Path;
use crate::world::{Place, World};

impl Engine {
    pub(crate) fn plan_for(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<String, Error> {
        let resource = self.schema().known_type(resource_type)?;
        let asker = self.examine_asker(world, principal, action, resource_type, context)?;
        let place = asker.principal;
        let place = place.ok_or_else(|| Error::request(format!("{principal} is not in the data")))?;
        show(self, world, place, asker.action, resource, context)
    }

    /// The program as text, with the ids of its policies.
    pub(crate) fn show(&self, program: &Program) -> String {
        let names = |at: usize| self.policies().get(at).map_or_else(String::new, |p| p.id.to_string());
        Printed { program, schema: self.schema(), names: &names }.to_string()
    }
}

/// The plan for a person, and a run of it.
fn show(
    ward: &Engine,
    world: &World,
    principal: Place,
    action: &Action,
    ty: TypeId,
    context: &BTreeMap<Arc<str>, Value>,
) -> Result<String, Error> {
    let search = Search { open: Open::Resource, known: principal, action, ty, context };
    let plan = ward.list_plan(world, &search);
    world.make_indices(plan.paths.iter())?;
    let indices = world.still();
    let mut finder = Finder::new(&plan, world, &indices, principal, context);
    let names = |at: usize| ward.policies().get(at).map_or_else(String::new, |p| p.id.to_string());
    let mut text = Printed { program: &plan.narrowed, schema: ward.schema(), names: &names }.to_string();
    for id in plan.narrowed.ids() {
        if let Some(lookup) = plan.lookup(id) {
            let _ =
                writeln!(text, "look up {}: {} records", describe(lookup, &plan, world), finder.estimate(id));
        }
    }
    let estimated: usize = plan.entries(Effect::Permit).map(|id| finder.estimate(id)).sum();
    let found = finder.allowed().len();
    let _ = writeln!(
        text,
        "at most {estimated} records estimated, {found} found, {} looked at",
        finder.looked_at
    );
    for (field, (from, until)) in &plan.made_from.windows {
        let show =
            |ms: i64, open: &str| crate::model::timestamp::format(ms).unwrap_or_else(|| open.to_owned());
        let _ = writeln!(
            text,
            "valid for {field} from {} to {}",
            show(*from, "ever"),
            show(*until, "ever after")
        );
    }
    Ok(text)
}

fn describe(lookup: &Lookup, plan: &Plan, world: &World) -> String {
    match lookup {
        Lookup::Keys(path, _, keys) => format!("{} under {} known", name(path, plan, world), keys.len()),
        Lookup::Some(path, _) => format!("{} that is there", name(path, plan, world)),
        Lookup::Rows(rows) => format!("{} known records", rows.len()),
    }
}

fn name(path: &Path, plan: &Plan, world: &World) -> String {
    let schema = world.schema();
    let (mut text, mut ty) = ("resource".to_owned(), plan.ty);
    for &step in &path.steps {
        let attributes = schema.entity_type(ty).map_or(&[][..], |ty| &ty.attributes);
        let _ = write!(text, ".{}", attributes.get(step.index()).map_or("?", |(name, _)| name.as_ref()));
        if let Some((next, _)) = crate::world::target(schema, (ty, step)) {
            ty = next;
        }
    }
    text
}
