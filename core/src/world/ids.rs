//! Texts interned to dense numbers.

use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::{Error, interrupt};

/// Texts and their numbers, 1, 2, 3 … in the order in which they came; 0 stands for none.
///
/// All text lies in one buffer: a text costs its bytes and some ten more.
#[derive(Clone)]
pub(crate) struct Interner {
    text: String,
    /// Where each text ends; it begins where the one before it ends.
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// Texts that find their places in the table together.
const BATCH: usize = 1 << 18;

impl Default for Interner {
    fn default() -> Self {
        Interner {
            text: String::new(),
            ends: vec![0],
            numbers: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Interner {
    /// One more than the last number given out.
    pub(crate) fn end(&self) -> u32 {
        self.ends.len() as u32
    }

    /// The text of a number that this interner gave out.
    pub(crate) fn text(&self, number: u32) -> &str {
        text(&self.text, &self.ends, number)
    }

    pub(crate) fn find(&self, wanted: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(wanted);
        self.numbers.find(hash, |&n| self.text(n) == wanted).copied()
    }

    /// The number of `wanted`, a new one where it has none.
    ///
    /// `None` once all numbers are taken, or 4 GiB of text.
    pub(crate) fn intern(&mut self, wanted: &str) -> Option<u32> {
        if let Some(number) = self.find(wanted) {
            return Some(number);
        }
        let number = u32::try_from(self.ends.len()).ok().filter(|&n| n != u32::MAX)?;
        let end = u32::try_from(self.text.len() + wanted.len()).ok()?;
        self.text.push_str(wanted);
        self.ends.push(end);
        let Interner { text: all, ends, numbers, hasher } = self;
        let hash = hasher.hash_one(wanted);
        numbers.insert_unique(hash, number, |&n| hasher.hash_one(text(all, ends, n)));
        Some(number)
    }

    /// Texts that end where `ends` say, the first of which is 0; `None` where one is there twice or not whole.
    ///
    /// # Errors
    /// Where it is told to end.
    fn restore(all: &str, ends: Vec<u32>) -> Result<Option<Self>, Error> {
        let hasher = DefaultHashBuilder::default();
        let mut numbers = HashTable::with_capacity(ends.len());
        let last = numbers.num_buckets().saturating_sub(1);
        // In the order of the table, so many at a time: memory is not jumped about in.
        let mut batch = Vec::with_capacity(ends.len().min(BATCH));
        let mut bounds = (1..).zip(ends.windows(2)).peekable();
        while bounds.peek().is_some() {
            interrupt::ask()?;
            batch.clear();
            for (number, bounds) in bounds.by_ref().take(BATCH) {
                let &[start, end] = bounds else { return Ok(None) };
                let Some(text) = all.get(start as usize..end as usize) else { return Ok(None) };
                batch.push((hasher.hash_one(text), number));
            }
            batch.sort_unstable_by_key(|&(hash, _)| hash as usize & last);
            for &(hash, number) in &batch {
                let is_it = |&n: &u32| text(all, &ends, n) == text(all, &ends, number);
                if numbers.find(hash, is_it).is_some() {
                    return Ok(None);
                }
                numbers.insert_unique(hash, number, |&n| hasher.hash_one(text(all, &ends, n)));
            }
        }
        Ok(Some(Interner { text: all.to_owned(), ends, numbers, hasher }))
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>() + self.numbers.allocation_size()
    }
}

fn text<'a>(all: &'a str, ends: &[u32], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|n| ends.get(n)).copied().unwrap_or(0);
    ends.get(number).and_then(|&end| all.get(start as usize..end as usize)).unwrap_or_default()
}

/// As an [`Interner`], read without a lock while one writer adds to it.
pub(crate) struct Names {
    loaded: Interner,
    added: boxcar::Vec<Box<str>>,
    /// Where texts that were added are found: open addressing, numbers from 1. A table that is half full is
    /// followed by another twice as large, so that none is ever moved.
    tables: [OnceLock<Box<[AtomicU32]>>; TABLES],
}

/// Slots of the first table of added texts.
const FIRST: usize = 1 << 10;
const TABLES: usize = 23;

impl Names {
    pub(super) fn new(mut loaded: Interner) -> Self {
        loaded.shrink();
        Names { loaded, added: boxcar::Vec::new(), tables: [const { OnceLock::new() }; TABLES] }
    }

    /// What [`Interner::restore`] gives, and `late` texts behind it.
    pub(super) fn restore<'a>(
        all: &str,
        ends: Vec<u32>,
        mut late: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Self>, Error> {
        let Some(loaded) = Interner::restore(all, ends)? else { return Ok(None) };
        let names = Names::new(loaded);
        let is_new = |text| {
            let end = names.end();
            names.intern(text) == Some(end)
        };
        Ok(late.all(is_new).then_some(names))
    }

    /// One more than the last number given out.
    pub(crate) fn end(&self) -> u32 {
        self.loaded.end() + self.added.count() as u32
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        match number.checked_sub(self.loaded.end()) {
            Some(added) => self.added.get(added as usize).map_or("", AsRef::as_ref),
            None => self.loaded.text(number),
        }
    }

    pub(crate) fn find(&self, wanted: &str) -> Option<u32> {
        let hash = self.loaded.hasher.hash_one(wanted);
        let loaded = self.loaded.numbers.find(hash, |&n| self.loaded.text(n) == wanted).copied();
        loaded
            .or_else(|| self.tables.iter().map_while(OnceLock::get).find_map(|t| self.probe(t, hash, wanted)))
    }

    /// As [`Names::find`], for many texts: what one waits for in memory, all wait for together.
    pub(crate) fn find_all(&self, wanted: &[&str]) -> Vec<Option<u32>> {
        let Interner { ends, numbers, hasher, .. } = &self.loaded;
        let likely: Vec<u32> = wanted
            .iter()
            .map(|text| numbers.iter_hash(hasher.hash_one(text)).next().copied().unwrap_or_default())
            .collect();
        let lengths: Vec<u32> = likely
            .iter()
            .map(|&number| {
                let end = |number: u32| ends.get(number as usize).copied().unwrap_or_default();
                end(number).wrapping_sub(end(number.wrapping_sub(1)))
            })
            .collect();
        let find = |((wanted, number), length): ((&&str, u32), u32)| {
            let is_it = number != 0 && length as usize == wanted.len() && self.loaded.text(number) == *wanted;
            if is_it { Some(number) } else { self.find(wanted) }
        };
        wanted.iter().zip(likely).zip(lengths).map(find).collect()
    }

    fn probe(&self, table: &[AtomicU32], hash: u64, wanted: &str) -> Option<u32> {
        for slot in probes(table, hash) {
            match slot.load(Ordering::Acquire) {
                0 => return None,
                number if self.text(number) == wanted => return Some(number),
                _ => {}
            }
        }
        None
    }

    /// As [`Interner::intern`]. One writer at a time: the caller sees to that.
    pub(super) fn intern(&self, wanted: &str) -> Option<u32> {
        if let Some(number) = self.find(wanted) {
            return Some(number);
        }
        let added = self.added.count();
        let number = self.loaded.end().checked_add(u32::try_from(added).ok()?).filter(|&n| n != u32::MAX)?;
        // Table n takes half as many texts as it has slots: 512, 1,024, …
        let table = (added / (FIRST / 2) + 1).ilog2() as usize;
        let slots =
            self.tables.get(table)?.get_or_init(|| (0..FIRST << table).map(|_| AtomicU32::new(0)).collect());
        self.added.push(wanted.into());
        let hash = self.loaded.hasher.hash_one(wanted);
        let free = probes(slots, hash).find(|slot| slot.load(Ordering::Relaxed) == 0)?;
        free.store(number, Ordering::Release);
        Some(number)
    }

    /// Bytes of the texts alone.
    pub(super) fn text_bytes(&self) -> usize {
        self.loaded.text.len() + self.added.iter().map(|(_, text)| text.len()).sum::<usize>()
    }

    pub(super) fn bytes(&self) -> usize {
        let tables: usize = self.tables.iter().filter_map(OnceLock::get).map(|table| table.len()).sum();
        let added =
            self.added.iter().map(|(_, text)| text.len() + size_of::<Box<str>>() + size_of::<usize>());
        self.loaded.bytes() + tables * size_of::<AtomicU32>() + added.sum::<usize>()
    }
}

/// Every slot of a table whose length is a power of two, from the one that the hash names.
fn probes(table: &[AtomicU32], hash: u64) -> impl Iterator<Item = &AtomicU32> {
    let at = (hash as usize) & table.len().wrapping_sub(1);
    let (before, after) = table.split_at_checked(at).unwrap_or_default();
    after.iter().chain(before)
}

#[cfg(test)]
mod tests {
    use super::{Interner, Names};

    #[test]
    fn same_text_same_number() {
        let mut ids = Interner::default();
        let texts = ["", "a", "b", "ā", "a\0b", "ab"];
        let numbers: Vec<_> = texts.iter().map(|t| ids.intern(t).expect("room")).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        for (text, number) in texts.into_iter().zip(numbers) {
            assert_eq!(ids.intern(text), Some(number));
            assert_eq!(ids.find(text), Some(number));
            assert_eq!(ids.text(number), text);
        }
        assert_eq!(ids.find("c"), None);
        assert_eq!(ids.end(), 7);
    }

    #[test]
    fn names_grow_behind_what_was_loaded() {
        let mut loaded = Interner::default();
        loaded.intern("a").expect("room");
        let names = Names::new(loaded);
        let all: Vec<String> = (0..5_000).map(|n| format!("n{n}")).collect();
        for (n, text) in (2..).zip(&all) {
            assert_eq!(names.find(text), None);
            assert_eq!(names.intern(text), Some(n));
        }
        for (n, text) in (2..).zip(&all) {
            assert_eq!((names.find(text), names.text(n)), (Some(n), text.as_str()));
        }
        let wanted: Vec<&str> = ["a", "n7", "", "n4999", "b", "a"].into();
        assert_eq!(names.find_all(&wanted), [Some(1), Some(9), None, Some(5_001), None, Some(1)]);
        assert_eq!((names.intern("a"), names.end()), (Some(1), 5_002));
    }
}
