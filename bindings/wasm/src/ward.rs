//! Policies and schema, and the questions that they answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::{Counting, EntityUid, Request, Sources, Value, attendance};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::{Refusal, json};
use crate::table::{Table, groups, protection};
use crate::texts::{sources, sources_json};
use crate::visible::Visible;
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
        Ok(Request {
            principal: EntityUid::new(self.principal.0, self.principal.1),
            context: ward.read_context(self.action, self.context, self.now as i64)?,
            action: self.action.into(),
            resource: EntityUid::new(self.resource.0, self.resource.1),
        })
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

    /// As `explain`, for a viewer, from whom it withholds what they may not see.
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
        let principal = EntityUid::new(principal_type, principal);
        let resource = EntityUid::new(resource_type, resource);
        let context = self.0.read_context_for(&principal, &resource, context, now as i64)?;
        json(&self.0.view(&world.world, &principal, &resource, &context)?)
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
        let resource = EntityUid::new(resource_type, resource);
        let context = self.0.read_context(action, context, now as i64)?;
        Ok(Visible(self.0.who(&world.world, action, &resource, principal_type, &context)?))
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
        let resource = EntityUid::new(resource_type, resource);
        let context = self.0.read_context(action, context, now as i64)?;
        json(&self.0.who_with_reasons(&world.world, action, &resource, principal_type, &context)?)
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
        let context = BTreeMap::from([("now".into(), Value::Datetime(now as i64))]);
        Ok(Visible(self.0.alert(&world.world, &resource, entry.as_ref(), principal_type, &context)?))
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
        let principal = EntityUid::new(principal_type, principal);
        let context = self.0.read_context(action, context, now as i64)?;
        let by = groups(by, zone.as_deref())?;
        let (world, context) = (&world.world, &context);
        let counting = Counting { principal: &principal, action, of: resource_type, context, by: &by };
        Ok(Table(match protection(below, key)? {
            Some(protection) => self.0.count_by_protected(world, &counting, &protection)?,
            None => self.0.count_by(world, &principal, action, resource_type, context, &by)?,
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
        let principal = EntityUid::new(principal_type, principal);
        let resource = EntityUid::new(resource_type, resource);
        let context = self.0.read_context_for(&principal, &resource, context, now as i64)?;
        json(&self.0.actions(&world.world, &principal, &resource, &context)?)
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
        let principal = EntityUid::new(principal_type, principal);
        let context: BTreeMap<Arc<str>, Value> = self.0.read_context(action, context, now as i64)?;
        Ok(Visible(self.0.visible(&world.world, &principal, action, resource_type, &context)?))
    }

    /// The matrix of decisions: its text, or its blocks as JSON.
    pub fn matrix(&self, as_text: bool) -> Result<String, Refusal> {
        let matrix = attendance::matrix(&self.0)?;
        if as_text { Ok(matrix.to_string()) } else { json(&matrix) }
    }

    /// What decides a principal type, an action and a resource type, as text.
    pub fn plan(&self, principal_type: &str, action: &str, resource_type: &str) -> Result<String, Refusal> {
        Ok(self.0.plan(principal_type, action, resource_type)?)
    }
}
