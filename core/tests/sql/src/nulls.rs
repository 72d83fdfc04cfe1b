//! What holds of filters of policies over every construct, and of tables that broke a promise.

use std::collections::BTreeSet;
use std::fmt;

use caseward::sql::{Database, Facts as Knows, Filter, Mapping, TableRows, TypeMapping};
use caseward::testing::asks::query;
use caseward::testing::{Choices, bytes};
use caseward::{EntityUid, Ward, World};

use crate::constructs::{self, ACTIONS};
use crate::law::{Engine, many, number};

/// Columns that may be NULL, and are not where the optional record is there that they are of.
const IN_RECORD: [&str; 6] = ["opt_a", "opt_who", "more_x", "has_more_deep", "more_deep_z", "more_deep_at"];

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Policies that had filters.
    pub policies: u64,
    /// Filters that ran.
    pub filters: u64,
    /// Filters that let some rows through, and not others.
    pub some: u64,
    /// Questions that were refused.
    pub refused: u64,
    /// Tables that were broken.
    pub broken: u64,
    /// Filters that ran on broken tables.
    pub on_broken: u64,
    /// Rows that were let through before a promise was broken and not after.
    pub withheld: u64,
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} policies, {} filters, {} let some rows through, {} refused; {} broken tables, {} filters on them, \
             {} rows withheld",
            self.policies, self.filters, self.some, self.refused, self.broken, self.on_broken, self.withheld
        )
    }
}

/// A filter, and what it lets through.
struct Made {
    action: String,
    filter: Filter,
    ids: BTreeSet<String>,
}

/// Random policies over every construct, on rows with every oddity: what a filter lets through is what the engine lists;
/// and where NULL stands in a required column, no more than that. Of each ward
/// so many actions are asked about, and the tables of its world are broken so many times.
///
/// # Panics
/// Where it is not.
pub fn constructs<E: Engine>(engine: &mut E, wards: u64, (actions, broken): (usize, usize)) -> Compared {
    let mut compared = Compared::default();
    for n in 0..many(wards) {
        let drawn = bytes(number("CASEWARD_SEED") << 32 | n, 30_000);
        let (first, rest) = drawn.split_at(22_000);
        let Some(ward) = constructs::ward(&mut Choices::new(first)) else { continue };
        compared.policies += ward.policies().len() as u64;
        one(engine, &ward, &mut Choices::new(rest), (actions, broken), &mut compared);
    }
    compared
}

fn one<E: Engine>(
    engine: &mut E,
    ward: &Ward,
    choices: &mut Choices<'_>,
    (actions, broken): (usize, usize),
    compared: &mut Compared,
) {
    let nul = engine.holds_nul();
    let world = constructs::world(ward, choices, nul);
    let mut mapping = Mapping { foreign_keys: choices.chance(1, 2), ..Mapping::default() };
    for name in ["Place", "Person"] {
        if choices.chance(1, 5) {
            mapping.types.insert(name.into(), TypeMapping { from: Knows::World, ..TypeMapping::default() });
        }
    }
    let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
    let tables: Vec<TableRows> = database.rows(&world).collect();
    engine.fill_with(&database.create(), &tables).unwrap();
    let select = database.select("Note").unwrap();
    let mut all = Vec::new();
    for n in 0..actions.min(ACTIONS) {
        all.extend(made(engine, (ward, &world), (&database, &select), &format!("a{n}"), choices, compared));
    }
    for _ in 0..broken {
        let Some((at, row, column)) = required(&database, &tables, choices) else { continue };
        let mut broken = tables.clone();
        // In one row, or in all.
        let everywhere = choices.chance(2, 3);
        let rows = if everywhere { &mut broken[at].rows[..] } else { &mut broken[at].rows[row..=row] };
        let was: Vec<_> = rows.iter_mut().filter_map(|row| row.get_mut(column)?.take()).collect();
        engine.fill_with(&without_promises(&database), &broken).unwrap();
        compared.broken += 1;
        for Made { action, filter, ids } in &all {
            let found = engine.ids(&select, filter).unwrap();
            let told = format!("NULL for {was:?} in column {column} of {}", tables[at].insert);
            assert!(found.is_subset(ids), "{found:?} of {ids:?}: {told}\n{}", tell(ward, action, filter));
            compared.on_broken += 1;
            compared.withheld += (ids.len() - found.len()) as u64;
        }
    }
}

/// The filter of an action, which is the list.
fn made<E: Engine>(
    engine: &mut E,
    (ward, world): (&Ward, &World),
    (database, select): (&Database, &str),
    action: &str,
    choices: &mut Choices<'_>,
    compared: &mut Compared,
) -> Option<Made> {
    let (principal, context): (EntityUid, _) = constructs::asker(choices, engine.holds_nul());
    let filter = match ward.filter(world, &query(&principal, action, "Note", &context), database) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.is_untranslatable() && !error.problems()[0].source.is_empty(), "{error}");
            compared.refused += 1;
            return None;
        }
    };
    let list = ward.list(world, &query(&principal, action, "Note", &context)).unwrap();
    let list: BTreeSet<String> = list.iter().map(|uid| uid.id().to_owned()).collect();
    let told = || format!("{principal} {context:?}\n{}", tell(ward, action, &filter));
    engine.prepare(select, &filter).unwrap_or_else(|why| panic!("{why}\n{}", told()));
    let ids = engine.ids(select, &filter).unwrap_or_else(|why| panic!("{why}\n{}", told()));
    assert_eq!(ids, list, "found, and listed: {}", told());
    compared.filters += 1;
    compared.some += u64::from(!ids.is_empty() && ids.len() < world.count("Note").unwrap());
    Some(Made { action: action.to_owned(), filter, ids })
}

fn tell(ward: &Ward, action: &str, filter: &Filter) -> String {
    let of = format!("Action::\"{action}\"");
    let texts = ward.policies().iter().filter_map(|policy| ward.source(&policy.id));
    let texts: Vec<&str> =
        texts.map(|source| source.text.as_ref()).filter(|text: &&str| text.contains(&of)).collect();
    format!("{}\n{}\n{:?}", texts.join("\n"), filter.sql, filter.params)
}

/// A cell of a required attribute, of its table and row: never of a column that says whose the row is.
fn required(
    database: &Database,
    tables: &[TableRows],
    choices: &mut Choices<'_>,
) -> Option<(usize, usize, usize)> {
    let filled: Vec<usize> = (0..tables.len()).filter(|at| !tables[*at].rows.is_empty()).collect();
    let at = *choices.pick(&filled)?;
    let row = choices.below(tables[at].rows.len());
    let name = tables[at].insert.split(" (").next()?.replacen("INSERT INTO", "CREATE TABLE", 1);
    let create = database.create();
    let create = create.iter().find(|create| create.starts_with(&format!("{name} (")))?;
    let lines: Vec<&str> = create.lines().skip(1).collect();
    let keys = if name.contains("_tags") { 2 } else { 1 };
    let is_required = |at: &usize| {
        let line = lines.get(*at).copied().unwrap_or("");
        line.contains(" NOT NULL")
            || IN_RECORD
                .iter()
                .any(|name| line.contains(&format!("{name}\"")) || line.contains(&format!("{name}`")))
    };
    let columns: Vec<usize> = (keys..tables[at].rows[row].len())
        .filter(is_required)
        .filter(|column| tables[at].rows[row][*column].is_some())
        .collect();
    Some((at, row, *choices.pick(&columns)?))
}

/// The statements that make the tables, so that they take NULL.
fn without_promises(database: &Database) -> Vec<String> {
    let loose = |create: String| {
        let create = create.replace(" NOT NULL", "");
        match create.find(",\n  PRIMARY KEY") {
            Some(at) => format!("{}\n)", &create[..at]),
            None => create,
        }
    };
    database.create().into_iter().map(loose).collect()
}
