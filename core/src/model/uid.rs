//! The name of an entity.

use std::fmt;
use std::sync::Arc;

/// The name of an entity: its type and its id, as in `Case::"c1"`.
///
/// Reading and writing use Cedar's own syntax, escapes included.
///
/// # Example
/// ```
/// use caseward::EntityUid;
///
/// let case: EntityUid = r#"Case::"c1""#.parse()?;
/// assert_eq!(case, EntityUid::new("Case", "c1"));
/// assert_eq!(case.to_string(), r#"Case::"c1""#);
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityUid {
    type_name: Arc<str>,
    id: Arc<str>,
}

carried!(struct EntityUid { type_name, id });

impl EntityUid {
    /// Names the entity `id` of type `type_name`; neither is checked against a schema.
    pub fn new(type_name: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        EntityUid { type_name: type_name.into(), id: id.into() }
    }

    /// The entity type, with its namespace, as in `Case` or `Clinic::Patient`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The id within the type, without quotes.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for EntityUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of types need no escapes; what stands in data is none before it has been looked at.
        write!(f, "{}::\"{}\"", self.type_name.escape_debug(), self.id.escape_debug())
    }
}

/// Reads a name without escapes or white space, which Cedar's parser would take a hundred times as long for.
///
/// It takes a part of what Cedar takes, and nothing else: `None` says nothing.
pub(crate) fn parse_plain(text: &str) -> Option<EntityUid> {
    let (type_name, id) = text.strip_suffix('"')?.split_once("::\"")?;
    let is_plain_part = |part: &str| {
        let mut bytes = part.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_uppercase()) && bytes.all(|b| b.is_ascii_alphanumeric())
    };
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@' | '/' | ':');
    (type_name.split("::").all(is_plain_part) && id.chars().all(is_plain))
        .then(|| EntityUid::new(type_name, id))
}

impl serde::Serialize for EntityUid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{EntityUid, parse_plain};

    #[test]
    fn the_plain_reading_is_cedars() {
        for text in [
            "User::\"u1\"",
            "A::B::C::\"\"",
            "User::\"a b.c-d_e@f/g:h\"",
            "Case::\"::\"",
            "User::\"a\\\"b\"",
            "User::\"é\"",
            "User::\"a\\u{301}\"",
            "user::\"x\"",
            "If::\"x\"",
            "__cedar::\"x\"",
            " User::\"u1\"",
            "User :: \"u1\"",
            "User::u1",
            "User::\"u1",
            "::\"u1\"",
            "User::::\"u1\"",
            "User::\"a\"b\"",
            "User::\"a\"::\"b\"",
            "",
            "\"",
            "User::\"a\nb\"",
        ] {
            let cedar = crate::cedar::value::parse_uid(text).ok();
            if let Some(plain) = parse_plain(text) {
                assert_eq!(Some(plain), cedar, "{text}");
            }
            assert_eq!(text.parse::<EntityUid>().ok(), cedar, "{text}");
        }
        assert!(parse_plain("A::B::\"u1\"").is_some());
    }
}
