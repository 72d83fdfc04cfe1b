//! What people do. The store asks the policies in the transaction that writes; nothing is decided here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caseward::EntityUid;
use caseward_store::{Answer, Error, Outcome, Pending};
use serde_json::{Map, Value as Json, json};

use crate::app::App;
use crate::body::JsonBody;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::traces;
use crate::who::Caller;
use crate::who::keys::Right;

/// Does a command, or a batch of them.
#[utoipa::path(
    post, path = "/v1/commands", tag = "Cases", request_body = serde_json::Value,
    responses(
        (status = 200, description = "It is done; of a batch, an answer each, in order", body = serde_json::Value),
        (status = 400, description = "It makes no sense", body = Object),
        (status = 403, description = "It is denied, or what it names is not there", body = Object),
        (status = 409, description = "The state does not admit it", body = Object),
        (status = 503, description = "Nothing of it was done", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn commands(
    State(app): State<App>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Command)?;
    match body {
        Json::Array(all) => {
            let most = app.settings.limits.evaluations;
            if all.len() > most {
                let why = format!("more than {most} commands in one request are not taken");
                return Err(Problem::no_route(StatusCode::PAYLOAD_TOO_LARGE, why));
            }
            let answers = app.off(move |app| done(app, &person, all)).await?;
            Ok(json::respond(StatusCode::OK, &answers))
        }
        one => {
            let mut answers = app.off(move |app| done(app, &person, vec![one])).await?;
            let answer = answers.pop().ok_or_else(Problem::failed)?;
            Ok(json::respond(status(&answer), &answer))
        }
    }
}

/// The status of an answer that comes alone.
pub(crate) fn status(answer: &Json) -> StatusCode {
    match answer.get("outcome").and_then(Json::as_str) {
        Some("done") => StatusCode::OK,
        Some("denied") => StatusCode::FORBIDDEN,
        Some("refused") => StatusCode::CONFLICT,
        Some("invalid") => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Does commands on behalf of a person. They are handed in together, so that they become durable together.
pub(crate) fn done(app: &App, person: &EntityUid, all: Vec<Json>) -> Result<Vec<Json>, Problem> {
    let store = app.need_store()?;
    let handed: Vec<Handed> =
        all.into_iter().map(|command| handed_in(person, command, |line| store.submit(line))).collect();
    Ok(handed.into_iter().map(|handed| answered(app, handed)).collect())
}

/// Does a command that carries a file, whose bytes stand beside it, on behalf of a person.
pub(crate) fn done_with_file(
    app: &App,
    person: &EntityUid,
    command: Json,
    bytes: Vec<u8>,
) -> Result<Json, Problem> {
    let store = app.need_store()?;
    Ok(answered(app, handed_in(person, command, |line| store.submit_with_file(line, bytes))))
}

/// A command that waits for its answer, or what is answered without asking the store.
type Handed = Result<Result<Pending, Error>, Json>;

fn handed_in(
    person: &EntityUid,
    command: Json,
    submit: impl FnOnce(String) -> Result<Pending, Error>,
) -> Handed {
    let line = line(person, command).map_err(|why| json!({"outcome": "invalid", "errors": [why]}))?;
    Ok(submit(line))
}

fn answered(app: &App, handed: Handed) -> Json {
    let _part = traces::part("command").entered();
    match handed.map(|pending| pending.and_then(Pending::wait)) {
        Err(invalid) => invalid,
        Ok(Ok(answer)) => {
            app.wrote();
            told(answer)
        }
        Ok(Err(error)) => {
            app.failed(&error);
            json!({"outcome": "failed", "errors": ["nothing of it was done: ask again"]})
        }
    }
}

/// A command as the store reads it: who does it is whoever asks, and when is now.
fn line(person: &EntityUid, command: Json) -> Result<String, String> {
    let Json::Object(mut fields) = command else { return Err("a command is a JSON object".to_owned()) };
    for (name, why) in [("now", "the store's clock says it"), ("id", "the store makes it")] {
        if fields.contains_key(name) {
            return Err(format!("`{name}` is not taken: {why}"));
        }
    }
    match fields.get("as") {
        None => {}
        Some(Json::String(said)) if said == person.id() => {}
        Some(_) => return Err("`as` is whoever asks: leave it out".to_owned()),
    }
    fields.insert("as".to_owned(), person.id().into());
    Ok(Json::Object(fields).to_string())
}

/// What a person is told: of a denial nothing else, since an absent record is denied too; and never who else is told, or by
/// which policy.
fn told(answer: Answer) -> Json {
    if answer.outcome == Outcome::Denied {
        return json!({"outcome": "denied"});
    }
    let mut told = Map::new();
    let mut put = |name: &str, value: Json| told.insert(name.to_owned(), value);
    put("outcome", json!(answer.outcome));
    put("version", json!(answer.version));
    put("policy_hash", json!(answer.policy_hash));
    put("errors", json!(answer.errors));
    if answer.outcome == Outcome::Done {
        put("made", json!(answer.made));
        put("repeated", json!(answer.repeated));
    }
    if let Some(exported) = answer.exported {
        put("exported", exported);
    }
    Json::Object(told)
}
