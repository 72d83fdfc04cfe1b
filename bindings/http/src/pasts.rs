//! Questions about the past. The store works each moment out anew, and writes nothing meanwhile: so a person has one asked at a
//! time, and few are asked at once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use caseward::EntityUid;

use crate::problem::Problem;

/// People of whom a question about the past is asked at once.
const MOST: usize = 4;

/// Who has a question about the past asked.
#[derive(Default)]
pub(crate) struct Pasts(Mutex<HashSet<EntityUid>>);

/// A place among them; it is free again once this is dropped.
pub(crate) struct Place<'a> {
    pasts: &'a Pasts,
    person: EntityUid,
}

impl Pasts {
    /// A place for a person.
    ///
    /// # Errors
    /// Where they have one, or all are taken.
    pub(crate) fn take(&self, person: &EntityUid) -> Result<Place<'_>, Problem> {
        let mut asking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asking.len() >= MOST || !asking.insert(person.clone()) {
            return Err(Problem::busy("other questions about the past are being answered: ask again later"));
        }
        Ok(Place { pasts: self, person: person.clone() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pasts.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.person);
    }
}

#[cfg(test)]
mod tests {
    use caseward::EntityUid;

    use super::{MOST, Pasts};

    #[test]
    fn each_person_has_one_place_and_there_are_few() {
        let pasts = Pasts::default();
        let person = |n: usize| EntityUid::new("User", format!("u{n}"));
        let first = pasts.take(&person(0)).ok();
        assert!(first.is_some() && pasts.take(&person(0)).is_err());
        let others: Vec<_> = (1..MOST).map(|n| pasts.take(&person(n)).ok()).collect();
        assert!(others.iter().all(Option::is_some) && pasts.take(&person(MOST)).is_err());
        drop(first);
        assert!(pasts.take(&person(MOST)).is_ok() && pasts.take(&person(1)).is_err());
    }
}
