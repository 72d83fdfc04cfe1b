//! What stands beside the facts while a store is open: content that lists are sorted by, and the words of students' names.
//!
//! A field's values are read when a list first asks for them, and follow every batch from then on.
//!
//! INVARIANT: what is held is of the same batch as the world: a list holds this lock while it is made, and whoever applies a
//! batch holds it for writing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use caseward::{Changes, EntityUid, Handle, Texts, Value, World};
use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::db::{as_text, text};
use crate::draft::Finished;
use crate::error::Error;
use crate::seal::Place;
use crate::state::State;

/// Whose names and numbers are looked for, and in which field and attribute they are.
pub(crate) const PERSON: &str = "Student";
pub(crate) const NAME: &str = "name";
pub(crate) const NUMBER: &str = "nsn";

/// A text as it is compared: without case, macrons and other marks, and with one space where there are several.
pub(crate) fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text, folded.
pub(crate) fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// What a field's value says, where it is a text or a number.
fn said(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        // So that they come in their order.
        Json::Number(number) => number.as_u64().map(|number| format!("{number:020}")),
        _ => None,
    }
}

/// Shared by the writer and those who list.
#[derive(Clone, Default)]
pub(crate) struct Beside(Arc<Inside>);

#[derive(Default)]
struct Inside {
    held: RwLock<Held>,
    /// The version and the entry that are seen, for those who wait for one.
    seen: Mutex<(u64, u64)>,
    moved: Condvar,
}

/// What is held.
pub(crate) struct Held {
    /// The version of the data that the world and what is held are of.
    pub(crate) version: u64,
    pub(crate) texts: Texts,
    pub(crate) people: Option<People>,
}

impl Default for Held {
    fn default() -> Self {
        Held { version: 0, texts: Texts::new(fold), people: None }
    }
}

/// The people whose names have a word, and who have a number.
#[derive(Default)]
pub(crate) struct People {
    by_word: BTreeMap<String, BTreeSet<u32>>,
    by_number: BTreeMap<String, BTreeSet<u32>>,
    /// By an entity's number: the entity, the words of its name, its number.
    known: HashMap<u32, (Handle, Vec<String>, Option<String>)>,
}

impl People {
    fn set(&mut self, of: Handle, words: Option<Vec<String>>, number: Option<Option<String>>) {
        let (_, old_words, old_number) = self.known.remove(&of.number()).unwrap_or((of, Vec::new(), None));
        let forget = |by: &mut BTreeMap<String, BTreeSet<u32>>, word: &str| {
            if let Some(rows) = by.get_mut(word) {
                rows.remove(&of.number());
                if rows.is_empty() {
                    by.remove(word);
                }
            }
        };
        old_words.iter().for_each(|word| forget(&mut self.by_word, word));
        old_number.iter().for_each(|word| forget(&mut self.by_number, word));
        let (words, number) = (words.unwrap_or(old_words), number.unwrap_or(old_number));
        for word in &words {
            self.by_word.entry(word.clone()).or_default().insert(of.number());
        }
        if let Some(word) = &number {
            self.by_number.entry(word.clone()).or_default().insert(of.number());
        }
        self.known.insert(of.number(), (of, words, number));
    }

    /// Those with a word that begins so; one may come several times.
    fn beginning<'a>(
        by: &'a BTreeMap<String, BTreeSet<u32>>,
        prefix: &'a str,
    ) -> impl Iterator<Item = u32> + 'a {
        let from = by.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |(word, _)| word.starts_with(prefix)).flat_map(|(_, rows)| rows.iter().copied())
    }

    fn handles(&self, rows: BTreeSet<u32>) -> Vec<Handle> {
        rows.iter().filter_map(|row| self.known.get(row).map(|(handle, ..)| *handle)).collect()
    }

    /// Those whose name has a word for each of these, which may be its beginning.
    pub(crate) fn named(&self, words: &[String]) -> Vec<Handle> {
        // Of the rarest word's people the other words are looked for.
        let rarest = words.iter().min_by_key(|word| Self::beginning(&self.by_word, word).count());
        let rows = rarest.into_iter().flat_map(|word| Self::beginning(&self.by_word, word));
        let has_all = |row: &u32| {
            let of = self.known.get(row).map_or(&[][..], |(_, of, _)| of);
            words.iter().all(|word| of.iter().any(|one| one.starts_with(word.as_str())))
        };
        self.handles(rows.filter(has_all).collect())
    }

    /// Those whose number begins so.
    pub(crate) fn numbered(&self, number: &str) -> Vec<Handle> {
        self.handles(Self::beginning(&self.by_number, number).collect())
    }
}

impl Beside {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.0.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.0.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, (u64, u64)> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry up to which all is seen.
    #[cfg(feature = "postgres")]
    pub(crate) fn event(&self) -> u64 {
        self.seen().1
    }

    /// Tells those who wait for a version what is seen by now.
    pub(crate) fn tell(&self, event: u64) {
        let version = self.read().version;
        *self.seen() = (version, event);
        self.0.moved.notify_all();
    }

    /// Waits until a version is seen, for so long; whether it is.
    pub(crate) fn wait(&self, version: u64, within: Duration) -> bool {
        let until = |seen: &mut (u64, u64)| seen.0 < version;
        let waited = self.0.moved.wait_timeout_while(self.seen(), within, until);
        waited.unwrap_or_else(PoisonError::into_inner).0.0 >= version
    }
}

/// What a version changed, as the world and what stands beside it come to see it.
pub(crate) struct Batch {
    pub(crate) version: u64,
    pub(crate) now: i64,
    pub(crate) changes: Changes,
    pub(crate) touched: Vec<EntityUid>,
    pub(crate) content: Vec<(EntityUid, Arc<str>, Option<Json>)>,
    pub(crate) gone: Vec<EntityUid>,
}

impl Batch {
    pub(crate) fn new(version: u64, now: i64, finished: &Finished) -> Self {
        let content = finished.content.iter();
        Batch {
            version,
            now,
            changes: finished.changes.clone(),
            touched: finished.touched.keys().cloned().collect(),
            content: content
                .map(|((uid, field), value)| (uid.clone(), field.clone(), value.clone()))
                .collect(),
            gone: finished.disposed.clone(),
        }
    }
}

impl Held {
    /// Applies a batch to the world and to what is held.
    ///
    /// INVARIANT: the world says the version that the store says, also where content alone was written.
    pub(crate) fn apply(&mut self, world: &World, batch: &Batch) -> Result<(), Error> {
        for uid in &batch.gone {
            if let Some(of) = world.handle(uid) {
                self.texts.forget(of);
                if let Some(people) = self.people.as_mut().filter(|_| uid.type_name() == PERSON) {
                    people.set(of, Some(Vec::new()), Some(None));
                }
            }
        }
        if batch.version > world.version() || !batch.changes.is_empty() {
            world.apply_as(batch.version, &batch.changes)?;
        }
        for (uid, field, value) in &batch.content {
            let Some(of) = world.handle(uid) else { continue };
            let said = value.as_ref().and_then(said);
            self.texts.set(of, field, said.as_deref());
            if let Some(people) =
                self.people.as_mut().filter(|_| uid.type_name() == PERSON && **field == *NAME)
            {
                people.set(of, Some(said.as_deref().map_or_else(Vec::new, words)), None);
            }
        }
        if let Some(people) = &mut self.people {
            for uid in batch.touched.iter().filter(|uid| uid.type_name() == PERSON) {
                if let Some(of) = world.handle(uid) {
                    people.set(of, None, Some(numbered(world, uid)?));
                }
            }
        }
        Ok(())
    }
}

/// A person's number, as it is looked for.
fn numbered(world: &World, uid: &EntityUid) -> Result<Option<String>, Error> {
    Ok(match world.attribute(uid, NUMBER)? {
        Some(Value::String(number)) => Some(fold(&number)),
        _ => None,
    })
}

impl State {
    /// Lets the world, and what stands beside it, see a batch that is durable, by the policies of its moment.
    pub(crate) fn see(&mut self, batch: &Batch) -> Result<(), Error> {
        let beside = self.beside.clone();
        let mut held = beside.write();
        self.see_under(&mut held, batch)
    }

    /// As [`State::see`], by whoever holds what stands beside the world.
    pub(crate) fn see_under(&mut self, held: &mut Held, batch: &Batch) -> Result<(), Error> {
        if self.decide_by(batch.now) {
            self.shared.replace(&self.ward);
        }
        held.apply(&self.world, batch)?;
        held.version = batch.version;
        self.in_sight(batch);
        Ok(())
    }

    /// Forgets what is held beside the world, which is of the newest version: it is read again when it is next asked for.
    pub(crate) fn see_anew(&mut self) {
        *self.beside.write() = Held { version: self.numbers.version, ..Held::default() };
        self.beside.tell(self.numbers.event);
    }

    /// Reads a field's values, where they are not held yet.
    pub(crate) fn hold_texts(&mut self, ty: &str, field: &str) -> Result<(), Error> {
        if self.beside.read().texts.holds(&self.world, ty, field) {
            return Ok(());
        }
        let mut held = Vec::new();
        let sql = "SELECT id, value FROM caseward_content WHERE type = ?1 AND field = ?2";
        let (world, seal) = (self.world.clone(), self.db.seal());
        self.db.rows(sql, &[text(ty), text(field)], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let value = seal.open(Place::Content(ty, &cell(0), field), cell(1))?;
            let of = world.handle(&EntityUid::new(ty, cell(0)));
            held.extend(of.zip(serde_json::from_str(&value).ok().as_ref().and_then(said)));
            Ok(())
        })?;
        let beside = self.beside.clone();
        let mut beside = beside.write();
        beside.texts.hold(&self.world, ty, field)?;
        for (of, said) in held {
            beside.texts.set(of, field, Some(&said));
        }
        Ok(())
    }

    /// Reads the words of names, and numbers, where they are not held yet.
    pub(crate) fn hold_people(&mut self) -> Result<(), Error> {
        if self.beside.read().people.is_some() {
            return Ok(());
        }
        let (mut names, world, seal) = (HashMap::new(), self.world.clone(), self.db.seal());
        let sql = "SELECT id, value FROM caseward_content WHERE type = ?1 AND field = ?2";
        self.db.rows(sql, &[text(PERSON), text(NAME)], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let value = seal.open(Place::Content(PERSON, &cell(0), NAME), cell(1))?;
            names.extend(
                serde_json::from_str(&value).ok().as_ref().and_then(said).map(|name| (cell(0), name)),
            );
            Ok(())
        })?;
        let columns = world.columns(PERSON, &[NUMBER])?;
        let numbers = columns.values.first().map_or(&[][..], Vec::as_slice);
        let mut people = People::default();
        for (id, number) in columns.ids.iter().zip(numbers) {
            let number = match number {
                Some(Value::String(number)) => Some(fold(number)),
                _ => None,
            };
            let name = names.get(*id).map(|name: &String| words(name));
            if let (true, Some(of)) =
                (name.is_some() || number.is_some(), world.handle(&EntityUid::new(PERSON, *id)))
            {
                people.set(of, name, Some(number));
            }
        }
        self.beside.write().people = Some(people);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{fold, words};

    #[test]
    fn case_and_marks_are_folded() {
        assert_eq!(fold("  Ngāti   WHĀTUA "), "ngati whatua");
        assert_eq!(fold("Zoe\u{308}"), fold("Zoë"));
        assert_eq!(words("Te Rangi-Hīroa O'Brien"), ["te", "rangi", "hiroa", "o", "brien"]);
        assert_eq!(words(" - "), [""; 0]);
    }
}
