//! Differences counted and listed: by role, rule and organisation, each with the policy responsible.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use caseward::author::{Diff, Difference};
use caseward::{EntityUid, World};
use roaring::RoaringBitmap;
use serde::Serialize;

use super::Found;
use super::expected::{Expected, Gained};
use crate::failure::{Failure, counted, printable};
use crate::{instant, output};

/// Organisations that one line counts by name.
const MOST_ORGANISATIONS: usize = 20;

/// What was compared.
pub(crate) struct Setting {
    pub(crate) old: String,
    pub(crate) new: String,
    /// Cases of a made-up world, or records of each type, and the same in words.
    pub(crate) generated: Option<(usize, String)>,
    pub(crate) now: i64,
    /// Whether the two versions have schemas with other texts.
    pub(crate) schema_is_changed: bool,
    /// Whether they have, and what that gives by itself stands on the same page.
    pub(crate) schema_is_told_beside: bool,
    /// Whether the two versions have catalogues with other texts.
    pub(crate) catalogue_is_changed: bool,
    /// Announcements that stood in the older version as they stand now.
    pub(crate) announced_before: Vec<String>,
}

/// What is gained or lost by a role for one policy's sake.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) gained: bool,
    pub(crate) policy: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) resource_type: String,
    /// People, records, and decisions: a person, an action and a record each.
    pub(crate) people: u64,
    pub(crate) records: u64,
    pub(crate) decisions: u64,
    /// Decisions by organisation, the most first.
    pub(crate) organisations: Vec<(String, u64)>,
    /// Organisations that are left out there.
    pub(crate) other_organisations: usize,
    /// Some of the people, each with some of the records.
    pub(crate) examples: Vec<(String, Vec<String>)>,
    /// Actions that are gained and that no file of expected changes announces.
    pub(crate) unannounced: Vec<String>,
    /// Announced as at most so many decisions, which it is more than.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) announced_at_most: Option<u64>,
}

/// What a change of policies changes.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    old: String,
    new: String,
    now: Option<String>,
    /// Later instants that were looked at besides, since policies name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    later: Vec<String>,
    /// Such that were not.
    #[serde(skip)]
    later_left_out: usize,
    /// Whether it can come out otherwise at other instants.
    #[serde(skip)]
    reads_now: bool,
    /// Whether the schema says something else, so that what it does by itself is not told here.
    schema_is_changed: bool,
    #[serde(skip)]
    schema_is_told_beside: bool,
    /// Whether the catalogue says something else: who sees which field is not told here.
    catalogue_is_changed: bool,
    /// Cases of the made-up world, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_up_cases: Option<usize>,
    #[serde(skip)]
    made_up: Option<String>,
    people_looked_at: usize,
    people: usize,
    /// Records of the types that the kinds of request that changed are about.
    records: usize,
    /// Kinds of request that changed; those that changed alike are one.
    kinds: usize,
    entities: usize,
    /// Actions that were looked at under some of the circumstances that there can be, and under how many.
    some_circumstances: Vec<(String, usize)>,
    pub(crate) lines: Vec<Line>,
    /// Reasons of announcements that nothing matches.
    unused: Vec<String>,
    /// Their places in the file.
    #[serde(skip)]
    unused_at: Vec<usize>,
    /// Announcements that stood there before and announce nothing now.
    announced_before: Vec<String>,
}

type Key = (bool, Option<std::sync::Arc<str>>, Vec<std::sync::Arc<str>>, usize);

#[derive(Default)]
struct Gathered<'a> {
    people: BTreeSet<&'a EntityUid>,
    records: RoaringBitmap,
    decisions: u64,
    organisations: BTreeMap<&'a EntityUid, u64>,
    examples: Vec<(String, Vec<String>)>,
}

impl Report {
    pub(crate) fn new(
        diff: &Diff,
        world: &World,
        found: &Found,
        setting: Setting,
        expected: Option<&Expected>,
        list: usize,
    ) -> Self {
        let mut gathered: BTreeMap<Key, Gathered<'_>> = BTreeMap::new();
        for difference in &found.differences {
            let Some(changed) = diff.changed().get(difference.changed) else { continue };
            let key =
                (!difference.gained, difference.policy.clone(), difference.roles.clone(), difference.changed);
            let line = gathered.entry(key).or_default();
            let decisions = difference.records.len() * changed.actions.len() as u64;
            line.people.insert(&difference.person);
            line.records |= &difference.records;
            line.decisions += decisions;
            for organisation in &difference.organisations {
                *line.organisations.entry(organisation).or_default() += decisions;
            }
            if line.examples.len() < list {
                let records = diff.records(world, difference).take(list).map(|uid| uid.to_string());
                line.examples.push((difference.person.to_string(), records.collect()));
            }
        }
        let mut lines: Vec<Line> = gathered.into_iter().filter_map(|(key, of)| line(diff, key, of)).collect();
        let mut used = BTreeSet::new();
        for line in lines.iter_mut().filter(|line| line.gained) {
            for action in line.actions.clone() {
                let fitting =
                    expected.map_or_else(Vec::new, |expected| expected.fitting(&line.gains(&action)));
                let most = |at: &usize| expected.and_then(|expected| expected.gain.get(*at))?.at_most;
                if !fitting.iter().any(|at| most(at).is_none_or(|most| line.decisions <= most)) {
                    line.announced_at_most = fitting.iter().filter_map(most).max();
                    line.unannounced.push(action);
                }
                used.extend(fitting);
            }
        }
        let unused = expected.iter().flat_map(|expected| expected.gain.iter().enumerate());
        let unused = unused.filter(|(at, _)| !used.contains(at)).map(|(at, gain)| (gain.reason.clone(), at));
        let (unused, unused_at) = unused.unzip();
        let types: BTreeSet<&str> =
            diff.changed().iter().map(|changed| changed.resource_type.as_ref()).collect();
        let some = diff.changed().iter().zip(&found.circumstances).filter(|(_, (_, complete))| !complete);
        let instants = diff.instants(setting.now);
        Report {
            old: setting.old,
            new: setting.new,
            now: instant::show(setting.now),
            later: instants.later.iter().filter_map(|at| instant::show(*at)).collect(),
            later_left_out: instants.left_out,
            reads_now: diff.reads_now(),
            schema_is_changed: setting.schema_is_changed,
            schema_is_told_beside: setting.schema_is_told_beside,
            catalogue_is_changed: setting.catalogue_is_changed,
            made_up_cases: setting.generated.as_ref().map(|(cases, _)| *cases),
            made_up: setting.generated.map(|(_, of)| of),
            people_looked_at: found.people.0,
            people: found.people.1,
            records: types.into_iter().map(|ty| world.count(ty).unwrap_or(0)).sum(),
            kinds: diff.changed().len(),
            entities: world.len(),
            some_circumstances: some.map(|(changed, (n, _))| (changed.actions.join(", "), *n)).collect(),
            lines,
            unused,
            unused_at,
            announced_before: setting.announced_before,
        }
    }

    /// Takes note that gains which were found elsewhere match these announcements.
    pub(crate) fn matched(&mut self, used: &BTreeSet<usize>) {
        let unused = self.unused.drain(..).zip(self.unused_at.drain(..));
        (self.unused, self.unused_at) =
            unused.filter(|(_, at)| !used.contains(at)).collect::<Vec<_>>().into_iter().unzip();
    }

    /// Whether nothing is gained but what is announced.
    pub(crate) fn is_announced(&self) -> bool {
        self.lines.iter().all(|line| line.unannounced.is_empty())
    }

    /// For a review.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("# What changes from `{}` to `{}`\n\n", plain(&self.old), plain(&self.new));
        let _ = writeln!(out, "{}\n", self.looked_at());
        for (title, gained) in [("Gained", true), ("Lost", false)] {
            let lines: Vec<&Line> = self.lines.iter().filter(|line| line.gained == gained).collect();
            if lines.is_empty() {
                let _ = writeln!(out, "**{title}:** {}.\n", self.none());
                continue;
            }
            let _ = writeln!(out, "## {title}\n");
            let _ = writeln!(out, "| rule | policy | role | actions | on | people | records | decisions |");
            let _ = writeln!(out, "|---|---|---|---|---|---:|---:|---:|");
            for line in &lines {
                let _ = writeln!(
                    out,
                    "| {} | `{}` | {} | {} | {} | {} | {} | {} |",
                    plain(line.rule.as_deref().unwrap_or("—")),
                    plain(line.policy.as_deref().unwrap_or("several together")),
                    plain(&or_none(&line.roles)),
                    plain(&line.actions.join(", ")),
                    plain(&line.resource_type),
                    line.people,
                    line.records,
                    line.decisions
                );
            }
            out.push('\n');
            lines.iter().for_each(|line| details(&mut out, line));
        }
        for reason in &self.unused {
            let _ = writeln!(out, "Announced, and nothing that was seen matches it: {}\n", plain(reason));
        }
        out.push_str(&told_before(&self.announced_before));
        let unannounced = self.lines.iter().filter(|line| !line.unannounced.is_empty()).count();
        if unannounced > 0 {
            let _ = writeln!(out, "**{} not announced.**", counted(unannounced, "gain"));
        }
        out
    }

    /// What it means that nothing was found.
    fn none(&self) -> String {
        if self.kinds == 0 && self.schema_is_changed {
            return "none was looked for: no policy is changed that can apply, and what the changed schema gives by itself \
                    is not told here"
                .to_owned();
        }
        if self.kinds == 0 && self.schema_is_told_beside {
            return "none was looked for: no policy is changed that can apply, and what the changed schema gives by itself is told \
                    apart from this"
                .to_owned();
        }
        if self.kinds == 0 {
            return "nothing: no policy is changed that can apply".to_owned();
        }
        let data = if self.made_up_cases.is_some() { "made-up data" } else { "the data given" };
        let seen = format!(
            "none seen among {} people and {} records, on {data}",
            self.people_looked_at, self.records
        );
        // Both versions were read under the newer schema.
        let schema = "; what the changed schema gives by itself was not looked for";
        if self.schema_is_changed { seen + schema } else { seen }
    }

    /// What was looked at: all, or plainly what not.
    fn looked_at(&self) -> String {
        let mut said = match &self.made_up {
            Some(of) => format!(
                "On made-up data with {of}, drawn towards what is changed (each such situation at an instant that suits it)"
            ),
            None => format!("On the data given ({} entities)", self.entities),
        };
        let _ = write!(
            said,
            ", as of {}{}. ",
            self.now.as_deref().unwrap_or("the instant given"),
            self.instants()
        );
        let _ = match self.people_looked_at == self.people {
            _ if self.kinds == 0 => {
                write!(
                    said,
                    "No policy is changed that can apply: no decision was compared. Invariants, guarantees and cases are not \
                     looked at here: `caseward ci --base` compares them."
                )
            }
            true => write!(said, "All {} people were looked at, and all records.", self.people),
            false => write!(
                said,
                "**A sample: {} of {} people were looked at**, with all records; others may gain or lose besides.",
                self.people_looked_at, self.people
            ),
        };
        for (actions, circumstances) in &self.some_circumstances {
            let _ = write!(
                said,
                " `{}` depends on circumstances, of which {circumstances} were tried and not all that there can be.",
                plain(actions)
            );
        }
        if self.schema_is_changed {
            said += " The schema is changed too; both versions were read under the newer one, so that what it gives or \
                takes by itself is not told here: `caseward ci --base` tells it.";
        }
        if self.catalogue_is_changed {
            said += " The catalogue is changed too; who sees which field is not told here: `caseward ci --base` tells it.";
        }
        said
    }

    /// The instants besides the one that is given, and what is not known of others.
    fn instants(&self) -> String {
        if !self.reads_now {
            return String::new();
        }
        let mut said = match self.later.as_slice() {
            [] => " alone; the policies name no later instant".to_owned(),
            later => format!(", and of the later instants that the policies name: {}", later.join(", ")),
        };
        if self.later_left_out > 0 {
            let _ = write!(said, ", but for the last {}", self.later_left_out);
        }
        said + " (where they compare it with what stands in the data, it may come out otherwise at others: `--now`)"
    }
}

/// Announcements that are named one by one.
const MOST_BEFORE: usize = 10;

/// What was announced of an earlier change, and is not of this one.
pub(crate) fn told_before(all: &[String]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "Announced before, unchanged in the version that this one is compared with, so that it announces nothing now:\n\n",
    );
    all.iter().take(MOST_BEFORE).for_each(|one| {
        let _ = writeln!(out, "- {}", plain(one));
    });
    if let Some(rest) = all.len().checked_sub(MOST_BEFORE).filter(|rest| *rest > 0) {
        let _ = writeln!(out, "- and {rest} more");
    }
    out.push('\n');
    out
}

impl Line {
    /// One action of it, as it may be announced.
    fn gains<'a>(&'a self, action: &'a str) -> Gained<'a> {
        let by = self.policy.iter().map(|policy| (policy.as_str(), self.rule.as_deref())).collect();
        Gained { action, resource_type: &self.resource_type, by, roles: &self.roles }
    }
}

fn line(diff: &Diff, (lost, policy, roles, changed): Key, of: Gathered<'_>) -> Option<Line> {
    let changed = diff.changed().get(changed)?;
    let about = policy.as_deref().and_then(|id| diff.ward().policy(id).or_else(|| diff.old().policy(id)));
    let mut organisations: Vec<(String, u64)> =
        of.organisations.into_iter().map(|(organisation, n)| (organisation.to_string(), n)).collect();
    organisations.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let other_organisations = organisations.len().saturating_sub(MOST_ORGANISATIONS);
    organisations.truncate(MOST_ORGANISATIONS);
    Some(Line {
        gained: !lost,
        rule: about.and_then(|policy| policy.rule.as_deref().map(str::to_owned)),
        description: about.and_then(|policy| policy.description.as_deref().map(str::to_owned)),
        policy: policy.map(|id| id.to_string()),
        roles: roles.iter().map(ToString::to_string).collect(),
        actions: changed.actions.iter().map(ToString::to_string).collect(),
        resource_type: changed.resource_type.to_string(),
        people: of.people.len() as u64,
        records: of.records.len(),
        decisions: of.decisions,
        organisations,
        other_organisations,
        examples: of.examples,
        unannounced: Vec::new(),
        announced_at_most: None,
    })
}

fn details(out: &mut String, line: &Line) {
    let what = if line.gained { "gained" } else { "lost" };
    let _ = writeln!(
        out,
        "### {} {what} by {}: {} on {}\n",
        plain(line.rule.as_deref().unwrap_or("Several rules")),
        plain(&or_none(&line.roles)),
        plain(&line.actions.join(", ")),
        plain(&line.resource_type)
    );
    if let Some(description) = &line.description {
        let _ = writeln!(out, "{}\n", plain(description));
    }
    if !line.unannounced.is_empty() {
        let actions = plain(&line.unannounced.join(", "));
        let _ = match line.announced_at_most {
            Some(most) => writeln!(
                out,
                "**Announced as {most} decisions at most, and it is {}:** {actions}.\n",
                line.decisions
            ),
            None => writeln!(out, "**Not announced:** {actions}.\n"),
        };
    }
    if !line.organisations.is_empty() {
        let counted: Vec<String> =
            line.organisations.iter().map(|(name, n)| format!("{} {n}", plain(name))).collect();
        let more = if line.other_organisations > 0 {
            format!(" and {} more", line.other_organisations)
        } else {
            String::new()
        };
        let _ = writeln!(out, "By organisation: {}{more}.\n", counted.join(", "));
    }
    for (person, records) in &line.examples {
        let _ = writeln!(out, "- {}: {}", plain(person), plain(&records.join(", ")));
    }
    if !line.examples.is_empty() {
        let shown = line.examples.len() as u64;
        let rest = line.people.saturating_sub(shown);
        let _ =
            writeln!(out, "{}", if rest > 0 { format!("- and {rest} more people\n") } else { String::new() });
    }
}

fn or_none(roles: &[String]) -> String {
    if roles.is_empty() { "no role that the policy reads".to_owned() } else { roles.join(", ") }
}

/// The text as part of a table in Markdown.
fn plain(text: &str) -> String {
    printable(text).replace(['\n', '\r'], " ").replace('|', "\\|").replace('<', "&lt;")
}

/// A line for each person, action and record.
pub(crate) fn csv(diff: &Diff, world: &World, differences: &[Difference]) -> Result<(), Failure> {
    let mut out = output::stdout();
    output::line(&mut out, "change,person,action,record,policy,rule,roles,organisations")?;
    for difference in differences {
        let Some(changed) = diff.changed().get(difference.changed) else { continue };
        let change = if difference.gained { "gained" } else { "lost" };
        let person = difference.person.to_string();
        let policy = difference.policy.as_deref().unwrap_or("");
        let about = diff.ward().policy(policy).or_else(|| diff.old().policy(policy));
        let rule = about.and_then(|policy| policy.rule.as_deref()).unwrap_or("");
        let roles = difference.roles.join(" ");
        let organisations: Vec<String> = difference.organisations.iter().map(ToString::to_string).collect();
        let organisations = organisations.join(" ");
        let mut lines = csv::Writer::from_writer(Vec::new());
        for record in diff.records(world, difference) {
            let record = record.to_string();
            for action in &changed.actions {
                let cells = [change, &person, action, &record, policy, rule, &roles, &organisations];
                lines.write_record(cells.map(|text| unformulated(text).into_owned())).map_err(unwritten)?;
            }
        }
        let lines = lines.into_inner().map_err(|e| unwritten(e.into_error().into()))?;
        for line in String::from_utf8_lossy(&lines).split_terminator('\n') {
            output::line(&mut out, line)?;
        }
    }
    output::finish(out)
}

/// What cannot be: memory takes all.
fn unwritten(error: csv::Error) -> Failure {
    Failure::other(format!("cannot lay out a line: {error}"))
}

/// A cell that no spreadsheet takes for a formula.
fn unformulated(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}
