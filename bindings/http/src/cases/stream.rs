//! Streams of server-sent events to a person: what is told is audited before, and ends with the credential that began it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use caseward::EntityUid;
use http_body_util::channel::{Channel, Sender};
use serde_json::Value as Json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::watch::Receiver;

use super::look;
use crate::app::App;
use crate::problem::Problem;
use crate::turns::Turn;
use crate::who::Caller;
use crate::who::keys::Right;

/// How often something is sent in any case, so that both sides know that the other is there.
const SIGN: Duration = Duration::from_secs(15);
/// How long a stream lasts: whoever goes on listening shows their credential again.
const LONGEST: Duration = Duration::from_secs(900);

/// What a stream is of, and for whom.
pub(crate) struct Told {
    pub(crate) kind: &'static str,
    pub(crate) person: EntityUid,
    pub(crate) asked: Json,
    pub(crate) purpose: Option<String>,
}

/// Somebody who is told what happens, as it happens.
pub(crate) struct Stream {
    app: App,
    caller: Caller,
    of: Told,
    sender: Sender<Bytes, Infallible>,
    begun: Instant,
    signed: Instant,
    end: Receiver<bool>,
    _place: Place,
}

/// A place among those who listen, and among the person's own.
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_the_person: Turn,
}

/// Takes a place among those who listen.
pub(crate) fn place(app: &App, person: &EntityUid) -> Result<Place, Problem> {
    let turn = app.listening.take(person)?;
    let place = app.watchers.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("more people watch than are served: ask again later"))?;
    Ok(Place { _of_all: place, _of_the_person: turn })
}

impl Stream {
    /// A stream, and the answer that it goes out with.
    pub(crate) fn new(app: &App, caller: Caller, of: Told, place: Place) -> (Self, Response) {
        let (sender, body) = Channel::<Bytes, Infallible>::new(16);
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        let (app, now, end) = (app.clone(), Instant::now(), app.end.subscribe());
        (Stream { app, caller, of, sender, begun: now, signed: now, end, _place: place }, response)
    }

    /// Whether it goes on for now: it is not as old as it may get, and the service does not end.
    pub(crate) fn lasts(&mut self) -> bool {
        self.begun.elapsed() < LONGEST && !*self.end.borrow_and_update()
    }

    /// Audits what is told, and tells it; whether it goes on. Whoever may not ask any more is told nothing more.
    pub(crate) async fn tell(&mut self, told: Vec<EntityUid>, text: String) -> bool {
        if !self.goes_on().await {
            return false;
        }
        let of = &self.of;
        let mut read = look(of.kind, &of.person, of.asked.clone(), (self.app.clock)(), of.purpose.clone());
        read.told = told;
        let audited = self.app.off(move |app| app.audit(read)).await;
        audited.is_ok() && self.send(text).await
    }

    /// Waits where there is nothing to tell; whether it goes on.
    pub(crate) async fn wait(&mut self, time: Duration) -> bool {
        if self.signed.elapsed() > SIGN {
            self.signed = Instant::now();
            return self.goes_on().await && self.send(": still here\n\n".to_owned()).await;
        }
        tokio::time::sleep(time).await;
        true
    }

    /// Whether the caller may still ask; if not, the stream says that it ends.
    async fn goes_on(&mut self) -> bool {
        let goes_on = self.caller.still_has(&self.app, Right::Read).await;
        if !goes_on {
            let _ = self.send("event: ended\ndata: {}\n\n".to_owned()).await;
        }
        goes_on
    }

    /// Sends what tells of nobody; whether somebody takes it.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        self.sender.send_data(text.into()).await.is_ok()
    }
}
