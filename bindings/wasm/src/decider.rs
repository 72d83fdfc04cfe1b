//! Decisions by number: the road that `check` takes where it is asked often.

use std::cell::RefCell;

use caseward::{ActionName, Decider as CoreDecider, Prepared, RequestEnvironment, TypeName};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::refusal::Refusal;
use crate::ward::Ward;
use crate::world::World;

/// Decides for one principal type, action and resource type, in the context that it was last given.
#[wasm_bindgen]
pub struct Decider {
    decider: CoreDecider,
    ward: caseward::Ward,
    world: caseward::World,
    action: ActionName,
    context: RefCell<Option<Prepared>>,
}

#[wasm_bindgen]
impl Decider {
    #[wasm_bindgen(constructor)]
    pub fn new(
        ward: &Ward,
        world: &World,
        principal_type: &str,
        action: &str,
        resource_type: &str,
    ) -> Result<Decider, Refusal> {
        let action = ActionName::new(action);
        let (principals, resources) = (TypeName::new(principal_type), TypeName::new(resource_type));
        let environment = RequestEnvironment::new(principals, action.clone(), resources);
        Ok(Decider {
            decider: ward.0.decider(&world.world, &environment)?,
            ward: ward.0.clone(),
            world: world.world.clone(),
            action,
            context: RefCell::default(),
        })
    }

    /// Whether the action's context has a `now` that is an instant.
    pub fn takes_now(&self) -> bool {
        self.ward.schema().action(&self.action).is_some_and(caseward::Action::takes_now)
    }

    /// Gives the context, in Cedar's JSON; `now` is its time. What comes back is the instant that is decided with, where
    /// the action takes one.
    pub fn set_context(&self, context: &str, now: f64) -> Result<Option<f64>, Refusal> {
        let context = self.ward.read_context(&self.action, context)?.and_at(now as i64);
        let used = context.now().filter(|_| self.takes_now()).map(|now| now as f64);
        let prepared = self.decider.prepare(&context)?;
        self.context.replace(Some(prepared));
        Ok(used)
    }

    /// The version of the data, doubled, and one more for an allow; negative before a context was given.
    pub fn decide(&self, principal: u32, resource: u32) -> Result<f64, Refusal> {
        let context = self.context.borrow();
        let Some(context) = context.as_ref() else { return Ok(-1.0) };
        let allowed = self.decider.allows_numbered(principal, resource, context)?;
        Ok((self.world.version() * 2 + u64::from(allowed)) as f64)
    }

    /// A column of pairs, 1 for an allow; a column of one number stands for as many as the other has.
    pub fn decide_many(&self, principals: &[u32], resources: &[u32]) -> Result<Vec<u8>, Refusal> {
        let context = self.context.borrow();
        let context = context.as_ref().ok_or_else(|| Refusal::call("no context"))?;
        let decisions = self.decider.decide_numbered(principals, resources, context)?;
        Ok(decisions.allowed.into_iter().map(u8::from).collect())
    }
}
