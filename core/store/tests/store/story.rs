//! Random stories: whatever people try and feeds say, what the data keeps is kept, and every outcome is the engine's.

use std::collections::BTreeMap;

use caseward::{ActionName, EntityUid, Request, Value, World};
use caseward_store::{Outcome, Taken};
use serde_json::{Value as Json, json};

use crate::bench::Bench;
use crate::dice::Dice;

pub(crate) const PEOPLE: [&str; 14] = [
    "lead",
    "contact",
    "office",
    "rata-lead",
    "totara-lead",
    "flow",
    "manager",
    "second",
    "south-flow",
    "south-manager",
    "inside-flow",
    "both",
    "central",
    "region",
];
pub(crate) const STUDENTS: [&str; 5] = ["aroha", "ben", "cara", "dan", "eve"];
pub(crate) const SCHOOLS: [&str; 3] = ["kauri", "rata", "totara"];
const PROVIDERS: [&str; 3] = ["north", "south", "inside"];

fn uid(ty: &str, id: &str) -> Json {
    json!({"type": ty, "id": id})
}

fn ids(world: &World, ty: &str) -> Vec<String> {
    world.ids(ty).unwrap().map(str::to_owned).collect()
}

/// What somebody tries.
pub(crate) fn attempt(dice: &mut Dice, world: &World, number: usize) -> Option<Json> {
    let person = dice.pick(&PEOPLE);
    let (cases, requests, items) = (ids(world, "Case"), ids(world, "Request"), ids(world, "Item"));
    let on = |dice: &mut Dice, ty: &str, all: &[String]| {
        (!all.is_empty()).then(|| EntityUid::new(ty, dice.pick(all).as_str()).to_string())
    };
    let somebody = |dice: &mut Dice| uid("User", dice.pick(&PEOPLE));
    let (command, on, context, data) = match dice.below(17) {
        0 | 1 => {
            let student = EntityUid::new("Student", dice.pick(&STUDENTS)).to_string();
            ("createRequest", student, json!({"primaryContact": somebody(dice)}), json!({}))
        }
        2 | 3 => ("submitRequest", on(dice, "Request", &requests)?, json!({}), json!({})),
        4 => {
            ("assignRequest", on(dice, "Request", &requests)?, json!({"assignee": somebody(dice)}), json!({}))
        }
        5 => {
            let to = uid("Provider", dice.pick(&PROVIDERS));
            ("allocateRequest", on(dice, "Request", &requests)?, json!({"toProvider": to}), json!({}))
        }
        6 | 7 => ("acceptRequest", on(dice, "Request", &requests)?, json!({}), json!({})),
        8 => ("declineRequest", on(dice, "Request", &requests)?, json!({}), json!({"declineReason": "no"})),
        9 => ("closeCase", on(dice, "Case", &cases)?, json!({}), json!({"closureReason": "done"})),
        10 => {
            ("assignCaseManager", on(dice, "Case", &cases)?, json!({"assignee": somebody(dice)}), json!({}))
        }
        11 => ("addTeamMember", on(dice, "Case", &cases)?, json!({"assignee": somebody(dice)}), json!({})),
        12 => {
            ("changePrimaryContact", on(dice, "Case", &cases)?, json!({"contact": somebody(dice)}), json!({}))
        }
        13 => {
            let to = uid("Provider", dice.pick(&PROVIDERS));
            ("reallocateCase", on(dice, "Case", &cases)?, json!({"toProvider": to}), json!({}))
        }
        14 => ("addComment", on(dice, "Case", &cases)?, json!({}), json!({"text": "x"})),
        15 => {
            let with = uid("School", dice.pick(&SCHOOLS));
            ("shareItem", on(dice, "Item", &items)?, json!({"withSchool": with}), json!({}))
        }
        _ => {
            let roles =
                [("Provider", "caseManager"), ("Provider", "workflowLead"), ("School", "primaryContact")];
            let (ty, role) = dice.pick(&roles);
            let place = if ty == "School" { dice.pick(&SCHOOLS) } else { dice.pick(&PROVIDERS) };
            let context = json!({"subject": somebody(dice), "role": role, "leaderApproved": true});
            let end = json!({"end": dice.below(3) > 0});
            ("manageStaffAccess", EntityUid::new(ty, place).to_string(), context, end)
        }
    };
    Some(
        json!({"command": command, "as": person, "on": on, "context": context, "data": data, "id": format!("x{number}")}),
    )
}

/// What the engine says of a command, asked beside the store.
pub(crate) fn allowed(bench: &Bench, command: &Json, now: i64) -> bool {
    let (ward, text) = (&bench.store().ward(), |name: &str| command[name].as_str().unwrap().to_owned());
    let action = ActionName::new(text("command"));
    let context = ward.read_context(&action, &command["context"].to_string()).unwrap();
    let person = EntityUid::new("User", text("as"));
    let request = Request::new(person, action, text("on").parse().unwrap()).in_context(context.and_at(now));
    ward.check(bench.store().world(), &request).unwrap().is_allowed()
}

fn entity(world: &World, of: &EntityUid, name: &str) -> Option<EntityUid> {
    match world.attribute(of, name).unwrap() {
        Some(Value::Entity(uid)) => Some(uid),
        _ => None,
    }
}

fn is_among(world: &World, person: &EntityUid, names: &[&str], place: Option<&EntityUid>) -> bool {
    let Some(place) = place else { return false };
    names.iter().any(|name| match world.attribute(person, name).unwrap() {
        Some(Value::Set(all)) => all.iter().any(|one| *one == Value::Entity(place.clone())),
        _ => false,
    })
}

/// What the data keeps, looked at from without.
fn keeps(world: &World, became: &BTreeMap<String, String>) {
    let mut open: BTreeMap<EntityUid, EntityUid> = BTreeMap::new();
    for id in ids(world, "Case") {
        let case = EntityUid::new("Case", id.as_str());
        if world.attribute(&case, "status").unwrap() != Some("open".into()) {
            assert!(world.attribute(&case, "closedAt").unwrap().is_some(), "{case}");
            continue;
        }
        let student = entity(world, &case, "student").unwrap();
        let holder = entity(world, &case, "provider");
        assert!(holder.is_some(), "{case} has no provider");
        let school = entity(world, &student, "enrolledAt");
        if school.is_some() {
            assert_eq!(entity(world, &case, "school"), school, "{case}");
        }
        if let Some(contact) = entity(world, &case, "primaryContact") {
            let roles = ["attendanceLeadAt", "primaryContactAt"];
            assert!(is_among(world, &contact, &roles, school.as_ref()), "{contact} does not fit {case}");
        }
        let manager = entity(world, &case, "caseManager");
        if let Some(manager) = &manager {
            let roles = ["caseManagerAt", "workflowLeadAt"];
            assert!(is_among(world, manager, &roles, holder.as_ref()), "{manager} does not fit {case}");
        }
        if let Some(Value::Set(team)) = world.attribute(&case, "team").unwrap() {
            for member in team.iter() {
                let Value::Entity(member) = member else { panic!("{member:?}") };
                assert!(
                    is_among(world, member, &["caseManagerAt"], holder.as_ref()),
                    "{member} does not fit {case}"
                );
                assert_ne!(Some(member), manager.as_ref(), "{case}");
            }
        }
        assert!(open.insert(student.clone(), case.clone()).is_none(), "{student} has two open cases");
    }
    for id in ids(world, "Student") {
        let student = EntityUid::new("Student", id.as_str());
        let case = open.get(&student);
        let of = |name: &str| case.and_then(|case| entity(world, case, name));
        assert_eq!(entity(world, &student, "currentProvider"), of("provider"), "{student}");
        assert_eq!(entity(world, &student, "currentCaseManager"), of("caseManager"), "{student}");
        let is_enrolled = entity(world, &student, "enrolledAt").is_some();
        assert!(!is_enrolled || entity(world, &student, "lastSchool").is_none(), "{student}");
        assert!(
            case.is_none() || world.attribute(&student, "lastCaseClosedAt").unwrap().is_none(),
            "{student}"
        );
    }
    for (request, case) in became {
        let (request, case): (EntityUid, EntityUid) = (request.parse().unwrap(), case.parse().unwrap());
        assert_eq!(world.attribute(&request, "status").unwrap(), Some("accepted".into()));
        for name in ["provider", "caseManager"] {
            assert_eq!(
                entity(world, &request, name),
                entity(world, &case, name),
                "{name} of {request} and {case}"
            );
        }
    }
}

#[test]
fn what_the_data_keeps_is_kept() {
    let (mut done, mut denied, mut moves) = (BTreeMap::<String, usize>::new(), 0, 0);
    for seed in 0..3 {
        let mut bench = Bench::new();
        let mut dice = Dice(seed + 11);
        let mut became = BTreeMap::new();
        for number in 0..400 {
            if dice.below(15) == 0 {
                let (student, school) = (dice.pick(&STUDENTS), dice.pick(&SCHOOLS));
                let day = 1 + dice.below(30);
                let end = if dice.below(3) == 0 {
                    format!("2026-06-{:02}", day.min(28) + 2)
                } else {
                    String::new()
                };
                let text = format!("student,school,start,end\n{student},{school},2026-05-{day:02},{end}\n");
                let answers =
                    bench.store().feed_at("enrolment", text.into_bytes(), 0, bench.clock()).unwrap();
                moves += usize::from(answers[0].outcome == Taken::Done);
            }
            if dice.below(6) == 0 {
                bench.tick(bench.clock() + 7 * 3_600_000);
            }
            let Some(mut command) = attempt(&mut dice, bench.store().world(), number) else { continue };
            let now = bench.clock() + 60_000;
            // Mostly somebody who may, where there is anybody: else little would come of it.
            let mut others = if dice.below(4) > 0 { 3 * PEOPLE.len() } else { 0 };
            while others > 0 && !allowed(&bench, &command, now) {
                command["as"] = json!(dice.pick(&PEOPLE));
                others -= 1;
            }
            let expected = allowed(&bench, &command, now);
            let answer = bench.ask(command.clone());
            let outcome = if expected { Outcome::Done } else { Outcome::Denied };
            // What is due in that minute comes before.
            assert!(answer.outcome == outcome || answer.outcome == Outcome::Refused, "{command}: {answer:?}");
            if answer.outcome == Outcome::Done {
                let name = command["command"].as_str().unwrap().to_owned();
                if name == "acceptRequest" {
                    became.insert(command["on"].as_str().unwrap().to_owned(), answer.made[0].clone());
                }
                *done.entry(name).or_default() += 1;
            } else {
                denied += 1;
            }
            keeps(bench.store().world(), &became);
        }
        bench.tick(bench.clock() + 60_000);
        let found = bench.store().doctor().unwrap();
        assert!(found.is_sound(), "seed {seed}: {found:#?}");
        let before = bench.exported();
        bench.reopen();
        assert_eq!(bench.exported(), before, "seed {seed}");
    }
    eprintln!("done: {done:?}; denied: {denied}; moves: {moves}");
    for name in
        ["createRequest", "submitRequest", "acceptRequest", "closeCase", "addComment", "manageStaffAccess"]
    {
        assert!(done.get(name).is_some_and(|count| *count >= 3), "{name}: {done:?}");
    }
    assert!(denied > 200 && moves > 20, "{denied} denied, {moves} moves");
}
