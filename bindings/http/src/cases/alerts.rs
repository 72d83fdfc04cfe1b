//! Alerts of the store's outbox to one person, as a stream of server-sent events.
//!
//! The rules said who is to know when it was done, and the outbox has it. INVARIANT: whoever may not know of the record any more
//! is not told of it.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use caseward::{EntityUid, View};
use caseward_store::{AlertPlace, OwnAlerts};
use serde_json::json;

use super::Parameters;
use super::records::view_of;
use super::stream::{Stream, Told, place};
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::time;
use crate::who::Caller;
use crate::who::keys::Right;

/// Where a stream goes on: what its last event was called.
const LAST: HeaderName = HeaderName::from_static("last-event-id");
/// How often it is looked whether something was written.
const EVERY: Duration = Duration::from_millis(200);
/// Alerts that are read at once.
const PAGE: usize = 64;

/// Tells the person what they are to know of: alerts of what is done from now on, or behind the last one that they had.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "Cases",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event: what is behind it is told, at least once"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "Events `alert`, each of a record, until the stream ends", content_type = "text/event-stream"),
        (status = 503, description = "More people watch than are served", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn alerts(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let purpose = parameters.only(&["purpose"])?.purpose()?;
    let behind = last(&headers)?;
    let place = place(&app, &person)?;
    let id = person.id().to_owned();
    let own =
        app.off(move |app| app.need_store()?.alerts_to(&id, behind).map_err(|error| app.refused(error)));
    let own = own.await?;
    let asked = json!({"behind": behind.map(|place| place.to_string())});
    let told = Told { kind: "alerts", person: person.clone(), asked, purpose };
    let (stream, response) = Stream::new(&app, caller, told, place);
    tokio::spawn(follow(app, own, person, stream));
    Ok(response)
}

/// The place behind the last event that the caller had.
fn last(headers: &HeaderMap) -> Result<Option<AlertPlace>, Problem> {
    let mut all = headers.get_all(LAST).iter();
    let (one, another) = (all.next(), all.next());
    let said = match (one, another) {
        (None, _) => return Ok(None),
        (Some(one), None) => one.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => return Err(Problem::malformed("there are two `Last-Event-ID` headers")),
    };
    let read = said.parse::<AlertPlace>();
    read.map(Some).map_err(|_| Problem::malformed("`Last-Event-ID` is the id of an event that was told"))
}

async fn follow(app: App, mut own: OwnAlerts, person: EntityUid, mut stream: Stream) {
    // It tells nothing but where to go on, for whoever is cut off before the first alert.
    let mut goes_on = stream.send(format!("id: {}\n\n", own.place())).await;
    let mut empty_at = None;
    while goes_on && stream.lasts() {
        let version = app.ask(|moment| moment.version);
        if empty_at == Some(version) {
            goes_on = stream.wait(EVERY).await;
            continue;
        }
        let (before, person) = (own.clone(), person.clone());
        match app.off(move |app| next(app, before, &person)).await {
            // The store does not answer: it is asked again.
            Err(_) => goes_on = stream.wait(EVERY).await,
            Ok(found) => {
                if found.own.is_at_end() {
                    empty_at = Some(version);
                }
                own = found.own;
                for (place, of) in found.alerts {
                    let said = json!({"at": time::show(place.recorded()), "of": json::entity(&of)});
                    let event = format!("event: alert\nid: {place}\ndata: {said}\n\n");
                    goes_on = goes_on && stream.tell(vec![of], event).await;
                }
            }
        }
    }
}

/// What was read of somebody's alerts.
struct Found {
    own: OwnAlerts,
    alerts: Vec<(AlertPlace, EntityUid)>,
}

fn next(app: &App, mut own: OwnAlerts, person: &EntityUid) -> Result<Found, Problem> {
    let mut alerts = app.need_store()?.next_alerts(&mut own, PAGE).map_err(|error| app.failed(&error))?;
    let mut failed = None;
    alerts.retain(|(_, of)| match app.ask(|moment| view_of(app, person, of, moment)) {
        Ok((view, _)) => view.as_ref().is_some_and(|view: &View| !view.is_nothing()),
        Err(problem) => {
            failed = Some(problem);
            false
        }
    });
    match failed {
        None => Ok(Found { own, alerts }),
        Some(problem) => Err(problem),
    }
}
