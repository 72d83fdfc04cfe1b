//! Decisions over the columns of a frame that carries what the policies read of its records: no world holds these.
//!
//! Each row becomes an entity, with what it refers to, in a world seen through changes that nobody applies. The decision is
//! the engine's, of that world.
//!
//! INVARIANT: a row is decided as its record would be in a world that says of it what the columns say. What the policies
//! read and no column holds is refused before any row is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use caseward::{
    Changes, EntityType, EntityUid, Provenance, Query, RequestEnvironment, Schema, Type, TypeId, TypeName,
    Value, Ward, World,
};

use crate::error::Error;
use crate::rows::{column_at, position};
use crate::world::{Cell, whole};

/// Rows that are decided together.
const BLOCK: usize = 4_096;

/// What a person may do, decided over columns.
pub struct Trusting {
    ward: Ward,
    world: World,
    query: Query,
    id: String,
    record: Branch,
    /// What stands where an attribute is required and nothing reads it.
    fillers: Fillers,
    provenance: Provenance,
}

/// An entity of a row: the record, or what it refers to.
struct Branch {
    ty: TypeId,
    /// Its path from the record; empty for the record itself.
    path: String,
    /// Attributes that a column holds.
    leaves: Vec<(Arc<str>, String)>,
    /// Attributes that refer to an entity whose attributes columns hold.
    below: Vec<(Arc<str>, Branch)>,
}

impl Trusting {
    /// Decides by the columns of frames, each with the path of the attribute that it holds, as `status` or
    /// `student.enrolledAt`. `id` is the column of ids: a row without one is denied.
    ///
    /// What an entity in a column has is the world's to say, unless columns say it: of `student.enrolledAt` the school.
    ///
    /// # Errors
    /// [`Error::Frame`] for a path of which no column is given and that is read to decide, which it names; for a path that
    /// leads through no entity, or stands twice; where it is read which record it is, so that no column can say it.
    /// [`Error::Caseward`] as `Ward::reads`.
    pub fn new(
        ward: &Ward,
        world: &World,
        query: &Query,
        id: &str,
        columns: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let reads = ward.reads(world, query)?;
        let whose = format!("`{}` by {}", query.action, query.principal);
        if reads.itself {
            return Err(Error::frame(format!(
                "{whose}: the rules read which record it is, or what it lies in, which no column says: ask of a world"
            )));
        }
        let mut paths: BTreeMap<&str, &str> = BTreeMap::new();
        for (column, path) in columns {
            if let Some(other) = paths.insert(path, column) {
                return Err(Error::frame(format!("columns `{other}` and `{column}` both hold `{path}`")));
            }
        }
        for path in &reads.paths {
            let is_given = paths.contains_key(&**path)
                || path
                    .match_indices('.')
                    .any(|(at, _)| paths.contains_key(path.get(..at).unwrap_or_default()));
            if !is_given {
                return Err(Error::frame(format!(
                    "{whose}: the rules read `{path}`, and no column holds it: give one, as columns={{\"…\": \"{path}\"}}"
                )));
            }
        }
        let schema = ward.schema();
        let ty = schema.known_type(&query.resource_type)?;
        let mut record = Branch::new(ty, String::new());
        for (path, column) in &paths {
            let steps: Vec<&str> = path.split('.').collect();
            record.add(schema, path, &steps, column)?;
        }
        let is_read = |path: &str| {
            let beneath = |read: &Arc<str>| read.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
            reads.paths.iter().any(|read| **read == *path || beneath(read))
        };
        record.keep(&is_read);
        let fillers = Fillers::of(schema, &record);
        let (ward, world, query) = (ward.clone(), world.clone(), query.clone());
        Ok(Trusting { ward, world, query, id: id.to_owned(), record, fillers, provenance: reads.provenance })
    }

    /// What the answers are made from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Whether each row of a batch is allowed. `from` is the number of its first row, for errors.
    ///
    /// # Errors
    /// [`Error::Frame`] for a batch without one of the columns, or with two of it; for a cell that does not fit its
    /// attribute, and for a reference to an entity that the world lacks, with column and row. [`Error::Changed`] where the
    /// world is of another version by now.
    pub fn decided(&self, batch: &RecordBatch, from: u64) -> Result<Vec<bool>, Error> {
        let at = position(&batch.schema(), &self.id)?;
        let ids = column_at(batch, at, from)?;
        let arrays = self.arrays(batch)?;
        let mut blocks = ids.blocks(usize::MAX);
        let (mut block, mut all, mut first) = (Vec::new(), Vec::with_capacity(batch.num_rows()), 0);
        loop {
            blocks.fill(&mut block, BLOCK);
            if block.is_empty() {
                return Ok(all);
            }
            let rows: Vec<usize> =
                (first..).zip(&block).filter(|(_, id)| id.is_some()).map(|(row, _)| row).collect();
            let mut decided = self.block(&arrays, &rows, from)?.into_iter();
            all.extend(block.iter().map(|id| id.is_some() && decided.next().unwrap_or(false)));
            first += block.len();
        }
    }

    fn arrays(&self, batch: &RecordBatch) -> Result<BTreeMap<String, ArrayRef>, Error> {
        let schema = batch.schema();
        let mut names = BTreeSet::new();
        self.record.columns(&mut names);
        let one = |name: &str| {
            let array = batch.columns().get(position(&schema, name)?);
            let array = array.ok_or_else(|| Error::frame(format!("the frame has no column `{name}`")))?;
            Ok((name.to_owned(), whole(array).map_err(|error| Error::of_column(name, &error))?))
        };
        names.into_iter().map(one).collect()
    }

    fn block(
        &self,
        arrays: &BTreeMap<String, ArrayRef>,
        rows: &[usize],
        from: u64,
    ) -> Result<Vec<bool>, Error> {
        let schema = self.ward.schema();
        let row_of = Rows { schema, world: &self.world, fillers: &self.fillers, arrays, from };
        let mut changes = self.fillers.changes.clone();
        let mut names = Vec::with_capacity(rows.len());
        // Places are used again for each block, so that the world's names stay few.
        for (place, row) in rows.iter().enumerate() {
            let name = format!("caseward row {place}");
            changes = row_of.put(changes, &self.record, &name, *row)?.0;
            names.push(name);
        }
        let planned = self.world.with(&changes)?;
        let environment = RequestEnvironment::new(
            TypeName::new(self.query.principal.type_name()),
            self.query.action.clone(),
            self.query.resource_type.clone(),
        );
        let decider = self.ward.decider(&planned, &environment)?;
        let context = decider.prepare(&self.query.context)?;
        let who = vec![self.query.principal.id(); names.len()];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let decided = decider.decide_ids(&who, &names, &context)?;
        match decided.provenance.version == self.provenance.version {
            true => Ok(decided.allowed),
            false => Err(Error::Changed),
        }
    }
}

impl Branch {
    fn new(ty: TypeId, path: String) -> Self {
        Branch { ty, path, leaves: Vec::new(), below: Vec::new() }
    }

    fn add(&mut self, schema: &Schema, path: &str, steps: &[&str], column: &str) -> Result<(), Error> {
        let (Some((step, rest)), Some(of)) = (steps.split_first(), schema.entity_type(self.ty)) else {
            return Ok(());
        };
        let refused = |why: String| Err(Error::frame(format!("column `{column}`, `{path}`: {why}")));
        let Some((name, attribute)) = of.attributes.iter().find(|(name, _)| **name == **step) else {
            return refused(format!("`{}` has no attribute `{step}`", of.name));
        };
        let is_leaf = self.leaves.iter().any(|(other, _)| other == name);
        if rest.is_empty() {
            if self.below.iter().any(|(other, _)| other == name) {
                return refused("other columns say what it has: leave out these, or this one".to_owned());
            }
            self.leaves.push((name.clone(), column.to_owned()));
            return Ok(());
        }
        let target = match &attribute.ty {
            Type::Entity(ty) if schema.entity_type(*ty).is_some_and(|of| of.choices.is_none()) => *ty,
            _ => return refused(format!("`{step}` refers to no entity whose attributes columns could hold")),
        };
        if is_leaf {
            return refused(format!("`{step}` is in a column itself, so that the world says what it has"));
        }
        let at = match self.below.iter().position(|(other, _)| other == name) {
            Some(at) => at,
            None => {
                let path =
                    if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
                self.below.push((name.clone(), Branch::new(target, path)));
                self.below.len() - 1
            }
        };
        match self.below.get_mut(at) {
            Some((_, branch)) => branch.add(schema, path, rest, column),
            None => Ok(()),
        }
    }

    /// Leaves out what nothing reads.
    fn keep(&mut self, is_read: &impl Fn(&str) -> bool) {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}.", self.path) };
        self.leaves.retain(|(name, _)| is_read(&format!("{prefix}{name}")));
        self.below.iter_mut().for_each(|(_, branch)| branch.keep(is_read));
        self.below.retain(|(_, branch)| !branch.leaves.is_empty() || !branch.below.is_empty());
    }

    fn columns<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        names.extend(self.leaves.iter().map(|(_, column)| column.as_str()));
        self.below.iter().for_each(|(_, branch)| branch.columns(names));
    }
}

/// Where the rows of a block are.
struct Rows<'a> {
    schema: &'a Schema,
    world: &'a World,
    fillers: &'a Fillers,
    arrays: &'a BTreeMap<String, ArrayRef>,
    from: u64,
}

impl Rows<'_> {
    /// The entity of a row, with what it refers to; none where columns say that nothing is there.
    fn put(
        &self,
        changes: Changes,
        of: &Branch,
        name: &str,
        row: usize,
    ) -> Result<(Changes, Option<EntityUid>), Error> {
        let Some(ty) = self.schema.entity_type(of.ty) else { return Ok((changes, None)) };
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        for (attribute, column) in &of.leaves {
            let (Some((_, held)), Some(array)) = (ty.attribute(attribute), self.arrays.get(column)) else {
                continue;
            };
            let number = self.from.saturating_add(row as u64);
            let cell = Cell { schema: self.schema, column, row: number };
            let Some(value) = cell.value(&held.ty, array.as_ref(), row)? else {
                if held.required {
                    return Err(cell.refused(format!("every `{}` has `{attribute}`, found null", ty.name)));
                }
                continue;
            };
            self.known(&cell, &value)?;
            values.insert(attribute, value);
        }
        let mut changes = changes;
        for (attribute, branch) in &of.below {
            let found;
            (changes, found) = self.put(changes, branch, name, row)?;
            if let Some(uid) = found {
                values.insert(attribute, Value::Entity(uid));
            }
        }
        for (attribute, value) in self.fillers.of_type(ty) {
            values.entry(attribute).or_insert(value);
        }
        let uid = EntityUid::new(ty.name.clone(), format!("{name} {}", of.path).trim_end().to_owned());
        Ok((changes.put(&uid, values), Some(uid)))
    }

    /// Refuses a reference to what is not there.
    fn known(&self, cell: &Cell<'_>, value: &Value) -> Result<(), Error> {
        match value {
            Value::Entity(uid) if !self.world.contains(uid) => {
                Err(cell.refused(format!("{uid} is not in the world")))
            }
            Value::Set(all) => all.iter().try_for_each(|value| self.known(cell, value)),
            Value::Record(fields) => fields.values().try_for_each(|value| self.known(cell, value)),
            _ => Ok(()),
        }
    }
}

/// Values of attributes that are required and that nothing reads; and the entities among them.
struct Fillers {
    by_type: BTreeMap<Arc<str>, Vec<(Arc<str>, Value)>>,
    changes: Changes,
}

impl Fillers {
    fn of(schema: &Schema, record: &Branch) -> Self {
        let mut fillers = Fillers { by_type: BTreeMap::new(), changes: Changes::new() };
        // Types of which an entity is to be there, for references that are required.
        let (mut wanted, mut there) = (Vec::new(), BTreeSet::new());
        fillers.branch(schema, record, &mut wanted);
        while let Some(ty) = wanted.pop() {
            let Some(of) = schema.entity_type(ty).filter(|_| there.insert(ty)) else { continue };
            fillers.add(schema, of, &mut wanted);
            let values: Vec<(Arc<str>, Value)> = fillers.by_type.get(&of.name).cloned().unwrap_or_default();
            let values = values.iter().map(|(name, value)| (name.as_ref(), value.clone()));
            fillers.changes = std::mem::take(&mut fillers.changes).put(&filler(of), values);
        }
        fillers
    }

    fn branch(&mut self, schema: &Schema, branch: &Branch, wanted: &mut Vec<TypeId>) {
        if let Some(of) = schema.entity_type(branch.ty) {
            self.add(schema, of, wanted);
        }
        branch.below.iter().for_each(|(_, branch)| self.branch(schema, branch, wanted));
    }

    fn add(&mut self, schema: &Schema, of: &EntityType, wanted: &mut Vec<TypeId>) {
        if self.by_type.contains_key(&of.name) {
            return;
        }
        let required = of.attributes.iter().filter(|(_, attribute)| attribute.required);
        let values =
            required.map(|(name, attribute)| (name.clone(), anything(schema, &attribute.ty, wanted)));
        let values = values.collect();
        self.by_type.insert(of.name.clone(), values);
    }

    fn of_type(&self, ty: &EntityType) -> impl Iterator<Item = (&str, Value)> {
        let all = self.by_type.get(&ty.name).into_iter().flatten();
        all.map(|(name, value)| (name.as_ref(), value.clone()))
    }
}

fn filler(of: &EntityType) -> EntityUid {
    EntityUid::new(of.name.clone(), "caseward unread")
}

/// Some value of a type; `wanted` gets the types of entities in it that are to be there.
fn anything(schema: &Schema, ty: &Type, wanted: &mut Vec<TypeId>) -> Value {
    match ty {
        Type::Bool => Value::Bool(false),
        Type::Long => Value::Long(0),
        Type::String => Value::string(""),
        Type::Entity(of) => match schema.entity_type(*of) {
            Some(EntityType { name, choices: Some(all), .. }) => {
                Value::Entity(EntityUid::new(name.clone(), all.first().map_or("", |first| first.as_ref())))
            }
            Some(of_type) => {
                wanted.push(*of);
                Value::Entity(filler(of_type))
            }
            None => Value::Bool(false),
        },
        Type::Set(_) => Value::Set(BTreeSet::new()),
        Type::Record(fields) => {
            let required = fields.iter().filter(|(_, field)| field.required);
            Value::Record(
                required.map(|(name, field)| (name.clone(), anything(schema, &field.ty, wanted))).collect(),
            )
        }
        Type::Decimal => Value::Decimal(0),
        Type::Ip => Value::Ip(caseward::Ip { address: std::net::Ipv4Addr::UNSPECIFIED.into(), prefix: 32 }),
        Type::Datetime => Value::Datetime(0),
        Type::Duration => Value::Duration(0),
    }
}
