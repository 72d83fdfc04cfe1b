//! Counts and reports.

use serde_json::{Value, json};

use crate::support::{Bench, case, entity, reference, world};

const U1: &str = r#"User::"u1""#;
const U2: &str = r#"User::"u2""#;

fn count(bench: &Bench, rest: &[&str]) -> crate::support::Ran {
    let question = ["--principal", U1, "--action", "viewSummary", "--type", "Case"];
    bench.ask("count", &[&question[..], rest].concat())
}

#[test]
fn count_gives_a_table() {
    let bench = Bench::new();
    assert_eq!(count(&bench, &[]).ends(0).out, "count      %\n    2  100.0\n");
    let by_status = count(&bench, &["--by", "status"]);
    let text = "status  count      %\nclosed      1   50.0\nopen        1   50.0\nall         2  100.0\n";
    assert_eq!(by_status.ends(0).out, text);
    // The same with commas and with the flag given again.
    let two = count(&bench, &["--by", "status,month of openedAt"]).ends(0).out.clone();
    assert_eq!(count(&bench, &["--by", "status", "--by", "month of openedAt"]).ends(0).out, two);
    assert!(two.starts_with("status by month of openedAt  2026-03  all\n"), "{two}");

    let csv = count(&bench, &["--by", "status", "--format", "csv"]).ends(0).out.clone();
    assert_eq!(
        csv,
        "groups,status,count,percent\r\nstatus,closed,1,50.0\r\nstatus,open,1,50.0\r\n,,2,100.0\r\n"
    );
    let json = count(&bench, &["--by", "status", "--format", "json"]).ends(0).json();
    assert_eq!(json["cells"][0], json!({"key": {"status": "closed"}, "count": 1, "percent": 50.0}));
    assert_eq!(json["totals"], json!([{"key": {}, "count": 2, "percent": 100.0}]));
    assert_eq!((&json["version"], &json["now"]), (&json!(1), &json!("2026-05-10T21:00:00.000Z")));
    assert_eq!(json["policy_hash"].as_str().unwrap().len(), 64);
}

#[test]
fn months_are_new_zealands_unless_told() {
    let bench = Bench::new();
    let mut world = world();
    // Noon in London on the last of March is past midnight in Wellington.
    world.as_array_mut().unwrap().retain(|entity| entity["uid"]["type"] != "Case");
    let mut late = case("c1", "st1", "open");
    late["attrs"]["openedAt"] = json!("2026-03-31T12:00:00Z");
    world.as_array_mut().unwrap().push(late);
    bench.write("world.json", world.to_string());
    let months = |rest: &[&str]| {
        let json = count(&bench, &[&["--by", "month of openedAt", "--format", "json"], rest].concat());
        json.ends(0).json()["cells"][0]["key"]["month of openedAt"].clone()
    };
    assert_eq!(months(&[]), "2026-04");
    assert_eq!(months(&["--zone", "UTC"]), "2026-03");
    assert_eq!(months(&["--zone", "AEST-10AEDT,M10.1.0,M4.1.0/3"]), "2026-03");
}

#[test]
fn counts_that_make_no_sense() {
    let bench = Bench::new();
    for (rest, thing) in [
        (["--by", "sttus"], "did you mean `status`?"),
        (["--by", "openedAt"], "month of openedAt"),
        (["--by", "week of openedAt"], "`week` is no period"),
        (["--by", "status,status"], "given twice"),
        (["--by", "student.nsn.x"], "no path leads on to `x`"),
        (["--by", "prosecutionNotified"], "in the section `record`"),
    ] {
        let ran = count(&bench, &rest);
        ran.fails(1, thing);
        assert_eq!(ran.out, "");
    }
    for empty in ["", " ", "status,", ",status"] {
        count(&bench, &["--by", empty]).fails(64, "--by names an empty group");
    }
    count(&bench, &["--zone", "Pacific/Auckland"]).fails(64, "time zone");
    count(&bench, &["--format", "xml"]).fails(64, "xml");
}

/// A world with a school's report, an anonymised one, and someone in the research team.
fn world_with_reports() -> Value {
    let mut world = world();
    let all = world.as_array_mut().unwrap();
    let mut research = all[2].clone();
    research["uid"]["id"] = json!("u3");
    research["attrs"]["loginActive"] = json!(true);
    research["attrs"]["attendanceLeadAt"] = json!([]);
    research["attrs"]["ministryTeams"] = json!([reference("MinistryTeam", "research")]);
    all.push(research);
    all.push(entity("Report", "r1", json!({"kind": "school", "school": reference("School", "s1")})));
    all.push(entity("Report", "r2", json!({"kind": "anonymised"})));
    for n in 0..20 {
        all.push(case(&format!("x{n}"), "st2", if n < 2 { "open" } else { "closed" }));
    }
    world
}

fn report(bench: &Bench, principal: &str, kind: &str, rest: &[&str]) -> crate::support::Ran {
    bench.ask("report", &[&["--principal", principal, "--kind", kind], rest].concat())
}

#[test]
fn report_is_for_those_who_may_view_it() {
    let bench = Bench::new();
    bench.write("world.json", world_with_reports().to_string());
    let school = report(&bench, U1, "school", &["--by", "status"]);
    let text = "status  count      %\nclosed      1   50.0\nopen        1   50.0\nall         2  100.0\n";
    assert_eq!(school.ends(0).out, text);
    let named = report(&bench, U1, "school", &["--by", "status", "--report", r#"Report::"r1""#]);
    assert_eq!(named.ends(0).out, text);
    // Denied, absent, of another kind: all alike.
    for (principal, kind, rest) in [
        (U2, "school", vec!["--report", r#"Report::"r1""#]),
        (U1, "school", vec!["--report", r#"Report::"r9""#]),
        (U1, "national", vec!["--report", r#"Report::"r1""#]),
        (U1, "anonymised", vec!["--report", r#"Report::"r2""#]),
        (U1, "anonymised", vec![]),
        (r#"User::"nobody""#, "anonymised", vec![]),
    ] {
        assert_eq!(report(&bench, principal, kind, &rest).ends(2).out, "no such report\n");
        let json = report(&bench, principal, kind, &[&rest[..], &["--format", "json"]].concat());
        assert_eq!(json.ends(2).out, "null\n");
        let csv = report(&bench, principal, kind, &[&rest[..], &["--format", "csv"]].concat());
        assert_eq!(csv.ends(2).out, "");
    }
}

#[test]
fn anonymised_reports_tell_of_nobody() {
    let bench = Bench::new();
    bench.write("world.json", world_with_reports().to_string());
    let u3 = r#"User::"u3""#;
    // Of 23 cases 4 are open: that is too few, and the others would tell.
    let ran = report(&bench, u3, "anonymised", &["--by", "status"]);
    let text = "status  count      %\nclosed      s\nopen        s\nall        23  100.0\n\
        s: suppressed, so that no count below 6 can be worked out from this table alone\n\
        beside another table of the same records it may tell what it leaves out: publish both as one release, or rounded\n";
    assert_eq!(ran.ends(0).out, text);
    // Programs and spreadsheets have the counts alone, so that it is told beside them.
    let args =
        ["report", "--entities", "world.json", "--principal", u3, "--kind", "anonymised", "--format", "csv"];
    assert!(bench.run(args).err.contains("note: beside another table of the same records it may tell"));
    let json = report(&bench, u3, "anonymised", &["--by", "status", "--format", "json", "-q"]).ends(0).json();
    assert_eq!(json["protected"], json!({"method": "suppression", "below": 6}));
    assert_eq!(json["cells"][0], json!({"key": {"status": "closed"}, "count": null, "percent": null}));
    let all = report(&bench, u3, "anonymised", &["--by", "status", "--below", "4", "--format", "json", "-q"]);
    assert_eq!(all.ends(0).json()["cells"][1]["count"], 4);

    bench.write("key", "a key that is told to everybody.");
    let rounded = |rest: &[&str]| {
        let ran =
            report(&bench, u3, "anonymised", &[&["--round-key", "key", "--format", "json"], rest].concat());
        ran.ends(0).json()
    };
    let json = rounded(&["--by", "status"]);
    assert_eq!(json["protected"], json!({"method": "rounding", "base": 3}));
    assert_eq!(json["totals"][0]["count"].as_u64().unwrap() % 3, 0);
    assert_eq!(json["totals"], rounded(&["--by", "school"])["totals"], "the same cell in another table");
}

#[test]
fn reports_that_make_no_sense() {
    let bench = Bench::new();
    bench.write("world.json", world_with_reports().to_string());
    bench.write("short", "too short");
    bench.write("zeros", [0; 32]);
    bench.write("sevens", "7".repeat(32) + "\n");
    bench.write("long", "a key and so on ".repeat(257));
    for (kind, rest, thing) in [
        ("school", vec!["--by", "student.nsn"], "is not grouped by `student.nsn`"),
        ("school", vec!["--report", "r1"], "--report"),
        ("school", vec!["--round-key", "none"], "none"),
        ("school", vec!["--round-key", "short"], "16 bytes"),
        ("school", vec!["--round-key", "zeros"], "`zeros`: a key for rounding is drawn at random"),
        ("school", vec!["--round-key", "sevens"], "drawn at random"),
        ("school", vec!["--round-key", "long"], "4096 bytes at most"),
    ] {
        report(&bench, U1, kind, &rest).fails(1, thing);
    }
    report(&bench, U1, "anonymized", &[]).fails(64, "did you mean `anonymised`?");
    // Without a kind, or with one that there is not, all are told with what they are about.
    for ran in [report(&bench, U1, "weather", &[]), bench.ask("report", &["--principal", U1])] {
        for kind in caseward::attendance::report_kinds() {
            ran.fails(64, kind.name).fails(64, kind.about);
        }
    }
    let u3 = r#"User::"u3""#;
    report(&bench, u3, "anonymised", &["--by", "year of openedAt", "--zone", "AAA-8"])
        .fails(64, "takes no --zone");
    report(&bench, u3, "anonymised", &["--by", "day of openedAt"]).fails(1, "`year of openedAt`");
    report(&bench, U1, "school", &["--by", "prosecutionNotified,day of openedAt"]).fails(1, "`viewRecord`");
    report(&bench, r#"User::"u3""#, "anonymised", &["--below", "3"]).fails(1, "not below 3");
    report(&bench, U1, "school", &["--below", "x"]).fails(64, "below");
    report(&bench, U1, "school", &["--below", "3", "--round-key", "short"]).fails(64, "--round-key");
}

#[test]
fn a_release_is_its_tables_protected_together() {
    let bench = Bench::new();
    bench.write("world.json", world_with_reports().to_string());
    bench.write("r.toml", "name = 'term 1'\nkind = 'anonymised'\n[[tables]]\nname = 'a'\nby = ['status']\n[[tables]]\nby = ['provider']\n");
    let ask = |principal: &str, rest: &[&str]| {
        bench.ask("report", &[&["--principal", principal, "--release", "r.toml"], rest].concat())
    };
    let u3 = r#"User::"u3""#;
    let text = ask(u3, &[]).ends(0).out.clone();
    assert!(text.starts_with("a\nstatus  count      %\n"), "{text}");
    assert!(
        text.contains("\nbeside a table of the same records that is not in this release it may tell"),
        "{text}"
    );
    assert!(
        text.contains("protected together with `by provider`, as release `term 1`\n\nby provider\n"),
        "{text}"
    );
    let json = ask(u3, &["--format", "json", "-q"]).ends(0).json();
    assert_eq!(json[0]["release"], json!({"release": "term 1", "table": "a", "with": ["by provider"]}));
    assert!(
        ask(u3, &["--format", "csv", "-q"]).ends(0).out.starts_with("# a\r\ngroups,status,count,percent\r\n")
    );
    assert_eq!(ask(U1, &[]).ends(2).out, "no such report\n");
    for given in [&["--kind", "anonymised"][..], &["--by", "status"], &["--zone", "UTC"], &["--below", "7"]] {
        ask(u3, given).fails(64, "--release");
    }
    bench.write("r.toml", "name = 'term 1'\nkind = 'school'\ntables = [{ by = [] }]\n");
    ask(u3, &[]).fails(1, "`r.toml`: a report of kind `school` is no release");
}
