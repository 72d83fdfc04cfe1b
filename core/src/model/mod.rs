//! The terms that everything else speaks in: entities and values, the schema, requests and answers, time, errors.
//!
//! INVARIANT: nothing in here knows of policies, of data or of Cedar.

pub(crate) mod answer;
#[cfg(feature = "carry")]
pub mod carried;
pub(crate) mod context;
pub(crate) mod error;
pub mod interrupt;
pub(crate) mod json;
pub(crate) mod name;
pub mod object;
pub(crate) mod provenance;
#[cfg(any(feature = "attendance", feature = "author"))]
pub(crate) mod random;
pub(crate) mod release;
pub(crate) mod request;
pub(crate) mod schema;
pub(crate) mod sealed;
pub(crate) mod source;
pub(crate) mod span;
pub(crate) mod suggest;
pub(crate) mod timestamp;
pub(crate) mod transform;
pub(crate) mod uid;
pub(crate) mod value;
pub mod words;
pub(crate) mod zone;

pub use answer::{Answer, Decision, Fault};
pub use context::Context;
pub use error::{Error, ErrorKind, Problem, Severity};
pub use name::{ActionName, TypeName};
pub use provenance::Provenance;
pub use release::ReleaseKey;
pub use request::{ActionQuery, AlertQuery, PrincipalQuery, Query, Request, RequestEnvironment};
pub use schema::{Action, AttrId, Attribute, EntityType, Schema, Type, TypeId};
pub use source::{Effect, Source};
pub use span::Span;
pub use timestamp::instant;
pub use transform::Transform;
pub use uid::EntityUid;
pub use value::{Ip, Value};
pub use zone::{Period, Unit, Zone};
