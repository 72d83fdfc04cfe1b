//! `caseward store`, `caseward do` and `caseward feed`: the case store.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use caseward_store::{
    Activation, Answer, Checkpoint, Checkup, LineAnswer, Options, Outcome, Pending, PolicySet, Read, Store,
    Taken, Verified,
};
use clap::Subcommand;
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};

use crate::check::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input;
use crate::instant::parse;
use crate::key::{self, key_of};
use crate::lines::{Line, Lines};
use crate::output;
use crate::progress;
use crate::question::uid;
use crate::replace::Replacement;
use crate::shown::in_a_line;
use crate::terminal::Terminal;
use crate::upkeep;

/// Bytes of a feed's file.
const MAX_FEED: u64 = 1 << 30;
/// Bytes of a line of commands: a file of 20 MB in base64, and what stands about it.
const MAX_LINE: usize = caseward_store::MAX_LINE;
/// Bytes of a file that a command carries: the policies say how large it may be, this says how much is read.
const MAX_FILE: u64 = 64 << 20;
/// Commands that are handed in before the first is answered, so that they become durable together.
const AHEAD: usize = 256;

/// Which store, and what time it is.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
    /// The store: the path of its database, or an address of PostgreSQL, postgres://user@host/database?sslmode=verify-full. Its
    /// password is taken from PGPASSWORD or a file of passwords (PGPASSFILE).
    #[arg(long, value_name = "DB")]
    db: PathBuf,
    /// The file of the key under which the store is encrypted, if it is (`caseward store keygen`); that which CASEWARD_KEY_FILE
    /// names without it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Take the time, and the ids of what is made, from the caller: for imports and tests.
    #[arg(long)]
    trust_now: bool,
    /// What the store's clock is: with --trust-now.
    #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true, requires = "trust_now")]
    now: Option<i64>,
    /// Draw ids and salts from a seed, for runs that are compared: with --trust-now.
    #[arg(long, value_name = "N", requires = "trust_now")]
    seed: Option<u64>,
}

impl StoreArgs {
    pub(crate) fn options(&self) -> Result<Options, caseward_store::Error> {
        let options = Options::new().alone().with_key(key_of(self.key_file.as_deref())?);
        let options = if self.trust_now { options.trusting(self.now) } else { options };
        Ok(match self.seed {
            Some(seed) => options.seeded(seed),
            None => options,
        })
    }

    pub(crate) fn open(&self) -> Result<Store, Failure> {
        self.try_open().map_err(failed)
    }

    /// As [`StoreArgs::open`], with the store's own error.
    pub(crate) fn try_open(&self) -> Result<Store, caseward_store::Error> {
        opened(&self.db, self.options()?)
    }

    /// What a look at all of it finds, also where it cannot be opened.
    fn checked(&self) -> Result<Checkup, caseward_store::Error> {
        showing(self.options()?, |options| Store::check(&self.db, options))
    }

    /// What its log is, also where it cannot be opened.
    pub(crate) fn verified(&self, checkpoints: &[Checkpoint]) -> Result<Verified, Failure> {
        showing(self.options().map_err(failed)?, |options| {
            Store::verify_at(&self.db, options, checkpoints.to_vec())
        })
        .map_err(failed)
    }

    /// Opens a store that sees at once what other processes write.
    pub(crate) fn follow(&self) -> Result<Store, Failure> {
        let mut options = self.options().map_err(failed)?;
        options.alone = false;
        opened(&self.db, options).map_err(failed)
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Path {
        &self.db
    }
}

/// Opens a store, and shows how far it is where that takes a while.
pub(crate) fn opened(place: &Path, options: Options) -> Result<Store, caseward_store::Error> {
    showing(options, |options| Store::open(place, options))
}

/// Shows how far a store is opened.
fn showing<T>(
    options: Options,
    open: impl FnOnce(&Options) -> Result<T, caseward_store::Error>,
) -> Result<T, caseward_store::Error> {
    let bar: Arc<OnceLock<ProgressBar>> = Arc::default();
    let shown = bar.clone();
    let tell = move |rows| shown.get_or_init(progress::while_opening).set_position(rows);
    let store = open(&options.telling(tell));
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    store
}

/// Make a store, fill it, print its facts, back it up and look whether it is well.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make an empty store where there is none.
    Init {
        #[command(flatten)]
        store: StoreArgs,
        /// A folder of policies, and who fits in its folder `fits`; those that come with the command by default.
        #[arg(long, value_name = "DIR")]
        policies: Option<PathBuf>,
    },
    /// Fill an empty store with Cedar's entities JSON.
    Import {
        #[command(flatten)]
        store: StoreArgs,
        /// The facts: Cedar's entities JSON, or `-` for standard input.
        #[arg(long, value_name = "FILE")]
        entities: PathBuf,
    },
    /// Print the facts as Cedar's entities JSON, sorted by type and id. Content and files are not in it.
    Export {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give the file of an item to a person who may view the item; that they asked is audited.
    File {
        #[command(flatten)]
        store: StoreArgs,
        /// The item, such as 'Item::"i1"'.
        #[arg(value_name = "UID")]
        item: String,
        /// Who asks, such as 'User::"u1"'.
        #[arg(long, value_name = "UID")]
        principal: String,
        /// Where the bytes go; standard output without it.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What it is for, in words; it is kept with the audited look.
        #[arg(long, value_name = "TEXT")]
        purpose: Option<String>,
    },
    Keygen(key::KeygenArgs),
    Rekey(key::RekeyArgs),
    Backup(upkeep::BackupArgs),
    Restore(upkeep::RestoreArgs),
    Migrate(upkeep::MigrateArgs),
    /// Apply what is due by the store's clock.
    Tick {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Put other policies in force, from now on or from an instant that lies ahead; or those of before again.
    Activate {
        #[command(flatten)]
        store: StoreArgs,
        /// The folder of policies, with who fits in its folder `fits`.
        #[arg(long, value_name = "DIR", required_unless_present = "hash")]
        policies: Option<PathBuf>,
        /// A set that the store had, as `caseward store policies` names it.
        #[arg(long, value_name = "SHA256", conflicts_with = "policies")]
        hash: Option<String>,
        /// From when; now without it.
        #[arg(long, value_name = "RFC3339", value_parser = parse, allow_hyphen_values = true)]
        at: Option<i64>,
        /// Who approved it.
        #[arg(long, value_name = "TEXT")]
        approved_by: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Look at everything, and print what is wrong and what somebody is to see to. It ends with 4 where something is wrong.
    Doctor {
        #[command(flatten)]
        store: StoreArgs,
        /// How to answer.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print every set of policies that was in force or is to be: what names it (who fits is part of it), from when, and its
    /// entry in the log.
    Policies {
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(crate) fn run(args: &Args, _: &Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::Init { store, policies } => {
            let policies = match policies {
                Some(folder) => PolicySet::read_folder(folder).map_err(failed)?,
                None => PolicySet::attendance(),
            };
            Store::init(&store.db, &policies, &store.options().map_err(failed)?).map_err(failed)?;
            output::print(&format!(
                "A store without data: {}\n",
                input::name(&caseward_store::shown(&store.db))
            ))?;
        }
        What::Import { store, entities } => {
            let input = input::open(entities)?;
            let count = store.open()?.import(input.stream).map_err(|e| named(&input.name, &e))?;
            output::print(&format!("Entities imported: {count}\n"))?;
        }
        What::File { store, item, principal, output, purpose } => {
            return file(store, (item, principal), output.as_deref(), purpose.clone());
        }
        What::Export { store } => {
            let store = store.open()?;
            tick(&store)?;
            // Whoever is given all facts has looked at every record.
            let mut read = Read::new("export", store.now().map_err(failed)?);
            (read.asked, read.count) = (json!({"all": true}), Some(store.world().len() as u64));
            store.audit(read).map_err(failed)?;
            let mut out = output::stdout();
            store.export(&mut out).map_err(failed)?;
            output::finish(out)?;
        }
        What::Tick { store } => {
            let store = store.open()?;
            let count = store.tick().map_err(failed)?;
            output::print(&format!("Due changes applied: {count}\n"))?;
        }
        What::Activate { store, policies, hash, at, approved_by, reason } => {
            let mut as_said = Activation::now(approved_by, reason);
            as_said.at = *at;
            let activated = match (policies, hash) {
                (Some(folder), _) => {
                    let policies = PolicySet::read_folder(folder).map_err(failed)?;
                    store.open()?.activate(&policies, &as_said)
                }
                (None, hash) => store.open()?.roll_back(hash.as_deref().unwrap_or_default(), &as_said),
            };
            output::print(&format!("{}\n", activated.map_err(failed)?))?;
        }
        What::Keygen(args) => return key::keygen(args),
        What::Rekey(args) => return key::rekey(args),
        What::Backup(args) => return upkeep::backup(args),
        What::Restore(args) => return upkeep::restore(args),
        What::Migrate(args) => return upkeep::migrate(args),
        What::Doctor { store, format } => return doctor(store, *format),
        What::Policies { store } => {
            for set in store.open()?.activated().map_err(failed)? {
                let from = set.from.as_deref().unwrap_or("from the start");
                let entry = set.event.map_or(String::new(), |event| format!("  entry {event}"));
                output::print(&format!("{}  {from}{entry}\n", set.set))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn file(
    store: &StoreArgs,
    (item, principal): (&str, &str),
    output: Option<&Path>,
    purpose: Option<String>,
) -> Result<Exit, Failure> {
    let (item, reader) = (uid("UID", item)?, uid("--principal", principal)?);
    if output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::other("a file is not for a terminal: name where it goes (--output FILE)"));
    }
    let mut file = store.open()?.download(&item, &reader, purpose).map_err(failed)?;
    let Some(path) = output else {
        let mut out = output::stdout();
        std::io::copy(&mut file.bytes, &mut out).map_err(|e| Failure::output(&e))?;
        output::finish(out)?;
        return Ok(Exit::Success);
    };
    let mut write = || -> std::io::Result<()> {
        let mut replacement = Replacement::begin(path)?;
        std::io::copy(&mut file.bytes, replacement.writer())?;
        replacement.commit()
    };
    write().map_err(|e| Failure::file("write", input::name(path), &e))?;
    Ok(Exit::Success)
}

fn doctor(store: &StoreArgs, format: Format) -> Result<Exit, Failure> {
    let found = store.checked().map_err(failed)?;
    match format {
        Format::Json => output::print_json(&found)?,
        Format::Text => {
            let mut text = String::new();
            for finding in &found.findings {
                let what = if finding.is_fault { "fault" } else { "to see to" };
                let about = finding.about.as_deref().map_or(String::new(), |about| format!("{about}: "));
                let line = format!("{what}, {}: {about}{}", finding.kind, finding.what);
                let _ = writeln!(text, "{}", in_a_line(&line));
            }
            let faults = found.findings.iter().filter(|finding| finding.is_fault).count();
            let _ = writeln!(
                text,
                "looked at: {} entities, {} open cases, {} students, {} entries of the log, {} versions told again from it, {} fields of \
                 content, {} files, {} lists; {faults} faults, {} to see to",
                found.entities,
                found.open_cases,
                found.students,
                found.entries,
                found.versions,
                found.fields,
                found.files,
                found.lists_compared,
                found.findings.len() - faults
            );
            output::print(&text)?;
        }
    }
    Ok(if found.is_sound() { Exit::Success } else { Exit::Unmet })
}

fn tick(store: &Store) -> Result<(), Failure> {
    store.tick().map(drop).map_err(failed)
}

/// Do commands, a line of JSON each; an answer a line, in order. A bad line stops no other.
#[derive(clap::Args)]
pub(crate) struct DoArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The commands; standard input without it.
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    commands: PathBuf,
}

pub(crate) fn run_commands(args: &DoArgs, _: &Terminal) -> Result<Exit, Failure> {
    let store = args.store.open()?;
    let input = input::open(&args.commands)?;
    let mut lines = Lines::of_at_most(input.stream, MAX_LINE);
    let mut answering = Answering { out: output::stdout(), waiting: VecDeque::new(), worst: Exit::Success };
    while let Some(line) = lines.next().map_err(|e| Failure::file("read", &input.name, &e))? {
        let line = match line {
            Line::Bytes(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Bytes(line) => match std::str::from_utf8(line) {
                Ok(line) => with_files(line.to_owned()),
                // What cannot be read is answered as a command that makes no sense.
                Err(_) => Err("the line is not UTF-8".to_owned()),
            },
            Line::TooLong => Err(format!("a command has at most {MAX_LINE} bytes")),
        };
        answering.hand_in(&store, line)?;
        // Somebody who types, or a program that waits for the answer, is answered before the next line is read.
        if lines.may_wait() {
            answering.answer_all()?;
        }
    }
    answering.answer_all()?;
    output::finish(answering.out)?;
    Ok(answering.worst)
}

/// Commands that were handed in and wait for their answers.
struct Answering {
    out: output::Out,
    waiting: VecDeque<Result<Pending, Answer>>,
    worst: Exit,
}

impl Answering {
    fn hand_in(&mut self, store: &Store, line: Result<String, String>) -> Result<(), Failure> {
        let pending = match line {
            Ok(line) => Ok(store.submit(line).map_err(failed)?),
            Err(why) => Err(store.invalid(why).map_err(failed)?),
        };
        self.waiting.push_back(pending);
        if self.waiting.len() > AHEAD { self.answer_one() } else { Ok(()) }
    }

    fn answer_all(&mut self) -> Result<(), Failure> {
        while !self.waiting.is_empty() {
            self.answer_one()?;
        }
        self.out.flush().map_err(|e| Failure::output(&e))
    }

    fn answer_one(&mut self) -> Result<(), Failure> {
        let Some(pending) = self.waiting.pop_front() else { return Ok(()) };
        let answer = match pending.map(Pending::wait) {
            Ok(Ok(answer)) | Err(answer) => answer,
            Ok(Err(error)) => {
                output::json_line(
                    &mut self.out,
                    &json!({"outcome": "failed", "errors": [error.to_string()]}),
                )?;
                self.worst = Exit::Failure;
                return Ok(());
            }
        };
        output::json_line(&mut self.out, &answer)?;
        let exit = match answer.outcome {
            Outcome::Done => Exit::Success,
            Outcome::Denied | Outcome::Refused => Exit::Deny,
            Outcome::Invalid => Exit::Failure,
        };
        self.worst = worse(self.worst, exit);
        Ok(())
    }
}

/// 1 where any line was invalid or failed, else 2 where any was denied or refused.
fn worse(a: Exit, b: Exit) -> Exit {
    match (a, b) {
        (Exit::Failure, _) | (_, Exit::Failure) => Exit::Failure,
        (Exit::Deny, _) | (_, Exit::Deny) => Exit::Deny,
        _ => Exit::Success,
    }
}

/// A line with the bytes of the file that it names: the command line may read files, and nobody else.
fn with_files(line: String) -> Result<String, String> {
    if !line.contains("\"path\"") {
        return Ok(line);
    }
    let Ok(mut command) = serde_json::from_str::<Json>(&line) else { return Ok(line) };
    let Some(file) = command.pointer_mut("/data/file") else { return Ok(line) };
    let path = match (file.as_object().map(serde_json::Map::len), file.get("path").and_then(Json::as_str)) {
        (Some(1), Some(path)) => PathBuf::from(path),
        _ => return Ok(line),
    };
    let bytes = bytes(&path)?;
    *file = json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)});
    Ok(command.to_string())
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let name = input::name(path);
    let read = || -> std::io::Result<Vec<u8>> {
        let file = std::fs::File::open(path)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| format!("cannot read {name}: {e}"))?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(format!("{name} has more than {MAX_FILE} bytes")),
        false => Ok(bytes),
    }
}

/// Take a file of a feed: organisations, logins, staff, training, enrolment, terms, attendance, registers or content.
#[derive(clap::Args)]
pub(crate) struct FeedArgs {
    /// Which feed it is.
    #[arg(value_name = "KIND")]
    kind: String,
    /// CSV with a header, or JSON lines of the same names; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
    /// Hours after it is passed until the mandatory module is processed: 24 to 48.
    #[arg(long, value_name = "HOURS", default_value_t = 48, value_parser = clap::value_parser!(u32).range(24..=48))]
    delay: u32,
    /// An answer for each line, in JSON; else those that were not taken, and how many were.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run_feed(args: &FeedArgs, _: &Terminal) -> Result<Exit, Failure> {
    use std::io::Read as _;
    let input = input::open(&args.file)?;
    let mut text = Vec::new();
    input
        .stream
        .take(MAX_FEED + 1)
        .read_to_end(&mut text)
        .map_err(|e| Failure::file("read", &input.name, &e))?;
    if text.len() as u64 > MAX_FEED {
        return Err(Failure::other(format!(
            "{}: a feed of more than {MAX_FEED} bytes is not taken",
            input.name
        )));
    }
    let store = args.store.open()?;
    let delay = i64::from(args.delay) * 3_600_000;
    let answers = store.feed(&args.kind, text, delay).map_err(|e| named(&input.name, &e))?;
    show(args, &answers)?;
    let is_bad = answers.iter().any(|answer| answer.outcome == Taken::Bad);
    Ok(if is_bad { Exit::Failure } else { Exit::Success })
}

fn show(args: &FeedArgs, answers: &[LineAnswer]) -> Result<(), Failure> {
    let mut out = output::stdout();
    if args.json {
        for answer in answers {
            output::json_line(&mut out, answer)?;
        }
        return output::finish(out);
    }
    for answer in answers {
        if let Some(why) = &answer.why {
            let what = if answer.outcome == Taken::Bad { "bad" } else { "note" };
            output::line(&mut out, &format!("line {}: {what}: {why}", answer.line))?;
        }
    }
    let count = |outcome| answers.iter().filter(|answer| answer.outcome == outcome).count();
    let (done, unchanged, bad) = (count(Taken::Done), count(Taken::Unchanged), count(Taken::Bad));
    output::line(&mut out, &format!("{done} done, {unchanged} unchanged, {bad} bad"))?;
    output::finish(out)
}

pub(crate) fn failed(error: caseward_store::Error) -> Failure {
    Failure::other(error.to_string())
}

fn named(name: &str, error: &caseward_store::Error) -> Failure {
    Failure::other(format!("{name}: {error}"))
}
