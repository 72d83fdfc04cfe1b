//! `caseward due`: what is this person to see to?

use caseward::EntityUid;
use caseward_store::{Due, Read};
use clap::ValueEnum;
use serde_json::json;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::question::uid;
use crate::shown::in_a_line;
use crate::store::{StoreArgs, failed};
use crate::terminal::Terminal;

/// List what is due or waits, of what a person may act on: what has waited longest first.
///
/// requests: submitted ones that they may accept, review or decline. unassigned: open cases that they work on, without a case
/// manager. contacts: open cases that they see, without a contact at the school. disposal: students whose records they may
/// dispose of, where no instruction protects them. registers: those that they may dispose of, once that is approved.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Who is to see to it, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// Which lists; all of them without it.
    #[arg(long = "list", value_name = "LIST", value_enum)]
    lists: Vec<List>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum List {
    Requests,
    Unassigned,
    Contacts,
    Disposal,
    Registers,
}

impl List {
    fn due(self) -> Due {
        match self {
            List::Requests => Due::Requests,
            List::Unassigned => Due::Unassigned,
            List::Contacts => Due::Contacts,
            List::Disposal => Due::Disposal,
            List::Registers => Due::Registers,
        }
    }
}

pub(crate) fn run(args: &Args, _: &Terminal) -> Result<Exit, Failure> {
    let person = uid("--principal", &args.principal)?;
    let store = args.store.open()?;
    store.tick().map_err(failed)?;
    let now = store.now().map_err(failed)?;
    let lists = match args.lists.is_empty() {
        true => Due::ALL.to_vec(),
        false => args.lists.iter().map(|list| list.due()).collect(),
    };
    let mut all: Vec<(&str, Vec<EntityUid>)> = Vec::new();
    for due in lists {
        all.push((due.name(), store.due_of(&person, due, now).map_err(failed)?));
    }
    let mut read = Read::new("due", now);
    read.by = Some(person);
    read.asked = json!({"lists": all.iter().map(|(name, _)| name).collect::<Vec<_>>()});
    read.told = all.iter().flat_map(|(_, uids)| uids.clone()).collect();
    store.audit(read).map_err(failed)?;
    if matches!(args.format, Format::Json) {
        let lists = all.iter().map(|(name, uids)| {
            let uids = uids.iter().map(ToString::to_string).collect::<Vec<_>>();
            ((*name).to_owned(), json!(uids))
        });
        output::print_json(&serde_json::Value::Object(lists.collect()))?;
        return Ok(Exit::Success);
    }
    let mut out = output::stdout();
    for (name, uids) in &all {
        for uid in uids {
            output::line(&mut out, &format!("{name}: {}", in_a_line(&uid.to_string())))?;
        }
    }
    output::finish(out)?;
    Ok(Exit::Success)
}
