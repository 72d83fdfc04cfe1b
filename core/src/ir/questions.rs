//! What programs ask of the principal alone.
//!
//! Of thousands of people most are alike in what policies ask of nobody but them: which roles they hold, whether
//! their login is active. The answers to these questions make a class; a program is folded once for a class, and
//! serves all who are in it.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{Binary, Builder, Entry, Evaluation, Id, Node, Program};
use crate::model::{Effect, Schema, TypeId, Value};
use crate::world::{Place, World};

/// The questions that several programs ask of principals of one type.
pub(crate) struct Questions {
    /// One entry a question.
    program: Program,
    /// Types of entities other than the principal that the questions read.
    pub(crate) reads: BTreeSet<TypeId>,
}

/// Where one program asks the questions: the question by node.
pub(crate) struct Asked {
    /// Whether the node is true.
    conditions: HashMap<Id, usize>,
    /// Whether the set that is looked into at the node is empty.
    sets: HashMap<Id, usize>,
}

/// The answers of one principal; `None` where a question cannot be answered.
pub(crate) type Answers = Vec<Option<bool>>;

impl Questions {
    /// The questions of `programs`, and where each program asks them, in the order of the programs.
    pub(crate) fn new(programs: &[&Program], schema: &Schema) -> (Self, Vec<Asked>) {
        let mut collection = Collection { builder: Builder::new(schema), roots: Vec::new() };
        let asked = programs.iter().map(|program| collection.of_program(program)).collect();
        let Collection { mut builder, roots } = collection;
        builder.program.entries = roots
            .into_iter()
            .enumerate()
            .map(|(policy, root)| Entry { policy, effect: Effect::Permit, root })
            .collect();
        let program = builder.finish();
        let reads = reads(&program, schema);
        (Questions { program, reads }, asked)
    }

    /// How a principal answers.
    pub(crate) fn answers(&self, world: &World, principal: Place) -> Answers {
        let context = std::collections::BTreeMap::new();
        let mut evaluation = Evaluation::new(&self.program, world, principal, None, &context);
        self.program.entries.iter().map(|entry| evaluation.holds(entry.root).ok()).collect()
    }
}

impl Program {
    /// The program for all who answer so.
    pub(crate) fn for_answers(&self, asked: &Asked, answers: &Answers, schema: &Schema) -> Program {
        let answer = |question: Option<&usize>| answers.get(*question?).copied().flatten();
        self.rebuilt(schema, |id, _| {
            if let Some(answer) = answer(asked.conditions.get(&id)) {
                return Some(Value::Bool(answer));
            }
            // Nothing is in an empty set. What is looked for cannot fail where the program cannot.
            let is_empty = answer(asked.sets.get(&id))? || mutant!(EmptySetsHold);
            (is_empty && !self.can_fail).then_some(Value::Bool(false))
        })
    }
}

struct Collection<'a> {
    builder: Builder<'a>,
    /// The question's node by its number.
    roots: Vec<Id>,
}

impl Collection<'_> {
    fn of_program(&mut self, program: &Program) -> Asked {
        let mut asked = Asked { conditions: HashMap::new(), sets: HashMap::new() };
        let of_principal = of_principal(program);
        let is_ours = |id: Id| of_principal.get(id.index()).copied().unwrap_or(false);
        let mut copied = HashMap::new();
        let mut ask = |collection: &mut Self, id: Id| collection.question(program, id, &mut copied);
        for (number, node) in (0u32..).map(Id).zip(&program.nodes) {
            if let Node::Binary(Binary::Contains, set, _) = node
                && is_ours(*set)
                && !is_ours(number)
            {
                let empty = ask(self, *set);
                let empty = self.builder.add(Node::IsEmpty(empty));
                asked.sets.insert(number, self.number(empty));
            }
            if is_ours(number) && program.is_condition(number) {
                let node = ask(self, number);
                asked.conditions.insert(number, self.number(node));
            }
        }
        asked
    }

    /// The same expression among the questions.
    fn question(&mut self, program: &Program, id: Id, copied: &mut HashMap<Id, Id>) -> Id {
        if let Some(&known) = copied.get(&id) {
            return known;
        }
        let node = program.node(id);
        let mut operands = Vec::new();
        node.operands(&mut |id| operands.push(id));
        for operand in operands {
            self.question(program, operand, copied);
        }
        let new = self.builder.add(node.with_operands(|id| copied.get(&id).copied().unwrap_or(id)));
        copied.insert(id, new);
        new
    }

    fn number(&mut self, root: Id) -> usize {
        match self.roots.iter().position(|known| *known == root) {
            Some(number) => number,
            None => {
                self.roots.push(root);
                self.roots.len() - 1
            }
        }
    }
}

impl Program {
    /// Whether the node is a condition, by its form.
    pub(crate) fn is_condition(&self, id: Id) -> bool {
        match self.node(id) {
            Node::HasAttr(..)
            | Node::HasField(..)
            | Node::IsGiven(_)
            | Node::HasTag(..)
            | Node::And(..)
            | Node::Or(..)
            | Node::Not(_)
            | Node::IsEmpty(_)
            | Node::Like(..)
            | Node::Is(..) => true,
            Node::Binary(op, ..) => !matches!(op, Binary::Add | Binary::Sub | Binary::Mul),
            Node::If(_, then, or) => self.is_condition(*then) && self.is_condition(*or),
            _ => false,
        }
    }
}

/// Which nodes depend on the principal and on nothing else of the request, by number.
fn of_principal(program: &Program) -> Vec<bool> {
    // Constants go with either.
    let mut free: Vec<bool> = Vec::with_capacity(program.nodes.len());
    let mut asks: Vec<bool> = Vec::with_capacity(program.nodes.len());
    for node in &program.nodes {
        let (mut is_free, mut does_ask) = (true, matches!(node, Node::Principal));
        match node {
            Node::Resource | Node::Context | Node::Given(_) | Node::IsGiven(_) | Node::Unreachable => {
                is_free = false;
            }
            _ => node.operands(&mut |id| {
                is_free &= free.get(id.index()).copied().unwrap_or(false);
                does_ask |= asks.get(id.index()).copied().unwrap_or(false);
            }),
        }
        free.push(is_free);
        asks.push(does_ask);
    }
    free.iter().zip(asks).map(|(free, asks)| *free && asks).collect()
}

/// The types of the entities that a program of questions reads beside the principal.
fn reads(program: &Program, schema: &Schema) -> BTreeSet<TypeId> {
    let is_principal = |id: &Id| matches!(program.node(*id), Node::Principal);
    let mut types = BTreeSet::new();
    for node in &program.nodes {
        match node {
            Node::Attr(of, ty, _) | Node::HasAttr(of, ty, _) if !is_principal(of) => {
                types.insert(*ty);
            }
            Node::Tag(of, _) | Node::HasTag(of, _) | Node::Binary(Binary::In, of, _) if !is_principal(of) => {
                types.extend((0u16..).map(TypeId).take(schema.entity_types().len()));
            }
            _ => {}
        }
    }
    types
}
