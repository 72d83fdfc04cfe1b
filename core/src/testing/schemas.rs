//! Random schemas, with all that the schema language can say about types and actions.

use std::fmt::Write as _;

use super::Choices;

/// A schema of up to four entity types besides an enumerated one, and up to three actions; some of them in a
/// namespace, some of the actions in a group.
pub fn schema(choices: &mut Choices<'_>) -> String {
    let actions = 1 + choices.below(3);
    schema_with(choices, actions)
}

/// As [`schema`], with so many actions, called `a0`, `a1` …
pub fn schema_with(choices: &mut Choices<'_>, actions: usize) -> String {
    let types = 2 + choices.below(3);
    let mut text = String::from("entity Mark enum [\"x\", \"y\", \"z\"];\n");
    for n in 0..types {
        // Only later types above, so that hierarchies of types stay plain; a type may lie in itself.
        let above: Vec<String> =
            (n..types).filter(|_| choices.chance(1, 3)).map(|m| format!("E{m}")).collect();
        let above = if above.is_empty() { String::new() } else { format!(" in [{}]", above.join(", ")) };
        let fields = fields(choices, types, 7);
        let tags = if choices.chance(1, 2) {
            format!(" tags {}", type_text(choices, types, 1))
        } else {
            String::new()
        };
        let _ = writeln!(text, "entity E{n}{above} = {{ {fields} }}{tags};");
    }
    let _ = writeln!(text, "action group;");
    for n in 0..actions {
        let (principal, resource) = (choices.below(types), choices.below(types));
        let context = fields(choices, types, 3);
        let group = if choices.chance(1, 2) { " in [\"group\"]" } else { "" };
        let _ = writeln!(
            text,
            "action a{n}{group} appliesTo {{ principal: E{principal}, resource: [E{resource}, E0], \
            context: {{ {context} }} }};"
        );
    }
    if choices.chance(1, 4) { format!("namespace N {{\n{text}}}\n") } else { text }
}

fn fields(choices: &mut Choices<'_>, types: usize, most: usize) -> String {
    let count = 1 + choices.below(most);
    let fields = (0..count).map(|n| {
        let optional = if choices.chance(1, 2) { "?" } else { "" };
        format!("f{n}{optional}: {}", type_text(choices, types, 2))
    });
    fields.collect::<Vec<_>>().join(", ")
}

fn type_text(choices: &mut Choices<'_>, types: usize, depth: usize) -> String {
    let kinds = if depth == 0 { 10 } else { 15 };
    match choices.below(kinds) {
        0 => "Bool".into(),
        1 | 2 => "Long".into(),
        3 => "String".into(),
        4 => "decimal".into(),
        5 => "ipaddr".into(),
        6 => "datetime".into(),
        7 => "duration".into(),
        8 | 9 => {
            if choices.chance(1, 6) {
                "Mark".into()
            } else {
                format!("E{}", choices.below(types))
            }
        }
        10..=12 => format!("Set<{}>", type_text(choices, types, depth - 1)),
        _ => {
            let (a, b) = (type_text(choices, types, depth - 1), type_text(choices, types, depth - 1));
            format!("{{ g0: {a}, g1?: {b} }}")
        }
    }
}
