//! Values that many entities share, each held once and named by a number.
//!
//! A number stays what it is for as long as the world lives: a set that changes is another set. So a reader
//! needs no lock, and equal values have equal numbers.

use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Values and their numbers: 1, 2, 3 … in the order in which they came.
pub(crate) struct Pool<T> {
    items: boxcar::Vec<T>,
    numbers: Mutex<HashTable<u32>>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool { items: boxcar::Vec::new(), numbers: Mutex::default(), hasher: DefaultHashBuilder::default() }
    }
}

impl<T> Pool<T> {
    /// The value with this number; `None` for 0 and for a number that was not given out.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number.checked_sub(1)? as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.items.count()
    }

    /// Every value in the order of the numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(_, item)| item)
    }

    /// The number of `wanted`, which `make` turns into a value where it is new; `None` once all are taken.
    pub(super) fn intern<Q>(&self, wanted: &Q, make: impl FnOnce() -> T) -> Option<u32>
    where
        T: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = self.hasher.hash_one(wanted);
        let is_it = |&number: &u32| self.get(number).is_some_and(|item| item.borrow() == wanted);
        if let Some(&number) = numbers.find(hash, is_it) {
            return Some(number);
        }
        let number = u32::try_from(self.items.count() + 1).ok()?;
        self.items.push(make());
        let hash_of = |number: &u32| self.get(*number).map_or(0, |item| self.hasher.hash_one(item.borrow()));
        numbers.insert_unique(hash, number, hash_of);
        Some(number)
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&self, more: usize)
    where
        T: Hash,
    {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        self.items.reserve(more);
        numbers.reserve(more, |&number| self.get(number).map_or(0, |item| self.hasher.hash_one(item)));
    }

    /// The number of a value that is not there yet; `None` where it is.
    pub(super) fn add(&self, item: T) -> Option<u32>
    where
        T: Hash + Eq,
    {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = self.hasher.hash_one(&item);
        if numbers.find(hash, |&number| self.get(number) == Some(&item)).is_some() {
            return None;
        }
        let number = u32::try_from(self.items.count() + 1).ok()?;
        self.items.push(item);
        let hash_of = |number: &u32| self.get(*number).map_or(0, |item| self.hasher.hash_one(item));
        numbers.insert_unique(hash, number, hash_of);
        Some(number)
    }

    /// Bytes of the pool itself; what its values hold besides is for the caller to add.
    pub(super) fn bytes(&self) -> usize {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        self.items.count() * (size_of::<T>() + size_of::<usize>()) + numbers.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;

    #[test]
    fn equal_values_have_one_number() {
        let pool: Pool<Box<[u32]>> = Pool::default();
        let intern = |rows: &[u32]| pool.intern(rows, || rows.into()).expect("room");
        let (none, one, two) = (intern(&[]), intern(&[7]), intern(&[7, 9]));
        assert_eq!([none, one, two], [1, 2, 3]);
        assert_eq!([intern(&[7, 9]), intern(&[]), intern(&[7])], [3, 1, 2]);
        assert_eq!(pool.get(3).map(AsRef::as_ref), Some(&[7, 9][..]));
        assert!(pool.get(0).is_none() && pool.get(4).is_none());
    }
}
