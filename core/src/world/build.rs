//! Making a world, entity by entity.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::conform::conforms;
use super::draft::{Draft, Held};
use super::encode::{Numbers, Pools, TOO_MUCH, stored};
use super::ids::Interner;
use super::layout::{DEFINED, Layout, Stored};
use super::{Place, Row};
use crate::model::suggest::hint;
use crate::model::{AttrId, EntityUid, Problem, Schema, Span, Type, TypeId, Value};

/// Problems kept of one load; more are counted only.
pub(super) const MAX_PROBLEMS: usize = 1_000;

/// Types that the schema lacks, each of which is told.
const MAX_UNKNOWN: usize = 20;

/// Makes a [`World`](super::World), entity by entity.
///
/// # Example
/// ```
/// use caseward::{EntityUid, Value, Ward, WorldBuilder};
///
/// let ward = Ward::attendance()?;
/// let mut builder = WorldBuilder::new(ward.schema());
/// builder.add(&EntityUid::new("School", "northcote"), [("kind", Value::from("state"))]);
/// let world = builder.finish()?;
/// assert_eq!(world.count("School")?, 1);
/// # Ok::<(), caseward::Error>(())
/// ```
pub struct WorldBuilder {
    pub(super) schema: Arc<Schema>,
    pub(super) tables: Vec<Loading>,
    pub(super) strings: Interner,
    pub(super) pools: Pools,
    /// The words of one entity, reused.
    words: Vec<u32>,
    pub(super) problems: Vec<Problem>,
    /// Entities that were refused: a reference to one of them is no problem of its own.
    pub(super) refused: HashSet<Place>,
    pub(super) more_problems: usize,
    /// Types that the schema lacks: the first entity of each and where it stands, and how many there are.
    pub(super) unknown_types: BTreeMap<String, (EntityUid, (u64, Span), usize)>,
    /// Entities of types beyond [`MAX_UNKNOWN`].
    pub(super) more_unknown: usize,
}

/// All entities of one type while they are loaded.
pub(super) struct Loading {
    pub(super) ids: Interner,
    pub(super) layout: Layout,
    /// Row after row, from row 0, which stays all zeros.
    pub(super) words: Vec<u32>,
}

impl Loading {
    fn row(&self, row: u32) -> Option<&[u32]> {
        let start = row as usize * self.layout.words();
        self.words.get(start..start + self.layout.words())
    }

    fn is_defined(&self, row: u32) -> bool {
        self.row(row).and_then(<[u32]>::first).is_some_and(|flags| flags & DEFINED != 0)
    }

    fn put(&mut self, row: u32, words: &[u32]) {
        let start = row as usize * self.layout.words();
        if self.words.len() < start + words.len() {
            self.words.resize(start + words.len(), 0);
        }
        if let Some(row) = self.words.get_mut(start..start + words.len()) {
            row.copy_from_slice(words);
        }
    }
}

impl Numbers for WorldBuilder {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn pools(&self) -> &Pools {
        &self.pools
    }

    fn row(&mut self, ty: TypeId, id: &str) -> Option<u32> {
        self.tables.get_mut(ty.index())?.ids.intern(id)
    }

    fn string(&mut self, text: &str) -> Option<u32> {
        self.strings.intern(text)
    }
}

impl WorldBuilder {
    /// An empty world of `schema`; enumerated entities are there from the start.
    pub fn new(schema: &Arc<Schema>) -> Self {
        let tables = schema.entity_types().iter().map(|ty| {
            let mut table = Loading { ids: Interner::default(), layout: Layout::new(ty), words: Vec::new() };
            table.words.resize(table.layout.words(), 0);
            for id in ty.choices.iter().flatten() {
                let mut words = vec![0; table.layout.words()];
                words.iter_mut().take(1).for_each(|flags| *flags = DEFINED);
                if let Some(row) = table.ids.intern(id) {
                    table.put(row, &words);
                }
            }
            table
        });
        WorldBuilder {
            tables: tables.collect(),
            schema: schema.clone(),
            strings: Interner::default(),
            pools: Pools::default(),
            words: Vec::new(),
            problems: Vec::new(),
            refused: HashSet::new(),
            more_problems: 0,
            unknown_types: BTreeMap::new(),
            more_unknown: 0,
        }
    }

    /// The schema of the world.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The row of the entity `id` of type `ty`, which may come later.
    ///
    /// A type has room for 2³² − 1 entities; one more is reported by [`WorldBuilder::finish`].
    pub fn row(&mut self, ty: TypeId, id: &str) -> Row {
        match Numbers::row(self, ty, id) {
            Some(row) => Row(row),
            None => {
                self.problem(Problem::error(format!("too many entities to take `{id}`")));
                Row(0)
            }
        }
    }

    /// Begins the entity at `row`.
    pub fn draft(&self, ty: TypeId, row: Row) -> Draft {
        Draft::new((ty, row), self.attribute_count(ty))
    }

    /// Empties `draft` for another entity.
    pub fn restart(&self, draft: &mut Draft, ty: TypeId, row: Row) {
        draft.restart((ty, row), self.attribute_count(ty));
    }

    fn attribute_count(&self, ty: TypeId) -> usize {
        self.schema.entity_type(ty).map_or(0, |t| t.attributes.len())
    }

    /// Sets a `String` of `draft`.
    pub fn string(&mut self, draft: &mut Draft, attr: AttrId, text: &str) {
        match self.strings.intern(text) {
            Some(number) => draft.stored(attr, Stored::Number(number)),
            None => self.problem(Problem::error("too many different strings")),
        }
    }

    /// Takes the entity that `draft` holds.
    ///
    /// An entity given twice is taken once where both are the same, and is a problem where they differ.
    /// What is wrong is reported by [`WorldBuilder::finish`].
    pub fn take(&mut self, draft: &Draft) {
        if let Err(problem) = self.try_take(draft) {
            self.refuse(draft.place, problem);
        }
    }

    /// Takes one entity with these attributes.
    ///
    /// What is wrong with it is reported by [`WorldBuilder::finish`].
    pub fn add<'a>(&mut self, uid: &EntityUid, attributes: impl IntoIterator<Item = (&'a str, Value)>) {
        self.add_with_parents(uid, attributes, []);
    }

    /// As [`WorldBuilder::add`], lying in `parents`.
    pub fn add_with_parents<'a>(
        &mut self,
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
        parents: impl IntoIterator<Item = EntityUid>,
    ) {
        self.add_whole(uid, attributes, parents, BTreeMap::new());
    }

    /// As [`WorldBuilder::add_with_parents`], with tags.
    pub fn add_whole<'a>(
        &mut self,
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
        parents: impl IntoIterator<Item = EntityUid>,
        tags: BTreeMap<Arc<str>, Value>,
    ) {
        let Some(ty) = self.schema.type_id(uid.type_name()) else {
            return self.problem(on(uid, format!("the schema has no entity type `{}`", uid.type_name())));
        };
        let row = self.row(ty, uid.id());
        let mut draft = self.draft(ty, row);
        for (name, value) in attributes {
            if let Err(message) = self.set_named(&mut draft, ty, name, &value) {
                self.refuse((ty, row), on(uid, message));
            }
        }
        for parent in parents {
            match self.schema.type_id(parent.type_name()) {
                Some(of) => {
                    let row = self.row(of, parent.id());
                    draft.parent((of, row));
                }
                None => self.refuse((ty, row), on(uid, format!("no such parent: {parent}"))),
            }
        }
        if let Err(message) = self.tags_conform(ty, &tags) {
            self.refuse((ty, row), on(uid, message));
        }
        draft.tags = tags;
        if !self.refused.contains(&(ty, row)) {
            self.take(&draft);
        }
    }

    fn tags_conform(&self, ty: TypeId, tags: &BTreeMap<Arc<str>, Value>) -> Result<(), String> {
        let of = self.schema.entity_type(ty).and_then(|ty| ty.tags.as_ref());
        tags.iter().try_for_each(|(name, value)| match of {
            Some(of) => conforms(&self.schema, of, value).map_err(|e| format!("tag `{name}`: {e}")),
            None => Err(format!("tag `{name}`: the type has no tags")),
        })
    }

    fn set_named(&mut self, draft: &mut Draft, ty: TypeId, name: &str, value: &Value) -> Result<(), String> {
        let schema = self.schema.clone();
        let found = schema.entity_type(ty).and_then(|t| t.attribute(name));
        let Some((attr, attribute)) = found else {
            return Err(format!("attribute `{name}` is not in the schema"));
        };
        self.set_value(draft, attr, &attribute.ty, value).map_err(|e| format!("attribute `{name}`: {e}"))
    }

    /// Puts a set or a record into the draft.
    pub(crate) fn value(&mut self, draft: &mut Draft, attr: AttrId, value: &Value) {
        match self.pools.value(value) {
            Some(number) => draft.stored(attr, Stored::Number(number)),
            None => self.problem(Problem::error(TOO_MUCH)),
        }
    }

    /// Puts `value` into the draft in the row's own form.
    pub(crate) fn set_value(
        &mut self,
        draft: &mut Draft,
        attr: AttrId,
        ty: &Type,
        value: &Value,
    ) -> Result<(), String> {
        let stored = stored(self, ty, value)?;
        draft.stored(attr, stored);
        Ok(())
    }

    fn try_take(&mut self, draft: &Draft) -> Result<(), Problem> {
        let (ty, row) = draft.place;
        self.check(draft).map_err(|message| on(&self.uid(draft.place), message))?;
        self.encode(draft).ok_or_else(|| on(&self.uid(draft.place), TOO_MUCH.into()))?;
        let WorldBuilder { tables, words, .. } = self;
        let Some(table) = tables.get_mut(ty.index()) else { return Ok(()) };
        if !table.is_defined(row.0) {
            table.put(row.0, words);
        } else if table.row(row.0) != Some(words.as_slice()) && !mutant!(TwiceIsTaken) {
            return Err(on(&self.uid(draft.place), "given twice, and not the same".into()));
        }
        Ok(())
    }

    /// Fills `words` with the draft's row; `None` where there is no number for something in it.
    fn encode(&mut self, draft: &Draft) -> Option<()> {
        let WorldBuilder { tables, words, pools, .. } = self;
        let layout = &tables.get(draft.place.0.index())?.layout;
        words.clear();
        words.resize(layout.words(), 0);
        if let Some(flags) = words.first_mut() {
            *flags = DEFINED;
        }
        for (attr, held) in draft.cells() {
            let stored = match held {
                Held::Nothing => continue,
                Held::Stored(stored) => *stored,
                Held::Rows(start, end) => Stored::Number(pools.set(draft.rows(*start, *end))?),
            };
            layout.write(words, attr, Some(stored)).then_some(())?;
        }
        let mut put = |at: Option<usize>, number: u32| {
            if let Some(word) = at.and_then(|at| words.get_mut(at)) {
                *word = number;
            }
        };
        if !draft.parents.is_empty() {
            put(layout.parents, pools.places(&sorted(&draft.parents))?);
        }
        put(layout.tags, pools.tags(&draft.tags)?);
        Some(())
    }

    /// What the schema says against the draft as a whole: attributes missing, parents of a wrong type.
    fn check(&self, draft: &Draft) -> Result<(), String> {
        let Some(ty) = self.schema.entity_type(draft.place.0) else { return Ok(()) };
        for (at, (name, attribute)) in (0u16..).zip(&ty.attributes) {
            if attribute.required && !draft.has(AttrId(at)) {
                return Err(format!("attribute `{name}` is missing"));
            }
        }
        for &(of, row) in &draft.parents {
            if !ty.ancestors.contains(&of) {
                return Err(format!("may not lie in {}", self.uid((of, row))));
            }
        }
        match &ty.choices {
            Some(choices) if !choices.iter().any(|c| c.as_ref() == self.uid(draft.place).id()) => {
                Err("not one of the schema's".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn uid(&self, (ty, row): Place) -> EntityUid {
        let name = self.schema.entity_type(ty).map_or_else(|| "".into(), |t| t.name.clone());
        EntityUid::new(name, self.tables.get(ty.index()).map_or("", |t| t.ids.text(row.0)))
    }

    pub(crate) fn refuse(&mut self, place: Place, problem: Problem) {
        self.refused.insert(place);
        self.problem(problem);
    }

    /// Notes an entity of a type that the schema lacks. They are told by type: a file of another schema has thousands.
    pub(crate) fn unknown_type(&mut self, uid: &EntityUid, place: impl FnOnce() -> (u64, Span)) {
        let is_full = self.unknown_types.len() >= MAX_UNKNOWN;
        match self.unknown_types.get_mut(uid.type_name()) {
            Some((_, _, count)) => *count += 1,
            None if !is_full => {
                self.unknown_types.insert(uid.type_name().to_owned(), (uid.clone(), place(), 1));
            }
            None => self.more_unknown += 1,
        }
    }

    /// What is said of entities of unknown types.
    pub(super) fn unknown_problems(&mut self) -> Vec<Problem> {
        let schema = self.schema.clone();
        let mut problems = Vec::new();
        for (ty, (first, (number, span), count)) in std::mem::take(&mut self.unknown_types) {
            let hint = hint(&ty, schema.entity_types().iter().map(|ty| ty.name.as_ref()));
            let more = if count > 1 { format!(" (and that of {} more)", count - 1) } else { String::new() };
            let problem = on(&first, format!("its type `{ty}` is not in the schema{more}{hint}"));
            problems.push(problem.in_entity(number, span));
        }
        if self.more_unknown > 0 {
            let more = self.more_unknown;
            problems.push(Problem::error(format!(
                "and {more} entities of other types that are not in the schema"
            )));
        }
        problems
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

pub(super) fn sorted(places: &[Place]) -> Vec<Place> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    places
}

pub(crate) fn on(uid: &EntityUid, message: String) -> Problem {
    Problem::error(message).in_source(&uid.to_string())
}
