//! Policies and schema, ready to answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use caseward::attendance;
use caseward::{ActionName, AlertQuery, Query, TypeName};
use caseward_arrow::Rules;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::{ActionAnswer, Answer};
use crate::decisions::{Decisions, column};
use crate::error::OrRaise;
use crate::explanation::Explanation;
use crate::filter::{Database, Filter, options};
use crate::frames;
use crate::gate::{kept, released};
use crate::matrix::Matrix;
use crate::pickle;
use crate::policy::{Policy, Problem, sources};
use crate::question::context;
use crate::questions;
use crate::schema::Schema;
use crate::sorted::{Sorted, listing};
use crate::table::{Table, groups, protection};
use crate::time;
use crate::uid::{self, EntityUid};
use crate::view::View;
use crate::visible::{Granted, Visible};
use crate::world::World;

/// A schema and its policies, loaded once and immutable; threads share it.
///
/// Everywhere `context` is a mapping of names to values, or Cedar's JSON as a str; `now` is an aware datetime, the
/// clock's where none is given, and becomes the action's `now`. The context may have a `now` of its own where no `now` is
/// given: both are a RequestError, since a context may be written by whoever asks.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Ward {
    pub(crate) ward: caseward::Ward,
}

impl From<caseward::Ward> for Ward {
    fn from(ward: caseward::Ward) -> Self {
        Ward { ward }
    }
}

#[pymethods]
#[expect(clippy::too_many_arguments, reason = "a request is four things, asked of a world at an instant")]
impl Ward {
    /// The rules of attendance case management, which come with this package.
    #[staticmethod]
    fn attendance(py: Python<'_>) -> PyResult<Self> {
        released(py, caseward::Ward::attendance).or_raise(py).map(Ward::from)
    }

    /// Loads a folder: every `.cedar` file below it, and `schema.cedarschema` in it.
    ///
    /// Raises PolicyError with every problem, ReadError for what cannot be read.
    #[staticmethod]
    fn from_folder(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        released(py, || caseward::Ward::from_folder(folder)).or_raise(py).map(Ward::from)
    }

    /// Loads policies from a text, or from texts by name; with the schema of attendance where none is given.
    ///
    /// A name that ends in `.cedar` is a path: it holds one policy, whose `@id` is the path with dots. `catalogue`
    /// is the catalogue of fields (TOML) that `view` shows. Raises PolicyError with every problem.
    #[staticmethod]
    #[pyo3(signature = (policies, *, schema = None, catalogue = None))]
    fn from_sources(
        py: Python<'_>,
        policies: &Bound<'_, PyAny>,
        schema: Option<&str>,
        catalogue: Option<&str>,
    ) -> PyResult<Self> {
        let sources = sources(policies, schema, catalogue)?;
        released(py, || caseward::Ward::new(&sources)).or_raise(py).map(Ward::from)
    }

    /// The schema, which worlds are made for.
    #[getter]
    fn schema(&self) -> Schema {
        Schema { schema: self.ward.schema().clone() }
    }

    /// Every policy, in the order of their ids.
    #[getter]
    fn policies(&self) -> Vec<Policy> {
        self.ward.policies().iter().cloned().map(Policy::from).collect()
    }

    /// The policy with this id; None where there is none.
    fn policy(&self, id: &str) -> Option<Policy> {
        self.ward.policy(id).cloned().map(Policy::from)
    }

    /// The text that a policy was read from; None where there is no such policy.
    fn source(&self, id: &str) -> Option<&str> {
        self.ward.source(id).map(|source| source.text.as_ref())
    }

    /// The texts, numbers and times that the policies compare attributes and fields with, by the name of these: what
    /// a generator of data has to hit. An instant that no datetime can hold is left out.
    fn compared<'py>(&self, py: Python<'py>) -> BTreeMap<String, Vec<Bound<'py, PyAny>>> {
        questions::compared(py, &self.ward)
    }

    /// The entities that the policies name, but for actions: what a generator of data has to have.
    fn named(&self) -> Vec<EntityUid> {
        self.ward.named().cloned().map(EntityUid::from).collect()
    }

    /// SHA-256 of schema and policies, as 64 hexadecimal digits. Every answer carries it.
    #[getter]
    fn policy_hash(&self) -> &str {
        self.ward.policy_hash()
    }

    /// What validation finds worth a look: policies that can never apply, and the like.
    #[getter]
    fn warnings(&self) -> Vec<Problem> {
        self.ward.warnings().iter().cloned().map(Problem::from).collect()
    }

    /// Decides a request, failing closed: what names an absent entity is denied, and so is what a policy could
    /// not be evaluated for.
    ///
    /// The answer's `errors` and `to_json` tell a denied record from one that is not there: for a trusted caller alone.
    /// What may reach a person is whether it is allowed, and `view`.
    ///
    /// Some microseconds at most, for which the interpreter is kept: releasing it would cost more. Raises
    /// RequestError for what makes no sense under the schema.
    #[pyo3(signature = (world, principal, action, resource, context = None, *, now = None))]
    fn check(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Answer> {
        let (principal, resource) = (uid::of(principal)?, uid::of(resource)?);
        let action = ActionName::new(action);
        let context = self::context(&self.ward, &action, context, now, py)?;
        let request = caseward::Request::new(principal, action, resource).in_context(context);
        let answer = kept(py, || self.ward.check(&world.get().world, &request));
        answer.or_raise(py).map(Answer::from)
    }

    /// Decides columns of principals and resources, on one version of the data.
    ///
    /// Each of the two is one entity for all rows, or `("Case", ids)` with the ids of entities of a type, which is
    /// fastest, or a list of entities of one type. An id that is not in the data is denied. Batches of changes
    /// wait until it is done.
    #[pyo3(signature = (world, principals, action, resources, context = None, *, now = None))]
    fn check_many(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principals: &Bound<'_, PyAny>,
        action: &str,
        resources: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decisions> {
        let columns = (column(principals, "principals")?, column(resources, "resources")?);
        questions::check_many(py, (&self.ward, &world.get().world), &columns, action, (context, now))
    }

    /// The entities of a type to which a person may do something, in the world's order.
    #[pyo3(signature = (world, principal, action, resource_type, context = None, *, now = None))]
    fn list(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<EntityUid>> {
        let found = self.visible(py, world, principal, action, resource_type, context, now)?;
        Ok(questions::all(py, &found.visible))
    }

    /// How many entities `list` gives.
    #[pyo3(signature = (world, principal, action, resource_type, context = None, *, now = None))]
    fn count(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let found = self.visible(py, world, principal, action, resource_type, context, now)?;
        Ok(found.visible.len())
    }

    /// What is read of the records of a type to decide whether a person may do something to one: the paths of attributes, as
    /// `("provider", "status", "student.enrolledAt")`. None where it is also read which record it is, or what it lies in.
    #[pyo3(signature = (world, principal, action, resource_type, context = None, *, now = None))]
    fn reads<'py>(
        &self,
        py: Python<'py>,
        world: &Bound<'py, World>,
        principal: &Bound<'py, PyAny>,
        action: &str,
        resource_type: &str,
        context: Option<&Bound<'py, PyAny>>,
        now: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let query = self.query(py, (principal, action, resource_type), context, now)?;
        questions::reads(py, (&self.ward, &world.get().world), &query)
    }

    /// The entities of a type to which a person may do something, as a set: counted, tested, paged by a cursor.
    ///
    /// The first list that uses an index makes it; the cost then follows the size of the answer, not of the data.
    #[pyo3(signature = (world, principal, action, resource_type, context = None, *, now = None))]
    fn visible(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Visible> {
        let query = self.query(py, (principal, action, resource_type), context, now)?;
        let world = &world.get().world;
        let visible = released(py, || self.ward.visible(world, &query)).or_raise(py)?;
        let Query { principal, action, context, .. } = query;
        let rules = Rules { ward: self.ward.clone(), world: world.clone(), principal, action, context };
        Ok(Visible { visible, rules: Some(Box::new(rules)) })
    }

    /// Whether a person may do something to the record of each row of a frame: its decisions, in the order of the rows.
    ///
    /// `frame` is of polars, pandas, pyarrow, DuckDB or narwhals, or has `__arrow_c_stream__`; `id` names its column of
    /// ids. `principal` is one entity, `Column("User", "worker")` for a column of the frame, or a type with a column of
    /// ids, `("User", ids)`. A null id is denied, and so is one that is not in the data.
    ///
    /// With `trust_frame=True` no record need be in the world: `columns` says which attribute of the record each column
    /// holds, as `{"state": "status", "school": "student.enrolledAt"}`, and the rows are decided by these. `ward.reads` says
    /// which are read for a person. One that no column holds is a DataError that names it.
    ///
    /// Raises DataError for a column that is not there, is there twice, or holds no text.
    #[pyo3(signature = (*given, **named),
           text_signature = "($self, world, frame, principal, action, resource_type, context=None, *, id='id', \
trust_frame=False, columns=None, now=None)")]
    fn mask<'py>(
        slf: &Bound<'py, Self>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        frames::python(slf, "mask", given, named)
    }

    /// The rows of a frame to whose records a person may do something, as a frame of the same kind: what is lazy stays
    /// lazy, and a stream stays a stream.
    ///
    /// As `mask` otherwise.
    #[pyo3(signature = (*given, **named),
           text_signature = "($self, world, frame, principal, action, resource_type, context=None, *, id='id', \
trust_frame=False, columns=None, now=None)")]
    fn keep<'py>(
        slf: &Bound<'py, Self>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        frames::python(slf, "keep", given, named)
    }

    /// What a person may see of a frame, as a frame of the same kind: the rows of records that they may know of, and in
    /// them what a view of the record shows.
    ///
    /// `columns` says which field each column holds, as `{"status": "Case.status", "born": "Student.dateOfBirth"}` or by
    /// a path, `student.dateOfBirth`. Columns that are in no field are left out. A cell that is withheld is null, and
    /// true in a column beside it that ends in `ending`; with `marker`, columns of text have that text in its place
    /// instead, and there is no column beside. `by` names columns that the frame is filtered, sorted or joined by:
    /// refused with a DataError where one of them is not shown of every row.
    ///
    /// `transforms` releases columns in a form that tells less, as `{"born": "year"}`: one that the catalogue allows of
    /// the field. It is made of cells that the person sees; what is withheld stays so. `"hash"` needs `release_key`, 32
    /// bytes or more that are drawn for the release, as `secrets.token_bytes(32)`.
    #[pyo3(signature = (*given, **named),
           text_signature = "($self, world, frame, principal, resource_type, context=None, *, columns, id='id', by=(), \
marker=None, ending='_withheld', transforms=None, release_key=None, now=None)")]
    fn redact<'py>(
        slf: &Bound<'py, Self>,
        given: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        frames::python(slf, "redact", given, named)
    }

    /// The entities of a type to which a person may do something, in the order of an attribute such as `openedAt` or
    /// `student.yearLevel`, and only those of which every condition of `where` is so: `status=open`,
    /// `openedAt>=2026-02-16T00:00:00+13:00`, `openedAt<…`, `student.nsn^=12` for a beginning, `caseManager=` for none.
    ///
    /// What has no value comes last, also where the order is `descending`. Raises RequestError for what the person does
    /// not see of every entity of the list, before any is left out.
    #[pyo3(signature = (world, principal, action, resource_type, context = None, *, by = None, descending = false,
                        r#where = Vec::new(), now = None),
           text_signature = "($self, world, principal, action, resource_type, context=None, *, by=None, \
descending=False, where=(), now=None)")]
    fn sorted(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        context: Option<&Bound<'_, PyAny>>,
        by: Option<&str>,
        descending: bool,
        r#where: Vec<String>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Sorted> {
        let listing = listing(py, by, descending, &r#where)?;
        let query = self.query(py, (principal, action, resource_type), context, now)?;
        let world = &world.get().world;
        let found = released(py, || self.ward.sorted(world, &query, &listing));
        found.or_raise(py).map(|sorted| Sorted { sorted })
    }

    /// Every action that applies to the two types, each with its answer or with what its context still needs.
    ///
    /// The answers tell a denied record from one that is not there: for a trusted caller alone. What a person may do
    /// next is told to them by `view`.
    ///
    /// `context` holds fields for any of the actions; each takes those that it knows.
    #[pyo3(signature = (world, principal, resource, context = None, *, now = None))]
    fn actions(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<ActionAnswer>> {
        let query = self.action_query(py, (principal, resource), context, now)?;
        let world = &world.get().world;
        let answers = released(py, || self.ward.actions(world, &query));
        Ok(answers.or_raise(py)?.into_iter().map(|answer| ActionAnswer { answer }).collect())
    }

    /// Answers a request and says why, and what would turn it. It tells everything and is for a trusted caller,
    /// unless `viewer` is given: then what that person may not see is withheld. Where the viewer is not the principal,
    /// they are told of it only if they may see who may do what to the record (what `unlocks` in `fields.toml` names);
    /// else it is a RequestError, the same whatever the record is and however it is decided.
    #[pyo3(signature = (world, principal, action, resource, context = None, *, now = None, viewer = None))]
    fn explain(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
        viewer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Explanation> {
        let action = ActionName::new(action);
        let context = self::context(&self.ward, &action, context, now, py)?;
        let request =
            caseward::Request::new(uid::of(principal)?, action, uid::of(resource)?).in_context(context);
        let viewer = viewer.map(uid::of).transpose()?;
        questions::explain(py, (&self.ward, &world.get().world), &request, viewer.as_ref())
    }

    /// Who may do it to this record, of one type of principals: exactly those whom `check` allows, in the world's
    /// order. For a trusted caller.
    #[pyo3(signature = (world, principal_type, action, resource, context = None, *, now = None))]
    fn who(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal_type: &str,
        action: &str,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Visible> {
        let query = self.who_query(py, (principal_type, action, resource), context, now)?;
        let world = &world.get().world;
        released(py, || self.ward.who(world, &query)).or_raise(py).map(Visible::from)
    }

    /// As `who`, each with the policies that permit it.
    #[pyo3(signature = (world, principal_type, action, resource, context = None, *, now = None))]
    fn who_with_reasons(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal_type: &str,
        action: &str,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Granted>> {
        let query = self.who_query(py, (principal_type, action, resource), context, now)?;
        let world = &world.get().world;
        let found = released(py, || self.ward.who_with_reasons(world, &query));
        Ok(found.or_raise(py)?.into_iter().map(|granted| Granted { granted }).collect())
    }

    /// Who is to be told of what happens to a record, and to one of its entries where one is named: nobody who may
    /// not see it.
    #[pyo3(signature = (world, resource, principal_type = "User", *, entry = None, now = None))]
    fn alert(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        resource: &Bound<'_, PyAny>,
        principal_type: &str,
        entry: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Visible> {
        let query = AlertQuery::new(TypeName::new(principal_type), uid::of(resource)?).at(time::now(now)?);
        let query = entry.map(uid::of).transpose()?.into_iter().fold(query, AlertQuery::about);
        let world = &world.get().world;
        let told = released(py, || self.ward.alert(world, &query));
        told.or_raise(py).map(Visible::from)
    }

    /// What a person sees of a record, and may do next: the one answer that may reach the person who asks.
    ///
    /// A record that they may not know of is answered as one that does not exist.
    #[pyo3(signature = (world, principal, resource, context = None, *, now = None))]
    fn view(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        resource: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<View> {
        let query = self.action_query(py, (principal, resource), context, now)?;
        let world = &world.get().world;
        let view = released(py, || self.ward.view(world, &query));
        view.or_raise(py).map(|view| View { view })
    }

    /// Counts the entities that `list` gives by group: by paths of attributes (`"student.enrolledAt"`) and periods
    /// of instants (`"month of openedAt"`; year, quarter, month, day), one or several at once.
    ///
    /// What they are grouped by must be what the person may see of each of them. `zone` is a rule as in POSIX's TZ, or
    /// "UTC"; New Zealand's where none is given. With `below` or `rounding_key` the counts are protected, as
    /// `Table.protect` says; rounding is by which entities are counted, the same in every table.
    #[pyo3(signature = (
        world, principal, action, resource_type, by, context = None, *, zone = None, below = None,
        rounding_key = None, now = None
    ))]
    fn count_by(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        by: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        zone: Option<&Bound<'_, PyAny>>,
        below: Option<&Bound<'_, PyAny>>,
        rounding_key: Option<PyBackedBytes>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Table> {
        let by = groups(by, zone)?;
        let query = self.query(py, (principal, action, resource_type), context, now)?;
        let protection = protection(py, below, rounding_key)?;
        let world = &world.get().world;
        let counted = released(py, || match &protection {
            None => self.ward.count_by(world, &query, &by),
            Some(protection) => self.ward.count_by_protected(world, &query, &by, protection),
        });
        counted.or_raise(py).map(|table| Table { table })
    }

    /// Counts the cases that a report is about, by group; None where there is no such report that the person may
    /// see. For the rules of attendance.
    ///
    /// The kinds are anonymised, caseload, national, performance, prosecutions, provider and school. Reports in
    /// aggregate (anonymised, performance) are protected, as `Table.protect` does it, below 6 unless `below` or
    /// `rounding_key` says otherwise, and take no `zone`; others are
    /// grouped by what the person may see of each case. Raises RequestError without a kind, or for one that there is
    /// not, which tells what each is about, and for groups that it does not take.
    #[pyo3(signature = (
        world, principal, kind = "", by = None, *, report = None, zone = None, below = None, rounding_key = None,
        now = None
    ))]
    fn report(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        kind: &str,
        by: Option<&Bound<'_, PyAny>>,
        report: Option<&Bound<'_, PyAny>>,
        zone: Option<&Bound<'_, PyAny>>,
        below: Option<&Bound<'_, PyAny>>,
        rounding_key: Option<PyBackedBytes>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Table>> {
        let reader = questions::Reader::of(principal, report, now)?;
        let by = by.map_or_else(|| Ok(Vec::new()), |by| groups(by, zone))?;
        let protection = protection(py, below, rounding_key)?.unwrap_or_default();
        reader.report(py, (&self.ward, &world.get().world), (kind, &by), &protection)
    }

    /// The tables of a release, protected together so that none tells what another leaves out; None where there is no
    /// such report that the person may see. `release` is its text, in TOML: a name, a kind of report in aggregate, a
    /// threshold `below`, and `[[tables]]` with what each is grouped by. With a key all are rounded instead.
    ///
    /// Raises RequestError for a text that is no release, and for one that cannot be protected.
    #[pyo3(signature = (world, principal, release, *, report = None, rounding_key = None, now = None))]
    fn release(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        release: &str,
        report: Option<&Bound<'_, PyAny>>,
        rounding_key: Option<PyBackedBytes>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Vec<Table>>> {
        let reader = questions::Reader::of(principal, report, now)?;
        let protection = protection(py, None, rounding_key)?.unwrap_or_default();
        reader.release(py, (&self.ward, &world.get().world), release, &protection)
    }

    /// The condition on rows of one's own tables under which a person may do it to the entity that a row holds.
    ///
    /// Raises TranslationError where a policy asks what the dialect cannot answer exactly: it names the policy and
    /// the place in its text.
    ///
    /// For a query that has more in it: `first_parameter` is the number of the first parameter, `parameter_style` how
    /// they are written ("$1", "?", "?1", ":1", ":p1", "%s" or "%(p1)s", or DB-API's name for it), and `alias` what the
    /// query calls the row.
    #[pyo3(signature = (
        world, principal, action, resource_type, database, context = None, *,
        now = None, first_parameter = None, parameter_style = None, alias = None
    ))]
    fn filter(
        &self,
        py: Python<'_>,
        world: &Bound<'_, World>,
        principal: &Bound<'_, PyAny>,
        action: &str,
        resource_type: &str,
        database: &Bound<'_, Database>,
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
        first_parameter: Option<&Bound<'_, PyAny>>,
        parameter_style: Option<&str>,
        alias: Option<&str>,
    ) -> PyResult<Filter> {
        let query = self.query(py, (principal, action, resource_type), context, now)?;
        let options = options(py, first_parameter, parameter_style, alias)?;
        let (world, database) = (&world.get().world, &database.get().database);
        let filter = released(py, || self.ward.filter_with(world, &query, database, &options));
        filter.or_raise(py).map(|filter| Filter { filter })
    }

    /// Role × action × situation with its decision, for the rules of attendance.
    fn matrix(&self, py: Python<'_>) -> PyResult<Matrix> {
        released(py, || attendance::matrix(&self.ward)).or_raise(py).map(|matrix| Matrix { matrix })
    }

    /// Makes the indices that lists of every action can use, so that none of them has to.
    fn make_indices(&self, py: Python<'_>, world: &Bound<'_, World>) -> PyResult<()> {
        let world = &world.get().world;
        released(py, || self.ward.make_indices(world)).or_raise(py)
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused(
            "Ward",
            "threads share it, and another process loads its own, with `Ward.attendance` or as this one was",
        )
    }

    fn __repr__(&self) -> String {
        let hash = self.ward.policy_hash().get(..12).unwrap_or_default();
        format!("<Ward: {} policies, hash {hash}…>", self.ward.policies().len())
    }
}
