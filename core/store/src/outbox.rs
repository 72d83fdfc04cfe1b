//! The outbox, read in order: who is to know of what was done to a record.
//!
//! An alert is written in the transaction of what it tells of, and numbered as its entry in the log, so that whoever keeps the
//! number of the last one that they passed on goes on from there.

use std::fmt;
use std::str::FromStr;

use caseward::EntityUid;
use serde::Serialize;

use crate::db::{as_count, as_number, as_text, number, text};
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

/// Where in the outbox somebody's alerts go on: behind the `nth` of theirs at an instant.
///
/// It is written as that instant in milliseconds since 1970 and that number, such as `1778446800000-1`. Both are of what the person
/// was told: numbers of entries count what others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertPlace {
    recorded: i64,
    nth: u64,
}

/// The alerts of one person, as they are read: [`Store::alerts_to`].
#[derive(Clone, Debug)]
pub struct OwnAlerts {
    person: String,
    /// The entry up to which the outbox was read.
    upto: u64,
    place: AlertPlace,
    /// What the person was told of already.
    had: AlertPlace,
    is_at_end: bool,
}

impl OwnAlerts {
    /// Where it goes on later.
    pub fn place(&self) -> AlertPlace {
        self.place.max(self.had)
    }

    /// Whether all that there was when it was last read was read.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}

impl AlertPlace {
    /// When what it lies behind was recorded, in milliseconds since 1970.
    pub fn recorded(&self) -> i64 {
        self.recorded
    }
}

impl fmt::Display for AlertPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.recorded, self.nth)
    }
}

impl FromStr for AlertPlace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = |text: &str| {
            let (recorded, nth) = text.rsplit_once('-')?;
            let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let place = AlertPlace { recorded: recorded.parse().ok()?, nth: nth.parse().ok()? };
            (is_plain(recorded) && is_plain(nth)).then_some(place)
        };
        read(text).ok_or_else(|| Error::request(format!("`{text}` is no place among alerts")))
    }
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

    /// The alerts of one person: those of what is done from now on, or behind a place where they were before. Each is read at
    /// least once; where they begin anew, those of the first instant perhaps twice. It is for a trusted caller, who looks whether
    /// the person may still know of what they tell.
    ///
    /// # Errors
    /// What the database reports.
    ///
    /// # Example
    /// ```
    /// # use caseward_store::{Options, PolicySet, Store};
    /// # let folder = std::env::temp_dir().join(format!("caseward-doc-own-{}", std::process::id()));
    /// # std::fs::create_dir(&folder)?;
    /// # let store = Store::init(folder.join("cases.db"), &PolicySet::attendance(), &Options::new())?;
    /// let mut own = store.alerts_to("hemi", None)?;
    /// for (place, of) in store.next_alerts(&mut own, 100)? {
    ///     println!("hemi is to know of {of}; go on at {place}");
    /// }
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn alerts_to(&self, person: &str, behind: Option<AlertPlace>) -> Result<OwnAlerts, Error> {
        let person = person.to_owned();
        self.run(move |state, _| state.reading(|state| state.begin_alerts(person, behind)))
    }

    /// The next alerts of a person, in order, of at most so many: each with the place behind it, and what it is of.
    ///
    /// # Errors
    /// What the database reports; then nothing was read.
    pub fn next_alerts(
        &self,
        own: &mut OwnAlerts,
        most: usize,
    ) -> Result<Vec<(AlertPlace, EntityUid)>, Error> {
        let mut going = own.clone();
        let (going, found) = self.run(move |state, _| {
            let found = state.reading(|state| state.own_alerts(&mut going, most))?;
            Ok((going, found))
        })?;
        *own = going;
        Ok(found)
    }

    /// The number of the newest entry of the log: alerts behind it are of what is done from now on.
    ///
    /// # Errors
    /// What the database reports.
    pub fn last_entry(&self) -> Result<u64, Error> {
        self.run(|state, _| state.reading(newest))
    }
}

fn newest(state: &mut State) -> Result<u64, Error> {
    let sql = "SELECT MAX(event) FROM caseward_log";
    Ok(state.db.row(sql, &[])?.and_then(|row| as_count(row.first()?)).unwrap_or(0))
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

    fn begin_alerts(&mut self, person: String, behind: Option<AlertPlace>) -> Result<OwnAlerts, Error> {
        let newest = "SELECT event, recorded FROM caseward_log ORDER BY event DESC LIMIT 1";
        let newest = self.db.row(newest, &[])?.unwrap_or_default();
        let upto = newest.first().and_then(as_count).unwrap_or(0);
        let now = AlertPlace { recorded: newest.get(1).and_then(as_number).unwrap_or(0), nth: 0 };
        // A place ahead of the store is none of its own.
        let Some(had) = behind.filter(|behind| behind.recorded <= now.recorded) else {
            return Ok(OwnAlerts { person, upto, place: now, had: now, is_at_end: false });
        };
        let first = "SELECT MIN(event) FROM caseward_log WHERE recorded = \
                     (SELECT MIN(recorded) FROM caseward_log WHERE recorded >= ?1)";
        let first = self.db.row(first, &[number(had.recorded)])?.and_then(|row| as_count(row.first()?));
        let upto = first.map_or(upto, |first| first.saturating_sub(1));
        Ok(OwnAlerts { person, upto, place: AlertPlace { nth: 0, ..had }, had, is_at_end: false })
    }

    fn own_alerts(
        &mut self,
        own: &mut OwnAlerts,
        most: usize,
    ) -> Result<Vec<(AlertPlace, EntityUid)>, Error> {
        let sql = "SELECT o.event, l.recorded, o.type, o.id FROM caseward_outbox o \
                   JOIN caseward_log l ON l.event = o.event \
                   WHERE o.event > ?1 AND o.person = ?2 ORDER BY o.event LIMIT ?3";
        let limit = number(i64::try_from(most).unwrap_or(i64::MAX));
        let asked = [number(as_i64(own.upto)), text(own.person.as_str()), limit];
        let (mut found, mut count) = (Vec::new(), 0);
        self.db.rows(sql, &asked, &mut |row| {
            let [event, recorded, ty, id] = row else { return Ok(()) };
            (own.upto, count) = (as_count(event).unwrap_or(0), count + 1);
            let recorded = as_number(recorded).unwrap_or(0);
            let nth = if recorded == own.place.recorded { own.place.nth + 1 } else { 1 };
            own.place = AlertPlace { recorded, nth };
            if own.place > own.had {
                let of = EntityUid::new(as_text(ty).unwrap_or_default(), as_text(id).unwrap_or_default());
                found.push((own.place, of));
            }
            Ok(())
        })?;
        // Less than was asked for: all was read.
        own.is_at_end = count < most;
        if own.is_at_end {
            own.upto = newest(self)?;
        }
        Ok(found)
    }
}
