//! `filter` and `tables`: what other programs run on databases.

use serde_json::json;

use crate::support::Bench;

const U1: &str = r#"User::"u1""#;
const WHOSE: [&str; 6] = ["--principal", U1, "--action", "viewSummary", "--type", "Case"];

fn filter(bench: &Bench, more: &[&'static str]) -> crate::support::Ran {
    bench.ask("filter", &[&WHOSE[..], more].concat())
}

#[test]
fn a_filter_is_sql_with_its_parameters_as_comments() {
    let bench = Bench::new();
    let ran = filter(&bench, &["--dialect", "postgres"]);
    ran.ends(0);
    let sql: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with("--")).collect();
    assert_eq!(sql.len(), 1, "{}", ran.out);
    assert!(sql[0].contains(r#"t1."enrolled_at" = $2"#), "{}", ran.out);
    assert!(
        ran.out.contains("-- $2 = \"") && ran.out.contains("-- from 2026-02-27T11:00:00.000Z"),
        "{}",
        ran.out
    );
}

#[test]
fn the_triggers_of_a_mirror_are_one_transaction() {
    let bench = Bench::new();
    for (dialect, one) in [
        ("sqlite", "CREATE TRIGGER main.\"caseward_mirror_case_delete\" AFTER DELETE ON \"case\""),
        ("postgres", "CREATE TRIGGER \"caseward_mirror_case_all\" AFTER TRUNCATE ON \"case\""),
    ] {
        let ran = bench.run(["tables", "--dialect", dialect, "--triggers"]);
        ran.ends(0);
        assert!(ran.out.starts_with("BEGIN;\n") && ran.out.ends_with(";\nCOMMIT;\n"), "{}", ran.out);
        assert!(ran.out.contains(one) && !ran.out.contains("CREATE TABLE \"case\""), "{}", ran.out);
        let json = bench.run(["tables", "--dialect", dialect, "--triggers", "--format", "json"]).json();
        let statements = json["statements"].as_array().unwrap();
        let written: usize = statements.iter().map(|statement| statement.as_str().unwrap().len() + 2).sum();
        assert_eq!(ran.out.len(), written + "BEGIN;\nCOMMIT;\n".len());
        assert!(json["form"].as_str().is_some_and(|form| form.len() == 16));
    }
    bench.run(["tables", "--dialect", "duckdb", "--triggers"]).fails(1, "duckdb has no triggers");
    bench.run(["tables", "--dialect", "sqlite", "--triggers", "--format", "mermaid"]).fails(64, "--triggers");
    let mapped = "[types.Case]\ntable = 'other.cases'\n";
    bench.write("m.toml", mapped);
    let other = ["tables", "--dialect", "sqlite", "--triggers", "--mapping", "m.toml"];
    bench.run(other).fails(1, "`other.cases`: a trigger of SQLite writes to its own database alone");
}

#[test]
fn a_filter_is_json_for_programs() {
    let bench = Bench::new();
    let answer = filter(&bench, &["--dialect", "sqlite", "--format", "json"]);
    let answer = answer.ends(0).json();
    assert_eq!(answer["dialect"], "sqlite");
    assert_eq!(answer["setup"], json!([]));
    assert_eq!(answer["params"][0]["type"], "text");
    assert_eq!(answer["policy_hash"].as_str().unwrap().len(), 64);
    assert_eq!((&answer["version"], &answer["valid_until"]), (&json!(1), &json!(null)));
    assert!(answer["sql"].as_str().unwrap().contains("?1"));
}

#[test]
fn a_filter_goes_into_a_query_that_has_more_in_it() {
    let bench = Bench::new();
    let third = filter(&bench, &["--dialect", "postgres", "--first-parameter", "3", "--alias", "c"]);
    third.ends(0);
    assert!(
        third.out.contains(r#"t1."enrolled_at" = $4"#) && third.out.contains("-- $4 = \""),
        "{}",
        third.out
    );
    assert!(third.out.contains(r#""c"."status" "#) && !third.out.contains("$1"), "{}", third.out);
    for (style, second) in [
        ("?", r#"t1."enrolled_at" = ?"#),
        ("%s", r#"t1."enrolled_at" = %s"#),
        ("pyformat", r#"t1."enrolled_at" = %(p2)s"#),
        (":p1", r#"t1."enrolled_at" = :p2"#),
        ("numeric", r#"t1."enrolled_at" = :2"#),
    ] {
        let ran = filter(&bench, &["--dialect", "postgres", "--parameter-style", style]);
        ran.ends(0);
        assert!(ran.out.contains(second), "{style}: {}", ran.out);
    }
    let postgres = |more: &[&'static str]| filter(&bench, &[&["--dialect", "postgres"], more].concat());
    postgres(&["--parameter-style", "qmrk"]).fails(64, "did you mean `qmark`?");
    postgres(&["--first-parameter", "0"]).fails(1, "numbered from 1");
    postgres(&["--first-parameter", "2", "--parameter-style", "?"]).fails(1, "have no numbers");
    postgres(&["--alias", ""]).fails(1, "no name for a row");
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::new();
    filter(&bench, &["--dialect", "postgre"]).fails(64, "did you mean `postgres`?");
    filter(&bench, &["--dialect", "sqlite", "--mapping", "none.toml"]).fails(1, "none.toml");
    bench.write("bad.toml", "[types.Cas]\n");
    filter(&bench, &["--dialect", "sqlite", "--mapping", "bad.toml"]).fails(1, "did you mean `Case`?");
    bench.write("none.toml", "defaults = false\n");
    filter(&bench, &["--dialect", "sqlite", "--mapping", "none.toml"])
        .fails(1, "the mapping has no column for");
    let rows = ["tables", "--dialect", "sqlite", "--entities", "world.json"];
    bench.run(rows).fails(64, "--format json");
}

#[test]
fn tables_are_made_and_filled() {
    let bench = Bench::new();
    let ran = bench.run(["tables", "--dialect", "duckdb"]);
    ran.ends(0);
    assert!(ran.out.starts_with("CREATE TABLE \"case\" (\n  \"id\" VARCHAR NOT NULL"), "{}", ran.out);
    let rows = ["tables", "--dialect", "duckdb", "--entities", "world.json", "--format", "json"];
    let tables = bench.run(rows).ends(0).json();
    let filled = tables["tables"].as_array().unwrap().iter().filter(|table| table["rows"] != json!([]));
    assert!(filled.count() > 3 && !tables["create"].as_array().unwrap().is_empty());
}
