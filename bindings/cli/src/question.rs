//! What is asked: principal, action, resource and context, from flags.

use caseward::{ActionName, Context, EntityUid, Query, Request, TypeName, Ward};

use crate::failure::Failure;

/// One question.
#[derive(clap::Args)]
pub(crate) struct QuestionArgs {
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    pub(crate) principal: String,
    /// What they want to do, such as viewSummary.
    #[arg(long, value_name = "NAME")]
    pub(crate) action: String,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID")]
    pub(crate) resource: String,
    #[command(flatten)]
    context: ContextArgs,
}

/// The circumstances of a question.
#[derive(clap::Args)]
pub(crate) struct ContextArgs {
    /// The circumstances in Cedar's JSON, such as '{"sizeBytes": 4096}'.
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    pub(crate) context: String,
}

/// One question, as text.
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a str,
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// Cedar's JSON.
    pub(crate) context: &'a str,
}

impl QuestionArgs {
    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            principal: &self.principal,
            action: &self.action,
            resource: &self.resource,
            context: &self.context.context,
        }
    }
}

impl Question<'_> {
    /// The request that the texts make, at `now`.
    pub(crate) fn request(&self, ward: &Ward, now: i64) -> Result<Request, Failure> {
        let action = ActionName::new(self.action);
        ward.schema().known_action(&action)?;
        let (principal, resource) = (uid("--principal", self.principal)?, uid("--resource", self.resource)?);
        let context = ward.read_context(&action, self.context)?;
        Ok(Request::new(principal, action, resource).in_context(context).at(now))
    }
}

impl ContextArgs {
    /// The circumstances in which an action is asked for, at `now`.
    pub(crate) fn at(&self, ward: &Ward, action: &ActionName, now: i64) -> Result<Context, Failure> {
        Ok(ward.read_context(action, &self.context)?.and_at(now))
    }

    /// The circumstances in which every action of two entities' types is asked for, at `now`.
    pub(crate) fn for_both(
        &self,
        ward: &Ward,
        (principal, resource): (&EntityUid, &EntityUid),
        now: i64,
    ) -> Result<Context, Failure> {
        Ok(ward.read_context_for(principal, resource, &self.context)?.and_at(now))
    }

    /// The question for records of a type, at `now`.
    pub(crate) fn query(
        &self,
        ward: &Ward,
        (principal, action, resource_type): (&str, &str, &str),
        now: i64,
    ) -> Result<Query, Failure> {
        let principal = uid("--principal", principal)?;
        let (action, resource_type) = (ActionName::new(action), TypeName::new(resource_type));
        ward.schema().known_action(&action)?;
        ward.schema().known_type(&resource_type)?;
        let context = self.at(ward, &action, now)?;
        Ok(Query::new(principal, action, resource_type).in_context(context))
    }
}

/// Reads an entity's name that `flag` gave.
pub(crate) fn uid(flag: &str, text: &str) -> Result<EntityUid, Failure> {
    text.parse().map_err(|error| Failure::other(format!("{flag}: {error}")))
}
