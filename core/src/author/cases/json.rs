//! Cases in JSON, one a file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Case, CaseFile, expect};
use crate::cedar::limits::taken;
use crate::model::suggest::hint;
use crate::model::{Decision, EntityUid, Error, Problem, timestamp};
use crate::ward::Ward;

const KEYS: [&str; 7] = ["now", "request", "entities", "policies", "rules", "fails", "absent"];

/// Stands for a `now` that the case lacks; no policy meets it.
const NO_NOW: i64 = i64::MIN;

type Wrong = (String, Range<usize>);

pub(super) fn read(
    ward: &Ward,
    name: &str,
    sentence: &str,
    expect: Decision,
    text: &str,
) -> Result<CaseFile, Error> {
    read_with(ward, name, (sentence, expect), text, true).map(|(file, _)| file)
}

/// Where the names stand that a case expects, in bytes of its text.
#[derive(Default)]
pub(super) struct Spots {
    pub(super) policies: Option<Range<usize>>,
    pub(super) rules: Option<Range<usize>>,
    /// Each policy that is to fail, in its quotes.
    pub(super) fails: Vec<(String, Range<usize>)>,
}

/// As [`read`], whatever policies and rules the case names, and where it names them.
pub(super) fn read_unchecked(
    ward: &Ward,
    name: &str,
    called: (&str, Decision),
    text: &str,
) -> Result<(CaseFile, Spots), Error> {
    read_with(ward, name, called, text, false)
}

fn read_with(
    ward: &Ward,
    name: &str,
    (sentence, expect): (&str, Decision),
    text: &str,
    checks_names: bool,
) -> Result<(CaseFile, Spots), Error> {
    let refuse =
        |(message, span): Wrong| Error::data(vec![Problem::error(message).in_source(name).at(text, span)]);
    taken(text).map_err(|problem| Error::data(vec![problem.in_source(name)]))?;
    let keys: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| {
        let at = place(text, error.line(), error.column());
        refuse((format!("not a case in JSON: {error}"), at..at))
    })?;
    let document = Document { ward, text, keys, checks_names };
    let case = document.case(sentence, expect).map_err(|unread| match unread {
        Unread::Wrong(wrong) => refuse(wrong),
        Unread::Ended(error) => error,
    })?;
    let of = |key: &str| document.keys.contains_key(key).then(|| document.span(key));
    let fails = case.fails.keys().filter_map(|id| Some((id.clone(), document.key_in("fails", id)?)));
    let spots = Spots { policies: of("policies"), rules: of("rules"), fails: fails.collect() };
    Ok((CaseFile { name: name.to_owned(), text: text.into(), cases: vec![case] }, spots))
}

/// Where a line and a column, both from 1, lie in the text.
fn place(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// Why a case was not read.
enum Unread {
    Wrong(Wrong),
    /// The call was to end; nothing need be wrong.
    Ended(Error),
}

impl From<Wrong> for Unread {
    fn from(wrong: Wrong) -> Self {
        Unread::Wrong(wrong)
    }
}

struct Document<'a> {
    ward: &'a Ward,
    text: &'a str,
    keys: BTreeMap<String, &'a RawValue>,
    /// Whether policies, rules and conditions that are named must be there.
    checks_names: bool,
}

impl Document<'_> {
    fn case(&self, sentence: &str, expect: Decision) -> Result<Case, Unread> {
        if let Some(key) = self.keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let at = self.text.find(&format!("\"{key}\"")).unwrap_or(0);
            let hint = hint(key, KEYS);
            return Err((format!("unknown key `{key}`{hint}"), at..at + key.len() + 2).into());
        }
        let whole = 0..self.text.len();
        let asked = |key: &str| self.keys.get(key).ok_or_else(|| (format!("the case has no `{key}`"), 0..0));
        let now = match self.value::<String>("now")? {
            Some(text) => timestamp::instant(&text)
                .ok_or_else(|| (timestamp::not_an_instant(&text), self.span("now")))?,
            None => NO_NOW,
        };
        let at = self.span("request");
        let wrong = |error: Error| (error.to_string(), at.clone());
        let request = self.ward.read_request(asked("request")?.get()).map_err(wrong)?.at(now);
        let request = self.ward.engine.settled(&request).map_err(wrong)?.into_owned();
        if request.context.get("now") == Some(&crate::model::value::Value::Datetime(NO_NOW)) {
            return Err(("the case has no `now`".to_owned(), at).into());
        }
        let world = self.ward.read_world(asked("entities")?.get().as_bytes());
        let world = world.map_err(|error| match error.is_interrupted() {
            true => Unread::Ended(error),
            false => Unread::Wrong((error.to_string(), self.span("entities"))),
        })?;
        self.ward.engine.examine(&world, &request).map_err(wrong)?;
        let mut absent = BTreeMap::new();
        for name in self.value::<Vec<String>>("absent")?.unwrap_or_default() {
            let uid: EntityUid =
                name.parse().map_err(|error: Error| (error.to_string(), self.span("absent")))?;
            absent.insert(uid, false);
        }
        let mut named = vec![request.principal.clone(), request.resource.clone()];
        request
            .context
            .fields()
            .values()
            .for_each(|value| value.for_each_entity(&mut |uid| named.push(uid.clone())));
        for uid in &named {
            expect::known_entity(&world, uid, &absent).map_err(|message| (message, at.clone()))?;
        }
        let fails: BTreeMap<String, String> = self.value("fails")?.unwrap_or_default();
        for (policy, condition) in fails.iter().filter(|_| self.checks_names) {
            expect::known_condition(self.ward, policy, condition)
                .map_err(|message| (message, self.span("fails")))?;
        }
        Ok(Case {
            name: sentence.to_owned(),
            span: whole,
            world,
            request,
            expect,
            policies: self.names("policies", expect::known_policy)?,
            rules: self.names("rules", expect::known_rule)?,
            fails,
        })
    }

    fn names(
        &self,
        key: &str,
        known: fn(&Ward, &str) -> Result<(), String>,
    ) -> Result<Option<BTreeSet<String>>, Wrong> {
        let names: Option<BTreeSet<String>> = self.value(key)?;
        for name in names.iter().flatten().filter(|_| self.checks_names) {
            known(self.ward, name).map_err(|message| (message, self.span(key)))?;
        }
        Ok(names)
    }

    fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Wrong> {
        let given = self.keys.get(key).map(|raw| serde_json::from_str(raw.get()));
        given.transpose().map_err(|error| (format!("`{key}`: {error}"), self.span(key)))
    }

    /// Where the value of a key stands.
    fn span(&self, key: &str) -> Range<usize> {
        let Some(raw) = self.keys.get(key) else { return 0..0 };
        let start = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + raw.get().len()
    }
    /// Where a key of the object that is the value of a key stands, in its quotes; `None` where it is written with
    /// escapes that it has no need of.
    fn key_in(&self, of: &str, key: &str) -> Option<Range<usize>> {
        let (within, quoted) = (self.span(of), serde_json::to_string(key).ok()?);
        let text = self.text.get(within.clone())?;
        let is_key =
            |at: &usize| text.get(at + quoted.len()..).is_some_and(|rest| rest.trim_start().starts_with(':'));
        let at = text.match_indices(&quoted).map(|(at, _)| at).find(is_key)?;
        Some(within.start + at..within.start + at + quoted.len())
    }
}
