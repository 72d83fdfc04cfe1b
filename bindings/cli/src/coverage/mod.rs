//! `caseward coverage`: which conditions of the policies do the cases see decide?

mod html;
mod lcov;
mod text;

use std::path::PathBuf;

use caseward::author::{Claim, Coverage, Proof};
use caseward::{Source, Sources, Ward};
use clap::ValueEnum;

use crate::cases::{self, CaseArgs, Suite, UNREACHABLE};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Terminal, say};
use crate::unreachable::{self, Asked, LOCK, Settled};
use crate::{input, missing, output};

/// Show which conditions of the policies the cases see decide, both ways.
///
/// A condition is an operand of `&&`, `||`, `!` or `if`. It decides where its policy comes out otherwise if it
/// alone had the other value (masking MC/DC). Conditions that can never decide one way are named in
/// `unreachable.toml` beside the cases.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
    /// A file of conditions that can never decide one way; by default `unreachable.toml` beside the cases.
    #[arg(long, value_name = "FILE")]
    unreachable: Option<PathBuf>,
    /// Percent below which the run ends with exit code 4.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = a_percentage)]
    fail_under: f64,
    /// Prove with a solver that what is said to be unreachable is so; what was proved is kept in `proofs.lock` of the
    /// policy folder.
    #[arg(long)]
    prove: bool,
    /// With --prove: ask no solver; what is not in `proofs.lock`, proved of just these policies, is not proved.
    #[arg(long, requires = "prove")]
    locked: bool,
    /// Write to this new file, for each condition that no case sees decide and that can, a case in which it does.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Show the text of every policy, also where all is covered.
    #[arg(long)]
    all: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The policies' text with what is missing beside it.
    #[default]
    Text,
    /// One page for a browser.
    Html,
    /// What coverage services read: lines and branches.
    Lcov,
    /// One value of JSON.
    Json,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    args.cases.policies.own()?;
    args.save.as_deref().map(missing::is_free).transpose()?;
    let suite = args.cases.load()?;
    let (coverage, claims) = measure(&suite, &args.cases, args.unreachable.as_ref())?;
    if let Some(path) = &args.save {
        let sources = args.cases.policies.sources()?;
        output::besides(missing::of_coverage(path, &coverage, &suite, &sources, terminal), terminal);
    }
    match args.format {
        Format::Text => output::print(&text::text(&suite.ward, &coverage, args.all, terminal))?,
        Format::Html => output::print(&html::html(&suite.ward, &coverage))?,
        Format::Lcov => {
            let folder = args.cases.policies.folder();
            output::print(&lcov::lcov(&suite.ward, &coverage, folder))?;
        }
        Format::Json => output::print_json(&coverage)?,
    }
    let found = percent(coverage.sides());
    if found < args.fail_under {
        say(&format!("error: {found:.1} % is covered, less than {} %", args.fail_under));
        return Ok(Exit::Unmet);
    }
    if args.prove {
        let lock = args.cases.policies.folder().map(|folder| folder.join(LOCK));
        let asked = Asked {
            lock: lock.as_deref(),
            #[cfg(feature = "prove")]
            since: None,
            locked: args.locked,
        };
        return prove(&suite.ward, &args.cases.policies.sources()?, &claims, asked, terminal);
    }
    Ok(Exit::Success)
}

/// Proves the claims, and tells those that are not.
pub(crate) fn prove(
    ward: &Ward,
    sources: &Sources,
    claims: &[Claim],
    asked: Asked<'_>,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let proofs = match unreachable::settle(ward, sources, claims, asked, terminal)? {
        Settled::Proofs(proofs, _) => proofs,
        Settled::NoSolver(why) => {
            say(&format!("error: nothing is proved unreachable: {why}"));
            return Ok(Exit::NoSolver);
        }
    };
    let mut exit = Exit::Success;
    for (claim, proof) in claims.iter().zip(proofs) {
        let line = ward.source(&claim.policy).map_or(1, |source| {
            1 + source.text.bytes().take(claim.span.start).filter(|&byte| byte == b'\n').count()
        });
        let what = format!("line {line} of `{}` never decides by being {}", claim.policy, claim.decides);
        match proof {
            Proof::Equivalent => terminal.note(&format!("proved: {what}")),
            Proof::Different(_) => {
                say(&format!("error: refuted: {what}"));
                exit = Exit::Unmet;
            }
            Proof::Unknown(why) => {
                say(&format!("error: not proved: {what}: {why}"));
                if exit == Exit::Success {
                    exit = Exit::Undecided;
                }
            }
        }
    }
    Ok(exit)
}

/// What the cases cover, and the claims that what they do not cover cannot be.
pub(crate) fn measure(
    suite: &Suite,
    args: &CaseArgs,
    unreachable: Option<&PathBuf>,
) -> Result<(Coverage, Vec<Claim>), Failure> {
    let mut coverage = suite.ward.coverage(suite.cases())?;
    let mut files: Vec<PathBuf> = unreachable.cloned().into_iter().collect();
    if unreachable.is_none() {
        for folder in args.paths().into_iter().filter(|path| path.is_dir()) {
            let file = folder.join(UNREACHABLE);
            files.extend(input::is_there(&file)?.then_some(file));
        }
    }
    let mut claims = Vec::new();
    for file in files {
        let text = input::text(&file, input::MAX_WRITTEN)?;
        let name = file.display().to_string();
        match coverage.excuse(&name, &text) {
            Ok(found) => claims.extend(found),
            Err(error) => return Err(Failure::Cases(cases::reports(&error, &Source::new(name, text)))),
        }
    }
    Ok((coverage, claims))
}

fn a_percentage(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "not a number from 0 to 100".to_owned())
}

/// Rounded down, so that 100 is said of all alone.
pub(crate) fn percent((covered, sides): (usize, usize)) -> f64 {
    if covered == sides {
        return 100.0;
    }
    (1_000.0 * covered as f64 / sides.max(1) as f64).floor() / 10.0
}

/// A policy's text by line, each with its number and where it starts.
fn lines(ward: &Ward, id: &str) -> Vec<(usize, usize, String)> {
    let text = ward.source(id).map(|source| source.text.clone()).unwrap_or_default();
    let mut start = 0;
    let lines = text.split_inclusive('\n').enumerate().map(|(at, line)| {
        let found = (at + 1, start, line.trim_end_matches(['\n', '\r']).to_owned());
        start += line.len();
        found
    });
    lines.collect()
}
