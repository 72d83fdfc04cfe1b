//! Students who seem to be one person: they are reported, never merged.

use std::collections::BTreeMap;

use caseward::EntityUid;
use serde_json::Value as Json;

use crate::beside::{NAME, PERSON, fold};
use crate::db::{as_text, text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::seal::Place;
use crate::state::State;

/// The content that says when somebody was born.
const BORN: &str = "dateOfBirth";

impl State {
    /// Tells of students who have one name, without case and macrons, and one date of birth.
    pub(crate) fn one_person_twice(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        let sql = "SELECT n.id, n.value, b.value FROM caseward_content n JOIN caseward_content b \
                   ON b.type = n.type AND b.id = n.id AND b.field = ?3 \
                   WHERE n.type = ?1 AND n.field = ?2 ORDER BY n.id";
        let (mut pairs, seal) = (Vec::new(), self.db.seal());
        let mut first: BTreeMap<(String, String), EntityUid> = BTreeMap::new();
        self.db.rows(sql, &[text(PERSON), text(NAME), text(BORN)], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let said = |field: &str, at: usize| -> Result<String, Error> {
                let value = seal.open(Place::Content(PERSON, &cell(0), field), cell(at))?;
                Ok(match serde_json::from_str(&value) {
                    Ok(Json::String(text)) => fold(&text),
                    _ => String::new(),
                })
            };
            let (student, name, born) = (EntityUid::new(PERSON, cell(0)), said(NAME, 1)?, said(BORN, 2)?);
            if name.is_empty() || born.is_empty() {
                return Ok(());
            }
            match first.get(&(name.clone(), born.clone())) {
                Some(other) => pairs.push((student, other.clone())),
                None => {
                    first.insert((name, born), student);
                }
            }
            Ok(())
        })?;
        for (student, other) in pairs {
            checkup.notice(
                "one-person",
                Some(&student),
                format!("it has the name and the date of birth of {other}"),
            );
        }
        Ok(())
    }
}
