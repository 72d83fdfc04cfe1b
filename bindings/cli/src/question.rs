//! What is asked: principal, action, resource and context, from flags.

use caseward::{ActionName, Context, EntityUid, Query, Request, TypeName, Ward};

use serde_json::{Map, Value as Json};

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

/// One question about all records of a type.
#[derive(clap::Args)]
pub(crate) struct QueryArgs {
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// What they want to do, such as viewSummary.
    #[arg(long, value_name = "NAME")]
    action: String,
    /// The type of the records, such as Case.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) resource_type: String,
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

impl QueryArgs {
    /// The circumstances as they were given.
    pub(crate) fn context(&self) -> &str {
        &self.context.context
    }

    /// The question, at `now`.
    pub(crate) fn query(&self, ward: &Ward, now: i64) -> Result<Query, Failure> {
        self.context.query(ward, (&self.principal, &self.action, &self.resource_type), now)
    }

    /// What was asked, for the audit.
    pub(crate) fn asked(&self) -> Map<String, Json> {
        let asked =
            [("action", &self.action), ("type", &self.resource_type), ("context", &self.context.context)];
        asked.into_iter().map(|(name, text)| (name.to_owned(), Json::from(text.as_str()))).collect()
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
