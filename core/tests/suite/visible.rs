//! Lists and plans in particular. The laws compare lists with checks.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use caseward::ActionName;
use caseward::attendance::{ReportQuestion, Sample, report};
use caseward::testing::asks::{alerted, environment, query, who_may};
use caseward::{
    Changes, Context, EntityUid, Error, Group, Protection, Request, Source, Sources, Value, Ward,
    WorldBuilder, interrupt,
};

use crate::support::{ATTENDANCE, CLINIC, facts};

#[test]
fn nobody_sees_nothing_and_nonsense_is_refused() {
    let (_, world) = facts(&ATTENDANCE, &[]);
    let at = crate::support::at(crate::support::NOW);
    let (nobody, somebody) = (EntityUid::new("User", "nobody"), EntityUid::new("User", "0"));
    assert_eq!(ATTENDANCE.list(&world, &query(&nobody, "viewSummary", "Case", &at)).unwrap(), []);
    for (action, ty, why) in [
        ("viewSumary", "Case", "did you mean `viewSummary`?"),
        ("viewSummary", "Cases", "did you mean `Case`?"),
        ("viewSummary", "School", "takes no resource of type `School`"),
        ("uploadFile", "Case", "`sizeBytes` is missing"),
    ] {
        let error = ATTENDANCE.list(&world, &query(&somebody, action, ty, &at)).unwrap_err();
        assert!(error.is_request() && error.to_string().contains(why), "{error}");
    }
    let error = CLINIC.list(&world, &query(&somebody, "open", "Clinic::Ward", &at)).unwrap_err();
    assert!(error.is_schema(), "{error}");
}

#[test]
fn an_absent_entity_in_the_context_denies_whatever_its_id() {
    let schema = "entity User; entity Doc;
        action link appliesTo { principal: User, resource: Doc, context: { to: Doc } };";
    let policy = Source::new("all", "@id(\"all\") permit (principal, action, resource);");
    let ward = Ward::new(&Sources {
        schema: Source::new("schema", schema),
        policies: vec![policy],
        catalogue: None,
    })
    .unwrap();
    let (user, doc) = (EntityUid::new("User", "u"), EntityUid::new("Doc", "d"));
    let mut builder = WorldBuilder::new(ward.schema());
    builder.add(&user, []);
    builder.add(&doc, []);
    let world = builder.finish().unwrap();
    let linked = |to: &str| {
        let context = Context::new().with("to", EntityUid::new("Doc", to));
        ward.list(&world, &query(&user, "link", "Doc", &context)).unwrap()
    };
    assert_eq!(linked("d"), [doc]);
    for absent in ["", "e"] {
        assert_eq!(linked(absent), [], "Doc::{absent:?} is not in the data");
    }
}

#[test]
fn a_plan_names_every_policy_that_can_apply() {
    let plan = CLINIC.plan(&environment("Clinic::Staff", "open", "Clinic::Ward")).unwrap();
    assert!(plan.contains("permit doors.open when ") && plan.contains("forbid doors.code when "), "{plan}");
    assert!(!plan.contains("records."), "{plan}");
}

#[test]
fn a_plan_asks_for_what_a_list_asks_for() {
    let (facts, world) = facts(&CLINIC, &[]);
    let staff = facts.of_type(CLINIC.schema().type_id("Clinic::Staff").unwrap())[0].clone();
    let error =
        CLINIC.plan_for(&world, &query(&staff, "open", "Clinic::Record", &Context::new())).unwrap_err();
    assert!(error.to_string().contains("takes no resource of type `Clinic::Record`"), "{error}");
}

/// Every source file below a folder of `core/src`, or the file itself.
fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| sources(&entry.unwrap().path(), found));
    } else {
        found.push(path.to_owned());
    }
}

#[test]
fn the_engine_knows_nothing_of_attendance() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for part in [
        "model",
        "cedar",
        "world",
        "ir",
        "table",
        "policy",
        "cache",
        "engine.rs",
        "decide",
        "visible",
        "view",
        "count",
        "explain",
        "sql",
    ] {
        sources(&root.join(part), &mut files);
    }
    let schema = ATTENDANCE.schema();
    let mut words: Vec<String> = schema.actions().iter().map(|a| a.uid.id().to_owned()).collect();
    for ty in schema.entity_types() {
        words.push(ty.name.to_string());
        words.extend(ty.attributes.iter().map(|(name, _)| name.to_string()));
    }
    assert!(files.len() > 120 && words.len() > 80);
    for file in files {
        if file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        // Comments are no code, and the name of a feature is no word of the schema.
        let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("feature = \"");
        for line in code.lines().filter(is_code) {
            for word in &words {
                assert!(!line.contains(&format!("\"{word}\"")), "{}: {line}", file.display());
            }
        }
    }
}

/// Whenever a question could be ended, a batch comes that changes who asks and what they ask about: it ends all the
/// same, since in the end batches wait for it.
#[test]
fn every_question_ends_however_many_batches_come() {
    /// How often a question is asked whether it is to end, before it is.
    const ASKED: u32 = 1_000;
    let ward = &*ATTENDANCE;
    let world = Sample { cases: 50, seed: 1 }.build(ward, &mut |_| {}).unwrap();
    let now = crate::support::at(crate::support::NOW);
    let (person, case) = (EntityUid::new("User", "u00001"), EntityUid::new("Case", "c0000001"));
    let team = |id: &str| EntityUid::new("MinistryTeam", id);
    let teams = [team("nationalContracts"), team("research")];
    let (ask, asked) = mpsc::channel::<bool>();
    let writer = std::thread::spawn({
        let (world, person, case) = (world.clone(), person.clone(), case.clone());
        move || {
            for is_there in asked {
                let some = |of: &[EntityUid]| Value::set(of.iter().map(|uid| Value::Entity(uid.clone())));
                let (teams, helps) =
                    if is_there { (&teams[..], &[person.clone()][..]) } else { (&teams[..1], &[][..]) };
                let batch = Changes::new().set(&person, "ministryTeams", some(teams));
                world.apply(&batch.set(&case, "team", some(helps))).unwrap();
            }
        }
    });
    let asks = Rc::new(Cell::new(0));
    let hook = {
        let (world, asks, ask) = (world.clone(), asks.clone(), ask.clone());
        Rc::new(move || {
            asks.set(asks.get() + 1);
            let version = world.version();
            ask.send(asks.get() % 2 == 0).unwrap();
            world.at_least(version + 1, Duration::from_secs(30)).unwrap();
            asks.get() > ASKED
        })
    };
    let ends = |name: &str, question: &dyn Fn() -> Result<(), Error>| {
        asks.set(0);
        let answer = interrupt::watched(hook.clone(), question);
        assert!(answer.is_ok() && asks.get() > 0, "{name}, asked {} times: {answer:?}", asks.get());
    };
    ends("list", &|| ward.list(&world, &query(&person, "viewSummary", "Case", &now)).map(|_| ()));
    let by = [Group::of("student.enrolledAt")];
    ends("count_by", &|| {
        ward.count_by(&world, &query(&person, "viewSummary", "Case", &now), &by).map(|_| ())
    });
    ends("who", &|| ward.who_with_reasons(&world, &who_may("viewSummary", &case, "User", &now)).map(|_| ()));
    ends("alert", &|| ward.alert(&world, &alerted(&case, None, "User", &now)).map(|_| ()));
    let request =
        Request::new(person.clone(), ActionName::new("viewRecord"), case.clone()).in_context(now.clone());
    ends("explain", &|| {
        let explanation = ward.explain(&world, &request)?;
        assert!(explanation.instead.is_some());
        Ok(())
    });
    let question = ReportQuestion {
        principal: &person,
        kind: "national",
        report: None,
        by: &by,
        now: crate::support::NOW,
        protection: &Protection::default(),
    };
    ends("report", &|| {
        assert!(report(ward, &world, &question)?.is_some());
        Ok(())
    });
    drop((ask, hook));
    writer.join().unwrap();
}
