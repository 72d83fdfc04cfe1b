//! The circumstances of a question.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::model::{Action, Type, Value};

/// The fields of a context, by name.
pub(crate) type Fields = BTreeMap<Arc<str>, Value>;

/// The circumstances under which something is asked: the time, and the fields that the action's schema asks for.
///
/// The time is given once ([`Context::at`]) and reaches those actions alone whose context has a `now`; a field that an
/// action does not have is an error.
///
/// # Example
/// ```
/// use caseward::{Context, Value};
///
/// let context = Context::at(1_772_190_000_000).with("sizeBytes", 4_096);
/// assert_eq!(context.get("sizeBytes"), Some(&Value::Long(4_096)));
/// assert_eq!(context.now(), Some(1_772_190_000_000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    fields: Fields,
    now: Option<i64>,
}

carried!(struct Context { fields, now });

impl Context {
    /// No field, and no time.
    pub const fn new() -> Self {
        Context { fields: BTreeMap::new(), now: None }
    }

    /// At an instant, in milliseconds since 1970-01-01T00:00:00Z; [`instant`](crate::instant) reads one.
    pub const fn at(now: i64) -> Self {
        Context { fields: BTreeMap::new(), now: Some(now) }
    }

    /// Adds a field, or replaces it.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Adds a field, or replaces it; gives the value that it had.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) -> Option<Value> {
        self.fields.insert(name.into(), value.into())
    }

    /// Takes a field away; gives the value that it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    /// The same fields at an instant.
    #[must_use]
    pub fn and_at(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// The instant, in milliseconds since 1970-01-01T00:00:00Z: the field `now` where there is one.
    pub fn now(&self) -> Option<i64> {
        now(&self.fields).or(self.now)
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The fields, in the order of their names; not the time that [`Context::at`] was given.
    pub fn fields(&self) -> &BTreeMap<Arc<str>, Value> {
        &self.fields
    }

    /// The fields as they are given to an action: with the time, where the action asks for it.
    pub(crate) fn for_action(&self, action: &Action) -> Cow<'_, Fields> {
        self.for_actions(std::iter::once(action))
    }

    /// The fields as they are given to several actions at once.
    pub(crate) fn for_actions<'a>(&self, mut actions: impl Iterator<Item = &'a Action>) -> Cow<'_, Fields> {
        match self.now {
            Some(now) if !self.fields.contains_key(NOW) && actions.any(Action::takes_now) => {
                let mut fields = self.fields.clone();
                fields.insert(NOW_NAME.clone(), Value::Datetime(now));
                Cow::Owned(fields)
            }
            _ => Cow::Borrowed(&self.fields),
        }
    }
}

/// The field that holds the time.
pub(crate) const NOW: &str = "now";
/// The same, made once.
static NOW_NAME: LazyLock<Arc<str>> = LazyLock::new(|| NOW.into());

/// The time that fields hold, in milliseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now(fields: &Fields) -> Option<i64> {
    match fields.get(NOW) {
        Some(Value::Datetime(now)) => Some(*now),
        _ => None,
    }
}

impl Action {
    /// Whether its context has the time, which [`Context::at`] gives: a `now` that is a datetime.
    pub fn takes_now(&self) -> bool {
        self.context.get(NOW).is_some_and(|field| field.ty == Type::Datetime)
    }
}

impl<N: Into<Arc<str>>, V: Into<Value>> FromIterator<(N, V)> for Context {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Context { fields, now: None }
    }
}

impl<N: Into<Arc<str>>, V: Into<Value>> Extend<(N, V)> for Context {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        self.fields.extend(fields.into_iter().map(|(name, value)| (name.into(), value.into())));
    }
}

impl<N: Into<Arc<str>>, V: Into<Value>, const LEN: usize> From<[(N, V); LEN]> for Context {
    fn from(fields: [(N, V); LEN]) -> Self {
        fields.into_iter().collect()
    }
}

impl From<BTreeMap<Arc<str>, Value>> for Context {
    fn from(fields: BTreeMap<Arc<str>, Value>) -> Self {
        Context { fields, now: None }
    }
}

impl serde::Serialize for Context {
    /// As a request has it: the fields alone.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}
