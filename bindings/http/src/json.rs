//! JSON as it is read from outside: each name once in an object, and no deeper than a bound. And what of it all answers write.

use std::fmt;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use caseward::EntityUid;
use serde::Serialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// Reads JSON of at most so many levels.
///
/// # Errors
/// What is wrong with it: a name that stands twice in one object too, since programs do not agree on which counts.
pub(crate) fn read(bytes: &[u8], depth: usize) -> Result<Json, String> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(depth).deserialize(&mut from).map_err(|error| error.to_string())?;
    from.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// An answer in JSON.
pub(crate) fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, br#"{"error":"it failed here"}"#.to_vec()),
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An entity, as answers name it.
pub(crate) fn entity(uid: &EntityUid) -> Json {
    serde_json::json!({"type": uid.type_name(), "id": uid.id()})
}

/// How many levels are left.
#[derive(Clone, Copy)]
struct Strict(usize);

impl Strict {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Strict).ok_or_else(|| E::custom("it is nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut all = Vec::new();
        while let Some(one) = from.next_element_seed(below)? {
            all.push(one);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut fields = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let value = from.next_value_seed(below)?;
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` stands twice in one object")));
            }
            fields.insert(name, value);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn names_stand_once_and_depth_has_a_bound() {
        assert!(read(br#"{"a": {"b": [1, -2, 1.5, "x", null, true]}}"#, 3).is_ok());
        assert!(read(br#"{"a": {"b": [1]}}"#, 2).is_err_and(|why| why.contains("deeply")));
        assert!(read(br#"{"a": 1, "b": {"c": 1, "c": 2}}"#, 9).is_err_and(|why| why.contains("`c`")));
        assert!(read(br#"{"a": 1, "\u0061": 2}"#, 9).is_err_and(|why| why.contains("twice")));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(deep.as_bytes(), 1_000_000).is_err());
        for bad in [&br#"{"a": "\ud800"}"#[..], b"{} {}", b"", b"{\"a\": \"\xff\"}", b"nul"] {
            assert!(read(bad, 9).is_err(), "{bad:?}");
        }
    }
}
