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
    /// Whether it is a setting: a field may have the name of one.
    pub is_setting: bool,
    /// What the catalogue says of it, such as ``section `record`, shown by viewRecord``.
    pub says: String,
    /// To whom it is shown.
    pub to: ShownTo,
}

/// To whom an entry of a catalogue is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ShownTo {
    /// Whoever may do one of these actions on the record.
    AnyOf(Vec<Arc<str>>),
    /// Whoever may do all of these actions on the record.
    AllOf(Vec<Arc<str>>),
    /// Entries of the record, to whoever knows of the record and may do an action on the entry.
    Entries(Vec<EntriesShown>),
    /// Everybody: that each record of the type is there, and these attributes of it.
    Everybody(Vec<Arc<str>>),
    /// Whoever has a table of this kind: of all records, by these groups.
    Tables(Arc<str>, Vec<Arc<str>>),
    /// Whoever is given an explanation that speaks of the attribute.
    Explained,
    /// Whoever sees the field as it is: forms of it, which tell them less.
    Seers,
}

/// Entries of one type that a record shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntriesShown {
    /// The type of the entries.
    pub type_name: Arc<str>,
    /// The attribute by which an entry refers to its record.
    pub by: Arc<str>,
    /// The action that shows an entry.
    pub action: Arc<str>,
    /// The actions of which one lets somebody know of the record.
    pub known_by: Vec<Arc<str>>,
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
            let mut add = |entry: &str, is_setting: bool, says: String, to: ShownTo| {
                let entry =
                    Shown { type_name: of.name.clone(), entry: entry.to_owned(), is_setting, says, to };
                all.insert((entry.type_name.clone(), entry.entry.clone(), is_setting), entry);
            };
            let any = |by: &[usize]| ShownTo::AnyOf(by.iter().map(|at| self.action_at(*at)).collect());
            for shelf in &shown.sections {
                let says = format!("section `{}`, shown by {}", shelf.name, self.action_at(shelf.action));
                shelf
                    .fields
                    .iter()
                    .for_each(|field| add(&field.name, false, says.clone(), any(&[shelf.action])));
            }
            let mut put = |entry: &str, says: String, to: ShownTo| add(entry, true, says, to);
            if !shown.known_by.is_empty() {
                put("known_by", self.listed(&shown.known_by), any(&shown.known_by));
            }
            if let Some(action) = shown.unlocks {
                put("unlocks", self.action_at(action).to_string(), any(&[action]));
            }
            if let Some(alert) = shown.alert {
                let both = [alert.action, alert.sees].map(|at| self.action_at(at));
                put("alert", both.join(" and "), ShownTo::AllOf(both.into()));
            }
            if let Some(public) = &shown.public {
                let names = public.iter().filter_map(|attr| of.attributes.get(attr.index()));
                let mut names: Vec<Arc<str>> = names.map(|(name, _)| name.clone()).collect();
                names.sort_unstable();
                put("public", format!("[{}]", names.join(", ")), ShownTo::Everybody(names));
            }
            for (attr, who) in &shown.set_by {
                put(&format!("set_by.{}", by_name(of, *attr)), format!("set by {who}"), ShownTo::Explained);
            }
            for (field, forms) in &shown.transforms {
                let forms: Vec<&str> = forms.iter().map(|form| form.name()).collect();
                let says = format!("may be released as {}", forms.join(", "));
                put(&format!("transforms.{field}"), says, ShownTo::Seers);
            }
            for (kind, paths) in &shown.statistics {
                let to = ShownTo::Tables(kind.clone(), paths.clone());
                put(&format!("statistics.{kind}"), format!("[{}]", paths.join(", ")), to);
            }
            let items = shown.items.iter().filter_map(|items| {
                let ty = self.schema().entity_type(items.path.start)?;
                Some(EntriesShown {
                    type_name: ty.name.clone(),
                    by: by_name(ty, items.by),
                    action: self.action_at(items.action),
                    known_by: shown.known_by.iter().map(|at| self.action_at(*at)).collect(),
                })
            });
            let items: Vec<EntriesShown> = items.collect();
            if !items.is_empty() {
                let says = items
                    .iter()
                    .map(|items| format!("{} by {}, shown by {}", items.type_name, items.by, items.action));
                put("items", says.collect::<Vec<_>>().join("; "), ShownTo::Entries(items));
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

fn by_name(ty: &EntityType, attr: crate::model::AttrId) -> Arc<str> {
    ty.attributes.get(attr.index()).map_or_else(|| "".into(), |(name, _)| name.clone())
}
