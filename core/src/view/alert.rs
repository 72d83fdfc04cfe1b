//! Who is to be told of what happens to a record?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Engine;
use crate::model::{Action, ActionName, EntityUid, Error, Request, Value};
use crate::visible::Visible;
use crate::world::World;

/// People of whom it is asked one by one whether they may, at most.
const FEW: usize = 64;

impl Engine {
    pub(crate) fn alert(
        &self,
        world: &World,
        resource: &EntityUid,
        entry: Option<&EntityUid>,
        principal_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Visible, Error> {
        self.belongs_to(world)?;
        let name = resource.type_name();
        let (_, shown) = self.shown(self.schema().known_type(name)?, name)?;
        let alert = shown.alert;
        let alert =
            alert.ok_or_else(|| Error::request(format!("the catalogue tells nobody of a `{name}`")))?;
        let mut asked = vec![(alert.action, resource), (alert.sees, resource)];
        let entries = entry.map(|entry| {
            let ty = self.schema().known_type(entry.type_name())?;
            let entries = shown.items.iter().find(|entries| entries.path.start == ty);
            let none =
                || Error::request(format!("a `{name}` has no entries of type `{}`", entry.type_name()));
            entries.map(|entries| (entry, entries)).ok_or_else(none)
        });
        let entries = entries.transpose()?;
        asked.extend(entries.iter().map(|(entry, entries)| (entries.action, *entry)));
        world.undisturbed(|| {
            let mut told: Option<Visible> = None;
            let mut is_one_version = true;
            for (place, resource) in &asked {
                let action = self.schema().actions().get(*place).ok_or_else(Error::schema)?;
                // Of few it is asked one by one, which is less than to find all who may.
                if told.as_ref().is_some_and(|told| (1..=FEW).contains(&told.len())) {
                    let name = action.uid.to_string();
                    let known = known_to(action, context);
                    let asks = |person: EntityUid| {
                        let request =
                            Request::new(person, ActionName::new(name.as_str()), (*resource).clone());
                        Ok(self.check(world, &request, &known)?.is_allowed())
                    };
                    told = told.map(|told| told.filtered(asks)).transpose()?;
                    continue;
                }
                let found = self.who_may(world, action, resource, principal_type, context)?;
                is_one_version &=
                    told.as_ref().is_none_or(|told| told.provenance().version == found.provenance().version);
                told = Some(told.map_or(found.clone(), |told| told.also_in(&found)));
            }
            let is_of_record = entries.is_none_or(|(entry, entries)| {
                let attribute = self.schema().entity_type(entries.path.start);
                let attribute = attribute.and_then(|ty| ty.attributes.get(entries.by.index()));
                let refers = attribute.and_then(|(name, _)| world.found(entry, name));
                refers.as_ref() == Some(&Value::Entity(resource.clone()))
            });
            match told {
                // A batch came in between: all is to be of one version of the data.
                Some(told) if !is_one_version || told.provenance().version != world.version() => Ok(None),
                Some(told) if is_of_record => Ok(Some(told)),
                // The entry is absent, or of another record: nobody is told of it.
                Some(told) => Ok(Some(told.none())),
                None => Err(Error::schema()),
            }
        })
    }

    /// As [`Ward::who`], with what the action knows of a context.
    fn who_may(
        &self,
        world: &World,
        action: &Action,
        resource: &EntityUid,
        principal_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Visible, Error> {
        self.who(world, &action.uid.to_string(), resource, principal_type, &known_to(action, context))
    }
}

/// What an action knows of a context.
fn known_to(action: &Action, context: &BTreeMap<Arc<str>, Value>) -> BTreeMap<Arc<str>, Value> {
    let known = context.iter().filter(|(name, _)| action.context.contains_key(*name));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}
