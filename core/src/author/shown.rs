//! What a catalogue shows, entry by entry, so that two versions of it can be compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::EntityType;
use crate::ward::Ward;

/// One entry of a catalogue: a field of a type's records, or what else it says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The type of the record.
    pub type_name: Arc<str>,
    /// The field, as `narrative` or `student.nsn`, or the name of a setting, as `known_by`.
    pub entry: String,
    /// What the catalogue says of it, such as ``section `record`, shown by viewRecord``.
    pub says: String,
    /// The actions on the record of which one is enough to see it; none where no action alone shows it.
    pub shown_by: Vec<Arc<str>>,
}

impl Ward {
    /// What the catalogue shows, by type and entry; nothing where the policies have no catalogue.
    ///
    /// A field that a record shows of another one, which it includes, is an entry of both types.
    pub fn catalogue_entries(&self) -> Vec<Shown> {
        let mut all = BTreeMap::new();
        let types = self.engine.catalogue.iter().flat_map(|catalogue| catalogue.types());
        for (ty, shown) in types {
            let Some(of) = self.schema().entity_type(ty) else { continue };
            let mut put = |entry: &str, says: String, by: Vec<usize>| {
                let shown_by = by.iter().map(|at| self.action_at(*at)).collect();
                let entry = Shown { type_name: of.name.clone(), entry: entry.to_owned(), says, shown_by };
                all.insert((entry.type_name.clone(), entry.entry.clone()), entry);
            };
            for shelf in &shown.sections {
                let says = format!("section `{}`, shown by {}", shelf.name, self.action_at(shelf.action));
                shelf.fields.iter().for_each(|field| put(&field.name, says.clone(), vec![shelf.action]));
            }
            if !shown.known_by.is_empty() {
                put("known_by", self.listed(&shown.known_by), shown.known_by.clone());
            }
            if let Some(action) = shown.unlocks {
                put("unlocks", self.action_at(action).to_string(), vec![action]);
            }
            if let Some(alert) = shown.alert {
                let says = format!("{} and {}", self.action_at(alert.action), self.action_at(alert.sees));
                put("alert", says, Vec::new());
            }
            if let Some(public) = &shown.public {
                let names = public.iter().filter_map(|attr| of.attributes.get(attr.index()));
                let mut names: Vec<&str> = names.map(|(name, _)| name.as_ref()).collect();
                names.sort_unstable();
                put("public", format!("[{}]", names.join(", ")), Vec::new());
            }
            for (attr, who) in &shown.set_by {
                put(&format!("set_by.{}", by_name(of, *attr)), format!("set by {who}"), Vec::new());
            }
            for (kind, paths) in &shown.statistics {
                put(&format!("statistics.{kind}"), format!("[{}]", paths.join(", ")), Vec::new());
            }
            let items = shown.items.iter().filter_map(|items| {
                let ty = self.schema().entity_type(items.path.start)?;
                Some(format!(
                    "{} by {}, shown by {}",
                    ty.name,
                    by_name(ty, items.by),
                    self.action_at(items.action)
                ))
            });
            let items: Vec<String> = items.collect();
            if !items.is_empty() {
                put("items", items.join("; "), Vec::new());
            }
        }
        all.into_values().collect()
    }

    fn action_at(&self, place: usize) -> Arc<str> {
        self.schema()
            .actions()
            .get(place)
            .map_or_else(|| "".into(), |action| self.schema().action_name(action))
    }

    fn listed(&self, actions: &[usize]) -> String {
        let mut names: Vec<Arc<str>> = actions.iter().map(|at| self.action_at(*at)).collect();
        names.sort();
        names.join(", ")
    }
}

fn by_name(ty: &EntityType, attr: crate::model::AttrId) -> &str {
    ty.attributes.get(attr.index()).map_or("", |(name, _)| name.as_ref())
}
