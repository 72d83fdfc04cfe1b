//! `caseward search`: which records of students who are called so may this person see?

use caseward::{EntityUid, Listing};
use caseward_store::Read;
use serde_json::json;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::list::print_ids;
use crate::output;
use crate::question::ContextArgs;
use crate::store::{StoreArgs, failed};
use crate::terminal::Terminal;

/// Find records by the name or the NSN of their student, among those that a person may see.
///
/// Words count from their beginning, without case and macrons, in any order; digits are an NSN. A record is found by what the
/// person may see of it alone: what they may not see, and what is not there, are not found alike.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// What they want to do.
    #[arg(long, value_name = "NAME", default_value = "viewSummary")]
    action: String,
    /// The type of the records: Case, Request, Item, Student.
    #[arg(long = "type", value_name = "TYPE", default_value = "Case")]
    resource_type: String,
    #[command(flatten)]
    context: ContextArgs,
    /// No more than so many. Whether there are more is said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), default_value_t = 50)]
    most: u64,
    /// What the answer is for, in words; it is kept with the audited read.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The name, or the NSN, or how they begin.
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = args.store.open()?;
    store.tick().map_err(failed)?;
    let now = store.now().map_err(failed)?;
    let asked = (args.principal.as_str(), args.action.as_str(), args.resource_type.as_str());
    let query = args.context.query(&store.ward(), asked, now)?;
    let found = store.search(&query, &args.text.join(" "), &Listing::new()).map_err(failed)?;
    let most = usize::try_from(args.most).unwrap_or(usize::MAX);
    let page = found.page(None, most)?;
    let mut read = Read::new("search", now);
    // Not what was typed: the name of whoever is disposed of is not to stay in the log.
    read.asked = json!({"action": args.action, "type": args.resource_type, "context": args.context.context});
    (read.by, read.told) = (Some(query.principal.clone()), page.entities.clone());
    read.purpose.clone_from(&args.purpose);
    store.audit(read).map_err(failed)?;
    match args.format {
        Format::Json => output::print_json(&json!({
            "ids": page.entities.iter().map(EntityUid::id).collect::<Vec<_>>(),
            "count": found.len(),
            "policy_hash": found.provenance().policy_hash,
            "version": found.provenance().version,
        }))?,
        Format::Text => print_ids(&page.entities)?,
    }
    if page.next.is_some() && matches!(args.format, Format::Text) {
        terminal.note(&format!("{} were found: give more of the name, or --most", found.len()));
    }
    Ok(Exit::Success)
}
