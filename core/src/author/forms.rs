//! The form of each file of TOML in a folder of policies, as JSON Schema: for editors that know of no policies, and for
//! programs that write such files.
//!
//! The schema and the policies say which types, attributes, actions, policies and rules there are: the forms are of one
//! folder. What they let pass may still be refused, where it hangs on more than the form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::model::{Action, Attribute, EntityType, Schema, Transform, Type};
use crate::policy::FilePart;
use crate::ward::Ward;

/// The draft that all are written in.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

impl Ward {
    /// The form of a file of TOML that goes with these policies, as JSON Schema (draft 2020-12); `None` where the part is
    /// no TOML.
    ///
    /// # Example
    /// ```
    /// use caseward::{FilePart, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let cases = ward.json_schema(FilePart::Case).unwrap_or_default();
    /// let known = &cases["$defs"]["case"]["properties"]["expect"]["enum"];
    /// assert_eq!(known, &serde_json::json!(["allow", "deny"]));
    /// assert!(ward.json_schema(FilePart::Policy).is_none());
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn json_schema(&self, part: FilePart) -> Option<Json> {
        let (title, mut form) = match part {
            FilePart::Case => ("Cases", cases(self)),
            FilePart::Catalogue => ("What of a record is shown to whom", catalogue(self.schema())),
            FilePart::Annotations => ("What annotations may name", annotations()),
            FilePart::Matrix => ("The people and the situations of the matrix", matrix(self.schema())),
            FilePart::Unreachable => ("Conditions that can never decide one way", unreachable(self)),
            _ => return None,
        };
        if let Some(form) = form.as_object_mut() {
            form.insert("$schema".to_owned(), json!(DRAFT));
            form.insert("title".to_owned(), json!(title));
        }
        // The same text however serde_json keeps its keys.
        form.sort_all_objects();
        Some(form)
    }
}

/// A table with these keys and no others.
fn table(properties: Json, required: &[&str]) -> Json {
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "required": required })
}

fn list(of: Json) -> Json {
    json!({ "type": "array", "items": of })
}

fn text() -> Json {
    json!({ "type": "string" })
}

/// An instant, as RFC 3339 or in milliseconds since 1970; readers of TOML hand over its own instants as texts.
fn instant() -> Json {
    json!({ "type": ["string", "integer"] })
}

/// One of these names; of none, none.
fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Json {
    let names: BTreeSet<&str> = names.into_iter().collect();
    match names.is_empty() {
        // A list of choices has one at least.
        true => json!(false),
        false => json!({ "type": "string", "enum": names }),
    }
}

fn cases(ward: &Ward) -> Json {
    let schema = ward.schema();
    let mut forms = Map::new();
    let (mut world, mut changes) = (Map::new(), Map::new());
    for ty in schema.entity_types().iter().filter(|ty| ty.choices.is_none()) {
        let own = json!({ "$ref": format!("#/$defs/{}", ty.name) });
        world.insert(ty.name.to_string(), json!({ "type": "object", "additionalProperties": own }));
        changes.insert(format!("^{}\\.", ty.name), own);
        forms.insert(ty.name.to_string(), entity(ty, schema));
    }
    let ids = one_of(ward.policies().iter().map(|policy| policy.id.as_ref()));
    let actions: Vec<_> = schema.actions().iter().map(|action| schema.action_name(action)).collect();
    let action = one_of(actions.iter().map(AsRef::as_ref));
    let case = json!({
        "name": { "type": "string", "description": "a sentence: what the case shows" },
        "principal": { "type": "string", "description": "who asks, as Type.id" },
        "action": { "anyOf": [action, list(action.clone())] },
        "resource": { "type": "string", "description": "the record, as Type.id" },
        "change": { "type": "object", "patternProperties": changes, "additionalProperties": false, "description": "what is otherwise in this case alone" },
        "unset": { "type": "array", "items": text(), "description": "what is not set in this case alone, as Type.id.attribute" },
        "context": context(schema),
        "now": instant(),
        "expect": { "enum": ["allow", "deny"] },
        "policies": { "type": "array", "items": ids, "description": "exactly the policies that decide" },
        "rules": list(one_of(ward.policies().iter().filter_map(|policy| policy.rule.as_deref()))),
        "fails": { "type": "object", "propertyNames": ids, "additionalProperties": text(), "description": "the condition at which a policy comes out otherwise" },
        "absent": list(text()),
    });
    let required = ["name", "principal", "action", "resource", "expect"];
    forms.insert("case".to_owned(), table(case, &required));
    let file = json!({
        "now": instant(),
        "world": { "type": "object", "properties": world, "additionalProperties": false },
        "case": list(json!({ "$ref": "#/$defs/case" })),
    });
    let mut form = table(file, &[]);
    if let Some(form) = form.as_object_mut() {
        form.insert("$defs".to_owned(), Json::Object(forms));
    }
    form
}

/// What a file of cases says of an entity.
fn entity(ty: &EntityType, schema: &Schema) -> Json {
    let mut properties = Map::new();
    for (name, attribute) in &ty.attributes {
        properties.insert(name.to_string(), value(&attribute.ty, schema));
    }
    properties.insert("@parents".to_owned(), list(text()));
    if let Some(tags) = &ty.tags {
        let of = value(tags, schema);
        properties.insert("@tags".to_owned(), json!({ "type": "object", "additionalProperties": of }));
    }
    table(Json::Object(properties), &[])
}

/// The fields of every action's context.
fn context(schema: &Schema) -> Json {
    let mut fields: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for (name, field) in schema.actions().iter().flat_map(|action| action.context.iter()) {
        let (forms, own) = (fields.entry(name).or_default(), value(&field.ty, schema));
        if !forms.contains(&own) {
            forms.push(own);
        }
    }
    let properties: Map<String, Json> = fields
        .into_iter()
        .map(|(name, forms)| {
            let form = match forms.as_slice() {
                [one] => one.clone(),
                _ => json!({ "anyOf": forms }),
            };
            (name.to_owned(), form)
        })
        .collect();
    table(Json::Object(properties), &[])
}

/// A value as files of cases write it.
fn value(ty: &Type, schema: &Schema) -> Json {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Long => json!({ "type": "integer" }),
        Type::Datetime => instant(),
        Type::Set(element) => list(value(element, schema)),
        Type::Record(fields) => {
            let of = |(name, field): (&std::sync::Arc<str>, &Attribute)| {
                (name.to_string(), value(&field.ty, schema))
            };
            table(Json::Object(fields.iter().map(of).collect()), &[])
        }
        Type::Entity(ty) => {
            let ty = schema.entity_type(*ty);
            let name = ty.map_or("", |ty| &ty.name);
            match ty.and_then(|ty| ty.choices.as_ref()) {
                Some(choices) => one_of(choices.iter().map(AsRef::as_ref)),
                None => json!({ "type": "string", "description": format!("the id of a {name}") }),
            }
        }
        Type::String | Type::Decimal | Type::Ip | Type::Duration => text(),
    }
}

fn catalogue(schema: &Schema) -> Json {
    let mut types = Map::new();
    for (ty, id) in schema.entity_types().iter().filter_map(|ty| Some((ty, schema.type_id(&ty.name)?))) {
        let takes = |action: &&Action| action.resources.contains(&id);
        let actions = schema.actions().iter().filter(takes).map(|action| schema.action_name(action));
        let actions: Vec<_> = actions.collect();
        let action = one_of(actions.iter().map(AsRef::as_ref));
        let attribute = one_of(ty.attributes.iter().map(|(name, _)| name.as_ref()));
        let references = ty.attributes.iter().filter(|(_, of)| matches!(of.ty, Type::Entity(_)));
        let references = one_of(references.map(|(name, _)| name.as_ref()));
        let names = one_of(schema.entity_types().iter().map(|ty| ty.name.as_ref()));
        let items = json!({ "type": names, "by": text(), "action": text() });
        let form = json!({
            "known_by": { "type": "array", "items": action, "description": "actions of which one is enough to know that the record exists" },
            "includes": { "type": "array", "items": references, "description": "references whose target's fields are shown with the record" },
            "items": { "type": "array", "items": table(items, &["type", "by", "action"]), "description": "entries of the record" },
            "alert": table(json!({ "action": action, "sees": action }), &["action", "sees"]),
            "unlocks": action,
            "public": { "type": "array", "items": attribute, "description": "attributes that explanations show to everybody" },
            "statistics": { "type": "object", "additionalProperties": list(text()), "description": "what protected tables may be grouped by" },
            "sections": { "type": "object", "additionalProperties": action, "description": "each section, and the action that shows it" },
            "content": { "type": "object", "additionalProperties": text(), "description": "the section of each field that no rule reads" },
            "transforms": {
                "type": "object",
                "additionalProperties": list(one_of(Transform::names())),
                "description": "forms in which whoever sees a field may release it",
            },
            "set_by": { "type": "object", "propertyNames": attribute, "additionalProperties": text(), "description": "who sets an attribute" },
        });
        types.insert(ty.name.to_string(), table(form, &[]));
    }
    table(Json::Object(types), &[])
}

fn annotations() -> Json {
    let answer = table(json!({ "question": text(), "reading": text() }), &["reading"]);
    let value = json!({ "anyOf": [text(), answer] });
    json!({ "type": "object", "additionalProperties": { "type": "object", "additionalProperties": value } })
}

fn matrix(schema: &Schema) -> Json {
    let person =
        table(json!({ "heading": text(), "legend": text(), "facts": text() }), &["heading", "legend"]);
    let situation =
        json!({ "record": text(), "title": text(), "scene": text(), "context": text(), "facts": text() });
    let file = json!({
        "title": text(),
        "about": text(),
        "principal": one_of(schema.entity_types().iter().map(|ty| ty.name.as_ref())),
        "scenery": text(),
        "context": text(),
        "scenes": { "type": "object", "additionalProperties": text() },
        "person": list(person),
        "situation": list(table(situation, &["record", "title"])),
    });
    table(file, &["title", "principal"])
}

fn unreachable(ward: &Ward) -> Json {
    let entry = json!({
        "policy": one_of(ward.policies().iter().map(|policy| policy.id.as_ref())),
        "condition": text(),
        "occurrence": { "type": "integer", "minimum": 1 },
        "decides": { "type": "boolean" },
        "why": text(),
    });
    table(json!({ "unreachable": list(table(entry, &["policy", "condition", "decides", "why"])) }), &[])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value as Json;

    use crate::author::{CaseFile, Known};
    use crate::matrix::Matrix;
    use crate::model::{Error, Source};
    use crate::policy::{FilePart, Sources};
    use crate::ward::Ward;

    fn keys(form: &Json) -> BTreeSet<String> {
        form["properties"].as_object().expect("properties").keys().cloned().collect()
    }

    /// The keys that the reader of a file takes, as it names them where it meets another.
    fn taken(read: Result<(), Error>) -> BTreeSet<String> {
        let error = read.expect_err("the key is none").to_string();
        let (_, all) = error.split_once("expected").expect("it says what it takes");
        let names = all.split('`').skip(1).step_by(2).map(str::to_owned);
        names.collect()
    }

    #[test]
    fn the_forms_have_the_keys_that_are_read() {
        let ward = Ward::attendance().expect("policies");
        let form = |part| ward.json_schema(part).expect("a form");
        let source = |text: &str| Source::new("x", text);

        let cases = form(FilePart::Case);
        let known: BTreeSet<String> = CaseFile::KEYS.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys(&cases["$defs"]["case"]), known);

        let catalogue = |text: &str| {
            let catalogue = Some(source(text));
            Ward::new(&Sources { catalogue, ..Sources::attendance() }).map(drop)
        };
        let own = form(FilePart::Catalogue)["properties"]["Case"].clone();
        assert_eq!(keys(&own), taken(catalogue("[Case]\nnope = 1")));
        assert_eq!(
            keys(&own["properties"]["items"]["items"]),
            taken(catalogue("[Case]\nitems = [{ nope = 1 }]"))
        );
        assert_eq!(keys(&own["properties"]["alert"]), taken(catalogue("[Case]\nalert = { nope = 1 }")));

        let matrix = form(FilePart::Matrix);
        assert_eq!(keys(&matrix), taken(Matrix::check(&source("nope = 1"))));
        let person = Matrix::check(&source("title = \"\"\nprincipal = \"User\"\n[[person]]\nnope = 1"));
        assert_eq!(keys(&matrix["properties"]["person"]["items"]), taken(person));
        let situation = Matrix::check(&source("title = \"\"\nprincipal = \"User\"\n[[situation]]\nnope = 1"));
        assert_eq!(keys(&matrix["properties"]["situation"]["items"]), taken(situation));

        let unreachable = form(FilePart::Unreachable);
        let mut coverage = ward.coverage([]).expect("coverage");
        let mut read = |text: &str| coverage.excuse("x", text).map(drop);
        assert_eq!(keys(&unreachable), taken(read("nope = 1")));
        assert_eq!(
            keys(&unreachable["properties"]["unreachable"]["items"]),
            taken(read("[[unreachable]]\nnope = 1"))
        );

        assert!(
            Known::read(&source("[gate]\nG1 = \"says\"\nG2 = { question = \"?\", reading = \"so\" }"))
                .is_ok()
        );
    }
}
