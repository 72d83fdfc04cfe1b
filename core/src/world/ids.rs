//! Texts interned to dense numbers.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Texts and their numbers, 0, 1, 2 … in the order in which they came.
///
/// All text lies in one buffer: a text costs its bytes and some ten more.
#[derive(Clone, Default)]
pub(crate) struct Interner {
    text: String,
    /// Where each text ends; it begins where the one before it ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
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
    /// `None` once all 2³² − 1 numbers are taken; the last one stands for "absent" elsewhere.
    pub(crate) fn intern(&mut self, wanted: &str) -> Option<u32> {
        if let Some(number) = self.find(wanted) {
            return Some(number);
        }
        let number = u32::try_from(self.ends.len()).ok().filter(|&n| n != u32::MAX)?;
        self.text.push_str(wanted);
        self.ends.push(self.text.len());
        let Interner { text: all, ends, numbers, hasher } = self;
        let hash = hasher.hash_one(wanted);
        numbers.insert_unique(hash, number, |&n| hasher.hash_one(text(all, ends, n)));
        Some(number)
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes held, unused capacity included.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.numbers.allocation_size()
    }
}

fn text<'a>(all: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|n| ends.get(n)).copied().unwrap_or(0);
    ends.get(number).and_then(|&end| all.get(start..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn same_text_same_number() {
        let mut ids = Interner::default();
        let texts = ["", "a", "b", "ā", "a\0b", "ab"];
        let numbers: Vec<_> = texts.iter().map(|t| ids.intern(t).expect("room")).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        for (text, number) in texts.into_iter().zip(numbers) {
            assert_eq!(ids.intern(text), Some(number));
            assert_eq!(ids.find(text), Some(number));
            assert_eq!(ids.text(number), text);
        }
        assert_eq!(ids.find("c"), None);
        assert_eq!(ids.len(), 6);
    }
}
