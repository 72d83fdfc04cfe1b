//! The name of an entity.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
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
#[derive(Clone)]
pub struct EntityUid(Named);

/// Where the names of an entity lie.
#[derive(Clone)]
enum Named {
    Alone {
        type_name: Arc<str>,
        id: Arc<str>,
    },
    /// With those of its neighbours in a list: nothing is allocated for one of them.
    Beside {
        block: Arc<Block>,
        start: usize,
        end: usize,
    },
}

/// Ids of one type, side by side.
struct Block {
    type_name: Arc<str>,
    ids: Box<str>,
}

/// Ids of a list that lie side by side. Whoever keeps one of them keeps them all, so they are few.
const TOGETHER: usize = 64;

impl EntityUid {
    /// Names the entity `id` of type `type_name`; neither is checked against a schema.
    pub fn new(type_name: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        EntityUid(Named::Alone { type_name: type_name.into(), id: id.into() })
    }

    /// The entity type, with its namespace, as in `Case` or `Clinic::Patient`.
    pub fn type_name(&self) -> &str {
        match &self.0 {
            Named::Alone { type_name, .. } => type_name,
            Named::Beside { block, .. } => &block.type_name,
        }
    }

    /// The id within the type, without quotes.
    pub fn id(&self) -> &str {
        match &self.0 {
            Named::Alone { id, .. } => id,
            Named::Beside { block, start, end } => block.ids.get(*start..*end).unwrap_or_default(),
        }
    }

    /// Names many entities of one type: the names of a list cost little more than their texts.
    pub(crate) fn all<'a, I: Iterator<Item = &'a str>>(type_name: Arc<str>, ids: I) -> Uids<I> {
        let block = Arc::new(Block { type_name, ids: Box::default() });
        Uids { ids, block, ends: VecDeque::with_capacity(TOGETHER), start: 0, text: String::new() }
    }

    fn names(&self) -> (&str, &str) {
        (self.type_name(), self.id())
    }
}

/// Names of entities of one type, made a block at a time.
pub(crate) struct Uids<I> {
    ids: I,
    block: Arc<Block>,
    /// Where the ids of the block end that were not given out yet, and where the first of them starts.
    ends: VecDeque<usize>,
    start: usize,
    /// The text of the next block, while it is made.
    text: String,
}

impl<'a, I: Iterator<Item = &'a str>> Uids<I> {
    /// Puts the next ids side by side.
    fn refill(&mut self) {
        self.start = 0;
        self.text.clear();
        for id in self.ids.by_ref().take(TOGETHER) {
            self.text.push_str(id);
            self.ends.push_back(self.text.len());
        }
        let type_name = self.block.type_name.clone();
        self.block = Arc::new(Block { type_name, ids: self.text.as_str().into() });
    }
}

impl<'a, I: Iterator<Item = &'a str>> Iterator for Uids<I> {
    type Item = EntityUid;

    fn next(&mut self) -> Option<EntityUid> {
        if self.ends.is_empty() {
            self.refill();
        }
        let end = self.ends.pop_front()?;
        let start = std::mem::replace(&mut self.start, end);
        Some(EntityUid(Named::Beside { block: self.block.clone(), start, end }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.ids.size_hint();
        let made = self.ends.len();
        (least.saturating_add(made), most.and_then(|most| most.checked_add(made)))
    }
}

#[cfg(feature = "carry")]
impl crate::model::carried::Wire for EntityUid {
    const NAME: &'static str = "EntityUid";

    fn write(&self, out: &mut Vec<u8>) {
        self.type_name().to_owned().write(out);
        self.id().to_owned().write(out);
    }

    fn read(from: &mut crate::model::carried::Bytes<'_>) -> Option<Self> {
        let type_name: Arc<str> = crate::model::carried::Wire::read(from)?;
        Some(EntityUid::new(type_name, <Arc<str> as crate::model::carried::Wire>::read(from)?))
    }
}

impl PartialEq for EntityUid {
    fn eq(&self, other: &Self) -> bool {
        // Ids differ where types do not, and before them.
        self.id() == other.id() && self.type_name() == other.type_name()
    }
}

impl Eq for EntityUid {}

impl PartialOrd for EntityUid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntityUid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names().cmp(&other.names())
    }
}

impl Hash for EntityUid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names().hash(state);
    }
}

impl fmt::Debug for EntityUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (type_name, id) = self.names();
        f.debug_struct("EntityUid").field("type_name", &type_name).field("id", &id).finish()
    }
}

impl fmt::Display for EntityUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of types need no escapes; what stands in data is none before it has been looked at.
        write!(f, "{}::\"{}\"", self.type_name().escape_debug(), self.id().escape_debug())
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
    use std::hash::BuildHasher;

    use hashbrown::DefaultHashBuilder;

    use super::{EntityUid, TOGETHER, parse_plain};

    #[test]
    fn names_of_a_list_are_those_that_are_made_alone() {
        let ids: Vec<String> = (0..2 * TOGETHER + 7).map(|n| "ā".repeat(n % 5)).collect();
        let alone: Vec<_> = ids.iter().map(|id| EntityUid::new("Case", id.as_str())).collect();
        let listed: Vec<_> = EntityUid::all("Case".into(), ids.iter().map(String::as_str)).collect();
        assert_eq!(listed, alone);
        let mut some = EntityUid::all("Case".into(), ids.iter().map(String::as_str));
        for left in (0..=ids.len()).rev() {
            assert_eq!(some.size_hint(), (left, Some(left)));
            assert_eq!(some.next().is_some(), left > 0);
        }
        let hasher = DefaultHashBuilder::default();
        for (one, other) in listed.iter().zip(&alone) {
            assert_eq!((one.type_name(), one.id()), (other.type_name(), other.id()));
            assert_eq!(one.cmp(other), std::cmp::Ordering::Equal);
            assert_eq!(hasher.hash_one(one), hasher.hash_one(other));
            assert_eq!(format!("{one} {one:?}"), format!("{other} {other:?}"));
        }
        let later = EntityUid::new("Case", "\u{10ffff}");
        assert!(listed.iter().all(|one| *one < later && *one > EntityUid::new("Bay", "z") && *one != later));
        assert_eq!(size_of::<EntityUid>(), 4 * size_of::<usize>());
    }

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
