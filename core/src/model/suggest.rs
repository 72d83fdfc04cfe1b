//! The name that was probably meant.

use std::cmp::Reverse;

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
    // Of those that are equally near, the one that begins alike.
    let alike =
        |name: &str| typed.chars().zip(name.to_lowercase().chars()).take_while(|(a, b)| a == b).count();
    let near = near.filter(|(distance, _)| *distance <= allowed);
    near.min_by_key(|(distance, name)| (*distance, Reverse(alike(name)), *name)).map(|(_, name)| name)
}

/// `; did you mean …?`, or nothing.
pub(crate) fn hint<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
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
            ("viewS", None),
            ("delete", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), expected, "{typed}");
        }
        assert_eq!(nearest("D61", ["D1", "D16", "D6"]), Some("D6"));
        assert_eq!(nearest(&"x".repeat(1_000_000), names), None);
    }
}
