//! What there is not: a name that the schema lacks is an error, an entity that the data lacks is denied. The cases are
//! data, which core and every binding run.

use serde_json::Value;

use crate::support::{Bench, Ran};

/// Asks one case, with every word in its place.
fn ask(bench: &Bench, case: &Value) -> Ran {
    let text = |key: &str| case[key].as_str();
    let verb = text("ask").unwrap();
    let mut args = vec![verb.to_owned()];
    for key in ["principal", "action", "resource", "type"] {
        args.extend(text(key).into_iter().flat_map(|value| [format!("--{key}"), value.to_owned()]));
    }
    if let Some(context) = case.get("context") {
        args.extend(["--context".to_owned(), context.to_string()]);
    }
    if verb == "filter" {
        args.extend(["--dialect", "sqlite"].map(str::to_owned));
    }
    args.extend(["--entities", "world.json", "--now", "2026-05-10T21:00:00Z"].map(str::to_owned));
    bench.run(args.iter().map(String::as_str))
}

/// Whether an answer says that nothing is allowed, or found.
fn is_nothing(verb: &str, ran: &Ran) -> bool {
    let out = ran.out.trim();
    match verb {
        "check" | "explain" => ran.code == 2 && out.starts_with("deny"),
        "list" | "who" => ran.code == 0 && out.is_empty(),
        "count" => ran.code == 0 && out.lines().last().map(str::trim) == Some("0"),
        "filter" => ran.code == 0 && out == "FALSE",
        "view" => ran.code == 0 && out.ends_with("is not there, or not to be seen"),
        "actions" => ran.code == 0 && !out.is_empty() && out.lines().all(|line| line.starts_with('✘')),
        other => panic!("`{other}` is not asked here"),
    }
}

#[test]
fn what_the_schema_lacks_is_an_error_and_what_the_data_lacks_is_denied() {
    let bench = Bench::new();
    bench.run(["sample", "--cases", "20", "--seed", "1", "--output", "world.json"]).ends(0);
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../../core/tests/unknown.json")).unwrap();
    assert!(cases.len() > 40);
    for case in cases {
        let ran = ask(&bench, &case);
        match case["is"].as_str().unwrap() {
            "denied" | "empty" => {
                assert!(
                    is_nothing(case["ask"].as_str().unwrap(), &ran),
                    "{case}: {} {}{}",
                    ran.code,
                    ran.out,
                    ran.err
                );
            }
            _ => {
                let says = case["says"].as_str().unwrap();
                assert!(
                    ran.code == 1 && ran.err.contains(says),
                    "{case}: {} {}{}",
                    ran.code,
                    ran.out,
                    ran.err
                );
                assert!(ran.out.is_empty(), "{case}: {}", ran.out);
            }
        }
    }
}
