//! Whoever has all tables of a release tries to find out what none of them tells.
//!
//! The attacker knows which combinations of what tables are grouped by there are, that no listed count is zero, and
//! every told count of every table; and asks by linear programming between which numbers each count lies. They must find
//! what tables tell of each other that are protected one by one, or they prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use caseward::attendance::{Release, ReportQuestion, Sample, release, report, zone};
use caseward::testing::asks::query;
use caseward::testing::{Choices, bytes};
use caseward::{
    Changes, Count, EntityUid, Group, Key, Protected, Protection, RoundingKey, Table, Value, World,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use crate::support::{ATTENDANCE, NOW, at};

const BELOW: u64 = 6;

/// What tables of these releases are grouped by.
const GROUPS: [&str; 9] = [
    "status",
    "provider",
    "provider.kind",
    "student.yearLevel",
    "year of openedAt",
    "quarter of openedAt",
    "month of openedAt",
    "school.kind",
    "prosecutionNotified",
];

fn cases(world: &World) -> Vec<EntityUid> {
    world.ids("Case").unwrap().map(|id| EntityUid::new("Case", id)).collect()
}

/// A case's key in a group, found without the library's calendar.
fn key(world: &World, case: &EntityUid, group: &str) -> String {
    let (unit, path) = group.split_once(" of ").map_or(("", group), |(unit, path)| (unit, path));
    let value = path.split('.').try_fold(Value::Entity(case.clone()), |value, name| match value {
        Value::Entity(uid) => world.attribute(&uid, name).unwrap(),
        _ => None,
    });
    let Some(value) = value else { return Key::Absent.to_string() };
    let Value::Datetime(ms) = value else { return Key::Value(value).to_string() };
    let wellington = TimeZone::posix("NZST-12NZDT,M9.5.0,M4.1.0/3").unwrap();
    let day = Timestamp::from_millisecond(ms).unwrap().to_zoned(wellington);
    match unit {
        "year" => format!("{:04}", day.year()),
        "quarter" => format!("{:04}-Q{}", day.year(), (day.month() - 1) / 3 + 1),
        _ => format!("{:04}-{:02}", day.year(), day.month()),
    }
}

/// Profiles with their true numbers of records, and each line of each table as a sum over profiles with what is told.
struct Attack {
    profiles: Vec<(BTreeMap<String, String>, u64)>,
    lines: Vec<(BTreeSet<usize>, Option<u64>)>,
}

impl Attack {
    fn new(world: &World, tables: &[Table]) -> Self {
        let groups: BTreeSet<String> =
            tables.iter().flat_map(|table| table.by().iter().map(ToString::to_string)).collect();
        let mut found: BTreeMap<BTreeMap<String, String>, u64> = BTreeMap::new();
        for case in cases(world) {
            let keys = groups.iter().map(|group| (group.clone(), key(world, &case, group))).collect();
            *found.entry(keys).or_default() += 1;
        }
        let mut profiles: Vec<_> = found.into_iter().collect();
        let absent = absent(&profiles, tables);
        profiles.extend(absent.into_iter().map(|keys| (keys, 0)));
        let mut lines = BTreeMap::new();
        for table in tables {
            for line in table.cells().iter().chain(table.totals()) {
                let of: BTreeSet<usize> = profiles
                    .iter()
                    .enumerate()
                    .filter(|(_, (keys, _))| is_in(keys, table, line))
                    .map(|(at, _)| at)
                    .collect();
                // What one table tells, all of them do.
                let told: &mut Option<u64> = lines.entry(of).or_insert(None);
                *told = told.or(line.count.number());
            }
        }
        Attack { profiles, lines: lines.into_iter().collect() }
    }

    fn truth(&self, of: &BTreeSet<usize>) -> u64 {
        of.iter().map(|at| self.profiles[*at].1).sum()
    }

    fn bound(&self, of: &BTreeSet<usize>, direction: OptimizationDirection) -> Option<f64> {
        let mut problem = Problem::new(direction);
        let wanted = |at: usize| if of.contains(&at) { 1.0 } else { 0.0 };
        let variables: Vec<Variable> =
            (0..self.profiles.len()).map(|at| problem.add_var(wanted(at), (0.0, f64::INFINITY))).collect();
        for (of, told) in &self.lines {
            let terms: Vec<(Variable, f64)> = of.iter().map(|at| (variables[*at], 1.0)).collect();
            match told {
                Some(count) => problem.add_constraint(terms, ComparisonOp::Eq, *count as f64),
                None => problem.add_constraint(terms, ComparisonOp::Ge, self.truth(of).min(1) as f64),
            }
        }
        match problem.solve() {
            Ok(outcome) => Some(outcome.into_solution().unwrap().objective()),
            Err(microlp::Error::Unbounded) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The counts that are not told, and whether each is found: narrowed to less than `BELOW`, or to what lies below it.
    fn found(&self) -> Vec<(u64, bool)> {
        let hidden = self.lines.iter().filter(|(_, told)| told.is_none());
        let judged = hidden.map(|(of, _)| {
            let most = self.bound(of, OptimizationDirection::Maximize);
            let least = self.bound(of, OptimizationDirection::Minimize).unwrap();
            let truth = self.truth(of);
            assert!(least <= truth as f64 + 1e-6 && most.is_none_or(|most| truth as f64 <= most + 1e-6));
            let is_open =
                most.is_none_or(|most| most - least >= BELOW as f64 - 1e-5 && most >= BELOW as f64 - 1e-5);
            (truth, !is_open)
        });
        judged.collect()
    }
}

/// Whether a profile is in a line.
fn is_in(keys: &BTreeMap<String, String>, table: &Table, line: &caseward::Line) -> bool {
    let pairs = table.by().iter().zip(&line.keys);
    pairs.filter(|(_, key)| **key != Key::All).all(|(by, key)| keys[&**by] == key.to_string())
}

/// Combinations that no case has and that the tables leave open: in no line that is told to be zero, which is every line
/// that is not listed.
fn absent(
    profiles: &[(BTreeMap<String, String>, u64)],
    tables: &[Table],
) -> BTreeSet<BTreeMap<String, String>> {
    let mut found = BTreeSet::new();
    let part = |name: &str| {
        name.split_once(" of ").map_or(name, |(_, path)| path).split('.').next().unwrap().to_owned()
    };
    for table in tables {
        for line in table.cells() {
            if profiles.iter().any(|(keys, _)| is_in(keys, table, line)) {
                continue;
            }
            // Of each case's combination one that is in the line, with all that belongs to its groups as others have it.
            for (own, _) in profiles {
                for (other, _) in profiles {
                    let mut keys = own.clone();
                    for (by, key) in table.by().iter().zip(&line.keys) {
                        if other[&**by] == key.to_string() {
                            let belongs = other.iter().filter(|(name, _)| part(name) == part(by));
                            keys.extend(belongs.map(|(name, key)| (name.clone(), key.clone())));
                        }
                        keys.insert(by.to_string(), key.to_string());
                    }
                    let is_open =
                        tables.iter().all(|table| table.cells().iter().any(|line| is_in(&keys, table, line)));
                    if is_open {
                        found.insert(keys);
                    }
                }
            }
        }
    }
    found
}

/// Somebody who may see the anonymised report.
fn researcher(world: &World) -> EntityUid {
    let may = |person: &EntityUid| {
        let question = ReportQuestion::of(person, "anonymised", NOW, &Protection::Suppress { below: BELOW });
        report(&ATTENDANCE, world, &question).is_ok_and(|found| found.is_some())
    };
    world.ids("User").unwrap().map(|id| EntityUid::new("User", id)).find(may).unwrap()
}

/// Tables by what chance has it: two to four, each by one or two groups.
fn tables(choices: &mut Choices<'_>) -> Vec<Vec<&'static str>> {
    let many = 2 + choices.below(3);
    let mut tables: Vec<Vec<&str>> = Vec::new();
    while tables.len() < many {
        let first = GROUPS[choices.below(GROUPS.len())];
        let second = GROUPS[choices.below(GROUPS.len())];
        let by = if first == second { vec![first] } else { vec![first, second] };
        tables.push(by);
    }
    tables.sort();
    tables.dedup();
    tables
}

fn text(tables: &[Vec<&str>], more: &str) -> String {
    let tables = tables.iter().map(|by| format!("[[tables]]\nby = {by:?}\n"));
    format!("name = 'drawn'\nkind = 'anonymised'\n{more}\n{}", tables.collect::<String>())
}

fn ask(world: &World, text: &str, protection: &Protection) -> Result<Vec<Table>, caseward::Error> {
    let person = researcher(world);
    let question = ReportQuestion::of(&person, "", NOW, protection);
    release(&ATTENDANCE, world, &Release::read(text)?, &question).map(Option::unwrap)
}

#[test]
fn linear_programming_over_all_tables_of_a_release_finds_nothing() {
    let many = 12 * u64::from(crate::support::number("CASEWARD_CASES").unwrap_or(1));
    let (mut hidden, mut told, mut refused, mut broken, mut alike) = (0, 0, 0, 0, 0);
    for seed in 0..many {
        let drawn = bytes(seed, 64);
        let choices = &mut Choices::new(&drawn);
        let cases = [40, 90, 200][choices.below(3)];
        let world = Sample { cases, seed }.build(&ATTENDANCE, &mut |_| {}).unwrap();
        let by = tables(choices);
        let released = match ask(&world, &text(&by, ""), &Protection::default()) {
            Ok(tables) => tables,
            Err(error) => {
                assert!(error.is_request() && error.to_string().contains("round them"), "{error}");
                refused += 1;
                continue;
            }
        };
        let attack = Attack::new(&world, &released);
        for (of, count) in &attack.lines {
            let truth = attack.truth(of);
            assert!(
                count.is_none_or(|count| count == truth && (count >= BELOW || count == 0)),
                "{by:?}: {truth} told as {count:?}"
            );
            told += usize::from(count.is_some());
        }
        alike += all_alike(&world, &released);
        for (truth, is_found) in attack.found() {
            assert!(!is_found, "{by:?} of {cases} cases of seed {seed}: {truth} is found");
            hidden += 1;
        }
        // The same tables one by one: each protected well, and together not.
        let person = researcher(&world);
        let alone: Vec<Table> = by
            .iter()
            .filter_map(|by| {
                let by: Vec<Group> = by.iter().map(|text| Group::parse(text, &zone()).unwrap()).collect();
                let protection = Protection::default();
                let question =
                    ReportQuestion { by: &by, ..ReportQuestion::of(&person, "anonymised", NOW, &protection) };
                report(&ATTENDANCE, &world, &question).unwrap()
            })
            .collect();
        broken += Attack::new(&world, &alone).found().iter().filter(|(_, is_found)| *is_found).count();
    }
    println!(
        "{hidden} hidden, {told} told, {refused} of {many} refused; {broken} found of tables one by one"
    );
    assert!(
        hidden > 80 && told > 40 && broken > 8,
        "{hidden} hidden, {told} told, {broken} found one by one"
    );
    assert!(refused * 3 <= many, "{refused} of {many} were refused");
    assert!(alike > 8, "{alike} groups that are alike");
}

/// Looks for groups whose records are all in one other group, which must not be told; how many there are.
fn all_alike(world: &World, tables: &[Table]) -> usize {
    let part = |name: &str| {
        name.split_once(" of ").map_or(name, |(_, path)| path).split('.').next().unwrap().to_owned()
    };
    let mut found = 0;
    for table in tables {
        let [first, second] = table.by() else { continue };
        if part(first) == part(second) {
            continue;
        }
        for (rows, columns, turned) in [(first, second, false), (second, first, true)] {
            let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for case in cases(world) {
                all.entry(key(world, &case, rows)).or_default().insert(key(world, &case, columns));
            }
            let listed: BTreeSet<&String> = all.values().flatten().collect();
            for (row, within) in all.iter().filter(|(_, within)| within.len() == 1 && listed.len() > 1) {
                let hides = table.cells().iter().any(|line| {
                    let (at, other) = if turned { (1, 0) } else { (0, 1) };
                    let is_row = line.keys[at].to_string() == *row;
                    is_row
                        && !within.contains(&line.keys[other].to_string())
                        && line.count == Count::Suppressed
                });
                assert!(hides, "all of {rows} {row} are {within:?} of {columns}: {table}");
                found += 1;
            }
        }
    }
    found
}

#[test]
fn a_rounded_release_adds_up_and_tells_no_more_than_its_profiles() {
    let key = |n: u8| {
        Protection::Round(RoundingKey::new(std::array::from_fn::<u8, 32, _>(|at| n ^ at as u8)).unwrap())
    };
    for seed in 0..12 {
        let drawn = bytes(seed, 64);
        let choices = &mut Choices::new(&drawn);
        let world = Sample { cases: 60 + 40 * seed as usize, seed }.build(&ATTENDANCE, &mut |_| {}).unwrap();
        let by = tables(choices);
        let released = ask(&world, &text(&by, ""), &key(1)).unwrap();
        let again = ask(&world, &text(&by, ""), &key(1)).unwrap();
        assert_eq!(released, again);
        for table in &released {
            assert_eq!(table.protected(), Some(Protected::Rounded { base: 3 }));
            let sum: u64 = table.cells().iter().map(|line| line.count.number().unwrap()).sum();
            assert_eq!((sum, sum % 3), (table.total().number().unwrap(), 0), "{by:?}");
            assert_eq!(table.total(), released[0].total(), "every table has the same total");
        }
    }
}

#[test]
fn tables_of_a_release_say_so() {
    let world = Sample { cases: 300, seed: 7 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let text = "name = 'term 1'\nkind = 'anonymised'\nbelow = 5\n[[tables]]\nname = 'a'\nby = ['status']\n\
        [[tables]]\nby = ['quarter of openedAt', 'status']\n[[tables]]\nby = []\n";
    let tables = ask(&world, text, &Protection::default()).unwrap();
    let names: Vec<&str> = tables.iter().map(|table| &*table.release().unwrap().table).collect();
    assert_eq!(names, ["a", "by quarter of openedAt, status", "all"]);
    for table in &tables {
        let part = table.release().unwrap();
        assert_eq!((&*part.release, part.with.len()), ("term 1", 2));
        assert_eq!(table.protected(), Some(Protected::Suppressed { below: 5 }));
        let shown = table.to_string();
        assert!(
            shown.contains("protected together with `") && shown.ends_with("as release `term 1`\n"),
            "{shown}"
        );
        let json = serde_json::to_value(table).unwrap();
        assert_eq!(json["release"]["release"], "term 1");
    }
    // The same count in two tables is told in both or in none.
    let lines = tables[1].totals().iter().filter(|line| line.keys[0] == Key::All && line.keys[1] != Key::All);
    for line in lines {
        assert_eq!(line.count, tables[0].count(&line.keys[1..]));
    }
    let nobody = EntityUid::new("User", "nobody");
    let question = ReportQuestion::of(&nobody, "", NOW, &Protection::Suppress { below: BELOW });
    assert_eq!(release(&ATTENDANCE, &world, &Release::read(text).unwrap(), &question).unwrap(), None);
}

#[test]
fn what_is_no_release_is_refused() {
    let world = Sample { cases: 60, seed: 7 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let head = "name = 'n'\nkind = 'anonymised'\n";
    for (text, why) in [
        ("nme = 'n'".to_owned(), "line 1"),
        (format!("{head}[[tables]]\nby = ['status']\nzone = 'UTC'\n"), "line 5"),
        (head.to_owned(), "missing field `tables`"),
        (format!("{head}tables = []\n"), "one table or more"),
        ("name = 'n'\nkind = 'school'\ntables = [{ by = [] }]".to_owned(), "is no release"),
        ("name = 'n'\nkind = 'weather'\ntables = [{ by = [] }]".to_owned(), "the kinds are `anonymised`"),
        (format!("{head}tables = [{{ by = [] }}, {{ by = [] }}]"), "two tables `all`"),
        (format!("{head}tables = [{{ by = ['student.nsn'] }}]"), "is not grouped by `student.nsn`"),
        (format!("{head}tables = [{{ by = ['day of openedAt'] }}]"), "is not grouped by `day of openedAt`"),
        (format!("{head}tables = [{{ by = [''] }}]"), "names none"),
        (format!("{head}below = 3\ntables = [{{ by = [] }}]"), "not below 3"),
    ] {
        let error = ask(&world, &text, &Protection::default()).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{text}: {error}");
    }
    let both = ask(&world, &format!("{head}below = 6\ntables = [{{ by = [] }}]"), &rounding(1));
    assert!(both.unwrap_err().to_string().contains("one of both"));
}

fn rounding(n: u8) -> Protection {
    Protection::Round(RoundingKey::new(std::array::from_fn::<u8, 32, _>(|at| n ^ at as u8)).unwrap())
}

/// Which cases each line of a table counts, by the zone's calendar.
fn members(world: &World, person: &EntityUid, group: &Group) -> BTreeMap<Key, (u64, Count)> {
    let now = at(NOW);
    let by = [group.clone()];
    let query = query(person, "viewSummary", "Case", &now);
    let exact = ATTENDANCE.count_by(world, &query, &by).unwrap();
    let rounded = ATTENDANCE.count_by_protected(world, &query, &by, &rounding(3)).unwrap();
    exact
        .cells()
        .iter()
        .map(|line| (line.keys[0].clone(), (line.count.number().unwrap(), rounded.count(&line.keys))))
        .collect()
}

/// A zone moves cases over the turn of a year. What holds the same cases is rounded alike; that a cell has one case more
/// or less cannot be read off what both tell of the others.
#[test]
fn the_same_records_are_rounded_alike_whatever_they_are_grouped_by() {
    let world = Sample { cases: 400, seed: 9 }.build(&ATTENDANCE, &mut |_| {}).unwrap();
    let national = world
        .ids("User")
        .unwrap()
        .map(|id| EntityUid::new("User", id))
        .max_by_key(|person| {
            ATTENDANCE.count(&world, &query(person, "viewSummary", "Case", &at(NOW))).unwrap()
        })
        .unwrap();
    let of = |text: &str| members(&world, &national, &Group::parse(text, &zone()).unwrap());
    let sets = |text: &str| {
        let mut sets: BTreeMap<String, BTreeSet<EntityUid>> = BTreeMap::new();
        for case in cases(&world) {
            sets.entry(key(&world, &case, text)).or_default().insert(case);
        }
        sets
    };
    // Every set of cases, and how it was rounded wherever it was counted.
    let mut rounded: BTreeMap<BTreeSet<EntityUid>, BTreeSet<Count>> = BTreeMap::new();
    let mut counted = 0;
    for group in GROUPS {
        if ["student.yearLevel", "prosecutionNotified", "school.kind"].contains(&group) {
            continue;
        }
        let sets = sets(group);
        for (key, (exact, count)) in of(group) {
            let set = &sets[&key.to_string()];
            assert_eq!(set.len() as u64, exact, "{group} {key}");
            rounded.entry(set.clone()).or_default().insert(count);
            counted += 1;
        }
    }
    assert!(rounded.values().all(|counts| counts.len() == 1), "{rounded:?}");
    assert!(rounded.len() < counted, "some sets are counted twice");
    // Other records are another set, though they are as many.
    let open = |status: &str| {
        let all = cases(&world).into_iter();
        all.filter(|case| world.attribute(case, "status").unwrap() == Some(status.into()))
            .take(12)
            .collect::<Vec<_>>()
    };
    let before = members(&world, &national, &Group::of("status"));
    let differ = open("open").iter().zip(open("closed")).any(|(open, closed)| {
        let swapped = Changes::new().set(open, "status", "closed").set(&closed, "status", "open");
        let after = members(&world.with(&swapped).unwrap(), &national, &Group::of("status"));
        let exact =
            |all: &BTreeMap<Key, (u64, Count)>| all.values().map(|(exact, _)| *exact).collect::<Vec<_>>();
        assert_eq!(exact(&before), exact(&after));
        before != after
    });
    assert!(differ, "rounding follows which records there are");
    let unmarked =
        ATTENDANCE.count_by(&world, &query(&national, "viewSummary", "Case", &at(NOW)), &[]).unwrap();
    let error = unmarked.protect(&rounding(3)).unwrap_err();
    assert!(error.to_string().contains("when they are counted"), "{error}");
}
