//! `cedar-policy`'s own authorizer, with the facts of each request ready.

use std::str::FromStr;

use caseward::testing::slice_json;
use caseward::{Request, Sources, Value, Ward};
use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Entities, Entity, EntityUid, Policy, PolicyId,
    PolicySet, ResourceConstraint, ResourceQueryRequest, RestrictedExpression, Schema,
};

use crate::Failure;
use crate::world::Data;

/// A request in Cedar's form, with the slice that it needs.
pub struct Ready {
    request: cedar_policy::Request,
    entities: Entities,
}

/// Makes a request ready.
///
/// # Errors
/// Never for a request that caseward takes.
pub fn ready(data: &Data, request: &Request) -> Result<Ready, Failure> {
    let uid = |uid: &caseward::EntityUid| -> Result<EntityUid, Failure> { Ok(uid.to_string().parse()?) };
    let context = Context::from_json_str(&serde_json::to_string(&request.context)?, None)?;
    let action = EntityUid::from_str(&format!("Action::\"{}\"", request.action))?;
    let (principal, resource) = (uid(&request.principal)?, uid(&request.resource)?);
    Ok(Ready {
        request: cedar_policy::Request::new(principal, action, resource, context, None)?,
        entities: Entities::from_json_str(&slice_json(&data.ward, &data.world, request)?, None)?,
    })
}

/// An authorizer with its policies.
pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
}

impl Cedar {
    /// Has all policies.
    ///
    /// # Errors
    /// Never for policies that caseward took.
    pub fn new(ward: &Ward) -> Result<Self, Failure> {
        Self::with(ward, |_| true)
    }

    /// Has only the policies that can apply to the action on records of the type.
    ///
    /// # Errors
    /// As [`Cedar::new`].
    pub fn applicable(ward: &Ward, action: &str, resource_type: &str) -> Result<Self, Failure> {
        let action = EntityUid::from_str(&format!("Action::\"{action}\""))?;
        Self::with(ward, |policy| {
            let is_asked = match policy.action_constraint() {
                ActionConstraint::Any => true,
                ActionConstraint::Eq(one) => one == action,
                ActionConstraint::In(all) => all.contains(&action),
            };
            let is_about = match policy.resource_constraint() {
                ResourceConstraint::Is(ty) => ty.to_string() == resource_type,
                _ => true,
            };
            is_asked && is_about
        })
    }

    fn with(ward: &Ward, is_wanted: impl Fn(&Policy) -> bool) -> Result<Self, Failure> {
        let mut policies = PolicySet::new();
        for policy in ward.policies() {
            let text = ward.source(&policy.id).map_or("", |source| &source.text);
            let policy = Policy::parse(Some(PolicyId::new(policy.id.as_ref())), text)?;
            if is_wanted(&policy) {
                policies.add(policy)?;
            }
        }
        Ok(Cedar { authorizer: Authorizer::new(), policies })
    }

    /// How many policies it has.
    pub fn len(&self) -> usize {
        self.policies.policies().count()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides a request.
    pub fn allows(&self, ready: &Ready) -> bool {
        let answer = self.authorizer.is_authorized(&ready.request, &self.policies, &ready.entities);
        answer.decision() == Decision::Allow
    }
}

/// All data in Cedar's own store of entities.
pub struct Stored {
    entities: Entities,
    schema: Schema,
}

impl Stored {
    /// # Errors
    /// Never for data that caseward took.
    pub fn new(data: &Data) -> Result<Self, Failure> {
        let schema = Schema::from_str(&Sources::attendance().schema.text)?;
        let mut json = Vec::new();
        data.world.write_json(&mut json)?;
        Ok(Stored { entities: Entities::from_json_file(json.as_slice(), Some(&schema))?, schema })
    }

    /// How many entities it has.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The student of a case, and the case, as they are once the student attends `school`.
    ///
    /// # Errors
    /// Never for a case of the data.
    pub fn moved(
        &self,
        data: &Data,
        case: &caseward::EntityUid,
        school: &caseward::EntityUid,
    ) -> Result<Vec<Entity>, Failure> {
        let Some(Value::Entity(student)) = data.world.attribute(case, "student")? else {
            return Err("a case without a student".into());
        };
        let with = |uid: &caseward::EntityUid, attr: &str| -> Result<Entity, Failure> {
            let old = self.entities.get(&uid.to_string().parse()?).ok_or("not stored")?.clone();
            let (uid, mut attrs, parents) = old.into_inner();
            attrs.insert(attr.to_owned(), RestrictedExpression::new_entity_uid(school.to_string().parse()?));
            Ok(Entity::new(uid, attrs, parents)?)
        };
        Ok(vec![with(&student, "enrolledAt")?, with(case, "school")?])
    }

    /// The store with other entities in the places of some.
    ///
    /// # Errors
    /// Entities that the schema does not allow.
    pub fn upserted(self, entities: Vec<Entity>) -> Result<Self, Failure> {
        let Stored { entities: all, schema } = self;
        let all = all.upsert_entities(entities, Some(&schema))?;
        Ok(Stored { entities: all, schema })
    }

    /// How many resources, of the type of that of `request`, its principal may do its action to.
    ///
    /// # Errors
    /// Never for a request that caseward takes.
    pub fn query(&self, cedar: &Cedar, request: &Request) -> Result<usize, Failure> {
        let context = Context::from_json_str(&serde_json::to_string(&request.context)?, None)?;
        let principal = request.principal.to_string().parse()?;
        let action = EntityUid::from_str(&format!("Action::\"{}\"", request.action))?;
        let resource = request.resource.type_name().parse()?;
        let query = ResourceQueryRequest::new(principal, action, resource, context, &self.schema)?;
        Ok(cedar.policies.query_resource(&query, &self.entities, &self.schema)?.count())
    }
}
