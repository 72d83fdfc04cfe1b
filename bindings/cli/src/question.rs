//! What is asked: principal, action, resource and context, from flags.

use caseward::{EntityUid, Request, Ward};

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
    /// The request that the texts make; `now` fills the context's `now`.
    pub(crate) fn request(&self, ward: &Ward, now: i64) -> Result<Request, Failure> {
        ward.schema().known_action(self.action)?;
        let (principal, resource) = (uid("--principal", self.principal)?, uid("--resource", self.resource)?);
        let mut request = Request::new(principal, self.action, resource);
        request.context = ward.read_context(self.action, self.context, now)?;
        Ok(request)
    }
}

/// Reads an entity's name that `flag` gave.
pub(crate) fn uid(flag: &str, text: &str) -> Result<EntityUid, Failure> {
    text.parse().map_err(|error| Failure::other(format!("{flag}: {error}")))
}
