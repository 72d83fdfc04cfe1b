//! The name that was probably meant.

use caseward::{Schema, Ward};

use crate::failure::Failure;

/// Longer names are not compared: nobody mistypes that much.
const LONGEST: usize = 100;

/// The nearest of `names`, where one is near.
pub(crate) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = typed.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).max(1);
    let typed = typed.to_lowercase();
    let near =
        names.into_iter().map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, name)| name)
}

/// `; did you mean …?`, or nothing.
fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// Refuses an action that the schema lacks, and says which one is near.
pub(crate) fn known_action(ward: &Ward, typed: &str) -> Result<(), Failure> {
    if ward.schema().action(typed).is_some() {
        return Ok(());
    }
    let actions = ward.schema().actions();
    let whole: Vec<String> = actions.iter().map(|a| a.uid.to_string()).collect();
    let near = nearest(typed, actions.iter().map(|a| a.uid.id()))
        .or_else(|| nearest(typed, whole.iter().map(String::as_str)));
    Err(Failure::other(format!("the schema has no action `{typed}`{}", hint(near))))
}

/// What is wrong with an entity type that the schema lacks; `None` where it has it.
pub(crate) fn unknown_type(schema: &Schema, typed: &str) -> Option<String> {
    if schema.type_id(typed).is_some() {
        return None;
    }
    let near = nearest(typed, schema.entity_types().iter().map(|t| t.name.as_ref()));
    Some(format!("the schema has no entity type `{typed}`{}", hint(near)))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_only_what_is_near() {
        let names = ["viewSummary", "viewRecord", "closeCase"];
        for (typed, expected) in [
            ("viewSumary", Some("viewSummary")),
            ("viewsummary", Some("viewSummary")),
            ("clsoeCase", Some("closeCase")),
            ("delete", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), expected, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), names), None);
    }
}
