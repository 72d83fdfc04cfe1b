//! Ways to a row: alternatives that an index finds rows by, each on its own.
//!
//! A database looks up the rows of every alternative, and puts them together. Two that look for the same rows are
//! best one look; two that do not are best apart, so that it may choose the narrowest index for each.

use std::collections::BTreeSet;

use super::implied::Implied;
use super::tables::Kind;
use super::tree::{Comparison, Predicate, Scalar};

/// Alternatives that look for the same rows as one, and those that look for none and share something; `None` where
/// there are no such two.
pub(super) fn together(any: &[Predicate], known: &Implied<'_>) -> Option<Vec<Predicate>> {
    let mut ways: Vec<Way<'_>> = Vec::new();
    for one in any {
        let sought = conditions(one).iter().filter(|part| is_sought(part)).collect();
        match ways.iter_mut().find_map(|way| Some((way.shared_with(&sought, one, known)?, way))) {
            Some((shared, way)) => {
                way.shared = shared;
                way.any.push(one);
            }
            None => ways.push(Way { sought, shared: conditions(one).iter().collect(), any: vec![one] }),
        }
    }
    (ways.len() < any.len()).then(|| ways.iter().map(|way| way.factored(known)).collect())
}

/// Alternatives that are one.
struct Way<'a> {
    /// What names the rows.
    sought: BTreeSet<&'a Predicate>,
    /// What all ask.
    shared: Vec<&'a Predicate>,
    any: Vec<&'a Predicate>,
}

impl<'a> Way<'a> {
    /// What another one asks as well, if it belongs here.
    fn shared_with(
        &self,
        sought: &BTreeSet<&Predicate>,
        one: &Predicate,
        known: &Implied<'_>,
    ) -> Option<Vec<&'a Predicate>> {
        if self.sought != *sought {
            return None;
        }
        let is_asked = |part: &&&Predicate| conditions(one).iter().any(|asked| known.is_same(part, asked));
        let shared: Vec<&Predicate> = self.shared.iter().filter(is_asked).copied().collect();
        (!shared.is_empty()).then_some(shared)
    }

    /// What all share, and any of what each asks beside.
    fn factored(&self, known: &Implied<'_>) -> Predicate {
        let is_shared = |part: &&Predicate| self.shared.iter().any(|shared| known.is_same(shared, part));
        let beside = |one: &&Predicate| {
            Predicate::all(conditions(one).iter().filter(|part| !is_shared(part)).cloned())
        };
        let rest = Predicate::any(self.any.iter().map(beside));
        Predicate::all(self.shared.iter().map(|part| (*part).clone()).chain([rest]))
    }
}

fn conditions(one: &Predicate) -> &[Predicate] {
    match one {
        Predicate::All(all) => all,
        single => std::slice::from_ref(single),
    }
}

/// Whether a condition names rows: by an entity that it is, or that a row beside it has.
///
/// Recursion is bounded by the limits on policy text.
fn is_sought(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::OneOf(scalar, _) | Predicate::Compare(Comparison::Equal, scalar, Scalar::Constant(_)) => {
            matches!(scalar, Scalar::Column(column) if matches!(column.kind, Kind::Id(_)))
        }
        Predicate::Exists(_, _, of) => is_sought(of),
        Predicate::All(all) => all.iter().any(is_sought),
        Predicate::Any(any) => any.iter().all(is_sought),
        _ => false,
    }
}
