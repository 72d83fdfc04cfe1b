//! May this subject do this to that resource? One evaluation, or many.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::{ActionName, Answer, Decision as Verdict, EntityUid, Request};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::{Act, Decision, DecisionContext, Fields, Named, act, asked, context, facts, named, object};
use crate::app::{App, Moment};
use crate::body::JsonBody;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::time;
use crate::who::Caller;
use crate::who::keys::Right;

/// Evaluations that are made where the request was read; more are made on a thread that may take its time.
const FEW: usize = 128;

/// One evaluation, read.
struct Item {
    subject: Named,
    action: Act,
    resource: Named,
    context: Fields,
}

/// When a batch is cut short.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Semantics {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The answer to a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decisions {
    /// A decision for each evaluation, in their order; up to the one that decided, where the batch was cut short.
    evaluations: Vec<Decision>,
}

/// May this subject do this to that resource?
#[utoipa::path(
    post, path = "/access/v1/evaluation", tag = "AuthZEN", request_body = asked::EvaluationBody,
    responses(
        (status = 200, description = "The decision; a denial too", body = Decision),
        (status = 400, description = "It cannot be read", body = ErrorBody),
        (status = 401, description = "It is not known who asks", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn evaluation(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    caller.require(Right::Evaluate)?;
    let fields = object(body).map_err(Problem::malformed)?;
    single(&app, &caller, &fields).await
}

async fn single(app: &App, caller: &Caller, fields: &Fields) -> Result<Response, Problem> {
    let item = read(|name| fields.get(name)).map_err(Problem::malformed)?;
    let reasons = caller.reasons;
    let decision = match reasons {
        true => {
            app.off(move |app| Ok(app.ask(|moment| Deciding::new(app, moment, true).decide(&item)))).await?
        }
        false => app.ask(|moment| Deciding::new(app, moment, false).decide(&item)),
    };
    Ok(json::respond(StatusCode::OK, &decision))
}

/// May these subjects do these to those resources?
#[utoipa::path(
    post, path = "/access/v1/evaluations", tag = "AuthZEN", request_body = asked::EvaluationsBody,
    responses(
        (status = 200, description = "A decision for each, in order; without evaluations one decision", body = Decisions),
        (status = 400, description = "It cannot be read", body = ErrorBody),
        (status = 401, description = "It is not known who asks", body = ErrorBody),
        (status = 413, description = "More evaluations than are taken", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn evaluations(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    caller.require(Right::Evaluate)?;
    let mut fields = object(body).map_err(Problem::malformed)?;
    let semantics = semantics(&fields).map_err(Problem::malformed)?;
    let all = match fields.remove("evaluations") {
        None => Vec::new(),
        Some(Json::Array(all)) => all,
        Some(_) => return Err(Problem::malformed("`evaluations` is an array")),
    };
    if all.is_empty() {
        return single(&app, &caller, &fields).await;
    }
    let most = app.settings.limits.evaluations;
    if all.len() > most {
        let why = format!("`evaluations` has more than {most}: ask in several requests");
        return Err(Problem::no_route(StatusCode::PAYLOAD_TOO_LARGE, why));
    }
    for what in ["subject", "action", "resource", "context"] {
        if fields.get(what).is_some_and(|value| !value.is_object()) {
            return Err(Problem::malformed(format!("`{what}` is an object")));
        }
    }
    let reasons = caller.reasons;
    let is_long = reasons || all.len() > FEW;
    let work =
        move |app: &App| app.ask(|moment| decide_all(app, moment, (&fields, &all), semantics, reasons));
    let evaluations = match is_long {
        true => app.off(move |app| Ok(work(app))).await?,
        false => work(&app),
    };
    Ok(json::respond(StatusCode::OK, &Decisions { evaluations }))
}

fn semantics(fields: &Fields) -> Result<Semantics, String> {
    let options = match fields.get("options") {
        None => return Ok(Semantics::ExecuteAll),
        Some(Json::Object(options)) => options,
        Some(_) => return Err("`options` is an object".to_owned()),
    };
    match options.get("evaluations_semantic") {
        None => Ok(Semantics::ExecuteAll),
        Some(Json::String(name)) => match name.as_str() {
            "execute_all" => Ok(Semantics::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantics::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantics::PermitOnFirstPermit),
            other => Err(format!(
                "`evaluations_semantic` is `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`, not `{other}`"
            )),
        },
        Some(_) => Err("`evaluations_semantic` is a text".to_owned()),
    }
}

fn decide_all(
    app: &App,
    moment: &Moment<'_>,
    (defaults, all): (&Fields, &[Json]),
    semantics: Semantics,
    reasons: bool,
) -> Vec<Decision> {
    let mut decisions = Vec::with_capacity(all.len());
    let mut deciding = Deciding::new(app, moment, reasons);
    for one in all {
        let item = match one {
            // A key of an item replaces that of the request, whole.
            Json::Object(fields) => read(|name| fields.get(name).or_else(|| defaults.get(name))),
            _ => Err("an evaluation is an object".to_owned()),
        };
        let decision = match item {
            Ok(item) => deciding.decide(&item),
            Err(why) => Decision::undecided(why),
        };
        let is_last = match semantics {
            Semantics::ExecuteAll => false,
            Semantics::DenyOnFirstDeny => !decision.decision,
            Semantics::PermitOnFirstPermit => decision.decision,
        };
        decisions.push(decision);
        if is_last {
            break;
        }
    }
    decisions
}

fn read<'a>(field: impl Fn(&str) -> Option<&'a Json>) -> Result<Item, String> {
    Ok(Item {
        subject: named("subject", field("subject"), true)?,
        action: act(field("action"))?,
        resource: named("resource", field("resource"), true)?,
        context: context(field("context"))?,
    })
}

/// Decides what is asked at one moment, and counts it when it is done.
struct Deciding<'a> {
    app: &'a App,
    moment: &'a Moment<'a>,
    reasons: bool,
    /// The moment, as it is written.
    now: Arc<str>,
    /// How many there were, by action and outcome.
    counts: BTreeMap<(&'a str, bool), u64>,
}

impl<'a> Deciding<'a> {
    fn new(app: &'a App, moment: &'a Moment<'a>, reasons: bool) -> Self {
        Deciding { app, moment, reasons, now: time::show(moment.now).into(), counts: BTreeMap::new() }
    }

    fn decide(&mut self, item: &Item) -> Decision {
        let decision = match answer(self.app, self.moment, item) {
            Ok((answer, request, world)) => {
                let reasons = self.reasons.then(|| self.moment.ward.explain(&world, &request).ok()).flatten();
                let reasons = reasons.and_then(|why| serde_json::to_value(why).ok());
                Decision {
                    decision: answer.decision == Verdict::Allow,
                    context: DecisionContext {
                        rules: Some(answer.rules),
                        policies: Some(answer.policies),
                        policy_hash: Some(answer.provenance.policy_hash),
                        data_version: Some(self.moment.version),
                        now: Some(self.now.clone()),
                        reasons,
                        error: None,
                    },
                }
            }
            Err(why) => Decision::undecided(why),
        };
        // The schema's own name: callers can write one in several ways.
        let known = self.moment.ward.schema().action(&item.action.name);
        let known = known.map_or("unknown", |action| action.uid.id());
        *self.counts.entry((known, decision.decision)).or_default() += 1;
        decision
    }
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        for ((action, is_allowed), count) in &self.counts {
            self.app.metrics.decided(action, *is_allowed, *count);
        }
    }
}

type Answered<'a> = (Answer, Request, std::borrow::Cow<'a, caseward::World>);

fn answer<'a>(app: &App, moment: &Moment<'a>, item: &Item) -> Result<Answered<'a>, String> {
    let Moment { ward, world, now, .. } = *moment;
    let trusted = app.settings.authzen.trust_properties;
    let context = facts::context(ward, &item.action, &item.context, trusted, now)?;
    let world = facts::overlaid(ward, world, &[&item.subject, &item.resource], trusted)?;
    let uid =
        |named: &Named| EntityUid::new(named.entity_type.as_str(), named.id.as_deref().unwrap_or_default());
    let action = ActionName::new(&item.action.name);
    let request = Request::new(uid(&item.subject), action, uid(&item.resource)).in_context(context);
    match ward.check(&world, &request) {
        Ok(answer) => Ok((answer, request, world)),
        Err(error) => Err(error.to_string()),
    }
}
