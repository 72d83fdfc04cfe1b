//! Many cases go to another case manager at once: one command a case, and one answer a case.

use std::sync::Arc;

use caseward::{ActionName, Context, EntityUid, Listing, Query, TypeName, Value};
use serde::Serialize;
use serde_json::json;

use crate::command::Answer;
use crate::draft::uid_json;
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// The command of which it is made.
const COMMAND: &str = "assignCaseManager";

/// Cases that go to another case manager.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reassignment {
    /// Who does it.
    pub by: EntityUid,
    /// Who is to have them.
    pub to: EntityUid,
    /// The cases, in the order in which they are answered.
    pub cases: Vec<EntityUid>,
    /// What for, in free text: it is kept with each decision.
    pub purpose: Option<String>,
    /// What makes it safe to do again: each case's command has it as its key, with the case.
    pub key: Option<String>,
    /// When it is, in milliseconds since 1970: with [`Options::trusting`](crate::Options::trusting) alone.
    pub now: Option<i64>,
}

/// What became of one case.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Reassigned {
    /// The case.
    pub case: EntityUid,
    /// The answer of its command.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Reassignment {
    /// `by` gives cases to `to`.
    pub fn new(by: EntityUid, to: EntityUid, cases: Vec<EntityUid>) -> Self {
        Reassignment { by, to, cases, purpose: None, key: None, now: None }
    }

    fn command(&self, case: &EntityUid) -> String {
        let mut command = json!({
            "command": COMMAND,
            "as": self.by.id(),
            "on": case.to_string(),
            "context": {"assignee": uid_json(&self.to)},
        });
        let rest = [
            ("purpose", self.purpose.clone()),
            ("key", self.key.as_ref().map(|key| format!("{key} {case}"))),
            ("now", self.now.map(time::rfc3339)),
        ];
        if let Some(command) = command.as_object_mut() {
            command
                .extend(rest.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        }
        command.to_string()
    }
}

impl Store {
    /// Gives cases to another case manager: each is decided, audited and answered by itself, and those that wait at once
    /// become durable together. One that is denied or refused stops no other.
    ///
    /// # Errors
    /// What the database reports; cases that were answered before it are done, and with a key it is done again safely.
    pub fn reassign(&self, all: &Reassignment) -> Result<Vec<Reassigned>, Error> {
        let pending = all.cases.iter().map(|case| Ok((case, self.submit(all.command(case))?)));
        let pending = pending.collect::<Result<Vec<_>, Error>>()?;
        let answers = pending.into_iter();
        answers.map(|(case, answer)| Ok(Reassigned { case: case.clone(), answer: answer.wait()? })).collect()
    }

    /// The open cases of a case manager that `by` may give to `to`, longest open first.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn reassignable(
        &self,
        by: &EntityUid,
        from: &EntityUid,
        to: &EntityUid,
        now: i64,
    ) -> Result<Vec<EntityUid>, Error> {
        let context = Context::at(now).with("assignee", Value::Entity(to.clone()));
        let query = Query::new(by.clone(), ActionName::from_static(COMMAND), TypeName::from_static("Case"));
        let from: Arc<str> = from.id().into();
        let listing = Listing::new().by("openedAt").only("caseManager", from).only("status", "open");
        Ok(self.list(&query.in_context(context), &listing)?.iter().collect())
    }
}
