//! casbin, with an attribute-based model: one matcher over the facts of a request.

use casbin::function_map::OperatorFunction;
use casbin::rhai::serde::to_dynamic;
use casbin::rhai::{Array, Dynamic, ImmutableString};
use casbin::{CoreApi, DefaultModel, Enforcer, Model, NullAdapter};
use serde_json::{Map, Value as Json};

use crate::Failure;
use crate::floor::Floor;
use crate::peers::facts::facts;

/// The rules for `viewSummary` on a case, cheapest first. Times are in minutes.
const MATCHER: &str = r#"
    r.user.loginActive && (r.case.status == "open" || r.case.status == "closed") && (
        has(r.user.ministryTeams, "centralInvestigation")
        || has(r.user.ministryTeams, "nationalContracts")
        || (has(r.user.ministryTeams, "prosecutions")
            && r.case.status == "open" && r.case.prosecutionNotified)
        || (has(r.user.ministryTeams, "regionalContracts")
            && has(r.user.monitors, r.case.provider.id) && r.case.provider.kind == "asp")
        || (r.now >= 29536500 && (
            has(r.user.attendanceLeadAt, r.case.student.enrolledAt)
            || has(r.user.officeSupportAt, r.case.student.enrolledAt)
            || (r.case.status == "open" && r.case.primaryContact == r.user.id
                && has(r.user.primaryContactAt, r.case.student.enrolledAt))))
        || (r.user.providerAccessFrom != () && r.user.providerAccessFrom <= r.now && (
            ((has(r.user.workflowLeadAt, r.case.provider.id)
                || ((r.case.caseManager == r.user.id
                        || (r.case.status == "open" && has(r.case.team, r.user.id)))
                    && has(r.user.caseManagerAt, r.case.provider.id)))
                && (r.case.provider.kind == "asp"
                    || (r.case.provider.kind == "isp"
                        && r.case.provider.school != ()
                        && r.case.provider.school == r.case.student.enrolledAt)))
            || (r.case.status == "closed"
                && (has(r.user.workflowLeadAt, r.case.student.currentProvider.id)
                    || (r.case.student.currentCaseManager == r.user.id
                        && has(r.user.caseManagerAt, r.case.student.currentProvider.id)))
                && (r.case.student.currentProvider.kind == "asp"
                    || (r.case.student.currentProvider.kind == "isp"
                        && r.case.student.currentProvider.school != ()
                        && r.case.student.currentProvider.school == r.case.student.enrolledAt)))))
    )
"#;

/// An enforcer with the model.
pub struct Casbin(Enforcer);

/// Whether a list has a member; nothing has an absent one.
fn has(list: Dynamic, member: Dynamic) -> Dynamic {
    let found = match (list.read_lock::<Array>(), member.read_lock::<ImmutableString>()) {
        (Some(list), Some(member)) => list
            .iter()
            .any(|one| one.read_lock::<ImmutableString>().is_some_and(|one| one.as_str() == member.as_str())),
        _ => false,
    };
    found.into()
}

impl Casbin {
    /// Reads the model.
    ///
    /// # Errors
    /// A model that casbin cannot read.
    pub fn new() -> Result<Self, Failure> {
        let mut model = DefaultModel::default();
        model.add_def("r", "r", "user, case, now");
        model.add_def("p", "p", "any");
        model.add_def("e", "e", "some(where (p.eft == allow))");
        model.add_def("m", "m", &MATCHER.split_whitespace().collect::<Vec<_>>().join(" "));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut enforcer = runtime.block_on(Enforcer::new(model, NullAdapter))?;
        enforcer.add_function("has", OperatorFunction::Arg2(has));
        Ok(Casbin(enforcer))
    }

    /// Decides from the facts of a request, which casbin takes for itself; an error is no.
    pub fn allows(&self, request: Vec<Dynamic>) -> bool {
        self.0.enforce(request).is_ok_and(|allowed| allowed)
    }
}

/// The facts of a request as casbin takes them.
///
/// # Errors
/// A `now` that 32 bits of minutes do not hold.
pub fn request(floor: &Floor<'_>, user: u32, case: u32, now: i64) -> Result<Vec<Dynamic>, Failure> {
    let mut all = facts(floor, user, case, now);
    // The matcher reads on through a provider that is absent.
    or_empty(&mut all["case"], "provider");
    or_empty(&mut all["case"]["student"], "currentProvider");
    let now = i32::try_from(all["now"].as_i64().ok_or("no time")?)?;
    Ok(vec![to_dynamic(&all["user"])?, to_dynamic(&all["case"])?, Dynamic::from(now)])
}

fn or_empty(record: &mut Json, name: &str) {
    if let Some(fields) = record.as_object_mut() {
        fields.entry(name).or_insert_with(|| Json::Object(Map::new()));
    }
}
