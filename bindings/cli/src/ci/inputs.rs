//! What was changed besides policies: invariants, guarantees, who fits, the catalogue, the schema, cases, claims, and all other
//! files of the folder, such as the readings that policies carry out.
//!
//! INVARIANT: every file of the folder is compared; what protects and is changed has to be announced, since what is
//! proved or tested afterwards is proved of the changed text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use caseward::author::{CaseFile, Diff};
use caseward::{Effect, FilePart, Sources, Ward, World};
use similar::{ChangeTag, TextDiff};

use super::cases::Cases;
use super::catalogue::{self, Entry};
use super::tree::{Tree, is_unreachable};
use crate::diff::{self, Announced, Expected, Gained};
use crate::failure::{Failure, counted, printable};

/// One text that protects, before and after; `None` where there is none.
pub(super) struct Protection {
    /// `invariant`, `guarantee` or `fit`.
    pub(super) kind: &'static str,
    /// As `invariants.X2-consent`.
    pub(super) id: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    /// Whether it protects less by it, or may: what is new protects more, but for who fits.
    is_to_be_announced: bool,
}

/// The folders of what protects, by its kind, each with what one is called and its title on the page.
const PROTECTING: [(&str, &str, &str, &str); 3] = [
    ("invariant", "invariants", "invariant", "Invariants"),
    ("guarantee", "guarantees", "guarantee", "Guarantees"),
    ("fit", "fits", "fit condition", "Who fits where a record names somebody"),
];

/// A permit that applies where it did not, or a forbid that does not where it did, for the schema's sake alone.
struct BySchema {
    policy: Arc<str>,
    rule: Option<Arc<str>>,
    /// Whether it applies now and did not.
    comes: bool,
    action: String,
    resource_type: String,
}

/// A claim, or a condition of who fits, that speaks of a kind of request no longer, for the schema's sake alone.
#[derive(PartialEq)]
struct Narrowed {
    kind: &'static str,
    id: Arc<str>,
    action: String,
    resource_type: String,
}

/// All that was changed besides policies.
pub(super) struct Inputs {
    pub(super) protections: Vec<Protection>,
    pub(super) entries: Vec<Entry>,
    /// People who were asked about what the catalogue shows.
    people: usize,
    /// Why the earlier catalogue cannot be compared.
    unreadable: Option<String>,
    schema: Option<String>,
    by_schema: Vec<BySchema>,
    narrowed: Vec<Narrowed>,
    cases: Option<Cases>,
    claims: Option<String>,
    /// Other files of the folder: their names, and what is changed of them.
    others: BTreeMap<String, String>,
}

impl Inputs {
    /// Compares two versions; `ward` and `files` are of the newer one.
    pub(super) fn new(before: &Tree, after: &Tree, ward: &Ward, files: &[CaseFile]) -> Self {
        let mut protections = Vec::new();
        for (kind, folder, ..) in PROTECTING {
            protections.extend(protected(kind, folder, before, after));
        }
        let old = before.sources().map(|sources| Ward::new(&sources));
        let (entries, unreadable) = match &old {
            Some(Ok(old)) => (catalogue::entries(&old.catalogue_entries(), &ward.catalogue_entries()), None),
            Some(Err(error)) => (Vec::new(), Some(error.to_string())),
            None => (Vec::new(), Some("there is no schema".to_owned())),
        };
        let old = old.and_then(Result::ok);
        let schema = (before.schema() != after.schema())
            .then(|| patch("schema.cedarschema", before.schema(), after.schema()));
        let by_schema = match (&schema, &old) {
            (Some(_), Some(old)) => by_schema(old, before, after),
            _ => Vec::new(),
        };
        let narrowed = match &schema {
            Some(_) => narrowed(before, after),
            None => Vec::new(),
        };
        let claims_of = |tree: &Tree| {
            let all = tree.below("tests").filter(|(name, _)| is_unreachable(name));
            all.map(|(name, text)| (name.to_owned(), text.to_owned())).collect::<BTreeMap<_, _>>()
        };
        let (claims_before, claims_after) = (claims_of(before), claims_of(after));
        let names: BTreeSet<&String> = claims_before.keys().chain(claims_after.keys()).collect();
        let patches = names.into_iter().filter(|name| claims_before.get(*name) != claims_after.get(*name));
        let text = |all: &BTreeMap<String, String>, name: &String| all.get(name).cloned();
        let claims: String = patches
            .map(|name| {
                patch(name, text(&claims_before, name).as_deref(), text(&claims_after, name).as_deref())
            })
            .collect();
        Inputs {
            protections,
            entries,
            people: 0,
            unreadable,
            schema,
            by_schema,
            narrowed,
            cases: Cases::new(before, after, old.as_ref(), files),
            claims: (!claims.is_empty()).then_some(claims),
            others: others(before, after),
        }
    }

    /// Looks for who sees more, or less, by what the catalogue shows otherwise.
    pub(super) fn look(&mut self, diff: &Diff, world: &World, now: i64) -> Result<(), Failure> {
        self.people = catalogue::look(&mut self.entries, diff, world, now)?;
        Ok(())
    }

    /// What is changed and was not announced, in words.
    pub(super) fn unannounced(&self, expected: Option<&Expected>) -> Vec<String> {
        let nothing = Expected::default();
        let expected = expected.unwrap_or(&nothing);
        let mut open = Vec::new();
        for protection in self.protections.iter().filter(|protection| protection.is_to_be_announced) {
            if matches!(expected.protection(protection.kind, &protection.id), Announced::No) {
                open.push(format!(
                    "{} `{}` {}",
                    protection.kind,
                    printable(&protection.id),
                    protection.what()
                ));
            }
        }
        for entry in &self.entries {
            let said = match entry.announced(expected) {
                Announced::For(_) => continue,
                Announced::No => String::new(),
                Announced::Exceeded { most } => format!(" (announced as {most} records at most)"),
                Announced::Limited => {
                    " (what everybody sees, or nobody can count, is announced without `role` and \
                                       `at_most`)"
                        .to_owned()
                }
            };
            open.push(format!("catalogue `{}` {}{said}", printable(&entry.name()), entry.what()));
        }
        if let Some(why) = &self.unreadable {
            open.push(format!("the catalogue of before cannot be compared: {}", printable(why)));
        }
        for gain in self.by_schema.iter().filter(|gain| gain.announced(expected).is_none()) {
            open.push(format!("by the schema, {}; announced by {}", gain.what(), gain.announcement()));
        }
        for less in self.narrowed.iter().filter(|less| less.announced(expected).is_none()) {
            open.push(format!(
                "by the schema, {}; announced by `[[{}]]` with `id = {}`",
                less.what(),
                less.kind,
                printable(&toml::Value::from(&*less.id).to_string())
            ));
        }
        open
    }

    /// The places of the announcements that gains by the schema match.
    pub(super) fn used(&self, expected: Option<&Expected>) -> BTreeSet<usize> {
        let of = |expected| self.by_schema.iter().filter_map(move |gain| gain.announced(expected));
        expected.into_iter().flat_map(of).map(|(at, _)| at).collect()
    }

    /// Whether a protection is changed, by its kind and name.
    pub(super) fn is_changed(&self, kind: &str, name: &str) -> bool {
        match kind {
            "catalogue" => self.entries.iter().any(|entry| entry.name() == name),
            kind => {
                self.protections.iter().any(|p| p.kind == kind && p.id == name)
                    || self.narrowed.iter().any(|less| less.kind == kind && &*less.id == name)
            }
        }
    }

    /// Whether the claim that an invariant's sentence makes is another than before.
    #[cfg(feature = "prove")]
    pub(super) fn changed_claim(&self, id: &str) -> Option<&Protection> {
        self.protections.iter().find(|protection| protection.id == id)
    }

    pub(super) fn schema_is_changed(&self) -> bool {
        self.schema.is_some()
    }

    /// One sentence.
    pub(super) fn said(&self) -> String {
        let mut said = Vec::new();
        for (kind, _, what, _) in PROTECTING {
            let n = self.protections.iter().filter(|p| p.kind == kind).count();
            if n > 0 {
                said.push(counted(n, what));
            }
        }
        match self.cases.as_ref().map(Cases::len) {
            Some(0) => said.push("the files of cases".to_owned()),
            Some(n) => said.push(counted(n, "case")),
            None => {}
        }
        match self.entries.len() {
            0 => {}
            1 => said.push("1 entry of the catalogue".to_owned()),
            n => said.push(format!("{n} entries of the catalogue")),
        }
        let others = self.others.keys().map(|name| format!("`{}`", printable(name)));
        for (what, is) in [
            ("the schema", self.schema.is_some()),
            ("the claims of what is unreachable", self.claims.is_some()),
        ] {
            if is {
                said.push(what.to_owned());
            }
        }
        said.extend(others);
        match said.as_slice() {
            [] => "nothing besides policies is changed: schema, invariants, guarantees, who fits, catalogue, cases, claims, \
                   annotations, matrix, pages and proofs are as they were"
                .to_owned(),
            _ => format!("changed besides policies: {}", said.join(", ")),
        }
    }

    /// For the page: every change with both texts.
    pub(super) fn markdown(&self, expected: Option<&Expected>) -> String {
        let nothing = Expected::default();
        let expected = expected.unwrap_or(&nothing);
        let mut out = String::new();
        for (kind, _, _, title) in PROTECTING {
            let all: Vec<&Protection> = self.protections.iter().filter(|p| p.kind == kind).collect();
            if !all.is_empty() {
                let _ = writeln!(out, "### {title}\n");
                if kind == "fit" {
                    let _ = writeln!(
                        out,
                        "A case store takes out of a record who no longer fits. Who does is not counted here.\n"
                    );
                }
                all.iter().for_each(|protection| protection.tell(&mut out, expected));
            }
        }
        out.push_str(&catalogue::table(&self.entries, self.unreadable.as_deref(), self.people, expected));
        if let Some(schema) = &self.schema {
            let _ = writeln!(out, "### Schema\n\n{schema}");
            for gain in &self.by_schema {
                let _ = match gain.announced(expected) {
                    Some((_, reason)) => {
                        writeln!(out, "- {} (announced: {})", gain.what(), printable(reason))
                    }
                    None => writeln!(out, "- **{}** (not announced)", gain.what()),
                };
            }
            for less in &self.narrowed {
                let _ = match less.announced(expected) {
                    Some(reason) => writeln!(out, "- {} (announced: {})", less.what(), printable(reason)),
                    None => writeln!(out, "- **{}** (not announced)", less.what()),
                };
            }
            out.push('\n');
        }
        if let Some(cases) = &self.cases {
            cases.tell(&mut out);
        }
        if let Some(claims) = &self.claims {
            let _ = writeln!(out, "### What is said to be unreachable\n\n{claims}");
        }
        if !self.others.is_empty() {
            let _ = writeln!(out, "### Other files\n");
            self.others.values().for_each(|told| out.push_str(told));
            out.push('\n');
        }
        for unused in expected.unused(&|kind, name| self.is_changed(kind, name)) {
            let _ = writeln!(out, "Announced, and nothing is changed of it: {}\n", printable(&unused));
        }
        if let Some(looked_in) = expected.looked_in() {
            let _ = writeln!(
                out,
                "Whether something was announced before was looked for in {}.\n",
                printable(looked_in)
            );
        }
        out.push_str(&diff::told_before(expected.before()));
        out
    }
}

impl Protection {
    fn what(&self) -> &'static str {
        match (&self.before, &self.after) {
            (Some(_), None) => "is taken out",
            (None, _) => "is new",
            _ => "is written otherwise",
        }
    }

    fn tell(&self, out: &mut String, expected: &Expected) {
        let said = |text: &Option<String>| text.as_deref().and_then(description);
        let sentence = said(&self.after).or_else(|| said(&self.before)).unwrap_or_default();
        let _ = writeln!(out, "- `{}` {}: {}", printable(&self.id), self.what(), printable(&sentence));
        match expected.protection(self.kind, &self.id) {
            _ if !self.is_to_be_announced => {}
            Announced::For(reason) => {
                let _ = writeln!(out, "  Announced: {}", printable(reason));
            }
            _ => {
                let _ = writeln!(out, "  **Not announced.**");
            }
        }
        let _ = writeln!(out, "\n{}", patch(&self.id, self.before.as_deref(), self.after.as_deref()));
    }
}

/// Texts of a folder that are not the same in both versions.
fn protected(kind: &'static str, folder: &str, before: &Tree, after: &Tree) -> Vec<Protection> {
    let texts = |tree: &Tree| -> BTreeMap<String, String> {
        let texts = tree.below(folder).filter_map(|(name, text)| {
            let id = name.strip_suffix(".cedar").or_else(|| name.strip_suffix(".cedarschema"))?;
            Some((id.replace('/', "."), text.to_owned()))
        });
        texts.collect()
    };
    let (before, after) = (texts(before), texts(after));
    // A folder's first conditions of who fits take the place of none.
    let new_counts = kind == "fit" && !before.is_empty();
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = ids.into_iter().filter(|id| before.get(*id) != after.get(*id));
    let text = |all: &BTreeMap<String, String>, id: &String| all.get(id).cloned();
    changed
        .map(|id| {
            let (before, after) = (text(&before, id), text(&after, id));
            let is_to_be_announced = before.is_some() || new_counts;
            Protection { kind, id: id.clone(), before, after, is_to_be_announced }
        })
        .collect()
}

/// Files beside the policies that are not the same in both versions, each with what is changed of it: in full where
/// people write it, else how many lines.
fn others(before: &Tree, after: &Tree) -> BTreeMap<String, String> {
    let all = |tree: &Tree| -> BTreeMap<String, String> {
        tree.others().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    };
    let (before, after) = (all(before), all(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let told = changed.map(|name| {
        let (old, new) = (before.get(name).map(String::as_str), after.get(name).map(String::as_str));
        let told = match [".toml", ".cedar", ".cedarschema"].iter().any(|ending| name.ends_with(ending)) {
            true => patch(name, old, new),
            false => {
                let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
                let of = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
                let (more, less) = (of(ChangeTag::Insert), of(ChangeTag::Delete));
                let what = match (old, new) {
                    (Some(_), None) => " is taken out: ",
                    (None, _) => " is new: ",
                    _ => ": ",
                };
                format!("- `{}`{what}{more} lines more, {less} less\n", cell(name))
            }
        };
        (name.clone(), told)
    });
    told.collect()
}

/// Permits that apply to a kind of request by the newer schema and did not by the older one, and forbids that do not
/// any longer, though no policy says so.
fn by_schema(old: &Ward, before: &Tree, after: &Tree) -> Vec<BySchema> {
    let mut found = Vec::new();
    // The earlier policies under the schema of now: what differs from `old` is the schema's doing.
    let (Some(before), Some(after)) = (before.sources(), after.sources()) else { return found };
    let sources = Sources { schema: after.schema, policies: before.policies, catalogue: None };
    let Ok(there) = Ward::new(&sources) else { return found };
    for kind in there.request_kinds() {
        let (was, is) = (old.applying(&kind), there.applying(&kind));
        for policy in was.symmetric_difference(&is) {
            let Some(known) = there.policy(policy) else { continue };
            let comes = is.contains(policy);
            if (known.effect == Effect::Permit) == comes {
                let (action, resource_type) = (kind.action.to_string(), kind.resource_type.to_string());
                let (policy, rule) = (known.id.clone(), known.rule.clone());
                found.push(BySchema { policy, rule, comes, action, resource_type });
            }
        }
    }
    found
}

/// The earlier texts of what protects that speak, under the newer schema, of less than under the older one.
fn narrowed(before: &Tree, after: &Tree) -> Vec<Narrowed> {
    let bare = |sources: Option<Sources>| sources.map(|sources| Sources { catalogue: None, ..sources });
    let parts = [
        ("invariant", bare(before.part(FilePart::Invariant))),
        ("guarantee", bare(before.part(FilePart::Guarantee))),
        ("fit", before.fits()),
    ];
    let mut found = Vec::new();
    for (kind, sources) in parts {
        let Some(sources) = sources else { continue };
        let there = match kind {
            // Those are asked by actions of their own, which stand beside the schema.
            "fit" => after.fits().map(|now| now.schema),
            _ => after.part(FilePart::Invariant).map(|now| now.schema),
        };
        let (Some(schema), Ok(old)) = (there, Ward::new(&sources)) else { continue };
        let Ok(new) = Ward::new(&Sources { schema, ..sources }) else { continue };
        let kept: BTreeSet<_> = new.request_kinds().into_iter().collect();
        for asked in old.request_kinds() {
            // What nobody can ask any longer breaks no invariant; a guarantee is of what must go on.
            if !kept.contains(&asked) && kind != "guarantee" {
                continue;
            }
            let still = new.applying(&asked);
            for id in old.applying(&asked).difference(&still) {
                let (action, resource_type) = (asked.action.to_string(), asked.resource_type.to_string());
                let less = Narrowed { kind, id: id.clone(), action, resource_type };
                // Once for all types of people.
                if !found.contains(&less) {
                    found.push(less);
                }
            }
        }
    }
    found
}

impl Narrowed {
    fn what(&self) -> String {
        let Narrowed { kind, id, action, resource_type } = self;
        format!(
            "{kind} `{}` no longer speaks of {} on {}",
            printable(id),
            printable(action),
            printable(resource_type)
        )
    }

    fn announced<'e>(&self, expected: &'e Expected) -> Option<&'e str> {
        match expected.protection(self.kind, &self.id) {
            Announced::For(reason) => Some(reason),
            _ => None,
        }
    }
}

impl BySchema {
    fn what(&self) -> String {
        let verb = if self.comes { "permits" } else { "no longer forbids" };
        let BySchema { policy, action, resource_type, .. } = self;
        format!("`{}` {verb} {} on {}", printable(policy), printable(action), printable(resource_type))
    }

    /// The gain that announces it, by its place, and why.
    fn announced<'e>(&self, expected: &'e Expected) -> Option<(usize, &'e str)> {
        let by = vec![(self.policy.as_ref(), self.rule.as_deref())];
        let (action, resource_type) = (&self.action, &self.resource_type);
        let found = expected.unbounded(&Gained { action, resource_type, by, roles: &[] });
        found.map(|(at, gain)| (at, gain.reason.as_str()))
    }

    /// What is to be written into the file of expected changes.
    fn announcement(&self) -> String {
        let BySchema { policy, action, resource_type, .. } = self;
        let text = |text: &str| toml::Value::from(text).to_string();
        printable(&format!(
            "`[[gain]]` with `policy = {}`, `action = {}`, `type = {}`, without `role` and `at_most`, which nobody counts here",
            text(policy),
            text(action),
            text(resource_type)
        ))
    }
}

/// The text after `@description("`, as it is written.
fn description(text: &str) -> Option<String> {
    let rest = text.split_once("@description(\"")?.1;
    let mut said = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(said),
            '\\' => said.extend(chars.next()),
            c => said.push(c),
        }
    }
    None
}

pub(super) fn cell(text: &str) -> String {
    printable(text).replace(['\n', '\r'], " ").replace('|', "\\|").replace('<', "&lt;")
}

/// Both texts of something, as a patch in Markdown.
pub(super) fn patch(name: &str, before: Option<&str>, after: Option<&str>) -> String {
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let diff = TextDiff::from_lines(before, after);
    // All of a short text: what stays says what the change is about.
    let mut unified = diff.unified_diff();
    let text = unified.context_radius(8).header(&format!("a/{name}"), &format!("b/{name}")).to_string();
    // A line of the text may not end the block.
    format!("````diff\n{}````\n", printable(&text).replace("````", "` ` ` `"))
}
