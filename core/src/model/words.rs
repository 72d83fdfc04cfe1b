//! Names of schemas and entities in plain words, for sentences that people read.

use crate::model::EntityUid;

/// Characters of an id that are said.
const ID: usize = 60;

/// A name of a schema in words: `attendanceLeadAt` as `attendance lead at`, `Clinic::Record` as `record`.
///
/// # Example
/// ```
/// assert_eq!(caseward::words::plain("viewSummary"), "view summary");
/// ```
pub fn plain(name: &str) -> String {
    let name = name.rsplit("::").next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// What an entity is called in a sentence: by its id alone where that is a word, as `Aroha`; else with its type, as
/// `case c2`.
///
/// # Example
/// ```
/// use caseward::{EntityUid, words};
///
/// assert_eq!(words::entity(&EntityUid::new("User", "aroha")), "Aroha");
/// assert_eq!(words::entity(&EntityUid::new("Case", "c2")), "case c2");
/// ```
pub fn entity(uid: &EntityUid) -> String {
    let ty = plain(uid.type_name());
    let id: String = uid.id().chars().take(ID).collect::<String>().escape_debug().to_string();
    match id.chars().all(char::is_alphabetic) {
        _ if id.is_empty() => format!("the {ty} without a name"),
        true => capital(&id),
        false => format!("{ty} {id}"),
    }
}

/// The text with its first letter as a capital.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a` or `an`, as it stands before a word.
pub fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}
