//! Whether a permit is one of the roles that the person has.
//!
//! A role is what a permit asks of the principal's own sets of entities (`principal.attendanceLeadAt` contains the
//! school) or of what the principal lies in. Where it names the entity, as a team, the person has the role who is of
//! it; where the record leads to it, whoever has the role anywhere.

use super::judge::{Judge, Truth};
use crate::ir::Node;
use crate::model::{Type, Value};
use crate::policy::{Body, Form, Part, Relation};

/// How a permit stands to the person's roles, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Own {
    /// One of the roles that it is for is theirs.
    Theirs,
    /// It is for no role, or it may not be seen whether the role is theirs.
    Open,
    /// It is for roles of others.
    Others,
}

pub(super) fn own(judge: &mut Judge<'_>, body: &Body) -> Own {
    let mut found = None;
    for term in &body.terms {
        look(judge, &term.part, &mut found);
    }
    found.unwrap_or(Own::Open)
}

/// Recursion is bounded by the limits on policy text.
fn look(judge: &mut Judge<'_>, part: &Part, found: &mut Option<Own>) {
    match part.form {
        Form::All | Form::Any => part.parts.iter().for_each(|part| look(judge, part, found)),
        Form::If => part.parts.iter().skip(1).for_each(|part| look(judge, part, found)),
        Form::Test(relation) => {
            if let Some(one) = role(judge, part, relation) {
                *found = Some(found.map_or(one, |other| other.min(one)));
            }
        }
        // What must not be so is nobody's role.
        Form::Not | Form::Literal | Form::Path | Form::Computed => {}
    }
}

/// How one test stands to the person's roles; `None` where it is about something else.
fn role(judge: &mut Judge<'_>, test: &Part, relation: Relation) -> Option<Own> {
    let [of, what] = test.parts.as_slice() else { return None };
    let program = judge.scene.program;
    let is_role = match (relation, program.node(of.node)) {
        (Relation::Contains | Relation::ContainsAny | Relation::ContainsAll, Node::Attr(base, ty, attr)) => {
            let entity = judge.scene.world.schema().entity_type(*ty);
            let attribute = entity.and_then(|ty| ty.attributes.get(attr.index()));
            let is_set = attribute.is_some_and(|(_, attribute)| match &attribute.ty {
                Type::Set(element) => matches!(**element, Type::Entity(_)),
                _ => false,
            });
            is_set && matches!(program.node(*base), Node::Principal)
        }
        (Relation::LiesIn, Node::Principal) => true,
        _ => false,
    };
    if !is_role {
        return None;
    }
    let names_it = what.form == Form::Literal || relation == Relation::LiesIn;
    let has_it = match names_it {
        true => judge.truth(test.node) == Truth::True,
        false => {
            if !judge.scene.lens.sees_all() && judge.reads(of.node).is_hidden {
                return Some(Own::Open);
            }
            let glimpse = judge.evaluation.glimpse(of.node, 1).ok()?;
            matches!(glimpse.value, Value::Set(all) if !all.is_empty())
        }
    };
    if names_it && judge.truth(test.node) == Truth::Hidden {
        return Some(Own::Open);
    }
    Some(if has_it { Own::Theirs } else { Own::Others })
}
