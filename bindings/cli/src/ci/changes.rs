//! The steps that compare with the base: who gains and loses what, and which protections are changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use caseward::author::Diff;

#[cfg(feature = "prove")]
use super::beyond::{self, Beyond};
use super::{Change, SAMPLE, Step, step};
#[cfg(feature = "prove")]
use crate::diff::Gained;
use crate::diff::{self, Report};
use crate::exit::Exit;
use crate::failure::{Failure, counted, printable};
use crate::load::DataArgs;
use crate::sample::MadeUpData;
use crate::terminal::Terminal;

/// What the schema of now does not have any more cannot be asked of it: nothing says what the change allows.
fn incomparable(why: &str) -> Step {
    let said = "what the change allows cannot be told: the policies of the version before cannot be used under the schema of now";
    let details = format!(
        "{}\n\nWhat policies name is renamed, or taken out, in changes that can each be compared: first the schema gets the new \
         name beside the old one, then the policies name the new one, then the schema loses the old one, which no policy of the \
         version before names any more.",
        printable(why)
    );
    step("changes", Exit::Unmet, said.to_owned(), details)
}

/// Who gains and loses what: seen on data, and found of all data by a solver.
pub(super) fn changes(change: &mut Change<'_>, terminal: &Terminal) -> Result<Step, Failure> {
    let Some(base) = &change.base else {
        return Ok(step("changes", Exit::Success, String::new(), String::new()));
    };
    // Those of now have been loaded: what cannot be used are those of before.
    let compared = match Diff::new(base, &change.sources) {
        Ok(compared) => compared,
        Err(error) => return Ok(incomparable(&error.to_string())),
    };
    let (no_policy, schema) = (
        compared.changed().is_empty(),
        change.inputs.as_ref().is_some_and(|inputs| inputs.schema_is_changed()),
    );
    let shown = change.inputs.as_ref().is_some_and(|inputs| !inputs.entries.is_empty());
    if no_policy && !shown {
        let said = match schema {
            false => {
                "no decision changes for anybody: no policy is changed that can apply, nor is the schema"
            }
            true => {
                "no policy is changed that can apply. The schema is: what comes to apply to an action by it is told with it, and \
                 what new values of its types could be allowed was not looked for"
            }
        };
        return Ok(step("changes", Exit::Success, said.to_owned(), String::new()));
    }
    let now = change.args.now.ms();
    let (world, drawn, generated) = match &change.args.world {
        Some(file) => (DataArgs { entities: file.clone() }.load(compared.ward(), terminal)?, None, None),
        None => {
            let (MadeUpData { world, of }, drawn) = diff::made_up(&compared, SAMPLE, now, terminal)?;
            (world, Some(drawn), Some((SAMPLE, of)))
        }
    };
    if let Some(inputs) = &mut change.inputs {
        inputs.look(&compared, &world, now)?;
    }
    let found = diff::compare(&compared, (&world, drawn.as_ref()), now, None, terminal)?;
    let setting = diff::Setting {
        old: change.args.base.clone().unwrap_or_default(),
        new: change.folder.display().to_string(),
        generated,
        now,
        schema_is_changed: false,
        schema_is_told_beside: schema,
        // The page tells what is changed of it.
        catalogue_is_changed: false,
        announced_before: Vec::new(),
    };
    let mut report = Report::new(&compared, &world, &found, setting, change.expected.as_ref(), 3);
    let mut asked = if no_policy { Asked::nothing() } else { ask(change, &compared, base, terminal)? };
    if schema {
        asked.under_todays_schema();
    }
    report.matched(&asked.used);
    if let Some(inputs) = &change.inputs {
        report.matched(&inputs.used(change.expected.as_ref()));
    }
    let total =
        |gained: bool| report.lines.iter().filter(|l| l.gained == gained).map(|l| l.decisions).sum::<u64>();
    let said = match no_policy {
        // No decision was compared.
        true => asked.said.clone(),
        false => format!(
            "{}; {} decisions are seen to be gained and {} lost on the data looked at",
            asked.said,
            total(true),
            total(false)
        ),
    };
    let details = format!("{}{}", report.markdown(), asked.details);
    if report.is_announced() && asked.unannounced == 0 {
        return Ok(step("changes", asked.exit, said, details));
    }
    Ok(step("changes", Exit::Unmet, format!("{said}, and not all of what is gained was announced"), details))
}

/// What is changed besides policies, and whether what protects was announced.
pub(super) fn inputs(change: &Change<'_>) -> Result<Step, Failure> {
    let Some(inputs) = &change.inputs else {
        return Ok(step("inputs", Exit::Success, String::new(), String::new()));
    };
    let open = inputs.unannounced(change.expected.as_ref());
    let said = match change.args.cases.are_elsewhere() {
        true => format!("{}; the cases that are named on the command line were not compared", inputs.said()),
        false => inputs.said(),
    };
    Ok(match open.len() {
        0 => step("inputs", Exit::Success, said, String::new()),
        n => {
            let said = format!("{said}; {} not announced", counted(n, "change") + " of what protects");
            let details: Vec<String> = open.iter().map(|line| format!("- {line}")).collect();
            step("inputs", Exit::Unmet, said, details.join("\n"))
        }
    })
}

/// What a solver says of the kinds of request that are changed.
struct Asked {
    exit: Exit,
    said: String,
    details: String,
    /// Gains that nobody announced.
    unannounced: usize,
    /// Announcements that a gain matches.
    used: BTreeSet<usize>,
}

impl Asked {
    fn nothing() -> Self {
        let said = "no policy is changed that can apply".to_owned();
        Asked { exit: Exit::Success, said, details: String::new(), unannounced: 0, used: BTreeSet::new() }
    }

    /// Both versions were asked about under the schema of now, and another was in force before.
    fn under_todays_schema(&mut self) {
        let less = "what the changed schema gives or takes by itself was not looked for";
        self.said = format!("of both versions' policies under the schema of now: {}; {less}", self.said);
        let _ = write!(
            self.details,
            "\nBoth versions' policies were asked about under the schema of now: {less}.\n"
        );
    }

    /// Nobody could be asked.
    fn nobody(exit: Exit, why: &str) -> Self {
        let said = format!("of all data nothing is known: {}", printable(why));
        let details = format!(
            "\n### Of all data\n\n**Nothing is known of all data**, only what was seen above: {}\n",
            printable(why)
        );
        Asked { exit, said, details, unannounced: 0, used: BTreeSet::new() }
    }
}

#[cfg(not(feature = "prove"))]
fn ask(_: &Change<'_>, _: &Diff, _: &caseward::Sources, _: &Terminal) -> Result<Asked, Failure> {
    Ok(Asked::nobody(Exit::NoSolver, crate::unproved::WHY))
}

#[cfg(feature = "prove")]
fn ask(
    change: &Change<'_>,
    diff: &Diff,
    base: &caseward::Sources,
    terminal: &Terminal,
) -> Result<Asked, Failure> {
    use crate::prove::{self, Error, NoSolver, Standing};
    let compared = match prove::compare(change.suite.ward.clone(), &change.sources, base, terminal) {
        Ok(compared) => compared,
        Err(Error::NoSolver(NoSolver::Missing(why))) => return Ok(Asked::nobody(Exit::NoSolver, &why)),
        Err(Error::NoSolver(NoSolver::Faulty(why))) => return Ok(Asked::nobody(Exit::SolverFault, &why)),
        Err(other) => return Err(other.into()),
    };
    let mut details = String::from("\n### Of all data, as a solver finds it and the engine confirms\n\n");
    let (mut unannounced, mut used, mut exit) = (0, BTreeSet::new(), Exit::Success);
    // Kinds of request with gains that are announced, as far as one example tells.
    let mut covered = BTreeSet::new();
    for found in compared.iter().filter(|found| found.standing != Standing::Proved) {
        let what = if found.gained { "gained" } else { "lost" };
        let kinds = kinds(&found.kinds);
        match (&found.story, &found.why) {
            (Some(story), _) => {
                let open = if found.gained { announced(change, diff, found, &mut used) } else { Vec::new() };
                unannounced += open.len();
                let _ = writeln!(details, "- **{what}**: {kinds}");
                if !open.is_empty() {
                    let _ = writeln!(details, "  **Not announced:** {}.", printable(&open.join(", ")));
                }
                quote(&mut details, story);
                if found.gained && open.is_empty() {
                    covered.extend(found.kinds.iter().cloned());
                }
            }
            (None, why) => {
                let why = why.as_deref().unwrap_or("no reason is given");
                let _ = writeln!(
                    details,
                    "- **not known** whether anything is {what}: {kinds}: {}",
                    printable(why)
                );
                if exit != Exit::SolverFault {
                    let faulty = found.standing == Standing::SolverFault;
                    exit = if faulty { Exit::SolverFault } else { Exit::Undecided };
                }
            }
        }
    }
    let beyond = beyond::seek(change, diff, base, &covered, terminal)?;
    unannounced += beyond.iter().filter(|more| more.story.is_some()).count();
    if exit == Exit::Success && beyond.iter().any(|more| more.story.is_none()) {
        exit = Exit::Undecided;
    }
    beyond.iter().for_each(|more| tell_beyond(&mut details, more));
    for (gained, what) in [(true, "gained"), (false, "lost")] {
        let proved = compared.iter().filter(|f| f.gained == gained && f.standing == Standing::Proved);
        let all: Vec<(String, String)> = proved.flat_map(|found| found.kinds.clone()).collect();
        if !all.is_empty() {
            let _ = writeln!(details, "- nothing is {what}, proved of all data: {}", kinds(&all));
        }
    }
    let stories = |gained| compared.iter().filter(|f| f.gained == gained && f.story.is_some()).count();
    let said = match (stories(true), stories(false), exit) {
        (0, 0, Exit::Success) => "no decision changes for anybody, proved of all data".to_owned(),
        (gained, lost, _) => format!(
            "a solver finds gains in {} and losses in {}",
            counted(gained, "kind") + " of request",
            counted(lost, "kind") + " of request",
        ),
    };
    Ok(Asked { exit, said, details, unannounced, used })
}

#[cfg(feature = "prove")]
fn quote(details: &mut String, story: &str) {
    story.lines().for_each(|told| {
        let _ = writeln!(details, "  > {}", printable(told));
    });
}

/// What is gained beyond the announcements, or that this is not known.
#[cfg(feature = "prove")]
fn tell_beyond(details: &mut String, more: &Beyond) {
    let kind = kinds(std::slice::from_ref(&more.kind));
    match (&more.story, &more.why) {
        (Some(story), _) => {
            let _ = writeln!(details, "- **Not announced:** {kind}, beyond what is announced of it");
            quote(details, story);
        }
        (None, why) => {
            let why = printable(why.as_deref().unwrap_or_default());
            let _ = writeln!(
                details,
                "- **not known** whether anything is gained beyond what is announced: {kind}: {why}"
            );
        }
    }
}

/// The actions of a gain that nobody announced.
#[cfg(feature = "prove")]
fn announced(
    change: &Change<'_>,
    diff: &Diff,
    found: &crate::prove::Compared,
    used: &mut BTreeSet<usize>,
) -> Vec<String> {
    let policy = |id: &str| diff.ward().policy(id).or_else(|| diff.old().policy(id));
    let rule = |id: &str| policy(id).and_then(|policy| policy.rule.as_deref());
    let by: Vec<(&str, Option<&str>)> = found.policies.iter().map(|id| (id.as_str(), rule(id))).collect();
    let mut open = Vec::new();
    for (action, resource_type) in &found.kinds {
        let gained = Gained { action, resource_type, by: by.clone(), roles: &found.roles };
        let fitting = change.expected.as_ref().map_or_else(Vec::new, |expected| expected.fitting(&gained));
        if fitting.is_empty() {
            open.push(format!("{action} on {resource_type}"));
        }
        used.extend(fitting);
    }
    open
}

/// Such as `viewSummary, viewRecord on Case`.
#[cfg(feature = "prove")]
fn kinds(all: &[(String, String)]) -> String {
    let mut by_type: std::collections::BTreeMap<&str, BTreeSet<&str>> = std::collections::BTreeMap::new();
    for (action, resource_type) in all {
        by_type.entry(resource_type).or_default().insert(action);
    }
    let said: Vec<String> = by_type
        .into_iter()
        .map(|(ty, actions)| format!("{} on {ty}", actions.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    printable(&said.join("; "))
}
