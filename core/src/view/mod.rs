//! What of this record may this person see, and do next?
//!
//! This is the one answer that is made for the person who asks. The others tell a trusted caller everything.
//!
//! INVARIANT: a [`View`] is made here alone, from decisions on that person; nothing that was not redacted can be
//! turned into one. (`carried` makes one anew of its own bytes alone.)
//! INVARIANT: of a record that the person may not know of it says what it says of one that is not there, after the same work.

mod alert;
mod content;
mod needs;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use needs::{Need as FieldNeed, Onlooker};
pub use seen::Seen;

use crate::decide::actions::{ActionAnswer, Need};
use crate::engine::Engine;
use crate::model::{EntityUid, Error, Provenance, TypeId, Value};
use crate::policy::Catalogue;
use crate::policy::catalogue::{Column, Entries, Shelf, Shown};
use crate::world::{Indices, Place, Row, World};

/// What one person sees of one record.
///
/// As JSON it is what a service hands to a page; values are in Cedar's JSON. The feature `schemars` gives its
/// JSON Schema.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct View {
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    resource: EntityUid,
    sections: Vec<Section>,
    withheld: Vec<Arc<str>>,
    items: Vec<Item>,
    actions: Vec<Next>,
    #[serde(flatten)]
    provenance: Provenance,
}

carried!(struct View { resource, sections, withheld, items, actions, provenance });

/// A section of a record that is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Section {
    /// Its name in the catalogue.
    pub name: Arc<str>,
    /// Its fields: attributes by name, then content in the catalogue's order, those of the record itself first.
    pub fields: Vec<Field>,
}

carried!(struct Section { name, fields });

/// A field of a section that is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Field {
    /// Its name; that of what the record refers to comes with the reference, as in `student.name`.
    pub name: Arc<str>,
    /// The entity that has it: the record, or the one that it refers to.
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    pub of: EntityUid,
    /// Whether it is content that no rule reads, which the service fills in from its own store.
    pub content: bool,
    /// The value, where the world has one.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<serde_json::Value>"))]
    pub value: Option<Value>,
}

carried!(struct Field { name, of, content, value });

/// An entry of a record that is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Item {
    /// The entry.
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    pub resource: EntityUid,
    /// Its sections that are shown.
    pub sections: Vec<Section>,
    /// Names of its sections that are not.
    pub withheld: Vec<Arc<str>>,
    /// What the person may do to it.
    pub actions: Vec<Next>,
}

carried!(struct Item { resource, sections, withheld, actions });

/// An action that the person may take next.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Next {
    /// The action's id, or its whole name where the id alone is ambiguous.
    pub action: Arc<str>,
    /// What its context still needs; empty where it is allowed as it is.
    pub needs: Vec<Need>,
}

carried!(struct Next { action, needs });

impl View {
    /// The record that was asked for, whether or not it is there.
    pub fn resource(&self) -> &EntityUid {
        &self.resource
    }

    /// The sections that the person may see, in the catalogue's order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section called `name`, where the person may see it.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| &*section.name == name)
    }

    /// Names of the sections that are withheld; empty where the person may not know of the record.
    pub fn withheld(&self) -> &[Arc<str>] {
        &self.withheld
    }

    /// The entries that the person may see, in the world's order. Those that are withheld are not even counted.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What the person may do next, by name. What shows sections and who is alerted is left out.
    pub fn actions(&self) -> &[Next] {
        &self.actions
    }

    /// Whether it shows nothing, since the record is not there or the person may not know of it.
    pub fn is_nothing(&self) -> bool {
        self.sections.is_empty() && self.withheld.is_empty()
    }

    /// The records that it tells of: where it shows anything, the record itself and the entries that the person may see.
    pub fn told(&self) -> impl Iterator<Item = &EntityUid> {
        let record = Some(&self.resource).filter(|_| !self.is_nothing());
        record.into_iter().chain(self.items.iter().map(|item| &item.resource))
    }

    /// What of it another view of the same record shows too: of its sections and entries those that the other shows, and of
    /// its actions those that are in both. A past moment is shown to a person within what they may see now: what was taken
    /// from them since, they are not shown as it was.
    #[must_use]
    pub fn within(mut self, other: &View) -> View {
        if other.is_nothing() || self.resource != other.resource {
            let resource = self.resource;
            return View {
                resource,
                sections: vec![],
                withheld: vec![],
                items: vec![],
                actions: vec![],
                ..self
            };
        }
        keep_common(&mut self.sections, &mut self.withheld, &other.sections);
        self.actions.retain(|next| other.actions.iter().any(|others| others.action == next.action));
        self.items.retain_mut(|item| {
            let Some(others) = other.items.iter().find(|others| others.resource == item.resource) else {
                return false;
            };
            keep_common(&mut item.sections, &mut item.withheld, &others.sections);
            item.actions.retain(|next| others.actions.iter().any(|others| others.action == next.action));
            true
        });
        self
    }

    /// What it was made from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}

/// Withholds the sections that others do not have.
fn keep_common(sections: &mut Vec<Section>, withheld: &mut Vec<Arc<str>>, others: &[Section]) {
    let is_common = |section: &Section| others.iter().any(|other| other.name == section.name);
    withheld
        .extend(sections.iter().filter(|section| !is_common(section)).map(|section| section.name.clone()));
    sections.retain(is_common);
}

/// One person's question about one record, while the data is held still.
struct Asking<'a> {
    ward: &'a Engine,
    world: &'a World,
    catalogue: &'a Catalogue,
    indices: &'a Indices,
    principal: &'a EntityUid,
    context: &'a BTreeMap<Arc<str>, Value>,
    /// What the context names and the person may not know of: as if it were not there.
    unseen: BTreeSet<EntityUid>,
}

impl Engine {
    pub(crate) fn view(
        &self,
        world: &World,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<View, Error> {
        self.belongs_to(world)?;
        let ty = self.schema().known_type(resource.type_name())?;
        let (catalogue, shown) = self.shown(ty, resource.type_name())?;
        for place in &shown.known_by {
            let Some(action) = self.schema().actions().get(*place) else { continue };
            self.takes(action, "principal", &action.principals, principal.type_name())?;
        }
        world.make_indices(shown.items.iter().map(|items| &items.path))?;
        let indices = world.still();
        let unseen = self.unseen_in(world, (principal, resource), context)?;
        let asking = Asking { ward: self, world, catalogue, indices: &indices, principal, context, unseen };
        asking.view(resource, shown)
    }

    /// What the catalogue shows of a type.
    fn shown(&self, ty: TypeId, name: &str) -> Result<(&Catalogue, &Shown), Error> {
        let catalogue = self.catalogue.as_ref();
        let catalogue =
            catalogue.ok_or_else(|| Error::request("the policies have no catalogue of fields"))?;
        let shown = catalogue.of(ty).filter(|shown| !shown.known_by.is_empty());
        let shown =
            shown.ok_or_else(|| Error::request(format!("the catalogue shows nothing of a `{name}`")))?;
        Ok((catalogue, shown))
    }

    /// The fields of a type's own, or its content alone, each with its section.
    pub(crate) fn fields_of(&self, type_name: &str, with_attributes: bool) -> Vec<(Arc<str>, Arc<str>)> {
        let shown = self.schema().type_id(type_name).and_then(|ty| self.catalogue.as_ref()?.of(ty));
        let shelves = shown.map_or(&[][..], |shown| &shown.sections);
        let is_own =
            |field: &&Column| field.through.is_none() && (with_attributes || field.attribute.is_none());
        let of = |shelf: &'_ Shelf| {
            let fields = shelf.fields.iter().filter(is_own);
            fields.map(|field| (field.name.clone(), shelf.name.clone())).collect::<Vec<_>>()
        };
        shelves.iter().flat_map(of).collect()
    }

    pub(crate) fn catalogue_paths(&self) -> impl Iterator<Item = &crate::world::index::Path> {
        self.catalogue.iter().flat_map(Catalogue::paths)
    }
}

impl Asking<'_> {
    fn view(&self, resource: &EntityUid, shown: &Shown) -> Result<View, Error> {
        let mut view = View {
            resource: resource.clone(),
            sections: Vec::new(),
            withheld: Vec::new(),
            items: Vec::new(),
            actions: Vec::new(),
            provenance: self.ward.provenance(self.world.version(), self.context),
        };
        // Where the record is absent, another is asked about, and nothing of it is shown: so what is wrong with a question is told in
        // any case, and the time that an answer takes tells no more of which records there are than the answer does.
        let place = self.world.place(resource);
        let other = if place.is_some() { None } else { self.world.picked(resource) };
        let answers = self.answers(other.as_ref().unwrap_or(resource))?;
        let Some(place) = place else { return Ok(view) };
        if !shown.known_by.iter().any(|action| answers.allow(*action)) {
            return Ok(view);
        }
        (view.sections, view.withheld) = self.sections(place, shown, &answers);
        view.actions = answers.next(shown);
        for entries in &shown.items {
            view.items.extend(self.items(place, entries)?);
        }
        Ok(view)
    }

    fn answers(&self, resource: &EntityUid) -> Result<Answers, Error> {
        let Asking { ward, world, principal, context, unseen, .. } = self;
        Ok(Answers(ward.actions_now(world, principal, resource, context, unseen)?))
    }

    /// The sections that are shown, and the names of the others.
    fn sections(&self, place: Place, shown: &Shown, answers: &Answers) -> (Vec<Section>, Vec<Arc<str>>) {
        let (mut sections, mut withheld) = (Vec::new(), Vec::new());
        for shelf in &shown.sections {
            if !answers.allow(shelf.action) {
                withheld.push(shelf.name.clone());
                continue;
            }
            let fields = shelf.fields.iter().filter_map(|column| self.field(place, column));
            sections.push(Section { name: shelf.name.clone(), fields: fields.collect() });
        }
        (sections, withheld)
    }

    /// A field; `None` where the record lacks the reference that leads to it.
    fn field(&self, record: Place, column: &Column) -> Option<Field> {
        let world = self.world;
        let (of, name) = match column.through {
            None => (record, world.uid(record)),
            Some(attr) => match world.value(record.0, record.1, attr)? {
                Value::Entity(uid) => (world.place(&uid)?, uid),
                _ => return None,
            },
        };
        let value = column.attribute.and_then(|attr| world.value(of.0, of.1, attr));
        Some(Field { name: column.name.clone(), of: name, content: column.attribute.is_none(), value })
    }

    fn items(&self, record: Place, entries: &Entries) -> Result<Vec<Item>, Error> {
        let (world, ty) = (self.world, entries.path.start);
        let mut rows = BTreeSet::new();
        self.indices.each_under(world, &entries.path, record.1.0, &mut |row| {
            rows.insert(row);
        });
        // Seen through changes, an entry may have come, or gone elsewhere.
        rows.extend(world.changed().filter(|place| place.0 == ty).map(|place| place.1.0));
        let refers = Value::Entity(world.uid(record));
        let nothing = Shown::default();
        let shown = self.catalogue.of(ty).unwrap_or(&nothing);
        let mut items = Vec::new();
        for row in rows.into_iter().map(Row) {
            if !world.has((ty, row)) || world.value(ty, row, entries.by).as_ref() != Some(&refers) {
                continue;
            }
            let resource = world.uid((ty, row));
            let answers = self.answers(&resource)?;
            if !answers.allow(entries.action) {
                continue;
            }
            let (sections, withheld) = self.sections((ty, row), shown, &answers);
            items.push(Item { resource, sections, withheld, actions: answers.next(shown) });
        }
        Ok(items)
    }
}

/// What the person may do to one record, by the action's place.
struct Answers(Vec<(usize, ActionAnswer)>);

impl Answers {
    fn allow(&self, action: usize) -> bool {
        let found = self.0.iter().find(|(place, _)| *place == action);
        found.and_then(|(_, one)| one.answer.as_ref()).is_some_and(crate::model::Answer::is_allowed)
    }

    /// Those that can be taken, but for what the view itself stands for.
    fn next(self, shown: &Shown) -> Vec<Next> {
        let stands_for = |place: usize| {
            shown.known_by.contains(&place)
                || shown.sections.iter().any(|shelf| shelf.action == place)
                || shown.alert.is_some_and(|alert| alert.action == place)
        };
        let can_be_taken =
            |one: &ActionAnswer| one.answer.as_ref().is_none_or(crate::model::Answer::is_allowed);
        let next = self.0.into_iter().filter(|(place, one)| !stands_for(*place) && can_be_taken(one));
        next.map(|(_, one)| Next { action: one.action, needs: one.needs }).collect()
    }
}
