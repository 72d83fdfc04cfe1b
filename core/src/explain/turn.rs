//! What would turn a decision, as an explanation says it.

use std::fmt;
use std::sync::Arc;

use super::gate::Gate;
use super::shown::Shown;
use super::sight::attribute_name;
use super::step::{After, Step, What, held};
use crate::ir::Fact;
use crate::model::{EntityUid, Request, Value};
use crate::world::{Changes, World};

/// The smallest change of facts that would turn a decision.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Turn {
    /// These edits turn it, all of them together.
    Found {
        /// Three at most, in the order of the facts.
        edits: Vec<Edit>,
        /// The same as a batch for [`World::with`].
        #[serde(skip)]
        changes: Changes,
        /// The request, with the context that they leave.
        #[serde(skip)]
        request: Request,
    },
    /// Nothing that can be proposed does. The decision hangs on these facts, all of them together, some of which the
    /// catalogue says that others set (`set_by`): these are right as they are, or theirs to put right.
    Kept {
        /// Three at most, in the order of the facts.
        facts: Vec<Kept>,
    },
    /// No three edits that the policies suggest do.
    NoneFound,
    /// None was found before the limit on the search was reached.
    GaveUp,
    /// It depends on what the viewer may not see.
    Withheld,
    /// What the request names is absent: no fact about it would help.
    NotSought,
}

carried!(enum Turn {
    0 = Found { edits: edits, changes: changes, request: request }, 1 = Kept { facts: facts }, 2 = NoneFound {},
    3 = GaveUp {}, 4 = Withheld {}, 5 = NotSought {},
});

/// One change of one fact.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Edit {
    /// The entity; `None` for the context.
    pub entity: Option<EntityUid>,
    /// The attribute, the tag or the field of the context, and the fields within it.
    pub path: Vec<Arc<str>>,
    /// Whether it is a tag.
    pub is_tag: bool,
    /// What to do.
    #[serde(rename = "do")]
    pub what: Deed,
    /// The value to set, to add or to take; `None` where the fact is to be removed.
    pub value: Option<Shown>,
    /// What the fact is now.
    pub now: Shown,
}

carried!(struct Edit { entity, path, is_tag, what, value, now });

/// A fact on which a decision hangs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// The entity; `None` for the context.
    pub entity: Option<EntityUid>,
    /// The attribute, the tag or the field of the context, and the fields within it.
    pub path: Vec<Arc<str>>,
    /// Whether it is a tag.
    pub is_tag: bool,
    /// What the fact is.
    pub now: Shown,
    /// Who sets it, as the catalogue has it; `None` where that is not said.
    pub set_by: Option<Arc<str>>,
}

carried!(struct Kept { entity, path, is_tag, now, set_by });

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// Sets the value.
    Set,
    /// Removes an optional value.
    Remove,
    /// Adds an element to a set.
    Add,
    /// Takes an element from a set.
    Take,
}

carried!(enum Deed { 0 = Set {}, 1 = Remove {}, 2 = Add {}, 3 = Take {} });

impl Turn {
    pub(super) fn found(world: &World, request: &Request, mut steps: Vec<Step>) -> Self {
        steps.sort_by(|a, b| (&a.entity, &a.spot, &a.what).cmp(&(&b.entity, &b.spot, &b.what)));
        let (changes, changed) = After::new(world, request, &steps).as_changes(world, request);
        let edits = steps.iter().map(|step| Edit::new(world, request, step)).collect();
        Turn::Found { edits, changes, request: changed }
    }

    /// The facts that these steps touch, each with who sets it.
    pub(super) fn kept(world: &World, request: &Request, mut steps: Vec<Step>, gate: &Gate<'_>) -> Self {
        steps.sort_by(|a, b| (&a.entity, &a.spot, &a.what).cmp(&(&b.entity, &b.spot, &b.what)));
        let mut facts: Vec<Kept> = Vec::new();
        for step in &steps {
            let Edit { entity, path, is_tag, now, .. } = Edit::new(world, request, step);
            let kept = Kept { entity, path, is_tag, now, set_by: gate.set_by(&step.spot.fact).cloned() };
            if !facts.contains(&kept) {
                facts.push(kept);
            }
        }
        Turn::Kept { facts }
    }

    /// The edits that turn it; none where none are known.
    pub fn edits(&self) -> &[Edit] {
        match self {
            Turn::Found { edits, .. } => edits,
            _ => &[],
        }
    }
}

impl Edit {
    fn new(world: &World, request: &Request, step: &Step) -> Self {
        let (name, is_tag) = match &step.spot.fact {
            Fact::Given(name) => (name.clone(), false),
            Fact::Attribute(place, attr) => (attribute_name(world, place.0, *attr), false),
            Fact::Tag(_, name) => (name.clone(), true),
            Fact::Above(_) => ("".into(), false),
        };
        let mut now = held(world, request.context.fields(), &step.spot.fact);
        for field in &step.spot.fields {
            now = match now {
                Some(Value::Record(mut record)) => record.remove(field),
                _ => None,
            };
        }
        let (what, value) = match &step.what {
            What::Put(value) => (Deed::Set, Some(value)),
            What::Drop => (Deed::Remove, None),
            What::Add(value) => (Deed::Add, Some(value)),
            What::Take(value) => (Deed::Take, Some(value)),
        };
        Edit {
            entity: step.entity.clone(),
            path: std::iter::once(name).chain(step.spot.fields.iter().cloned()).collect(),
            is_tag,
            what,
            value: value.map(Shown::of),
            now: now.as_ref().map_or(Shown::Absent, Shown::of),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = fact(self.entity.as_ref(), &self.path, self.is_tag);
        match &self.now {
            Shown::Absent => write!(f, "{fact}, which is absent")?,
            now => write!(f, "{fact}, which is {now}")?,
        }
        match &self.set_by {
            Some(who) => write!(f, ": set by {who}"),
            None => Ok(()),
        }
    }
}

/// How a fact is named.
fn fact(entity: Option<&EntityUid>, path: &[Arc<str>], is_tag: bool) -> String {
    let kind = if is_tag { "tag " } else { "" };
    let path = path.join(".");
    match entity {
        Some(uid) => format!("{kind}`{path}` of {uid}"),
        None => format!("`{path}` of the context"),
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = fact(self.entity.as_ref(), &self.path, self.is_tag);
        let value = self.value.as_ref().map_or_else(String::new, Shown::to_string);
        match (self.what, &self.now) {
            (Deed::Set, Shown::Absent) => write!(f, "set {fact}, which is absent, to {value}"),
            (Deed::Set, now) => write!(f, "set {fact}, now {now}, to {value}"),
            (Deed::Remove, now) => write!(f, "remove {fact}, now {now}"),
            (Deed::Add, _) => write!(f, "add {value} to {fact}"),
            (Deed::Take, _) => write!(f, "take {value} from {fact}"),
        }
    }
}
