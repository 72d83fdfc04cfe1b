//! How a list is found: a residual whose conditions are looked up in indices where one can answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

use crate::ir::{Binary, Elements, Evaluation, Id, MadeFrom, Node, Program, Residual};
use crate::model::schema::Environment;
use crate::model::{AttrId, Effect, Schema, TypeId, Value};
use crate::world::index::{Keys, NONE, Path, Walk, key_of_bool};
use crate::world::{Place, World};

/// A condition that an index answers.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// Rows that stand under one of the keys.
    Keys(Path, Walk, Vec<u32>),
    /// Rows that do not stand under [`NONE`].
    Some(Path, Walk),
    /// These rows themselves.
    Rows(Vec<u32>),
}

/// What lists the resources of one type for one person, action and context.
pub(crate) struct Plan {
    /// The residual, which decides.
    pub(crate) residual: Program,
    /// The residual made ready for indices, which finds.
    pub(crate) narrowed: Program,
    /// By node of `narrowed`.
    pub(crate) lookups: Vec<Option<Lookup>>,
    /// The paths whose indices it uses; that of no steps, where it may have to take all rows.
    pub(crate) paths: Vec<Path>,
    pub(crate) made_from: MadeFrom,
    /// Of the data that it was made from.
    pub(crate) version: u64,
    pub(crate) ty: TypeId,
}

impl Plan {
    /// The indices' lock must not be held: strings and rows are given their numbers here.
    pub(crate) fn new(
        residual: Residual,
        world: &World,
        principal: Place,
        ty: TypeId,
        context: &BTreeMap<Arc<str>, Value>,
        version: u64,
    ) -> Self {
        let Residual { program: residual, mut made_from } = residual;
        let narrowed = residual.narrowed(world, &mut made_from);
        let mut search = Search {
            program: &narrowed,
            world,
            evaluation: Evaluation::new(&narrowed, world, principal, None, context),
            ty,
        };
        let lookups: Vec<_> = narrowed.ids().map(|id| search.lookup(id)).collect();
        let paths = paths(ty, &lookups);
        Plan { residual, narrowed, lookups, paths, made_from, version, ty }
    }

    /// Every path along references from the resource that the residual reads; `None` where it reads what no
    /// path leads to.
    pub(crate) fn ways(&self) -> Option<BTreeSet<Path>> {
        let program = &self.residual;
        let mut ways = BTreeSet::new();
        for id in program.ids() {
            let of = match program.node(id) {
                Node::Attr(of, ..) | Node::HasAttr(of, ..) | Node::Tag(of, _) | Node::HasTag(of, _) => *of,
                Node::Binary(Binary::In, of, _) => *of,
                _ => continue,
            };
            if program.depends_on_resource(of) {
                ways.insert(path(program, of, self.ty)?);
            }
        }
        Some(ways)
    }

    pub(crate) fn entries(&self, effect: Effect) -> impl Iterator<Item = Id> + '_ {
        self.narrowed.entries.iter().filter(move |entry| entry.effect == effect).map(|entry| entry.root)
    }

    pub(crate) fn lookup(&self, id: Id) -> Option<&Lookup> {
        self.lookups.get(id.index())?.as_ref()
    }
}

fn paths(ty: TypeId, lookups: &[Option<Lookup>]) -> Vec<Path> {
    let all = std::iter::once(Path { start: ty, steps: Vec::new() });
    let looked_up = lookups.iter().flatten().filter_map(|lookup| match lookup {
        Lookup::Keys(path, ..) | Lookup::Some(path, _) => Some(path.clone()),
        Lookup::Rows(_) => None,
    });
    all.chain(looked_up).collect()
}

/// The path from the resource to a node; `None` where it is reached in another way.
pub(crate) fn path(program: &Program, id: Id, start: TypeId) -> Option<Path> {
    match program.node(id) {
        Node::Resource => Some(Path { start, steps: Vec::new() }),
        Node::Attr(of, _, attr) => {
            let mut path = path(program, *of, start)?;
            path.steps.push(*attr);
            Some(path)
        }
        _ => None,
    }
}

/// The paths that a program's conditions compare, and that an index can hold.
pub(crate) fn paths_of(program: &Program, ty: TypeId, schema: &Schema) -> BTreeSet<Path> {
    let mut paths = BTreeSet::from([Path { start: ty, steps: Vec::new() }]);
    let mut add = |id: Id, attr: Option<AttrId>| {
        if let Some(mut path) = path(program, id, ty) {
            path.steps.extend(attr);
            if path.keys(schema).is_some() {
                paths.insert(path);
            }
        }
    };
    for id in program.ids() {
        match *program.node(id) {
            Node::HasAttr(of, _, attr) => add(of, Some(attr)),
            // Two paths that are compared with each other are looked at row by row.
            Node::Binary(Binary::Eq | Binary::Contains, a, b)
                if !(program.depends_on_resource(a) && program.depends_on_resource(b)) =>
            {
                add(a, None);
                add(b, None);
            }
            Node::And(a, b) | Node::Or(a, b) => {
                add(a, None);
                add(b, None);
            }
            Node::Not(a) => add(a, None),
            _ => {}
        }
    }
    paths
}

/// Finds the conditions that indices answer.
struct Search<'a> {
    program: &'a Program,
    world: &'a World,
    evaluation: Evaluation<'a>,
    ty: TypeId,
}

impl Search<'_> {
    fn lookup(&mut self, id: Id) -> Option<Lookup> {
        if !self.program.depends_on_resource(id) {
            return None;
        }
        match *self.program.node(id) {
            Node::Attr(..) => {
                let path = self.indexed(id, None)?;
                let is_bool = path.keys(self.world.schema())? == Keys::Bools;
                is_bool.then(|| self.under(path, vec![key_of_bool(true)])).flatten()
            }
            Node::HasAttr(of, _, attr) => {
                let path = self.indexed(of, Some(attr))?;
                // An empty set is there, and stands under no key.
                let walk = Walk::new(self.world, &path)?;
                (!self.holds_sets(&path)).then_some(Lookup::Some(path, walk))
            }
            Node::Binary(Binary::Eq, a, b) => self.equal(a, b).or_else(|| self.equal(b, a)),
            Node::Binary(Binary::Contains, set, element) => self.contains(set, element),
            _ => None,
        }
    }

    /// The path to a node, or to its attribute, where an index can hold it.
    fn indexed(&self, id: Id, attr: Option<AttrId>) -> Option<Path> {
        let mut path = path(self.program, id, self.ty)?;
        path.steps.extend(attr);
        path.keys(self.world.schema()).map(|_| path)
    }

    fn under(&self, path: Path, keys: Vec<u32>) -> Option<Lookup> {
        Some(Lookup::Keys(path.clone(), Walk::new(self.world, &path)?, keys))
    }

    fn holds_sets(&self, path: &Path) -> bool {
        path.holds_sets(self.world.schema())
    }

    fn equal(&mut self, path: Id, known: Id) -> Option<Lookup> {
        if self.program.depends_on_resource(known) {
            return None;
        }
        if matches!(self.program.node(path), Node::Resource) {
            let Elements::One(Value::Entity(uid)) = self.evaluation.known_elements(known)? else {
                return None;
            };
            let (ty, row) = self.world.reserve_row(&uid)?;
            return (ty == self.ty).then(|| Lookup::Rows(vec![row.0]));
        }
        let path = self.indexed(path, None).filter(|path| !self.holds_sets(path))?;
        let Elements::One(value) = self.evaluation.known_elements(known)? else { return None };
        let key = self.key(&path, &value)?;
        self.under(path, vec![key])
    }

    fn contains(&mut self, set: Id, element: Id) -> Option<Lookup> {
        if !self.program.depends_on_resource(element) {
            // A set of the resource's holds something known.
            let path = self.indexed(set, None).filter(|path| self.holds_sets(path))?;
            let Elements::One(value) = self.evaluation.known_elements(element)? else { return None };
            let key = self.key(&path, &value)?;
            return self.under(path, vec![key]);
        }
        if self.program.depends_on_resource(set) {
            return None;
        }
        let elements = self.evaluation.known_elements(set)?;
        if matches!(self.program.node(element), Node::Resource) {
            return self.rows_of(elements).map(Lookup::Rows);
        }
        let path = self.indexed(element, None).filter(|path| !self.holds_sets(path))?;
        let keys = match elements {
            Elements::Rows(ty, rows) => {
                (path.keys(self.world.schema())? == Keys::Rows(ty)).then_some(rows)?
            }
            Elements::Set(all) => {
                let mut keys: Vec<u32> =
                    all.iter().map(|value| self.key(&path, value)).collect::<Option<_>>()?;
                keys.sort_unstable();
                keys
            }
            Elements::One(_) => return None,
        };
        self.under(path, keys)
    }

    /// The rows of the elements that are of the type looked for, ascending.
    fn rows_of(&self, elements: Elements) -> Option<Vec<u32>> {
        let all = match elements {
            Elements::Rows(ty, rows) => return (ty == self.ty).then_some(rows),
            Elements::Set(all) => all,
            Elements::One(_) => return None,
        };
        let mut rows = Vec::new();
        for value in &all {
            let Value::Entity(uid) = value else { return None };
            let (ty, row) = self.world.reserve_row(uid)?;
            rows.extend((ty == self.ty).then_some(row.0));
        }
        rows.sort_unstable();
        Some(rows)
    }

    /// The key of a value in the index of a path; `None` where it is of another type.
    fn key(&self, path: &Path, value: &Value) -> Option<u32> {
        match (path.keys(self.world.schema())?, value) {
            (Keys::Rows(ty), Value::Entity(uid)) => {
                let (of, row) = self.world.reserve_row(uid)?;
                (of == ty && row.0 != NONE).then_some(row.0)
            }
            (Keys::Strings, Value::String(text)) => self.world.reserve_string(text),
            (Keys::Bools, Value::Bool(value)) => Some(key_of_bool(*value)),
            _ => None,
        }
    }
}

/// Plans kept for people who ask again; instants of the context are left out, as long as they are within the
/// plan's windows.
#[derive(Default)]
pub(crate) struct Plans(Mutex<Generations>);

/// When the young ones are many, they become the old ones, and those that were old are forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Arc<Plan>>,
    old: HashMap<Key, Arc<Plan>>,
}

/// Plans of one generation.
const MANY: usize = 4_096;

type Key = (Environment, Place, BTreeMap<Arc<str>, Value>);

fn key(environment: Environment, principal: Place, context: &BTreeMap<Arc<str>, Value>) -> Key {
    let timeless = context.iter().map(|(field, value)| {
        let value = if let Value::Datetime(_) = value { Value::Datetime(0) } else { value.clone() };
        (field.clone(), value)
    });
    (environment, principal, timeless.collect())
}

impl Plans {
    /// The plan, kept or made, that holds for the data as it is. `make` is told the data's version.
    pub(crate) fn of(
        &self,
        world: &World,
        environment: Environment,
        principal: Place,
        context: &BTreeMap<Arc<str>, Value>,
        make: impl Fn(u64) -> Plan,
    ) -> Arc<Plan> {
        if world.is_overlaid() {
            return Arc::new(make(world.version()));
        }
        let key = key(environment, principal, context);
        if let Some(plan) = self.find(&key)
            && plan.made_from.is_within(context)
            && plan.made_from.is_unchanged_since(plan.version, world)
        {
            return plan;
        }
        // Noted before the data is read: a batch that comes in between makes the plan stale.
        let plan = Arc::new(make(world.version()));
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.young.len() >= MANY {
            plans.old = std::mem::take(&mut plans.young);
        }
        plans.young.insert(key, plan.clone());
        plan
    }

    fn find(&self, key: &Key) -> Option<Arc<Plan>> {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.young.get(key).or_else(|| plans.old.get(key)).cloned()
    }
}
