//! The clock and the counters of numbers, held against the log.

use serde_json::Value as Json;

use super::{Told, list, says};
use crate::db::Db;
use crate::doctor::Checkup;
use crate::error::Error;
use crate::state;
use crate::time::rfc3339;

/// What the log tells of them.
#[derive(Default)]
pub(super) struct Settings {
    /// The last entry of those that put the clock on: a look does not.
    written: Option<i64>,
    /// The highest numbers that requests and cases were given.
    requests: i64,
    cases: i64,
}

impl Settings {
    pub(super) fn entry(&mut self, told: &Told) {
        let Some(payload) = &told.payload else { return };
        let is_written = match &*told.kind {
            "command" => says(payload, "/answer/outcome") == "done",
            kind => kind == "activation",
        };
        if is_written {
            self.written = self.written.max(Some(told.recorded));
        }
        for one in list(payload, "content") {
            if one.get("field").and_then(Json::as_str) != Some("number") {
                continue;
            }
            let Some(number) = one.get("value").and_then(Json::as_str) else { continue };
            let given = |kind: char| number.strip_prefix(kind).and_then(|n| n.parse().ok()).unwrap_or(0);
            self.requests = self.requests.max(given('R'));
            self.cases = self.cases.max(given('C'));
        }
    }

    /// `clock` is the machine's, where the store goes by it.
    pub(super) fn compare(
        &self,
        checkup: &mut Checkup,
        db: &mut dyn Db,
        clock: Option<i64>,
    ) -> Result<(), Error> {
        for name in db.texts("SELECT name FROM caseward_setting ORDER BY name", &[])? {
            if !state::SETTINGS.contains(&&*name) {
                checkup.fault(
                    "setting",
                    None,
                    format!("there is a setting `{name}`, which the store does not have"),
                );
            }
        }
        let own = state::get(db, "clock")?;
        if own.is_none() || own < self.written {
            checkup.fault("clock", None, "the store's clock is behind what was written last");
        } else if clock.is_some() && own > clock {
            let own = rfc3339(own.unwrap_or(i64::MAX));
            let what = format!(
                "the store's clock says {own}, ahead of the machine's: whoever writes before is refused"
            );
            checkup.notice("clock", None, what);
        }
        for (name, given) in [("requests", self.requests), ("cases", self.cases)] {
            let counted = state::get(db, name)?.unwrap_or(0);
            if counted < given {
                let what = format!("the counter of {name} says {counted}, and number {given} was given");
                checkup.fault("counter", None, what);
            }
        }
        Ok(())
    }
}
