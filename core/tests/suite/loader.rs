//! Loading policies: ids, templates, limits, validation, and text that would break the parser.

use caseward::ActionName;
use caseward::testing::asks::query;
use caseward::{EntityUid, Error, Request, Severity, Source, Sources, Value, Ward, WorldBuilder};

const SCHEMA: &str = "entity User = { age: Long, boss?: User }; entity Doc = { owner: User };
    action view appliesTo { principal: User, resource: Doc, context: { now: datetime } };";

fn load(policies: &[(&str, &str)]) -> Result<Ward, Error> {
    let policies = policies.iter().map(|(name, text)| Source::new(*name, *text)).collect();
    Ward::new(&Sources { schema: Source::new("schema.cedarschema", SCHEMA), policies, catalogue: None })
}

/// Loads one policy and says why it was refused.
fn refusal(name: &str, text: &str) -> String {
    let error = load(&[(name, text)]).expect_err("the policy must be refused");
    assert!(error.is_policies(), "{error}");
    let problem = &error.problems()[0];
    assert_eq!(problem.source, name);
    assert_eq!(problem.severity, Severity::Error);
    problem.message.clone()
}

fn when(condition: &str) -> String {
    format!("@id(\"a.b\") permit (principal, action, resource is Doc) when {{ {condition} }};")
}

#[track_caller]
fn refused(name: &str, text: &str, why: &str) {
    let message = refusal(name, text);
    assert!(message.contains(why), "{message}");
}

#[test]
fn the_attendance_rules_load() {
    let ward = Ward::attendance().unwrap();
    assert_eq!(ward.policies().len(), caseward_policies::POLICIES.len());
    assert_eq!(ward.policy_hash().len(), 64);
    assert_eq!(ward.warnings(), []);
    for policy in ward.policies() {
        assert!(policy.rule.is_some(), "{} has no @rule", policy.id);
        let description = policy.description.as_deref().unwrap_or_default();
        assert!(description.len() > 20 && description.ends_with('.'), "{}: {description}", policy.id);
    }
}

#[test]
fn the_hash_follows_every_text() {
    let a = load(&[("a/b.cedar", &when("true"))]).unwrap();
    let b = load(&[("a/b.cedar", &when("false"))]).unwrap();
    let c = load(&[]).unwrap();
    assert_ne!(a.policy_hash(), b.policy_hash());
    assert_ne!(a.policy_hash(), c.policy_hash());
    assert_eq!(a.policy_hash(), load(&[("a/b.cedar", &when("true"))]).unwrap().policy_hash());
}

#[test]
fn the_id_is_the_path_with_dots() {
    load(&[("a/b.cedar", &when("true"))]).unwrap();
    refused("a/c.cedar", &when("true"), "its place asks for `a.c`");
    refused("a/b.cedar", "permit (principal, action, resource);", "has no @id");
    refused("x", "permit (principal, action, resource);", "has no @id");
    refused("a/b.cedar", "", "holds one policy; this one holds 0");
    refused("a/b.cedar", &(when("true") + &when("false")), "holds one policy; this one holds 2");
}

#[test]
fn several_policies_may_come_as_one_text_that_is_no_file() {
    let text = when("true") + "@id(\"other\") forbid (principal, action, resource);";
    let ward = load(&[("pasted", &text)]).unwrap();
    assert_eq!(ward.policies().iter().map(|p| p.id.as_ref()).collect::<Vec<_>>(), ["a.b", "other"]);
    refused("pasted", &(when("true") + &when("true")), "the id `a.b` is taken");
}

#[test]
fn templates_are_refused() {
    refused("a/b.cedar", "@id(\"a.b\") permit (principal == ?principal, action, resource);", "template");
}

#[test]
fn strict_validation_is_asked_for() {
    refused("a/b.cedar", &when("resource.colour == 1"), "colour");
    refused("a/b.cedar", &when("principal.boss.age > 1"), "boss");
    refused("a/b.cedar", &when("principal.age == \"1\""), "");
    refused("a/b.cedar", "@id(\"a.b\") permit (principal, action == Action::\"veiw\", resource);", "veiw");
    refused("a/b.cedar", &when("resource.owner =="), "");
}

#[test]
fn problems_carry_spans() {
    let text = when("resource.colour == 1");
    let error = load(&[("a/b.cedar", &text)]).unwrap_err();
    let span = error.problems()[0].span.expect("a span");
    assert!(text[span.range()].contains("colour"));
}

#[test]
fn problems_carry_lines_and_columns() {
    let text = "@id(\"a.b\")\npermit (principal, action, resource)\nwhen { \"šö🙂\" == resource.colour };\n";
    let error = load(&[("a/b.cedar", text)]).unwrap_err();
    assert!(error.to_string().contains("a/b.cedar:3:17: "), "{error}");
    let json = serde_json::to_value(&error.problems()[0]).unwrap();
    let place = ["line", "column", "end_line", "end_column"].map(|key| json[key].as_u64().unwrap());
    assert_eq!(place, [3, 17, 3, 32], "{json}");
    assert_eq!(json["span"]["start"].as_u64().unwrap() as usize, text.find("resource.colour").unwrap());
    // What has no place has the same names.
    let error = load(&[("a/b.cedar", "")]).unwrap_err();
    let json = serde_json::to_value(&error.problems()[0]).unwrap();
    assert!(json["span"].is_null() && json["line"].is_null() && json.get("end_column").is_some(), "{json}");
}

#[test]
fn problems_come_in_the_order_of_the_text_each_time() {
    let clauses: String = (0..12).map(|n| format!("when {{ resource.x{n} == {n} }}\n")).collect();
    let of = |id: &str| format!("@id(\"{id}\")\npermit (principal, action, resource)\n{clauses};");
    let texts = ["b", "a", "c"].map(|id| (format!("{id}.cedar"), of(id)));
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let problems = || load(&texts).unwrap_err().problems().to_vec();
    let first = problems();
    let places: Vec<_> = first.iter().map(|one| (&one.source, one.span.map(|span| span.start))).collect();
    assert!(places.len() >= 36 && places.is_sorted(), "{places:?}");
    for _ in 0..5 {
        assert_eq!(problems(), first);
    }
}

#[test]
fn every_problem_is_reported() {
    let (one, two) = (when("resource.x == 1"), when("resource.y == 1").replace("a.b", "a.c"));
    let error = load(&[("a/b.cedar", &one), ("a/c.cedar", &two)]).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
}

#[test]
fn a_bad_schema_is_refused() {
    for text in
        ["entity", "entity User = { a: Nothing };", &"{".repeat(500), &"<".repeat(500), &"x".repeat(2 << 20)]
    {
        let sources = Sources { schema: Source::new("s", text), policies: vec![], catalogue: None };
        let error = Ward::new(&sources).unwrap_err();
        assert!(error.is_policies(), "{error}");
        assert_eq!(error.problems()[0].source, "s");
    }
}

/// Threads of tests have 2 MiB of stack, a quarter of what a program's main thread has.
#[test]
fn text_at_the_limits_is_taken_decided_and_dropped_again() {
    let conditions = [
        "(".repeat(60) + "true" + &")".repeat(60),
        vec!["resource.owner.age == 1"; 240].join(" && "),
        vec!["resource.owner.age == 1"; 240].join(" || "),
        vec!["1"; 900].join(" + ") + " == 900",
        "if true then true else ".repeat(60) + "true",
        "[[".repeat(30) + "1" + &"]]".repeat(30) + " == " + &"[[".repeat(30) + "1" + &"]]".repeat(30),
        "principal has boss && principal.boss has boss && ".repeat(100) + "true",
        format!("[{}].contains(1)", vec!["1"; 50_000].join(",")),
    ];
    for condition in conditions {
        let name = condition.chars().take(40).collect::<String>();
        let ward = load(&[("a/b.cedar", &when(&condition))]).map_err(|e| e.to_string()).expect(&name);
        let (user, doc) = (EntityUid::new("User", "u"), EntityUid::new("Doc", "d"));
        let mut builder = WorldBuilder::new(ward.schema());
        builder.add(&user, [("age", Value::Long(1)), ("boss", Value::Entity(user.clone()))]);
        builder.add(&doc, [("owner", Value::Entity(user.clone()))]);
        let world = builder.finish().unwrap();
        let request =
            Request::new(user.clone(), ActionName::new("view"), doc.clone()).with("now", Value::Datetime(0));
        let answer = ward.check(&world, &request).unwrap();
        assert!(answer.is_allowed(), "{name}: {answer:?}");
        assert_eq!(
            ward.list(&world, &query(&user, "view", "Doc", &request.context)).unwrap(),
            [doc],
            "{name}"
        );
        assert!(!ward.plan_for(&world, &query(&user, "view", "Doc", &request.context)).unwrap().is_empty());
    }
}

#[test]
fn text_beyond_the_limits_is_refused_before_it_is_parsed() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{\"a\":", "}"), ("if true then 1 else ", "")] {
        refused("a/b.cedar", &when(&(open.repeat(40_000) + "1" + &close.repeat(40_000))), "nested");
    }
    for link in [" && true", " || true", " + 1", " * 1", ".boss", " == 1", "!"] {
        refused("a/b.cedar", &when(&format!("true{}", link.repeat(40_000))), "operators");
    }
    refused("a/b.cedar", &" ".repeat(2 << 20), "bytes");
    refused("a/b.cedar", &("@a(\"b\")".repeat(40_000) + &when("true")), "operators");
}

#[test]
fn a_schema_is_as_large_as_it_is_written_out() {
    let load = |schema: &str| {
        Ward::new(&Sources { schema: Source::new("s", schema), policies: vec![], catalogue: None })
            .map(|_| ())
    };
    let doubling = |lines: usize| {
        let line = |n: usize| format!("type T{n} = {{ x: T{}, y: T{} }};\n", n - 1, n - 1);
        format!(
            "type T0 = {{ x: Long }};\n{}entity E = {{ x: T{} }};",
            (1..lines).map(line).collect::<String>(),
            lines - 1
        )
    };
    load(&doubling(8)).unwrap();
    let types: String = (0..400).map(|n| format!("entity E{n};")).collect();
    let all: Vec<String> = (0..400).map(|n| format!("E{n}")).collect();
    let all = all.join(", ");
    let wide = format!("{types} action a appliesTo {{ principal: [{all}], resource: [{all}] }};");
    for (schema, why) in
        [(doubling(24), "written out"), (doubling(40), "written out"), (wide, "160000 pairs")]
    {
        let error = load(&schema).unwrap_err();
        assert!(error.is_policies() && error.to_string().contains(why), "{error}");
    }
    let error = load("\u{feff}entity E;").unwrap_err();
    assert!(error.to_string().contains("byte order mark (BOM)"), "{error}");
}

#[test]
fn formatting_keeps_meaning_and_comments() {
    let text =
        "@id(\"a.b\") permit(principal,action,resource is Doc)// why\nwhen{resource.owner==principal};";
    let formatted = caseward::format(&Source::new("a/b.cedar", text)).unwrap();
    assert!(formatted.contains("// why"), "{formatted}");
    assert_eq!(caseward::format(&Source::new("a/b.cedar", formatted.as_str())).unwrap(), formatted);
    load(&[("a/b.cedar", &formatted)]).unwrap();
    let error = caseward::format(&Source::new("a/b.cedar", "permit (")).unwrap_err();
    assert!(error.is_policies());
    assert!(caseward::format(&Source::new("a/b.cedar", when(&"(".repeat(40_000)))).is_err());
}

#[test]
fn policies_are_formatted() {
    for (name, text) in caseward_policies::POLICIES {
        let formatted = caseward::format(&Source::new(*name, *text)).unwrap();
        assert_eq!(*text, formatted, "{name}: run `caseward fmt`");
    }
}

#[test]
fn a_folder_must_be_there() {
    let error = Ward::from_folder("/nowhere/at/all").unwrap_err();
    assert!(error.is_read(), "{error}");
    assert!(error.to_string().contains("/nowhere/at/all"));
}
