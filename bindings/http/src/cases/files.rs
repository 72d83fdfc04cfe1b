//! Files of items, up and down. Down they are streamed, and a part of one can be asked for.

use std::io::{self, Read as _};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use caseward::EntityUid;
use caseward_store::Download;
use http_body_util::channel::Channel;
use serde_json::json;

use super::commands::{done_with_file, status};
use super::{Parameters, Path};
use crate::app::App;
use crate::problem::{ErrorBody, Problem};
use crate::who::Caller;
use crate::who::keys::Right;
use crate::{body, json};

/// Bytes that are on their way at once.
const PIECE: usize = 64 << 10;

/// Gives the file of an item to a person who may view the item.
#[utoipa::path(
    get, path = "/v1/records/{type}/{id}/file", tag = "Cases",
    params(("type" = String, Path, description = "The type of the item"), ("id" = String, Path, description = "Its id"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for", content_type = "application/octet-stream"),
        (status = 404, description = "It is not there, or not to be seen", body = ErrorBody),
        (status = 416, description = "It has no such part", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn download(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Read)?;
    let purpose = parameters.only(&["purpose"])?.purpose()?;
    let item = EntityUid::new(ty, id);
    let found = app.off(move |app| match app.need_store()?.download(&item, &person, purpose) {
        Ok(found) => Ok(found),
        // It is the same whether they may not, there is none, or it has no file.
        Err(caseward_store::Error::Request(_)) => Err(Problem::unseen()),
        Err(error) => Err(app.failed(&error)),
    });
    let found = found.await?;
    let tag = format!("\"{}\"", found.sha256);
    let said = |name| headers.get(name).and_then(|said: &HeaderValue| said.to_str().ok());
    if said(IF_NONE_MATCH).is_some_and(|tags| is_among(&tag, tags)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(ETAG, HeaderValue::from_str(&tag).map_err(|_| Problem::failed())?);
        return Ok(response);
    }
    // A part of what is another file by now is of no use.
    let part = match said(RANGE).filter(|_| said(IF_RANGE).is_none_or(|of| of == tag)) {
        Some(range) => part(range, found.size),
        None => Part::Whole,
    };
    streamed(found, part)
}

/// Whether an entity tag is among those of `If-None-Match`, of which a weak one does as well.
fn is_among(tag: &str, tags: &str) -> bool {
    let mut tags = tags.split(',').map(|one| one.trim().trim_start_matches("W/"));
    tags.any(|one| one == tag || one == "*")
}

/// Which part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Of { start: u64, end: u64 },
    None,
}

/// The part that a `Range` names; several, and what is no range, are the whole.
fn part(range: &str, size: u64) -> Part {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let end = size.saturating_sub(1);
    let (start, end) = match (first.is_empty(), number(first), last.is_empty(), number(last)) {
        (false, Some(start), true, _) => (start, end),
        (false, Some(start), false, Some(last)) if start <= last => (start, last.min(end)),
        (true, _, false, Some(0)) => return Part::None,
        (true, _, false, Some(count)) => (size.saturating_sub(count), end),
        _ => return Part::Whole,
    };
    if start < size { Part::Of { start, end } } else { Part::None }
}

fn streamed(found: Download, part: Part) -> Result<Response, Problem> {
    let Download { name, file_type, size, sha256, mut bytes, .. } = found;
    let (status, start, length) = match part {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Of { start, end } => (StatusCode::PARTIAL_CONTENT, start, end - start + 1),
        Part::None => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let mut response = if status == StatusCode::RANGE_NOT_SATISFIABLE {
        json::respond(status, &ErrorBody { error: format!("the file has {size} bytes, and no such part") })
    } else {
        let (mut sender, body) = Channel::<Bytes, io::Error>::new(2);
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let send = || -> io::Result<()> {
                io::copy(&mut (&mut bytes).take(start), &mut io::sink())?;
                let mut bytes = bytes.take(length);
                loop {
                    let mut piece = Vec::with_capacity(PIECE);
                    (&mut bytes).take(PIECE as u64).read_to_end(&mut piece)?;
                    if piece.is_empty() {
                        return Ok(());
                    }
                    let sent = runtime.block_on(sender.send_data(piece.into()));
                    sent.map_err(|_| io::Error::other("nobody takes it any more"))?;
                }
            };
            if let Err(error) = send() {
                sender.abort(error);
            }
        });
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    };
    let headers = response.headers_mut();
    let value = |text: String| HeaderValue::from_str(&text).map_err(|_| Problem::failed());
    match status {
        StatusCode::PARTIAL_CONTENT => {
            headers.insert(CONTENT_RANGE, value(format!("bytes {start}-{}/{size}", start + length - 1))?);
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            headers.insert(CONTENT_RANGE, value(format!("bytes */{size}"))?);
            return Ok(response);
        }
        _ => {}
    }
    // What it is was said by whoever added it: it is saved, never shown as a page of this service.
    let said =
        HeaderValue::from_str(&file_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, said);
    headers.insert(CONTENT_DISPOSITION, value(format!("attachment; filename*=UTF-8''{}", encoded(&name)))?);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(ETAG, value(format!("\"{sha256}\""))?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// A name as RFC 8187 writes it.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Adds a file to a record: the body is its bytes, `Content-Type` its type.
#[utoipa::path(
    post, path = "/v1/records/{type}/{id}/file", tag = "Cases",
    request_body(content_type = "application/octet-stream", description = "The bytes of the file"),
    params(("type" = String, Path, description = "The type of the record"), ("id" = String, Path, description = "Its id"),
        ("name" = String, Query, description = "The name of the file"),
        ("key" = Option<String>, Query, description = "The same key again does nothing twice"),
        ("purpose" = Option<String>, Query, description = "What it is for; it is audited")),
    responses(
        (status = 200, description = "It is added", body = Object),
        (status = 400, description = "It makes no sense", body = Object),
        (status = 409, description = "The state does not admit it", body = Object),
        (status = 403, description = "It is denied, or what it names is not there", body = Object),
        (status = 413, description = "It is larger than is taken", body = ErrorBody),
    ),
    security(("bearer" = []))
)]
pub(crate) async fn upload(
    State(app): State<App>,
    caller: Caller,
    Path((ty, id)): Path<(String, String)>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let person = caller.person(&app, Right::Command)?;
    let parameters = parameters.only(&["name", "key", "purpose"])?;
    let (name, key, purpose) = (parameters.need("name")?, parameters.get("key")?, parameters.get("purpose")?);
    let (parts, bytes) = request.into_parts();
    let file_type = parts.headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok());
    let file_type = file_type.ok_or_else(|| Problem::malformed("say what the file is: `Content-Type: …`"))?;
    let mut command = json!({
        "command": "uploadFile", "on": EntityUid::new(ty, id).to_string(),
        "data": {"fileName": name, "fileType": file_type},
    });
    if let Some(fields) = command.as_object_mut() {
        for (name, said) in [("key", key), ("purpose", purpose)] {
            fields.extend(said.map(|said| (name.to_owned(), said.into())));
        }
    }
    let _turn = app.handing.take(&person)?;
    let place = tokio::time::timeout(app.settings.limits.time(), app.uploads.clone().acquire_owned()).await;
    let _place = place
        .map_err(|_| Problem::busy("more files are handed up than are taken at once: try again later"))?;
    let bytes = body::read(&app, &parts.headers, bytes, app.settings.limits.file).await?;
    let answer = app.off(move |app| done_with_file(app, &person, command, bytes)).await?;
    Ok(json::respond(status(&answer), &answer))
}

#[cfg(test)]
mod tests {
    use super::{Part, encoded, part};

    #[test]
    fn ranges_name_a_part_or_none() {
        let of = |start, end| Part::Of { start, end };
        for (range, expected) in [
            ("bytes=0-0", of(0, 0)),
            ("bytes=2-", of(2, 9)),
            ("bytes=-3", of(7, 9)),
            ("bytes=-30", of(0, 9)),
            ("bytes=5-99", of(5, 9)),
            ("bytes=9-9", of(9, 9)),
            ("bytes=10-", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=99999999999999999999999-", Part::None),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::None);
        assert_eq!(encoded("a b\"\r\n.pdf"), "a%20b%22%0D%0A.pdf");
    }
}
