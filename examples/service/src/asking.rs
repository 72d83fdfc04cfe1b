//! Who asks, and what they may: a layer in front of every handler, and what it hands to them.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use caseward::sql::Filter;
use caseward::{ActionName, EntityUid, Query, TypeName};
use rusqlite::OptionalExtension as _;

use crate::app::{App, Failure};

/// A person who was let in, with the policies to ask about them. A handler that takes it is reached by nobody else.
#[derive(Clone)]
pub(crate) struct Asking {
    app: App,
    person: EntityUid,
}

/// Finds out who asks. Put the sessions or tokens of your own here; nothing behind it looks at a credential again.
pub(crate) async fn who(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let credential = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = credential.and_then(|text| text.strip_prefix("Bearer ")).map(str::to_owned);
    let found = match token {
        None => Ok(None),
        Some(token) => {
            let sql = "SELECT user FROM session WHERE token = ?1";
            let find = app.reading(move |db| {
                Ok(db.query_row(sql, [token], |row| row.get::<_, String>(0)).optional()?)
            });
            find.await
        }
    };
    match found {
        Ok(Some(id)) => {
            request.extensions_mut().insert(Asking { app, person: EntityUid::new("User", id) });
            next.run(request).await
        }
        Ok(None) => Failure(StatusCode::UNAUTHORIZED, "say who asks".to_owned()).into_response(),
        Err(failure) => failure.into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let let_in = parts.extensions.get::<Asking>().cloned();
        let_in.ok_or_else(|| Failure(StatusCode::UNAUTHORIZED, "say who asks".to_owned()))
    }
}

impl Asking {
    pub(crate) fn id(&self) -> &str {
        self.person.id()
    }

    /// Whether the person may do this to that record. An absent one is denied.
    pub(crate) fn may(&self, action: &str, record: &EntityUid) -> Result<bool, Failure> {
        let request = caseward::Request::new(self.person.clone(), ActionName::new(action), record.clone());
        Ok(self.app.ward().check(self.app.world(), &request)?.is_allowed())
    }

    /// The condition on rows of a type to which the person may do this, for the `WHERE` of a query.
    pub(crate) fn filter(&self, action: &str, ty: &str) -> Result<Filter, Failure> {
        let query = Query::new(self.person.clone(), ActionName::new(action), TypeName::new(ty));
        Ok(self.app.ward().filter(self.app.world(), &query, self.app.tables())?)
    }
}
