//! Whether what was read could be a world: a look at every word.
//!
//! What rows share is looked at once for each attribute that holds it, so that the time is in proportion to
//! the bytes. Ancestors are compared with what the direct parents say, not made anew: a chain of entities that
//! lie in one another has far more ancestors than bytes.

use std::collections::HashMap;

use crate::model::interrupt::Pulse;
use crate::model::{AttrId, EntityType, EntityUid, Error, Schema, Type, TypeId, Value};
use crate::world::encode::Pools;
use crate::world::ids::Names;
use crate::world::layout::{DEFINED, Kind, Layout, Slot};
use crate::world::{Place, Row, conforms};

/// The entities of one type.
pub(super) struct Part {
    pub(super) names: Names,
    pub(super) layout: Layout,
    /// Row after row, from row 0, which is all zeros.
    pub(super) words: Vec<u32>,
}

impl Part {
    fn rows(&self) -> impl Iterator<Item = (Row, &[u32])> {
        (0..).map(Row).zip(self.words.chunks_exact(self.layout.words())).skip(1)
    }

    fn word(&self, row: Row, at: usize) -> u32 {
        self.words.get(row.0 as usize * self.layout.words() + at).copied().unwrap_or(0)
    }
}

/// Refuses what no builder would have made.
pub(super) fn check(schema: &Schema, parts: &[Part], strings: u32, pools: &Pools) -> Result<(), Error> {
    let there = parts.iter().map(There::new).collect();
    let all = All { schema, parts, strings, pools, there };
    let pulse = Pulse::default();
    for ((ty, entity_type), part) in (0u16..).map(TypeId).zip(schema.entity_types()).zip(parts) {
        all.check_choices(ty, entity_type, part)?;
        let mut columns = Columns::new(&all, entity_type, part);
        for (row, words) in part.rows() {
            pulse.step()?;
            columns.check(words).map_err(|why| all.refuse((ty, row), &why))?;
        }
    }
    all.check_ancestors(&pulse)
}

struct All<'a> {
    schema: &'a Schema,
    parts: &'a [Part],
    /// One more than the last string.
    strings: u32,
    pools: &'a Pools,
    /// By type.
    there: Vec<There>,
}

/// Which rows of a type are entities.
struct There {
    end: u32,
    /// By row; nothing where all of them are.
    rows: Option<Vec<bool>>,
}

impl There {
    fn new(part: &Part) -> Self {
        let is_there = |words: &[u32]| words.first().is_some_and(|flags| flags & DEFINED != 0);
        let is_whole = part.rows().all(|(_, words)| is_there(words));
        let rows = || std::iter::once(false).chain(part.rows().map(|(_, words)| is_there(words))).collect();
        There { end: part.names.end(), rows: (!is_whole).then(rows) }
    }

    fn has(&self, row: u32) -> bool {
        match &self.rows {
            None => row != 0 && row < self.end,
            Some(rows) => rows.get(row as usize).copied().unwrap_or(false),
        }
    }
}

impl<'a> All<'a> {
    fn has(&self, (ty, row): Place) -> bool {
        self.there.get(ty.index()).is_some_and(|there| there.has(row.0))
    }

    fn refuse(&self, (ty, row): Place, why: &str) -> Error {
        let name = self.schema.entity_type(ty).map_or_else(|| "".into(), |ty| ty.name.clone());
        let id = self.parts.get(ty.index()).map_or("", |part| part.names.text(row.0));
        Error::snapshot(format!("{}: {why}", EntityUid::new(name, id)))
    }

    /// Of an enumerated type there is what the schema has, and nothing else.
    fn check_choices(&self, ty: TypeId, entity_type: &EntityType, part: &Part) -> Result<(), Error> {
        let Some(choices) = &entity_type.choices else { return Ok(()) };
        let mut rows: Vec<u32> = choices.iter().filter_map(|id| part.names.find(id)).collect();
        let is_whole = rows.len() == choices.len() && rows.iter().all(|&row| self.has((ty, Row(row))));
        rows.sort_unstable();
        rows.dedup();
        let others = part.rows().filter(|(row, _)| self.has((ty, *row))).count();
        if is_whole && others == rows.len() {
            Ok(())
        } else {
            Err(Error::snapshot(format!("entities of type `{}` are not the schema's", entity_type.name)))
        }
    }

    /// Whether everything that a value names is there.
    fn check_named(&self, value: &Value) -> Result<(), String> {
        let mut missing = None;
        value.for_each_entity(&mut |uid| {
            let place = self.schema.type_id(uid.type_name()).and_then(|ty| {
                let row = self.parts.get(ty.index())?.names.find(uid.id())?;
                Some((ty, Row(row)))
            });
            if !place.is_some_and(|place| self.has(place)) {
                missing = Some(uid);
            }
        });
        missing.map_or(Ok(()), |uid| Err(format!("{uid} is not there")))
    }

    fn parents(&self, place: Place, of: impl Fn(&Layout) -> Option<usize>) -> u32 {
        let part = self.parts.get(place.0.index());
        part.and_then(|part| Some(part.word(place.1, of(&part.layout)?))).unwrap_or(0)
    }

    /// Ancestors are the parents and all that these lie in. So where nothing lies in itself, they are what
    /// building the world would have found.
    fn check_ancestors(&self, pulse: &Pulse) -> Result<(), Error> {
        let mut known = HashMap::from([(0, 0)]);
        for (ty, part) in (0u16..).map(TypeId).zip(self.parts) {
            let (Some(parents), Some(ancestors)) = (part.layout.parents, part.layout.ancestors) else {
                continue;
            };
            for row in part.rows().map(|(row, _)| row) {
                pulse.step()?;
                let (parents, ancestors) = (part.word(row, parents), part.word(row, ancestors));
                if !known.contains_key(&parents) && self.is_closed(parents, ancestors) {
                    known.insert(parents, ancestors);
                }
                if known.get(&parents) != Some(&ancestors) {
                    return Err(self.refuse((ty, row), "its ancestors are not those of its parents"));
                }
                let above = self.pools.places.get(ancestors).map_or(&[][..], AsRef::as_ref);
                if above.binary_search(&(ty, row)).is_ok() {
                    return Err(self.refuse((ty, row), "it lies in itself"));
                }
            }
        }
        Ok(())
    }

    /// Whether the second set is the first with the ancestors of all in it.
    fn is_closed(&self, parents: u32, ancestors: u32) -> bool {
        let places = &self.pools.places;
        let (Some(parents), Some(ancestors)) = (places.get(parents), places.get(ancestors)) else {
            return false;
        };
        let mut sets: Vec<u32> =
            parents.iter().map(|&parent| self.parents(parent, |layout| layout.ancestors)).collect();
        sets.sort_unstable();
        sets.dedup();
        let mut all = parents.to_vec();
        for set in sets.into_iter().filter_map(|set| places.get(set)) {
            if set.len() > ancestors.len() {
                return false;
            }
            all.extend_from_slice(set);
        }
        all.sort_unstable();
        all.dedup();
        all.as_slice() == ancestors.as_ref()
    }
}

/// What is asked of each row of a type.
struct Columns<'a> {
    all: &'a All<'a>,
    entity_type: &'a EntityType,
    /// The flags that there are, by word.
    flags: Vec<u32>,
    attributes: Vec<Column<'a>>,
    parents: Option<Shared>,
    tags: Option<(&'a Type, Shared)>,
}

struct Column<'a> {
    name: &'a str,
    required: bool,
    slot: Slot,
    holds: Holds<'a>,
}

/// What the number of an attribute means.
enum Holds<'a> {
    /// None: it is no number.
    Itself,
    String,
    Row(&'a There),
    Rows(&'a There, Shared),
    Value(&'a Type, Shared),
}

/// Where the number of something shared lies, and which of them were found right.
struct Shared {
    word: usize,
    right: Vec<bool>,
}

impl Shared {
    fn new(word: usize, len: usize) -> Self {
        Shared { word, right: vec![false; len + 1] }
    }

    /// Looks at something once.
    fn once(&mut self, number: u32, check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        match self.right.get_mut(number as usize) {
            Some(right) if !*right => {
                check()?;
                *right = true;
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(NOWHERE.into()),
        }
    }
}

/// Said of a number that names nothing.
const NOWHERE: &str = "it names what is not there";

impl<'a> Columns<'a> {
    fn new(all: &'a All<'a>, entity_type: &'a EntityType, part: &Part) -> Self {
        let mut flags = vec![DEFINED];
        let mut flag = |word: usize, mask: u32| {
            flags.resize(flags.len().max(word + 1), 0);
            flags.get_mut(word).into_iter().for_each(|flags| *flags |= mask);
        };
        let mut attributes = Vec::new();
        for (at, (name, attribute)) in (0u16..).map(AttrId).zip(&entity_type.attributes) {
            let Some(slot) = part.layout.slot(at) else { continue };
            match slot {
                Slot::Bool { word, bit } => flag(word, 3 << bit),
                Slot::Long { flags, bit, .. } => flag(flags, 1 << bit),
                Slot::Number { .. } => {}
            }
            let holds = Holds::new(all, slot, &attribute.ty);
            attributes.push(Column { name, required: attribute.required, slot, holds });
        }
        let parents = part.layout.parents.map(|word| Shared::new(word, all.pools.places.len()));
        let tags = entity_type.tags.as_ref().zip(part.layout.tags);
        let tags = tags.map(|(ty, word)| (ty, Shared::new(word, all.pools.values.len())));
        Columns { all, entity_type, flags, attributes, parents, tags }
    }

    fn check(&mut self, words: &[u32]) -> Result<(), String> {
        if words.first().is_none_or(|flags| flags & DEFINED == 0) {
            let is_empty = words.iter().all(|&word| word == 0);
            return if is_empty { Ok(()) } else { Err("it is not there, and has attributes".into()) };
        }
        if words.iter().zip(&self.flags).any(|(word, flags)| word & !flags != 0) {
            return Err("it has flags without a meaning".into());
        }
        for column in &mut self.attributes {
            column.check(self.all, words).map_err(|why| format!("attribute `{}`: {why}", column.name))?;
        }
        self.check_parents(words)?;
        self.check_tags(words)
    }

    fn check_parents(&mut self, words: &[u32]) -> Result<(), String> {
        let Columns { all, entity_type, parents: Some(shared), .. } = self else { return Ok(()) };
        let number = word(words, shared.word);
        let is_right = |place: &Place| entity_type.ancestors.contains(&place.0) && all.has(*place);
        shared.once(number, || {
            let places = all.pools.places.get(number).map_or(&[][..], AsRef::as_ref);
            if places.iter().all(is_right) { Ok(()) } else { Err("it lies in what it cannot lie in".into()) }
        })
    }

    fn check_tags(&mut self, words: &[u32]) -> Result<(), String> {
        let Columns { all, tags: Some((ty, shared)), .. } = self else { return Ok(()) };
        let number = word(words, shared.word);
        shared.once(number, || match all.pools.values.get(number) {
            None => Ok(()),
            Some(Value::Record(tags)) if !tags.is_empty() => tags.iter().try_for_each(|(name, value)| {
                let is_right = conforms(all.schema, ty, value).and_then(|()| all.check_named(value));
                is_right.map_err(|why| format!("tag `{name}`: {why}"))
            }),
            Some(_) => Err("its tags are none".into()),
        })
    }
}

impl<'a> Holds<'a> {
    fn new(all: &'a All<'a>, slot: Slot, ty: &'a Type) -> Self {
        let Slot::Number { word, kind } = slot else { return Holds::Itself };
        let there = |of: &TypeId| all.there.get(of.index());
        let held = match (kind, ty) {
            (Kind::String, _) => Some(Holds::String),
            (Kind::Row, Type::Entity(of)) => there(of).map(Holds::Row),
            (Kind::Rows, Type::Set(element)) => match &**element {
                Type::Entity(of) => {
                    there(of).map(|there| Holds::Rows(there, Shared::new(word, all.pools.sets.len())))
                }
                _ => None,
            },
            _ => None,
        };
        held.unwrap_or_else(|| Holds::Value(ty, Shared::new(word, all.pools.values.len())))
    }
}

impl Column<'_> {
    #[inline]
    fn check(&mut self, all: &All<'_>, words: &[u32]) -> Result<(), String> {
        let is_there = match self.slot {
            Slot::Bool { word: at, bit } => {
                let flags = word(words, at) >> bit & 3;
                if flags == 2 {
                    return Err("it is absent, and true".into());
                }
                flags != 0
            }
            Slot::Long { word: at, flags, bit } => {
                let is_there = word(words, flags) >> bit & 1 != 0;
                if !is_there && (word(words, at) != 0 || word(words, at + 1) != 0) {
                    return Err("it is absent, and a number".into());
                }
                is_there
            }
            Slot::Number { word: at, .. } => match word(words, at) {
                0 => false,
                number => {
                    self.holds.check(all, number)?;
                    true
                }
            },
        };
        if is_there || !self.required { Ok(()) } else { Err("it is missing".into()) }
    }
}

impl Holds<'_> {
    /// Whether the number names something, and all that it names is there.
    #[inline]
    fn check(&mut self, all: &All<'_>, number: u32) -> Result<(), String> {
        let is_there = match self {
            Holds::Itself => true,
            Holds::String => number < all.strings,
            Holds::Row(there) => there.has(number),
            Holds::Rows(there, shared) => {
                let is_right = |rows: &[u32]| rows.iter().all(|&row| there.has(row));
                let rows = || all.pools.sets.get(number).is_some_and(|rows| is_right(rows));
                return shared.once(number, || if rows() { Ok(()) } else { Err(NOWHERE.into()) });
            }
            Holds::Value(ty, shared) => {
                return shared.once(number, || {
                    let value = all.pools.values.get(number).ok_or(NOWHERE)?;
                    conforms(all.schema, ty, value)?;
                    all.check_named(value)
                });
            }
        };
        if is_there { Ok(()) } else { Err(NOWHERE.into()) }
    }
}

fn word(words: &[u32], at: usize) -> u32 {
    words.get(at).copied().unwrap_or(0)
}
