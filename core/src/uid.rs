//! The name of an entity.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;

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
        write!(f, "{}::\"{}\"", self.type_name, self.id.escape_debug())
    }
}

impl FromStr for EntityUid {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] where the text is not a name in Cedar's syntax.
    fn from_str(text: &str) -> Result<Self, Error> {
        crate::policy::parse_uid(text)
    }
}

impl serde::Serialize for EntityUid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
