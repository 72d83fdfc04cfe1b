//! Bodies of requests. Whatever is wrong with one is a 400, but for its size (413) and a sender who stops (408).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;

use crate::app::App;
use crate::json;
use crate::problem::Problem;

/// A body of JSON.
pub(crate) struct JsonBody(pub(crate) Json);

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::malformed("the body is JSON: say so with `Content-Type: application/json`"));
        }
        let limits = &app.settings.limits;
        let bytes = read(app, &parts.headers, body, limits.body).await?;
        if bytes.is_empty() {
            return Err(Problem::malformed("the body is empty: it is a JSON object"));
        }
        let read = json::read(&bytes, limits.depth);
        read.map(JsonBody).map_err(|why| Problem::malformed(format!("the body: {why}")))
    }
}

/// Reads a body of at most so many bytes, in the time that a request has. It is held once.
pub(crate) async fn read(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Vec<u8>, Problem> {
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let said = said.map(|said| usize::try_from(said).unwrap_or(usize::MAX));
    if said.is_some_and(|said| said > most) {
        return Err(Problem::too_large(most));
    }
    let read = collected(body, said.unwrap_or_default(), most);
    let read = tokio::time::timeout(app.settings.limits.time(), read).await;
    read.unwrap_or_else(|_| Err(Problem::too_slow()))
}

async fn collected(mut body: Body, said: usize, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(said);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("the body broke off"))?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > most {
            return Err(Problem::too_large(most));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return false };
    let essence = one.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
