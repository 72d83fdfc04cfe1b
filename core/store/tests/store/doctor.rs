//! What a look at everything finds.

use caseward_store::Checkup;
use serde_json::json;

use crate::bench::{Bench, is_on_postgres};

fn looked(bench: &Bench) -> Checkup {
    bench.tick(bench.clock() + 60_000);
    bench.store().doctor().unwrap()
}

fn kinds(found: &Checkup, is_fault: bool) -> Vec<&str> {
    let mut kinds: Vec<&str> =
        found.findings.iter().filter(|one| one.is_fault == is_fault).map(|one| one.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_store_that_is_well_is_said_to_be() {
    let bench = Bench::with_case();
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "x"}}));
    let found = looked(&bench);
    assert!(found.is_sound(), "{found:#?}");
    assert_eq!((found.open_cases, found.students, found.entities, found.entries), (1, 5, 33, 6));
    assert_eq!(found.lists_compared, if is_on_postgres() { 0 } else { 16 });
    assert_eq!(found.findings, []);
}

#[test]
fn what_somebody_is_to_see_to_is_told() {
    let bench = Bench::with_case();
    let logins = "user,at,active\nflow,2026-05-01T00:00:00Z,false\ncentral,2026-05-01T00:00:00Z,false\n";
    bench.store().feed_at("logins", logins.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let two = "student,school,start,nsn\nben,rata,2026-05-01,\nben,totara,2026-05-01,\nfred,rata,2026-05-01,100000002\n";
    bench.store().feed_at("enrolment", two.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    let found = looked(&bench);
    assert!(found.is_sound(), "{found:#?}");
    let told: Vec<String> = found
        .findings
        .iter()
        .map(|one| format!("{} {}", one.kind, one.about.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            "one-person Student::\"fred\"",
            "feeds Student::\"ben\"",
            "central-team MinistryTeam::\"centralInvestigation\"",
            "no-workflow-lead Provider::\"north\"",
        ]
    );
}

#[test]
fn what_is_not_as_it_is_kept_is_told() {
    let broken = |sql: &str, kind: &str| {
        let mut bench = Bench::with_case();
        bench.does("lead", "uploadFile", "Case::\"c1\"", json!({
            "id": "f1", "data": {"file": {"base64": "aGVsbG8="}, "fileName": "a.txt", "fileType": "text/plain"}
        }));
        bench.store = None;
        assert!(bench.alter(sql) > 0, "{sql}");
        bench.reopen();
        let found = bench.store().doctor().unwrap();
        assert!(!found.is_sound() && kinds(&found, true).contains(&kind), "{sql}: {found:#?}");
    };
    broken("UPDATE \"student\" SET \"current_provider\" = 'south' WHERE \"id\" = 'aroha'", "open-case");
    broken("UPDATE \"case\" SET \"school\" = 'rata' WHERE \"id\" = 'c1'", "open-case");
    broken("UPDATE \"case\" SET \"case_manager\" = 'south-manager' WHERE \"id\" = 'c1'", "fits");
    broken("UPDATE \"student\" SET \"current_provider\" = 'south' WHERE \"id\" = 'ben'", "student");
    broken("UPDATE caseward_content SET id = 'gone' WHERE type = 'Case'", "content");
    broken("UPDATE caseward_content SET value = '\"sha256:00\"' WHERE field = 'document'", "files");
    broken("UPDATE caseward_log SET payload = '{}' WHERE event = 3", "log");
}
