//! Feeds: files of lines about people, students and organisations, which come in any order and again.
//!
//! Each line has a key; another line with the key corrects it. What holds at an instant follows from the lines as they
//! stand and from what was so before the first of them, not from the order in which they came. What begins or ends later
//! is *due* then.
//!
//! INVARIANT: feeding a file again changes nothing.

mod due;
mod enrolment;
mod flags;
mod kind;
mod organisations;
mod past;
mod people;
mod read;
mod subject;

use std::collections::{BTreeMap, HashMap, btree_map};
use std::sync::Arc;

use caseward::{AlertQuery, Changes, EntityUid, TypeName, Ward};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::attendance::{Making, Stop};
use crate::command::excerpt;
use crate::db::{as_number, number, text};
use crate::draft::{Draft, Finished, uid_json};
use crate::error::Error;
use crate::ids::sha256;
use crate::log::{Entry, as_i64};
use crate::refold;
use crate::seal::{Place, Seal};
use crate::state::{Group, State};
use crate::time;
pub(crate) use enrolment::days;
pub(crate) use flags::flags;
pub(crate) use kind::Kind;
pub(crate) use organisations::content_of;
pub(crate) use past::known;
pub(crate) use read::Fields;
use subject::Subject;

/// The feeds whose lines are content of whomever they are about.
pub(crate) const CONTENT: [&str; 2] = ["content", "attendance"];

/// How long after it is passed the mandatory module is processed, in milliseconds.
const DELAYS: std::ops::RangeInclusive<i64> = 24 * 3_600_000..=48 * 3_600_000;

/// Subjects whose batches become durable together.
const GROUP: usize = 200;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It was taken.
    Done,
    /// It was taken before, under its key.
    Unchanged,
    /// It was not taken.
    Bad,
}

/// The answer to a line of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LineAnswer {
    /// The line's number in the file, from 1.
    pub line: usize,
    /// What became of it.
    pub outcome: Taken,
    /// Why it was not taken; or what it says that cannot all be so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Lines about one subject: their numbers, keys and fields.
type About = Vec<(usize, String, Fields)>;

/// A file of a feed that is being taken: what is left of it, and what was answered.
pub(crate) struct Feeding {
    kind: &'static Kind,
    /// What is left, by whom or what it is about.
    left: btree_map::IntoIter<String, About>,
    /// Lines that stood before in the file, with the line where they did.
    repeats: Vec<(usize, usize)>,
    answers: Vec<LineAnswer>,
}

impl Feeding {
    /// Reads a file whole; nothing is asked of a store.
    pub(crate) fn read(kind: &str, text: &[u8], delay: i64) -> Result<Self, Error> {
        let kind = Kind::of(kind).ok_or_else(|| {
            let known: Vec<&str> = kind::KINDS.iter().map(|kind| kind.name).collect();
            Error::request(format!("there is no feed `{kind}`; there are {}", known.join(", ")))
        })?;
        if kind.name == "training" && !DELAYS.contains(&delay) {
            return Err(Error::request(
                "the mandatory module is processed 24 to 48 hours after it is passed",
            ));
        }
        let lines = read::lines(kind, text).map_err(Error::Request)?;
        let mut answers = Vec::new();
        let (by_subject, repeats) = sorted(kind, lines, delay, &mut answers);
        Ok(Feeding { kind, left: by_subject.into_iter(), repeats, answers })
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.left.len() == 0
    }

    /// The answer to every line, in the order of the file.
    pub(crate) fn answered(self) -> Vec<LineAnswer> {
        let Feeding { repeats, mut answers, .. } = self;
        let of: HashMap<usize, usize> =
            answers.iter().enumerate().map(|(at, answer)| (answer.line, at)).collect();
        for (line, first) in repeats {
            // What stands twice is taken once; what is bad is bad each time.
            if let Some(first) = of.get(&first).and_then(|at| answers.get(*at)) {
                let again = match first.outcome {
                    Taken::Bad => LineAnswer { line, ..first.clone() },
                    Taken::Done | Taken::Unchanged => answered(line, Taken::Unchanged, None),
                };
                answers.push(again);
            }
        }
        answers.sort_by_key(|answer: &LineAnswer| answer.line);
        answers
    }
}

impl State {
    /// Takes some more of a file: as many subjects as become durable together.
    pub(crate) fn feed(&mut self, file: &mut Feeding, now: i64) -> Result<(), Error> {
        self.due(now)?;
        self.in_force(now);
        if file.is_taken() {
            return Ok(());
        }
        let Feeding { kind, left, answers, .. } = file;
        self.in_group(|state, group| {
            let now = state.agreed(now, group);
            if let Some(why) = group.numbers.goes_back(now) {
                return Err(Error::Request(why));
            }
            for (subject, about) in left.take(GROUP) {
                state.take(group, kind, &subject, about, now, answers)?;
            }
            group.numbers.clock = now;
            Ok(())
        })
    }

    /// Takes the lines about one subject, as one batch.
    fn take(
        &mut self,
        group: &mut Group,
        kind: &Kind,
        subject: &str,
        about: About,
        now: i64,
        answers: &mut Vec<LineAnswer>,
    ) -> Result<(), Error> {
        let mut lines = Vec::new();
        for (number, key, fields) in about {
            let sql = "SELECT 1 FROM caseward_feed_taken WHERE kind = ?1 AND line = ?2";
            match self.db.row(sql, &[text(kind.name), text(taken(&self.db.seal(), kind, &fields))])? {
                Some(_) => answers.push(answered(number, Taken::Unchanged, None)),
                None => lines.push((number, key, fields)),
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut subject = Subject::read(self.db.as_mut(), subject)?;
        let (event, is_new) = (group.numbers.event + 1, subject.is_new());
        let mut making = self.making(group, now);
        let lines = match fitting(&mut making, kind, &subject, lines, answers) {
            Ok(lines) => lines,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Refused(why) | Stop::Invalid(why)) => return Err(Error::Request(why)),
        };
        let lines =
            if kind.name == "attendance" { self.still_open(&subject, lines, answers)? } else { lines };
        if lines.is_empty() {
            return Ok(());
        }
        let mut making = self.making(group, now);
        let done = keep(&mut making, kind, &mut subject, &lines, (now, event))
            .and_then(|()| apply(&mut making, kind.name, &subject, &lines, now));
        let flag = match done {
            Ok(flag) => flag,
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Refused(why) | Stop::Invalid(why)) => return Err(Error::Request(why)),
        };
        let finished = making.draft.finish()?.without_what_is_so(self.db.as_mut())?;
        let mut payload = json!({"feed": kind.name, "lines": lines.iter().map(|(_, _, fields)| fields).collect::<Vec<_>>()});
        if let (true, Some(payload)) = (is_new, payload.as_object_mut()) {
            payload.insert("base".to_owned(), json!(subject.base));
        }
        self.finish_batch(group, ("feed", payload), (&subject, &Changes::new()), &finished, now)?;
        self.flag(&subject, kind.name, flag.as_deref())?;
        answers.extend(lines.iter().map(|(line, ..)| answered(*line, Taken::Done, flag.clone())));
        Ok(())
    }

    /// Days of a student of whom no records were disposed of since: what was before that stays gone, also where a file with
    /// it is fed again.
    fn still_open(
        &mut self,
        subject: &Subject,
        lines: About,
        answers: &mut Vec<LineAnswer>,
    ) -> Result<About, Error> {
        let sql = "SELECT MAX(l.recorded) FROM caseward_log_about a JOIN caseward_log l ON l.event = a.event \
                   WHERE a.type = ?1 AND a.id = ?2 AND l.kind = 'disposal'";
        let row = self.db.row(sql, &[text(subject.uid.type_name()), text(subject.uid.id())])?;
        let Some(disposed) = row.and_then(|row| as_number(row.first()?)) else { return Ok(lines) };
        let (gone, open): (About, About) = lines.into_iter().partition(
            |(_, _, fields)| matches!(kind::day(fields, "date"), Ok(Some(day)) if day <= disposed),
        );
        let why = "the day lies before its records were disposed of";
        answers.extend(
            gone.into_iter().map(|(line, ..)| answered(line, Taken::Unchanged, Some(why.to_owned()))),
        );
        Ok(open)
    }

    fn making<'a>(&'a mut self, group: &Group, now: i64) -> Making<'a> {
        let counter = self.db.counter();
        Making {
            now,
            ward: &self.ward,
            fits: &self.fits,
            database: &self.database,
            db: self.db.as_mut(),
            random: &mut self.random,
            draft: Draft::new(&group.seen, counter),
            ahead: Changes::new(),
        }
    }

    /// Writes a batch with its entry in the log, and tells who is to know of a change of school.
    fn finish_batch(
        &mut self,
        group: &mut Group,
        (kind, mut payload): (&'static str, Json),
        (subject, ahead): (&Subject, &Changes),
        finished: &Finished,
        now: i64,
    ) -> Result<(), Error> {
        self.write(group, now, finished)?;
        let alerts = self.moved(finished, ahead, now)?;
        if let Some(payload) = payload.as_object_mut() {
            payload.insert("set".to_owned(), json!(self.set));
            payload.insert("of".to_owned(), json!(subject.name));
            payload.insert("changes".to_owned(), json!(finished.written));
            payload.insert("content".to_owned(), json!(hashed(finished)));
            payload.insert("alerts".to_owned(), json!(alerts));
        }
        let mut about: Vec<&EntityUid> = finished.touched.keys().collect();
        if !subject.uid.type_name().is_empty() {
            about.push(&subject.uid);
        }
        let entry = Entry { kind, version: group.numbers.version, recorded: now, at: now, payload, about };
        let event = self.audit(group, &entry)?;
        let told: BTreeMap<&String, &EntityUid> = alerts
            .iter()
            .flat_map(|(case, people)| people.iter().map(move |person| (person, case)))
            .collect();
        for (person, case) in told {
            self.tell(event, person, case)?;
        }
        Ok(())
    }

    /// Who is to know of the cases whose school or provider a batch changed.
    fn moved(
        &self,
        finished: &Finished,
        ahead: &Changes,
        now: i64,
    ) -> Result<Vec<(EntityUid, Vec<String>)>, Error> {
        use crate::draft::Touched;
        let mut told = Vec::new();
        for (uid, touched) in &finished.touched {
            let Touched::Attributes(names) = touched else { continue };
            if uid.type_name() != "Case" || !["school", "provider"].iter().any(|name| names.contains(*name)) {
                continue;
            }
            let query = AlertQuery::new(TypeName::from_static("User"), uid.clone()).at(now);
            let people = match ahead.is_empty() {
                true => self.ward.alert(&finished.world, &query)?,
                false => self.ward.alert(&finished.world.with(ahead)?, &query)?,
            };
            let mut people: Vec<String> = people.iter().map(|person| person.id().to_owned()).collect();
            people.sort();
            told.push((uid.clone(), people));
        }
        Ok(told)
    }
}

/// What a batch writes of content, by its hash: the lines say it, and the days of a term would be said each day anew.
fn hashed(finished: &Finished) -> Vec<Json> {
    let hash = |value: &Option<Json>| value.as_ref().map(refold::hash);
    let all = finished.content.iter();
    all.map(|((uid, field), value)| json!({"uid": uid_json(uid), "field": field, "sha256": hash(value)}))
        .collect()
}

fn answered(line: usize, outcome: Taken, why: Option<String>) -> LineAnswer {
    LineAnswer { line, outcome, why: why.map(excerpt) }
}

fn canonical(fields: &Fields) -> String {
    serde_json::to_string(fields).unwrap_or_default()
}

/// How it is kept that a line was taken: what is content by its hash, so that what it says can be disposed of.
pub(crate) fn taken(seal: &Seal, kind: &Kind, fields: &Fields) -> String {
    let line = canonical(fields);
    if CONTENT.contains(&kind.name) { seal.digest(&sha256(line.as_bytes())) } else { line }
}

/// A line as it is kept, by its kind and key: what is content is encrypted where the store is.
fn closed(seal: &Seal, (kind, key): (&str, &str), line: String) -> Result<Arc<str>, Error> {
    if CONTENT.contains(&kind) { seal.close(Place::Line(kind, key), line) } else { Ok(line.into()) }
}

/// The line of what is kept.
pub(crate) fn opened(seal: &Seal, (kind, key): (&str, &str), kept: Arc<str>) -> Result<Arc<str>, Error> {
    if CONTENT.contains(&kind) { seal.open(Place::Line(kind, key), kept) } else { Ok(kept) }
}

/// Lines by subject, without those that are bad by themselves or differ under one key; and those that stood before in the
/// file, with the line where they did.
fn sorted(
    kind: &Kind,
    lines: Vec<read::Line>,
    delay: i64,
    answers: &mut Vec<LineAnswer>,
) -> (BTreeMap<String, About>, Vec<(usize, usize)>) {
    let (mut good, mut repeats) = (Vec::new(), Vec::new());
    for line in lines {
        match line.read.and_then(|fields| kind.check(&fields).map(|()| fields)) {
            Ok(mut fields) => {
                kind.settle(&mut fields);
                if kind.name == "training" {
                    fields.insert(people::DELAY.to_owned(), delay.to_string());
                }
                good.push((line.number, kind.key(&fields), fields));
            }
            Err(why) => answers.push(answered(line.number, Taken::Bad, Some(why))),
        }
    }
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, (_, key, _)) in good.iter().enumerate() {
        by_key.entry(key.clone()).or_default().push(at);
    }
    let mut by_subject: BTreeMap<String, About> = BTreeMap::new();
    for (number, key, fields) in &good {
        let same: Vec<&(usize, String, Fields)> =
            by_key.get(key).into_iter().flatten().filter_map(|at| good.get(*at)).collect();
        if same.iter().any(|(_, _, other)| other != fields) {
            let lines: Vec<String> = same.iter().map(|(number, ..)| number.to_string()).collect();
            let why = format!("lines {} differ under one key", lines.join(", "));
            answers.push(answered(*number, Taken::Bad, Some(why)));
        } else if let Some((first, ..)) = same.first().filter(|(first, ..)| first != number) {
            repeats.push((*number, *first));
        } else {
            let subject = kind.subject(fields);
            by_subject.entry(subject).or_default().push((*number, key.clone(), fields.clone()));
        }
    }
    (by_subject, repeats)
}

/// The lines that the state admits; the others are answered.
fn fitting(
    making: &mut Making<'_>,
    kind: &Kind,
    subject: &Subject,
    lines: About,
    answers: &mut Vec<LineAnswer>,
) -> Result<About, Stop> {
    if kind.name == "organisations" {
        let keys: HashMap<usize, String> =
            lines.iter().map(|(number, key, _)| (*number, key.clone())).collect();
        let lines = lines.into_iter().map(|(number, _, fields)| (number, fields)).collect();
        let (good, bad) = organisations::sort(making, lines)?;
        answers.extend(bad.into_iter().map(|(line, why)| answered(line, Taken::Bad, Some(why))));
        let key = |number: &usize| keys.get(number).cloned().unwrap_or_default();
        return Ok(good.into_iter().map(|(number, fields)| (number, key(&number), fields)).collect());
    }
    let mut good = Vec::new();
    for (number, key, fields) in lines {
        let checked = match kind.name {
            "logins" => people::check_login(&fields).map_err(Stop::Invalid),
            "staff" => people::check_role(making, &fields),
            "training" => people::check_training(&fields).map_err(Stop::Invalid),
            "enrolment" => enrolment::check(making, subject, &fields),
            "attendance" => enrolment::check_day(making, subject, &fields),
            "terms" => term(&fields).map(drop).map_err(Stop::Invalid),
            "registers" => organisations::check_register(making, &fields),
            "content" => organisations::check_content(making, &subject.uid, &fields),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => good.push((number, key, fields)),
            Err(Stop::Invalid(why) | Stop::Refused(why)) => {
                answers.push(answered(number, Taken::Bad, Some(why)))
            }
            Err(failed) => return Err(failed),
        }
    }
    Ok(good)
}

/// Keeps the lines, what was so before them, and when they are due.
fn keep(
    making: &mut Making<'_>,
    kind: &Kind,
    subject: &mut Subject,
    lines: &About,
    (now, event): (i64, u64),
) -> Result<(), Stop> {
    if subject.uid.type_name() == "User" {
        people::make(making, &subject.uid)?;
    }
    if subject.is_new() {
        let base = match subject.uid.type_name() {
            "User" => people::base(making, &subject.uid)?,
            "Student" => enrolment::base(making, &subject.uid)?,
            _ => Vec::new(),
        };
        subject.keep(making.db, base)?;
    }
    for (_, key, fields) in lines {
        let (line, seal) = (canonical(fields), making.db.seal());
        making.db.run(
            "INSERT INTO caseward_feed_taken (kind, line, key, subject, recorded, event) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                text(kind.name),
                text(taken(&seal, kind, fields)),
                text(key.as_str()),
                text(subject.name.as_str()),
                number(now),
                number(as_i64(event)),
            ],
        )?;
        making.db.run(
            "INSERT INTO caseward_feed (kind, key, subject, line) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (kind, key) DO UPDATE SET line = excluded.line",
            &[
                text(kind.name),
                text(key.as_str()),
                text(subject.name.as_str()),
                text(closed(&seal, (kind.name, key), line)?),
            ],
        )?;
        for at in boundaries(making.ward, kind.name, fields).into_iter().filter(|at| *at > now) {
            making.db.run(
                "INSERT INTO caseward_due (at, subject) VALUES (?1, ?2) ON CONFLICT (at, subject) DO NOTHING",
                &[number(at), text(subject.name.as_str())],
            )?;
        }
    }
    Ok(())
}

/// The instants at which something of a line begins or ends.
pub(crate) fn boundaries(ward: &Ward, kind: &str, fields: &Fields) -> Vec<i64> {
    match kind {
        "enrolment" => enrolment::boundaries(fields),
        "terms" => term(fields).map_or(Vec::new(), |(start, end)| vec![start, end]),
        other => people::boundaries(ward, other, fields),
    }
}

/// What the lines of one feed make of their subject at an instant; gives what cannot all be so.
fn apply(
    making: &mut Making<'_>,
    kind: &str,
    subject: &Subject,
    lines: &[(usize, String, Fields)],
    at: i64,
) -> Result<Option<String>, Stop> {
    match kind {
        "organisations" => {
            let lines: Vec<(usize, Fields)> =
                lines.iter().map(|(number, _, fields)| (*number, fields.clone())).collect();
            organisations::apply(making, &lines)?;
        }
        "registers" => {
            for (_, _, fields) in lines {
                organisations::apply_register(making, &subject.uid, fields)?;
            }
        }
        "content" => {
            for (_, _, fields) in lines {
                organisations::apply_content(making, &subject.uid, fields)?;
            }
        }
        "terms" => {
            let sql = "SELECT DISTINCT subject FROM caseward_feed WHERE kind = 'attendance'";
            for name in making.db.texts(sql, &[])? {
                let student = Subject::read(making.db, &name)?;
                stand(making, "attendance", &student, at)?;
            }
            return Ok(flags::overlapping(making.db)?);
        }
        kind => return stand(making, kind, subject, at),
    }
    Ok(None)
}

/// Makes a subject what all lines of a feed say that it is at an instant.
fn stand(making: &mut Making<'_>, kind: &str, subject: &Subject, at: i64) -> Result<Option<String>, Stop> {
    let lines = subject.lines(making.db, kind)?;
    match kind {
        "logins" => people::apply_login(making, subject, &lines, at)?,
        "staff" => people::apply_roles(making, subject, &lines, at)?,
        "training" => people::apply_training(making, subject, &lines)?,
        "enrolment" => return enrolment::apply(making, subject, &lines, at),
        "attendance" => {
            let terms = terms(making)?;
            enrolment::apply_days(making, &subject.uid, &lines, &terms, at)?;
        }
        _ => {}
    }
    Ok(None)
}

/// The terms, half-open.
fn terms(making: &mut Making<'_>) -> Result<Vec<(i64, i64)>, Stop> {
    let lines = making.db.texts("SELECT line FROM caseward_feed WHERE kind = 'terms' ORDER BY key", &[])?;
    let all = lines.iter().filter_map(|line| serde_json::from_str::<Fields>(line).ok());
    Ok(all.filter_map(|fields| term(&fields).ok()).collect())
}

fn term(fields: &Fields) -> Result<(i64, i64), String> {
    let at = |name: &'static str| kind::day(fields, name)?.ok_or_else(|| format!("it lacks `{name}`"));
    let (start, end) = (at("start")?, at("end")?);
    if end < start {
        return Err("it ends before it starts".to_owned());
    }
    // Its last day is one of it.
    Ok((start, time::day_after(fields.get("end").map_or("", String::as_str))?))
}
