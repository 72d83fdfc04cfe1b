//! Lists in an order, a search, a watch, what is due, and cases that go to somebody else: of a store, and of a file.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::store::{bench, does, request, user};
use crate::support::{Bench, Ran};

const NOW: &str = "2026-05-11T09:00:00+12:00";

/// Open cases c-aroha and c-ben at north, of the same case manager; the students have names.
fn busy() -> Bench {
    let bench = bench();
    let mut lines = Vec::new();
    for (at, student) in ["aroha", "ben"].into_iter().enumerate() {
        let id = format!("r-{student}");
        let on = format!("Request::\"{id}\"");
        let mut create = request(&id);
        create["on"] = json!(format!("Student::\"{student}\""));
        let now = |minute: usize| json!(format!("2026-05-11T09:0{}:00+12:00", at * 4 + minute));
        create["now"] = now(0);
        lines.extend([
            create,
            json!({"command": "submitRequest", "as": "lead", "on": on, "now": now(1)}),
            json!({"command": "assignRequest", "as": "flow", "on": on, "context": {"assignee": user("manager")}, "now": now(2)}),
            json!({"command": "acceptRequest", "as": "manager", "on": on, "id": format!("c-{student}"), "now": now(3)}),
        ]);
    }
    assert_eq!(does(&bench, &lines).code, 0);
    bench.write(
        "names.csv",
        "type,id,field,value\nStudent,aroha,name,Ngaio Brown\nStudent,ben,name,Āio Brown\n",
    );
    assert_eq!(at_ten(&bench, &["feed", "content", "names.csv"]).code, 0);
    bench
}

/// A verb at ten o'clock.
fn at_ten(bench: &Bench, args: &[&'static str]) -> Ran {
    let ten = ["--db", "cases.db", "--trust-now", "--now", "2026-05-11T10:00:00+12:00"];
    bench.run(args.iter().copied().chain(ten))
}

fn listed(bench: &Bench, more: &[&'static str]) -> Ran {
    let list = ["list", "--principal", "User::\"flow\"", "--action", "viewSummary", "--type", "Case"];
    let args: Vec<&'static str> = list.into_iter().chain(more.iter().copied()).collect();
    at_ten(bench, &args)
}

#[test]
fn a_list_is_in_an_order_and_under_conditions() {
    let bench = busy();
    let check = |more: &[&'static str], out: &str| {
        let ran = listed(&bench, more);
        assert_eq!((ran.code, ran.out.as_str()), (0, out), "{more:?}: {}", ran.err);
    };
    check(&["--sort", "openedAt"], "c-aroha\nc-ben\n");
    check(&["--sort", "openedAt", "--desc"], "c-ben\nc-aroha\n");
    check(&["--sort", "student.name"], "c-ben\nc-aroha\n");
    check(&["--sort", "student.name", "--prefix", "student.name=NGAIO"], "c-aroha\n");
    check(
        &["--where", "status=open", "--where", "caseManager=manager", "--sort", "openedAt"],
        "c-aroha\nc-ben\n",
    );
    check(&["--where", "caseManager="], "");
    check(&["--where", "openedAt>=2026-05-11T09:05:00+12:00"], "c-ben\n");
    check(&["--where", "openedAt<2026-05-11T09:05:00+12:00", "--format", "count"], "1\n");
    // A count tells of what it counted, and of nothing else.
    let counts = |case: &'static str| {
        let asked = ["audit", "who-looked", case, "--principal", "User::\"privacy\"", "--format", "json"];
        at_ten(&bench, &asked).out.contains("\"count\"")
    };
    assert_eq!((counts("Case::\"c-aroha\""), counts("Case::\"c-ben\"")), (true, false));
    check(&["--sort", "openedAt", "--desc", "--most", "1"], "c-ben\n");
    check(&["--sort", "openedAt", "--desc", "--after", "c-ben"], "c-aroha\n");
    listed(&bench, &["--sort", "openedAt", "--after", "none"]).fails(1, "begin anew");
    listed(&bench, &["--sort", "opendAt"]).fails(1, "openedAt");
    listed(&bench, &["--where", "status"]).fails(1, "is no condition");
    listed(&bench, &["--where", "status==open"]).fails(1, "is no condition");
    listed(&bench, &["--where", "status=~op"]).fails(1, "is no condition");
    check(&["--where", " status = open ", "--sort", "openedAt"], "c-aroha\nc-ben\n");
    listed(&bench, &["--where", "openedAt<=2026-05-11T09:05:00+12:00"]).fails(1, "is no condition");
    listed(&bench, &["--prefix", "student.name="]).fails(1, "FIELD=TEXT");
    listed(&bench, &["--desc"]).fails(64, "--sort");
    // Of a file as of a store; content is a store's alone, and only of now.
    bench.write("out.json", at_ten(&bench, &["store", "export"]).out);
    let of_file = |more: &[&'static str]| {
        let list = [
            "list",
            "--entities",
            "out.json",
            "--now",
            NOW,
            "--principal",
            "User::\"flow\"",
            "--action",
            "viewSummary",
        ];
        bench.run(list.into_iter().chain(["--type", "Case"]).chain(more.iter().copied()))
    };
    let ran = of_file(&["--sort", "openedAt", "--desc", "--where", "status=open"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "c-ben\nc-aroha\n"), "{}", ran.err);
    of_file(&["--sort", "student.name"]).fails(1, "a store alone");
    // The contact sees no more of a case than its header.
    let contact = ["list", "--principal", "User::\"office\"", "--action", "viewSummary", "--type", "Case"];
    let args: Vec<&'static str> =
        contact.into_iter().chain(["--where", "prosecutionNotified=false"]).collect();
    at_ten(&bench, &args).fails(1, "is not shown to");
}

#[test]
fn people_are_searched_for() {
    let bench = busy();
    let search =
        |person: &'static str, text: &'static str| at_ten(&bench, &["search", "--principal", person, text]);
    assert_eq!(search("User::\"flow\"", "brown aio").out, "c-ben\n");
    assert_eq!(search("User::\"flow\"", "BROWN").out, "c-ben\nc-aroha\n");
    assert_eq!(search("User::\"flow\"", "100000002").out, "c-ben\n");
    // Denied and absent are one.
    for (person, text) in
        [("User::\"south-flow\"", "brown"), ("User::\"flow\"", "nobody"), ("User::\"lead\"", "100000002")]
    {
        let ran = search(person, text);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{person} {text}");
    }
    search("User::\"flow\"", "?!").fails(1, "nothing is looked for");
    let json = at_ten(
        &bench,
        &["search", "--principal", "User::\"flow\"", "--format", "json", "--most", "1", "brown"],
    )
    .json();
    assert_eq!((&json["ids"], &json["count"]), (&json!(["c-ben"]), &json!(2)));
    // It is audited, without the name.
    let looked = at_ten(
        &bench,
        &["audit", "who-looked", "Case::\"c-ben\"", "--principal", "User::\"privacy\"", "--format", "json"],
    );
    assert!(looked.out.contains("\"search\""), "{}{}", looked.out, looked.err);
    let database = std::fs::read(bench.path("cases.db")).unwrap();
    let holds = |text: &str| database.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(!holds("brown aio"));
}

#[test]
fn cases_go_to_somebody_else_and_what_is_due_is_told() {
    let bench = busy();
    let due = |person: &'static str| at_ten(&bench, &["due", "--principal", person]).out;
    assert_eq!(due("User::\"lead\""), "registers: Register::\"kauri-2015\"\n");
    let lists =
        at_ten(&bench, &["due", "--principal", "User::\"flow\"", "--list", "unassigned", "--format", "json"]);
    assert_eq!(lists.json(), json!({"unassigned": []}));
    let reassign = |more: &[&'static str]| {
        let args =
            ["reassign", "--principal", "User::\"flow\"", "--to", "User::\"second\"", "--key", "leave"];
        at_ten(&bench, &args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let ran = reassign(&["--from", "User::\"manager\""]);
    let told: Vec<(Value, Value)> =
        ran.json_lines().iter().map(|answer| (answer["case"].clone(), answer["outcome"].clone())).collect();
    let of = |id: &str| (json!(format!("Case::\"{id}\"")), json!("done"));
    assert_eq!((ran.code, told), (0, vec![of("c-aroha"), of("c-ben")]), "{}{}", ran.out, ran.err);
    let again = reassign(&["Case::\"c-ben\"", "Case::\"none\""]);
    assert_eq!((again.code, &again.json_lines()[0]["repeated"]), (2, &json!(true)), "{}", again.out);
    let none = reassign(&["--from", "User::\"manager\""]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.contains("nothing was done"), "{}", none.err);
    reassign(&[]).fails(64, "--from");
}

#[test]
fn a_watch_sees_what_another_process_commits() {
    let bench = busy();
    let mut watching = bench
        .command()
        .args(["watch", "--db", "cases.db", "--trust-now", "--now", "2026-05-11T10:00:00+12:00"])
        .args([
            "--principal",
            "User::\"lead\"",
            "--action",
            "viewItem",
            "--type",
            "Item",
            "--for",
            "60s",
            "--count",
            "3",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["came"], json!([]));
    let ten = ["do", "--db", "cases.db", "--trust-now", "--now", "2026-05-11T10:00:00+12:00"];
    let say = |line: Value| assert_eq!(bench.run_with(format!("{line}\n"), ten).code, 0);
    say(
        json!({"command": "addComment", "as": "manager", "on": "Case::\"c-ben\"", "id": "i1", "data": {"text": "x"}}),
    );
    let school = json!({"withSchool": {"type": "School", "id": "kauri"}});
    say(json!({"command": "shareItem", "as": "manager", "on": "Item::\"i1\"", "context": school}));
    let shared = next();
    assert_eq!((&shared["came"], &shared["went"]), (&json!(["i1"]), &json!([])));
    say(
        json!({"command": "unshareItem", "as": "manager", "on": "Item::\"i1\"", "data": {"school": "kauri"}}),
    );
    let back = next();
    assert_eq!((&back["came"], &back["went"]), (&json!([]), &json!(["i1"])));
    assert!(back["version"].as_u64() > shared["version"].as_u64());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    // It ends by itself, and says what makes no sense.
    let watch = |more: &[&'static str]| {
        let args = ["watch", "--principal", "User::\"lead\"", "--action", "viewItem", "--type", "Item"];
        at_ten(&bench, &args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    };
    assert_eq!(watch(&["--for", "10ms"]).json_lines().len(), 1);
    watch(&["--for", "5"]).fails(64, "such as 5s");
    let wrong =
        ["watch", "--principal", "User::\"lead\"", "--action", "viewItm", "--type", "Item", "--for", "1s"];
    at_ten(&bench, &wrong).fails(1, "viewItem");
}
