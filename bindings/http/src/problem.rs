//! What is answered where there is no answer: a status, and a sentence that says what to do.

use std::time::Duration;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json;

/// The one sentence about a record that is not there, and about one that may not be seen.
pub(crate) const UNSEEN: &str = "it is not there, or not to be seen";

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What is wrong, and what to do.
    pub(crate) error: String,
}

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Problem { status, message: message.into(), retry_after: None }
    }

    /// The request makes no sense.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// It is not known who asks.
    pub(crate) fn unknown_caller(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Whoever asks may not ask this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// There is no such record, or it is not to be seen.
    pub(crate) fn unseen() -> Self {
        Self::new(StatusCode::NOT_FOUND, UNSEEN)
    }

    /// There is no such route, or none with this method.
    pub(crate) fn no_route(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, message)
    }

    /// More bytes than are taken.
    pub(crate) fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {most} bytes are not taken"))
    }

    /// More was asked than is answered in this time.
    pub(crate) fn too_often(retry_after: Duration) -> Self {
        let why = "more requests than this key may make: ask again later";
        Problem { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS, why) }
    }

    /// The request did not come in time.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the request did not come in time")
    }

    /// There is too much to do.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        let retry_after = Some(Duration::from_secs(1));
        Problem { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// Something failed here: what it was is not told to whoever asks.
    pub(crate) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "it failed here: the service's log says why")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json::respond(self.status, &ErrorBody { error: self.message });
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"caseward\""));
        }
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}
