//! What explanations may show to whom, from the catalogue of what views show.

use std::sync::Arc;

use crate::engine::Engine;
use crate::explain::Disclosure;
use crate::model::{AttrId, EntityType, Error, Type};
use crate::policy::catalogue::{Column, Shown};

impl Engine {
    pub(crate) fn disclosure(&self) -> Result<Disclosure, Error> {
        let none = || Error::request("the policies have no catalogue of fields");
        let catalogue = self.catalogue.as_ref().ok_or_else(none)?;
        let mut disclosure = Disclosure::default();
        for (ty, shown) in catalogue.types() {
            let Some(entity) = self.schema().entity_type(ty) else { continue };
            self.disclose(entity, shown, &mut disclosure);
        }
        Ok(disclosure)
    }

    fn disclose(&self, entity: &EntityType, shown: &Shown, disclosure: &mut Disclosure) {
        let action = |place: usize| {
            self.schema()
                .actions()
                .get(place)
                .map_or_else(|| "".into(), |action| self.schema().action_name(action))
        };
        if let Some(unlocks) = shown.unlocks {
            disclosure.unlocks.insert(entity.name.clone(), action(unlocks));
        }
        match &shown.public {
            Some(public) => {
                disclosure.open.extend(public.iter().filter_map(|attr| key(entity, *attr)));
                disclosure.known.insert(entity.name.clone());
            }
            None => {
                let known_by = shown.known_by.iter().map(|place| action(*place)).collect();
                disclosure.knows.insert(entity.name.clone(), known_by);
            }
        }
        for shelf in &shown.sections {
            for key in shelf.fields.iter().filter_map(|column| self.key_of(entity, column)) {
                disclosure.shows.entry(key).or_default().insert(action(shelf.action));
            }
        }
    }

    /// The type that has a field, and the attribute that it is.
    fn key_of(&self, entity: &EntityType, column: &Column) -> Option<(Arc<str>, Arc<str>)> {
        let attr = column.attribute?;
        let Some(through) = column.through else { return key(entity, attr) };
        let (_, through) = entity.attributes.get(through.index())?;
        let Type::Entity(target) = through.ty else { return None };
        key(self.schema().entity_type(target)?, attr)
    }
}

fn key(entity: &EntityType, attr: AttrId) -> Option<(Arc<str>, Arc<str>)> {
    let (name, _) = entity.attributes.get(attr.index())?;
    Some((entity.name.clone(), name.clone()))
}
