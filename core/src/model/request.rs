//! What is asked: of one record, of a type of records, of whoever may, or of whatever may be done.

use crate::model::{ActionName, Context, EntityUid, TypeName, Value};

/// May `principal` do `action` to `resource`?
///
/// # Example
/// ```
/// use caseward::{ActionName, Context, EntityUid, Request};
///
/// let aroha = EntityUid::new("User", "aroha");
/// let request = Request::new(aroha, ActionName::new("uploadFile"), EntityUid::new("Case", "c1"))
///     .in_context(Context::at(1_772_190_000_000).with("sizeBytes", 4_096));
/// assert_eq!(request.context.fields().len(), 1);
/// ```
///
/// Serialised it is what [`Ward::read_request`](crate::Ward::read_request) reads.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Who asks.
    pub principal: EntityUid,
    /// What is to be done.
    pub action: ActionName,
    /// The record.
    pub resource: EntityUid,
    /// The circumstances, as the action's schema asks for them.
    pub context: Context,
}

/// Which records of a type may `principal` do `action` to?
///
/// # Example
/// ```
/// use caseward::{ActionName, Context, EntityUid, Query, TypeName};
///
/// let aroha = EntityUid::new("User", "aroha");
/// let query = Query::new(aroha, ActionName::new("viewSummary"), TypeName::new("Case"))
///     .in_context(Context::at(1_772_190_000_000));
/// assert_eq!(query.resource_type, "Case");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// Who asks.
    pub principal: EntityUid,
    /// What is to be done.
    pub action: ActionName,
    /// The type of the records.
    pub resource_type: TypeName,
    /// The circumstances, as the action's schema asks for them.
    pub context: Context,
}

/// Who of a type may do `action` to `resource`?
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrincipalQuery {
    /// The type of those who are looked for.
    pub principal_type: TypeName,
    /// What is to be done.
    pub action: ActionName,
    /// The record.
    pub resource: EntityUid,
    /// The circumstances, as the action's schema asks for them.
    pub context: Context,
}

/// What may `principal` do to `resource`, and see of it?
///
/// The context serves every action that applies to the two types: each takes the fields that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionQuery {
    /// Who asks.
    pub principal: EntityUid,
    /// The record.
    pub resource: EntityUid,
    /// Fields for any of the actions.
    pub context: Context,
}

/// Who of a type is to be told of what happens to `resource`?
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertQuery {
    /// The type of those who are looked for.
    pub principal_type: TypeName,
    /// The record.
    pub resource: EntityUid,
    /// What was added to the record, where that is what happened.
    pub entry: Option<EntityUid>,
    /// Fields for any of the actions.
    pub context: Context,
}

/// A request environment: what one program of the policies decides.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestEnvironment {
    /// The type of the principals.
    pub principal_type: TypeName,
    /// The action.
    pub action: ActionName,
    /// The type of the records.
    pub resource_type: TypeName,
}

macro_rules! in_context {
    ($($name:ident),*) => {
        $(impl $name {
            /// The same question in another context.
            #[must_use]
            pub fn in_context(mut self, context: impl Into<Context>) -> Self {
                self.context = context.into();
                self
            }

            /// The same question at an instant, in milliseconds since 1970-01-01T00:00:00Z.
            #[must_use]
            pub fn at(mut self, now: i64) -> Self {
                self.context = self.context.and_at(now);
                self
            }

            /// The same question with one more field in its context.
            #[must_use]
            pub fn with(mut self, name: impl Into<std::sync::Arc<str>>, value: impl Into<Value>) -> Self {
                self.context = self.context.with(name, value);
                self
            }
        })*
    };
}

in_context!(Request, Query, PrincipalQuery, ActionQuery, AlertQuery);

impl Request {
    /// A request with an empty context.
    pub const fn new(principal: EntityUid, action: ActionName, resource: EntityUid) -> Self {
        Request { principal, action, resource, context: Context::new() }
    }
}

impl Query {
    /// A query with an empty context.
    pub const fn new(principal: EntityUid, action: ActionName, resource_type: TypeName) -> Self {
        Query { principal, action, resource_type, context: Context::new() }
    }

    /// The same question of one record.
    pub fn of(&self, resource: EntityUid) -> Request {
        Request {
            principal: self.principal.clone(),
            action: self.action.clone(),
            resource,
            context: self.context.clone(),
        }
    }
}

impl PrincipalQuery {
    /// A query with an empty context.
    pub const fn new(principal_type: TypeName, action: ActionName, resource: EntityUid) -> Self {
        PrincipalQuery { principal_type, action, resource, context: Context::new() }
    }
}

impl ActionQuery {
    /// A query with an empty context.
    pub const fn new(principal: EntityUid, resource: EntityUid) -> Self {
        ActionQuery { principal, resource, context: Context::new() }
    }
}

impl AlertQuery {
    /// A query about the record itself, with an empty context.
    pub const fn new(principal_type: TypeName, resource: EntityUid) -> Self {
        AlertQuery { principal_type, resource, entry: None, context: Context::new() }
    }

    /// The same question about something that was added to the record.
    #[must_use]
    pub fn about(mut self, entry: EntityUid) -> Self {
        self.entry = Some(entry);
        self
    }
}

impl RequestEnvironment {
    /// The environment of an action, with principals and records of these types.
    pub const fn new(principal_type: TypeName, action: ActionName, resource_type: TypeName) -> Self {
        RequestEnvironment { principal_type, action, resource_type }
    }
}

carried!(struct Request { principal, action, resource, context });
