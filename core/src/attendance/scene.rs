//! Small worlds from lines that read like the rules: `Case it: student=sam status=open team=ana,ben`.
//!
//! The schema says how a value is read. Sets that a line leaves out are empty, and truths are false; a line
//! that makes no sense becomes a problem that the builder reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::schema::{Attribute, Schema, Type};
use crate::time;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// Builds a world from lines.
///
/// # Errors
/// [`Error::is_data`], where a line does not fit the ward's schema.
pub(super) fn world<'a>(ward: &Ward, lines: impl IntoIterator<Item = &'a str>) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(ward.schema());
    for line in lines.into_iter().flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty()) {
        let (name, facts) = line.split_once(':').unwrap_or((line, ""));
        let (ty, id) = name.split_once(' ').unwrap_or((name, ""));
        let schema = ward.schema();
        let entity_type = schema.type_id(ty).and_then(|ty| schema.entity_type(ty));
        let declared = entity_type.map_or(&[][..], |ty| ty.attributes.as_slice());
        let given: BTreeMap<&str, &str> = facts.split_whitespace().map(pair).collect();
        let mut attributes: Vec<(&str, Value)> = declared.iter().filter_map(|(n, a)| omitted(n, a)).collect();
        attributes.retain(|(name, _)| !given.contains_key(name));
        attributes.extend(given.into_iter().map(|(name, text)| {
            let ty = declared.iter().find(|(n, _)| n.as_ref() == name).map(|(_, a)| &a.ty);
            (name, ty.map_or_else(|| Value::from(text), |ty| value(schema, ty, text)))
        }));
        builder.add(&EntityUid::new(ty, id), attributes);
    }
    builder.finish()
}

pub(super) fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn omitted<'a>(name: &'a Arc<str>, attribute: &Attribute) -> Option<(&'a str, Value)> {
    match attribute.ty {
        Type::Set(_) if attribute.required => Some((name.as_ref(), Value::set([]))),
        Type::Bool if attribute.required => Some((name.as_ref(), Value::Bool(false))),
        _ => None,
    }
}

/// Reads a value of type `ty`; text that is none stays a string, which the builder then refuses.
pub(super) fn value(schema: &Schema, ty: &Type, text: &str) -> Value {
    let read = match ty {
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::Long => text.parse().ok().map(Value::Long),
        Type::Datetime => time::parse(text).map(Value::Datetime),
        Type::Entity(of) => {
            schema.entity_type(*of).map(|of| Value::Entity(EntityUid::new(of.name.clone(), text)))
        }
        Type::Set(element) => Some(Value::set(text.split(',').map(|one| value(schema, element, one)))),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::world;
    use crate::{EntityUid, Ward};

    #[test]
    fn lines_become_entities_and_nonsense_becomes_problems() {
        let ward = Ward::attendance().expect("the policies load");
        let kauri = "School kauri: kind=state";
        let made =
            world(&ward, [kauri, "User aroha: loginActive=true attendanceLeadAt=kauri"]).expect("a world");
        assert!(made.contains(&EntityUid::new("User", "aroha")));
        for wrong in
            ["School rata:", "Scool rata: kind=state", "User ana: loginActive=yes", "User ana: wings=2"]
        {
            assert!(world(&ward, [kauri, wrong]).expect_err("nonsense").is_data(), "{wrong}");
        }
    }
}
