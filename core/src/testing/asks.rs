//! Questions from plain text, for tests and benches: there a swapped name is found out at once.

use crate::model::{
    ActionName, ActionQuery, AlertQuery, Context, EntityUid, PrincipalQuery, Query, Request,
    RequestEnvironment, TypeName,
};

/// May `principal` do `action` to `resource`?
pub fn request(
    principal: &EntityUid,
    action: &str,
    resource: &EntityUid,
    context: &(impl Clone + Into<Context>),
) -> Request {
    Request::new(principal.clone(), ActionName::new(action), resource.clone()).in_context(context.clone())
}

/// Which records of a type may `principal` do `action` to?
pub fn query(
    principal: &EntityUid,
    action: &str,
    resource_type: &str,
    context: &(impl Clone + Into<Context>),
) -> Query {
    Query::new(principal.clone(), ActionName::new(action), TypeName::new(resource_type))
        .in_context(context.clone())
}

/// Who of a type may do `action` to `resource`?
pub fn who_may(
    action: &str,
    resource: &EntityUid,
    principal_type: &str,
    context: &(impl Clone + Into<Context>),
) -> PrincipalQuery {
    PrincipalQuery::new(TypeName::new(principal_type), ActionName::new(action), resource.clone())
        .in_context(context.clone())
}

/// What may `principal` do to `resource`?
pub fn about(
    principal: &EntityUid,
    resource: &EntityUid,
    context: &(impl Clone + Into<Context>),
) -> ActionQuery {
    ActionQuery::new(principal.clone(), resource.clone()).in_context(context.clone())
}

/// Who of a type is to be told of what happens to `resource`, or of an entry of it?
pub fn alerted(
    resource: &EntityUid,
    entry: Option<&EntityUid>,
    principal_type: &str,
    context: &(impl Clone + Into<Context>),
) -> AlertQuery {
    let query = AlertQuery::new(TypeName::new(principal_type), resource.clone());
    let query = entry.cloned().map_or(query.clone(), |entry| query.about(entry));
    query.in_context(context.clone())
}

/// The environment of an action, with principals and records of these types.
pub fn environment(principal_type: &str, action: &str, resource_type: &str) -> RequestEnvironment {
    RequestEnvironment::new(
        TypeName::new(principal_type),
        ActionName::new(action),
        TypeName::new(resource_type),
    )
}
