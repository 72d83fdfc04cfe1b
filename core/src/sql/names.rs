//! Names of tables and columns, made from those of the schema.

use std::collections::BTreeSet;

/// Bytes that a name may have: PostgreSQL cuts off what is beyond 63.
const LONGEST: usize = 55;

/// Names that are taken, without regard to case, as some databases look at them.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Takes a name that somebody else chose.
    pub(super) fn take(&mut self, name: &str) {
        self.0.insert(name.to_lowercase());
    }

    /// The name, or the name with the first number that makes it another than those taken.
    pub(super) fn new_name(&mut self, name: &str) -> String {
        let end = (0..=LONGEST.min(name.len())).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        let short = name.get(..end).unwrap_or(name);
        let numbered = (2_u32..).map(|n| format!("{short}_{n}"));
        let mut all = std::iter::once(short.to_owned()).chain(numbered);
        let name = all.find(|name| !self.0.contains(&name.to_lowercase())).unwrap_or_default();
        self.take(&name);
        name
    }
}

/// `providerAccessFrom` as `provider_access_from`, `Clinic::Ward` as `clinic_ward`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut goes_on = false;
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let next_is_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        let last_is_upper = at > 0 && chars.get(at - 1).is_some_and(|last| last.is_uppercase());
        if c.is_uppercase() && goes_on && (!last_is_upper || next_is_lower) {
            out.push('_');
        }
        match c {
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ if goes_on => out.push('_'),
            _ => {}
        }
        goes_on = !out.is_empty() && !out.ends_with('_');
    }
    if out.is_empty() { "_".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::{Names, snake};

    #[test]
    fn names_are_snake_case() {
        for (name, expected) in [
            ("case", "case"),
            ("providerAccessFrom", "provider_access_from"),
            ("Clinic::Ward", "clinic_ward"),
            ("MinistryTeam", "ministry_team"),
            ("userID", "user_id"),
            ("HTTPServer", "http_server"),
            ("f0", "f0"),
            ("é\"; drop", "é_drop"),
            ("\0", "_"),
            ("", "_"),
        ] {
            assert_eq!(snake(name), expected, "{name}");
        }
    }

    #[test]
    fn no_name_twice() {
        let mut names = Names::default();
        names.take("ID");
        assert_eq!(["id", "id", "a"].map(|name| names.new_name(name)), ["id_2", "id_3", "a"]);
        let long = names.new_name(&"é".repeat(60));
        assert!(long.len() <= 55 && long != names.new_name(&"é".repeat(60)));
    }
}
