//! Small worlds from lines that read like the rules: `Case it: student=sam status=open team=ana,ben`.
//!
//! A value with spaces stands in quotes, and `Doc it in Folder top, Folder shared:` says what an entity lies in. The
//! schema says how a value is read. Sets that a line leaves out are empty, and truths are false; a line that makes no
//! sense becomes a problem that the builder reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cedar::{construct, parse_decimal};
use crate::model::{Attribute, EntityUid, Error, Schema, Type, Value, timestamp};
use crate::ward::Ward;
use crate::world::{World, WorldBuilder};

/// Builds a world from lines.
///
/// # Errors
/// [`Error::is_data`], where a line does not fit the ward's schema.
pub(crate) fn world<'a>(ward: &Ward, lines: impl IntoIterator<Item = &'a str>) -> Result<World, Error> {
    let mut builder = WorldBuilder::new(ward.schema());
    for line in lines.into_iter().flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty()) {
        let (name, facts) = split_name(line);
        let (name, parents) = name.split_once(" in ").unwrap_or((name, ""));
        let uid = uid(name);
        let parents = parents.split(',').map(str::trim).filter(|parent| !parent.is_empty()).map(self::uid);
        let schema = ward.schema();
        let entity_type = schema.type_id(uid.type_name()).and_then(|ty| schema.entity_type(ty));
        let declared = entity_type.map_or(&[][..], |ty| ty.attributes.as_slice());
        let given: BTreeMap<String, String> = pairs(facts).into_iter().collect();
        let mut attributes: Vec<(&str, Value)> = declared.iter().filter_map(|(n, a)| omitted(n, a)).collect();
        attributes.retain(|(name, _)| !given.contains_key(*name));
        attributes.extend(given.iter().map(|(name, text)| {
            let ty = declared.iter().find(|(n, _)| n.as_ref() == name).map(|(_, a)| &a.ty);
            (name.as_str(), ty.map_or_else(|| Value::from(text.as_str()), |ty| value(schema, ty, text)))
        }));
        builder.add_whole(&uid, attributes, parents.collect::<Vec<_>>(), BTreeMap::new());
    }
    builder.finish()
}

/// The name of a line's entity and its facts: a colon parts them, and a type's namespace has two.
fn split_name(line: &str) -> (&str, &str) {
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find(':')).map(|at| from + at) {
        if line.get(at..).is_some_and(|rest| rest.starts_with("::")) {
            from = at + 2;
            continue;
        }
        return (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
    }
    (line, "")
}

fn uid(name: &str) -> EntityUid {
    let (ty, id) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
    EntityUid::new(ty, id.trim())
}

/// The pairs `name=value` of a text, between blanks; a value in quotes may hold blanks.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            None => ("", after),
            Some(quoted) if quoted.starts_with('"') => {
                let inner = quoted.get(1..).unwrap_or_default();
                inner.split_once('"').unwrap_or((inner, ""))
            }
            Some(plain) => plain.split_at(plain.find(char::is_whitespace).unwrap_or(plain.len())),
        };
        pairs.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    pairs
}

fn omitted<'a>(name: &'a Arc<str>, attribute: &Attribute) -> Option<(&'a str, Value)> {
    match attribute.ty {
        Type::Set(_) if attribute.required => Some((name.as_ref(), Value::set([]))),
        Type::Bool if attribute.required => Some((name.as_ref(), Value::Bool(false))),
        _ => None,
    }
}

/// Reads a value of type `ty`; text that is none stays a string, which the builder then refuses.
pub(crate) fn value(schema: &Schema, ty: &Type, text: &str) -> Value {
    let read = match ty {
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::Long => text.parse().ok().map(Value::Long),
        Type::Datetime => timestamp::parse_rfc3339(text).map(Value::Datetime),
        Type::Duration => construct("duration", text),
        Type::Decimal => parse_decimal(text).map(Value::Decimal),
        Type::Ip => construct("ip", text),
        Type::Entity(of) => {
            schema.entity_type(*of).map(|of| Value::Entity(EntityUid::new(of.name.clone(), text)))
        }
        Type::Set(element) => {
            let members = text.split(',').filter(|one| !one.is_empty());
            Some(Value::set(members.map(|one| value(schema, element, one))))
        }
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::{pairs, world};
    use crate::{EntityUid, Source, Sources, Value, Ward};

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

    #[test]
    fn any_schema_has_its_lines() {
        let schema = "namespace N { entity Folder; entity Doc in [Folder] = { title: String, size: decimal, from: ipaddr, kept: duration, tags: Set<String> }; }";
        let sources =
            Sources { schema: Source::new("schema", schema), policies: Vec::new(), catalogue: None };
        let ward = Ward::new(&sources).expect("the schema is valid");
        let lines = "N::Folder top\nN::Doc it in N::Folder top: title=\"two words: a=b\" size=1.5 from=10.0.0.0/8 kept=2d tags=";
        let made = world(&ward, [lines]).expect("a world");
        let of = |name: &str| made.attribute(&EntityUid::new("N::Doc", "it"), name).unwrap();
        assert_eq!(of("title"), Some(Value::from("two words: a=b")));
        assert_eq!(of("tags"), Some(Value::set([])));
        assert!(world(&ward, ["N::Doc it in N::Folder nowhere: title=a size=1.0 from=::1 kept=1d"]).is_err());
    }

    #[test]
    fn values_in_quotes_hold_blanks() {
        let read = pairs(" a=1  b=\"x y\" c= d");
        let read: Vec<(&str, &str)> = read.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(read, [("a", "1"), ("b", "x y"), ("c", ""), ("d", "")]);
    }
}
