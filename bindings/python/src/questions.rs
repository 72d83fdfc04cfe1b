//! The questions of a `Ward` that take more than a line, once what was given has become the crate's own.

use std::collections::BTreeMap;

use caseward::attendance::{self, ReportQuestion};
use caseward::{
    ActionName, ActionQuery, EntityUid, Group, PrincipalQuery, Protection, Query, RequestEnvironment,
    TypeName,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::texts;
use crate::decisions::{Column, Decisions, Id};
use crate::error::OrRaise;
use crate::explanation::Explanation;
use crate::gate::released;
use crate::question::{self, context};
use crate::table::Table;
use crate::ward::Ward;
use crate::{time, uid, value};

/// Policies, and the data that is asked about.
type Over<'a> = (&'a caseward::Ward, &'a caseward::World);
/// The circumstances as they were given: a context, and an instant.
type Given<'a, 'py> = (Option<&'a Bound<'py, PyAny>>, Option<&'a Bound<'py, PyAny>>);

impl Ward {
    /// The question for entities of a type.
    pub(crate) fn query(
        &self,
        py: Python<'_>,
        (principal, action, resource_type): (&Bound<'_, PyAny>, &str, &str),
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Query> {
        let action = ActionName::new(action);
        let context = question::context(&self.ward, &action, context, now, py)?;
        Ok(Query::new(uid::of(principal)?, action, TypeName::new(resource_type)).in_context(context))
    }

    /// The question for all actions on a record.
    pub(crate) fn action_query(
        &self,
        py: Python<'_>,
        (principal, resource): (&Bound<'_, PyAny>, &Bound<'_, PyAny>),
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ActionQuery> {
        let (principal, resource) = (uid::of(principal)?, uid::of(resource)?);
        let context = question::context_for(&self.ward, (&principal, &resource), context, now, py)?;
        Ok(ActionQuery::new(principal, resource).in_context(context))
    }

    /// The question for entities of a type of principals.
    pub(crate) fn who_query(
        &self,
        py: Python<'_>,
        (principal_type, action, resource): (&str, &str, &Bound<'_, PyAny>),
        context: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PrincipalQuery> {
        let action = ActionName::new(action);
        let context = question::context(&self.ward, &action, context, now, py)?;
        let query = PrincipalQuery::new(TypeName::new(principal_type), action, uid::of(resource)?);
        Ok(query.in_context(context))
    }
}

/// What the policies compare attributes and fields with.
pub(crate) fn compared<'py>(
    py: Python<'py>,
    ward: &caseward::Ward,
) -> BTreeMap<String, Vec<Bound<'py, PyAny>>> {
    let all = ward.compared().into_iter();
    all.map(|(name, values)| {
        let held = values.iter().filter_map(|value| value::to_python(py, value).ok());
        (name.to_string(), held.collect())
    })
    .collect()
}

/// All entities of a list.
pub(crate) fn all(py: Python<'_>, found: &caseward::Visible) -> Vec<crate::uid::EntityUid> {
    released(py, || found.iter().collect::<Vec<_>>()).into_iter().map(crate::uid::EntityUid::from).collect()
}

/// What is read of records to decide; none where it is also which record it is.
pub(crate) fn reads<'py>(
    py: Python<'py>,
    (ward, world): Over<'_>,
    query: &Query,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let reads = released(py, || ward.reads(world, query)).or_raise(py)?;
    (!reads.itself).then(|| texts(py, &reads.paths)).transpose()
}

/// Decides columns of principals and resources.
pub(crate) fn check_many(
    py: Python<'_>,
    (ward, world): Over<'_>,
    (from, to): &(Column, Column),
    action: &str,
    (given, now): Given<'_, '_>,
) -> PyResult<Decisions> {
    let action = ActionName::new(action);
    let context = context(ward, &action, given, now, py)?;
    if from.ids.is_empty() && to.ids.is_empty() {
        return Ok(Decisions::none(py, ward, world));
    }
    let decisions = released(py, || {
        let (principals, resources) = (TypeName::new(&from.ty), TypeName::new(&to.ty));
        let environment = RequestEnvironment::new(principals, action, resources);
        let decider = ward.decider(world, &environment)?;
        let context = decider.prepare(&context)?;
        let (from, to) = even(from, to);
        decider.decide_ids(&from, &to, &context)
    });
    decisions.or_raise(py).map(|decisions| Decisions::new(py, &decisions))
}

/// The ids of both columns row by row, one entity standing for all rows.
fn even<'a>(from: &'a Column, to: &'a Column) -> (Vec<&'a str>, Vec<&'a str>) {
    let ids = |column: &'a Column, other: &'a Column| match (column.is_one, column.ids.first()) {
        (true, Some(id)) if !other.is_one => vec![id.as_ref(); other.ids.len()],
        _ => column.ids.iter().map(Id::as_ref).collect(),
    };
    (ids(from, to), ids(to, from))
}

/// Why, or why not; to a viewer, what they may see of it.
pub(crate) fn explain(
    py: Python<'_>,
    (ward, world): Over<'_>,
    request: &caseward::Request,
    viewer: Option<&EntityUid>,
) -> PyResult<Explanation> {
    let explained = released(py, || match viewer {
        None => ward.explain(world, request),
        Some(viewer) => {
            let disclosure = ward.disclosure()?;
            let sight = ward.viewer(world, viewer, request, &disclosure)?;
            ward.explain_for(world, request, &sight)
        }
    });
    explained.or_raise(py).map(|explanation| Explanation { explanation })
}

/// Who reads reports, which one, and when.
pub(crate) struct Reader {
    principal: EntityUid,
    report: Option<EntityUid>,
    now: i64,
}

impl Reader {
    pub(crate) fn of(
        principal: &Bound<'_, PyAny>,
        report: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Reader {
            principal: uid::of(principal)?,
            report: report.map(uid::of).transpose()?,
            now: time::now(now)?,
        })
    }

    fn question<'a>(
        &'a self,
        kind: &'a str,
        by: &'a [Group],
        protection: &'a Protection,
    ) -> ReportQuestion<'a> {
        ReportQuestion {
            principal: &self.principal,
            kind,
            report: self.report.as_ref(),
            by,
            now: self.now,
            protection,
        }
    }

    /// The table of a report; none where there is no such report that they may see.
    pub(crate) fn report(
        &self,
        py: Python<'_>,
        (ward, world): Over<'_>,
        (kind, by): (&str, &[Group]),
        protection: &Protection,
    ) -> PyResult<Option<Table>> {
        let counted = released(py, || attendance::report(ward, world, &self.question(kind, by, protection)));
        Ok(counted.or_raise(py)?.map(|table| Table { table }))
    }

    /// The tables of a release, given its text.
    pub(crate) fn release(
        &self,
        py: Python<'_>,
        (ward, world): Over<'_>,
        text: &str,
        protection: &Protection,
    ) -> PyResult<Option<Vec<Table>>> {
        let counted = released(py, || {
            let release = attendance::Release::read(text)?;
            attendance::release(ward, world, &release, &self.question("", &[], protection))
        });
        Ok(counted.or_raise(py)?.map(|tables| tables.into_iter().map(|table| Table { table }).collect()))
    }
}
