//! The filter of a question, made once and run as often as it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::create::Database;
use super::dialect::Dialect;
use super::options::FilterOptions;
use super::print::Printer;
use super::rows::rows_of;
use super::simplify::simplified;
use super::tables::Kind;
use super::translate::{Input, Refusal, Translation, guards, without_certainty};
use super::tree::{Constant, Predicate};
use crate::engine::Engine;
use crate::ir::{Apart, Entry, Own, Program, Types};
use crate::model::{Action, Effect, EntityUid, Error, Problem, Provenance, TypeId, Value};
use crate::policy::Spans;
use crate::world::{Place, World};

/// A condition for the `WHERE` of a query of one's own, with all that it was made from.
///
/// It is true for the rows that the person may do the action to, and false or NULL for others: to negate it,
/// write `(…) IS NOT TRUE`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Filter {
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// Temporary views that are to be made before it runs: for Spark, whose parameters are single values.
    pub setup: Vec<Setup>,
    /// The condition. Never empty: `FALSE` where nothing is allowed, `TRUE` where everything is.
    pub sql: String,
    /// The values of its parameters, in the order of their numbers; of parameters without numbers, in the order in which
    /// they stand, so that one value may come more than once.
    pub params: Vec<Parameter>,
    /// How each of these is written in the condition: `$1`, `?`, `:p1`.
    pub signs: Vec<String>,
    /// What it was made from: the version is that of the data that the person's own facts were read from. JSON leaves out
    /// the instant, since the filter holds from `valid_from` to `valid_until`.
    #[serde(flatten, serialize_with = "Provenance::timeless")]
    pub provenance: Provenance,
    /// The first instant for which it holds, in milliseconds since 1970-01-01T00:00:00Z; `None` for any.
    pub valid_from: Option<i64>,
    /// The last such instant.
    pub valid_until: Option<i64>,
}

carried!(struct Filter {
    dialect, setup, sql, params, signs, provenance, valid_from, valid_until,
});

/// The value of a parameter, or of a row's column.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Parameter {
    /// A Boolean.
    Boolean(bool),
    /// A number of 64 bits.
    Bigint(i64),
    /// A text.
    Text(Arc<str>),
    /// Truths.
    BooleanList(Vec<Option<bool>>),
    /// Numbers.
    BigintList(Vec<Option<i64>>),
    /// Texts.
    TextList(Vec<Option<Arc<str>>>),
}

carried!(enum Parameter {
    0 = Boolean { 0: value }, 1 = Bigint { 0: value }, 2 = Text { 0: value }, 3 = BooleanList { 0: values },
    4 = BigintList { 0: values }, 5 = TextList { 0: values },
});

/// A temporary view that a filter reads: a frame that is registered under its name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Setup {
    /// The view's name.
    pub view: String,
    /// The columns, and their types in the dialect.
    pub columns: Vec<SetupColumn>,
    /// The rows, their values in the order of the columns.
    pub rows: Vec<Vec<Option<Parameter>>>,
}

carried!(struct Setup { view, columns, rows });

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SetupColumn {
    /// Its name.
    pub name: String,
    /// Its type in the dialect.
    #[serde(rename = "type")]
    pub ty: String,
}

carried!(struct SetupColumn { name, ty });

impl Setup {
    pub(super) fn new(
        dialect: Dialect,
        columns: Vec<(Arc<str>, Kind)>,
        rows: Vec<Vec<Option<Constant>>>,
    ) -> Self {
        let column = |(name, kind): (Arc<str>, Kind)| SetupColumn {
            name: name.to_string(),
            ty: dialect.type_name(kind).to_owned(),
        };
        let cells =
            |row: Vec<Option<Constant>>| row.into_iter().map(|cell| cell.map(Parameter::one)).collect();
        let columns: Vec<SetupColumn> = columns.into_iter().map(column).collect();
        let rows: Vec<Vec<Option<Parameter>>> = rows.into_iter().map(cells).collect();
        // By what is in it: two filters of one session may share it, and never hide each other's.
        let mut hash = Sha256::new();
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}\n");
        columns.iter().for_each(|column| hash.update(text(column)));
        rows.iter().for_each(|row| hash.update(text(row)));
        let name: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Setup { view: format!("caseward_{name}"), columns, rows }
    }
}

impl Parameter {
    pub(super) fn one(value: Constant) -> Self {
        match value {
            Constant::Bool(value) => Parameter::Boolean(value),
            Constant::Long(value) => Parameter::Bigint(value),
            Constant::Text(text) | Constant::Ip(text) => Parameter::Text(text),
        }
    }

    /// Whether a NUL is in a text.
    pub(super) fn holds_nul(&self) -> bool {
        match self {
            Parameter::Text(text) => text.contains('\0'),
            Parameter::TextList(all) => all.iter().flatten().any(|text| text.contains('\0')),
            _ => false,
        }
    }

    /// The cells of a column.
    pub(super) fn cells(cells: impl Iterator<Item = Option<Constant>>, kind: Kind) -> Self {
        match kind {
            Kind::Bool => Parameter::BooleanList(
                cells.map(|cell| if let Some(Constant::Bool(v)) = cell { Some(v) } else { None }).collect(),
            ),
            Kind::Long | Kind::Timestamp => Parameter::BigintList(
                cells.map(|cell| if let Some(Constant::Long(v)) = cell { Some(v) } else { None }).collect(),
            ),
            Kind::Text | Kind::Id(_) | Kind::Ip => Parameter::TextList(
                cells
                    .map(|cell| match cell {
                        Some(Constant::Text(text) | Constant::Ip(text)) => Some(text),
                        _ => None,
                    })
                    .collect(),
            ),
        }
    }
}

impl Engine {
    pub(crate) fn filter_with(
        &self,
        world: &World,
        principal: &EntityUid,
        action: &str,
        resource_type: &str,
        context: &BTreeMap<Arc<str>, Value>,
        (database, options): (&Database, &FilterOptions),
    ) -> Result<Filter, Error> {
        options.checked()?;
        if database.schema != *self.schema() {
            return Err(Error::schema());
        }
        let ty = self.schema().known_type(resource_type)?;
        if database.tables.of(ty).is_some_and(|table| table.from_world) {
            return Err(Error::request(format!(
                "the mapping has the world know of `{resource_type}`: there are no rows to filter"
            )));
        }
        let (made, version) = world.consistent(|| {
            let asker = self.examine_asker(world, principal, action, resource_type, context)?;
            match asker.principal {
                Some(place) if asker.absent.is_empty() => {
                    let environment = (place.0, asker.action, ty);
                    self.made(world, environment, place, context, (database, options)).map(Some)
                }
                _ => Ok(None),
            }
        });
        let mut filter = Filter {
            dialect: database.dialect,
            setup: Vec::new(),
            sql: "FALSE".into(),
            params: Vec::new(),
            signs: Vec::new(),
            provenance: self.provenance(version, context),
            valid_from: None,
            valid_until: None,
        };
        if let Some(made) = made? {
            filter.setup = made.setup;
            (filter.sql, filter.params, filter.signs) =
                options.written(&made.sql, made.params, database.dialect);
            if let Some((from, until)) = made.window {
                filter.valid_from = (from != i64::MIN).then_some(from);
                filter.valid_until = (until != i64::MAX).then_some(until);
            }
        }
        Ok(filter)
    }

    fn made(
        &self,
        world: &World,
        environment: (TypeId, &Action, TypeId),
        place: Place,
        context: &BTreeMap<Arc<str>, Value>,
        (database, options): (&Database, &FilterOptions),
    ) -> Result<Made, Error> {
        let tables = &database.tables;
        let known = |ty: TypeId| tables.of(ty).is_some_and(|table| table.from_world);
        let own = Own { principal: place, context, environment, known: &known };
        let (program, spans) = self.loaded.program_for_tables(environment);
        let Apart { program, made_from, became } = program.apart(world, &own);
        let types = Types::new(&program, self.schema(), environment);
        let principal = world.uid(place);
        let above: Vec<EntityUid> = world.ancestors(place).iter().map(|above| world.uid(*above)).collect();
        let of_world = |ty| rows_of(world, tables, ty);
        let mut translation = Translation::new(Input {
            program: &program,
            schema: self.schema(),
            tables,
            types: &types,
            principal: &principal,
            above_principal: &above,
            resource: environment.2,
            of_world: &of_world,
            addresses: database.dialect.has_addresses(),
        });
        let predicate = whole(&mut translation, &program, tables.foreign_keys)
            .map_err(|(entry, refusal)| self.refused(entry, &refusal, &spans, &became))?;
        let (whose, alias) = ((tables, environment.2), options.alias.as_deref());
        let mut printer = Printer::new(database.dialect, &translation.rows, whose, alias);
        let sql = printer.predicate(&predicate);
        if let Some(why) = printer.refused {
            let entry = refused_alone(&mut translation, &program, database, environment.2);
            let refusal = Refusal { node: entry.root, why };
            return Err(self.refused(entry, &refusal, &spans, &became));
        }
        let window = made_from.windows.get("now").copied();
        Ok(Made { sql, params: printer.parameters, setup: printer.setup, window })
    }

    /// What is refused, with the policy and the place in its text.
    fn refused(&self, entry: Entry, refusal: &Refusal, spans: &Spans, became: &[crate::ir::Id]) -> Error {
        let Some(policy) = self.policies().get(entry.policy) else {
            return Error::untranslatable(vec![Problem::error(refusal.why.to_string())]);
        };
        // The shortest text of this policy that came to the node.
        let of_policy = spans
            .iter()
            .filter(|((of, id), _)| *of == entry.policy && became.get(id.index()) == Some(&refusal.node));
        let span = of_policy.map(|(_, span)| span.clone()).min_by_key(|span| (span.len(), span.start));
        let mut problem = Problem::error(format!("policy `{}`: {}", policy.id, refusal.why));
        problem = problem.in_source(&policy.source);
        if let Some(span) = span {
            let source = self.source(&policy.id).map_or("", |source| &source.text);
            problem.help = source
                .get(span.clone())
                .map(|text| format!("`{}`", text.split_whitespace().collect::<Vec<_>>().join(" ")));
            problem = problem.at(source, span);
        }
        Error::untranslatable(vec![problem])
    }
}

/// A filter's own part.
struct Made {
    /// With the numbers of values where parameters are to be.
    sql: String,
    params: Vec<Parameter>,
    setup: Vec<Setup>,
    window: Option<(i64, i64)>,
}

type Refused = (Entry, Refusal);

/// The first policy that a dialect has no text for, of those of a program that is refused.
fn refused_alone(
    translation: &mut Translation<'_>,
    program: &Program,
    database: &Database,
    resource: TypeId,
) -> Entry {
    let is_refused = |entry: &&Entry| {
        let Ok(predicate) = translation.predicate(entry.root) else { return true };
        let predicate = simplified(predicate, &translation.rows);
        let whose = (&database.tables, resource);
        let mut printer = Printer::new(database.dialect, &translation.rows, whose, None);
        printer.predicate(&predicate);
        printer.refused.is_some()
    };
    let found = program.entries.iter().find(is_refused).or(program.entries.first());
    // Only a program with policies in it is refused.
    found.copied().unwrap_or(Entry { policy: usize::MAX, effect: Effect::Permit, root: program.first() })
}

/// The records that a residual allows: some permit holds, no forbid does, and nothing fails.
fn whole(
    translation: &mut Translation<'_>,
    program: &Program,
    foreign_keys: bool,
) -> Result<Predicate, Refused> {
    let (mut permits, mut all) = (Vec::new(), Vec::new());
    for &entry in &program.entries {
        let refused = |refusal| (entry, refusal);
        let holds = translation.predicate(entry.root).map_err(refused)?;
        match entry.effect {
            Effect::Permit => permits.push(holds),
            Effect::Forbid => all.push(holds.not()),
        }
    }
    // What permits share stands once; each alone was translated, so that this cannot be refused.
    let permitted = match program.permitted.map(|root| translation.predicate(root)) {
        Some(Ok(permitted)) => permitted,
        _ => Predicate::any(permits),
    };
    if permitted == Predicate::Constant(false) {
        return Ok(permitted);
    }
    for &entry in &program.entries {
        all.push(translation.succeeds(entry.root).map_err(|refusal| (entry, refusal))?);
    }
    let rows = &translation.rows;
    let whole = simplified(permitted.and(Predicate::all(all)), rows);
    let mut read = translation.owners.clone();
    let whole = without_certainty(whole, &mut read);
    let guards = if foreign_keys { Predicate::Constant(true) } else { guards(rows, read) };
    Ok(simplified(whole.and(guards), rows))
}
