//! Feeds: files of lines about people, students and organisations. Every line is answered, and a bad one stops no other.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use caseward_store::LineAnswer;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};

use super::Parameters;
use crate::app::App;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;

/// Bytes of answers that are on their way at once.
const PIECE: usize = 64 << 10;
/// Hours from passing the mandatory module to its being processed, where it is not said.
const DELAY: u32 = 48;
/// What the lines are written in. No form of a page of another site can send either.
const KINDS: [&str; 2] = ["text/csv", "application/x-ndjson"];

/// Takes a file of a feed: CSV with a header, or JSON lines of the same names.
#[utoipa::path(
    post, path = "/v1/feeds/{kind}", tag = "Cases",
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    params(("kind" = String, Path, description = "organisations, logins, staff, training, enrolment, terms, attendance, registers or content"),
        ("delay" = Option<u32>, Query, description = "Hours after it is passed until the mandatory module is processed: 24 to 48")),
    responses(
        (status = 200, description = "An answer for each line, in order", content_type = "application/x-ndjson"),
        (status = 400, description = "There is no such feed, or the file has another header", body = ErrorBody),
        (status = 413, description = "It is larger than is taken", body = ErrorBody),
        (status = 503, description = "It broke off: feed the file again, what was taken is taken once", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn feed(
    State(app): State<App>,
    caller: Caller,
    Path(kind): Path<String>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Right::Feed)?;
    let parameters = parameters.only(&["delay"])?;
    let delay = match parameters.get("delay")?.map(str::parse::<u32>) {
        None => DELAY,
        Some(Ok(hours)) if (24..=48).contains(&hours) => hours,
        Some(_) => return Err(Problem::malformed("`delay` is from 24 to 48 hours")),
    };
    app.need_store()?;
    let (parts, body) = request.into_parts();
    if !is_lines(&parts.headers) {
        return Err(Problem::malformed(format!(
            "say what the lines are: `Content-Type: {}`",
            KINDS.join("`, or `")
        )));
    }
    let place = app.feeding.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("other files are being taken: ask again later"))?;
    let text = collected(&app, body).await?;
    let answers = app.off(move |app| {
        let _place = place;
        let taken = app.need_store()?.feed(&kind, text, i64::from(delay) * 3_600_000);
        taken.map_err(|error| app.refused(error))
    });
    Ok(answered(answers.await?))
}

fn is_lines(headers: &HeaderMap) -> bool {
    let said = headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    KINDS.iter().any(|kind| essence.eq_ignore_ascii_case(kind))
}

/// Reads a file piece by piece: each in the time that a request has, and in all no more than is taken.
async fn collected(app: &App, mut body: Body) -> Result<Vec<u8>, Problem> {
    let limits = &app.settings.limits;
    let mut text = Vec::new();
    loop {
        let frame = match tokio::time::timeout(limits.time(), body.frame()).await {
            Err(_) => return Err(Problem::too_slow()),
            Ok(None) => return Ok(text),
            Ok(Some(Err(_))) => {
                return Err(Problem::malformed("the body broke off: nothing of it was taken"));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(piece) = frame.into_data() else { continue };
        if text.len() + piece.len() > limits.feed {
            return Err(Problem::too_large(limits.feed));
        }
        text.extend_from_slice(&piece);
    }
}

/// The answers, a line each, made as they are taken.
fn answered(answers: Vec<LineAnswer>) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(send(answers, sender));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

async fn send(answers: Vec<LineAnswer>, mut sender: Sender<Bytes, Infallible>) {
    let mut piece = Vec::new();
    let mut rest = answers.iter().peekable();
    while let Some(answer) = rest.next() {
        // A number, a word and a text are always written.
        let _ = serde_json::to_writer(&mut piece, answer);
        piece.push(b'\n');
        let is_due = piece.len() >= PIECE || rest.peek().is_none();
        if is_due && sender.send_data(std::mem::take(&mut piece).into()).await.is_err() {
            return;
        }
    }
}
