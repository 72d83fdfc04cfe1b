//! The routes. No rule stands here: who may do what is in the policies.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};
use caseward::{Changes, EntityUid, Value};
use rusqlite::{OptionalExtension as _, params, params_from_iter};
use serde_json::{Value as Body, json};

use crate::app::{App, Failure, bound};
use crate::asking::{Asking, who};
use crate::outbox::put;

/// Every route, behind the layer that finds out who asks.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/tickets", get(list))
        .route("/tickets/{id}", get(view))
        .route("/tickets/{id}/close", post(close))
        .layer(from_fn_with_state(app.clone(), who))
        .with_state(app)
}

/// The open tickets that the person may read: the database finds them, by the filter beside this service's own conditions.
async fn list(State(app): State<App>, asking: Asking) -> Result<Json<Body>, Failure> {
    let filter = asking.filter("read", "Ticket")?;
    let found = app.reading(move |db| {
        let sql =
            format!("SELECT id, title FROM ticket WHERE open AND ({}) ORDER BY id LIMIT 100", filter.sql);
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(filter.params.iter().map(bound)), |row| {
            Ok(json!({"id": row.get::<_, String>(0)?, "title": row.get::<_, String>(1)?}))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    Ok(Json(json!({"tickets": found.await?})))
}

/// A ticket; one that the person may not read is answered as one that is not there.
async fn view(State(app): State<App>, asking: Asking, Path(id): Path<String>) -> Result<Json<Body>, Failure> {
    let ticket = EntityUid::new("Ticket", id.as_str());
    if !asking.may("read", &ticket)? {
        return Err(Failure::unseen());
    }
    let may_close = asking.may("close", &ticket)?;
    let found = app.reading(move |db| {
        let sql = "SELECT title, open FROM ticket WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?));
        Ok(db.query_row(sql, [id], read).optional()?)
    });
    let (title, open) = found.await?.ok_or_else(Failure::unseen)?;
    Ok(Json(json!({"title": title, "open": open, "may_close": may_close})))
}

/// Closes a ticket: the question, the change and what others are told of it are one transaction.
async fn close(
    State(app): State<App>,
    asking: Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let closed = app.change(move |db| {
        let ticket = EntityUid::new("Ticket", id.as_str());
        if !asking.may("close", &ticket)? {
            return Err(match asking.may("read", &ticket)? {
                true => Failure(StatusCode::FORBIDDEN, "it is not yours to close, or is closed".to_owned()),
                false => Failure::unseen(),
            });
        }
        db.execute("UPDATE ticket SET open = 0 WHERE id = ?1", params![id])?;
        put(db, &id, "closed", asking.id())?;
        Ok(((), Changes::new().set(&ticket, "open", Value::from(false))))
    });
    closed.await?;
    Ok(StatusCode::NO_CONTENT)
}
