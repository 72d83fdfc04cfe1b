//! `caseward watch`: what comes into this person's sight, and what goes out of it?

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use caseward::EntityUid;
use caseward_store::{Commits, Error, Read, Store, is_shared};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::question::QueryArgs;
use crate::store::{StoreArgs, failed};
use crate::terminal::Terminal;

/// How often it is looked whether somebody committed.
const EVERY: Duration = Duration::from_millis(50);
/// How often it is looked what the time alone changes.
const TIME: Duration = Duration::from_secs(60);

/// Print what comes into a person's sight and goes out of it, a line of JSON each time: first all that they see.
///
/// The store is opened when another process has committed to its file, and closed again: watching holds nobody up for longer
/// than that. Commits that come together are told of together. While another process keeps the store open, its watcher waits;
/// that process watches with the library. A store in PostgreSQL stays open here, beside those of other processes.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    query: QueryArgs,
    /// End after this time, such as 5s, 500ms, 2m; without it, only with --count.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// End after so many lines.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: Option<u64> = number.parse().ok();
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let ms = number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    ms.map(Duration::from_millis)
        .ok_or_else(|| "a time is a number with ms, s, m or h, such as 5s".to_owned())
}

/// What tells that somebody committed.
enum News {
    File(Commits),
    /// A store that follows, with the version and the policies that were looked at.
    Open(Box<Store>, (u64, String)),
}

impl News {
    fn of(store: &StoreArgs) -> Result<Self, Failure> {
        Ok(match is_shared(store.place()) {
            true => News::Open(Box::new(store.follow()?), (0, String::new())),
            false => News::File(Commits::of(store.place()).map_err(failed)?),
        })
    }

    /// Whether there was a commit since this was last asked.
    fn more(&mut self) -> Result<bool, Failure> {
        match self {
            News::File(commits) => commits.more().map_err(failed),
            News::Open(store, seen) => {
                let reading = store.reading();
                let now = (reading.version(), reading.ward().policy_hash().to_string());
                let is_new = *seen != now;
                *seen = now;
                Ok(is_new)
            }
        }
    }

    fn store(&self) -> Option<&Store> {
        match self {
            News::File(_) => None,
            News::Open(store, _) => Some(store),
        }
    }
}

pub(crate) fn run(args: &Args, _: &Terminal) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let is_over = || args.time.is_some_and(|time| begun.elapsed() >= time);
    let mut news = News::of(&args.store)?;
    let mut seen: Option<BTreeSet<EntityUid>> = None;
    let (mut lines, mut looked) = (0, Instant::now());
    loop {
        if let Some(now_seen) = look(args, news.store(), seen.as_ref())? {
            lines += u64::from(seen.as_ref() != Some(&now_seen));
            seen = Some(now_seen);
            looked = Instant::now();
            // What was audited here is no news.
            news.more()?;
        }
        if args.count.is_some_and(|count| lines >= count) {
            return Ok(Exit::Success);
        }
        loop {
            if is_over() {
                return Ok(Exit::Success);
            }
            std::thread::sleep(EVERY);
            if news.more()? || looked.elapsed() > TIME || seen.is_none() {
                break;
            }
        }
    }
}

/// Prints what changed; gives what is seen now, or `None` while another process has the store open.
fn look(
    args: &Args,
    open: Option<&Store>,
    before: Option<&BTreeSet<EntityUid>>,
) -> Result<Option<BTreeSet<EntityUid>>, Failure> {
    let store = match open.cloned().map_or_else(|| args.store.try_open(), Ok) {
        Ok(store) => store,
        Err(Error::InUse(_)) if before.is_some() => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    store.tick().map_err(failed)?;
    let now = store.now().map_err(failed)?;
    let ward = store.ward();
    let query = args.query.query(&ward, now)?;
    let watch = store.watch_with(query.clone(), 1).map_err(failed)?;
    let seen: BTreeSet<EntityUid> = watch.first().iter().cloned().collect();
    if before == Some(&seen) {
        return Ok(Some(seen));
    }
    let nothing = BTreeSet::new();
    let before = before.unwrap_or(&nothing);
    let told: Vec<EntityUid> = seen.symmetric_difference(before).cloned().collect();
    let mut read = Read::new("watch", now);
    read.by = Some(query.principal.clone());
    read.asked = args.query.asked().into();
    read.told = told;
    store.audit(read).map_err(failed)?;
    let ids = |of: &BTreeSet<EntityUid>, but: &BTreeSet<EntityUid>| {
        of.difference(but).map(|uid| uid.id().to_owned()).collect::<Vec<_>>()
    };
    let mut out = output::stdout();
    output::json_line(
        &mut out,
        &json!({
            "version": watch.version(),
            "now": crate::instant::show(now),
            "came": ids(&seen, before),
            "went": ids(before, &seen),
        }),
    )?;
    output::finish(out)?;
    Ok(Some(seen))
}
