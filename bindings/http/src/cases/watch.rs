//! What comes into a person's sight and goes out of it, as a stream of server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use caseward::{ActionName, EntityUid, Query, TypeName};
use caseward_store::{Error, Seen};
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value as Json, json};

use super::{Parameters, look, shows};
use crate::app::App;
use crate::json;
use crate::problem::{ErrorBody, Problem};
use crate::time;
use crate::who::Caller;
use crate::who::keys::Right;

/// How often it is looked whether there is something to tell.
const EVERY: Duration = Duration::from_millis(50);
/// How often something is sent in any case, so that both sides know that the other is there.
const SIGN: Duration = Duration::from_secs(15);
/// How long a stream lasts: whoever goes on watching shows their credential again.
const LONGEST: Duration = Duration::from_secs(900);
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
    let place = app.watchers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("more people watch than are served: ask again later"))?;
    let asked = json!({"action": action, "type": ty.as_str()});
    let watcher = person.clone();
    let watch = app.off(move |app| {
        app.ask(|moment| shows(moment.ward, &ty, &action))?;
        let query = Query::new(watcher, ActionName::new(&action), ty);
        app.need_store()?.watch_with(query, WAITING).map_err(|error| app.refused(error))
    });
    let mut watch = watch.await?;
    let (sender, body) = Channel::<Bytes, Infallible>::new(16);
    let mut telling = Telling { app: app.clone(), caller, person, asked, purpose, sender };
    tokio::spawn(async move {
        let _place = place;
        let first = json!({
            "version": watch.version(), "now": time::show((app.clock)()), "came": names(watch.first()), "went": [],
        });
        let (begun, mut signed, mut end) = (Instant::now(), Instant::now(), app.end.subscribe());
        let mut goes_on = telling.tell(watch.first().to_vec(), first).await;
        while goes_on && begun.elapsed() < LONGEST && !*end.borrow_and_update() {
            match watch.at_once() {
                Ok(Some(seen)) => goes_on = telling.tell_seen(seen).await,
                Ok(None) if signed.elapsed() > SIGN => {
                    signed = Instant::now();
                    goes_on = telling.goes_on().await && telling.send(": still here\n\n".to_owned()).await;
                }
                Ok(None) => tokio::time::sleep(EVERY).await,
                Err(error) => {
                    let why = if matches!(error, Error::Behind) { "behind" } else { "ended" };
                    let _ = telling.send(format!("event: {why}\ndata: {{}}\n\n")).await;
                    goes_on = false;
                }
            }
        }
    });
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

fn names(of: &[EntityUid]) -> Vec<Json> {
    of.iter().map(json::entity).collect()
}

/// Somebody who watches.
struct Telling {
    app: App,
    caller: Caller,
    person: EntityUid,
    asked: Json,
    purpose: Option<String>,
    sender: Sender<Bytes, Infallible>,
}

impl Telling {
    async fn tell_seen(&mut self, seen: Seen) -> bool {
        let told = seen.came.iter().chain(&seen.went).cloned().collect();
        let event = json!({
            "version": seen.version, "now": time::show(seen.now), "came": names(&seen.came), "went": names(&seen.went),
        });
        self.tell(told, event).await
    }

    /// Audits what is told, and tells it; whether it goes on. Whoever may not ask any more is told nothing more.
    async fn tell(&mut self, told: Vec<EntityUid>, event: Json) -> bool {
        if !self.goes_on().await {
            return false;
        }
        let mut read =
            look("watch", &self.person, self.asked.clone(), (self.app.clock)(), self.purpose.clone());
        read.told = told;
        let audited = self.app.off(move |app| app.audit(read)).await;
        audited.is_ok() && self.send(format!("event: seen\ndata: {event}\n\n")).await
    }

    /// Whether the caller may still ask; if not, the stream says that it ends.
    async fn goes_on(&mut self) -> bool {
        let goes_on = self.caller.still_has(&self.app, Right::Read).await;
        if !goes_on {
            let _ = self.send("event: ended\ndata: {}\n\n".to_owned()).await;
        }
        goes_on
    }

    async fn send(&mut self, text: String) -> bool {
        self.sender.send_data(text.into()).await.is_ok()
    }
}
