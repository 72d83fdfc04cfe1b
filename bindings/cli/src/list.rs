//! `caseward list`: which records may this person do this to?

use caseward::Context;
use caseward::EntityUid;
use caseward::Ward;
use clap::ValueEnum;
use clap::error::ErrorKind;
use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::instant;
use crate::listing::ListingArgs;
use crate::question::QueryArgs;
use crate::shown::in_a_line;
use crate::source::{SourceArgs, Told};
use crate::terminal::Terminal;
use crate::{output, progress};

/// List the records of a type to which a person may do something.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    query: QueryArgs,
    #[command(flatten)]
    listing: ListingArgs,
    /// Only the ids behind this one: the last of the page before, as `c1` or `Case::"c1"`.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    after: Option<String>,
    /// No more than so many. Whether there are more is said, with the id to go on from.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    most: Option<u64>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// One id a line, sorted by id unless --sort says otherwise.
    #[default]
    Ids,
    /// How many there are.
    Count,
    /// For programs.
    Json,
}

/// The list, with what it was made from.
#[derive(Serialize)]
struct Listed<'a> {
    ids: Vec<&'a str>,
    /// Of all, not of the page alone.
    count: usize,
    /// What to go on `--after`; absent where nothing follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    policy_hash: &'a str,
    version: u64,
    now: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if matches!(args.format, Format::Count) && (args.after.is_some() || args.most.is_some()) {
        let why = "--format count counts all: --after and --most are of lists";
        return Err(Failure::usage(ErrorKind::ArgumentConflict, why));
    }
    let source = args.source.open(args.query.context())?;
    let ward = &source.ward;
    let query = args.query.query(ward, source.now)?;
    let listing = args.listing.listing()?;
    let world = source.world(terminal)?;
    let mut asked = args.query.asked();
    if let Some(listing) = &listing {
        asked.insert("listing".to_owned(), json!(listing.to_string()));
    }
    let told = Told::new("list", asked).by(&query.principal);

    let spinner = progress::spinner(terminal, &format!("listing {}", args.query.resource_type));
    let found = match (args.format, &listing) {
        (_, Some(listing)) => {
            source.sorted(&world, &query, listing).map(|sorted| Found::Uids(sorted.iter().collect()))
        }
        (Format::Count, None) => ward.count(&world, &query).map(Found::Count).map_err(Failure::from),
        // By id: a reader looks for one, and two files of the same entities give the same list.
        _ => ward.list(&world, &query).map_err(Failure::from).map(|mut uids| {
            uids.sort();
            Found::Uids(uids)
        }),
    };
    spinner.finish_and_clear();
    let uids = match (found?, args.format) {
        (Found::Uids(uids), Format::Ids | Format::Json) => uids,
        (found, _) => {
            let (count, which) = match found {
                Found::Count(count) => (count, source.counted(&world, &query)?),
                Found::Uids(uids) => (uids.len(), uids),
            };
            source.tell(Told { kind: "count", count: Some(count as u64), told: which, ..told })?;
            output::print(&format!("{count}\n"))?;
            return Ok(Exit::Success);
        }
    };
    let after = args.after.as_deref().map(|after| id_of(after, &args.query.resource_type));
    let page = match (&listing, &after) {
        (Some(_), Some(after)) => behind(&uids, after, args.most)?,
        _ => page(&uids, after.as_deref(), args.most),
    };
    let follows = uids.last().map(EntityUid::id) != page.last().map(EntityUid::id);
    source.tell(Told { told: page.to_vec(), ..told })?;
    let next = page.last().map(EntityUid::id).filter(|_| follows);
    match args.format {
        Format::Json => output::print_json(&Listed {
            ids: page.iter().map(EntityUid::id).collect(),
            count: uids.len(),
            next,
            policy_hash: ward.policy_hash(),
            version: world.version(),
            now: used_now(ward, &query.action, &query.context),
        })?,
        _ => print_ids(page)?,
    }
    if let (Some(next), Format::Ids) = (next, args.format) {
        terminal.note(&format!("more follow: --after '{}'", in_a_line(next)));
    }
    Ok(Exit::Success)
}

/// The id that is meant: that of the whole name of a record of the type, else the text itself.
fn id_of(text: &str, ty: &str) -> String {
    let named = text.parse::<EntityUid>().ok().filter(|uid| uid.type_name() == ty);
    named.map_or_else(|| text.to_owned(), |uid| uid.id().to_owned())
}

/// Those behind an id, in the order of the ids, up to so many. The id itself need not be there any longer.
fn page<'a>(uids: &'a [EntityUid], after: Option<&str>, most: Option<u64>) -> &'a [EntityUid] {
    let from = after.map_or(0, |after| uids.partition_point(|uid| uid.id() <= after));
    let rest = uids.get(from..).unwrap_or_default();
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    rest.get(..most.min(rest.len())).unwrap_or_default()
}

/// Those behind an id that is in the list, in its order, up to so many.
fn behind<'a>(uids: &'a [EntityUid], after: &str, most: Option<u64>) -> Result<&'a [EntityUid], Failure> {
    let Some(at) = uids.iter().position(|uid| uid.id() == after) else {
        let why =
            format!("--after: `{after}` is not in the list, which is in an order of its own: begin anew");
        return Err(Failure::other(why));
    };
    Ok(page(uids.get(at + 1..).unwrap_or_default(), None, most))
}

enum Found {
    Count(usize),
    Uids(Vec<EntityUid>),
}

/// The `now` that an answer was made with.
pub(crate) fn used_now(ward: &Ward, action: &str, context: &Context) -> Option<String> {
    let action = ward.schema().action(action).filter(|action| action.takes_now());
    action.and(context.now()).and_then(instant::show)
}

/// One id a line.
pub(crate) fn print_ids(uids: &[EntityUid]) -> Result<(), Failure> {
    // An id with a line break in it would read as two, one of which the person may not see.
    if let Some(broken) = uids.iter().find(|uid| uid.id().contains(['\n', '\r'])) {
        return Err(Failure::other(format!("the id of {broken} holds a line break; ask with --format json")));
    }
    let mut out = output::stdout();
    for uid in uids {
        output::line(&mut out, uid.id())?;
    }
    output::finish(out)
}
