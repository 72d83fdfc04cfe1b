//! Role × action × situation as ✔ and ✘, for people to read and for changes of policy to show in.
//!
//! INVARIANT: every mark is the answer of [`Ward::check`] in a small world; no mark is written by hand.

mod cases;
mod places;
mod requests;
mod roles;
mod situations;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::scene;
use crate::error::Error;
use crate::interrupt;
use crate::request::Request;
use crate::schema::Action;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::World;
use cases::{CASES, ITEMS};
use places::{PLACES, REGISTERS, REPORTS, USERS};
use requests::{REQUESTS, STUDENTS};
use roles::{ROLES, Role};
use situations::{CONTEXT, SCENERY, Situation};

/// Who may do what in which situation, as decided by the policies of one ward.
///
/// Its `Display` is the text of `policies/matrix.out`; it serialises as the same blocks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Matrix {
    blocks: Vec<Block>,
}

/// One record in one situation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Block {
    resource: &'static str,
    situation: &'static str,
    /// In the order of the actions' names.
    rows: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Line {
    action: Arc<str>,
    /// Headings of the roles that may, in the order of the columns.
    allowed: Vec<&'static str>,
    /// For each column, the ids of the policies that decided.
    #[serde(skip)]
    deciding: Vec<Vec<Arc<str>>>,
}

/// One action on one record in one situation.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The type of the record.
    pub resource: &'static str,
    /// The situation, in words.
    pub situation: &'static str,
    /// The action's id.
    pub action: &'a str,
    /// The answer for each role, in the order of [`Matrix::roles`].
    pub marks: Vec<Mark<'a>>,
}

/// The answer to one role.
#[derive(Clone, Debug)]
pub struct Mark<'a> {
    /// The role's heading.
    pub role: &'static str,
    /// Whether it may.
    pub allowed: bool,
    /// Ids of the policies that decided: permits, or forbids; none where nothing permits it.
    pub policies: &'a [Arc<str>],
}

impl Matrix {
    /// The headings of the roles and what they stand for.
    pub fn roles() -> impl Iterator<Item = (&'static str, &'static str)> {
        ROLES.iter().map(|role| (role.heading, role.legend))
    }

    /// Every row, by situation.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let of = |block: &Block, line| Matrix::row(block.resource, block.situation, line);
        self.blocks.iter().flat_map(move |block| block.rows.iter().map(move |line| of(block, line)))
    }

    fn row<'a>(resource: &'static str, situation: &'static str, line: &'a Line) -> Row<'a> {
        let marks = ROLES.iter().zip(&line.deciding).map(|(role, policies)| Mark {
            role: role.heading,
            allowed: line.allowed.contains(&role.heading),
            policies,
        });
        Row { resource, situation, action: &line.action, marks: marks.collect() }
    }
}

/// Decides every action on every kind of record for every role, in situations that tell the rules apart.
///
/// Cost: a check for each mark, some ten thousand.
///
/// # Errors
/// [`Error::is_data`] and [`Error::is_request`] where the ward's schema is not that of attendance case
/// management.
///
/// # Example
/// ```
/// use caseward::{Ward, attendance};
///
/// let matrix = attendance::matrix(&Ward::attendance()?)?.to_string();
/// assert!(matrix.contains("viewSummary"));
/// # Ok::<(), caseward::Error>(())
/// ```
pub fn matrix(ward: &Ward) -> Result<Matrix, Error> {
    let blocks = situations().map(|situation| block(ward, situation)).collect::<Result<_, _>>()?;
    Ok(Matrix { blocks })
}

fn situations() -> impl Iterator<Item = &'static Situation> {
    let cases = CASES.iter().chain(&ITEMS).chain(&REQUESTS).chain(&STUDENTS);
    cases.chain(&PLACES).chain(&REGISTERS).chain(&REPORTS).chain(&USERS)
}

fn block(ward: &Ward, situation: &'static Situation) -> Result<Block, Error> {
    let people = ROLES.map(|role| format!("User {}: {}", role.heading, role.facts));
    let lines = people.iter().map(String::as_str);
    let world = scene::world(ward, lines.chain([SCENERY]).chain(situation.facts))?;
    let (ty, _) = situation.record;
    let resource_type = ward.schema().type_id(ty);
    let takes = |action: &&Action| resource_type.is_some_and(|ty| action.resources.contains(&ty));
    let rows =
        ward.schema().actions().iter().filter(takes).map(|action| line(ward, &world, action, situation));
    Ok(Block { resource: ty, situation: situation.title, rows: rows.collect::<Result<_, _>>()? })
}

fn line(ward: &Ward, world: &World, action: &Action, situation: &Situation) -> Result<Line, Error> {
    let (mut allowed, mut deciding) = (Vec::new(), Vec::new());
    let (ty, id) = situation.record;
    for role in &ROLES {
        let request = Request {
            principal: EntityUid::new("User", role.heading),
            action: action.uid.to_string().into(),
            resource: EntityUid::new(ty, id),
            context: context(ward, action, situation, role),
        };
        interrupt::ask()?;
        let answer = ward.check(world, &request)?;
        if answer.is_allowed() {
            allowed.push(role.heading);
        }
        deciding.push(answer.policies);
    }
    Ok(Line { action: action.uid.id().into(), allowed, deciding })
}

/// The fields that the action asks for, as the situation has them or as people ordinarily fill them in.
fn context(ward: &Ward, action: &Action, situation: &Situation, role: &Role) -> BTreeMap<Arc<str>, Value> {
    let mut texts: BTreeMap<&str, &str> = CONTEXT.split_whitespace().map(scene::pair).collect();
    texts.extend(situation.context.split_whitespace().map(scene::pair));
    let fields = action.context.iter().filter_map(|(name, field)| {
        let text = match *texts.get(name.as_ref())? {
            "" => return None,
            "self" => role.heading,
            text => text,
        };
        Some((name.clone(), scene::value(ward.schema(), &field.ty, text)))
    });
    fields.collect()
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for role in &ROLES {
            writeln!(f, "  {}  {}", role.heading, role.legend)?;
        }
        let mut first: Option<&Block> = None;
        for block in &self.blocks {
            first = first.filter(|first| first.resource == block.resource);
            if first.is_none() {
                writeln!(f, "\n{}\n{}", block.resource, "=".repeat(block.resource.len()))?;
            }
            writeln!(f)?;
            block.print(first, f)?;
            first = first.or(Some(block));
        }
        Ok(())
    }
}

const HEAD: &str = "\
Who may do what, as the policies decide it on 11 May 2026 unless a title gives another day.
Made by `caseward matrix`; every mark is the answer to one check.

The student is at Kauri School, in the catchment of Harbour, which has an in-school provider besides,
Kauri Hub; Rata School is in the catchment of Southern. People are trained and have a login, except for
the last two columns. Consents and approvals are given. Below a first block of each kind of record, the
others show the rows that differ from it.

";

/// Width of the column of actions.
const ACTIONS: usize = 29;
/// Width of a page.
const PAGE: usize = 110;

impl Line {
    /// Whether it allows the same action to the same roles.
    fn says_as(&self, other: &Line) -> bool {
        (&self.action, &self.allowed) == (&other.action, &other.allowed)
    }
}

impl Block {
    /// Prints what is not as in `first`, and names the rest.
    fn print(&self, first: Option<&Block>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.resource, self.situation)?;
        let (nobody, somebody): (Vec<&Line>, Vec<&Line>) =
            self.rows.iter().partition(|line| line.allowed.is_empty());
        let (known, new): (Vec<&Line>, Vec<&Line>) = somebody
            .into_iter()
            .partition(|line| first.is_some_and(|first| first.rows.iter().any(|row| row.says_as(line))));
        if !new.is_empty() {
            writeln!(f, "{:ACTIONS$}{}", "", ROLES.map(|role| role.heading).join(" "))?;
        }
        for line in new {
            let marks = ROLES.map(|role| if line.allowed.contains(&role.heading) { "✔" } else { "✘" });
            writeln!(f, "  {:2$}{}", line.action, marks.join("  "), ACTIONS - 2)?;
        }
        wrap("  as in the first:", &known, f)?;
        wrap("  ✘ for everybody:", &nobody, f)
    }
}

/// Prints the actions of `lines` after `start`, on as many lines as they take; nothing where there are none.
fn wrap(start: &str, lines: &[&Line], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    f.write_str(start)?;
    let mut width = start.chars().count();
    for Line { action, .. } in lines {
        if width + 1 + action.len() > PAGE {
            write!(f, "\n   ")?;
            width = 3;
        }
        write!(f, " {action}")?;
        width += 1 + action.len();
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use super::{Matrix, matrix};
    use crate::Ward;

    static WARD: LazyLock<Ward> = LazyLock::new(|| Ward::attendance().expect("the policies load"));
    static MATRIX: LazyLock<Matrix> = LazyLock::new(|| matrix(&WARD).expect("the schema fits"));

    #[test]
    fn matches_the_committed_text() {
        let now = MATRIX.to_string();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/matrix.out");
        let committed = std::fs::read_to_string(path).expect("policies/matrix.out is there");
        let changed = now.lines().zip(committed.lines()).find(|(now, then)| now != then);
        let help = "if that was meant: caseward matrix > policies/matrix.out";
        assert!(
            now == committed,
            "decisions are not those of policies/matrix.out, first {changed:?}; {help}"
        );
    }

    #[test]
    fn every_action_on_every_type_is_allowed_to_somebody() {
        let mut allowed = BTreeSet::new();
        for line in MATRIX.blocks.iter().flat_map(|b| b.rows.iter().map(move |row| (b.resource, row))) {
            if !line.1.allowed.is_empty() {
                allowed.insert((line.0.to_owned(), line.1.action.to_string()));
            }
        }
        let types = WARD.schema().entity_types();
        let all: BTreeSet<_> = WARD
            .schema()
            .actions()
            .iter()
            .flat_map(|action| {
                let of = action.resources.iter().map(|ty| types[ty.index()].name.to_string());
                of.map(|ty| (ty, action.uid.id().to_owned()))
            })
            .collect();
        let never: Vec<_> = all.difference(&allowed).collect();
        assert!(never.is_empty(), "nobody ever may: {never:?}");
    }
}
