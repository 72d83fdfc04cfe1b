//! What may this person do to that record?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answer::Answer;
use crate::error::Error;
use crate::request::Request;
use crate::uid::EntityUid;
use crate::value::Value;
use crate::ward::Ward;
use crate::world::World;

/// What is known about one action on one record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ActionAnswer {
    /// The action's id, or its whole name where the id alone is ambiguous.
    pub action: Arc<str>,
    /// The answer, where the context held all that the action asks for.
    pub answer: Option<Answer>,
    /// Fields that the action's context asks for and that were not given.
    pub needs: Vec<Arc<str>>,
}

impl Ward {
    /// Every action that applies to the two types, each with its answer or with what its context still needs.
    ///
    /// `context` holds fields for any of the actions, by name; each action takes those that it knows.
    ///
    /// # Errors
    /// [`Error::is_request`] for a field of another type than an action asks for; [`Error::is_schema`].
    pub fn actions(
        &self,
        world: &World,
        principal: &EntityUid,
        resource: &EntityUid,
        context: &BTreeMap<Arc<str>, Value>,
    ) -> Result<Vec<ActionAnswer>, Error> {
        self.belongs_to(world)?;
        let _still = world.still();
        let mut all = Vec::new();
        for action in self.actions_for(principal, resource) {
            let name: Arc<str> = match self.schema().action(action.uid.id()) {
                Some(_) => action.uid.id().into(),
                None => action.uid.to_string().into(),
            };
            let needs =
                action.context.iter().filter(|(field, ty)| ty.required && !context.contains_key(*field));
            let needs: Vec<Arc<str>> = needs.map(|(field, _)| field.clone()).collect();
            let answer = if needs.is_empty() {
                let mut request = Request::new(principal.clone(), name.clone(), resource.clone());
                let known = context.iter().filter(|(field, _)| action.context.contains_key(*field));
                request.context = known.map(|(field, value)| (field.clone(), value.clone())).collect();
                Some(self.check(world, &request)?)
            } else {
                None
            };
            all.push(ActionAnswer { action: name, answer, needs });
        }
        Ok(all)
    }
}
