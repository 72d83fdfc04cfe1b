//! Who looked at what: for whoever may see the access history.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::EntityUid;
use caseward_store::{Error, Looked, Store};
use serde_json::json;

use super::Parameters;
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// Who looked at a record?
#[utoipa::path(
    get, path = "/v1/audit/looks", tag = "Audit",
    params(("record" = String, Query, description = "The record, such as `Case::\"c1\"`")),
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
    let record = parameters.only(&["record"])?.need("record")?.parse::<EntityUid>();
    let record = record.map_err(|error| Problem::malformed(format!("`record`: {error}")))?;
    asked(app, move |store| store.who_looked(&record, &person)).await
}

/// What did a person look at?
#[utoipa::path(
    get, path = "/v1/audit/looked", tag = "Audit",
    params(("person" = String, Query, description = "The id of the person")),
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
    let by = app.person(parameters.only(&["person"])?.need("person")?);
    asked(app, move |store| store.looked_at(&by, &person)).await
}

/// What was denied, of the records whose history the person may see?
#[utoipa::path(
    get, path = "/v1/audit/denied", tag = "Audit",
    responses((status = 200, description = "Commands that were denied, and reads that told of nothing", body = Object)),
    security(("bearer" = []))
)]
pub(crate) async fn denied(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Audit)?;
    parameters.only(&[])?;
    asked(app, move |store| store.denied(&person)).await
}

async fn asked(
    app: App,
    ask: impl FnOnce(&Store) -> Result<Vec<Looked>, Error> + Send + 'static,
) -> Result<Response, Problem> {
    let found = app.off(move |app| match ask(app.need_store()?) {
        Ok(found) => Ok(found),
        // It is the same whether they may not, or there is no such record.
        Err(Error::Request(_)) => Err(Problem::unseen()),
        Err(error) => Err(app.failed(&error)),
    });
    Ok(json::respond(StatusCode::OK, &json!({"looks": found.await?})))
}
