//! The outbox, read in order: who is to know of what was done to a record.
//!
//! An alert is written in the transaction of what it tells of, and numbered as its entry in the log, so that whoever keeps the
//! number of the last one that they passed on goes on from there.

use caseward::EntityUid;
use serde::Serialize;

use crate::db::{as_count, as_number, as_text, number};
use crate::error::Error;
use crate::log::as_i64;
use crate::state::State;
use crate::store::Store;

/// Who is to know of what was done to a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// The number of the entry in the log that it tells of.
    pub event: u64,
    /// When that was recorded, in milliseconds since 1970.
    pub recorded: i64,
    /// The record.
    pub of: EntityUid,
    /// The ids of the people who are to know, in order.
    pub people: Vec<String>,
}

impl Store {
    /// The alerts behind an entry of the log, in order, of at most so many entries: one for each record that an entry tells of.
    /// It is for a trusted caller, who sees that each reaches its people alone.
    ///
    /// # Errors
    /// What the database reports.
    ///
    /// # Example
    /// ```
    /// # use caseward_store::{Options, PolicySet, Store};
    /// # let folder = std::env::temp_dir().join(format!("caseward-doc-outbox-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// # let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &Options::new())?;
    /// let mut passed_on = 0;
    /// for alert in store.alerts(passed_on, 100)? {
    ///     println!("{} of {}", alert.people.join(", "), alert.of);
    ///     passed_on = alert.event;
    /// }
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn alerts(&self, after: u64, entries: usize) -> Result<Vec<Alert>, Error> {
        self.run(move |state, _| state.reading(|state| state.alerts_after(after, entries)))
    }

    /// The number of the newest entry of the log: alerts behind it are of what is done from now on.
    ///
    /// # Errors
    /// What the database reports.
    pub fn last_entry(&self) -> Result<u64, Error> {
        self.run(|state, _| {
            let sql = "SELECT MAX(event) FROM caseward_log";
            state.reading(|state| {
                Ok(state.db.row(sql, &[])?.and_then(|row| as_count(row.first()?)).unwrap_or(0))
            })
        })
    }
}

impl State {
    fn alerts_after(&mut self, after: u64, entries: usize) -> Result<Vec<Alert>, Error> {
        let sql = "SELECT o.event, o.type, o.id, o.person, l.recorded FROM caseward_outbox o \
                   JOIN caseward_log l ON l.event = o.event WHERE o.event > ?1 AND o.event IN \
                   (SELECT DISTINCT event FROM caseward_outbox WHERE event > ?1 ORDER BY event LIMIT ?2) \
                   ORDER BY o.event, o.type, o.id, o.person";
        let mut found: Vec<Alert> = Vec::new();
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        self.db.rows(sql, &[number(as_i64(after)), number(entries)], &mut |row| {
            let [event, ty, id, person, recorded] = row else { return Ok(()) };
            let event = as_count(event).unwrap_or(0);
            let of = EntityUid::new(as_text(ty).unwrap_or_default(), as_text(id).unwrap_or_default());
            let person = as_text(person).unwrap_or_default().to_string();
            match found.last_mut().filter(|last| last.event == event && last.of == of) {
                Some(last) => last.people.push(person),
                None => {
                    let recorded = as_number(recorded).unwrap_or(0);
                    found.push(Alert { event, recorded, of, people: vec![person] });
                }
            }
            Ok(())
        })?;
        Ok(found)
    }
}
