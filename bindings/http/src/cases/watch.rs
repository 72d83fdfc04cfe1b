//! What comes into a person's sight and goes out of it, as a stream of server-sent events.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use caseward::{ActionName, EntityUid, Query, TypeName};
use caseward_store::{Error, Seen, Watch};
use serde_json::json;

use super::stream::{Stream, Told, place};
use super::{Parameters, shows};
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::time;
use crate::who::Caller;
use crate::who::keys::Right;

/// How often it is looked whether there is something to tell.
const EVERY: Duration = Duration::from_millis(50);
/// Changes that wait to be taken.
const WAITING: usize = 1_024;

/// Tells what comes into the person's sight and goes out of it: first all that they see.
#[utoipa::path(
    get, path = "/v1/watch", tag = "Cases",
    params(("type" = String, Query, description = "The type of the records"),
        ("action" = String, Query, description = "The action by which the person knows of them, such as viewSummary"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "Events `seen`, until the stream ends", content_type = "text/event-stream"),
        (status = 503, description = "More people watch than are served", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn watch(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let parameters = parameters.only(&["type", "action", "purpose"])?;
    let (ty, action) = (TypeName::new(parameters.need("type")?), parameters.need("action")?.to_owned());
    let purpose = parameters.purpose()?;
    let place = place(&app, &person)?;
    let asked = json!({"action": action, "type": ty.as_str()});
    let watcher = person.clone();
    let watch = app.off(move |app| {
        app.ask(|moment| shows(moment.ward, &ty, &action))?;
        let query = Query::new(watcher, ActionName::new(&action), ty);
        app.need_store()?.watch_with(query, WAITING).map_err(|error| app.refused(error))
    });
    let watch = watch.await?;
    let now = (app.clock)();
    let (stream, response) = Stream::new(&app, caller, Told { kind: "watch", person, asked, purpose }, place);
    tokio::spawn(follow(watch, stream, now));
    Ok(response)
}

async fn follow(mut watch: Watch, mut stream: Stream, now: i64) {
    let first = watch.first().to_vec();
    let event = seen(watch.version(), now, &first, &[]);
    let mut goes_on = stream.tell(first, event).await;
    while goes_on && stream.lasts() {
        goes_on = match watch.at_once() {
            Ok(Some(Seen { version, now, came, went, .. })) => {
                let event = seen(version, now, &came, &went);
                stream.tell(came.into_iter().chain(went).collect(), event).await
            }
            Ok(None) => stream.wait(EVERY).await,
            Err(error) => {
                let why = if matches!(error, Error::Behind) { "behind" } else { "ended" };
                let _ = stream.send(format!("event: {why}\ndata: {{}}\n\n")).await;
                false
            }
        };
    }
}

/// The event of what came into sight and went out of it.
fn seen(version: u64, now: i64, came: &[EntityUid], went: &[EntityUid]) -> String {
    let names = |of: &[EntityUid]| of.iter().map(json::entity).collect::<Vec<_>>();
    let said = json!({"version": version, "now": time::show(now), "came": names(came), "went": names(went)});
    format!("event: seen\ndata: {said}\n\n")
}
