//! How conditions come out, as far as a viewer may know.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::sight::Lens;
use crate::decide::Ready;
use crate::ir::{Evaluation, Failure, Id, Node, Program, Reads, Supposed};
use crate::model::Value;
use crate::policy::Anatomy;
use crate::world::{Place, World};

/// How a condition comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    /// It has no value.
    Failed(Failure),
    /// It depends on what may not be seen.
    Hidden,
}

/// The request that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) program: &'a Program,
    pub(super) principal: Place,
    pub(super) resource: Place,
    pub(super) lens: &'a Lens<'a>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(world: &'a World, anatomy: &'a Anatomy, ready: &Ready<'_>, lens: &'a Lens<'a>) -> Self {
        let Ready { principal, resource, .. } = *ready;
        Scene { world, program: &anatomy.program, principal, resource, lens }
    }
}

/// Evaluates conditions of one request, with some facts supposed.
pub(super) struct Judge<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) evaluation: Evaluation<'a>,
    known: HashMap<Id, Truth>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        scene: Scene<'a>,
        context: &'a BTreeMap<Arc<str>, Value>,
        supposed: &'a Supposed,
    ) -> Self {
        let Scene { world, program, principal, resource, .. } = scene;
        let evaluation = Evaluation::new(program, world, principal, Some(resource), context);
        Judge { scene, evaluation: evaluation.supposing(supposed), known: HashMap::new() }
    }

    /// How the node comes out. What is hidden is left open: where it could go either way, so does the whole.
    ///
    /// INVARIANT: the result follows from facts that may be seen.
    /// Recursion is bounded by the limits on policy text.
    pub(super) fn truth(&mut self, id: Id) -> Truth {
        if self.scene.lens.sees_all() {
            return self.evaluated(id);
        }
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let program = self.scene.program;
        let truth = match program.node(id) {
            Node::And(a, b) => self.short(*a, *b, Truth::True, Truth::False),
            Node::Or(a, b) => self.short(*a, *b, Truth::False, Truth::True),
            Node::Not(a) => self.truth(*a).negated(),
            Node::If(test, then, or) => match self.truth(*test) {
                Truth::True => self.truth(*then),
                Truth::False => self.truth(*or),
                Truth::Failed(failure) => Truth::Failed(failure),
                Truth::Hidden => {
                    let (then, or) = (self.truth(*then), self.truth(*or));
                    if then == or && !program.node_can_fail(*test) { then } else { Truth::Hidden }
                }
            },
            _ if self.reads(id).is_hidden => Truth::Hidden,
            _ => self.evaluated(id),
        };
        self.known.insert(id, truth);
        truth
    }

    fn short(&mut self, a: Id, b: Id, goes_on: Truth, ends: Truth) -> Truth {
        match self.truth(a) {
            truth if truth == goes_on => self.truth(b),
            Truth::Hidden if !self.scene.program.node_can_fail(a) && self.truth(b) == ends => ends,
            truth => truth,
        }
    }

    fn evaluated(&mut self, id: Id) -> Truth {
        match self.evaluation.holds(id) {
            Ok(true) => Truth::True,
            Ok(false) => Truth::False,
            Err(failure) => Truth::Failed(failure),
        }
    }

    /// The facts that evaluating the node reads.
    pub(super) fn reads(&mut self, id: Id) -> Reads {
        let lens = self.scene.lens;
        let mut reads = Reads::default();
        self.evaluation.reads(id, &|fact| lens.sees(fact), &mut reads);
        reads
    }
}

impl Truth {
    pub(super) fn negated(self) -> Self {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            truth => truth,
        }
    }
}
