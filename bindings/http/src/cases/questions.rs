//! Who may, and why or why not: for a person, who is told no more than they may know.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::{ActionName, EntityUid, PrincipalQuery, Request, Sight as _, TypeName};
use serde_json::{Value as Json, json};

use super::{Parameters, Path, look};
use crate::app::{App, Moment};
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// Who may do this to that record? For whoever may see who may do what to it.
#[utoipa::path(
    get, path = "/v1/records/{type}/{id}/who", tag = "Cases",
    params(("type" = String, Path, description = "The type of the record"), ("id" = String, Path, description = "Its id"),
        ("action" = String, Query, description = "What they would do"),
        ("as_of" = Option<String>, Query, description = "An instant of the past, in RFC 3339"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "The ids of the people who may", body = Object),
        (status = 404, description = "It is not there, or not to be seen, or not by whom", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn who(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let parameters = parameters.only(&["action", "as_of", "purpose"])?;
    let record = EntityUid::new(ty, id);
    let told = app.off(move |app| who_may(app, &person, &record, &parameters)).await?;
    Ok(json::respond(StatusCode::OK, &told))
}

fn who_may(
    app: &App,
    person: &EntityUid,
    record: &EntityUid,
    parameters: &Parameters,
) -> Result<Json, Problem> {
    let name = parameters.need("action")?;
    let malformed = |error: caseward::Error| Problem::malformed(error.to_string());
    let asked = json!({"action": name});
    let as_of = parameters.as_of()?;
    let may_see_who = |moment: &Moment<'_>| {
        moment.ward.schema().known_action(name).map_err(malformed)?;
        let request = Request::new(person.clone(), ActionName::new(name), record.clone()).at(moment.now);
        let disclosure = moment.ward.disclosure().map_err(malformed)?;
        let sight = moment.ward.viewer(moment.world, person, &request, &disclosure).map_err(malformed)?;
        Ok(sight.may_see_who(record))
    };
    // Of the past a person is told what they may see now.
    let found = |moment: &Moment<'_>| {
        if !may_see_who(moment)? {
            return Ok((None, moment.now));
        }
        let ty = TypeName::new(app.settings.person_type.as_str());
        let query = PrincipalQuery::new(ty, ActionName::new(name), record.clone()).at(moment.now);
        let found = moment.ward.who(moment.world, &query).map_err(malformed)?;
        Ok((Some(found), moment.now))
    };
    let (found, now) = match as_of {
        Some(at) if !app.ask(may_see_who)? => (None, at),
        as_of => app.ask_as_of(person, as_of, found)?,
    };
    let mut read = look("who", person, asked, now, parameters.purpose()?);
    read.on = Some(record.clone());
    read.is_denied = found.is_none();
    read.told = found.iter().flat_map(|found| found.iter()).collect();
    app.audit(read)?;
    let found = found.ok_or_else(Problem::unseen)?;
    let mut ids: Vec<&str> = found.ids().collect();
    ids.sort_unstable();
    Ok(json!({"people": ids, "total": ids.len()}))
}

/// Why may the person do this to that record, or why not? It tells them no more than they may know.
#[utoipa::path(
    get, path = "/v1/records/{type}/{id}/explain", tag = "Cases",
    params(("type" = String, Path, description = "The type of the record"), ("id" = String, Path, description = "Its id"),
        ("action" = String, Query, description = "What they would do"),
        ("context" = Option<String>, Query, description = "The circumstances, in JSON"),
        ("person" = Option<String>, Query, description = "The id of somebody else who would do it"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "The explanation, in JSON and in words", body = Object),
        (status = 400, description = "It cannot be read, or the person is told nothing of it", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn explain(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let parameters = parameters.only(&["action", "context", "person", "purpose"])?;
    let record = EntityUid::new(ty, id);
    let told = app.off(move |app| why(app, &person, &record, &parameters)).await?;
    Ok(json::respond(StatusCode::OK, &told))
}

fn why(app: &App, viewer: &EntityUid, record: &EntityUid, parameters: &Parameters) -> Result<Json, Problem> {
    let malformed = |error: caseward::Error| Problem::malformed(error.to_string());
    let name = parameters.need("action")?;
    let context = parameters.get("context")?.unwrap_or("{}");
    let read = json::read(context.as_bytes(), app.settings.limits.depth);
    let read = read.map_err(|why| Problem::malformed(format!("`context`: {why}")))?;
    if read.get("now").is_some() {
        return Err(Problem::malformed("the service's clock says `now`: leave it out"));
    }
    let subject = parameters.get("person")?.map_or_else(|| viewer.clone(), |id| app.person(id));
    let (told, is_known, now) = app.ask(|moment| {
        let ward = moment.ward;
        ward.schema().known_action(name).map_err(malformed)?;
        let action = ActionName::new(name);
        let context = ward.read_context(&action, context).map_err(malformed)?;
        let request =
            Request::new(subject.clone(), action, record.clone()).in_context(context).at(moment.now);
        let disclosure = ward.disclosure().map_err(malformed)?;
        let sight = ward.viewer(moment.world, viewer, &request, &disclosure).map_err(malformed)?;
        let is_known = sight.may_know(record) && moment.world.contains(record);
        Ok((ward.explain_for(moment.world, &request, &sight), is_known, moment.now))
    })?;
    let asked = json!({"principal": subject.to_string(), "action": name, "context": context});
    let mut look = look("explain", viewer, asked, now, parameters.purpose()?);
    look.on = Some(record.clone());
    // What is not there for the viewer, or is not told them, is a denied look.
    look.is_denied = told.is_err() || !is_known;
    look.told = Some(record.clone()).filter(|_| told.is_ok() && is_known).into_iter().collect();
    app.audit(look)?;
    let told = told.map_err(malformed)?;
    let json = serde_json::to_value(&told).map_err(|_| Problem::failed())?;
    let told = json!({"explanation": json, "text": told.to_string()});
    Ok(told)
}
