//! The file of people and situations.
//!
//! ```toml
//! title = "Who may do what."          # the first line of the page, and what follows it
//! about = "Sam is at Kauri."
//! principal = "User"                  # the type of the people
//! scenery = "School kauri: kind=state"  # lines of entities that are there in every situation
//! context = "now=2026-05-11T09:00:00+1200 subject=new"
//!
//! [scenes]                            # lines that several situations share, by name
//! open = "Case c: status=open"
//!
//! [[person]]                          # a column, and the id of an entity
//! heading = "AL"
//! legend = "attendance lead at Kauri"
//! facts = "attendanceLeadAt=kauri"
//!
//! [[situation]]                       # a block: every action on the record
//! record = "Item it"
//! title = "note; open case"
//! scene = "open"
//! context = "subject=self"            # where it differs; `self` is who acts, nothing leaves the field out
//! facts = "Item it: case=c kind=note"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::cedar::limits::taken;
use crate::matrix::scene;
use crate::model::object::Object;
use crate::model::suggest::hint;
use crate::model::{EntityUid, Error, Problem, Source};

/// People or situations; a mark is a check, and each person takes room in every line.
const MOST: usize = 1_000;

/// What is decided.
pub(super) struct Plan {
    pub(super) title: String,
    pub(super) about: String,
    pub(super) principal: String,
    pub(super) scenery: String,
    pub(super) context: Vec<(String, String)>,
    pub(super) people: Vec<Person>,
    pub(super) situations: Vec<Situation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    /// The column's heading, and the id of the person in the situations.
    pub(super) heading: String,
    pub(super) legend: String,
    #[serde(default)]
    pub(super) facts: String,
}

/// A block: one record in one state.
pub(super) struct Situation {
    /// Where it stands in the file.
    pub(super) span: Range<usize>,
    pub(super) record: EntityUid,
    pub(super) title: String,
    /// Where the context differs.
    pub(super) context: Vec<(String, String)>,
    /// The record and what it hangs on, as `scene` reads it.
    pub(super) facts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    about: String,
    principal: String,
    #[serde(default)]
    scenery: String,
    #[serde(default)]
    context: String,
    #[serde(default)]
    scenes: BTreeMap<String, String>,
    #[serde(default)]
    person: Vec<Spanned<Object<Person>>>,
    #[serde(default)]
    situation: Vec<Spanned<Object<Raw>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    record: String,
    title: String,
    scene: Option<String>,
    #[serde(default)]
    context: String,
    #[serde(default)]
    facts: String,
}

impl Plan {
    pub(super) fn read(source: &Source) -> Result<Self, Error> {
        let refuse = |span: Range<usize>, why: String| {
            Error::data(vec![Problem::error(why).in_source(&source.name).at(&source.text, span)])
        };
        taken(&source.text).map_err(|problem| Error::data(vec![problem.in_source(&source.name)]))?;
        let file: File = toml::from_str(&source.text)
            .map_err(|error| refuse(error.span().unwrap_or(0..0), error.message().to_owned()))?;
        if file.person.is_empty() || file.person.len().max(file.situation.len()) > MOST {
            return Err(refuse(
                0..0,
                format!("it names no [[person]], or more than {MOST} people or situations"),
            ));
        }
        let mut headings = BTreeSet::new();
        for person in &file.person {
            let heading = &person.get_ref().0.heading;
            if heading.is_empty() || heading.contains(|c: char| c.is_whitespace() || ":,=\"".contains(c)) {
                return Err(refuse(
                    person.span(),
                    format!("`{heading}` is no heading: a word of letters and digits"),
                ));
            }
            if !headings.insert(heading.clone()) {
                return Err(refuse(person.span(), format!("two people are called `{heading}`")));
            }
        }
        let mut situations = Vec::new();
        for raw in file.situation {
            let span = raw.span();
            let Object(raw) = raw.into_inner();
            let Some((ty, id)) = raw.record.split_once(' ') else {
                return Err(refuse(span, format!("`{}` is no record, such as `Case it`", raw.record)));
            };
            let scene = match &raw.scene {
                None => None,
                Some(name) => Some(file.scenes.get(name).ok_or_else(|| {
                    let hint = hint(name, file.scenes.keys().map(String::as_str));
                    refuse(span.clone(), format!("there is no scene `{name}`{hint}"))
                })?),
            };
            situations.push(Situation {
                span,
                record: EntityUid::new(ty, id.trim()),
                title: raw.title,
                context: scene::pairs(&raw.context),
                facts: scene.cloned().into_iter().chain([raw.facts]).collect(),
            });
        }
        Ok(Plan {
            title: file.title,
            about: file.about,
            principal: file.principal,
            scenery: file.scenery,
            context: scene::pairs(&file.context),
            people: file.person.into_iter().map(|person| person.into_inner().0).collect(),
            situations,
        })
    }
}
