//! What lines of feeds say that cannot all be so: kept for people to see to.

use std::collections::BTreeMap;

use super::read::Fields;
use super::subject::Subject;
use super::{enrolment, term};
use crate::db::{Db, as_text, text};
use crate::error::Error;
use crate::state::State;

impl State {
    /// Keeps what cannot all be so, or that it can.
    pub(super) fn flag(&mut self, subject: &Subject, kind: &str, says: Option<&str>) -> Result<(), Error> {
        let key = [text(subject.name.as_str()), text(kind)];
        self.db.run("DELETE FROM caseward_flag WHERE subject = ?1 AND name = ?2", &key)?;
        if let Some(says) = says {
            let [subject, kind] = key;
            let sql = "INSERT INTO caseward_flag (subject, name, says) VALUES (?1, ?2, ?3)";
            self.db.run(sql, &[subject, kind, text(says)])?;
        }
        Ok(())
    }
}

/// What cannot all be so at an instant by the lines as they stand, by subject and kind.
pub(crate) fn flags(db: &mut dyn Db, at: i64) -> Result<BTreeMap<(String, String), String>, Error> {
    let mut by_student: BTreeMap<String, Vec<Fields>> = BTreeMap::new();
    let sql = "SELECT subject, line FROM caseward_feed WHERE kind = 'enrolment' ORDER BY subject, key";
    db.rows(sql, &[], &mut |row| {
        let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
        if let Ok(fields) = serde_json::from_str(&cell(1)) {
            by_student.entry(cell(0).to_string()).or_default().push(fields);
        }
        Ok(())
    })?;
    let flags = by_student.into_iter().filter_map(|(student, lines)| {
        let says = enrolment::flag(&lines, at)?;
        Some(((student, "enrolment".to_owned()), says))
    });
    let mut flags: BTreeMap<_, _> = flags.collect();
    if let Some(says) = overlapping(db)? {
        flags.insert(("terms".to_owned(), "terms".to_owned()), says);
    }
    Ok(flags)
}

/// Terms that share a day: which of them a day counts for is not said.
pub(super) fn overlapping(db: &mut dyn Db) -> Result<Option<String>, Error> {
    let lines = db.texts("SELECT line FROM caseward_feed WHERE kind = 'terms' ORDER BY key", &[])?;
    let mut terms = Vec::new();
    for fields in lines.iter().filter_map(|line| serde_json::from_str::<Fields>(line).ok()) {
        if let Ok((start, end)) = term(&fields) {
            terms.push((start, end, fields.get("term").cloned().unwrap_or_default()));
        }
    }
    terms.sort();
    let pairs = terms.iter().zip(terms.iter().skip(1));
    let named: Vec<String> = pairs
        .filter(|((_, end, _), (start, ..))| start < end)
        .map(|((.., one), (.., other))| format!("{one} and {other}"))
        .collect();
    Ok((!named.is_empty()).then(|| format!("terms overlap: {}", named.join(", "))))
}
