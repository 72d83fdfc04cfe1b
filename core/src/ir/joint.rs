//! Several programs as one: what they share is asked once.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Builder, Id, Node, Program};
use crate::model::Schema;

impl Program {
    /// The programs as one, with the entries of each, in their order.
    ///
    /// They are asked about the same principal, resource and context.
    pub(crate) fn joined<'p>(
        programs: impl Iterator<Item = &'p Program>,
        schema: &Schema,
    ) -> (Program, Vec<Range<usize>>) {
        let (mut builder, mut parts) = (Builder::new(schema), Vec::new());
        for program in programs {
            let start = builder.program.entries.len();
            let mut new: Vec<Id> = Vec::with_capacity(program.nodes.len());
            for node in &program.nodes {
                new.push(builder.add(node.with_operands(|id| new.get(id.index()).copied().unwrap_or(id))));
            }
            for entry in &program.entries {
                if let Some(&root) = new.get(entry.root.index()) {
                    builder.policy(entry.policy, entry.effect, root);
                }
            }
            parts.push(start..builder.program.entries.len());
        }
        (builder.finish(), parts)
    }

    /// The fields of the context that are asked for by name; `None` where the context is taken as a whole.
    pub(crate) fn given(&self) -> Option<BTreeSet<&Arc<str>>> {
        let mut fields = BTreeSet::new();
        for node in &self.nodes {
            match node {
                Node::Context => return None,
                Node::Given(name) | Node::IsGiven(name) => {
                    fields.insert(name);
                }
                _ => {}
            }
        }
        Some(fields)
    }
}
