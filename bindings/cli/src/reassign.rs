//! `caseward reassign`: many cases go to another case manager, with an answer for each.

use caseward::EntityUid;
use caseward_store::{Outcome, Reassignment};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::question::uid;
use crate::store::{StoreArgs, failed};
use crate::terminal::Terminal;

/// Give many cases to another case manager: one command a case, and a line for each answer, in JSON.
///
/// Each is decided by itself, and one that is denied or refused stops no other. It ends with 1 if any was invalid, else with 2
/// if any was denied or refused.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Who does it, such as 'User::"u1"'.
    #[arg(long, value_name = "UID")]
    principal: String,
    /// Who is to have the cases.
    #[arg(long, value_name = "UID")]
    to: String,
    /// All open cases of this case manager that may go to whom they are given, longest open first.
    #[arg(long, value_name = "UID", required_unless_present = "cases", conflicts_with = "cases")]
    from: Option<String>,
    /// What it is for, in words; it is kept with each decision.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Makes it safe to send again: what was done under it is not done twice, for 30 days.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The cases, such as 'Case::"c1"'.
    #[arg(value_name = "CASE")]
    cases: Vec<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let (by, to) = (uid("--principal", &args.principal)?, uid("--to", &args.to)?);
    let store = args.store.open()?;
    store.tick().map_err(failed)?;
    let cases: Vec<EntityUid> = match &args.from {
        Some(from) => {
            let now = store.now().map_err(failed)?;
            store.reassignable(&by, &uid("--from", from)?, &to, now).map_err(failed)?
        }
        None => args.cases.iter().map(|case| uid("CASE", case)).collect::<Result<_, _>>()?,
    };
    if cases.is_empty() {
        terminal.note("no open case of theirs may go there: nothing was done");
    }
    let mut all = Reassignment::new(by, to, cases);
    (all.purpose, all.key) = (args.purpose.clone(), args.key.clone());
    let answers = store.reassign(&all).map_err(failed)?;
    let mut out = output::stdout();
    for answer in &answers {
        output::json_line(&mut out, answer)?;
    }
    output::finish(out)?;
    let any = |all: &[Outcome]| answers.iter().any(|one| all.contains(&one.answer.outcome));
    Ok(if any(&[Outcome::Invalid]) {
        Exit::Failure
    } else if any(&[Outcome::Denied, Outcome::Refused]) {
        Exit::Deny
    } else {
        Exit::Success
    })
}
