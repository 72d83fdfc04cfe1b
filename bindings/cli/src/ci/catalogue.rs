//! What the catalogue shows otherwise than before, and who sees it now.
//!
//! INVARIANT: nobody is said to see more only where everybody was asked about. What everybody sees, and what nobody can
//! count, is said to be so, and is not announced as so many records at most.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use caseward::author::{Diff, EntriesShown, Moved, Shown, ShownTo, Way};
use caseward::{EntityUid, World};

use super::inputs::cell;
use crate::diff::{Announced, Expected, Sight};
use crate::failure::{Failure, printable};

/// By role, people, and pairs of a person and a record.
type Counts = BTreeMap<String, (u64, u64)>;

/// An entry of the catalogue that is shown otherwise.
pub(super) struct Entry {
    type_name: Arc<str>,
    entry: String,
    before: Option<Shown>,
    after: Option<Shown>,
    /// Who sees it now and did not before.
    gained: Seers,
    lost: Seers,
}

/// Who sees an entry.
#[derive(Clone, Debug)]
enum Seers {
    /// By the kind of the change nobody.
    Nobody,
    /// Everybody was asked about: those who do, with the records, or with entries of records.
    Counted(Counts, &'static str),
    /// Everybody, each of so many records.
    Everybody(usize),
    /// Who they are, and they were not counted.
    Uncounted(String),
}

/// The entries that are not the same in both versions. Who sees them is not known until they were looked at.
pub(super) fn entries(before: &[Shown], after: &[Shown]) -> Vec<Entry> {
    let by_name = |all: &[Shown]| -> BTreeMap<(Arc<str>, String, bool), Shown> {
        let keyed = |shown: &Shown| (shown.type_name.clone(), shown.entry.clone(), shown.is_setting);
        all.iter().map(|shown| (keyed(shown), shown.clone())).collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let unknown = || Seers::Uncounted("nobody was asked about".to_owned());
    changed
        .map(|name| Entry {
            type_name: name.0.clone(),
            entry: name.1.clone(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
            gained: unknown(),
            lost: unknown(),
        })
        .collect()
}

/// Looks for who sees more, or less; gives how many people were asked about.
pub(super) fn look(all: &mut [Entry], diff: &Diff, world: &World, now: i64) -> Result<usize, Failure> {
    let mut known: BTreeMap<Moved, [Counts; 2]> = BTreeMap::new();
    let mut people = 0;
    for entry in all {
        (entry.gained, entry.lost) = match entry.to() {
            (Some(ShownTo::Everybody(_)), _) | (_, Some(ShownTo::Everybody(_))) => entry.public(world),
            (Some(ShownTo::Tables(kind, _)), _) | (_, Some(ShownTo::Tables(kind, _))) => {
                entry.grouped(&kind.clone())
            }
            (Some(ShownTo::Explained), _) | (_, Some(ShownTo::Explained)) => {
                let who = "whoever is given an explanation that speaks of it";
                (Seers::Uncounted(who.to_owned()), Seers::Nobody)
            }
            _ => {
                let (moves, unit) = entry.moves();
                let asked = !moves.is_empty();
                let mut seen = <[Counts; 2]>::default();
                for moved in moves {
                    if !known.contains_key(&moved) {
                        let (found, of) = by_role(diff, world, &moved, now)?;
                        people = people.max(of);
                        known.insert(moved.clone(), found);
                    }
                    for (all, one) in seen.iter_mut().zip(known.get(&moved).into_iter().flatten()) {
                        add(all, one);
                    }
                }
                match asked {
                    true => {
                        let [gained, lost] = seen.map(|counts| Seers::Counted(counts, unit));
                        (gained, lost)
                    }
                    // The same actions show it.
                    false => (Seers::Nobody, Seers::Nobody),
                }
            }
        };
    }
    Ok(people)
}

fn add(all: &mut Counts, one: &Counts) {
    for (role, (people, records)) in one {
        let counts = all.entry(role.clone()).or_default();
        // Of two kinds of entries the same people may see some: who sees the most of them are at least so many.
        counts.0 = counts.0.max(*people);
        counts.1 += records;
    }
}

/// Who sees an entry now and did not before, and the other way round, by role; and how many were asked about.
fn by_role(diff: &Diff, world: &World, moved: &Moved, now: i64) -> Result<([Counts; 2], usize), Failure> {
    let mut by_role = <[Counts; 2]>::default();
    let mut people = 0;
    let schema = diff.ward().schema();
    let ways = [&moved.before, &moved.after];
    let actions = ways.into_iter().flat_map(actions).filter_map(|name| schema.action(name));
    let types: BTreeSet<_> = actions.flat_map(|action| action.principals.clone()).collect();
    for ty in types.into_iter().filter_map(|ty| schema.entity_type(ty)) {
        for id in world.ids(&ty.name)? {
            let person = EntityUid::new(ty.name.clone(), id);
            let seen = diff.of_moved(world, &person, moved, now)?;
            people += 1;
            for (counts, records) in by_role.iter_mut().zip([&seen.gained, &seen.lost]) {
                if records.is_empty() {
                    continue;
                }
                let role = match seen.roles.as_slice() {
                    [] => "no role".to_owned(),
                    roles => roles.join(", "),
                };
                let (people, total) = counts.entry(role).or_default();
                *people += 1;
                *total += records.len();
            }
        }
    }
    Ok((by_role, people))
}

fn actions(way: &Way) -> &[Arc<str>] {
    match way {
        Way::AnyOf(actions) | Way::AllOf(actions) => actions,
        Way::Entry(entry) => std::slice::from_ref(&entry.action),
        _ => &[],
    }
}

impl Entry {
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.type_name, self.entry)
    }

    pub(super) fn what(&self) -> &'static str {
        match (&self.before, &self.after) {
            (Some(_), None) => "is no longer shown",
            (None, _) => "is newly shown",
            _ => "is shown otherwise",
        }
    }

    /// To whom it was shown, and is.
    fn to(&self) -> (Option<&ShownTo>, Option<&ShownTo>) {
        (self.before.as_ref().map(|shown| &shown.to), self.after.as_ref().map(|shown| &shown.to))
    }

    /// Of what everybody may know.
    fn public(&self, world: &World) -> (Seers, Seers) {
        let names = |to: Option<&ShownTo>| match to {
            Some(ShownTo::Everybody(names)) => Some(names.iter().cloned().collect::<BTreeSet<_>>()),
            _ => None,
        };
        let (before, after) = (names(self.to().0), names(self.to().1));
        let more = |than: &Option<BTreeSet<Arc<str>>>, is: &Option<BTreeSet<Arc<str>>>| match (than, is) {
            (_, None) => Seers::Nobody,
            (Some(than), Some(is)) if is.is_subset(than) => Seers::Nobody,
            // A type that the schema lacks now has no records.
            _ => world.count(&self.type_name).map_or(Seers::Nobody, Seers::Everybody),
        };
        (more(&before, &after), more(&after, &before))
    }

    /// Of what tables of a kind may be grouped by.
    fn grouped(&self, kind: &str) -> (Seers, Seers) {
        let groups = |to: Option<&ShownTo>| match to {
            Some(ShownTo::Tables(_, groups)) => groups.iter().cloned().collect::<BTreeSet<_>>(),
            _ => BTreeSet::new(),
        };
        let (before, after) = (groups(self.to().0), groups(self.to().1));
        let readers = |more: bool| match more {
            true => {
                Seers::Uncounted(format!("whoever has a table of kind `{kind}`, which covers all records"))
            }
            false => Seers::Nobody,
        };
        (readers(!after.is_subset(&before)), readers(!before.is_subset(&after)))
    }

    /// What is to be looked at, and what is counted; nothing where the same actions show it.
    fn moves(&self) -> (Vec<Moved>, &'static str) {
        let of_entries = |to: Option<&ShownTo>| match to {
            Some(ShownTo::Entries(all)) => all.clone(),
            _ => Vec::new(),
        };
        let (before, after) = (of_entries(self.to().0), of_entries(self.to().1));
        if !before.is_empty() || !after.is_empty() {
            let key = |entries: &EntriesShown| (entries.type_name.clone(), entries.by.clone());
            let keys: BTreeSet<_> = before.iter().chain(&after).map(key).collect();
            let way = |all: &[EntriesShown], wanted: &(Arc<str>, Arc<str>)| {
                let found = all.iter().find(|entries| key(entries) == *wanted);
                found.map_or(Way::NOBODY, |entries| Way::Entry(entries.clone()))
            };
            let moves = keys.iter().map(|wanted| Moved {
                resource_type: wanted.0.clone(),
                before: way(&before, wanted),
                after: way(&after, wanted),
            });
            return (moves.filter(|moved| moved.before != moved.after).collect(), "entries");
        }
        let way = |to: Option<&ShownTo>| match to {
            Some(ShownTo::AnyOf(actions)) => Way::AnyOf(actions.clone()),
            Some(ShownTo::AllOf(actions)) => Way::AllOf(actions.clone()),
            _ => Way::NOBODY,
        };
        let (before, after) = (way(self.to().0), way(self.to().1));
        let moved = Moved { resource_type: self.type_name.clone(), before, after };
        (Some(moved).filter(|moved| moved.before != moved.after).into_iter().collect(), "records")
    }

    pub(super) fn announced<'e>(&self, expected: &'e Expected) -> Announced<'e> {
        let counts;
        let sight = match &self.gained {
            Seers::Nobody => Sight::Counted(&[]),
            Seers::Counted(seen, _) => {
                counts = seen.iter().map(|(role, (_, records))| (role.clone(), *records)).collect::<Vec<_>>();
                Sight::Counted(&counts)
            }
            Seers::Everybody(_) | Seers::Uncounted(_) => Sight::Anybody,
        };
        expected.entry(&self.type_name, &self.entry, sight)
    }

    /// One row of the table.
    fn row(&self, out: &mut String, expected: &Expected) {
        let says = |shown: &Option<Shown>| cell(shown.as_ref().map_or("—", |shown| &shown.says));
        let mark = match self.announced(expected) {
            Announced::For(reason) if expected.is_limited(&self.type_name, &self.entry) => {
                format!("announced within limits, which hold for the people asked about: {}", cell(reason))
            }
            Announced::For(reason) => format!("announced: {}", cell(reason)),
            Announced::No => "**not announced**".to_owned(),
            Announced::Exceeded { most } => format!("**announced as {most} at most**"),
            Announced::Limited => "**announced within limits, which it does not have**".to_owned(),
        };
        let (gained, lost) = (self.seers(&self.gained), self.seers(&self.lost));
        let (before, after) = (says(&self.before), says(&self.after));
        let _ =
            writeln!(out, "| `{}` | {before} | {after} | {gained} | {lost} | {mark} |", cell(&self.name()));
    }

    fn seers(&self, seers: &Seers) -> String {
        match seers {
            Seers::Nobody => "nobody".to_owned(),
            Seers::Counted(seen, _) if seen.is_empty() => "nobody seen".to_owned(),
            Seers::Counted(seen, unit) => {
                let one = |(role, (people, records)): (&String, &(u64, u64))| {
                    format!("{}: {people} people, {records} {unit}", cell(role))
                };
                seen.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Seers::Everybody(records) => {
                format!("everybody, of each of the {records} records of type `{}`", cell(&self.type_name))
            }
            Seers::Uncounted(who) => format!("not counted: {}", cell(who)),
        }
    }
}

/// The table; `people` is how many were asked about.
pub(super) fn table(all: &[Entry], unreadable: Option<&str>, people: usize, expected: &Expected) -> String {
    let mut out = String::new();
    if all.is_empty() && unreadable.is_none() {
        return out;
    }
    let _ = writeln!(out, "### Catalogue: who sees what\n");
    if let Some(why) = unreadable {
        let _ = writeln!(out, "**The catalogue of before cannot be compared:** {}\n", printable(why));
    }
    let _ = writeln!(
        out,
        "| entry | before | now | sees it now | sees it no longer | |\n|---|---|---|---|---|---|"
    );
    all.iter().for_each(|entry| entry.row(&mut out, expected));
    let is_counted = |entry: &Entry| matches!(entry.gained, Seers::Counted(..));
    let _ = match all.iter().any(is_counted) {
        false => writeln!(out),
        true => writeln!(
            out,
            "\nCounted by role: people, and the records on which they see it. {people} people were asked about, all \
             that are in the data below.\n"
        ),
    };
    out
}
