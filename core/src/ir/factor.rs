//! What any of several permits asks, with what they share asked once.
//!
//! Most permits for one person are alike: the same provider and the same case manager, once for open cases and
//! once for closed ones. As sets of conditions, one that asks more than another adds nothing to it, and two that
//! differ in one condition are one that asks for either.

use std::collections::BTreeSet;

use super::{Binary, Builder, Id, Node, Program};
use crate::model::{Effect, Value};

/// Permits and alternatives beyond which nothing is brought together.
const MANY: usize = 64;

/// Conditions all of which must hold.
type All = BTreeSet<Id>;

/// A condition that holds where the condition of any permit does; `None` where they are too many.
///
/// It may differ from them where a condition has no value: the caller decides such resources by the policies.
pub(super) fn permitted(builder: &mut Builder<'_>) -> Option<Id> {
    let mut alternatives: Vec<All> = Vec::new();
    let roots: Vec<Id> = permits(&builder.program).collect();
    for root in roots {
        for alternative in builder.program.chain(root, Node::as_or) {
            alternatives.push(builder.program.chain(alternative, Node::as_and).into_iter().collect());
            if alternatives.len() > MANY {
                return None;
            }
        }
    }
    let mut alternatives = least(alternatives);
    while let Some(joined) = join(builder, &alternatives) {
        alternatives = least(joined);
    }
    let mut any = builder.bool(false);
    for alternative in alternatives {
        let mut all = builder.bool(true);
        for condition in alternative {
            all = builder.add(Node::And(all, condition));
        }
        any = builder.add(Node::Or(any, all));
    }
    Some(any)
}

fn permits(program: &Program) -> impl Iterator<Item = Id> + '_ {
    program.entries.iter().filter(|entry| entry.effect == Effect::Permit).map(|entry| entry.root)
}

/// Those that do not ask more than another does.
fn least(mut alternatives: Vec<All>) -> Vec<All> {
    alternatives.sort_by_key(BTreeSet::len);
    let mut least: Vec<All> = Vec::new();
    for alternative in alternatives {
        if mutant!(FactorDropsLess) {
            least.retain(|known| !known.is_subset(&alternative));
            least.push(alternative);
        } else if !least.iter().any(|known| known.is_subset(&alternative)) {
            least.push(alternative);
        }
    }
    least
}

/// The alternatives with two of them, which differ in one condition, as one; `None` where there are no such two.
fn join(builder: &mut Builder<'_>, alternatives: &[All]) -> Option<Vec<All>> {
    for (at, a) in alternatives.iter().enumerate() {
        for (with, b) in alternatives.iter().enumerate().skip(at + 1) {
            let (mut of_a, mut of_b) = (a.difference(b), b.difference(a));
            if let (Some(&x), Some(&y), None, None) = (of_a.next(), of_b.next(), of_a.next(), of_b.next()) {
                let either = either(builder, x, y);
                let mut joined: All = a.intersection(b).copied().collect();
                joined.insert(either);
                let others =
                    alternatives.iter().enumerate().filter(|(other, _)| *other != at && *other != with);
                return Some(others.map(|(_, all)| all.clone()).chain([joined]).collect());
            }
        }
    }
    None
}

/// Whether one of two conditions holds; where both ask what one path leads to, whether it is one of their values.
fn either(builder: &mut Builder<'_>, a: Id, b: Id) -> Id {
    match (one_of(&builder.program, a), one_of(&builder.program, b)) {
        (Some((path, mut values)), Some((same, more))) if path == same => {
            values.extend(more);
            let values = builder.add(Node::Const(Value::Set(values)));
            builder.add(Node::Binary(Binary::Contains, values, path))
        }
        _ => builder.add(Node::Or(a, b)),
    }
}

/// The path and the values where a condition asks whether one is among the other.
fn one_of(program: &Program, id: Id) -> Option<(Id, BTreeSet<Value>)> {
    let is_path = |id: Id| program.is_path(id) && matches!(program.node(id), Node::Attr(..));
    match *program.node(id) {
        Node::Binary(Binary::Eq, a, b) => match (program.constant(a), program.constant(b)) {
            (None, Some(value)) if is_path(a) => Some((a, BTreeSet::from([value.clone()]))),
            (Some(value), None) if is_path(b) => Some((b, BTreeSet::from([value.clone()]))),
            _ => None,
        },
        Node::Binary(Binary::Contains, set, path) if is_path(path) => match program.constant(set) {
            Some(Value::Set(all)) => Some((path, all.clone())),
            _ => None,
        },
        _ => None,
    }
}
