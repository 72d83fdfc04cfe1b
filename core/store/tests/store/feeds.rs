//! Feeds: in any order, again, corrected, due later.

use caseward_store::{LineAnswer, Outcome, Taken};
use serde_json::json;

use crate::bench::{Bench, contact, instant, user};

const HOURS: i64 = 3_600_000;

fn feed(bench: &Bench, kind: &str, text: &str) -> Vec<LineAnswer> {
    bench.store().feed_at(kind, text.as_bytes().to_vec(), 48 * HOURS, bench.clock()).unwrap()
}

#[track_caller]
fn all_done(bench: &Bench, kind: &str, text: &str) {
    let answers = feed(bench, kind, text);
    assert!(answers.iter().all(|answer| answer.outcome == Taken::Done), "{answers:?}");
}

/// Midnight in New Zealand, in milliseconds since 1970.
fn midnight(day: &str) -> i64 {
    caseward::instant(&format!("{day}T00:00:00+12:00")).unwrap()
}

#[test]
fn a_change_of_school_comes_at_midnight_and_whole() {
    let bench = Bench::with_case();
    bench.does("flow", "addTeamMember", "Case::\"c1\"", json!({"context": {"assignee": user("second")}}));
    bench.does(
        "lead",
        "createRequest",
        "Student::\"aroha\"",
        json!({"id": "r2", "context": contact("contact")}),
    );
    bench.does("lead", "submitRequest", "Request::\"r2\"", json!({}));
    all_done(
        &bench,
        "enrolment",
        "student,school,start,end,nsn,yearLevel\naroha,kauri,2026-02-01,2026-06-08,,10\naroha,rata,2026-06-10,,,10\n",
    );
    let school = || bench.get("Student::\"aroha\"", "enrolledAt");
    assert_eq!(school().as_deref(), Some("kauri"));
    // Nothing before its midnight.
    assert_eq!(bench.tick(midnight("2026-06-08") - 1), 0);
    bench.tick(midnight("2026-06-08"));
    assert_eq!(school(), None);
    assert_eq!(bench.get("Student::\"aroha\"", "lastSchool").as_deref(), Some("kauri"));
    for (name, value) in
        [("provider", Some("north")), ("primaryContact", None), ("caseManager", Some("manager"))]
    {
        assert_eq!(bench.get("Case::\"c1\"", name).as_deref(), value, "departed: {name}");
    }
    bench.tick(midnight("2026-06-10"));
    for (uid, name, value) in [
        ("Student::\"aroha\"", "enrolledAt", Some("rata")),
        ("Student::\"aroha\"", "lastSchool", None),
        ("Student::\"aroha\"", "currentProvider", Some("south")),
        ("Student::\"aroha\"", "currentCaseManager", None),
        ("Case::\"c1\"", "school", Some("rata")),
        ("Case::\"c1\"", "provider", Some("south")),
        ("Case::\"c1\"", "caseManager", None),
        ("Case::\"c1\"", "team", Some("[]")),
        ("Request::\"r1\"", "provider", Some("south")),
        ("Request::\"r1\"", "caseManager", None),
        ("Request::\"r2\"", "provider", Some("south")),
        ("Request::\"r2\"", "school", Some("kauri")),
        ("Request::\"r2\"", "primaryContact", Some("contact")),
    ] {
        assert_eq!(bench.get(uid, name).as_deref(), value, "arrived: {uid} {name}");
    }
}

#[test]
fn any_order_gives_the_same() {
    let lines = [
        "aroha,kauri,2026-02-01,2026-03-01,,9",
        "aroha,rata,2026-03-01,2026-04-15,,9",
        "aroha,totara,2026-04-01,,,10",
        "ben,rata,2026-05-01,,,",
        "ben,kauri,2026-05-01,,,",
        "new,rata,2026-01-27,2026-05-02,900,",
    ];
    let mut ends = Vec::new();
    for turn in 0..lines.len() {
        let mut turned = lines.to_vec();
        turned.rotate_left(turn);
        if turn % 2 == 1 {
            turned.reverse();
        }
        let bench = Bench::new();
        let header = "student,school,start,end,nsn,yearLevel";
        // One by one, and at once.
        match turn {
            0 => all_done(&bench, "enrolment", &format!("{header}\n{}\n", turned.join("\n"))),
            _ => turned.iter().for_each(|line| all_done(&bench, "enrolment", &format!("{header}\n{line}\n"))),
        }
        ends.push(bench.exported());
        assert_eq!(bench.get("Student::\"aroha\"", "enrolledAt").as_deref(), Some("totara"));
        assert_eq!(bench.get("Student::\"aroha\"", "yearLevel").as_deref(), Some("10"));
        assert_eq!(bench.get("Student::\"ben\"", "enrolledAt"), None);
        assert_eq!(bench.get("Student::\"ben\"", "lastSchool").as_deref(), Some("kauri"));
        assert_eq!(bench.get("Student::\"new\"", "lastSchool").as_deref(), Some("rata"));
    }
    assert!(ends.iter().all(|end| *end == ends[0]));
}

#[test]
fn feeding_a_file_again_undoes_nothing() {
    let bench = Bench::new();
    let header = "student,school,start,end";
    let first = format!("{header}\naroha,rata,2026-05-01,\n");
    all_done(&bench, "enrolment", &first);
    assert_eq!(bench.get("Student::\"aroha\"", "enrolledAt").as_deref(), Some("rata"));
    // A correction, then the first file once more.
    all_done(&bench, "enrolment", &format!("{header}\naroha,rata,2026-05-01,2026-05-05\n"));
    assert_eq!(bench.get("Student::\"aroha\"", "enrolledAt"), None);
    let before = (bench.exported(), bench.store().world().version());
    let again = feed(&bench, "enrolment", &first);
    assert_eq!(again[0].outcome, Taken::Unchanged);
    assert_eq!((bench.exported(), bench.store().world().version()), before);
    // A line that ends where it starts cancels it: what was imported holds again.
    all_done(&bench, "enrolment", &format!("{header}\naroha,rata,2026-05-01,2026-05-01\n"));
    assert_eq!(bench.get("Student::\"aroha\"", "enrolledAt").as_deref(), Some("kauri"));
    assert_eq!(bench.get("Student::\"aroha\"", "lastSchool"), None);
}

#[test]
fn a_bad_line_stops_no_other() {
    let bench = Bench::new();
    let answers = feed(
        &bench,
        "enrolment",
        "student,school,start,nsn\n\
         aroha,rata,2026-05-01,\n\
         ben,nowhere,2026-05-01,\n\
         ben,rata,2026-5-1,\n\
         ,rata,2026-05-01,\n\
         unknown,rata,2026-05-01,\n\
         cara,rata,2026-05-01\n\
         dan,rata,2026-05-01,7\n\
         dan,rata,2026-05-01,8\n\
         eve,rata,2026-02-30,\n",
    );
    let outcomes: Vec<_> = answers.iter().map(|answer| (answer.line, answer.outcome)).collect();
    assert_eq!(outcomes[0], (2, Taken::Done));
    assert!(outcomes[1..].iter().all(|(_, outcome)| *outcome == Taken::Bad), "{answers:?}");
    assert_eq!(outcomes.iter().map(|(line, _)| *line).collect::<Vec<_>>(), (2..=10).collect::<Vec<_>>());
    for (at, why) in [
        (1, "nowhere"),
        (2, "no such day"),
        (3, "lacks `student`"),
        (4, "needs `nsn`"),
        (5, "3 fields"),
        (6, "differ under one key"),
        (8, "2026-02-30"),
    ] {
        let said = answers[at].why.as_deref().unwrap();
        assert!(said.contains(why) || why == "no such day" && said.contains("is no day"), "{said}");
    }
    // A file of another header says so, and JSON lines are as good as CSV.
    let error = bench.store().feed("enrolment", b"student,school,begin\n".to_vec(), 0).unwrap_err();
    assert!(error.to_string().contains("no column `begin`"), "{error}");
    let error = bench.store().feed("enrolments", Vec::new(), 0).unwrap_err();
    assert!(error.to_string().contains("no feed `enrolments`"), "{error}");
    all_done(
        &bench,
        "enrolment",
        "{\"student\": \"ben\", \"school\": \"rata\", \"start\": \"2026-05-01\", \"yearLevel\": 8}\n",
    );
    assert_eq!(bench.get("Student::\"ben\"", "yearLevel").as_deref(), Some("8"));
}

#[test]
fn roles_and_logins_begin_and_end() {
    let bench = Bench::with_case();
    all_done(
        &bench,
        "staff",
        "user,role,at,from,until\nmanager,caseManagerAt,north,2026-01-01,2026-06-01\nnew,caseManagerAt,north,2026-05-20,\n",
    );
    assert_eq!(bench.get("Case::\"c1\"", "caseManager").as_deref(), Some("manager"));
    assert_eq!(bench.get("User::\"new\"", "caseManagerAt").as_deref(), Some("[]"));
    all_done(&bench, "logins", "user,at,active\nnew,2026-05-12T00:00:00+12:00,true\n");
    all_done(&bench, "training", "user,passedAt\nnew,2026-05-12T09:00:00+12:00\n");
    bench.tick(midnight("2026-05-20"));
    assert!(bench.get("User::\"new\"", "caseManagerAt").unwrap().contains("north"));
    assert_eq!(bench.get("User::\"new\"", "loginActive").as_deref(), Some("true"));
    assert!(bench.get("User::\"new\"", "providerAccessFrom").unwrap().contains("2026-05-13T21:00:00"));
    bench.tick(midnight("2026-06-01"));
    assert_eq!(bench.get("Case::\"c1\"", "caseManager"), None);
    // What a command grants stays so until a later line for that role and place begins.
    let grant =
        json!({"context": {"subject": user("manager"), "role": "caseManager", "leaderApproved": false}});
    bench.does("flow", "manageStaffAccess", "Provider::\"north\"", grant);
    assert!(bench.get("User::\"manager\"", "caseManagerAt").unwrap().contains("north"));
    let again =
        feed(&bench, "staff", "user,role,at,from,until\nmanager,caseManagerAt,north,2026-01-01,2026-06-01\n");
    assert_eq!(again[0].outcome, Taken::Unchanged);
    assert!(bench.get("User::\"manager\"", "caseManagerAt").unwrap().contains("north"));
    let wrong = feed(
        &bench,
        "staff",
        "user,role,at,from\nmanager,kingAt,north,2026-01-01\nmanager,caseManagerAt,kauri,2026-01-01\n",
    );
    assert!(wrong[0].why.as_deref().unwrap().contains("no role `kingAt`"));
    assert!(wrong[1].why.as_deref().unwrap().contains("Provider::\"kauri\" is not in the data"));
}

/// A long file is taken in parts, between which others are answered: it is no one piece of work that they wait for.
#[test]
fn commands_are_done_while_a_long_file_is_taken() {
    let bench = Bench::with_case();
    let lines: String = (0..1_500).map(|n| format!("new{n},2026-05-01T00:00:00Z,true\n")).collect();
    let (store, clock) = (bench.store(), bench.clock());
    let (answers, between) = std::thread::scope(|scope| {
        let text = format!("user,at,active\n{lines}").into_bytes();
        let feeding = scope.spawn(|| store.feed_at("logins", text, 0, clock).unwrap());
        let line = json!({"command": "addComment", "as": "lead", "on": "Case::\"c1\"", "data": {"text": "x"}, "now": instant(clock)});
        let mut between = 0;
        while !feeding.is_finished() {
            let answer = store.command(line.to_string()).unwrap();
            assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
            between += 1;
        }
        (feeding.join().unwrap(), between)
    });
    assert!(answers.len() == 1_500 && answers.iter().all(|answer| answer.outcome == Taken::Done));
    assert!(between >= 3, "{between} commands in 8 parts");
    assert!(bench.store().doctor().unwrap().is_sound());
}

/// A quote that is not closed takes the lines behind it along: each of them is answered, and none is taken.
#[test]
fn lines_within_a_quote_that_is_not_closed_are_bad_each() {
    let bench = Bench::with_case();
    let header = "type,id,field,value\n";
    let outcomes = |text: &str| {
        let answers = feed(&bench, "content", &format!("{header}{text}"));
        answers.iter().map(|answer| (answer.line, answer.outcome)).collect::<Vec<_>>()
    };
    let fine = "Student,aroha,name,\"Aroha \"\"Roha\"\" Ngata\"\nStudent,ben,name,\"Ben,\nof two lines\"\n";
    assert_eq!(outcomes(fine), [(2, Taken::Done), (3, Taken::Done)]);
    // To the end of the file; and to the quote of another line, which both look like one value.
    let to_the_end =
        "Student,ben,name,Ben\nStudent,aroha,name,\"Aroha\nStudent,ben,name,Benny\n\nStudent,ben,name,B\n";
    assert_eq!(
        outcomes(to_the_end),
        [2, 3, 4, 5, 6].map(|line| (line, if line == 2 { Taken::Done } else { Taken::Bad }))
    );
    let to_another = "Student,aroha,name,\"Aroha\nStudent,ben,name,\"Benny\"\nStudent,ben,name,Ben B\n";
    assert_eq!(outcomes(to_another), [(2, Taken::Bad), (3, Taken::Bad), (4, Taken::Done)]);
    let answers = feed(&bench, "content", &format!("{header}{to_another}"));
    assert!(answers[0].why.as_deref().unwrap().contains("a quote is not closed"), "{answers:?}");
    assert!(answers[1].why.as_deref().unwrap().contains("what a quote of line 2 begins"), "{answers:?}");
    // A quote within a value that none begins is a character.
    assert_eq!(outcomes("Student,ben,name,Ben 5\" B\n"), [(2, Taken::Done)]);
}

/// However its zone and its fraction are written.
#[test]
fn one_instant_is_one_key() {
    let bench = Bench::with_case();
    let header = "user,at,active\n";
    let is_active = || bench.get("User::\"lead\"", "loginActive").unwrap();
    all_done(&bench, "logins", &format!("{header}lead,2026-05-02T12:00:00+12:00,true\n"));
    for text in ["2026-05-02T12:00:00.000+12:00", "2026-05-02T00:00:00Z", "2026-05-02T00:00:00.0001Z"] {
        let again = feed(&bench, "logins", &format!("{header}lead,{text},true\n"));
        assert_eq!(again[0].outcome, Taken::Unchanged, "{text}");
    }
    all_done(&bench, "logins", &format!("{header}lead,2026-05-02T00:00:00.000Z,false\n"));
    assert_eq!(is_active(), "false");
    let differing = format!("{header}lead,2026-05-03T12:00:00+12:00,true\nlead,2026-05-03T00:00:00Z,false\n");
    assert!(feed(&bench, "logins", &differing).iter().all(|line| line.outcome == Taken::Bad));
    // The midnight of a day is the day.
    let roles = "user,role,at,from,until\n";
    let has_role = || bench.get("User::\"second\"", "caseManagerAt").unwrap().contains("north");
    all_done(&bench, "staff", &format!("{roles}second,caseManagerAt,north,2026-05-01,\n"));
    assert!(has_role());
    all_done(
        &bench,
        "staff",
        &format!("{roles}second,caseManagerAt,north,2026-04-30T12:00:00Z,2026-05-05\n"),
    );
    assert!(!has_role());
    assert!(bench.store().doctor().unwrap().is_sound());
}

#[test]
fn organisations_attendance_registers_and_content() {
    let bench = Bench::new();
    // They refer to each other, and one of them to nothing.
    let answers = feed(
        &bench,
        "organisations",
        "type,id,kind,catchmentProvider,school\nSchool,miro,state,west,\nProvider,west,asp,,\nProvider,within,isp,,miro\nSchool,lost,state,nobody,\nTeam,x,y,,\n",
    );
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.outcome).collect();
    assert_eq!(outcomes, [Taken::Done, Taken::Done, Taken::Done, Taken::Bad, Taken::Bad]);
    assert_eq!(bench.get("School::\"miro\"", "catchmentProvider").as_deref(), Some("west"));
    assert_eq!(bench.get("Provider::\"within\"", "school").as_deref(), Some("miro"));
    all_done(&bench, "terms", "term,start,end\n2026-1,2026-01-27,2026-04-02\n2026-2,2026-04-20,2026-07-03\n");
    all_done(
        &bench,
        "attendance",
        "student,date,code,attended,open\naroha,2026-04-01,P,0,2\naroha,2026-05-04,P,2,2\naroha,2026-05-05,T,1,2\naroha,2026-05-06,J,0,2\n",
    );
    assert_eq!(bench.get("Student::\"aroha\"", "attendanceRate").as_deref(), Some("500"));
    let wrong = feed(&bench, "attendance", "student,date,attended,open\naroha,2026-05-07,3,2\n");
    assert_eq!(wrong[0].outcome, Taken::Bad);
    all_done(&bench, "registers", "id,school,kind,lastEntryAt\nreg,kauri,leavers,2026-05-01T00:00:00Z\n");
    assert_eq!(bench.get("Register::\"reg\"", "school").as_deref(), Some("kauri"));
    all_done(
        &bench,
        "content",
        "type,id,field,value\nStudent,aroha,name,Aroha Ngata\nSchool,kauri,name,Kauri School\n",
    );
    let wrong = feed(
        &bench,
        "content",
        "type,id,field,value\nStudent,aroha,nsn,1\nCase,c1,narrative,x\nStudent,nobody,name,x\n",
    );
    assert!(wrong.iter().all(|answer| answer.outcome == Taken::Bad), "{wrong:?}");
    // The term is over.
    bench.tick(midnight("2026-07-04"));
    assert_eq!(bench.get("Student::\"aroha\"", "attendanceRate"), None);
}

#[test]
fn what_is_due_is_applied_before_a_command() {
    let bench = Bench::with_case();
    all_done(&bench, "enrolment", "student,school,start\naroha,rata,2026-06-08\n");
    // The former school's lead comes too late.
    let late = json!({"data": {"text": "x"}, "now": "2026-06-08T09:00:00+12:00"});
    let denied = bench.tries("lead", "addComment", "Case::\"c1\"", late.clone());
    assert_eq!(denied.outcome, Outcome::Denied);
    bench.does("rata-lead", "addComment", "Case::\"c1\"", late);
}

#[test]
fn a_name_that_stands_twice_in_a_line_is_bad() {
    let bench = Bench::new();
    let lines = [
        r#"{"user": "manager", "user": "lead", "at": "2026-05-01T00:00:00Z", "active": false}"#,
        r#"{"user": "manager", "at": "2026-05-01T00:00:00Z", "active": false}"#,
    ];
    let answers = feed(&bench, "logins", &lines.join("\n"));
    let said = answers[0].why.as_deref().unwrap_or_default();
    assert!(answers[0].outcome == Taken::Bad && said.contains("`user` stands twice"), "{answers:?}");
    assert_eq!(answers[1].outcome, Taken::Done);
    assert_eq!(bench.get("User::\"lead\"", "loginActive").as_deref(), Some("true"));
    // Also within what is content, from either form.
    let json = r#"{"type": "Student", "id": "ben", "field": "name", "value": {"a": 1, "a": 2}}"#;
    let csv = "type,id,field,value\nStudent,ben,name,\"{\"\"a\"\": 1, \"\"a\"\": 2}\"\n";
    for text in [json, csv] {
        let answers = feed(&bench, "content", text);
        let said = answers[0].why.as_deref().unwrap_or_default();
        assert!(answers[0].outcome == Taken::Bad && said.contains("`a` stands twice"), "{text}: {answers:?}");
    }
}

/// What a feed costs grows with its lines, and no faster: by what it asks of the database and of the facts, and by what the
/// database reads for it.
#[test]
fn a_feed_costs_so_much_a_line() {
    use caseward_store::Touched;
    let student = |at: usize| format!("new{at},rata,2026-05-01,{at}\n");
    let cost = |kind: &str, text: &dyn Fn(usize) -> String, lines: usize| {
        let bench = Bench::new();
        let text: String = (0..lines).map(text).collect();
        let header = match kind {
            "organisations" => "type,id,kind,catchmentProvider,school\n",
            "enrolment" => "student,school,start,nsn\n",
            "logins" => "user,active,at\n",
            "staff" => "user,role,at,from,until\n",
            "training" => "user,passedAt\n",
            "attendance" => "student,date,code,attended,open\n",
            "registers" => "id,school,kind,lastEntryAt\n",
            _ => "type,id,field,value\n",
        };
        if ["attendance", "content"].contains(&kind) {
            let students: String = (0..lines).map(student).collect();
            all_done(&bench, "enrolment", &format!("student,school,start,nsn\n{students}"));
        }
        let before = bench.store().touched();
        all_done(&bench, kind, &format!("{header}{text}"));
        let Touched { statements, rows, layers, steps, .. } = bench.store().touched();
        [statements - before.statements, rows - before.rows, layers - before.layers, steps - before.steps]
    };
    let organisation = |at: usize| match at % 2 {
        0 => format!("School,s{at},state,p{},\n", at + 1),
        _ => format!("Provider,p{at},asp,,\n"),
    };
    let login = |at: usize| format!("new{at},true,2026-05-01T00:00:00Z\n");
    let role = |at: usize| format!("new{at},caseManagerAt,north,2026-05-01T00:00:00Z,\n");
    let pass = |at: usize| format!("new{at},2026-05-01T00:00:00Z\n");
    let day = |at: usize| format!("new{at},2026-05-04,P,2,2\n");
    let register = |at: usize| format!("r{at},rata,paper,2026-05-01T00:00:00Z\n");
    let name = |at: usize| format!("Student,new{at},name,Aroha {at}\n");
    let cases: [(&str, &dyn Fn(usize) -> String); 8] = [
        ("organisations", &organisation),
        ("enrolment", &student),
        ("logins", &login),
        ("staff", &role),
        ("training", &pass),
        ("attendance", &day),
        ("registers", &register),
        ("content", &name),
    ];
    for (kind, text) in cases {
        let (few, many) = (cost(kind, text, 40), cost(kind, text, 400));
        let is_linear = few.iter().zip(&many).all(|(few, many)| *many <= few * 11);
        assert!(is_linear, "{kind}: {few:?} and {many:?}");
        // All organisations are one batch.
        assert!(kind != "organisations" || many[2] == few[2], "{few:?} and {many:?}");
    }
}

#[test]
fn what_refers_to_what_cannot_be_taken_is_not_taken() {
    let bench = Bench::new();
    let text = "type,id,kind,catchmentProvider,school\n\
                School,a,state,b,\nProvider,b,isp,,c\nSchool,c,state,d,\nProvider,d,isp,,nowhere\n\
                School,e,state,f,\nProvider,f,isp,,e\nSchool,kauri,state,nobody,\nProvider,g,isp,,kauri\n";
    let answers = feed(&bench, "organisations", text);
    let why: Vec<&str> = answers.iter().map(|one| one.why.as_deref().unwrap_or_default()).collect();
    assert_eq!(
        why,
        [
            "Provider::\"b\" is not in the data",
            "School::\"c\" is not in the data",
            "Provider::\"d\" is not in the data",
            "School::\"nowhere\" is not in the data",
            "",
            "",
            "Provider::\"nobody\" is not in the data",
            "",
        ]
    );
    assert_eq!(bench.get("Provider::\"g\"", "school").as_deref(), Some("kauri"));
}
