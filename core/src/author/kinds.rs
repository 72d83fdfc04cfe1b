//! The kinds of request that a schema allows, and the policies that can apply to each.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::EntityUid;
use crate::ward::Ward;

/// A kind of request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    /// The type of who asks.
    pub principal_type: Arc<str>,
    /// The action: its id, or its whole name where several have one id.
    pub action: Arc<str>,
    /// The action itself: in another version of the schema, another may have that id.
    pub action_uid: EntityUid,
    /// The type of the record.
    pub resource_type: Arc<str>,
}

impl Ward {
    /// Every kind of request that the schema allows.
    pub fn request_kinds(&self) -> Vec<RequestKind> {
        let name = |ty| self.schema().entity_type(ty).map(|ty| ty.name.clone());
        let mut kinds = Vec::new();
        for action in self.schema().actions() {
            let pairs = action.principals.iter().flat_map(|p| action.resources.iter().map(move |r| (*p, *r)));
            kinds.extend(pairs.filter_map(|(principal, resource)| {
                Some(RequestKind {
                    principal_type: name(principal)?,
                    action: self.schema().action_name(action),
                    action_uid: action.uid.clone(),
                    resource_type: name(resource)?,
                })
            }));
        }
        kinds
    }

    /// The ids of the policies that can apply to a kind of request; none where the schema does not allow it.
    pub fn applying(&self, kind: &RequestKind) -> BTreeSet<Arc<str>> {
        let schema = self.schema();
        let types = (schema.type_id(&kind.principal_type), schema.type_id(&kind.resource_type));
        let action = schema.actions().iter().find(|action| action.uid == kind.action_uid);
        let ((Some(principal), Some(resource)), Some(action)) = (types, action) else {
            return BTreeSet::new();
        };
        if !action.principals.contains(&principal) || !action.resources.contains(&resource) {
            return BTreeSet::new();
        }
        self.engine.loaded.needs().of(principal, &action.uid, resource).policies.iter().cloned().collect()
    }
}
