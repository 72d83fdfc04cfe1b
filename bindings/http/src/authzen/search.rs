//! Who may do this to that resource; to which resources may this subject; and what may it do to that one?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::{ActionName, ActionQuery, EntityUid, Listing, PrincipalQuery, Query, TypeName};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::held::{Found, Going};
use super::{Act, Fields, Named, act, asked, context, facts, named, object};
use crate::app::{App, Moment, by};
use crate::body::JsonBody;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// How many times the usual number of results a page may have.
const MORE: usize = 10;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subject,
    Resource,
    Action,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Subject => "subject",
            Kind::Resource => "resource",
            Kind::Action => "action",
        }
    }
}

/// A search, read.
struct Search {
    kind: Kind,
    subject: Named,
    action: Option<Act>,
    resource: Named,
    context: Fields,
}

/// What a search found, or a part of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Results {
    /// Entities by `type` and `id`, or actions by `name`.
    #[schema(value_type = Vec<asked::FoundBody>)]
    results: Vec<Json>,
    page: PageInfo,
}

/// Which part it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageInfo {
    /// What asks for the next page; empty on the last.
    next_token: String,
    /// How many results are here.
    count: usize,
    /// How many there are on all pages.
    total: usize,
}

/// Who may do this to that resource?
#[utoipa::path(
    post, path = "/access/v1/search/subject", tag = "AuthZEN", request_body = asked::SearchBody,
    responses(
        (status = 200, description = "All subjects who may, or a page of them", body = Results),
        (status = 400, description = "It cannot be read", body = ErrorBody),
        (status = 401, description = "It is not known who asks", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn search_subjects(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    search(app, caller, body, Kind::Subject).await
}

/// To which resources may this subject do this?
#[utoipa::path(
    post, path = "/access/v1/search/resource", tag = "AuthZEN", request_body = asked::SearchBody,
    responses(
        (status = 200, description = "All resources to which it may, or a page of them", body = Results),
        (status = 400, description = "It cannot be read", body = ErrorBody),
        (status = 401, description = "It is not known who asks", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn search_resources(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    search(app, caller, body, Kind::Resource).await
}

/// What may this subject do to that resource?
#[utoipa::path(
    post, path = "/access/v1/search/action", tag = "AuthZEN", request_body = asked::SearchBody,
    responses(
        (status = 200, description = "All actions that it may do, or a page of them", body = Results),
        (status = 400, description = "It cannot be read", body = ErrorBody),
        (status = 401, description = "It is not known who asks", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn search_actions(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    search(app, caller, body, Kind::Action).await
}

async fn search(app: App, caller: Caller, body: Json, kind: Kind) -> Result<Response, Problem> {
    caller.require(Right::Search)?;
    let fields = object(body).map_err(Problem::malformed)?;
    let results = app.off(move |app| run(app, &caller.name, fields, kind)).await?;
    Ok(json::respond(StatusCode::OK, &results))
}

/// What the `page` of a request says.
struct Paging {
    token: Option<String>,
    limit: Option<usize>,
    order: Json,
}

fn paging(fields: &Fields, most: usize) -> Result<Paging, String> {
    let mut paging = Paging { token: None, limit: None, order: Json::Null };
    let page = match fields.get("page") {
        None => return Ok(paging),
        Some(Json::Object(page)) => page,
        Some(_) => return Err("`page` is an object".to_owned()),
    };
    match page.get("token") {
        None => {}
        // What stands at the end of the last page asks for the first.
        Some(Json::String(token)) => paging.token = Some(token.clone()).filter(|token| !token.is_empty()),
        Some(_) => return Err("`token` of `page` is a text".to_owned()),
    }
    match page.get("limit").map(Json::as_u64) {
        None => {}
        Some(Some(limit)) if limit > 0 => {
            paging.limit = Some(usize::try_from(limit).unwrap_or(most).min(most));
        }
        Some(_) => return Err("`limit` of `page` is a whole number from 1".to_owned()),
    }
    match page.get("properties") {
        None => {}
        Some(Json::Object(properties)) => {
            paging.order = properties.get("order").cloned().unwrap_or(Json::Null);
        }
        Some(_) => return Err("`properties` of `page` is an object".to_owned()),
    }
    Ok(paging)
}

fn run(app: &App, caller: &str, mut fields: Fields, kind: Kind) -> Result<Results, Problem> {
    let usual = app.settings.authzen.page;
    let paging = paging(&fields, usual.saturating_mul(MORE)).map_err(Problem::malformed)?;
    fields.retain(|name, _| ["subject", "action", "resource", "context"].contains(&name.as_str()));
    if kind == Kind::Action {
        fields.remove("action");
    }
    if let Some(token) = &paging.token {
        let going = app.searches.open(caller, token);
        let going = going.ok_or_else(|| {
            Problem::malformed(
                "the token is not of this service and caller, or of before it started: begin again",
            )
        })?;
        return go_on(app, caller, (fields, kind), &paging, going);
    }
    let limit = paging.limit.unwrap_or(usual);
    let search = read(&fields, kind).map_err(Problem::malformed)?;
    app.ask(|moment| {
        let found = find(app, moment, &search, &paging.order)?;
        let going = Going {
            kind: kind.name().to_owned(),
            asked: fields,
            order: paging.order.clone(),
            limit,
            version: moment.version,
            world: app.searches.world(moment.world),
            policy_hash: moment.ward.policy_hash().to_string(),
            now: moment.now,
            offset: 0,
        };
        Ok(page(app, caller, going, limit, Arc::new(found)))
    })
}

/// The next page of a search. What the request says must be what the search was.
fn go_on(
    app: &App,
    caller: &str,
    (fields, kind): (Fields, Kind),
    paging: &Paging,
    going: Going,
) -> Result<Results, Problem> {
    let changed = fields.iter().find(|(name, value)| going.asked.get(name.as_str()) != Some(value));
    if let Some((name, _)) = changed {
        return Err(Problem::malformed(format!(
            "the token is of another request: `{name}` is not what it was; leave it out, or begin again"
        )));
    }
    if going.kind != kind.name() || (!paging.order.is_null() && paging.order != going.order) {
        return Err(Problem::malformed("the token is of another search: begin again"));
    }
    let limit = paging.limit.unwrap_or(going.limit);
    if let Some(found) = app.searches.find(&going) {
        return Ok(page(app, caller, going, limit, found));
    }
    let search = read(&going.asked, kind).map_err(Problem::malformed)?;
    app.ask(|moment| {
        let is_same = (moment.version, app.searches.world(moment.world)) == (going.version, going.world.clone())
            && **moment.ward.policy_hash() == going.policy_hash;
        if !is_same {
            return Err(Problem::malformed(
                "the data has changed since the search began, and what it found is not held any more: begin again",
            ));
        }
        let then = Moment { now: going.now, ..*moment };
        let found = find(app, &then, &search, &going.order)?;
        Ok(page(app, caller, going, limit, Arc::new(found)))
    })
}

fn page(app: &App, caller: &str, going: Going, limit: usize, found: Arc<Found>) -> Results {
    let total = found.len();
    let results: Vec<Json> = match &*found {
        Found::Entities(all) => {
            all.iter().skip(going.offset).take(limit).map(|uid| json::entity(&uid)).collect()
        }
        Found::Sorted(all) => all.iter().skip(going.offset).take(limit).map(json::entity).collect(),
        Found::Names(all) => {
            all.iter().skip(going.offset).take(limit).map(|name| json!({"name": name})).collect()
        }
    };
    let offset = going.offset.saturating_add(results.len());
    let mut next_token = String::new();
    if offset < total {
        let next = Going { offset, limit, ..going };
        next_token = app.searches.token(caller, &next);
        app.searches.hold(&next, found);
    }
    let count = results.len();
    Results { results, page: PageInfo { next_token, count, total } }
}

fn read(fields: &Fields, kind: Kind) -> Result<Search, String> {
    Ok(Search {
        kind,
        subject: named("subject", fields.get("subject"), kind != Kind::Subject)?,
        action: if kind == Kind::Action { None } else { Some(act(fields.get("action"))?) },
        resource: named("resource", fields.get("resource"), kind != Kind::Resource)?,
        context: context(fields.get("context"))?,
    })
}

fn nothing() -> Found {
    Found::Sorted(Vec::new())
}

/// What is found at a moment. Names that nobody knows find nothing.
fn find(app: &App, moment: &Moment<'_>, search: &Search, order: &Json) -> Result<Found, Problem> {
    let Moment { ward, world, now, .. } = *moment;
    let listing = listing(order).map_err(Problem::malformed)?;
    if listing.is_some() && search.kind != Kind::Resource {
        return Err(Problem::malformed("`order` sorts resources alone: leave it out"));
    }
    let (schema, malformed) = (ward.schema(), Problem::malformed);
    let types = (schema.type_id(&search.subject.entity_type), schema.type_id(&search.resource.entity_type));
    let (Some(principal), Some(resource)) = types else { return Ok(nothing()) };
    let trusted = app.settings.authzen.trust_properties;
    let world =
        facts::overlaid(ward, world, &[&search.subject, &search.resource], trusted).map_err(malformed)?;
    let uid =
        |named: &Named| EntityUid::new(named.entity_type.as_str(), named.id.as_deref().unwrap_or_default());
    let failed = |error: caseward::Error| Problem::malformed(error.to_string());
    let Some(act) = &search.action else {
        let (subject, resource) = (uid(&search.subject), uid(&search.resource));
        let context =
            facts::context_for(ward, (&subject, &resource), &search.context, now).map_err(malformed)?;
        let all =
            ward.actions(&world, &ActionQuery::new(subject, resource).in_context(context)).map_err(failed)?;
        let allowed =
            all.into_iter().filter(|one| one.answer.as_ref().is_some_and(caseward::Answer::is_allowed));
        return Ok(Found::Names(allowed.map(|one| one.action).collect()));
    };
    let fits = schema
        .action(&act.name)
        .is_some_and(|action| action.principals.contains(&principal) && action.resources.contains(&resource));
    if !fits {
        return Ok(nothing());
    }
    let context = facts::context(ward, act, &search.context, trusted, now).map_err(malformed)?;
    let action = ActionName::new(&act.name);
    if search.kind == Kind::Subject {
        let ty = TypeName::new(&search.subject.entity_type);
        let query = PrincipalQuery::new(ty, action, uid(&search.resource)).in_context(context);
        return ward.who(&world, &query).map(Found::Entities).map_err(failed);
    }
    let ty = TypeName::new(&search.resource.entity_type);
    let query = Query::new(uid(&search.subject), action, ty).in_context(context);
    match listing {
        None => ward.visible(&world, &query).map(Found::Entities).map_err(failed),
        Some(listing) => {
            let sorted = ward.sorted(&world, &query, &listing).map_err(failed)?;
            Ok(Found::Sorted(sorted.iter().collect()))
        }
    }
}

/// The order that is asked for: `"openedAt"`, or `"-openedAt"` for the other way round.
fn listing(order: &Json) -> Result<Option<Listing>, String> {
    match order {
        Json::Null => Ok(None),
        Json::String(path) => Ok(Some(by(Listing::new(), path))),
        _ => Err("`order` names an attribute, such as `openedAt`, or `-openedAt` for the other way round"
            .to_owned()),
    }
}
