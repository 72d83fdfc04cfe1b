//! Who looked at what: for whoever may see the access history.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::EntityUid;
use caseward_store::{Error, Looked, Read, Store};
use serde_json::json;

use super::{Parameters, look};
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// Who looked at a record?
#[utoipa::path(
    get, path = "/v1/audit/looks", tag = "Audit",
    params(("record" = String, Query, description = "The record, such as `Case::\"c1\"`"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "Everybody who looked, oldest first", body = Object),
        (status = 404, description = "It is not there, or its history is not to be seen", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn looks(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Audit)?;
    let parameters = parameters.only(&["record", "purpose"])?;
    let record = parameters.need("record")?.parse::<EntityUid>();
    let record = record.map_err(|error| Problem::malformed(format!("`record`: {error}")))?;
    let mut read = look("who-looked", &person, json!({}), (app.clock)(), parameters.purpose()?);
    read.on = Some(record.clone());
    asked(app, read, move |store| store.who_looked(&record, &person)).await
}

/// What did a person look at?
#[utoipa::path(
    get, path = "/v1/audit/looked", tag = "Audit",
    params(("person" = String, Query, description = "The id of the person"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "Everything that they looked at, oldest first", body = Object),
        (status = 404, description = "They are not there, or their history is not to be seen", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn looked(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Audit)?;
    let parameters = parameters.only(&["person", "purpose"])?;
    let by = app.person(parameters.need("person")?);
    let mut read = look("looked-at", &person, json!({}), (app.clock)(), parameters.purpose()?);
    read.on = Some(by.clone());
    asked(app, read, move |store| store.looked_at(&by, &person)).await
}

/// What was denied, of the records whose history the person may see?
#[utoipa::path(
    get, path = "/v1/audit/denied", tag = "Audit",
    params(("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses((status = 200, description = "Commands that were denied, and reads that told of nothing", body = Object)),
    security(("bearer" = []))
)]
pub(crate) async fn denied(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Audit)?;
    let parameters = parameters.only(&["purpose"])?;
    let read = look("denied", &person, json!({}), (app.clock)(), parameters.purpose()?);
    asked(app, read, move |store| store.denied(&person)).await
}

/// Asks the store, and audits that it was asked before anything is shown.
async fn asked(
    app: App,
    mut read: Read,
    ask: impl FnOnce(&Store) -> Result<Vec<Looked>, Error> + Send + 'static,
) -> Result<Response, Problem> {
    let found = app.off(move |app| {
        let found = match ask(app.need_store()?) {
            Ok(found) => Ok(found),
            // It is the same whether they may not, or there is no such record.
            Err(Error::Request(_)) => Err(Problem::unseen()),
            Err(error) => return Err(app.failed(&error)),
        };
        read.is_denied = found.is_err();
        read.count = found.as_ref().ok().map(|found| found.len() as u64);
        app.audit(read)?;
        found
    });
    Ok(json::respond(StatusCode::OK, &json!({"looks": found.await?})))
}
