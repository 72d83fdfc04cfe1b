//! `caseward check`: may this person do this to that record? One question, or a file of them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use caseward::{Answer, Decision, Error, Request, Ward, World};
use clap::ValueEnum;
use clap::error::ErrorKind;

use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::instant::TWICE;
use crate::lines::{Line, Lines, MAX_LINE};
use crate::output::Out;
use crate::question::Question;
use crate::source::SourceArgs;
use crate::terminal::{Palette, Terminal};
use crate::{input, output};

/// Say whether a person may do something to a record.
///
/// Exit code 0 is allow, 2 is deny. With --requests every answer is a line of its own and exit code 0
/// says that all lines were answered; 1, that some could not be read and were denied for that. The answer, and
/// --format json above all, tells a denied record from one that is not there, and names policies: it is for a trusted
/// caller. A person is shown `view`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Who asks, such as 'User::"u1"'.
    #[arg(long, value_name = "UID", required_unless_present = "requests")]
    principal: Option<String>,
    /// What they want to do, such as viewSummary.
    #[arg(long, value_name = "NAME", required_unless_present = "requests")]
    action: Option<String>,
    /// The record, such as 'Case::"c1"'.
    #[arg(long, value_name = "UID", required_unless_present = "requests")]
    resource: Option<String>,
    /// The circumstances in Cedar's JSON, such as '{"sizeBytes": 4096}'.
    #[arg(long, value_name = "JSON")]
    context: Option<String>,
    /// Requests, one a line in JSON, or `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    requests: Option<PathBuf>,
    /// Decide with Cedar's own authorizer: slower, and the same.
    #[arg(long)]
    reference: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How an answer is shown.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(requests) = &args.requests {
        return many(args, requests, terminal);
    }
    match (&args.principal, &args.action, &args.resource) {
        (Some(principal), Some(action), Some(resource)) => {
            let context = args.context.as_deref().unwrap_or("{}");
            one(args, &Question { principal, action, resource, context }, terminal)
        }
        // The flags' own rules refuse this first.
        _ => Err(Failure::usage(ErrorKind::MissingRequiredArgument, "nothing is asked")),
    }
}

fn one(args: &Args, question: &Question<'_>, terminal: &Terminal) -> Result<Exit, Failure> {
    let source = args.source.open(question.context)?;
    let ward = &source.ward;
    let request = question.request(ward, source.now)?;
    let world = source.world(terminal)?;
    let answer = decide(args, ward, &world, &request)?;
    match args.format {
        Format::Text => output::print(&text(ward, &answer, terminal.palette()))?,
        Format::Json => output::print_json(&answer)?,
    }
    Ok(answer.decision.into())
}

fn decide(args: &Args, ward: &Ward, world: &World, request: &Request) -> Result<Answer, Error> {
    if args.reference { ward.check_by_reference(world, request) } else { ward.check(world, request) }
}

fn many(args: &Args, requests: &Path, terminal: &Terminal) -> Result<Exit, Failure> {
    if input::is_dash(requests) && args.source.is_stdin() {
        let message = "standard input cannot be both --entities and --requests";
        return Err(Failure::usage(ErrorKind::ArgumentConflict, message));
    }
    let source = args.source.open("{}")?;
    // Before the data, which can take long: a wrong path is told at once.
    let requests = input::open(requests)?;
    let world = source.world(terminal)?;
    let batch = Batch { args, ward: &source.ward, world: &world, now: source.now };
    batch.run(requests, terminal)
}

/// The answer in words.
fn text(ward: &Ward, answer: &Answer, palette: Palette) -> String {
    let mut out = format!("{}\n", decision(answer.decision, palette));
    for fault in &answer.errors {
        let _ = writeln!(out, "  {}", printable(&fault.to_string()));
    }
    for id in &answer.policies {
        let _ = writeln!(out, "  {}", headline(ward, id));
    }
    if answer.policies.is_empty() && answer.errors.is_empty() {
        out.push_str("  no policy permits it\n");
    }
    out
}

/// A policy with its rule and what it says.
pub(crate) fn headline(ward: &Ward, id: &str) -> String {
    let Some(policy) = ward.policy(id) else { return printable(id) };
    let mut line = match &policy.rule {
        Some(rule) => format!("{rule} ({id})"),
        None => id.to_owned(),
    };
    if let Some(description) = &policy.description {
        let _ = write!(line, ": {description}");
    }
    printable(&line)
}

pub(crate) fn decision(decision: Decision, palette: Palette) -> String {
    let Palette { good, bad, reset, .. } = palette;
    let colour = if decision == Decision::Allow { good } else { bad };
    format!("{colour}{decision}{reset}")
}

/// Requests from a stream, each answered as it comes.
struct Batch<'a> {
    args: &'a Args,
    ward: &'a Ward,
    world: &'a World,
    now: i64,
}

/// What could not be read.
#[derive(Default)]
struct Unread {
    lines: usize,
    /// The number of the first such line, and why.
    first: Option<(u64, String)>,
}

impl Batch<'_> {
    fn run(&self, requests: input::Input, terminal: &Terminal) -> Result<Exit, Failure> {
        let mut out = output::stdout();
        let mut unread = Unread::default();
        self.answer_all(requests, &mut out, &mut unread, terminal.palette())?;
        output::finish(out)?;
        if !output::is_open() {
            // The exit code 0 would say that all were answered.
            return Ok(Exit::Failure);
        }
        match unread.first {
            None => Ok(Exit::Success),
            Some((number, why)) => Err(Failure::other(format!(
                "{} could not be read and {} denied; the first, line {number}: {why}",
                counted(unread.lines, "request"),
                if unread.lines == 1 { "was" } else { "were" },
            ))),
        }
    }

    fn answer_all(
        &self,
        requests: input::Input,
        out: &mut Out,
        unread: &mut Unread,
        palette: Palette,
    ) -> Result<(), Failure> {
        let mut lines = Lines::new(requests.stream);
        let (mut number, mut blank) = (0_u64, 0_u64);
        loop {
            if lines.may_wait() {
                // Who asks and waits for the answer before asking again gets it.
                out.flush().map_err(|e| Failure::output(&e))?;
            }
            if !output::is_open() {
                return Ok(());
            }
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Failure::file("read", requests.name, &error)),
            };
            if is_blank(&line) {
                // Whether it is a line without a request is known only when another one follows.
                blank += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut blank) {
                number += 1;
                let answer = self.refused(number, "the line is blank".to_owned(), unread);
                self.show(out, &answer, palette)?;
            }
            number += 1;
            let answer = match self.answer(&line) {
                Ok(answer) => answer,
                Err(why) => self.refused(number, why, unread),
            };
            self.show(out, &answer, palette)?;
        }
    }

    fn answer(&self, line: &Line<'_>) -> Result<Answer, String> {
        let Line::Bytes(bytes) = line else { return Err(format!("the line has more than {MAX_LINE} bytes")) };
        let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
        let why = |error: Error| error.to_string();
        if self.args.source.now.is_twice(text) {
            return Err(TWICE.to_owned());
        }
        let request = self.ward.read_request(text).map_err(why)?.at(self.now);
        decide(self.args, self.ward, self.world, &request).map_err(why)
    }

    /// The answer to a line that holds no request: it fails closed.
    fn refused(&self, number: u64, why: String, unread: &mut Unread) -> Answer {
        unread.lines += 1;
        if unread.first.is_none() {
            unread.first = Some((number, why.clone()));
        }
        self.ward.refused(self.world, why)
    }

    fn show(&self, out: &mut Out, answer: &Answer, palette: Palette) -> Result<(), Failure> {
        match self.args.format {
            Format::Json => output::json_line(out, answer),
            Format::Text => {
                let mut line = decision(answer.decision, palette);
                let reasons = answer.policies.iter().map(|id| id.to_string());
                let faults = answer.errors.iter().map(|fault| fault.to_string().replace('\n', " "));
                let why = faults.chain(reasons).collect::<Vec<_>>().join(", ");
                if !why.is_empty() {
                    let _ = write!(line, "  {}", printable(&why));
                }
                output::line(out, &line)
            }
        }
    }
}

fn is_blank(line: &Line<'_>) -> bool {
    matches!(line, Line::Bytes(bytes) if bytes.trim_ascii().is_empty())
}
