//! Role × action × situation as ✔ and ✘, for people to read and for changes of policy to show in.
//!
//! The people and the situations are data, in TOML: [`Matrix::read`] says how. INVARIANT: every mark is the answer of
//! [`Ward::check`] in a small world; no mark is written by hand.

mod plan;
mod print;
pub(crate) mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::context::NOW;
use crate::model::{
    Action, ActionName, EntityUid, Error, Problem, Request, Source, Type, Value, interrupt, timestamp,
};
use crate::ward::Ward;
use crate::world::World;
use plan::{Person, Plan, Situation};

/// Who may do what in which situation, as decided by the policies of one ward.
///
/// Its `Display` is the text of a `matrix.out`; it serialises as the same blocks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Matrix {
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    about: String,
    #[serde(skip)]
    people: Vec<(String, String)>,
    blocks: Vec<Block>,
}

carried!(struct Matrix { title, about, people, blocks });

/// One record in one situation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Block {
    resource: String,
    situation: String,
    /// In the order of the actions' names.
    rows: Vec<Line>,
}

carried!(struct Block { resource, situation, rows });

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Line {
    action: Arc<str>,
    /// Headings of the roles that may, in the order of the columns.
    allowed: Vec<String>,
    /// For each column, the ids of the policies that decided.
    #[serde(skip)]
    deciding: Vec<Vec<Arc<str>>>,
}

carried!(struct Line { action, allowed, deciding });

/// One action on one record in one situation.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The type of the record.
    pub resource: &'a str,
    /// The situation, in words.
    pub situation: &'a str,
    /// The action's id.
    pub action: &'a str,
    /// The answer for each role, in the order of [`Matrix::roles`].
    pub marks: Vec<Mark<'a>>,
}

/// The answer to one role.
#[derive(Clone, Debug)]
pub struct Mark<'a> {
    /// The role's heading.
    pub role: &'a str,
    /// Whether it may.
    pub allowed: bool,
    /// Ids of the policies that decided: permits, or forbids; none where nothing permits it.
    pub policies: &'a [Arc<str>],
}

impl Matrix {
    /// The name of the file of people and situations in a policy folder.
    pub const FILE: &str = "matrix.toml";

    /// Whether a file is in the form of a matrix, whatever it says of people and situations.
    ///
    /// # Errors
    /// [`Error::is_data`], with what is wrong and where.
    #[cfg(all(feature = "author", feature = "fs"))]
    pub(crate) fn check(source: &Source) -> Result<(), Error> {
        Plan::read(source).map(drop)
    }

    /// Decides every action on every record in every situation, for every person of a file in TOML.
    ///
    /// Cost: a check for each mark.
    ///
    /// # Errors
    /// [`Error::is_data`], where the file makes no sense, or a situation does not fit the ward's schema.
    ///
    /// # Example
    /// ```
    /// use caseward::matrix::Matrix;
    /// use caseward::{Source, Sources, Ward};
    ///
    /// let schema = "entity User, Team; entity Doc = { team: Team };
    ///     action read appliesTo { principal: User, resource: Doc };";
    /// let policy = r#"@id("red") permit (principal == User::"R", action, resource)
    ///     when { resource.team == Team::"red" };"#;
    /// let ward = Ward::new(&Sources {
    ///     schema: Source::new("schema", schema),
    ///     policies: vec![Source::new("mine", policy)],
    ///     catalogue: None,
    /// })?;
    /// let matrix = Matrix::read(&ward, &Source::new("matrix.toml", r#"
    ///     title = "Who may do what."
    ///     principal = "User"
    ///     scenery = "Team red"
    ///     [[person]]
    ///     heading = "R"
    ///     legend = "reader"
    ///     [[situation]]
    ///     record = "Doc it"
    ///     title = "of the red team"
    ///     facts = "Doc it: team=red"
    /// "#))?;
    /// assert!(matrix.rows().all(|row| row.marks[0].allowed));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn read(ward: &Ward, source: &Source) -> Result<Self, Error> {
        let plan = Plan::read(source)?;
        let blocks = plan.situations.iter().map(|situation| block(ward, source, &plan, situation));
        Ok(Matrix {
            blocks: blocks.collect::<Result<_, _>>()?,
            people: plan.people.iter().map(|one| (one.heading.clone(), one.legend.clone())).collect(),
            title: plan.title,
            about: plan.about,
        })
    }

    /// The headings of the roles and what they stand for.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.people.iter().map(|(heading, legend)| (heading.as_str(), legend.as_str()))
    }

    /// Every row, by situation.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.blocks.iter().flat_map(move |block| block.rows.iter().map(move |line| self.row(block, line)))
    }

    fn row<'a>(&'a self, block: &'a Block, line: &'a Line) -> Row<'a> {
        let marks = self.people.iter().zip(&line.deciding).map(|((heading, _), policies)| Mark {
            role: heading,
            allowed: line.allowed.contains(heading),
            policies,
        });
        Row {
            resource: &block.resource,
            situation: &block.situation,
            action: &line.action,
            marks: marks.collect(),
        }
    }
}

fn block(ward: &Ward, source: &Source, plan: &Plan, situation: &Situation) -> Result<Block, Error> {
    // What is wrong with a world is told of the situation that it is in.
    let refuse = |error: Error| {
        // Nothing is wrong where the call was only to end.
        if error.is_interrupted() {
            return error;
        }
        let why = error.problems().first().map_or_else(|| error.to_string(), |p| p.message.clone());
        let message = format!("situation `{}`: {why}", situation.title);
        Error::data(vec![
            Problem::error(message).in_source(&source.name).at(&source.text, situation.span.clone()),
        ])
    };
    let people: Vec<String> =
        plan.people.iter().map(|one| format!("{} {}: {}", plan.principal, one.heading, one.facts)).collect();
    let lines = people.iter().map(String::as_str).chain([plan.scenery.as_str()]);
    let world = scene::world(ward, lines.chain(situation.facts.iter().map(String::as_str)));
    let world = world.map_err(refuse)?;
    let resource_type = ward.schema().known_type(situation.record.type_name()).map_err(refuse)?;
    let takes = |action: &&Action| action.resources.contains(&resource_type);
    let rows = ward
        .schema()
        .actions()
        .iter()
        .filter(takes)
        .map(|action| line(ward, &world, action, plan, situation).map_err(refuse));
    Ok(Block {
        resource: situation.record.type_name().to_owned(),
        situation: situation.title.clone(),
        rows: rows.collect::<Result<_, _>>()?,
    })
}

fn line(
    ward: &Ward,
    world: &World,
    action: &Action,
    plan: &Plan,
    situation: &Situation,
) -> Result<Line, Error> {
    let (mut allowed, mut deciding) = (Vec::new(), Vec::new());
    for person in &plan.people {
        let request = Request {
            principal: EntityUid::new(plan.principal.as_str(), person.heading.as_str()),
            action: ActionName::new(action.uid.to_string()),
            resource: situation.record.clone(),
            context: context(ward, action, plan, situation, person).into(),
        };
        interrupt::ask()?;
        let answer = ward.check(world, &request)?;
        if answer.is_allowed() {
            allowed.push(person.heading.clone());
        }
        deciding.push(answer.policies);
    }
    Ok(Line { action: action.uid.id().into(), allowed, deciding })
}

/// The fields that the action asks for, as the situation has them or as people ordinarily fill them in.
fn context(
    ward: &Ward,
    action: &Action,
    plan: &Plan,
    situation: &Situation,
    person: &Person,
) -> BTreeMap<Arc<str>, Value> {
    let mut texts: BTreeMap<&str, &str> =
        plan.context.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    texts.extend(situation.context.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let fields = action.context.iter().filter_map(|(name, field)| {
        let text = match *texts.get(name.as_ref())? {
            "" => return None,
            "self" => &person.heading,
            text => text,
        };
        // The clock is read as everywhere; what it is not is refused as any text in its place.
        let now = name.as_ref() == NOW && field.ty == Type::Datetime;
        let value = match now {
            true => timestamp::instant(text).map_or_else(|| Value::from(text), Value::Datetime),
            false => scene::value(ward.schema(), &field.ty, text),
        };
        Some((name.clone(), value))
    });
    fields.collect()
}
