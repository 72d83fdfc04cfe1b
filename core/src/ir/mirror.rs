//! The same program, asked from the other side.
//!
//! Everything that finds records for a person treats the resource as what is unknown. With principal and resource
//! in each other's places it finds people for a record.

use super::{Builder, Id, Node, Program};
use crate::model::Schema;

impl Program {
    /// The program with the principal where the resource was, and the other way round.
    ///
    /// It gives for a principal `a` and a resource `b` what this one gives for the principal `b` and the resource
    /// `a`.
    pub(crate) fn mirrored(&self, schema: &Schema) -> Program {
        let mut builder = Builder::new(schema);
        let mut new: Vec<Id> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let node = match node {
                Node::Principal => Node::Resource,
                Node::Resource if !mutant!(MirrorForgetsResource) => Node::Principal,
                node => node.with_operands(|id| new.get(id.index()).copied().unwrap_or(id)),
            };
            new.push(builder.add(node));
        }
        for entry in &self.entries {
            if let Some(&root) = new.get(entry.root.index()) {
                builder.policy(entry.policy, entry.effect, root);
            }
        }
        builder.finish().pruned()
    }
}
