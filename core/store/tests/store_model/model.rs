//! The model: one command or one file of lines at a time.

use std::collections::{BTreeMap, BTreeSet};

use caseward_store::{Answer, Outcome};
use serde_json::{Map, Value as Json};

use crate::facts::{Cedar, Facts, Uid, Verdict, reference, uid, written};
use crate::lines::{Lines, ROLES};
use crate::table::{self, Sense};
use crate::time;

/// How long an answer is kept under its key.
const KEPT: i64 = 30 * time::DAY;

/// What is to come of a command.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) outcome: Option<Outcome>,
    /// The answer that was done, word for word.
    pub(crate) repeated: Option<Answer>,
    pub(crate) verdict: Option<Verdict>,
    /// Whether anything was due that changed something.
    pub(crate) due: bool,
    /// Whether the command changed facts or content.
    pub(crate) moved: bool,
    pub(crate) made: Vec<String>,
    pub(crate) alerts: Vec<String>,
    /// What an export has to tell, and what it may not.
    pub(crate) exported: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Expected {
    pub(crate) fn of(outcome: Outcome) -> Self {
        Expected { outcome: Some(outcome), ..Self::default() }
    }
}

/// Cases of a student, with school and provider as they were before.
type Moved = Vec<(Uid, (Option<Uid>, Option<Uid>))>;

struct Remembered {
    command: Json,
    at: i64,
    answer: Answer,
}

pub(crate) struct Model {
    pub(crate) facts: Facts,
    pub(crate) content: BTreeMap<Uid, BTreeMap<String, Json>>,
    /// What the log alone keeps of a person: to whom something went, and statements beside what is held.
    pub(crate) disclosed: BTreeMap<Uid, Vec<String>>,
    pub(crate) lines: Lines,
    pub(crate) cedar: Cedar,
    /// The last write: what was not done, and a question, is none.
    pub(crate) clock: i64,
    /// The case that a request became.
    pub(crate) became: BTreeMap<Uid, Uid>,
    /// Ids that were used, and are not used again.
    pub(crate) used: BTreeSet<Uid>,
    /// Who was told of which case by a change of school.
    pub(crate) told: Vec<(String, Uid)>,
    /// Texts that were disposed of.
    pub(crate) disposed: BTreeSet<String>,
    remembered: BTreeMap<(String, String), Remembered>,
    /// In which versions an entity changed last: at the latest, and at the earliest that it can have been.
    changed: BTreeMap<Uid, (u64, u64)>,
}

impl Model {
    pub(crate) fn new(clock: i64, imported: &Json) -> Self {
        let mut model = Model {
            facts: Facts::default(),
            content: BTreeMap::new(),
            disclosed: BTreeMap::new(),
            lines: Lines::default(),
            cedar: Cedar::new(),
            clock,
            became: BTreeMap::new(),
            used: BTreeSet::new(),
            told: Vec::new(),
            disposed: BTreeSet::new(),
            remembered: BTreeMap::new(),
            changed: BTreeMap::new(),
        };
        for one in imported.as_array().unwrap() {
            let uid = uid(one["uid"]["type"].as_str().unwrap(), one["uid"]["id"].as_str().unwrap());
            model.facts.make(&uid, one["attrs"].clone());
            model.lines.base.insert(uid, one["attrs"].as_object().unwrap().clone());
        }
        model
    }

    /// Notes what changed, in the versions after one and up to another.
    pub(crate) fn note(&mut self, after: u64, upto: u64) -> bool {
        // READING: in the version of an import, and before it, nothing has changed.
        let touched = std::mem::take(&mut self.facts.touched);
        let any = !touched.is_empty();
        for uid in touched {
            if after > 0 {
                self.changed.insert(uid, (after + 1, upto));
            }
        }
        any
    }

    pub(crate) fn ask(
        &mut self,
        (person, action, on): (&Uid, &str, &Uid),
        context: &Map<String, Json>,
        now: i64,
    ) -> Verdict {
        self.cedar.ask(&mut self.facts, (person, action, on), context, now)
    }

    /// What a command does, given what was answered: from it come ids that the store makes, and versions.
    pub(crate) fn command(
        &mut self,
        line: &Json,
        clock: i64,
        (before, after): (u64, u64),
        answer: &Answer,
    ) -> Expected {
        let Some(sense) = table::read(line, clock) else { return Expected::of(Outcome::Invalid) };
        let key = sense.key.as_ref().map(|key| (sense.person.1.clone(), key.clone()));
        let mut command = line.clone();
        command.as_object_mut().unwrap().remove("now");
        // What is due comes first.
        let due = self.advance(sense.now);
        self.note(before, after);
        let kept = key.as_ref().and_then(|key| self.remembered.get(key));
        if let Some(kept) = kept.filter(|kept| sense.now.max(self.clock) < kept.at + KEPT) {
            let again = kept.command == command;
            let repeated = again.then(|| kept.answer.clone());
            let outcome = if again { Outcome::Done } else { Outcome::Invalid };
            // READING: what an answer shows is shown again to whoever may be shown it now.
            let shows = repeated.as_ref().is_some_and(|answer| answer.exported.is_some());
            let asked = (&sense.person, sense.command.as_str(), &sense.on);
            if !shows || self.ask(asked, &sense.context, sense.now).permitted {
                return Expected { repeated, due, ..Expected::of(outcome) };
            }
        }
        let mut expected = self.decided(&sense, after, answer);
        expected.due = due;
        if expected.outcome == Some(Outcome::Done) {
            self.clock = self.clock.max(sense.now);
        }
        expected.moved = self.note(after.saturating_sub(1), after);
        if let (Some(key), Some(Outcome::Done)) = (key, expected.outcome) {
            self.remembered.insert(key, Remembered { command, at: sense.now, answer: answer.clone() });
        }
        expected
    }

    fn decided(&mut self, sense: &Sense, latest: u64, answer: &Answer) -> Expected {
        let verdict = self.ask((&sense.person, &sense.command, &sense.on), &sense.context, sense.now);
        let with = |outcome, verdict| Expected { verdict: Some(verdict), ..Expected::of(outcome) };
        if !verdict.permitted {
            return with(Outcome::Denied, verdict);
        }
        if self.named_in_data(sense).iter().any(|uid| !self.facts.has(uid)) {
            return with(Outcome::Denied, Verdict { absent: true, ..Verdict::default() });
        }
        let late = sense.expect.is_some_and(|version| {
            let (low, high) = self.changed.get(&sense.on).copied().unwrap_or_default();
            assert!(version < low || version >= high, "the story asks for a version between batches");
            // READING: nothing is known of a version that is to come, so that it is no version to have been read.
            version < low || version > latest
        });
        if sense.now < self.clock || late || self.hindered(sense) {
            return with(Outcome::Refused, verdict);
        }
        let mut expected = with(Outcome::Done, verdict);
        self.effect(sense, answer, &mut expected);
        expected
    }

    /// The entity that `data` names and that is written: what is to be taken away may be absent.
    fn named_in_data(&self, sense: &Sense) -> Option<Uid> {
        let contact = (sense.command == "editRequest").then(|| sense.data.get("primaryContact"))??;
        contact.as_str().map(|id| uid("User", id))
    }

    /// Whether the state does not admit a command.
    fn hindered(&self, sense: &Sense) -> bool {
        let makes = table::find(&sense.command).and_then(|row| row.makes);
        let taken = sense.id.as_ref().zip(makes).is_some_and(|(id, ty)| {
            let uid = uid(ty, id);
            self.facts.has(&uid) || self.used.contains(&uid)
        });
        let waiting = sense.command == "disposeRecords"
            && self
                .requests_of(&sense.on)
                .iter()
                .any(|one| self.facts.text(one, "status") == Some("submitted"));
        taken || waiting
    }

    /// Applies what is due, in order of time.
    pub(crate) fn advance(&mut self, now: i64) -> bool {
        let before = self.facts.touched.len();
        for at in self.lines.due(self.clock, now) {
            // READING: of what is due at one instant all holds before anybody is taken out or told.
            let users: Vec<Uid> = self.facts.of("User").cloned().collect();
            users.iter().for_each(|one| self.be(&one.1, at));
            let students: Vec<Uid> = self.facts.of("Student").cloned().collect();
            let moved: Vec<Moved> = students.iter().map(|one| self.go(&one.1, at)).collect();
            self.fit();
            moved.into_iter().for_each(|moved| self.tell(moved, at));
            self.clock = at;
        }
        self.facts.touched.len() > before
    }

    /// Makes somebody what lines and commands say of them.
    pub(crate) fn stand_person(&mut self, user: &str, at: i64) {
        self.be(user, at);
        self.fit();
    }

    fn be(&mut self, user: &str, at: i64) {
        let person = uid("User", user);
        for (role, _) in ROLES {
            let places = self.lines.places(user, role, at);
            self.facts.set(&person, role, Some(Json::Array(places.iter().map(reference).collect())));
        }
        let active = self.lines.active(user, at);
        self.facts.set(&person, "loginActive", Some(active.into()));
        let cleared = self.lines.cleared(user);
        self.facts.set(&person, "providerAccessFrom", cleared);
    }

    /// Makes a student what lines say of them: a change of school is whole.
    pub(crate) fn stand_student(&mut self, id: &str, at: i64) {
        let moved = self.go(id, at);
        self.fit();
        self.tell(moved, at);
    }

    fn go(&mut self, id: &str, at: i64) -> Moved {
        let student = uid("Student", id);
        let (school, last) = self.lines.enrolled(id, at);
        let before = self.facts.entity(&student, "enrolledAt");
        let cases = self.open_cases(&student);
        let moved =
            cases.into_iter().map(|case| (self.held(&case), case)).map(|(held, case)| (case, held)).collect();
        self.facts.refer(&student, "enrolledAt", school.as_ref());
        self.facts.refer(&student, "lastSchool", last.as_ref());
        let year = self.lines.year_level(id, at);
        self.facts.set(&student, "yearLevel", year);
        let rate = self.lines.rate(id, at);
        self.facts.set(&student, "attendanceRate", rate);
        if school.is_some() && school != before {
            self.arrive(&student);
        }
        moved
    }

    /// The school and the provider of a case.
    fn held(&self, case: &Uid) -> (Option<Uid>, Option<Uid>) {
        (self.facts.entity(case, "school"), self.facts.entity(case, "provider"))
    }

    /// Who is to know of cases whose school or provider changed.
    fn tell(&mut self, moved: Moved, at: i64) {
        for (case, was) in moved {
            if was != self.held(&case) {
                let told = self.who_is_told(&case, at);
                self.told.extend(told.into_iter().map(|person| (person, case.clone())));
            }
        }
    }

    fn arrive(&mut self, student: &Uid) {
        let school = self.facts.entity(student, "enrolledAt");
        let route = self.route(student);
        for case in self.open_cases(student) {
            self.facts.refer(&case, "school", school.as_ref());
            if let Some(provider) = &route {
                self.hold(&case, provider);
            }
        }
        for request in self.requests_of(student) {
            let submitted = self.facts.text(&request, "status") == Some("submitted");
            if submitted && self.facts.entity(&request, "provider") != route {
                self.facts.refer(&request, "provider", route.as_ref());
                self.facts.set(&request, "caseManager", None);
            }
        }
    }

    /// A case goes to a provider, and the student and the request with it.
    pub(crate) fn hold(&mut self, case: &Uid, provider: &Uid) {
        let student = self.facts.entity(case, "student").unwrap();
        self.facts.refer(case, "provider", Some(provider));
        self.facts.refer(&student, "currentProvider", Some(provider));
        for request in self.behind(case) {
            self.facts.refer(&request, "provider", Some(provider));
        }
    }

    /// A case's manager, and the student's and the request's with it.
    pub(crate) fn manage(&mut self, case: &Uid, manager: Option<&Uid>) {
        let student = self.facts.entity(case, "student").unwrap();
        self.facts.refer(case, "caseManager", manager);
        self.facts.refer(&student, "currentCaseManager", manager);
        for request in self.behind(case) {
            self.facts.refer(&request, "caseManager", manager);
        }
    }

    /// The provider that a request of a student goes to.
    pub(crate) fn route(&self, student: &Uid) -> Option<Uid> {
        let Some(school) = self.facts.entity(student, "enrolledAt") else {
            let last = self.facts.entity(student, "lastSchool")?;
            return self.facts.entity(&last, "catchmentProvider");
        };
        let inside = |provider: &&Uid| {
            self.facts.text(provider, "kind") == Some("isp")
                && self.facts.entity(provider, "school").as_ref() == Some(&school)
        };
        let mut all = self.facts.of("Provider").filter(inside);
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one.clone()),
            _ => self.facts.entity(&school, "catchmentProvider"),
        }
    }

    /// Takes out of open cases and submitted requests whoever no longer fits.
    pub(crate) fn fit(&mut self) {
        let manages = |facts: &Facts, person: &Uid, provider: Option<&Uid>| {
            provider.is_some_and(|provider| {
                facts.contains(person, "caseManagerAt", provider)
                    || facts.contains(person, "workflowLeadAt", provider)
            })
        };
        let cases: Vec<Uid> = self.facts.of("Case").cloned().collect();
        for case in cases.iter().filter(|case| self.is_open(case)).cloned().collect::<Vec<_>>() {
            let student = self.facts.entity(&case, "student").unwrap();
            let (school, provider) =
                (self.facts.entity(&student, "enrolledAt"), self.facts.entity(&case, "provider"));
            if let Some(contact) = self.facts.entity(&case, "primaryContact")
                && !school.is_some_and(|school| self.contact_at(&contact, &school))
            {
                self.facts.set(&case, "primaryContact", None);
            }
            if let Some(manager) = self.facts.entity(&case, "caseManager")
                && !manages(&self.facts, &manager, provider.as_ref())
            {
                self.manage(&case, None);
            }
            for member in self.facts.members(&case, "team") {
                let there = |provider: &Uid| self.facts.contains(&member, "caseManagerAt", provider);
                if !provider.as_ref().is_some_and(there) {
                    self.facts.set_member(&case, "team", &member, false);
                }
            }
        }
        for request in self.facts.of("Request").cloned().collect::<Vec<_>>() {
            if self.facts.text(&request, "status") == Some("submitted")
                && let Some(manager) = self.facts.entity(&request, "caseManager")
                && !manages(&self.facts, &manager, self.facts.entity(&request, "provider").as_ref())
            {
                self.facts.set(&request, "caseManager", None);
            }
        }
    }

    /// Whether somebody is primary contact or attendance lead at a school.
    pub(crate) fn contact_at(&self, person: &Uid, school: &Uid) -> bool {
        self.facts.contains(person, "primaryContactAt", school)
            || self.facts.contains(person, "attendanceLeadAt", school)
    }

    pub(crate) fn is_open(&self, case: &Uid) -> bool {
        self.facts.text(case, "status") == Some("open")
    }

    pub(crate) fn cases_of(&self, student: &Uid) -> Vec<Uid> {
        let theirs = |case: &&Uid| self.facts.entity(case, "student").as_ref() == Some(student);
        self.facts.of("Case").filter(theirs).cloned().collect()
    }

    fn open_cases(&self, student: &Uid) -> Vec<Uid> {
        self.cases_of(student).into_iter().filter(|case| self.is_open(case)).collect()
    }

    pub(crate) fn requests_of(&self, student: &Uid) -> Vec<Uid> {
        let theirs = |request: &&Uid| self.facts.entity(request, "student").as_ref() == Some(student);
        self.facts.of("Request").filter(theirs).cloned().collect()
    }

    pub(crate) fn items_of(&self, case: &Uid) -> Vec<Uid> {
        let theirs = |item: &&Uid| self.facts.entity(item, "case").as_ref() == Some(case);
        self.facts.of("Item").filter(theirs).cloned().collect()
    }

    /// The request that became a case.
    fn behind(&self, case: &Uid) -> Vec<Uid> {
        self.became.iter().filter(|(_, became)| *became == case).map(|(request, _)| request.clone()).collect()
    }

    /// Who may receive alerts about a case.
    pub(crate) fn who_is_told(&mut self, case: &Uid, now: i64) -> Vec<String> {
        self.who("receiveAlert", case, now)
    }

    pub(crate) fn who(&mut self, action: &str, on: &Uid, now: i64) -> Vec<String> {
        let users: Vec<Uid> = self.facts.of("User").cloned().collect();
        let mut may = |person: &Uid| self.ask((person, action, on), &Map::new(), now).permitted;
        users.into_iter().filter(|person| may(person)).map(|person| person.1).collect()
    }

    /// Sets content; gives whether it is other than it was.
    pub(crate) fn write(&mut self, uid: &Uid, field: &str, value: Json) {
        let all = self.content.entry(uid.clone()).or_default();
        if all.get(field) != Some(&value) {
            all.insert(field.to_owned(), value);
            self.facts.touched.insert(uid.clone());
        }
    }

    /// Puts content beside what is there.
    pub(crate) fn append(&mut self, uid: &Uid, field: &str, value: Json) {
        let all = self.content.entry(uid.clone()).or_default();
        match all.entry(field.to_owned()).or_insert_with(|| Json::Array(Vec::new())) {
            Json::Array(entries) => entries.push(value),
            one => *one = Json::Array(vec![one.clone(), value]),
        }
        self.facts.touched.insert(uid.clone());
    }

    pub(crate) fn made_name(&self, ty: &str, sense: &Sense, answer: &Answer) -> Uid {
        let given = sense.id.clone().map(|id| uid(ty, &id));
        given.unwrap_or_else(|| {
            let made = answer.made.first().map_or("", String::as_str);
            let id = made.strip_prefix(&format!("{ty}::\"")).and_then(|rest| rest.strip_suffix('"'));
            let uid = uid(ty, id.unwrap_or("nothing was made"));
            assert!(!self.facts.has(&uid) && !self.used.contains(&uid), "{} is used again", written(&uid));
            uid
        })
    }
}
