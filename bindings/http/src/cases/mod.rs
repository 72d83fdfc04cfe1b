//! Records, as the person who asks sees them, and what they do.
//!
//! INVARIANT: what is answered about a record that is not there, and about one that the person may not know of, is the same:
//! the same bytes, status and headers. Everything is made of [`View`](caseward::View)s, of lists of what the person may know
//! of, and of explanations for a viewer.

mod alerts;
mod audit;
mod commands;
mod feeds;
mod files;
mod questions;
mod records;
mod reports;
mod stream;
mod watch;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::routing::{get, post};
use caseward::{EntityUid, TypeName, Ward, instant};
use caseward_store::{Moment as PastMoment, Read};
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;
use utoipa::OpenApi;

use crate::app::{App, Backing, Moment};
use crate::problem::Problem;

/// What a path names; one that cannot be read is refused in JSON, as all else is.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        read.map(|axum::extract::Path(read)| Path(read))
            .map_err(|error| Problem::malformed(error.body_text()))
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/commands", post(commands::commands))
        .route("/v1/records/{type}", get(records::list))
        .route("/v1/records/{type}/{id}", get(records::view))
        .route("/v1/records/{type}/{id}/actions", get(records::actions))
        .route("/v1/records/{type}/{id}/who", get(questions::who))
        .route("/v1/records/{type}/{id}/explain", get(questions::explain))
        .route("/v1/records/{type}/{id}/file", get(files::download).post(files::upload))
        .route("/v1/reports/{kind}", get(reports::report))
        .route("/v1/feeds/{kind}", post(feeds::feed))
        .route("/v1/watch", get(watch::watch))
        .route("/v1/alerts", get(alerts::alerts))
        .route("/v1/audit/looks", get(audit::looks))
        .route("/v1/audit/looked", get(audit::looked))
        .route("/v1/audit/denied", get(audit::denied))
        .layer(DefaultBodyLimit::disable())
}

#[derive(OpenApi)]
#[openapi(paths(
    commands::commands,
    records::list,
    records::view,
    records::actions,
    questions::who,
    questions::explain,
    files::download,
    files::upload,
    reports::report,
    feeds::feed,
    watch::watch,
    alerts::alerts,
    audit::looks,
    audit::looked,
    audit::denied,
))]
pub(crate) struct Documented;

/// The parameters of a request, each once but for those that may stand often.
pub(crate) struct Parameters(Vec<(String, String)>);

impl FromRequestParts<App> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        if !is_text(query) {
            return Err(Problem::malformed("the parameters: what is behind a `%` is no text in UTF-8"));
        }
        let read = serde_urlencoded::from_str(query);
        read.map(Parameters).map_err(|error| Problem::malformed(format!("the parameters: {error}")))
    }
}

/// Whether what is escaped in a query is text: a name or a value that is not would be read as another one.
fn is_text(query: &str) -> bool {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    query.split('%').skip(1).all(is_escape)
        && query.split('&').all(|pair| percent_decode_str(pair).decode_utf8().is_ok())
}

impl Parameters {
    /// Refuses those that the route does not have.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some((name, _)) => Err(Problem::malformed(format!("there is no parameter `{name}` here"))),
        }
    }

    pub(crate) fn get<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Problem> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (one, None) => Ok(one),
            _ => Err(Problem::malformed(format!("the parameter `{name}` stands twice"))),
        }
    }

    pub(crate) fn need<'a>(&'a self, name: &'a str) -> Result<&'a str, Problem> {
        self.get(name)?.ok_or_else(|| Problem::malformed(format!("the parameter `{name}` is missing")))
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The instant that is asked about, where it is another than now.
    pub(crate) fn as_of(&self) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get("as_of")? else { return Ok(None) };
        let why = || {
            Problem::malformed(format!("`{text}` is no instant of RFC 3339, such as 2026-05-11T09:00:00Z"))
        };
        instant(text).map(Some).ok_or_else(why)
    }

    pub(crate) fn purpose(&self) -> Result<Option<String>, Problem> {
        Ok(self.get("purpose")?.map(str::to_owned))
    }
}

impl App {
    /// Asks the policies and the data of now, or as they were, for a person.
    ///
    /// What they may not see now is not asked about the past: there is nothing to show of it, and it is much work.
    pub(crate) fn ask_as_of<T>(
        &self,
        person: &EntityUid,
        as_of: Option<i64>,
        ask: impl FnOnce(&Moment<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let Some(at) = as_of else { return self.ask(ask) };
        let Backing::Store(store) = &self.backing else {
            return Err(Problem::malformed("only a store knows of the past: leave `as_of` out"));
        };
        let _turn = self.pasts.take(person)?;
        let past = store.past(PastMoment::as_of(at)).map_err(|error| self.refused(error))?;
        let version = past.world.version();
        ask(&Moment { ward: &past.ward, world: &past.world, version, now: past.now })
    }

    /// What the store says of a question that makes no sense; whatever else it is, it failed.
    pub(crate) fn refused(&self, error: caseward_store::Error) -> Problem {
        match error {
            caseward_store::Error::Request(why) => Problem::malformed(why),
            caseward_store::Error::Engine(error) if error.is_request() => {
                Problem::malformed(error.to_string())
            }
            other => self.failed(&other),
        }
    }

    /// The store, which the route needs.
    pub(crate) fn need_store(&self) -> Result<&caseward_store::Store, Problem> {
        self.store().ok_or_else(|| {
            let why = "the service has no store, which this route needs: start it with `--db`";
            Problem::no_route(axum::http::StatusCode::NOT_FOUND, why)
        })
    }
}

/// A look of a person, to be audited.
pub(crate) fn look(kind: &str, by: &EntityUid, asked: Json, at: i64, purpose: Option<String>) -> Read {
    let mut read = Read::new(kind, at);
    (read.by, read.asked, read.purpose) = (Some(by.clone()), asked, purpose);
    read
}

/// Whether an action lets a person know of records of a type. Lists of what else they may do are not told to them: they could
/// name records of which the person may not know.
pub(crate) fn shows(ward: &Ward, ty: &TypeName, action: &str) -> Result<(), Problem> {
    let disclosure = ward.disclosure().map_err(|error| Problem::malformed(error.to_string()))?;
    let known = disclosure.knows.get(ty.as_str()).map_or(&[][..], Vec::as_slice);
    match known.iter().any(|name| **name == *action) {
        true => Ok(()),
        false => Err(Problem::malformed(format!(
            "`{action}` is no action by which somebody knows of a record of the type `{ty}`: {}",
            known.join(", ")
        ))),
    }
}
