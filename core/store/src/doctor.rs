//! Whether a store is well: what the data keeps, what nobody sees to, and what lies about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use caseward::sql::Dialect;
use caseward::{ActionName, AlertQuery, Context, EntityUid, Query, Request, TypeName, Value, World};
use serde::Serialize;

use crate::db::{as_number, as_text, table_of};
use crate::error::Error;
use crate::facts::{entities, entity, uids};
use crate::files::documents;
use crate::kept;
use crate::layout;
use crate::migrate;
use crate::state::State;

/// People whose lists are held against filters on the tables.
const SAMPLE: usize = 40;

/// Something that a store's operator is to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of thing it is, such as `open-case` or `no-alerts`.
    pub kind: &'static str,
    /// Whether the data is not as the store keeps it; else it is for people to see to.
    pub is_fault: bool,
    /// The record; absent where it is of the store as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is to be looked at.
    pub what: String,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checkup {
    /// Open cases that were looked at.
    pub open_cases: usize,
    /// Students that were looked at.
    pub students: usize,
    /// Entities whose rows were read again.
    pub entities: usize,
    /// Versions of the data that were told again from the log.
    pub versions: u64,
    /// Fields of content that were held against the log.
    pub fields: usize,
    /// Files that were read again.
    pub files: usize,
    /// Entries of the audit log that were read again.
    pub entries: u64,
    /// People whose list of cases was held against a filter on the tables; none on PostgreSQL.
    pub lists_compared: usize,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// Whether the data is as the store keeps it, in all that was looked at.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_fault)
    }

    pub(crate) fn fault(&mut self, kind: &'static str, about: Option<&EntityUid>, what: impl Into<String>) {
        let about = about.map(ToString::to_string);
        self.findings.push(Finding { kind, is_fault: true, about, what: what.into() });
    }

    /// Of a store that cannot be opened, since rows are at fault.
    pub(crate) fn of_rows(faults: Vec<(Option<EntityUid>, String)>) -> Self {
        let mut checkup = Checkup::default();
        checkup.rows(faults);
        checkup.fault("rows", None, "the store cannot be opened: nothing else was looked at");
        checkup
    }

    /// Tells of rows that could not be read, as a fault.
    pub(crate) fn reading(&mut self, done: Result<(), Error>) -> Result<(), Error> {
        let Err(error) = done else { return Ok(()) };
        self.rows(error.of_rows().ok_or(error)?);
        Ok(())
    }

    fn rows(&mut self, faults: Vec<(Option<EntityUid>, String)>) {
        faults.into_iter().for_each(|(about, what)| self.fault("rows", about.as_ref(), what));
    }

    pub(crate) fn notice(&mut self, kind: &'static str, about: Option<&EntityUid>, what: impl Into<String>) {
        let about = about.map(ToString::to_string);
        self.findings.push(Finding { kind, is_fault: false, about, what: what.into() });
    }
}

impl State {
    /// Looks at everything, at `now`; `clock` is the machine's. It writes nothing.
    pub(crate) fn doctor(&mut self, (now, clock): (i64, i64)) -> Result<Checkup, Error> {
        let mut checkup = Checkup::default();
        for what in self.db.damage()? {
            checkup.fault("database", None, format!("the database itself is damaged: {what}"));
        }
        // Of a damaged database nothing that is read is to be relied on.
        if !checkup.is_sound() {
            return Ok(checkup);
        }
        for what in self.db.strangers()? {
            let what = format!(
                "the store makes no triggers and no views, and there is the {what}: find out who made it"
            );
            checkup.fault("database", None, what);
        }
        layout::is_the_stores(&mut checkup, self.db.as_mut(), self.ward.schema())?;
        let rows = self.rows_are_the_world(&mut checkup)?;
        // What cannot be read of one is a fault, and the next is looked at.
        let all = &mut checkup;
        let done = migrate::format::is_told(all, self.db.as_mut());
        all.reading(done)?;
        let done = self.log_is_sound(all);
        all.reading(done)?;
        let done = self.refold(all, rows.as_ref(), (now, clock));
        all.reading(done)?;
        if self.has_facts {
            let done = self.facts_are_kept(all, now);
            all.reading(done)?;
        } else {
            all.fault("rows", None, "the facts cannot be read: what hangs on them was not looked at");
        }
        let done = self.files_are_whole(all);
        all.reading(done)?;
        Ok(checkup)
    }

    /// Looks at what the facts are to be, besides being what was written.
    fn facts_are_kept(&mut self, checkup: &mut Checkup, now: i64) -> Result<(), Error> {
        self.rows_are_of_somebody(checkup)?;
        let open = self.cases_are_kept(checkup, now)?;
        self.students_are_kept(checkup, &open)?;
        self.one_person_twice(checkup)?;
        self.somebody_acts(checkup, &open, now)?;
        self.nothing_lies_about(checkup)?;
        self.is_due_for_disposal(checkup, now)?;
        self.lists_are_filters(checkup, now)
    }

    /// The facts as the tables have them; `None` where they cannot be read, which is a fault.
    fn read_rows(&mut self, checkup: &mut Checkup) -> Result<Option<World>, Error> {
        let (db, mut faults) = (&mut self.db, Vec::new());
        let read = self.database.read::<Error>(|sql, each| {
            let mut bad = Vec::new();
            let read = db.rows(sql, &[], &mut |row| match each(row) {
                Err(error) if error.of_rows().is_some() => {
                    bad.extend(error.of_rows().into_iter().flatten());
                    Ok(())
                }
                read => read,
            });
            let in_table = |(about, what)| (about, format!("the table {}: {what}", table_of(sql)));
            faults.extend(bad.into_iter().map(in_table));
            match read {
                Err(Error::Unreadable(what)) => {
                    faults.push((None, what));
                    Ok(())
                }
                read => read,
            }
        });
        let rows = match read {
            Ok(rows) if faults.is_empty() => Some(rows),
            Ok(_) => None,
            Err(error) => match error.of_rows() {
                // What was left out is missing where something refers to it.
                Some(dangling) if faults.is_empty() => {
                    faults = dangling;
                    None
                }
                Some(_) => None,
                None => return Err(error),
            },
        };
        checkup.rows(faults);
        Ok(rows)
    }

    fn rows_are_the_world(&mut self, checkup: &mut Checkup) -> Result<Option<World>, Error> {
        let Some(rows) = self.read_rows(checkup)? else { return Ok(None) };
        for ty in self.ward.schema().entity_types() {
            if ty.choices.is_some() {
                continue;
            }
            let (there, held) = (uids(&rows, &ty.name)?, uids(&self.world, &ty.name)?);
            checkup.entities += there.len();
            for uid in held.iter().filter(|uid| !rows.contains(uid)) {
                checkup.fault("rows", Some(uid), "it has no row");
            }
            for uid in &there {
                if rows.attributes(uid)? != self.world.attributes(uid)? {
                    checkup.fault(
                        "rows",
                        Some(uid),
                        "its row says something else than the snapshot and the log",
                    );
                }
            }
        }
        Ok(Some(rows))
    }

    /// Rows beside those that the facts have: of what is not there, and the same row again.
    fn rows_are_of_somebody(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        for table in self.database.rows(&self.world) {
            let mut held: HashMap<Arc<str>, i64> = HashMap::new();
            for owner in table.rows.iter().filter_map(|row| as_text(row.first()?)) {
                *held.entry(owner).or_default() += 1;
            }
            let name = table_of(&table.owners);
            self.db.rows(&table.owners, &[], &mut |row| {
                let owner = row.first().and_then(as_text).unwrap_or_default();
                let (count, held) =
                    (row.get(1).and_then(as_number).unwrap_or(0), held.get(&owner).copied().unwrap_or(0));
                if count > held {
                    let what =
                        format!("the table {name} has {count} rows of `{owner}`, and by the facts {held}");
                    checkup.fault("rows", None, what);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn log_is_sound(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        let found = self.verify(&[])?;
        checkup.entries = found.entries;
        for problem in &found.problems {
            let event = problem.event.map_or(String::new(), |event| format!("entry {event}: "));
            checkup.fault("log", None, format!("{event}{}", problem.what));
        }
        Ok(())
    }

    /// Looks at each open case; gives them by their students.
    fn cases_are_kept(
        &mut self,
        checkup: &mut Checkup,
        now: i64,
    ) -> Result<BTreeMap<EntityUid, EntityUid>, Error> {
        let world = self.world.clone();
        let open = kept::open_cases(checkup, &self.fits, &world)?;
        for case in open.values() {
            let query = AlertQuery::new(TypeName::from_static("User"), case.clone()).at(now);
            if self.ward.alert(&world, &query)?.is_empty() {
                checkup.notice("no-alerts", Some(case), "nobody would be told of what happens to it");
            }
        }
        Ok(open)
    }

    fn students_are_kept(
        &mut self,
        checkup: &mut Checkup,
        open: &BTreeMap<EntityUid, EntityUid>,
    ) -> Result<(), Error> {
        kept::students(checkup, &self.world, open)?;
        let mut by_nsn: BTreeMap<String, EntityUid> = BTreeMap::new();
        for student in uids(&self.world, "Student")? {
            if let Some(Value::String(nsn)) = self.world.attribute(&student, "nsn")?
                && let Some(other) = by_nsn.insert(nsn.to_string(), student.clone())
            {
                checkup.notice("one-person", Some(&student), format!("it has the NSN of {other}"));
            }
        }
        let mut flags = Vec::new();
        self.db.rows(
            "SELECT subject, name, says FROM caseward_flag ORDER BY subject, name",
            &[],
            &mut |row| {
                let cell = |at: usize| row.get(at).and_then(as_text).unwrap_or_default().to_string();
                flags.push((cell(0), format!("{}: {}", cell(1), cell(2))));
                Ok(())
            },
        )?;
        for (subject, what) in flags {
            checkup.notice("feeds", subject.parse().ok().as_ref(), what);
        }
        Ok(())
    }

    /// Whether each provider with an open case has a workflow lead who may see it, and central investigation somebody.
    fn somebody_acts(
        &mut self,
        checkup: &mut Checkup,
        open: &BTreeMap<EntityUid, EntityUid>,
        now: i64,
    ) -> Result<(), Error> {
        let (mut leads, mut central): (BTreeMap<EntityUid, Vec<EntityUid>>, usize) = (BTreeMap::new(), 0);
        let team = EntityUid::new("MinistryTeam", "centralInvestigation");
        for person in uids(&self.world, "User")? {
            for provider in entities::<Vec<_>>(&self.world, &person, "workflowLeadAt")? {
                leads.entry(provider).or_default().push(person.clone());
            }
            let is_active = self.world.attribute(&person, "loginActive")? == Some(true.into());
            central += usize::from(
                is_active && entities::<Vec<_>>(&self.world, &person, "ministryTeams")?.contains(&team),
            );
        }
        if central == 0 {
            checkup.notice("central-team", Some(&team), "nobody with an active login is in it");
        }
        let mut seen = BTreeSet::new();
        for case in open.values() {
            let Some(provider) = entity(&self.world, case, "provider")? else { continue };
            if !seen.insert(provider.clone()) {
                continue;
            }
            let mut acts = false;
            for lead in leads.get(&provider).into_iter().flatten() {
                let request =
                    Request::new(lead.clone(), ActionName::from_static("viewSummary"), case.clone());
                acts |= self.ward.check(&self.world, &request.at(now))?.is_allowed();
            }
            if !acts {
                checkup.notice(
                    "no-workflow-lead",
                    Some(&provider),
                    format!("it holds {case}, and no workflow lead of it may act"),
                );
            }
        }
        Ok(())
    }

    /// Content of what is not there.
    fn nothing_lies_about(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        let mut owners = Vec::new();
        self.db.rows("SELECT DISTINCT type, id FROM caseward_content", &[], &mut |row| {
            if let [ty, id] = row
                && let (Some(ty), Some(id)) = (as_text(ty), as_text(id))
            {
                owners.push(EntityUid::new(ty, id));
            }
            Ok(())
        })?;
        for owner in owners.iter().filter(|owner| !self.world.contains(owner)) {
            checkup.fault("content", Some(owner), "there is content of it, and it is not there");
        }
        Ok(())
    }

    /// Whether each file is there, with the bytes of its hash; and files of which nothing speaks.
    fn files_are_whole(&mut self, checkup: &mut Checkup) -> Result<(), Error> {
        let documents = documents(self.db.as_mut())?;
        let documents: BTreeMap<String, EntityUid> =
            documents.into_iter().map(|(item, hash)| (hash, item)).collect();
        let seal = self.db.seal();
        let mut known = BTreeSet::new();
        for (hash, item) in &documents {
            known.insert(seal.name(hash));
            let found = match self.file_hash(hash) {
                Err(Error::Unreadable(what)) => {
                    checkup.fault("files", Some(item), what);
                    continue;
                }
                found => found?,
            };
            match found {
                None => checkup.fault("files", Some(item), format!("the file {hash} is not there")),
                Some(found) if found != *hash => {
                    checkup.fault("files", Some(item), format!("the file {hash} has other bytes"));
                }
                Some(_) => checkup.files += 1,
            }
        }
        for name in self.file_names()?.iter().filter(|name| !known.contains(*name)) {
            checkup.notice("files", None, format!("no item has the file {name}: it can be removed"));
        }
        Ok(())
    }

    /// Students whose records whoever may dispose of them may dispose of now.
    fn is_due_for_disposal(&mut self, checkup: &mut Checkup, now: i64) -> Result<(), Error> {
        let mut due: BTreeSet<EntityUid> = BTreeSet::new();
        let privacy = EntityUid::new("MinistryTeam", "privacy");
        for person in uids(&self.world, "User")? {
            if !entities::<Vec<_>>(&self.world, &person, "ministryTeams")?.contains(&privacy) {
                continue;
            }
            let action = ActionName::from_static("disposeRecords");
            let context = Context::at(now).with("protectionInstruction", false);
            let query = Query::new(person, action, TypeName::from_static("Student")).in_context(context);
            due.extend(self.ward.list(&self.world, &query)?);
        }
        let mut has_records: BTreeSet<EntityUid> = BTreeSet::new();
        for ty in ["Case", "Request"] {
            for record in uids(&self.world, ty)? {
                has_records.extend(entity(&self.world, &record, "student")?);
            }
        }
        let sql = "SELECT DISTINCT id FROM caseward_content WHERE type = 'Student'";
        let ids = self.db.texts(sql, &[])?;
        has_records.extend(ids.into_iter().map(|id| EntityUid::new("Student", id)));
        for student in due.intersection(&has_records) {
            checkup.notice("due", Some(student), "its records are due for disposal");
        }
        Ok(())
    }

    /// Holds lists of cases against filters on the tables, for some people.
    fn lists_are_filters(&mut self, checkup: &mut Checkup, now: i64) -> Result<(), Error> {
        if self.db.dialect() != Dialect::Sqlite {
            return Ok(());
        }
        let people = uids(&self.world, "User")?;
        let step = (people.len() / SAMPLE).max(1);
        let select = self.database.select("Case")?;
        for person in people.into_iter().step_by(step) {
            let action = ActionName::from_static("viewSummary");
            let query = Query::new(person.clone(), action, TypeName::from_static("Case")).at(now);
            let filter = self.ward.filter(&self.world, &query, &self.database)?;
            let params: Vec<_> = filter.params.iter().cloned().map(Some).collect();
            let listed: BTreeSet<EntityUid> = self.ward.list(&self.world, &query)?.into_iter().collect();
            let ids = self.db.texts(&format!("{select} WHERE {}", filter.sql), &params)?;
            let filtered = ids.into_iter().map(|id| EntityUid::new("Case", id)).collect();
            checkup.lists_compared += 1;
            if listed != filtered {
                checkup.fault(
                    "filter",
                    Some(&person),
                    "the filter on the tables gives other cases than the list",
                );
            }
        }
        Ok(())
    }
}
