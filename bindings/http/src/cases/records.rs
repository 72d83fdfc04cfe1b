//! One record as a person sees it, and lists of them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::{ActionName, ActionQuery, EntityUid, Field, Listing, Query, SortedCursor, TypeName, View};
use serde_json::{Value as Json, json};

use super::{Parameters, Path, look, shows};
use crate::app::{App, Moment, by};
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::time;
use crate::who::Caller;
use crate::who::keys::Right;

/// Records on a page, where it is not said; and at most.
const USUAL: usize = 50;
const MOST: usize = 1_000;

/// What of this record does the person see?
#[utoipa::path(
    get, path = "/v1/records/{type}/{id}", tag = "Cases",
    params(("type" = String, Path, description = "The type of the record"), ("id" = String, Path, description = "Its id"),
        ("as_of" = Option<String>, Query, description = "An instant of the past, in RFC 3339"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "Sections, entries, and the actions to take next", body = Object),
        (status = 404, description = "It is not there, or not to be seen", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn view(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let parameters = parameters.only(&["as_of", "purpose"])?;
    let (as_of, purpose) = (parameters.as_of()?, parameters.purpose()?);
    let record = EntityUid::new(ty, id);
    let seen = app.off(move |app| seen(app, &person, &record, as_of, purpose, "view")).await?;
    Ok(json::respond(StatusCode::OK, &seen))
}

/// What may the person do to this record next?
#[utoipa::path(
    get, path = "/v1/records/{type}/{id}/actions", tag = "Cases",
    params(("type" = String, Path, description = "The type of the record"), ("id" = String, Path, description = "Its id"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "The actions, with what their context needs", body = Object),
        (status = 404, description = "It is not there, or not to be seen", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn actions(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let purpose = parameters.only(&["purpose"])?.purpose()?;
    let record = EntityUid::new(ty, id);
    let mut seen = app.off(move |app| seen(app, &person, &record, None, purpose, "actions")).await?;
    let actions = seen.get_mut("actions").map_or(Json::Null, Json::take);
    Ok(json::respond(StatusCode::OK, &json!({"actions": actions})))
}

/// What a person sees of a record, with its content; what is shown is audited before.
fn seen(
    app: &App,
    person: &EntityUid,
    record: &EntityUid,
    as_of: Option<i64>,
    purpose: Option<String>,
    kind: &str,
) -> Result<Json, Problem> {
    let view = |moment: &Moment<'_>| view_of(app, person, record, moment);
    let (today, now) = app.ask(view)?;
    let today = today.filter(|today| !today.is_nothing());
    // Of the past a person is shown what they may see now, as it was.
    let (view, now) = match (as_of, today) {
        (Some(at), Some(today)) => {
            let (view, _) = app.ask_as_of(person, Some(at), view)?;
            (view.map(|view| view.within(&today)).filter(|view| !view.is_nothing()), at)
        }
        (as_of, today) => (today, as_of.unwrap_or(now)),
    };
    let mut read = look(kind, person, json!({}), now, purpose);
    read.on = Some(record.clone());
    read.is_denied = view.is_none();
    read.told = view.iter().flat_map(View::told).cloned().collect();
    // What content said in the past is not shown.
    let shown = view.as_ref().filter(|_| as_of.is_none());
    let held =
        app.audit_and_contents(read, shown.iter().flat_map(|view| view.content()).map(Field::key).collect())?;
    let Some(view) = view else { return Err(Problem::unseen()) };
    view.to_json(&held).map_err(|_| Problem::failed())
}

/// What a person sees of a record, and when; `None` of a type of which nothing is shown, whether or not there is such a record.
pub(crate) fn view_of(
    app: &App,
    person: &EntityUid,
    record: &EntityUid,
    moment: &Moment<'_>,
) -> Result<(Option<View>, i64), Problem> {
    let query = ActionQuery::new(person.clone(), record.clone()).at(moment.now);
    match moment.ward.view(moment.world, &query) {
        Ok(view) => Ok((Some(view), moment.now)),
        Err(error) if error.is_request() => Ok((None, moment.now)),
        Err(error) => {
            (app.notes)(&error.to_string());
            Err(Problem::failed())
        }
    }
}

/// Which records of a type does the person know of?
#[utoipa::path(
    get, path = "/v1/records/{type}", tag = "Cases",
    params(("type" = String, Path, description = "The type of the records"),
        ("action" = String, Query, description = "The action by which the person knows of them, such as viewSummary"),
        ("sort" = Option<String>, Query, description = "A field to sort by, `-` before it for the other way round"),
        ("where" = Option<Vec<String>>, Query, description = "Conditions, such as `status=open`"),
        ("search" = Option<String>, Query, description = "A name, an NSN, or how it begins; of a store"),
        ("limit" = Option<u32>, Query, description = "Records on a page: 50 without it, 1000 at most"),
        ("after" = Option<String>, Query, description = "What the last page called `next`"),
        ("as_of" = Option<String>, Query, description = "An instant of the past, in RFC 3339"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "A page of them", body = Object),
        (status = 400, description = "It cannot be read", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(ty): Path<String>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let known = ["action", "sort", "where", "search", "limit", "after", "as_of", "purpose"];
    let parameters = parameters.only(&known)?;
    let page = app.off(move |app| listed(app, &person, &TypeName::new(&ty), &parameters)).await?;
    Ok(json::respond(StatusCode::OK, &page))
}

fn listed(app: &App, person: &EntityUid, ty: &TypeName, parameters: &Parameters) -> Result<Json, Problem> {
    let malformed = |error: caseward::Error| Problem::malformed(error.to_string());
    let action = parameters.need("action")?;
    let mut listing = Listing::new();
    if let Some(path) = parameters.get("sort")? {
        listing = by(listing, path);
    }
    for condition in parameters.all("where") {
        listing = listing.only_where(condition).map_err(malformed)?;
    }
    let limit = match parameters.get("limit")?.map(str::parse::<usize>) {
        None => USUAL,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => return Err(Problem::malformed(format!("`limit` is from 1 to {MOST}"))),
    };
    let after: Option<SortedCursor> =
        parameters.get("after")?.map(str::parse).transpose().map_err(malformed)?;
    let (as_of, search) = (parameters.as_of()?, parameters.get("search")?);
    let question = |moment: &Moment<'_>| {
        shows(moment.ward, ty, action)?;
        Ok(Query::new(person.clone(), ActionName::new(action), ty.clone()).at(moment.now))
    };
    let sorted = match (app.store(), as_of, search) {
        (Some(store), None, search) => {
            let query = app.ask(question)?;
            let found = match search {
                Some(search) => store.search(&query, search, &listing),
                None => store.list(&query, &listing),
            };
            found.map_err(|error| app.refused(error))?
        }
        (_, _, Some(_)) => {
            return Err(Problem::malformed(
                "only a store, as it is now, can be searched: leave `search` out",
            ));
        }
        (_, as_of, None) => {
            let sorted = |moment: &Moment<'_>| {
                moment.ward.sorted(moment.world, &question(moment)?, &listing).map_err(malformed)
            };
            let now = app.ask(sorted)?;
            // Of the past a person is shown what they may see now: the records, and what they are sorted and chosen by.
            let list = |moment: &Moment<'_>| {
                moment.ward.visible(moment.world, &question(moment)?).map_err(malformed)
            };
            match as_of {
                None => now,
                Some(_) => {
                    let today = app.ask(list)?;
                    // What they may not see now is not worked out.
                    let then = if today.is_empty() { now } else { app.ask_as_of(person, as_of, sorted)? };
                    then.only(|record| today.contains(record))
                }
            }
        }
    };
    let page = sorted.page(after, limit).map_err(malformed)?;
    let provenance = sorted.provenance();
    let asked = json!({
        "action": action, "type": ty.as_str(), "listing": listing.to_string(), "search": search, "limit": limit,
    });
    let now = as_of.or(provenance.now).unwrap_or_else(|| (app.clock)());
    let mut read = look("list", person, asked, now, parameters.purpose()?);
    read.told.clone_from(&page.entities);
    read.count = Some(sorted.len() as u64);
    app.audit(read)?;
    let entities: Vec<Json> = page.entities.iter().map(json::entity).collect();
    Ok(json!({
        "entities": entities, "total": sorted.len(), "next": page.next, "policy_hash": provenance.policy_hash,
        "now": time::show(now),
    }))
}
