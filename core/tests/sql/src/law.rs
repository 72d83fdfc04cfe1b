//! What holds of filters on every database: row for row they are the engine's lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use caseward::sql::{Database, Dialect, Facts as Knows, Filter, Mapping, TableRows, TypeMapping};
use caseward::testing::asks::query;
use caseward::testing::{Choices, Facts, bytes, policies};
use caseward::{EntityUid, Value, Ward, World};

/// A database that filters run on.
pub trait Engine {
    /// Whose SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// Whether it holds a text with a NUL in it.
    fn holds_nul(&self) -> bool {
        self.dialect() != Dialect::Postgres
    }

    /// Makes the tables anew by statements, and fills them.
    ///
    /// # Errors
    /// What the database says.
    fn fill_with(&mut self, create: &[String], tables: &[TableRows]) -> Result<(), String>;

    /// Makes the tables anew and fills them.
    ///
    /// # Errors
    /// What the database says.
    fn fill(&mut self, database: &Database, world: &World) -> Result<(), String> {
        self.fill_with(&database.create(), &database.rows(world).collect::<Vec<_>>())
    }

    /// Looks whether the database takes a query with a filter, whatever rows there are.
    ///
    /// # Errors
    /// What the database says.
    fn prepare(&mut self, select: &str, filter: &Filter) -> Result<(), String>;

    /// The ids that a query with a filter gives.
    ///
    /// # Errors
    /// What the database says.
    fn ids(&mut self, select: &str, filter: &Filter) -> Result<BTreeSet<String>, String>;
}

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Filters that ran.
    pub filters: u64,
    /// Questions that were refused, by why.
    pub refused: BTreeMap<String, u64>,
    /// Rows that filters let through.
    pub found: u64,
    /// Filters that let some rows through, and not others.
    pub some: u64,
    /// Filters that are more than `TRUE` or `FALSE`.
    pub conditions: u64,
    /// Filters that were made before facts changed, and run after.
    pub changed: u64,
}

impl Counts {
    /// Questions that were refused.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} filters, {} with conditions, {} let some rows through, {} rows, {} after a change; refused: {:?}",
            self.filters, self.conditions, self.some, self.found, self.changed, self.refused
        )
    }
}

/// One question.
struct Question<'a> {
    principal: &'a EntityUid,
    action: String,
    resource_type: String,
    context: BTreeMap<std::sync::Arc<str>, Value>,
}

/// Asks `questions` questions, or every one there is of a principal, action and type.
///
/// # Panics
/// Where a filter is not the list.
pub fn compare<E: Engine>(
    engine: &mut E,
    (ward, facts, world): (&Ward, &Facts, &World),
    mapping: &Mapping,
    choices: &mut Choices<'_>,
    questions: usize,
    counts: &mut Counts,
) {
    let database = Database::new(ward.schema(), mapping, engine.dialect()).unwrap();
    engine.fill(&database, world).unwrap();
    for _ in 0..questions {
        let Some(question) = draw(ward, facts, choices) else { continue };
        let Some(filter) = made(ward, world, &database, &question, counts) else { continue };
        check(engine, (ward, world), &database, &question, &filter, counts);
    }
}

fn draw<'a>(ward: &Ward, facts: &'a Facts, choices: &mut Choices<'_>) -> Option<Question<'a>> {
    let action = choices.pick(ward.schema().actions())?;
    let (principals, resources) = (*choices.pick(&action.principals)?, *choices.pick(&action.resources)?);
    let all = facts.of_type(principals);
    let principal = choices.pick(&all)?;
    let principal = facts.entities.get_key_value(principal)?.0;
    Some(Question {
        principal,
        action: action.uid.to_string(),
        resource_type: ward.schema().entity_type(resources)?.name.to_string(),
        context: facts.record(ward, choices, &action.context),
    })
}

fn made(
    ward: &Ward,
    world: &World,
    database: &Database,
    question: &Question<'_>,
    counts: &mut Counts,
) -> Option<Filter> {
    let Question { principal, action, resource_type, context } = question;
    match ward.filter(world, &query(principal, action, resource_type, context), database) {
        Ok(filter) => Some(filter),
        Err(error) if error.is_untranslatable() => {
            let problem = &error.problems()[0];
            assert!(!problem.source.is_empty(), "{error}");
            let why = problem.message.split(": ").nth(1).unwrap_or_default().to_owned();
            *counts.refused.entry(why).or_default() += 1;
            None
        }
        // There are no rows of a type that the world alone knows.
        Err(error) if error.to_string().contains("no rows to filter") => None,
        Err(error) => panic!("{error}"),
    }
}

fn check<E: Engine>(
    engine: &mut E,
    (ward, world): (&Ward, &World),
    database: &Database,
    question: &Question<'_>,
    filter: &Filter,
    counts: &mut Counts,
) {
    let Question { principal, action, resource_type, context } = question;
    let list = ward.list(world, &query(principal, action, resource_type, context)).unwrap();
    let list: BTreeSet<String> = list.iter().map(|uid| uid.id().to_owned()).collect();
    let select = database.select(resource_type).unwrap();
    let ids = engine.prepare(&select, filter).and_then(|()| engine.ids(&select, filter));
    let tell = || {
        let plan =
            ward.plan_for(world, &query(principal, action, resource_type, context)).unwrap_or_default();
        format!(
            "{principal} {action} {resource_type} {context:?}\n{plan}\n{}\n{:?}",
            filter.sql, filter.params
        )
    };
    let ids = ids.unwrap_or_else(|why| panic!("{why}\n{}", tell()));
    assert_eq!(ids, list, "found, and listed: {}", tell());
    let all = world.count(resource_type).unwrap();
    counts.filters += 1;
    counts.found += ids.len() as u64;
    counts.some += u64::from(!ids.is_empty() && ids.len() < all);
    counts.conditions += u64::from(!matches!(filter.sql.as_str(), "TRUE" | "FALSE"));
}

/// Ids and texts that would break what is pasted together, or be taken for something else.
const ODD: [&str; 12] = [
    "' OR '1'='1",
    "\"; DROP TABLE \"case\"; --",
    "\\'",
    "$1",
    "?1",
    ":p1",
    "%_~*?[a]",
    "é\u{301}\u{1f600}",
    "[\"x\", null]",
    "",
    "0",
    "a\u{0}b",
];

/// How facts are made odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    None,
    /// Ids are those of [`ODD`].
    Ids,
}

/// The same facts with other ids; without NUL where the database holds none.
fn with_texts(facts: &Facts, oddity: Oddity, nul: bool) -> Facts {
    let id = |id: &str| match (oddity, id.parse::<usize>()) {
        (Oddity::Ids, Ok(n)) if n < ODD.len() - usize::from(!nul) => ODD[n].to_owned(),
        _ => id.to_owned(),
    };
    let uid = |uid: &EntityUid| EntityUid::new(uid.type_name(), id(uid.id()));
    let text = |text: &str| if nul { text.to_owned() } else { text.replace('\0', "\u{1}") };
    let mut odd = facts.clone();
    odd.entities = facts
        .entities
        .iter()
        .map(|(of, attributes)| {
            let attributes = attributes.iter().map(|(name, v)| (name.clone(), mapped(v, &uid, &text)));
            (uid(of), attributes.collect())
        })
        .collect();
    odd.parents =
        facts.parents.iter().map(|(of, above)| (uid(of), above.iter().map(uid).collect())).collect();
    odd.tags = facts
        .tags
        .iter()
        .map(|(of, tags)| {
            let tags = tags.iter().map(|(name, v)| (name.clone(), mapped(v, &uid, &text)));
            (uid(of), tags.collect())
        })
        .collect();
    odd
}

fn mapped(value: &Value, uid: &impl Fn(&EntityUid) -> EntityUid, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(t) => Value::string(text(t)),
        Value::Entity(of) => Value::Entity(uid(of)),
        Value::Set(all) => Value::set(all.iter().map(|one| mapped(one, uid, text))),
        Value::Record(fields) => {
            Value::Record(fields.iter().map(|(k, v)| (k.clone(), mapped(v, uid, text))).collect())
        }
        other => other.clone(),
    }
}

/// A mapping: some promise that references hold, some leave types to the world.
fn mapping(ward: &Ward, choices: &mut Choices<'_>) -> Mapping {
    let mut mapping = Mapping { foreign_keys: choices.chance(1, 3), ..Mapping::default() };
    if choices.chance(1, 4) {
        for ty in ward.schema().entity_types() {
            if choices.chance(1, 3) {
                let of_world = TypeMapping { from: Knows::World, ..TypeMapping::default() };
                mapping.types.insert(ty.name.to_string(), of_world);
            }
        }
    }
    mapping
}

/// Questions about the facts of one world, and once more when others' facts have changed.
fn world<E: Engine>(
    engine: &mut E,
    (ward, facts): (&Ward, Facts),
    choices: &mut Choices<'_>,
    questions: usize,
    counts: &mut Counts,
) {
    let oddity = if choices.chance(1, 3) { Oddity::Ids } else { Oddity::None };
    let facts = with_texts(&facts, oddity, engine.holds_nul());
    let Ok(world) = facts.build() else { return };
    let mapping = mapping(ward, choices);
    compare(engine, (ward, &facts, &world), &mapping, choices, questions, counts);
    if choices.chance(1, 2) {
        changed(engine, (ward, &facts, &world), &mapping, choices, counts);
    }
}

/// A filter that was made before the facts of others changed holds after.
fn changed<E: Engine>(
    engine: &mut E,
    (ward, facts, world): (&Ward, &Facts, &World),
    mapping: &Mapping,
    choices: &mut Choices<'_>,
    counts: &mut Counts,
) {
    let database = Database::new(ward.schema(), mapping, engine.dialect()).unwrap();
    let known = |uid: &EntityUid| mapping.types.contains_key(uid.type_name());
    let Some(question) = draw(ward, facts, choices) else { return };
    let Some(filter) = made(ward, world, &database, &question, counts) else { return };
    let mut later = facts.clone();
    let others: Vec<EntityUid> =
        facts.entities.keys().filter(|uid| *uid != question.principal && !known(uid)).cloned().collect();
    for uid in others {
        // The attributes that another entity of its type has.
        let all = facts.of_type(ward.schema().type_id(uid.type_name()).unwrap());
        if let Some(like) = choices.pick(&all)
            && let Some(attributes) = facts.entities.get(like)
        {
            later.entities.insert(uid, attributes.clone());
        }
    }
    let world = later.build().unwrap();
    engine.fill(&database, &world).unwrap();
    check(engine, (ward, &world), &database, &question, &filter, counts);
    counts.changed += 1;
}

/// A number that the environment gives; else 1.
pub(crate) fn number(name: &str) -> u64 {
    std::env::var(name).map_or(1, |text| text.parse().expect(name))
}

/// How many worlds to try: so many times as many as `CASEWARD_CASES` says.
pub fn many(worlds: u64) -> u64 {
    worlds * number("CASEWARD_CASES")
}

/// A domain's policies over random worlds.
pub fn domain<E: Engine>(engine: &mut E, ward: &Ward, worlds: u64, questions: usize) -> Counts {
    let mut counts = Counts::default();
    for n in 0..worlds {
        let drawn = bytes(number("CASEWARD_SEED") << 32 | n, 16_000);
        let mut choices = Choices::new(&drawn);
        let facts = Facts::sized(ward, &mut choices, 1, 6);
        world(engine, (ward, facts), &mut choices, questions, &mut counts);
    }
    counts
}

/// Random policies of random schemas over random worlds.
pub fn random<E: Engine>(engine: &mut E, wards: u64, questions: usize) -> Counts {
    let mut counts = Counts::default();
    for n in 0..wards {
        let drawn = bytes(number("CASEWARD_SEED") << 32 | n, 20_000);
        let (first, rest) = drawn.split_at(8_000);
        let mut choices = Choices::new(first);
        let Some(drawn) = policies::ward(&mut choices, 6) else { continue };
        let mut choices = Choices::new(rest);
        let facts = Facts::sized(&drawn.ward, &mut choices, 1, 8);
        world(engine, (&drawn.ward, facts), &mut choices, questions, &mut counts);
    }
    counts
}
