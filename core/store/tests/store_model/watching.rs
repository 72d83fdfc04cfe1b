//! What everybody in the town watches, held against their lists after every step.

use std::collections::BTreeSet;

use caseward::{ActionName, EntityUid, Query, TypeName};
use caseward_store::{Store, Watch};

use crate::town::PEOPLE;

const ASKED: [(&str, &str); 3] = [("viewSummary", "Case"), ("viewSummary", "Request"), ("viewItem", "Item")];

pub(crate) struct Watching {
    all: Vec<(Query, Watch, BTreeSet<EntityUid>)>,
    pub(crate) came: usize,
    pub(crate) went: usize,
}

impl Watching {
    pub(crate) fn new(store: &Store) -> Self {
        let mut all = Vec::new();
        for (person, _) in PEOPLE {
            for (action, ty) in ASKED {
                let (action, ty) = (ActionName::new(action), TypeName::new(ty));
                let query = Query::new(EntityUid::new("User", person), action, ty);
                let watch = store.watch_with(query.clone(), 100_000).unwrap();
                let seen = watch.first().iter().cloned().collect();
                all.push((query, watch, seen));
            }
        }
        Watching { all, came: 0, went: 0 }
    }

    /// The first list with everything that was told of since is the list.
    pub(crate) fn agrees(&mut self, store: &Store, said: &dyn Fn() -> String) {
        let now = store.now().unwrap();
        // What time alone changes shows with a tick.
        assert_eq!(store.tick_at(now).unwrap(), 0, "{}", said());
        let ward = store.ward();
        for (query, watch, seen) in &mut self.all {
            let mut last = 0;
            while let Some(change) = watch.at_once().unwrap() {
                assert!(change.version >= last, "{}", said());
                last = change.version;
                for uid in &change.went {
                    assert!(seen.remove(uid), "{uid} went unseen, {}", said());
                }
                (self.came, self.went) = (self.came + change.came.len(), self.went + change.went.len());
                for uid in change.came {
                    assert!(seen.insert(uid), "{}", said());
                }
            }
            let list = ward.list(store.world(), &query.clone().at(now)).unwrap();
            assert_eq!(*seen, list.into_iter().collect(), "{query:?}, {}", said());
        }
    }
}
