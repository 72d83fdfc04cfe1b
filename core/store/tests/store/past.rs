//! Past moments: what held, and what was known.

use std::collections::BTreeMap;

use caseward::{ActionName, EntityUid, PrincipalQuery, TypeName, World};
use caseward_store::{Error, Moment, Outcome, Past};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, NOW, contact, user};
use crate::dice::Dice;

const DAY: i64 = 86_400_000;
const STUDENTS: [&str; 4] = ["aroha", "ben", "cara", "dan"];
const SCHOOLS: [&str; 3] = ["kauri", "rata", "totara"];
const PEOPLE: [&str; 5] = ["contact", "flow", "manager", "second", "both"];
const ROLES: [(&str, &[&str]); 4] = [
    ("attendanceLeadAt", &SCHOOLS),
    ("primaryContactAt", &SCHOOLS),
    ("caseManagerAt", &["north", "south"]),
    ("workflowLeadAt", &["north", "south"]),
];
/// What a past moment works out anew.
const ANEW: [&str; 8] = [
    "enrolledAt",
    "lastSchool",
    "loginActive",
    "providerAccessFrom",
    "attendanceLeadAt",
    "primaryContactAt",
    "caseManagerAt",
    "workflowLeadAt",
];

/// The facts, by their entities.
fn facts(world: &World) -> BTreeMap<String, Json> {
    let mut out = Vec::new();
    world.write_json(&mut out).unwrap();
    let all: Vec<Json> = serde_json::from_slice(&out).unwrap();
    all.into_iter().map(|entity| (entity["uid"].to_string(), sorted(entity))).collect()
}

/// Sets in one order.
fn sorted(json: Json) -> Json {
    match json {
        Json::Array(all) => {
            let mut all: Vec<Json> = all.into_iter().map(sorted).collect();
            all.sort_by_key(Json::to_string);
            Json::Array(all)
        }
        Json::Object(all) => all.into_iter().map(|(name, value)| (name, sorted(value))).collect(),
        other => other,
    }
}

/// The facts that a past moment works out anew.
fn anew(world: &World) -> BTreeMap<String, Json> {
    let mut all = facts(world);
    all.retain(|uid, _| uid.contains("\"Student\"") || uid.contains("\"User\""));
    for entity in all.values_mut() {
        let attrs = entity["attrs"].as_object_mut().unwrap();
        attrs.retain(|name, _| ANEW.contains(&name.as_str()));
    }
    all
}

fn at_moment(bench: &Bench, moment: Moment) -> Result<Past, Error> {
    bench.store().past_at(moment, bench.clock())
}

/// What differs.
fn differing(a: &BTreeMap<String, Json>, b: &BTreeMap<String, Json>) -> Vec<String> {
    let names = a.keys().chain(b.keys()).filter(|name| a.get(*name) != b.get(*name));
    names.map(|name| format!("{name}: {:?} and {:?}", a.get(name), b.get(name))).collect()
}

/// A day from 2026-05-01 on.
fn day(number: usize) -> String {
    format!("2026-{:02}-{:02}", 5 + number / 28, 1 + number % 28)
}

/// A file of one line, of a random feed.
fn line(dice: &mut Dice) -> (&'static str, String) {
    let person = if dice.below(5) == 0 { "new" } else { dice.pick(&PEOPLE) };
    let (from, until) = (dice.below(40), dice.below(40));
    let until = if until > from { day(until) } else { String::new() };
    match dice.below(5) {
        0 => (
            "logins",
            format!("user,at,active\n{person},{}T00:00:00+12:00,{}\n", day(from), dice.below(2) == 0),
        ),
        1 => ("training", format!("user,passedAt\n{person},{}\n", day(from))),
        2 => {
            let (role, places) = dice.pick(&ROLES);
            let place = dice.pick(places);
            ("staff", format!("user,role,at,from,until\n{person},{role},{place},{},{until}\n", day(from)))
        }
        _ => {
            let (student, school) = (dice.pick(&STUDENTS), dice.pick(&SCHOOLS));
            ("enrolment", format!("student,school,start,end\n{student},{school},{},{until}\n", day(from)))
        }
    }
}

/// A command that changes what people are.
fn staffing(dice: &mut Dice, clock: i64) -> Json {
    let (school, person, end) = (dice.pick(&SCHOOLS), dice.pick(&PEOPLE), dice.below(2) == 0);
    let lead = match school {
        "kauri" => "lead",
        "rata" => "rata-lead",
        _ => "totara-lead",
    };
    json!({
        "command": "manageStaffAccess", "as": lead, "on": format!("School::\"{school}\""),
        "context": {"subject": user(person), "role": "primaryContact", "leaderApproved": true},
        "data": {"end": end}, "now": crate::bench::instant(clock),
    })
}

/// A command on a record, as the story of a case goes.
fn record(dice: &mut Dice, bench: &Bench, number: usize) -> Json {
    let world = bench.store().world();
    let some = |dice: &mut Dice, ty: &str| {
        let ids: Vec<&str> = world.ids(ty).unwrap().collect();
        (!ids.is_empty()).then(|| EntityUid::new(ty, dice.pick(&ids)).to_string())
    };
    let id = format!("x{number}");
    let create = |dice: &mut Dice| {
        json!({"command": "createRequest", "as": "lead", "on": format!("Student::\"{}\"", dice.pick(&STUDENTS)),
               "context": contact("contact"), "id": id})
    };
    let on = match dice.below(6) {
        0 => None,
        1 => some(dice, "Request").map(|on| json!({"command": "submitRequest", "as": "lead", "on": on})),
        2 => some(dice, "Request")
            .map(|on| json!({"command": "acceptRequest", "as": dice.pick(&["flow", "south-flow"]), "on": on, "id": id})),
        3 => some(dice, "Request").map(|on| json!({"command": "deleteDraft", "as": "lead", "on": on})),
        4 => some(dice, "Case")
            .map(|on| json!({"command": "closeCase", "as": "flow", "on": on, "data": {"closureReason": "done"}})),
        _ => some(dice, "Case")
            .map(|on| json!({"command": "addComment", "as": "flow", "on": on, "data": {"text": "x"}, "id": id})),
    };
    on.unwrap_or_else(|| create(dice))
}

#[test]
fn a_past_moment_is_what_was_there() {
    for seed in 0..2 {
        let bench = Bench::new();
        let mut dice = Dice(seed + 5);
        let mut seen = Vec::new();
        for number in 0..100 {
            bench.tick(bench.clock() + 1_000);
            match dice.below(4) {
                0 => {
                    let (kind, text) = line(&mut dice);
                    bench.store().feed_at(kind, text.into_bytes(), 24 * 3_600_000, bench.clock()).unwrap();
                }
                1 => drop(bench.tick(bench.clock() + 9 * 3_600_000)),
                2 => drop(bench.ask(record(&mut dice, &bench, number))),
                _ => drop(bench.ask(staffing(&mut dice, bench.clock() + 60_000))),
            }
            bench.tick(bench.clock() + 60_000);
            seen.push((bench.clock(), facts(bench.store().world())));
        }
        for (at, facts_then) in &seen {
            let past = at_moment(&bench, Moment::as_of(*at).known_at(*at)).unwrap();
            let differing = differing(&facts(&past.world), facts_then);
            assert!(differing.is_empty(), "seed {seed}, {}: {differing:#?}", crate::bench::instant(*at));
        }
        let now = at_moment(&bench, Moment::default()).unwrap();
        assert_eq!(facts(&now.world), facts(bench.store().world()));
    }
}

/// What was done to one store, and when: of it another is rebuilt by hand.
enum Step {
    Line(&'static str, String),
    Staffing(Json),
}

#[test]
fn a_correction_changes_what_held() {
    let mut differed = 0;
    for seed in 0..4 {
        let mut dice = Dice(seed + 23);
        let bench = Bench::new();
        let mut steps = Vec::new();
        for _ in 0..50 {
            bench.tick(bench.clock() + 60_000 + 3_600_000 * i64::try_from(dice.below(20)).unwrap());
            let step = match dice.below(6) {
                0 => Step::Staffing(staffing(&mut dice, bench.clock())),
                _ => {
                    let (kind, text) = line(&mut dice);
                    Step::Line(kind, text)
                }
            };
            apply(&bench, &step);
            steps.push((bench.clock(), step));
        }
        let last = bench.clock();
        for _ in 0..12 {
            let span = usize::try_from((last - NOW) / 1_000).unwrap();
            let at = |dice: &mut Dice| NOW + 1_000 * i64::try_from(dice.below(span)).unwrap();
            let (as_of, known_at) = (at(&mut dice), at(&mut dice));
            let past = at_moment(&bench, Moment::as_of(as_of).known_at(known_at)).unwrap();
            let by_hand = rebuilt(&steps, as_of, known_at);
            let differing = differing(&anew(&past.world), &anew(by_hand.store().world()));
            assert!(differing.is_empty(), "seed {seed}, as of {as_of}, known at {known_at}: {differing:#?}");
            let as_known_then = at_moment(&bench, Moment::as_of(as_of).known_at(as_of)).unwrap();
            differed += usize::from(anew(&as_known_then.world) != anew(&past.world));
        }
    }
    assert!(differed > 20, "{differed} moments look otherwise from later on");
}

fn apply(bench: &Bench, step: &Step) {
    match step {
        Step::Line(kind, text) => {
            bench.store().feed_at(kind, text.clone().into_bytes(), 24 * 3_600_000, bench.clock()).unwrap();
        }
        Step::Staffing(command) => drop(bench.ask(command.clone())),
    }
}

/// A store that is told at once all that was known at one instant, and then does what was done up to another.
fn rebuilt(steps: &[(i64, Step)], as_of: i64, known_at: i64) -> Bench {
    let bench = Bench::new();
    for (_, step) in steps.iter().filter(|(at, _)| *at <= known_at) {
        if let Step::Line(..) = step {
            apply(&bench, step);
        }
    }
    for (at, step) in steps.iter().filter(|(at, _)| *at <= known_at.min(as_of)) {
        if let Step::Staffing(_) = step {
            bench.tick(*at);
            apply(&bench, step);
        }
    }
    bench.tick(as_of.max(bench.clock()));
    bench
}

#[test]
fn who_could_see_a_case_on_a_day() {
    let bench = Bench::with_case();
    let case = EntityUid::new("Case", "c1");
    bench.tick(NOW + DAY);
    let who = |moment: Moment| {
        let past = at_moment(&bench, moment).unwrap();
        let query = PrincipalQuery::new(TypeName::new("User"), ActionName::new("viewSummary"), case.clone())
            .at(past.now);
        let found = past.ward.who(&past.world, &query).unwrap();
        found.iter().map(|person| person.id().to_owned()).collect::<Vec<_>>()
    };
    let yesterday = NOW + DAY;
    let before = who(Moment::as_of(yesterday));
    assert!(before.contains(&"lead".to_owned()) && !before.contains(&"rata-lead".to_owned()), "{before:?}");
    // It is learnt ten days later that Aroha had been at Rata since the day before.
    bench.tick(NOW + 10 * DAY);
    let text = "student,school,start\naroha,rata,2026-05-10\n";
    bench.store().feed_at("enrolment", text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let corrected = who(Moment::as_of(yesterday));
    assert_eq!(who(Moment::as_of(yesterday).known_at(NOW + 9 * DAY)), before);
    assert!(!corrected.contains(&"lead".to_owned()), "{corrected:?}");
    assert!(corrected.contains(&"flow".to_owned()), "{corrected:?}");
    // Before the case was there nobody saw it.
    assert_eq!(who(Moment::as_of(NOW)), Vec::<String>::new());
    // Neither is what has not come yet known, nor what came before all data.
    let error = at_moment(&bench, Moment::as_of(NOW + 11 * DAY)).err().unwrap().to_string();
    assert!(error.contains("lies ahead of the store's clock"), "{error}");
    let nothing = at_moment(&bench, Moment::as_of(NOW - DAY).known_at(NOW - DAY)).unwrap();
    assert!(nothing.world.is_empty());
    let people = at_moment(&bench, Moment::as_of(NOW - DAY)).unwrap();
    assert_eq!((people.world.count("Case").unwrap(), people.world.count("Student").unwrap()), (0, 5));
}

#[test]
fn what_was_disposed_of_is_in_no_past() {
    let bench = Bench::with_case();
    let at = bench.clock();
    bench.tick(NOW + DAY);
    assert!(at_moment(&bench, Moment::as_of(at)).unwrap().world.contains(&EntityUid::new("Case", "c1")));
    let closed = bench.does("flow", "closeCase", "Case::\"c1\"", json!({"data": {"closureReason": "done"}}));
    assert_eq!(closed.outcome, Outcome::Done);
    let dispose = json!({"command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
                         "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z"});
    bench.tick(bench.clock() + 60_000);
    bench.done(dispose);
    let past = at_moment(&bench, Moment::as_of(at)).unwrap();
    assert!(!past.world.contains(&EntityUid::new("Case", "c1")));
    assert!(past.world.contains(&EntityUid::new("Student", "aroha")));
}

#[test]
fn content_of_a_past_moment_is_what_it_said_then() {
    let bench = Bench::with_case();
    let (case, aroha) = ("Case::\"c1\"", "Student::\"aroha\"");
    let feed = |kind: &str, text: &str| {
        let now = bench.clock() + 60_000;
        let answers = bench.store().feed_at(kind, text.as_bytes().to_vec(), 172_800_000, now).unwrap();
        assert!(answers.iter().all(|answer| answer.outcome == caseward_store::Taken::Done), "{answers:?}");
        bench.tick(now);
    };
    let asked = [
        (case, "narrative"),
        (case, "number"),
        (case, "supportPlan"),
        (aroha, "name"),
        (aroha, "attendanceCodes"),
        (aroha, "attendanceTimes"),
    ];
    let keys = || asked.map(|(uid, field)| (uid.parse::<EntityUid>().unwrap(), field.to_owned())).to_vec();
    let (mut moments, mut told) = (vec![], vec![]);
    let mut note = || {
        moments.push(bench.clock());
        told.push(bench.store().contents(keys()).unwrap());
    };
    note();
    bench.does("manager", "updateRecord", case, json!({"data": {"narrative": "first"}}));
    feed("content", "type,id,field,value\nStudent,aroha,name,Aroha Ngata\n");
    feed("attendance", "student,date,code,attended,open\naroha,2026-05-04,P,2,2\naroha,2026-05-05,U,0,2\n");
    note();
    bench.does(
        "manager",
        "updateRecord",
        case,
        json!({"data": {"narrative": "second", "supportPlan": "calls"}}),
    );
    // A correction of a day, another day, and a name that is another.
    feed("attendance", "student,date,code,attended,open\naroha,2026-05-05,M,1,2\naroha,2026-05-06,P,2,2\n");
    note();
    feed("content", "type,id,field,value\nStudent,aroha,name,Aroha Tamati\nStudent,ben,name,Ben\n");
    bench.does(
        "privacy",
        "correctPersonalInformation",
        aroha,
        json!({"data": {"field": "name", "value": "Aroha T."}}),
    );
    note();
    assert_eq!(told[1][0], Some(json!("first")));
    assert_eq!(told[1][4], Some(json!({"2026-05-04": "P", "2026-05-05": "U"})));
    assert_eq!(told[3][3], Some(json!("Aroha T.")));
    let ask = |at: i64| {
        let past = at_moment(&bench, Moment::as_of(at)).unwrap();
        bench.store().past_contents(&past, keys()).unwrap()
    };
    for (at, told) in moments.iter().zip(&told) {
        assert_eq!(ask(*at), *told, "as of {at}");
    }
    // Before there was a case there was none of its content.
    assert_eq!(ask(NOW), vec![None; 6]);
    // What was disposed of is none of any moment.
    bench.does("flow", "closeCase", case, json!({"data": {"closureReason": "done"}}));
    bench.tick(bench.clock() + 60_000);
    bench.done(json!({
        "command": "disposeRecords", "as": "privacy", "on": aroha,
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    }));
    assert_eq!(ask(moments[3]), vec![None; 6]);
}
