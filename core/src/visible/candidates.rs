//! Which records can a residual allow at all? Found from what it compares, by index.
//!
//! A permit such as `resource.student.enrolledAt == School::"a"` bounds the records that it allows: those of
//! the students enrolled there. The bounds of all permits together hold every record that is allowed, and
//! more; what the policies say decides each. So a bound may be loose, and never too tight.

use std::fmt;

use crate::ir::{Binary, Evaluation, Id, Node, Program};
use crate::policy::Effect;
use crate::schema::{AttrId, Schema, TypeId};
use crate::world::{Place, Row, World};

/// Records of one type, no fewer than a condition allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidates {
    /// Nothing bounds them.
    All,
    /// Those from which a path leads to one of the targets.
    Leading(Path, Vec<Row>),
    /// Those of any of these.
    Any(Vec<Candidates>),
}

/// Steps along references: the type that each starts from and its attribute.
type Path = Vec<(TypeId, AttrId)>;

impl Candidates {
    fn nothing() -> Self {
        Candidates::Any(Vec::new())
    }

    /// The records that the permits of a residual can allow.
    pub(super) fn of(program: &Program, evaluation: &mut Evaluation<'_>, world: &World) -> Self {
        let mut all = Candidates::nothing();
        let mut search = Search { program, evaluation, world };
        for entry in program.entries.iter().filter(|entry| entry.effect == Effect::Permit) {
            all = all.or(search.bound(entry.root));
        }
        all
    }

    fn or(self, other: Candidates) -> Self {
        match (self, other) {
            (Candidates::All, _) | (_, Candidates::All) => Candidates::All,
            (Candidates::Any(mut all), Candidates::Any(more)) => {
                all.extend(more);
                Candidates::Any(all)
            }
            (Candidates::Any(mut all), one) | (one, Candidates::Any(mut all)) => {
                all.push(one);
                Candidates::Any(all)
            }
            (one, other) => Candidates::Any(vec![one, other]),
        }
    }

    /// About how many records these are.
    fn estimate(&self, world: &World) -> usize {
        match self {
            Candidates::All => usize::MAX,
            Candidates::Any(all) => all.iter().fold(0, |sum, one| sum.saturating_add(one.estimate(world))),
            Candidates::Leading(path, targets) => {
                let Some((last, before)) = path.split_last() else { return targets.len() };
                let index = world.reverse(*last);
                let first: usize =
                    targets.iter().map(|target| index.map_or(0, |i| i.of(target.0).len())).sum();
                before.iter().rev().fold(first, |count, step| {
                    let (Some(index), rows) = (world.reverse(*step), world.reverse_targets(*step)) else {
                        return count;
                    };
                    count.saturating_mul(index.len().div_ceil(rows.max(1)).max(1))
                })
            }
        }
    }

    /// The rows, ascending, each once; `None` where these are all of the type.
    pub(super) fn rows(&self, world: &World) -> Option<Vec<u32>> {
        let mut rows = Vec::new();
        self.collect(world, &mut rows)?;
        rows.sort_unstable();
        rows.dedup();
        Some(rows)
    }

    fn collect(&self, world: &World, found: &mut Vec<u32>) -> Option<()> {
        match self {
            Candidates::All => None,
            Candidates::Any(all) => all.iter().try_for_each(|one| one.collect(world, found)),
            Candidates::Leading(path, targets) => {
                let mut rows: Vec<u32> = targets.iter().map(|row| row.0).collect();
                for step in path.iter().rev() {
                    let index = world.reverse(*step)?;
                    rows = rows.iter().flat_map(|&row| index.of(row)).copied().collect();
                }
                found.extend(rows);
                Some(())
            }
        }
    }
}

/// Whether an expression is of an entity or of a set of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    One,
    Many,
}
use Number::{Many, One};

struct Search<'s, 'a> {
    program: &'s Program,
    evaluation: &'s mut Evaluation<'a>,
    world: &'s World,
}

impl Search<'_, '_> {
    /// The records for which the condition can be true. Recursion is bounded by the limits on policy text.
    fn bound(&mut self, id: Id) -> Candidates {
        match self.program.node(id).clone() {
            Node::Const(crate::value::Value::Bool(false)) => Candidates::nothing(),
            Node::And(a, b) => {
                let (a, b) = (self.bound(a), self.bound(b));
                if a.estimate(self.world) <= b.estimate(self.world) { a } else { b }
            }
            Node::Or(a, b) | Node::If(_, a, b) => {
                let a = self.bound(a);
                if a == Candidates::All { a } else { a.or(self.bound(b)) }
            }
            Node::Binary(Binary::Eq, a, b) => self
                .leading(a, One, b, One)
                .or_else(|| self.leading(b, One, a, One))
                .unwrap_or(Candidates::All),
            // Whether the set or the element is the record's: the other one is known.
            Node::Binary(Binary::Contains, set, element) => {
                let by_element = self.leading(element, One, set, Many);
                by_element.or_else(|| self.leading(set, Many, element, One)).unwrap_or(Candidates::All)
            }
            _ => Candidates::All,
        }
    }

    /// The records from which `path` leads to what `known` is, each of them one entity or a set of them.
    fn leading(&mut self, path: Id, at_end: Number, known: Id, of_known: Number) -> Option<Candidates> {
        if self.program.depends_on_resource(known) {
            return None;
        }
        let path = self.path(path)?;
        // Two equal sets may both be empty, and then lead nowhere: sets are never compared here.
        let ends_in = match path.last() {
            Some(step) if self.world.is_set(*step) => Many,
            _ => One,
        };
        let (targets, is_set) = self.evaluation.known_places(known)?;
        let known_number = if is_set { Many } else { One };
        (ends_in == at_end && known_number == of_known)
            .then(|| Candidates::Leading(path, targets.into_iter().map(|(_, row): Place| row).collect()))
    }

    /// The steps from the record to the node's value, where it is reached by references alone.
    fn path(&self, id: Id) -> Option<Path> {
        match self.program.node(id) {
            Node::Resource => Some(Vec::new()),
            Node::Attr(of, ty, attr) => {
                let mut path = self.path(*of)?;
                self.world.reverse((*ty, *attr))?;
                path.push((*ty, *attr));
                Some(path)
            }
            _ => None,
        }
    }
}

/// Candidates with the names of their schema.
pub(super) struct Printed<'a> {
    pub(super) candidates: &'a Candidates,
    pub(super) world: &'a World,
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema: &Schema = self.world.schema();
        match self.candidates {
            Candidates::All => writeln!(f, "look at every record"),
            Candidates::Any(all) if all.is_empty() => writeln!(f, "look at no record"),
            Candidates::Any(all) => {
                all.iter().try_for_each(|candidates| Printed { candidates, world: self.world }.fmt(f))
            }
            Candidates::Leading(path, targets) => {
                let step = |(ty, attr): &(TypeId, AttrId)| {
                    let ty = schema.entity_type(*ty);
                    ty.and_then(|ty| ty.attributes.get(attr.index())).map_or("?", |(name, _)| name.as_ref())
                };
                let path = path.iter().fold("resource".to_owned(), |text, s| text + "." + step(s));
                let estimate = self.candidates.estimate(self.world);
                writeln!(f, "look up {path} in {} known, about {estimate} records", targets.len())
            }
        }
    }
}
