//! What one person has at once: so that nobody takes what is there for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use caseward::EntityUid;

use crate::problem::Problem;

/// Places that people take, each a few at most.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Inner>);

struct Inner {
    /// What the places are for, as somebody is told who gets none.
    what: &'static str,
    /// Places that there are, and how many one person has at most.
    all: usize,
    each: usize,
    taken: Mutex<HashMap<EntityUid, usize>>,
}

/// A place that a person has; it is free again once this is dropped.
pub(crate) struct Turn {
    of: Turns,
    person: EntityUid,
}

impl Turns {
    pub(crate) fn new(what: &'static str, all: usize, each: usize) -> Self {
        Turns(Arc::new(Inner { what, all, each, taken: Mutex::default() }))
    }

    /// A place for a person.
    ///
    /// # Errors
    /// Where they have as many as one may have, or all are taken.
    pub(crate) fn take(&self, person: &EntityUid) -> Result<Turn, Problem> {
        let Inner { what, all, each, taken } = &*self.0;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(person).copied().unwrap_or(0);
        if own >= *each || taken.values().sum::<usize>() >= *all {
            return Err(Problem::busy(format!("{what} at once than are served: ask again later")));
        }
        taken.insert(person.clone(), own + 1);
        Ok(Turn { of: self.clone(), person: person.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.of.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use caseward::EntityUid;

    use super::Turns;

    #[test]
    fn each_person_has_few_places_and_all_have_so_many() {
        let turns = Turns::new("more questions", 3, 2);
        let [ana, bo] = ["ana", "bo"].map(|id| EntityUid::new("User", id));
        let first = turns.take(&ana).ok();
        let second = turns.take(&ana).ok();
        assert!(first.is_some() && second.is_some() && turns.take(&ana).is_err());
        let third = turns.take(&bo).ok();
        assert!(third.is_some() && turns.take(&bo).is_err(), "all are taken");
        drop(first);
        assert!(turns.take(&bo).is_ok() && turns.take(&ana).is_ok());
        drop((second, third));
        assert_eq!(turns.0.taken.lock().unwrap().len(), 0);
    }
}
