//! From changes to rows: what a batch makes of the data, before it is part of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::World;
use super::apply::Writer;
use super::build::{on, sorted};
use super::change::{Change, Changes, What};
use super::conform::conforms;
use super::encode::{Numbers, Pools, TOO_MUCH, each_reference, stored};
use super::finish::is_loose;
use super::hierarchy::{CIRCLE, Closing, Unclosed, too_deep};
use super::layout::{DEFINED, Layout};
use super::{Place, Row};
use crate::model::interrupt::Pulse;
use crate::model::{AttrId, EntityType, EntityUid, Error, Problem, Schema, TypeId, Value};

/// The new words of every row that a batch touches.
pub(super) type Images = HashMap<Place, Box<[u32]>>;

/// Makes the images of one batch. The writer's lock is held all the while: names are added to the world.
pub(super) struct Preparation<'a> {
    world: &'a World,
    images: Images,
    /// In the order in which they were touched.
    touched: Vec<Place>,
    /// Those whose direct parents may have changed.
    moved: Vec<Place>,
    problems: Vec<Problem>,
    pulse: Pulse,
}

/// Gives out the world's numbers, new ones too.
struct Naming<'a>(&'a World);

impl Numbers for Naming<'_> {
    fn schema(&self) -> &Arc<Schema> {
        self.0.schema()
    }

    fn pools(&self) -> &Pools {
        &self.0.data.pools
    }

    fn row(&mut self, ty: TypeId, id: &str) -> Option<u32> {
        self.0.reserve_id(ty, id).map(|row| row.0)
    }

    fn string(&mut self, text: &str) -> Option<u32> {
        self.0.reserve_string(text)
    }
}

/// The images of a batch, or everything that is wrong with it.
pub(super) fn prepare(world: &World, changes: &Changes, writer: &mut Writer) -> Result<Images, Error> {
    let images = world.overlay.as_deref().cloned().unwrap_or_default();
    let touched = images.keys().copied().collect();
    let (moved, problems, pulse) = (Vec::new(), Vec::new(), Pulse::default());
    let mut preparation = Preparation { world, images, touched, moved, problems, pulse };
    for Change { uid, what } in &changes.all {
        preparation.pulse.step()?;
        if let Err(message) = preparation.change(uid, what) {
            preparation.problems.push(on(uid, message));
        }
    }
    if preparation.problems.is_empty() {
        preparation.close_hierarchy()?;
        preparation.check_required()?;
        preparation.check_references()?;
        preparation.check_removed(writer)?;
    }
    let Preparation { images, problems, .. } = preparation;
    if problems.is_empty() { Ok(images) } else { Err(Error::data(problems)) }
}

impl<'a> Preparation<'a> {
    fn change(&mut self, uid: &EntityUid, what: &What) -> Result<(), String> {
        let schema = self.world.data.schema.clone();
        let ty = schema.type_id(uid.type_name());
        let (Some(id), Some(ty)) = (ty, ty.and_then(|ty| schema.entity_type(ty))) else {
            return Err(format!("the schema has no entity type `{}`", uid.type_name()));
        };
        if ty.choices.is_some() {
            return Err("the schema alone says which entities of this type there are".into());
        }
        if let What::Put { attributes, parents, tags } = what {
            let row = Naming(self.world).row(id, uid.id()).ok_or(TOO_MUCH)?;
            return self.put((id, Row(row)), ty, attributes, parents, tags);
        }
        let place = self.world.named(uid).filter(|&place| self.is_there(place));
        let place = place.ok_or_else(|| "is not in the data".to_owned())?;
        match what {
            What::Put { .. } => Ok(()),
            What::Set(name, value) => self.set(place, ty, name, Some(value)),
            What::Unset(name) => self.set(place, ty, name, None),
            What::Parents(parents) => self.set_parents(place, ty, parents),
            What::Tag(name, value) => self.set_tag(place, ty, name, Some(value)),
            What::Untag(name) => self.set_tag(place, ty, name, None),
            What::Remove => {
                self.image(place).fill(0);
                Ok(())
            }
        }
    }

    fn layout(&self, ty: TypeId) -> Option<&'a Layout> {
        self.world.table(ty).map(|table| &table.layout)
    }

    /// The words of a row as the batch has them so far.
    fn image(&mut self, place: Place) -> &mut [u32] {
        let (world, touched) = (self.world, &mut self.touched);
        self.images.entry(place).or_insert_with(|| {
            touched.push(place);
            let words = world.table(place.0).map_or(0, |table| table.layout.words());
            (0..words).map(|at| world.word(place, at)).collect()
        })
    }

    fn word(&self, place: Place, at: usize) -> u32 {
        match self.images.get(&place) {
            Some(words) => words.get(at).copied().unwrap_or(0),
            None => self.world.word(place, at),
        }
    }

    fn is_there(&self, place: Place) -> bool {
        self.word(place, 0) & DEFINED != 0
    }

    fn put(
        &mut self,
        place: Place,
        ty: &EntityType,
        attributes: &[(Arc<str>, Value)],
        parents: &[EntityUid],
        tags: &BTreeMap<Arc<str>, Value>,
    ) -> Result<(), String> {
        let image = self.image(place);
        image.fill(0);
        image.iter_mut().take(1).for_each(|flags| *flags = DEFINED);
        for (name, value) in attributes {
            self.set(place, ty, name, Some(value))?;
        }
        if !parents.is_empty() || self.layout(place.0).is_some_and(|layout| layout.parents.is_some()) {
            self.set_parents(place, ty, parents)?;
        }
        tags.iter().try_for_each(|(name, value)| self.set_tag(place, ty, name, Some(value)))
    }

    fn set(
        &mut self,
        place: Place,
        ty: &EntityType,
        name: &str,
        value: Option<&Value>,
    ) -> Result<(), String> {
        let Some((attr, attribute)) = ty.attribute(name) else {
            let hint = crate::model::suggest::hint(name, ty.attributes.iter().map(|(name, _)| name.as_ref()));
            return Err(format!("attribute `{name}` is not in the schema{hint}"));
        };
        let stored = value.map(|value| stored(&mut Naming(self.world), &attribute.ty, value)).transpose();
        let stored = stored.map_err(|why| format!("attribute `{name}`: {why}"))?;
        let layout = self.layout(place.0);
        let fits = layout.is_some_and(|layout| layout.write(self.image(place), attr, stored));
        if fits { Ok(()) } else { Err(format!("attribute `{name}` cannot be set")) }
    }

    fn set_parents(&mut self, place: Place, ty: &EntityType, parents: &[EntityUid]) -> Result<(), String> {
        let mut places = Vec::with_capacity(parents.len());
        for parent in parents {
            let of = self.world.data.schema.type_id(parent.type_name());
            let of = of.filter(|of| ty.ancestors.contains(of));
            let of = of.ok_or_else(|| format!("may not lie in {parent}"))?;
            let row = Naming(self.world).row(of, parent.id()).ok_or(TOO_MUCH)?;
            places.push((of, Row(row)));
        }
        let number = self.world.data.pools.places(&sorted(&places)).ok_or(TOO_MUCH)?;
        if let Some(at) = self.layout(place.0).and_then(|layout| layout.parents) {
            self.put_word(place, at, number);
            self.moved.push(place);
        }
        Ok(())
    }

    fn set_tag(
        &mut self,
        place: Place,
        ty: &EntityType,
        name: &str,
        value: Option<&Value>,
    ) -> Result<(), String> {
        let (Some(of), Some(at)) = (&ty.tags, self.layout(place.0).and_then(|layout| layout.tags)) else {
            return Err(format!("tag `{name}`: the type has no tags"));
        };
        let pools = &self.world.data.pools;
        let mut tags = pools.tags_of(self.word(place, at)).cloned().unwrap_or_default();
        match value {
            Some(value) => {
                conforms(&self.world.data.schema, of, value).map_err(|why| format!("tag `{name}`: {why}"))?;
                tags.insert(name.into(), value.clone());
            }
            None => {
                tags.remove(name);
            }
        }
        let number = pools.tags(&tags).ok_or(TOO_MUCH)?;
        self.put_word(place, at, number);
        Ok(())
    }

    fn put_word(&mut self, place: Place, at: usize, word: u32) {
        if let Some(slot) = self.image(place).get_mut(at) {
            *slot = word;
        }
    }

    /// Brings the ancestors of all that moved, and of all that lies in it, up to date.
    fn close_hierarchy(&mut self) -> Result<(), Error> {
        let moved: HashSet<Place> = self.moved.iter().copied().collect();
        if moved.is_empty() {
            return Ok(());
        }
        let mut concerned: Vec<Place> = moved.iter().copied().collect();
        for (at, table) in (0u16..).zip(&self.world.data.tables) {
            if table.layout.ancestors.is_some() {
                let rows = self.world.rows(TypeId(at)).map(|row| (TypeId(at), row));
                let below = |place: &Place| self.world.ancestors(*place).iter().any(|a| moved.contains(a));
                concerned.extend(rows.take_while(|_| self.pulse.goes_on()).filter(below));
                self.pulse.result()?;
            }
        }
        let pools = &self.world.data.pools;
        let mut numbers = Vec::new();
        let mut problems = Vec::new();
        let mut closing = Closing::new(pools, |place| self.parents_number(place));
        concerned.retain(|place| self.is_there(*place));
        if let Some(place) = closing.too_deep(concerned.iter().copied()) {
            self.problem(place, &too_deep());
            return Ok(());
        }
        for place in concerned {
            self.pulse.step()?;
            match closing.close(self.parents_number(place)) {
                Ok(number) => numbers.push((place, number)),
                Err(Unclosed::Circle(circle)) => {
                    problems.extend(circle.into_iter().map(|place| (place, CIRCLE.to_owned())));
                }
                Err(Unclosed::TooDeep) => {
                    problems.push((place, too_deep()));
                    break;
                }
            }
        }
        for (place, number) in numbers {
            if let Some(at) = self.layout(place.0).and_then(|layout| layout.ancestors) {
                self.put_word(place, at, number);
            }
        }
        for (place, message) in problems {
            self.problem(place, &message);
        }
        Ok(())
    }

    fn parents_number(&self, place: Place) -> u32 {
        self.layout(place.0).and_then(|layout| layout.parents).map_or(0, |at| self.word(place, at))
    }

    fn check_required(&mut self) -> Result<(), Error> {
        let schema = self.world.data.schema.clone();
        for at in 0..self.touched.len() {
            self.pulse.step()?;
            let Some(&place) = self.touched.get(at).filter(|&&place| self.is_there(place)) else { continue };
            let attributes = schema.entity_type(place.0).map_or(&[][..], |ty| &ty.attributes);
            for (attr, (name, attribute)) in (0u16..).map(AttrId).zip(attributes) {
                let stored = self.layout(place.0).and_then(|l| l.read(attr, |at| self.word(place, at)));
                if attribute.required && stored.is_none() {
                    self.problem(place, &format!("attribute `{name}` is missing"));
                }
            }
        }
        Ok(())
    }

    /// Every entity that a touched one names must be there in the end.
    fn check_references(&mut self) -> Result<(), Error> {
        let after = self.after();
        let mut found = Vec::new();
        for &place in self.touched.iter().filter(|&&place| self.is_there(place)) {
            self.pulse.step()?;
            after.each_named(place, |where_, named, name| {
                if !named.is_some_and(|named| self.is_there(named)) {
                    found.push(on(&after.uid(place), format!("{where_}: {name} is not in the data")));
                }
            });
        }
        self.problems.extend(found);
        Ok(())
    }

    /// Nothing may refer to what is removed.
    fn check_removed(&mut self, writer: &mut Writer) -> Result<(), Error> {
        let is_removed = |&&place: &&Place| !self.is_there(place) && self.world.data.is_there(place);
        let removed: Vec<Place> = self.touched.iter().filter(is_removed).copied().collect();
        if removed.is_empty() {
            return Ok(());
        }
        let base = World { data: self.world.data.clone(), overlay: None };
        let deltas = deltas(&base, &self.after(), &self.images)?;
        let counts = writer.references(&base)?;
        for place in removed {
            self.pulse.step()?;
            let left = counts.get(&place).copied().unwrap_or(0) + deltas.get(&place).copied().unwrap_or(0);
            if left > 0 {
                let still = match left {
                    1 => "is still 1 reference".to_owned(),
                    n => format!("are still {n} references"),
                };
                self.problem(place, &format!("cannot be removed: there {still} to it"));
            }
        }
        Ok(())
    }

    /// The world as the batch leaves it.
    fn after(&self) -> World {
        World { data: self.world.data.clone(), overlay: Some(Arc::new(self.images.clone())) }
    }

    fn problem(&mut self, place: Place, message: &str) {
        self.problems.push(on(&self.world.uid(place), message.to_owned()));
    }
}

/// By how much the references to each entity change.
pub(super) fn deltas(before: &World, after: &World, images: &Images) -> Result<HashMap<Place, i64>, Error> {
    let (mut deltas, pulse) = (HashMap::new(), Pulse::default());
    for &place in images.keys() {
        pulse.step()?;
        for (world, by) in [(before, -1), (after, 1)] {
            if world.has(place) {
                count(world, place, by, &mut deltas);
            }
        }
    }
    Ok(deltas)
}

/// Adds `by` for every entity that one refers to.
pub(super) fn count(world: &World, from: Place, by: i64, counts: &mut HashMap<Place, i64>) {
    let is_plain = |ty: &EntityType| {
        ty.tags.is_none() && ty.ancestors.is_empty() && ty.attributes.iter().all(|(_, a)| !is_loose(&a.ty))
    };
    let Some(ty) = world.data.schema.entity_type(from.0) else { return };
    let mut add = |place: Place| *counts.entry(place).or_default() += by;
    if !is_plain(ty) {
        return world.each_named(from, |_, place, _| place.into_iter().for_each(&mut add));
    }
    for (attr, (_, attribute)) in (0u16..).map(AttrId).zip(&ty.attributes) {
        if let Some(stored) = world.stored(from, attr) {
            each_reference(&attribute.ty, stored, &world.data.pools, &mut add);
        }
    }
}
