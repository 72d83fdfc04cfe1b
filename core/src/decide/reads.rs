//! What decisions on records read of them, of one person: for those who keep the facts of records elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::ir::{Id, Node, Program};
use crate::model::{EntityUid, Error, Provenance, Schema, Value};
use crate::world::World;

/// What is read of the records of a type, to decide whether a person may do something to one of them.
///
/// What is known of the person and the circumstances is folded into the policies before: what is left may read less than
/// the policies do. Two records of which all of it is alike are decided alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reads {
    /// The paths of attributes whose values are read, as `status` or `student.enrolledAt`, in the order of their names. What
    /// an attribute only leads to is a path of its own, and the attribute is none.
    pub paths: Vec<Arc<str>>,
    /// Whether it is read which record it is, what it lies in, or its tags.
    pub itself: bool,
    /// What it was found from. Where the data is of another version, more or less may be read.
    pub provenance: Provenance,
}

impl Engine {
    pub(crate) fn reads(
        &self,
        world: &World,
        (principal, action): (&EntityUid, &str),
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Reads, Error> {
        let ty = self.schema().known_type(resource_type)?;
        let (found, version) = world.consistent(|| -> Result<(BTreeSet<Arc<str>>, bool), Error> {
            let asker = self.examine_asker(world, principal, action, resource_type, context)?;
            // Whatever names somebody who is not there is denied, whatever the records are.
            let Some(place) = asker.principal.filter(|_| asker.absent.is_empty()) else {
                return Ok((BTreeSet::new(), false));
            };
            let program = self.program(place.0, asker.action, ty);
            Ok(read_by(&program.specialise(world, place, context).program, self.schema()))
        });
        let (paths, itself) = found?;
        Ok(Reads {
            paths: paths.into_iter().collect(),
            itself,
            provenance: self.provenance(version, context),
        })
    }
}

/// The paths whose values a program reads, and whether it reads the record itself.
fn read_by(program: &Program, schema: &Schema) -> (BTreeSet<Arc<str>>, bool) {
    // Of a node that leads from the record along attributes, the path; of the record itself, an empty one.
    let mut paths: Vec<Option<Arc<str>>> = Vec::new();
    let (mut read, mut itself) = (BTreeSet::new(), false);
    let mut note = |path: Option<&Arc<str>>| match path {
        Some(path) if path.is_empty() => itself = true,
        Some(path) => {
            read.insert(path.clone());
        }
        None => {}
    };
    for id in program.ids() {
        let of = |id: &Id| paths.get(id.index()).cloned().flatten();
        let step = |from: &Id, ty: &crate::model::TypeId, attr: &crate::model::AttrId| {
            let from = of(from)?;
            let (name, _) = schema.entity_type(*ty)?.attributes.get(attr.index())?;
            Some(if from.is_empty() { name.clone() } else { format!("{from}.{name}").into() })
        };
        let path = match program.node(id) {
            Node::Resource => Some("".into()),
            Node::Attr(from, ty, attr) => step(from, ty, attr),
            Node::HasAttr(from, ty, attr) => {
                note(step(from, ty, attr).as_ref());
                None
            }
            node => {
                node.operands(&mut |operand| note(of(&operand).as_ref()));
                None
            }
        };
        paths.push(path);
    }
    for root in program.entries.iter().map(|entry| entry.root).chain(program.permitted) {
        note(paths.get(root.index()).and_then(Option::as_ref));
    }
    (read, itself)
}
