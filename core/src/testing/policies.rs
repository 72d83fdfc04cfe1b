//! Random policies that strict validation takes, most of them.

use std::fmt::Write as _;

use super::Choices;
use super::operators::OPERATORS;
use super::schemas::{schema, schema_with};
use super::writer::Writer;
use crate::model::{Action, Schema, Source, TypeId};
use crate::policy::Sources;
use crate::ward::Ward;

/// A text of policies for `schema`, most of them for one action and a principal and resource of its types.
///
/// Most of them are strictly valid; what validation refuses is for the caller to leave out.
pub fn policies(schema: &Schema, choices: &mut Choices<'_>, count: usize) -> Vec<Source> {
    let mut all = Vec::new();
    for n in 0..count {
        let Some(action) = choices.pick(schema.actions()) else { break };
        let types = (choices.pick(&action.principals).copied(), choices.pick(&action.resources).copied());
        let (Some(principal), Some(resource)) = types else { break };
        let permits = choices.chance(3, 4);
        let head = head(schema, action, principal, resource, choices);
        let mut writer = Writer::new(schema, action, principal, resource, choices, false);
        // Some permits ask for nothing more than their head, as real ones do.
        let clauses = if permits && writer.choices.chance(1, 4) { 0 } else { 1 + writer.choices.below(2) };
        let mut body = String::new();
        for _ in 0..clauses {
            let word = if writer.choices.chance(3, 4) { "when" } else { "unless" };
            let depth = 1 + writer.choices.below(4);
            let _ = write!(body, "\n{word} {{ {} }}", writer.bool(depth));
        }
        let effect = if permits { "permit" } else { "forbid" };
        all.push(Source::new(format!("random {n}"), format!("@id(\"p{n}\") {effect} ({head}){body};")));
    }
    all
}

/// Who, what and which record: mostly by type and action, at times in every other way there is.
fn head(
    schema: &Schema,
    action: &Action,
    principal: TypeId,
    resource: TypeId,
    choices: &mut Choices<'_>,
) -> String {
    let others =
        [action.uid.to_string(), schema.actions().first().map_or(String::new(), |a| a.uid.to_string())];
    let asked = match choices.below(12) {
        11 => format!("action in [{}]", others.join(", ")),
        10 => "action".to_owned(),
        9 => match action.groups.first() {
            Some(group) => format!("action in {group}"),
            None => format!("action == {}", action.uid),
        },
        _ => format!("action == {}", action.uid),
    };
    let (who, which) =
        (side(schema, "principal", principal, choices), side(schema, "resource", resource, choices));
    format!("{who}, {asked}, {which}")
}

fn side(schema: &Schema, variable: &str, ty: TypeId, choices: &mut Choices<'_>) -> String {
    let name = |ty| schema.entity_type(ty).map_or("", |ty| ty.name.as_ref());
    let above = schema.entity_type(ty).map(|ty| ty.ancestors.clone()).unwrap_or_default();
    let above = name(choices.pick(&above).copied().unwrap_or(ty));
    let id = choices.below(4);
    match choices.below(16) {
        15 => variable.to_owned(),
        14 => format!("{variable} == {}::\"{id}\"", name(ty)),
        13 => format!("{variable} in {above}::\"{id}\""),
        12 => format!("{variable} is {} in {above}::\"{id}\"", name(ty)),
        _ => format!("{variable} is {}", name(ty)),
    }
}

/// A ward with its sources; how many policies validation refused.
pub struct Drawn {
    /// What was loaded.
    pub sources: Sources,
    /// The ward of it.
    pub ward: Ward,
    /// Policies that were left out.
    pub refused: usize,
}

/// The ward of a random schema and those of `count` random policies that validation takes.
pub fn ward(choices: &mut Choices<'_>, count: usize) -> Option<Drawn> {
    let schema = Source::new("schema", schema(choices));
    let bare = Ward::new(&Sources { schema: schema.clone(), policies: Vec::new(), catalogue: None }).ok()?;
    let policies = policies(bare.schema(), choices, count);
    let (schema, catalogue) = shown(bare.schema(), &schema.text, choices);
    of_valid(Sources { schema, policies, catalogue: Some(catalogue) })
}

/// The schema with sections for most of its attributes, and a catalogue that shows them to whoever may do some action.
fn shown(schema: &Schema, text: &str, choices: &mut Choices<'_>) -> (Source, Source) {
    const SECTIONS: usize = 3;
    let (mut text, mut catalogue) = (text.to_owned(), String::new());
    for (at, ty) in (0..).zip(schema.entity_types()) {
        let actions: Vec<&Action> =
            schema.actions().iter().filter(|action| action.resources.contains(&TypeId(at))).collect();
        let _ = writeln!(catalogue, "['{}']", ty.name);
        let drawn = |choices: &mut Choices<'_>, of: (usize, usize)| {
            let names = ty.attributes.iter().filter(|_| choices.chance(of.0, of.1));
            names.map(|(name, attribute)| (name.clone(), attribute.clone())).collect::<Vec<_>>()
        };
        if choices.chance(1, 4) || actions.is_empty() {
            let names: Vec<String> =
                drawn(choices, (1, 2)).iter().map(|(name, _)| format!("'{name}'")).collect();
            let _ = writeln!(catalogue, "public = [{}]", names.join(", "));
        }
        if actions.is_empty() {
            continue;
        }
        let name = |action: &Action| format!("'{}'", action.uid);
        let known: Vec<String> = actions.iter().filter(|_| choices.chance(1, 2)).map(|a| name(a)).collect();
        let known = if known.is_empty() { actions.iter().take(1).map(|a| name(a)).collect() } else { known };
        let _ = writeln!(catalogue, "known_by = [{}]", known.join(", "));
        if choices.chance(1, 3) {
            let action = choices.pick(&actions).map_or_else(String::new, |action| name(action));
            let _ = writeln!(catalogue, "unlocks = {action}");
        }
        let mut included = drawn(choices, (1, 2));
        included.retain(|(_, attribute)| matches!(attribute.ty, crate::model::schema::Type::Entity(_)));
        let included: Vec<String> = included.iter().map(|(name, _)| format!("'{name}'")).collect();
        let _ = writeln!(catalogue, "includes = [{}]", included.join(", "));
        let _ = writeln!(catalogue, "['{}'.sections]", ty.name);
        for section in 0..SECTIONS {
            let action = choices.pick(&actions).map_or_else(String::new, |action| name(action));
            let _ = writeln!(catalogue, "s{section} = {action}");
        }
        let in_sections: Vec<(String, usize)> = drawn(choices, (4, 5))
            .iter()
            .map(|(name, _)| (name.to_string(), choices.below(SECTIONS)))
            .collect();
        text = with_sections(&text, &ty.name, &in_sections);
    }
    (Source::new("schema", text), Source::new("fields.toml", catalogue))
}

/// The text of a schema in which some attributes of a type are each in a section of that number.
fn with_sections(text: &str, ty: &str, attributes: &[(String, usize)]) -> String {
    let short = ty.rsplit("::").next().unwrap_or_default();
    let lines = text.lines().map(|line| {
        if !line.starts_with(&format!("entity {short} ")) {
            return line.to_owned();
        }
        let annotate = |line: String, (name, section): &(String, usize)| {
            let of = |mark: &str| format!(" {name}{mark}");
            let put = |mark: &str| format!(" @section(\"s{section}\") {name}{mark}");
            line.replacen(&of(": "), &put(": "), 1).replacen(&of("?: "), &put("?: "), 1)
        };
        attributes.iter().fold(line.to_owned(), annotate)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A ward in which each action `aN` has one policy, whose whole condition is the `N`th of [`OPERATORS`].
pub fn ward_of_operators(choices: &mut Choices<'_>) -> Option<Drawn> {
    let schema = Source::new("schema", schema_with(choices, OPERATORS.len()));
    let bare = Ward::new(&Sources { schema: schema.clone(), policies: Vec::new(), catalogue: None }).ok()?;
    let mut policies = Vec::new();
    for (n, operator) in OPERATORS.iter().enumerate() {
        let Some(action) = bare.schema().actions().iter().find(|a| a.uid.id() == format!("a{n}")) else {
            continue;
        };
        let types = (choices.pick(&action.principals).copied(), choices.pick(&action.resources).copied());
        let (Some(principal), Some(resource)) = types else { continue };
        let name = |ty| bare.schema().entity_type(ty).map_or("", |ty| ty.name.as_ref());
        let word = if operator.name == "unless" { "unless" } else { "when" };
        let absent = choices.chance(1, 2);
        let mut writer = Writer::new(bare.schema(), action, principal, resource, choices, absent);
        let text = format!(
            "@id(\"p{n}\") permit (principal is {}, action == {}, resource is {}) {word} {{ {} }};",
            name(principal),
            action.uid,
            name(resource),
            writer.of_operator(operator.name)
        );
        policies.push(Source::new(format!("operator {n}"), text));
    }
    of_valid(Sources { schema, policies, catalogue: None })
}

/// The ward of those policies that validation takes.
fn of_valid(mut sources: Sources) -> Option<Drawn> {
    let all = sources.policies.len();
    // Each round names what one stage of loading refuses; a few stages there are.
    for _ in 0..6 {
        let error = match Ward::new(&sources) {
            Ok(ward) => {
                let refused = all - sources.policies.len();
                return Some(Drawn { sources, ward, refused });
            }
            Err(error) => error,
        };
        let named: Vec<&str> = error.problems().iter().map(|problem| problem.source.as_str()).collect();
        sources.policies.retain(|policy| !named.contains(&policy.name.as_ref()));
    }
    None
}
