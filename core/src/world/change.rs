//! What is to change, as a service says it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{EntityUid, Value};

/// A batch of changes: applied as a whole by [`World::apply`](super::World::apply) or not at all, or looked
/// through, as if it were applied, with [`World::with`](super::World::with).
///
/// Changes are made one after the other, so that a later one sees what an earlier one did; references and
/// required attributes are looked at once all are made.
///
/// # Example
/// ```
/// use caseward::{Changes, EntityUid, Value, Ward, WorldBuilder};
///
/// let ward = Ward::attendance()?;
/// let world = WorldBuilder::new(ward.schema()).finish()?;
/// let school = EntityUid::new("School", "northcote");
///
/// let version = world.apply(&Changes::new().put(&school, [("kind", Value::from("state"))]))?;
/// assert_eq!((version, world.count("School")?), (2, 1));
///
/// let version = world.apply(&Changes::new().remove(&school))?;
/// assert_eq!((version, world.count("School")?), (3, 0));
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub(super) all: Vec<Change>,
}

carried!(struct Changes { all });

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) uid: EntityUid,
    pub(super) what: What,
}

carried!(struct Change { uid, what });

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Put { attributes: Vec<(Arc<str>, Value)>, parents: Vec<EntityUid>, tags: BTreeMap<Arc<str>, Value> },
    Set(Arc<str>, Value),
    Unset(Arc<str>),
    Parents(Vec<EntityUid>),
    Tag(Arc<str>, Value),
    Untag(Arc<str>),
    Remove,
}

carried!(enum What {
    0 = Put { attributes: attributes, parents: parents, tags: tags }, 1 = Set { 0: name, 1: value },
    2 = Unset { 0: name }, 3 = Parents { 0: parents }, 4 = Tag { 0: name, 1: value }, 5 = Untag { 0: name },
    6 = Remove {},
});

impl Changes {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entity, or puts it in the place of the one of that name, with these attributes and nothing else.
    #[must_use]
    pub fn put<'a>(self, uid: &EntityUid, attributes: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        self.put_whole(uid, attributes, [], BTreeMap::new())
    }

    /// As [`Changes::put`], lying in `parents` and with tags.
    #[must_use]
    pub fn put_whole<'a>(
        self,
        uid: &EntityUid,
        attributes: impl IntoIterator<Item = (&'a str, Value)>,
        parents: impl IntoIterator<Item = EntityUid>,
        tags: BTreeMap<Arc<str>, Value>,
    ) -> Self {
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
        self.and(uid, What::Put { attributes, parents: parents.into_iter().collect(), tags })
    }

    /// Sets one attribute of an entity that is there.
    #[must_use]
    pub fn set(self, uid: &EntityUid, name: &str, value: impl Into<Value>) -> Self {
        self.and(uid, What::Set(name.into(), value.into()))
    }

    /// Takes an optional attribute from an entity that is there, if it has it.
    #[must_use]
    pub fn unset(self, uid: &EntityUid, name: &str) -> Self {
        self.and(uid, What::Unset(name.into()))
    }

    /// Sets what an entity that is there lies in, directly.
    #[must_use]
    pub fn set_parents(self, uid: &EntityUid, parents: impl IntoIterator<Item = EntityUid>) -> Self {
        self.and(uid, What::Parents(parents.into_iter().collect()))
    }

    /// Sets one tag of an entity that is there.
    #[must_use]
    pub fn set_tag(self, uid: &EntityUid, name: &str, value: impl Into<Value>) -> Self {
        self.and(uid, What::Tag(name.into(), value.into()))
    }

    /// Takes a tag from an entity that is there, if it has it.
    #[must_use]
    pub fn unset_tag(self, uid: &EntityUid, name: &str) -> Self {
        self.and(uid, What::Untag(name.into()))
    }

    /// Removes an entity that is there and to which, after the batch, nothing refers.
    #[must_use]
    pub fn remove(self, uid: &EntityUid) -> Self {
        self.and(uid, What::Remove)
    }

    /// These changes, and then others.
    #[must_use]
    pub fn then(mut self, others: Changes) -> Self {
        self.all.extend(others.all);
        self
    }

    /// How many changes these are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is no change at all.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The entities that are changed, in the order of the changes; one may come several times.
    pub fn entities(&self) -> impl Iterator<Item = &EntityUid> {
        self.all.iter().map(|change| &change.uid)
    }

    fn and(mut self, uid: &EntityUid, what: What) -> Self {
        self.all.push(Change { uid: uid.clone(), what });
        self
    }
}
