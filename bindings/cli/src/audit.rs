//! `caseward audit`: whether a store's log is what was written, and who looked at what.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use caseward::EntityUid;
use caseward_store::{Checkpoint, LogKey, LogVerifier, Looked, PolicySet, Proof, Read, Store};
use clap::Subcommand;
use serde_json::json;

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::publish::{self, Place};
use crate::question::uid;
use crate::shown::in_a_line;
use crate::store::{StoreArgs, failed};
use crate::terminal::say;
use crate::{input, output, replace};

/// Bytes of a key, a checkpoint and a proof.
const MOST: usize = 64 << 20;

/// Verify a store's audit log, prove its entries, and say who looked at what.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Verify(Verify),
    Checkpoint(Sign),
    Prove(Prove),
    Check(Check),
    Replay(Replay),
    WhoLooked(WhoLooked),
    LookedAt(LookedAt),
    Denied(Denied),
    Keygen(Keygen),
}

/// Read every entry again. It ends with 4 where something was altered, removed or reordered.
///
/// What a log alone cannot tell is said: a cut tail, and a history that was rewritten as a whole, show against a
/// --checkpoint that was kept elsewhere.
#[derive(clap::Args)]
struct Verify {
    #[command(flatten)]
    store: StoreArgs,
    /// A checkpoint that was kept or published elsewhere; it may be given several times.
    #[arg(long, value_name = "FILE|URL", requires = "trust")]
    checkpoint: Vec<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Say what the log is now, signed: to be kept where nobody who writes to the store writes.
#[derive(clap::Args)]
struct Sign {
    #[command(flatten)]
    store: StoreArgs,
    /// The file of the log's secret key.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// The file to write; standard output without it.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Publish it: in a file, or by PUT at an address (`https://`). A log that is no continuation of what is published there
    /// is not signed, and what is there stays.
    #[arg(long, value_name = "FILE|URL")]
    publish: Option<String>,
    /// A public key that may have signed what is published, beside that of --secret, or a file that holds some: for a log whose
    /// key was changed.
    #[arg(long, value_name = "KEY|FILE", requires = "publish")]
    trust: Vec<String>,
}

/// Print a proof that an entry is in the log of a checkpoint; it is checked without the store.
#[derive(clap::Args)]
struct Prove {
    /// The entry's number.
    #[arg(value_name = "N")]
    event: u64,
    #[command(flatten)]
    store: StoreArgs,
    /// The checkpoint.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// Prove that the entry is there, without what it says.
    #[arg(long)]
    without_payload: bool,
}

/// Check a proof, without any store, and print the entry.
#[derive(clap::Args)]
struct Check {
    /// The proof, or `-` for standard input.
    #[arg(value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Decide every command of the log again, on the state of its moment. It ends with 4 where one comes out otherwise.
#[derive(clap::Args)]
struct Replay {
    #[command(flatten)]
    store: StoreArgs,
    /// By the policies of this folder, to see who would have been answered otherwise; by those of each moment without it.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Who looked at a record, oldest first.
#[derive(clap::Args)]
struct WhoLooked {
    /// The record, such as 'Case::"c1"'.
    #[arg(value_name = "UID")]
    resource: String,
    #[command(flatten)]
    asking: AskingArgs,
}

/// What a person looked at, oldest first.
#[derive(clap::Args)]
struct LookedAt {
    /// The person, such as 'User::"u1"'.
    #[arg(value_name = "UID")]
    user: String,
    #[command(flatten)]
    asking: AskingArgs,
}

/// Commands that were denied and reads that showed nothing, of records whose access history the asker may see.
#[derive(clap::Args)]
struct Denied {
    #[command(flatten)]
    asking: AskingArgs,
}

/// Make the pair of keys of a log: the secret one in a file that only its owner reads, the public one on standard output.
#[derive(clap::Args)]
struct Keygen {
    /// What the log is called in its checkpoints, such as cases.example.org/2026.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The file of the secret key; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
}

/// Keys that are trusted.
#[derive(clap::Args)]
struct TrustArgs {
    /// A public key of the log, as `keygen` printed it, or a file that holds some, one a line.
    #[arg(long, value_name = "KEY|FILE")]
    trust: Vec<String>,
}

/// Who asks about looks. They must be permitted to see the access history of what they ask about.
#[derive(clap::Args)]
struct AskingArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.what {
        What::Verify(args) => verify(args),
        What::Checkpoint(args) => checkpoint(args),
        What::Prove(args) => prove(args),
        What::Check(args) => check(args),
        What::Replay(args) => replay(args),
        What::WhoLooked(args) => {
            let of = uid("UID", &args.resource)?;
            looks(&args.asking, "who-looked", Some(&of), |store, asker| store.who_looked(&of, asker))
        }
        What::LookedAt(args) => {
            let of = uid("UID", &args.user)?;
            looks(&args.asking, "looked-at", Some(&of), |store, asker| store.looked_at(&of, asker))
        }
        What::Denied(args) => looks(&args.asking, "denied", None, Store::denied),
        What::Keygen(args) => keygen(args),
    }
}

/// Keys that were named, or are in files that were.
fn trusted(given: &[String]) -> Result<Vec<LogVerifier>, Failure> {
    let mut keys = Vec::new();
    for given in given {
        if let Ok(key) = given.parse() {
            keys.push(key);
            continue;
        }
        let path = Path::new(given);
        for line in input::text(path, MOST)?.lines().filter(|line| !line.trim().is_empty()) {
            let key = line.parse().map_err(|e| Failure::other(format!("{}: {e}", input::name(path))))?;
            keys.push(key);
        }
    }
    Ok(keys)
}

fn opened(given: &str, note: &str, keys: &[LogVerifier]) -> Result<Checkpoint, Failure> {
    Checkpoint::open(note, keys)
        .map_err(|e| Failure::other(format!("{}: {e}", input::name(Path::new(given)))))
}

impl TrustArgs {
    fn keys(&self) -> Result<Vec<LogVerifier>, Failure> {
        let keys = trusted(&self.trust)?;
        if keys.is_empty() {
            return Err(Failure::other("--trust names no key of a log"));
        }
        Ok(keys)
    }
}

fn verify(args: &Verify) -> Result<Exit, Failure> {
    let mut checkpoints = Vec::new();
    for given in &args.checkpoint {
        let note = publish::text(given, MOST)?;
        checkpoints.push(opened(given, &note, &args.trust.keys()?)?);
    }
    let found = args.store.verified(&checkpoints)?;
    match args.format {
        Format::Json => output::print_json(&found)?,
        Format::Text => {
            let mut text = String::new();
            for problem in &found.problems {
                let entry = problem.event.map_or(String::new(), |event| format!("entry {event}: "));
                let _ = writeln!(text, "{}", in_a_line(&format!("{entry}{}", problem.what)));
            }
            let more = found.count - found.problems.len() as u64;
            if more > 0 {
                let _ = writeln!(text, "and {more} more problems");
            }
            let (entries, root) = (found.entries, &found.root);
            let _ =
                writeln!(text, "{entries} entries read, {} of them disposed of; root {root}", found.disposed);
            if found.is_sound() {
                text.push_str("nothing is altered, removed or reordered among them\n");
                for what in &found.not_excluded {
                    let _ = writeln!(text, "not excluded: {what}");
                }
            }
            output::print(&printable(&text))?;
        }
    }
    Ok(if found.is_sound() { Exit::Success } else { Exit::Unmet })
}

fn key(path: &Path) -> Result<LogKey, Failure> {
    let text = input::text(path, MOST)?;
    text.parse().map_err(|e| Failure::other(format!("{}: {e}", input::name(path))))
}

fn checkpoint(args: &Sign) -> Result<Exit, Failure> {
    let key = key(&args.secret)?;
    let note = match &args.publish {
        None => args.store.open()?.checkpoint(&key).map_err(failed)?,
        Some(place) => published(args, &key, place)?,
    };
    let Some(path) = &args.output else {
        output::print(&note)?;
        return Ok(Exit::Success);
    };
    replace::write(path, note.as_bytes())?;
    Ok(Exit::Success)
}

/// Signs what the log is and publishes it, where the log is a continuation of what is published already.
fn published(args: &Sign, key: &LogKey, place: &str) -> Result<String, Failure> {
    let keys = [vec![key.verifier()], trusted(&args.trust)?].concat();
    let there = Place::of(place)?.read()?;
    let earlier = there.note.as_deref().map(|note| opened(place, note, &keys)).transpose()?;
    let note = args.store.open()?.checkpoint_after(key, earlier.into_iter().collect()).map_err(failed)?;
    there.replace(&note)?;
    Ok(note)
}

fn prove(args: &Prove) -> Result<Exit, Failure> {
    let (note, keys) = (input::text(&args.checkpoint, MOST)?, args.trust.keys()?);
    let store = args.store.open()?;
    let proof = store.prove(args.event, &note, &keys, !args.without_payload).map_err(failed)?;
    output::print(&proof)?;
    Ok(Exit::Success)
}

fn check(args: &Check) -> Result<Exit, Failure> {
    let text = input::text(&args.proof, MOST)?;
    match Proof::open(&text, &args.trust.keys()?) {
        Ok(proof) => {
            output::print_json(&proof)?;
            Ok(Exit::Success)
        }
        Err(error) => {
            say(&format!("{}: {error}", input::name(&args.proof)));
            Ok(Exit::Unmet)
        }
    }
}

fn replay(args: &Replay) -> Result<Exit, Failure> {
    let others = match &args.policies {
        Some(folder) => Some(PolicySet::read_folder(folder).map_err(failed)?),
        None => None,
    };
    let found = args.store.open()?.replay(others.as_ref()).map_err(failed)?;
    match args.format {
        Format::Json => output::print_json(&found)?,
        Format::Text => {
            let mut text = String::new();
            for one in &found.differing {
                let word = |is_allowed: bool| if is_allowed { "allow" } else { "deny" };
                let now = match &one.error {
                    Some(error) => error.clone(),
                    None => format!("{} ({})", word(one.is_allowed), one.now_by.join(", ")),
                };
                let was = format!("{} ({})", word(one.was_allowed), one.by.join(", "));
                let (event, now_of, person) = (one.event, &one.now, &one.person);
                let (command, on) = (&one.command, &one.on);
                let line = format!("entry {event}, {now_of}: {person} {command} {on}: {was}; again: {now}");
                let _ = writeln!(text, "{}", in_a_line(&line));
            }
            let _ = writeln!(
                text,
                "{} decided again, {} otherwise; {} disposed of and not replayable; {} of other kinds",
                counted(usize::try_from(found.commands).unwrap_or(usize::MAX), "command"),
                found.differing.len(),
                found.disposed,
                found.others
            );
            output::print(&printable(&text))?;
        }
    }
    Ok(if found.differing.is_empty() { Exit::Success } else { Exit::Unmet })
}

fn looks(
    args: &AskingArgs,
    kind: &'static str,
    on: Option<&EntityUid>,
    ask: impl FnOnce(&Store, &EntityUid) -> Result<Vec<Looked>, caseward_store::Error>,
) -> Result<Exit, Failure> {
    let asker = uid("--principal", &args.principal)?;
    let store = args.store.open()?;
    let found = ask(&store, &asker);
    // Who asks who looked has looked, or was denied it.
    let mut read = Read::new(kind, store.now().map_err(failed)?);
    (read.by, read.on, read.asked) = (Some(asker), on.cloned(), json!({}));
    read.count = found.as_ref().ok().map(|found| found.len() as u64);
    read.is_denied = found.is_err();
    store.audit(read).map_err(failed)?;
    let found = found.map_err(failed)?;
    match args.format {
        Format::Json => output::print_json(&found)?,
        Format::Text => {
            let mut text = String::new();
            for one in &found {
                let by = one.by.as_deref().unwrap_or("(nobody named)");
                let on = one.on.as_deref().map_or(String::new(), |on| format!(" {on}"));
                let told = one.told.map_or(String::new(), |told| format!(", {told} told of"));
                let purpose = one.purpose.as_deref().map_or(String::new(), |purpose| format!(": {purpose}"));
                let line =
                    format!("{}  {by}  {}{on}{told}{purpose}  (entry {})", one.recorded, one.kind, one.event);
                let _ = writeln!(text, "{}", in_a_line(&line));
            }
            output::print(&printable(&text))?;
        }
    }
    Ok(Exit::Success)
}

fn keygen(args: &Keygen) -> Result<Exit, Failure> {
    let key = LogKey::new(&args.name).map_err(failed)?;
    if args.secret.symlink_metadata().is_ok() {
        return Err(Failure::other(format!("{} is there already", input::name(&args.secret))));
    }
    // A key whose other half went nowhere is of no use: nothing that it signs could be trusted.
    output::print(&format!("{}\n", key.verifier()))?;
    if output::is_open() {
        crate::bundle::write_secret(&args.secret, &key.to_text())?;
    }
    Ok(Exit::Success)
}
