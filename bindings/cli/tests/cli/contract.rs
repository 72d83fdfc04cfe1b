//! The answers that other programs rely on, one question at a time.

use std::fs;

use serde_json::json;

use crate::support::{Bench, NOW, case, world};

const U1: &str = r#"User::"u1""#;
const U2: &str = r#"User::"u2""#;
const C1: &str = r#"Case::"c1""#;

#[test]
fn check_allows_and_denies_by_exit_code() {
    let bench = Bench::new();
    let allow = bench.check(U1, "viewSummary", C1);
    allow.ends(0);
    assert!(allow.out.starts_with("allow\n  S1 (school.S1): "), "{}", allow.out);
    let whole_name = bench.check(U1, r#"Action::"viewSummary""#, C1);
    assert_eq!(whole_name.out, allow.out);

    let forbidden = bench.check(U2, "viewSummary", C1);
    forbidden.ends(2);
    assert!(forbidden.out.starts_with("deny\n  G1 (gates.G1): "), "{}", forbidden.out);
    let unpermitted = bench.check(U1, "viewSummary", r#"Case::"c2""#);
    unpermitted.ends(2);
    assert_eq!(unpermitted.out, "deny\n  no policy permits it\n");
}

#[test]
fn check_answers_json() {
    let bench = Bench::new();
    let question = ["--principal", U1, "--action", "viewSummary", "--resource", C1, "--format", "json"];
    let ran = bench.ask("check", &question);
    let answer = ran.ends(0).json();
    assert_eq!(answer["decision"], "allow");
    assert_eq!(answer["policies"], json!(["school.S1"]));
    assert_eq!(answer["rules"], json!(["S1"]));
    assert_eq!(answer["errors"], json!([]));
    assert_eq!(answer["policy_hash"].as_str().unwrap().len(), 64);
    assert_eq!(answer["version"], 1);
    assert_eq!(answer["now"], "2026-05-10T21:00:00.000Z");
    assert_eq!(ran.out.lines().count(), 1);
}

#[test]
fn an_unknown_principal_or_resource_is_a_denial() {
    let bench = Bench::new();
    for (principal, resource, absent) in
        [(r#"User::"nobody""#, C1, r#"User::"nobody""#), (U1, r#"Case::"none""#, r#"Case::"none""#)]
    {
        let ran = bench.check(principal, "viewSummary", resource);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert_eq!(ran.out, format!("deny\n  {absent} is not in the data\n"));
    }
    // A type that the schema lacks is a mistake in the question.
    bench.check(r#"Martian::"m""#, "viewSummary", C1).fails(1, "the schema has no entity type `Martian`");
    bench.check(r#"Usr::"u1""#, "viewSummary", C1).fails(1, "did you mean `User`?");
}

#[test]
fn now_is_given_once() {
    let bench = Bench::new();
    let ask = |now: &str, context: &str| {
        let question = ["--principal", U1, "--action", "viewSummary", "--resource", C1];
        let rest = ["--context", context, "--format", "json"];
        let common = ["check", "--entities", "world.json", "--now", now];
        bench.run(common.into_iter().chain(question).chain(rest))
    };
    // Before the roll-out of cases, school roles see none.
    ask("2026-02-27T23:59:59.999+13:00", "{}").ends(2);
    ask("2026-02-28T00:00:00+13:00", "{}").ends(0);
    // A context may be written by whoever asks: it does not say another time than who runs the command.
    for now in [r#""2026-03-01T00:00:00Z""#, r#"{"__extn": {"fn": "datetime", "arg": "2026-03-01"}}"#] {
        for key in ["now", r"\u006eow"] {
            let context = format!(r#"{{"{key}": {now}}}"#);
            ask("2026-02-27T00:00:00Z", &context).fails(1, "`now` is in the context, and given by --now");
            for (verb, of) in [("list", true), ("count", true), ("filter", true), ("who", false)] {
                let mut args =
                    vec![verb, "--entities", "world.json", "--action", "viewSummary", "--now", NOW];
                args.extend(if of {
                    ["--principal", U1, "--type", "Case"]
                } else {
                    ["--resource", C1, "--type", "User"]
                });
                args.extend(if verb == "filter" { &["--dialect", "sqlite"][..] } else { &[] });
                args.extend(["--context", &context]);
                bench.run(args).fails(1, "`now` is in the context, and given by --now");
            }
            for verb in ["view", "actions", "explain"] {
                let mut args =
                    vec![verb, "--entities", "world.json", "--principal", U1, "--resource", C1, "--now", NOW];
                args.extend(if verb == "explain" { &["--action", "viewSummary"][..] } else { &[] });
                args.extend(["--context", &context]);
                bench.run(args).fails(1, "`now` is in the context, and given by --now");
            }
        }
    }
    let alone = ["--context", r#"{"now": "2026-03-01T00:00:00Z"}"#, "--format", "json"];
    let question =
        ["check", "--entities", "world.json", "--principal", U1, "--action", "viewSummary", "--resource", C1];
    let given = bench.run(question.into_iter().chain(alone));
    assert_eq!((given.code, &given.json()["now"]), (0, &json!("2026-03-01T00:00:00.000Z")), "{}", given.err);
    // Half a millisecond is in the millisecond that began before it.
    assert_eq!(ask("2026-05-11T00:00:00.0009Z", "{}").json()["now"], "2026-05-11T00:00:00.000Z");
}

#[test]
fn the_clock_is_read_where_no_now_is_given() {
    let bench = Bench::new();
    let args = ["check", "--entities", "world.json", "--format", "json"];
    let question = ["--principal", U2, "--action", "viewSummary", "--resource", C1];
    let answer = bench.run(args.into_iter().chain(question)).ends(2).json();
    assert!(answer["now"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn entities_come_from_standard_input_too() {
    let bench = Bench::new();
    let args = ["check", "--entities", "-", "--now", NOW];
    let question = ["--principal", U1, "--action", "viewSummary", "--resource", C1];
    bench.run_with(world().to_string(), args.into_iter().chain(question)).ends(0);
}

#[test]
fn list_gives_ids_a_count_or_json() {
    let bench = Bench::new();
    let ask = |principal: &str, format: &str| {
        let rest =
            ["--principal", principal, "--action", "viewSummary", "--type", "Case", "--format", format];
        bench.ask("list", &rest)
    };
    assert_eq!(ask(U1, "ids").ends(0).out, "c1\nc10\n");
    assert_eq!(ask(U1, "count").ends(0).out, "2\n");
    let json = ask(U1, "json").ends(0).json();
    assert_eq!(json["ids"], json!(["c1", "c10"]));
    assert_eq!(json["count"], 2);
    assert_eq!(json["policy_hash"].as_str().unwrap().len(), 64);
    assert_eq!(json["version"], 1);
    assert_eq!(json["now"], "2026-05-10T21:00:00.000Z");

    assert_eq!(ask(U2, "ids").ends(0).out, "");
    assert_eq!(ask(U2, "count").ends(0).out, "0\n");
    assert_eq!(ask(r#"User::"nobody""#, "ids").ends(0).out, "");
}

#[test]
fn list_never_splits_an_id() {
    let bench = Bench::new();
    let mut world = world();
    world.as_array_mut().unwrap().push(case("c1\nc2", "st1", "open"));
    bench.write("world.json", world.to_string());
    let rest = ["--principal", U1, "--action", "viewSummary", "--type", "Case"];
    let ran = bench.ask("list", &rest);
    ran.fails(1, r#"Case::"c1\nc2""#);
    assert_eq!(ran.out, "", "no id was shown before the refusal");
    let json = bench.ask("list", &[&rest[..], &["--format", "json"]].concat()).ends(0).json();
    assert_eq!(json["ids"], json!(["c1", "c1\nc2", "c10"]));
}

#[test]
fn list_equals_check() {
    let bench = Bench::new();
    for principal in [U1, U2] {
        for action in ["viewSummary", "viewSupportPlan", "closeCase", "addComment"] {
            let rest = ["--principal", principal, "--action", action, "--type", "Case"];
            let listed = bench.ask("list", &rest);
            let ids: Vec<&str> = listed.ends(0).out.lines().collect();
            for id in ["c1", "c2", "c10"] {
                let allowed = bench.check(principal, action, &format!("Case::\"{id}\"")).code == 0;
                assert_eq!(ids.contains(&id), allowed, "{principal} {action} {id}");
            }
        }
    }
}

#[test]
fn actions_shows_each_action_and_what_it_needs() {
    let bench = Bench::new();
    let ask = |rest: &[&str]| bench.ask("actions", &[&["--principal", U1, "--resource", C1], rest].concat());
    let ran = ask(&[]);
    let text = &ran.ends(0).out;
    assert!(
        text.lines().any(|line| line.starts_with("✔ viewSummary ") && line.ends_with("school.S1")),
        "{text}"
    );
    assert!(text.lines().any(|line| line == "✘ closeCase"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("? uploadFile ") && line.ends_with("needs sizeBytes")),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "colour where no terminal is");

    let json = ask(&["--format", "json", "--context", r#"{"sizeBytes": 4096}"#]).ends(0).json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["now"], "2026-05-10T21:00:00.000Z");
    let of = |name: &str| {
        let all = json["actions"].as_array().unwrap();
        all.iter().find(|action| action["action"] == name).unwrap().clone()
    };
    assert_eq!(of("uploadFile")["answer"]["decision"], "allow");
    assert_eq!(of("uploadFile")["answer"]["rules"], json!(["S5"]));
    let contact = json!({"field": "contact", "type": "User", "required": true, "values": null});
    assert_eq!(of("changePrimaryContact")["needs"], json!([contact]));
    assert_eq!(of("changePrimaryContact")["answer"], json!(null));
    assert_eq!(of("closeCase")["answer"]["decision"], "deny");

    // A context may serve several actions at once.
    let both = r#"{"sizeBytes": 99999999, "contact": {"type": "User", "id": "u1"}}"#;
    let text = ask(&["--context", both]).ends(0).out.clone();
    assert!(
        text.lines().any(|line| line.starts_with("✘ uploadFile ") && line.ends_with("school.S5b")),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with("✔ changePrimaryContact ")), "{text}");
}

#[test]
fn explain_says_why() {
    let bench = Bench::new();
    let ask = |principal: &str, resource: &str, format: &str| {
        let question = ["--principal", principal, "--action", "viewSummary", "--resource", resource];
        bench.ask("explain", &[&question[..], &["--format", format]].concat())
    };
    let allow = ask(U1, C1, "text");
    assert!(allow.ends(0).out.contains("permitted by S1 (school.S1): "), "{}", allow.out);
    let forbidden = ask(U2, C1, "text");
    assert!(forbidden.ends(2).out.contains("forbidden by G1 (gates.G1): "), "{}", forbidden.out);
    assert!(forbidden.out.contains("✔ not so: an active login"), "{}", forbidden.out);

    let near = ask(U1, r#"Case::"c2""#, "text");
    assert!(near.ends(2).out.contains("no policy permits it"), "{}", near.out);
    // The failing condition at its place in the policy, with what it compared.
    assert!(near.out.contains("school/S1.cedar:17:3: resource.student has enrolledAt"), "{}", near.out);
    assert!(near.out.contains("✘ attendance lead or office support at the student's school"), "{}", near.out);
    // Whose it is to set, and no proposal to set it.
    let fact = "`enrolledAt` of Student::\"st2\", which is absent: set by the school that enrols the student, in ENROL";
    assert!(near.out.contains(fact) && !near.out.contains("set `enrolledAt`"), "{}", near.out);
    assert!(
        near.out
            .starts_with("deny\n  It is 2026-05-10T21:00:00.000Z.\n  User u1: attendance lead at school s1"),
        "{}",
        near.out
    );
    assert!(near.out.contains("\n  User u1 asks to view summary of case c2.\n"), "{}", near.out);
    assert!(
        near.out.contains("Nobody else may do it") || near.out.contains("Who may do it instead: "),
        "{}",
        near.out
    );
    assert!(!near.out.contains('\u{1b}'), "colour where no terminal is");

    let absent = ask(r#"User::"nobody""#, C1, "text");
    assert_eq!(absent.ends(2).out, "deny\n  User::\"nobody\" is not in the data\n");

    let json = ask(U1, r#"Case::"c2""#, "json").ends(2).json();
    assert_eq!(json["answer"]["decision"], "deny");
    let nearest = json["nearest"].as_array().unwrap();
    let s1 = nearest.iter().find(|reason| reason["policy"]["id"] == "school.S1").unwrap();
    assert!(s1["conditions"].as_array().unwrap().iter().any(|condition| condition["holds"] == false));
    assert_eq!(json["turn"]["outcome"], "kept");
    assert_eq!(json["turn"]["facts"][0]["set_by"], "the school that enrols the student, in ENROL");
    assert_eq!(json["turn"]["facts"][0]["now"], json!({"absent": true}));

    let tree = ask(U1, r#"Case::"c2""#, "tree");
    assert!(tree.ends(2).out.contains("├ ✔ ") && tree.out.contains("└ ✘ "), "{}", tree.out);
}

#[test]
fn explain_withholds_what_a_viewer_may_not_see() {
    let bench = Bench::new();
    let ask = |principal: &str, action: &str, resource: &str, viewer: &str, format: &str| {
        let question = ["--principal", principal, "--action", action, "--resource", resource];
        bench.ask("explain", &[&question[..], &["--viewer", viewer, "--format", format]].concat())
    };
    let own = ask(U2, "viewSummary", C1, U2, "text");
    let absent = ask(U2, "viewSummary", r#"Case::"c9""#, U2, "text");
    // Whose login ended may not know of the case.
    assert_eq!(own.ends(2).out, absent.ends(2).out.replace("c9", "c1"));
    // What roles somebody has that is named in the question is not for the lead to see.
    let contact = r#"{"contact": {"__entity": {"type": "User", "id": "u2"}}}"#;
    let question =
        ["--principal", U1, "--action", "changePrimaryContact", "--resource", C1, "--context", contact];
    let own = bench.ask("explain", &[&question[..], &["--viewer", U1, "--format", "json"]].concat());
    let own = own.ends(2).json();
    assert_eq!((&own["withheld"], &own["answer"]["policies"]), (&json!(true), &json!([])));
    assert_eq!(own["turn"]["outcome"], "withheld");
    // What is decided of somebody else is no verdict for whoever may not see who may do what.
    let mut told = std::collections::BTreeSet::new();
    for (principal, viewer) in [(U1, U2), (U2, U1)] {
        for record in [C1, r#"Case::"c2""#, r#"Case::"c9""#] {
            for format in ["text", "tree", "json"] {
                let ran = ask(principal, "viewSummary", record, viewer, format);
                ran.fails(1, "--viewer: what is decided of somebody else is told only to");
                told.insert((ran.out, ran.err));
            }
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    ask(U2, "viewSummary", C1, "lena", "text").fails(1, "--viewer");
    bench.write("p/schema.cedarschema", "entity U; action read appliesTo { principal: U, resource: U };\n");
    bench.write("p/all.cedar", "@id(\"all\")\npermit (principal, action, resource);\n");
    bench.write("none.json", "[]");
    let elsewhere =
        ["--principal", "U::\"u\"", "--action", "read", "--resource", "U::\"u\"", "--viewer", "U::\"u\""];
    let ran =
        bench.run(["explain", "--policies", "p", "--entities", "none.json"].into_iter().chain(elsewhere));
    ran.fails(1, "nothing says what may be shown");
}

/// A domain whose catalogue names documents and not referrals.
fn referrals(bench: &Bench) {
    bench.write(
        "p/schema.cedarschema",
        "entity User; entity Doc; entity Referral = { open: Bool };\n\
         action read appliesTo { principal: User, resource: [Doc, Referral] };\n\
         action link appliesTo { principal: User, resource: Doc, context: { to: Referral, by?: User } };\n",
    );
    bench.write(
        "p/all.cedar",
        "@id(\"all\")\npermit (principal, action, resource)\nunless { resource is Referral && resource.open };\n",
    );
    bench.write("p/fields.toml", "[Doc]\nknown_by = [\"read\"]\n[User]\npublic = []\n");
    let one = |ty: &str, id: &str, attrs: serde_json::Value| json!({"uid": {"type": ty, "id": id}, "attrs": attrs, "parents": []});
    let world = json!([
        one("User", "u", json!({})),
        one("Doc", "d", json!({})),
        one("Referral", "r1", json!({"open": true})),
        one("Referral", "r2", json!({"open": false})),
    ]);
    bench.write("world.json", world.to_string());
}

#[test]
fn a_type_without_an_entry_is_known_to_nobody() {
    let bench = Bench::new();
    referrals(&bench);
    let run = |args: &[&str]| {
        let ran = bench.run(args.iter().copied());
        (ran.code, ran.out, ran.err)
    };
    let from = ["--policies", "p", "--entities", "world.json", "--now", NOW, "--principal", "User::\"u\""];
    let same = |args: &dyn Fn(&str) -> Vec<String>| {
        let of = |id: &str| {
            let args = args(id);
            let (code, out, err) = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
            (code, out.replace(id, "r1"), err.replace(id, "r1"))
        };
        let absent = of("r9");
        assert_eq!(of("r1"), absent, "denied");
        assert_eq!(of("r2"), absent, "allowed");
        absent
    };
    for format in ["text", "tree", "json"] {
        let told = same(&|id| {
            let referral = format!("Referral::\"{id}\"");
            let question = ["--action", "read", "--resource", &referral, "--viewer", "User::\"u\""];
            let all = [&["explain"][..], &from, &question, &["--format", format]].concat();
            all.into_iter().map(str::to_owned).collect()
        });
        assert!(told.0 == 2 && told.1.contains("is not there, or not to be seen"), "{told:?}");
        same(&|id| {
            let context =
                format!("{{\"to\": {{\"__entity\": {{\"type\": \"Referral\", \"id\": \"{id}\"}}}}}}");
            let question = ["--action", "link", "--resource", "Doc::\"d\"", "--viewer", "User::\"u\""];
            let all =
                [&["explain"][..], &from, &question, &["--format", format, "--context", &context]].concat();
            all.into_iter().map(str::to_owned).collect()
        });
    }
    for format in ["text", "json"] {
        same(&|id| {
            let context =
                format!("{{\"to\": {{\"__entity\": {{\"type\": \"Referral\", \"id\": \"{id}\"}}}}}}");
            let question = ["--resource", "Doc::\"d\"", "--format", format, "--context", &context];
            let all = [&["view"][..], &from, &question].concat();
            all.into_iter().map(str::to_owned).collect()
        });
        same(&|id| {
            let referral = format!("Referral::\"{id}\"");
            let all = [&["view"][..], &from, &["--resource", &referral, "--format", format]].concat();
            all.into_iter().map(str::to_owned).collect()
        });
        same(&|id| {
            let referral = format!("Referral::\"{id}\"");
            let alert = ["alert", "--policies", "p", "--entities", "world.json", "--now", NOW];
            let all = [&alert[..], &["--resource", &referral, "--format", format]].concat();
            all.into_iter().map(str::to_owned).collect()
        });
    }
    // What the catalogue names is explained as ever.
    let (code, out, err) = run(&[
        &["explain"][..],
        &from,
        &["--action", "read", "--resource", "Doc::\"d\"", "--viewer", "User::\"u\""],
    ]
    .concat());
    assert!(code == 0 && out.contains("permitted by all"), "{out}{err}");
    // Without any catalogue nothing is told of anything.
    fs::remove_file(bench.path("p/fields.toml")).unwrap();
    let told = same(&|id| {
        let referral = format!("Referral::\"{id}\"");
        let question = ["--action", "read", "--resource", &referral, "--viewer", "User::\"u\""];
        [&["explain"][..], &from, &question].concat().into_iter().map(str::to_owned).collect()
    });
    assert_eq!(told.0, 1, "{told:?}");
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies_with_its_name() {
    let bench = Bench::new();
    bench.write(
        "p/schema.cedarschema",
        "entity User; entity Doc = { n: Long };\naction read appliesTo { principal: User, resource: Doc };\n",
    );
    bench.write("p/all.cedar", "@id(\"all\")\npermit (principal, action, resource);\n");
    bench.write(
        "p/big.cedar",
        "@id(\"big\")\nforbid (principal, action, resource) when { resource.n * 2 > 10 };\n",
    );
    let world = json!([
        {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Doc", "id": "d"}, "attrs": {"n": i64::MAX}, "parents": []},
        {"uid": {"type": "Doc", "id": "small"}, "attrs": {"n": 1}, "parents": []},
    ]);
    bench.write("world.json", world.to_string());
    let ask = |verb: &str, resource: &str| {
        let question = ["--principal", "User::\"u\"", "--action", "read", "--resource", resource];
        bench.run([verb, "--policies", "p", "--entities", "world.json"].into_iter().chain(question))
    };
    ask("check", "Doc::\"small\"").ends(0);
    let denied = ask("check", "Doc::\"d\"");
    assert!(
        denied.ends(2).out.starts_with("deny\n  policy `big` could not be evaluated: "),
        "{}",
        denied.out
    );
    let explained = ask("explain", "Doc::\"d\"");
    assert!(explained.ends(2).out.contains("policy `big` could not be evaluated"), "{}", explained.out);
    assert!(!explained.out.contains("no policy permits it"), "{}", explained.out);
    // An action without `now` in its context has none in its answers.
    let json = bench.run([
        "check",
        "--policies",
        "p",
        "--entities",
        "world.json",
        "--principal",
        "User::\"u\"",
        "--action",
        "read",
        "--resource",
        "Doc::\"small\"",
        "--format",
        "json",
    ]);
    assert_eq!(json.ends(0).json()["now"], json!(null));
}

#[test]
fn the_reference_answers_the_same() {
    let bench = Bench::new();
    for (principal, action, resource) in [
        (U1, "viewSummary", C1),
        (U1, "viewRecord", C1),
        (U2, "viewSummary", C1),
        (U1, "viewSummary", r#"Case::"nowhere""#),
    ] {
        let question =
            ["--principal", principal, "--action", action, "--resource", resource, "--format", "json"];
        let fast = bench.ask("check", &question);
        let reference = bench.ask("check", &[&question[..], &["--reference"]].concat());
        assert_eq!(
            (fast.code, &fast.out),
            (reference.code, &reference.out),
            "{principal} {action} {resource}"
        );
    }
}

#[test]
fn explain_shows_what_the_policies_come_to() {
    let bench = Bench::new();
    let question = ["--principal", U1, "--action", "viewSummary", "--resource", C1, "--plan"];
    let plan = bench.ask("explain", &question);
    plan.ends(0);
    assert!(plan.out.contains("permit school.S1 when "), "{}", plan.out);
    assert!(!plan.out.contains("ministry."), "what does not concern the person is gone: {}", plan.out);
}
