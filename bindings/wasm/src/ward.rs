//! Policies and schema, and the questions that they answer.

use caseward::{
    ActionName, ActionQuery, AlertQuery, EntityUid, PrincipalQuery, Query, Request, RequestEnvironment,
    Sources, TypeName, attendance,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::sorted::{Sorted, listing};
use crate::table::{Table, groups, protection};
use crate::texts::{sources, sources_json};
use crate::visible::Visible;
use crate::watch::Watch;
use crate::world::World;

/// A schema and its policies.
#[wasm_bindgen]
pub struct Ward(pub(crate) caseward::Ward);

/// Who asks to do what to which record.
///
/// `context` is in Cedar's JSON; `now`, in milliseconds since 1970, becomes its field of that name where the action
/// takes one and the context lacks it.
struct Asked<'a> {
    principal: (&'a str, &'a str),
    action: &'a str,
    resource: (&'a str, &'a str),
    context: &'a str,
    now: f64,
}

impl Asked<'_> {
    fn request(&self, ward: &caseward::Ward) -> Result<Request, Refusal> {
        let action = ActionName::new(self.action);
        let context = ward.read_context(&action, self.context)?.and_at(self.now as i64);
        let principal = EntityUid::new(self.principal.0, self.principal.1);
        let resource = EntityUid::new(self.resource.0, self.resource.1);
        Ok(Request::new(principal, action, resource).in_context(context))
    }
}

#[wasm_bindgen]
impl Ward {
    #[wasm_bindgen(constructor)]
    pub fn new(texts: &str) -> Result<Ward, Refusal> {
        Ok(Ward(caseward::Ward::new(&sources(texts)?)?))
    }

    pub fn attendance() -> Result<Ward, Refusal> {
        Ok(Ward(caseward::Ward::attendance()?))
    }

    pub fn attendance_sources() -> Result<String, Refusal> {
        sources_json(&Sources::attendance())
    }

    pub fn policy_hash(&self) -> String {
        self.0.policy_hash().to_string()
    }

    pub fn policies(&self) -> Result<String, Refusal> {
        json(self.0.policies())
    }

    /// The text that a policy was read from; nothing where there is no such policy.
    pub fn source(&self, id: &str) -> Option<String> {
        self.0.source(id).map(|source| source.text.to_string())
    }

    pub fn warnings(&self) -> Result<String, Refusal> {
        json(self.0.warnings())
    }

    /// `[type, id]` of an entity's name in Cedar's syntax.
    pub fn parse_uid(text: &str) -> Result<Vec<String>, Refusal> {
        let uid: EntityUid = text.parse()?;
        Ok(vec![uid.type_name().to_owned(), uid.id().to_owned()])
    }

    #[expect(clippy::too_many_arguments, reason = "texts and numbers cross over one by one")]
    pub fn check(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        resource: &str,
        context: &str,
        now: f64,
    ) -> Result<String, Refusal> {
        let (principal, resource) = ((principal_type, principal), (resource_type, resource));
        let request = Asked { principal, action, resource, context, now }.request(&self.0)?;
        json(&self.0.check(&world.world, &request)?)
    }

    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn explain(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        resource: &str,
        context: &str,
        now: f64,
    ) -> Result<String, Refusal> {
        let (principal, resource) = ((principal_type, principal), (resource_type, resource));
        let request = Asked { principal, action, resource, context, now }.request(&self.0)?;
        json(&self.0.explain(&world.world, &request)?)
    }

    /// As `explain`, for a viewer, from whom it withholds what they may not see; refused where somebody else asks and
    /// the viewer may not see who may do what to the record.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn explain_for(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        resource: &str,
        context: &str,
        now: f64,
        viewer_type: &str,
        viewer: &str,
    ) -> Result<String, Refusal> {
        let (principal, resource) = ((principal_type, principal), (resource_type, resource));
        let request = Asked { principal, action, resource, context, now }.request(&self.0)?;
        let disclosure = self.0.disclosure()?;
        let viewer = EntityUid::new(viewer_type, viewer);
        let sight = self.0.viewer(&world.world, &viewer, &request, &disclosure)?;
        json(&self.0.explain_for(&world.world, &request, &sight)?)
    }

    /// What the principal may see of the resource, as JSON.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn view(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        resource_type: &str,
        resource: &str,
        context: &str,
        now: f64,
    ) -> Result<String, Refusal> {
        let query = self.about((principal_type, principal), (resource_type, resource), (context, now))?;
        json(&self.0.view(&world.world, &query)?)
    }

    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn who(
        &self,
        world: &World,
        resource_type: &str,
        resource: &str,
        action: &str,
        principal_type: &str,
        context: &str,
        now: f64,
    ) -> Result<Visible, Refusal> {
        let query = self.who_may(principal_type, action, (resource_type, resource), (context, now))?;
        Ok(Visible(self.0.who(&world.world, &query)?))
    }

    /// As JSON, a list with each principal and the policies that permit it.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn who_with_reasons(
        &self,
        world: &World,
        resource_type: &str,
        resource: &str,
        action: &str,
        principal_type: &str,
        context: &str,
        now: f64,
    ) -> Result<String, Refusal> {
        let query = self.who_may(principal_type, action, (resource_type, resource), (context, now))?;
        json(&self.0.who_with_reasons(&world.world, &query)?)
    }

    /// Who is told of what happens to the resource, or to the entry of it.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn alert(
        &self,
        world: &World,
        resource_type: &str,
        resource: &str,
        entry_type: Option<String>,
        entry: Option<String>,
        principal_type: &str,
        now: f64,
    ) -> Result<Visible, Refusal> {
        let resource = EntityUid::new(resource_type, resource);
        let entry = entry_type.zip(entry).map(|(ty, id)| EntityUid::new(ty, id));
        let query = AlertQuery::new(TypeName::new(principal_type), resource).at(now as i64);
        let query = entry.into_iter().fold(query, AlertQuery::about);
        Ok(Visible(self.0.alert(&world.world, &query)?))
    }

    /// The counts of what `visible` finds, by group.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn count_by(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        context: &str,
        now: f64,
        by: &str,
        zone: Option<String>,
        below: Option<f64>,
        key: Option<Vec<u8>>,
    ) -> Result<Table, Refusal> {
        let query = self.query((principal_type, principal), action, resource_type, (context, now))?;
        let by = groups(by, zone.as_deref())?;
        Ok(Table(match protection(below, key)? {
            Some(protection) => self.0.count_by_protected(&world.world, &query, &by, &protection)?,
            None => self.0.count_by(&world.world, &query, &by)?,
        }))
    }

    /// A report; nothing where the principal may not have it or it is not there.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn report(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        kind: &str,
        report_type: Option<String>,
        report: Option<String>,
        now: f64,
        by: &str,
        zone: Option<String>,
        below: Option<f64>,
        key: Option<Vec<u8>>,
    ) -> Result<Option<Table>, Refusal> {
        let report = report_type.zip(report).map(|(ty, id)| EntityUid::new(ty, id));
        let question = attendance::ReportQuestion {
            principal: &EntityUid::new(principal_type, principal),
            kind,
            report: report.as_ref(),
            by: &groups(by, zone.as_deref())?,
            now: now as i64,
            protection: &protection(below, key)?.unwrap_or_default(),
        };
        Ok(attendance::report(&self.0, &world.world, &question)?.map(Table))
    }

    /// The tables of a release; nothing where the principal may not have such a report or it is not there.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn release(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        release: &str,
        report_type: Option<String>,
        report: Option<String>,
        now: f64,
        key: Option<Vec<u8>>,
    ) -> Result<Option<Vec<Table>>, Refusal> {
        let release = attendance::Release::read(release)?;
        let report = report_type.zip(report).map(|(ty, id)| EntityUid::new(ty, id));
        let (principal, protection) =
            (EntityUid::new(principal_type, principal), protection(None, key)?.unwrap_or_default());
        let of = attendance::ReportQuestion::of(&principal, "", now as i64, &protection);
        let question = attendance::ReportQuestion { report: report.as_ref(), ..of };
        let tables = attendance::release(&self.0, &world.world, &release, &question)?;
        Ok(tables.map(|tables| tables.into_iter().map(Table).collect()))
    }

    /// As JSON, a list with each action.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn actions(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        resource_type: &str,
        resource: &str,
        context: &str,
        now: f64,
    ) -> Result<String, Refusal> {
        let query = self.about((principal_type, principal), (resource_type, resource), (context, now))?;
        json(&self.0.actions(&world.world, &query)?)
    }

    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn visible(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        context: &str,
        now: f64,
    ) -> Result<Visible, Refusal> {
        let query = self.query((principal_type, principal), action, resource_type, (context, now))?;
        Ok(Visible(self.0.visible(&world.world, &query)?))
    }

    /// What `visible` finds, in an order and by conditions, which come in one text.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn sorted(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        context: &str,
        now: f64,
        by: Option<String>,
        descending: bool,
        conditions: &str,
    ) -> Result<Sorted, Refusal> {
        let query = self.query((principal_type, principal), action, resource_type, (context, now))?;
        Ok(Sorted(self.0.sorted(&world.world, &query, &listing(by, descending, conditions)?)?))
    }

    /// What `visible` finds, to be followed from batch to batch.
    #[expect(clippy::too_many_arguments, reason = "as `check`")]
    pub fn watch(
        &self,
        world: &World,
        principal_type: &str,
        principal: &str,
        action: &str,
        resource_type: &str,
        context: &str,
        now: f64,
    ) -> Result<Watch, Refusal> {
        let query = self.query((principal_type, principal), action, resource_type, (context, now))?;
        let context = self.0.read_context(&query.action, context)?;
        Ok(Watch { ward: self.0.clone(), watched: self.0.watch(&world.world, &query)?, context })
    }

    /// The matrix of decisions: its text, or its blocks as JSON.
    pub fn matrix(&self, as_text: bool) -> Result<String, Refusal> {
        let matrix = attendance::matrix(&self.0)?;
        if as_text { Ok(matrix.to_string()) } else { json(&matrix) }
    }

    /// What decides a principal type, an action and a resource type, as text.
    pub fn plan(&self, principal_type: &str, action: &str, resource_type: &str) -> Result<String, Refusal> {
        let (principals, resources) = (TypeName::new(principal_type), TypeName::new(resource_type));
        Ok(self.0.plan(&RequestEnvironment::new(principals, ActionName::new(action), resources))?)
    }
}

/// Questions from what crosses over: types and ids, and the context in JSON with its time.
impl Ward {
    pub(crate) fn query(
        &self,
        principal: (&str, &str),
        action: &str,
        resource_type: &str,
        context: (&str, f64),
    ) -> Result<Query, Refusal> {
        let action = ActionName::new(action);
        let context = self.0.read_context(&action, context.0)?.and_at(context.1 as i64);
        let principal = EntityUid::new(principal.0, principal.1);
        Ok(Query::new(principal, action, TypeName::new(resource_type)).in_context(context))
    }

    fn who_may(
        &self,
        principal_type: &str,
        action: &str,
        resource: (&str, &str),
        context: (&str, f64),
    ) -> Result<PrincipalQuery, Refusal> {
        let action = ActionName::new(action);
        let context = self.0.read_context(&action, context.0)?.and_at(context.1 as i64);
        let resource = EntityUid::new(resource.0, resource.1);
        Ok(PrincipalQuery::new(TypeName::new(principal_type), action, resource).in_context(context))
    }

    fn about(
        &self,
        principal: (&str, &str),
        resource: (&str, &str),
        context: (&str, f64),
    ) -> Result<ActionQuery, Refusal> {
        let principal = EntityUid::new(principal.0, principal.1);
        let resource = EntityUid::new(resource.0, resource.1);
        let read = self.0.read_context_for(&principal, &resource, context.0)?;
        Ok(ActionQuery::new(principal, resource).in_context(read.and_at(context.1 as i64)))
    }
}
