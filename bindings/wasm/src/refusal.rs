//! Errors on their way to JavaScript.

use caseward::{Error, ErrorKind, Problem};
use serde::Serialize;
use wasm_bindgen::JsValue;

/// An error as the JSON text that `js/errors.js` makes a `CasewardError` of.
pub struct Refusal(String);

#[derive(Serialize)]
struct Parts<'a> {
    kind: &'a str,
    message: String,
    problems: &'a [Problem],
}

/// The kind of an error, as `types/errors.d.ts` lists it.
fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Policies => "policies",
        ErrorKind::Data => "data",
        ErrorKind::Mapping => "mapping",
        ErrorKind::Untranslatable => "untranslatable",
        ErrorKind::Request => "request",
        ErrorKind::Schema => "schema",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Snapshot => "snapshot",
        ErrorKind::Bundle => "bundle",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::Read => "read",
    }
}

impl Refusal {
    /// A refusal of what `js/` alone can have sent wrong.
    pub(crate) fn call(message: impl std::fmt::Display) -> Self {
        Refusal(text(&Parts { kind: "request", message: message.to_string(), problems: &[] }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal(text(&Parts { kind: kind(&error), message: error.to_string(), problems: error.problems() }))
    }
}

impl From<Refusal> for JsValue {
    fn from(refusal: Refusal) -> Self {
        JsValue::from_str(&refusal.0)
    }
}

fn text(parts: &Parts<'_>) -> String {
    // Texts and numbers alone: they can always be written.
    serde_json::to_string(parts).unwrap_or_default()
}

/// An answer as JSON.
pub(crate) fn json(answer: &(impl Serialize + ?Sized)) -> Result<String, Refusal> {
    serde_json::to_string(answer).map_err(Refusal::call)
}
