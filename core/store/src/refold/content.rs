//! Content, as the log tells of it.

use std::collections::BTreeMap;

use caseward::EntityUid;
use serde_json::Value as Json;

use super::{Told, list, uid_of};
use crate::db::{Db, as_text};
use crate::doctor::Checkup;
use crate::error::Error;
use crate::seal::Place;

/// The hash of each field of content, by its entity.
#[derive(Default)]
pub(super) struct Content(BTreeMap<EntityUid, BTreeMap<String, String>>);

impl Content {
    pub(super) fn entry(&mut self, told: &Told) {
        let Some(payload) = &told.payload else { return };
        for one in list(payload, "content") {
            let Some(uid) = one.get("uid").and_then(uid_of) else { continue };
            let field = one.get("field").and_then(Json::as_str).unwrap_or_default().to_owned();
            let hash = match (one.get("value"), one.get("sha256")) {
                (Some(value), None) if !value.is_null() => Some(super::hash(value)),
                (_, Some(Json::String(hash))) => Some(hash.clone()),
                _ => None,
            };
            let fields = self.0.entry(uid).or_default();
            match hash {
                Some(hash) => drop(fields.insert(field, hash)),
                None => drop(fields.remove(&field)),
            }
        }
        for change in list(payload, "changes") {
            if let Some(uid) = change.pointer("/remove/uid").and_then(uid_of) {
                self.0.remove(&uid);
            }
        }
        // What was said of whom records were disposed of went with them.
        if &*told.kind == "disposal" {
            let names = list(payload, "entities").iter().filter_map(Json::as_str);
            for name in names.chain([super::says(payload, "/of")]) {
                if let Ok(uid) = name.parse::<EntityUid>() {
                    self.0.remove(&uid);
                }
            }
        }
    }

    pub(super) fn compare(mut self, checkup: &mut Checkup, db: &mut dyn Db) -> Result<(), Error> {
        let sql = "SELECT type, id, field, value FROM caseward_content ORDER BY type, id, field";
        let seal = db.seal();
        db.rows(sql, &[], &mut |row| {
            let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default();
            let uid = EntityUid::new(cell(0), cell(1));
            let field = cell(2);
            checkup.fields += 1;
            let hash = self.0.get_mut(&uid).and_then(|fields| fields.remove(&*field));
            let value = match seal.open(Place::Content(uid.type_name(), uid.id(), &field), cell(3)) {
                Ok(value) => serde_json::from_str::<Json>(&value).unwrap_or_default(),
                Err(Error::Unreadable(what)) => {
                    checkup.fault("content", Some(&uid), what);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            match hash {
                None => {
                    checkup.fault("content", Some(&uid), format!("no entry of the log wrote its `{field}`"));
                }
                Some(hash) if hash != super::hash(&value) => {
                    checkup.fault("content", Some(&uid), format!("its `{field}` is not what the log says"));
                }
                Some(_) => {}
            }
            Ok(())
        })?;
        for (uid, fields) in &self.0 {
            for field in fields.keys() {
                let what = format!("its `{field}` is gone, and no entry of the log took it away");
                checkup.fault("content", Some(uid), what);
            }
        }
        Ok(())
    }
}
