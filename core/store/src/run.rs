//! One command, from its line to its answer: read, key, decision, state, effect, log.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use caseward::{
    ActionName, AlertQuery, Changes, Context, EntityUid, PrincipalQuery, Request, TypeName, World,
};
use serde_json::{Value as Json, json};

use crate::attendance::{self, Doing, Making, Spec, Stop};
use crate::audit::Read;
use crate::command::{Answer, Carried, Checked, Command, Outcome};
use crate::db::{as_text, number, text};
use crate::draft::{Draft, Finished, uid_json};
use crate::error::Error;
use crate::ids::sha256;
use crate::log::{Entry, as_i64};
use crate::seal::Place;
use crate::state::{Group, State, changed};
use crate::time;

/// How long an answer is kept under its key.
pub(crate) const KEPT: i64 = 30 * 86_400_000;

/// How a command stands in the log and under its key: without the bytes of a file.
fn kept_command(checked: &Checked) -> Json {
    json!(checked.command)
}

impl State {
    /// Answers one line, with the bytes of a file beside it or in it. An error is a failure of the store; whatever is wrong with
    /// the command is an answer.
    pub(crate) fn command(
        &mut self,
        group: &mut Group,
        (line, file): (&str, Option<Arc<Vec<u8>>>),
        clock: i64,
    ) -> Result<Answer, Error> {
        let invalid = |state: &State, group: &Group, why: String| {
            Answer::new(Outcome::Invalid, group.numbers.version, state.ward.policy_hash()).because(why)
        };
        let checked = match Command::read(line).and_then(|command| self.checked(command, file)) {
            Ok(checked) => checked,
            Err(why) => return Ok(invalid(self, group, why)),
        };
        let now = match &checked.command.now {
            Some(now) => match time::read(now) {
                Ok(now) => now,
                Err(error) => return Ok(invalid(self, group, error.to_string())),
            },
            None => self.agreed(clock, group),
        };
        self.in_force(now);
        let context = match self.context(&checked, now) {
            Ok(context) => context,
            Err(why) => return Ok(invalid(self, group, why)),
        };
        let request = Request::new(
            checked.person.clone(),
            ActionName::from_static(checked.spec.name),
            checked.on.clone(),
        )
        .in_context(context.clone());
        // For what makes no sense nothing falls due.
        let mut decided = match self.ward.check(&group.seen, &request) {
            Ok(decided) => decided,
            Err(error) if error.is_request() => return Ok(invalid(self, group, error.to_string())),
            Err(error) => return Err(error.into()),
        };
        if self.due_in(group, now, usize::MAX)? > 0 {
            self.in_force(now);
            decided = self.ward.check(&group.seen, &request)?;
        }
        if let Some(key) = &checked.command.key
            && let Some(answer) = self.answered(group, &checked, key, now)?
            // What it shows is shown to whoever may be shown it now.
            && (answer.exported.is_none() || decided.is_allowed())
        {
            return self.again(group, &checked, now, answer);
        }
        let mut answer = Answer::new(Outcome::Done, group.numbers.version, self.ward.policy_hash());
        answer.policies = decided.policies.clone();
        answer.rules = decided.rules.clone();
        answer.errors = decided.errors.iter().map(ToString::to_string).collect();
        if !decided.is_allowed() {
            answer.outcome = Outcome::Denied;
            return self.closed(group, &checked, now, answer);
        }
        if let Some(absent) = checked.spec.names(&checked.command.data).find(|uid| !group.seen.contains(uid))
        {
            answer.outcome = Outcome::Denied;
            (answer.policies, answer.rules) = (Vec::new(), Vec::new());
            return self.closed(group, &checked, now, answer.because(format!("{absent} is not in the data")));
        }
        if let Some(why) = self.unready(group, &checked, now)? {
            answer.outcome = Outcome::Refused;
            return self.closed(group, &checked, now, answer.because(why));
        }
        self.effect(group, &checked, &context, now, answer)
    }

    /// A command that makes sense: its name, its data, what it is on.
    fn checked(&self, mut command: Command, beside: Option<Arc<Vec<u8>>>) -> Result<Checked, String> {
        let spec =
            Spec::of(&command.command).ok_or_else(|| format!("there is no command `{}`", command.command))?;
        if !self.trust_now {
            for (name, is_there) in [("id", command.id.is_some()), ("now", command.now.is_some())] {
                if is_there {
                    return Err(format!(
                        "`{name}` is the store's to say, unless it trusts the caller's (--trust-now)"
                    ));
                }
            }
        }
        for (name, value) in
            [("as", Some(&command.person)), ("id", command.id.as_ref()), ("key", command.key.as_ref())]
        {
            if value.is_some_and(|value| value.is_empty() || value.contains('\0')) {
                return Err(format!("`{name}` is empty or has a NUL in it"));
            }
        }
        let on: EntityUid = command.on.parse().map_err(|error: caseward::Error| error.to_string())?;
        if command.context.contains_key("now") {
            return Err("`now` does not stand in the context: it is the store's clock".to_owned());
        }
        if beside.is_some() && command.data.contains_key("file") {
            return Err("`file` stands beside the command already: leave it out".to_owned());
        }
        if beside.is_some() {
            command.data.insert("file".to_owned(), json!({"base64": ""}));
        }
        spec.check(&command.data, on.type_name(), &self.ward)?;
        let file = match (command.data.get("file"), beside) {
            (_, Some(beside)) => Some(beside),
            (Some(file), None) => Some(Arc::new(bytes(file)?)),
            (None, None) => None,
        };
        let file = file.map(|bytes| Carried { hash: sha256(&bytes), bytes });
        if let Some(Carried { hash, bytes }) = &file {
            command.data.insert("file".to_owned(), json!({"sha256": hash, "size": bytes.len()}));
        }
        let person = EntityUid::new("User", command.person.clone());
        Ok(Checked { command, spec, person, on, file })
    }

    fn context(&self, checked: &Checked, now: i64) -> Result<Context, String> {
        let mut fields = checked.command.context.clone();
        if let Some(file) = &checked.file {
            fields.insert("sizeBytes".to_owned(), json!(file.bytes.len()));
        }
        let action = ActionName::from_static(checked.spec.name);
        let context = self.ward.read_context(&action, &Json::Object(fields).to_string());
        Ok(context.map_err(|error| error.to_string())?.and_at(now))
    }

    /// Gives an answer again. Of what it shows it is audited that it was shown once more.
    fn again(
        &mut self,
        group: &mut Group,
        checked: &Checked,
        now: i64,
        answer: Answer,
    ) -> Result<Answer, Error> {
        if answer.exported.is_some() {
            let mut read = Read::new("export", now);
            read.by = Some(checked.person.clone());
            read.on = Some(checked.on.clone());
            read.told = vec![checked.on.clone()];
            read.asked = json!({"key": checked.command.key});
            read.purpose = checked.command.purpose.clone();
            self.read_in(group, &read, now)?;
        }
        Ok(answer)
    }

    /// The answer of a command that was done under the same key.
    fn answered(
        &mut self,
        group: &Group,
        checked: &Checked,
        key: &str,
        now: i64,
    ) -> Result<Option<Answer>, Error> {
        let sql =
            "SELECT command, answer FROM caseward_answer WHERE person = ?1 AND key = ?2 AND recorded > ?3";
        let since = number(now.max(group.numbers.clock).saturating_sub(KEPT));
        let Some(row) = self.db.row(sql, &[text(checked.person.id()), text(key), since])? else {
            return Ok(None);
        };
        let (before, answer) = (row.first().and_then(as_text), row.get(1).and_then(as_text));
        let seal = self.db.seal();
        if before.as_deref() != Some(seal.digest(&digest(checked)).as_str()) {
            let answer = Answer::new(Outcome::Invalid, group.numbers.version, self.ward.policy_hash());
            return Ok(Some(answer.because(format!("the key `{key}` was another command's"))));
        }
        let answer = seal.open_some(Place::Answer(checked.person.id(), key), answer)?;
        let answer = answer.and_then(|answer| serde_json::from_str::<Answer>(&answer).ok());
        Ok(answer.map(|answer| Answer { repeated: true, ..answer }))
    }

    /// Why the state does not admit an allowed command.
    fn unready(&mut self, group: &Group, checked: &Checked, now: i64) -> Result<Option<String>, Error> {
        if let Some(expected) = checked.command.expect {
            let last = changed(self.db.as_mut(), &checked.on)?;
            if last > expected {
                return Ok(Some(format!("{} was changed in version {last}, after {expected}", checked.on)));
            }
            // A version of a store that was put back since, or of another one: what it had is not what is here.
            let version = group.numbers.version;
            if expected > version {
                return Ok(Some(format!("there is no version {expected} yet: the store is at {version}")));
            }
        }
        Ok(group.numbers.goes_back(now))
    }

    /// Does what an allowed command does.
    fn effect(
        &mut self,
        group: &mut Group,
        checked: &Checked,
        context: &Context,
        now: i64,
        mut answer: Answer,
    ) -> Result<Answer, Error> {
        let counter = self.db.counter();
        let mut making = Making {
            now,
            ward: &self.ward,
            fits: &self.fits,
            database: &self.database,
            db: self.db.as_mut(),
            random: &mut self.random,
            draft: Draft::new(&group.seen, counter),
            ahead: Changes::new(),
        };
        let mut doing = Doing { making: &mut making, checked, context, kept: HashMap::new(), exported: None };
        let done = attendance::apply(&mut doing);
        let (kept, exported) = (doing.kept, doing.exported);
        let finished = match done {
            Ok(()) => making.draft.finish()?.without_what_is_so(self.db.as_mut())?,
            Err(Stop::Refused(why)) => {
                answer.outcome = Outcome::Refused;
                return self.closed(group, checked, now, answer.because(why));
            }
            Err(Stop::Invalid(why)) => {
                let answer = Answer::new(Outcome::Invalid, group.numbers.version, self.ward.policy_hash());
                return Ok(answer.because(why));
            }
            Err(Stop::Failed(error)) => return Err(error),
        };
        let before = group.seen.clone();
        let is_new = self.write(group, now, &finished)?;
        group.numbers.clock = group.numbers.clock.max(now);
        answer.version = group.numbers.version;
        answer.made = finished.made.iter().map(ToString::to_string).collect();
        answer.exported = exported;
        if is_new {
            answer.alerts = self.alerts(checked, &finished, &before, now)?;
        }
        let entry = Entry {
            kind: "command",
            version: group.numbers.version,
            recorded: now,
            at: now,
            payload: json!({
                "command": kept_command(checked),
                "set": self.set,
                "now": time::rfc3339(now),
                "answer": told(&answer),
                "changes": finished.written,
                "content": contents(&finished),
                "kept": kept,
            }),
            about: about(checked, &finished),
        };
        let event = self.audit(group, &entry)?;
        answer.event = Some(event);
        self.dispose(group, checked, &finished, now)?;
        for person in &answer.alerts {
            self.tell(event, person, &checked.on)?;
        }
        self.remember(checked, &answer, now)?;
        Ok(answer)
    }

    /// Audits which entries lost their payload, so that it is told from a payload that somebody took.
    fn dispose(
        &mut self,
        group: &mut Group,
        checked: &Checked,
        finished: &Finished,
        now: i64,
    ) -> Result<(), Error> {
        if finished.forgotten.is_empty() && group.blanked.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut group.blanked);
        for event in &events {
            self.db.run("DELETE FROM caseward_answer WHERE event = ?1", &[number(as_i64(*event))])?;
        }
        group.is_disposing = true;
        let mut about = vec![&checked.on];
        about.extend(&finished.forgotten);
        let gone: Vec<String> = finished.forgotten.iter().map(ToString::to_string).collect();
        let payload = json!({"of": checked.on.to_string(), "entities": gone, "events": events});
        let entry = Entry {
            kind: "disposal",
            version: group.numbers.version,
            recorded: now,
            at: now,
            payload,
            about,
        };
        self.audit(group, &entry).map(drop)
    }

    /// Audits what was not done.
    fn closed(
        &mut self,
        group: &mut Group,
        checked: &Checked,
        now: i64,
        mut answer: Answer,
    ) -> Result<Answer, Error> {
        let recorded = now.max(group.numbers.clock);
        let entry = Entry {
            kind: "command",
            version: group.numbers.version,
            recorded,
            at: now,
            payload: json!({
                "command": kept_command(checked),
                "set": self.set,
                "now": time::rfc3339(now),
                "answer": told(&answer),
            }),
            about: vec![&checked.on, &checked.person],
        };
        answer.event = Some(self.audit(group, &entry)?);
        Ok(answer)
    }

    /// Who is to know of what was done to a case.
    fn alerts(
        &self,
        checked: &Checked,
        finished: &Finished,
        before: &World,
        now: i64,
    ) -> Result<Vec<String>, Error> {
        let users = TypeName::from_static("User");
        let (case, item) = match checked.spec.name {
            "addComment" | "uploadFile" => (checked.on.clone(), finished.made.first().cloned()),
            "shareItem" => match finished.world.attribute(&checked.on, "case")? {
                Some(caseward::Value::Entity(case)) => (case, Some(checked.on.clone())),
                _ => return Ok(Vec::new()),
            },
            "changePrimaryContact" | "assignCaseManager" | "reallocateCase" | "closeCase" => {
                (checked.on.clone(), None)
            }
            _ => return Ok(Vec::new()),
        };
        let is_closing = checked.spec.name == "closeCase";
        let mut query = AlertQuery::new(users.clone(), case.clone()).at(now);
        if let Some(item) = item {
            query = query.about(item);
        }
        let world = if is_closing { before } else { &finished.world };
        let told = self.ward.alert(world, &query)?;
        let mut people: Vec<EntityUid> = told.iter().filter(|person| *person != checked.person).collect();
        if is_closing {
            let action = ActionName::from_static("viewSummary");
            let sees = self.ward.who(&finished.world, &PrincipalQuery::new(users, action, case).at(now))?;
            people.retain(|person| sees.contains(person));
        }
        let mut ids: Vec<String> = people.iter().map(|person| person.id().to_owned()).collect();
        ids.sort();
        Ok(ids)
    }

    fn remember(&mut self, checked: &Checked, answer: &Answer, now: i64) -> Result<(), Error> {
        let expired = number(now.saturating_sub(KEPT));
        self.db.run("DELETE FROM caseward_answer WHERE recorded <= ?1", &[expired])?;
        let Some(key) = &checked.command.key else { return Ok(()) };
        let kept = serde_json::to_string(answer).map_err(|error| Error::Database(error.to_string()))?;
        let seal = self.db.seal();
        let kept = seal.close(Place::Answer(checked.person.id(), key), kept)?;
        self.db.run(
            "INSERT INTO caseward_answer (person, key, command, answer, recorded, event) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (person, key) DO UPDATE SET command = excluded.command, answer = excluded.answer, \
             recorded = excluded.recorded, event = excluded.event",
            &[
                text(checked.person.id()),
                text(key.as_str()),
                text(seal.digest(&digest(checked))),
                text(kept),
                number(now),
                number(as_i64(answer.event.unwrap_or(0))),
            ],
        )?;
        Ok(())
    }
}

/// The bytes of a file.
fn bytes(file: &Json) -> Result<Vec<u8>, String> {
    let text =
        file.get("base64").and_then(Json::as_str).ok_or("`path` is for the command line: give `base64`")?;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| format!("`base64` is none: {error}"))
}

/// What two sendings of one command have in common.
fn digest(checked: &Checked) -> String {
    digest_of(kept_command(checked))
}

/// As [`digest`], of a command as the log keeps it.
pub(crate) fn digest_of(mut command: Json) -> String {
    if let Some(command) = command.as_object_mut() {
        command.remove("now");
        command.remove("key");
    }
    sha256(sorted(command).to_string().as_bytes())
}

/// JSON with the names of every object in one order: which comes first says nothing.
fn sorted(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let mut fields: Vec<(String, Json)> =
                fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(fields.into_iter().collect())
        }
        Json::Array(all) => Json::Array(all.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// What the log keeps of an answer.
fn told(answer: &Answer) -> Json {
    let mut told = json!(answer);
    if let Some(told) = told.as_object_mut() {
        // Everything that is held of a person is not held once more.
        told.remove("exported");
        told.remove("event");
        told.remove("repeated");
    }
    told
}

fn contents(finished: &Finished) -> Vec<Json> {
    let all = finished.content.iter();
    all.map(|((uid, field), value)| json!({"uid": uid_json(uid), "field": field, "value": value})).collect()
}

fn about<'a>(checked: &'a Checked, finished: &'a Finished) -> Vec<&'a EntityUid> {
    let mut all = vec![&checked.on, &checked.person];
    all.extend(finished.touched.keys());
    all.extend(finished.content.keys().map(|(uid, _)| uid));
    all
}
