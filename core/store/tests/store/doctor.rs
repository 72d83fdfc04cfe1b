//! What a look at everything finds.

use caseward_store::{Checkup, LogKey, Taken};
use serde_json::json;

use crate::bench::{Bench, is_on_postgres, user};

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
    // What would act, or stand for a table, by itself.
    let mut bench = Bench::with_case();
    bench.store = None;
    bench.alter("CREATE VIEW mine AS SELECT 1 AS one");
    bench.reopen();
    let found = bench.store().doctor().unwrap();
    assert!(found.findings.iter().any(|one| one.is_fault && one.what.contains("view mine")), "{found:#?}");
}

/// A store with something of everything that is kept.
fn full() -> Bench {
    let bench = Bench::with_case();
    bench.does("lead", "uploadFile", "Case::\"c1\"", json!({
        "id": "f1", "data": {"file": {"base64": "aGVsbG8="}, "fileName": "a.txt", "fileType": "text/plain"}
    }));
    bench.does(
        "manager",
        "addComment",
        "Case::\"c1\"",
        json!({"id": "i1", "key": "k1", "data": {"text": "Back."}}),
    );
    let feed = |kind: &str, text: &str| {
        let answers = bench.store().feed_at(kind, text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
        assert!(answers.iter().all(|answer| answer.outcome == Taken::Done), "{kind}: {answers:?}");
    };
    feed("staff", "user,role,at,from,until\nsecond,caseManagerAt,south,2026-05-01,2026-09-01\n");
    feed("logins", "user,at,active\noffice,2026-06-01T00:00:00Z,false\n");
    feed("enrolment", "student,school,start\nben,rata,2026-06-08\naroha,rata,2026-05-11\n");
    feed("enrolment", "student,school,start\ncara,rata,2026-05-04\ncara,totara,2026-05-04\n");
    feed("terms", "term,start,end\n2,2026-05-01,2026-07-03\n3,2026-07-03,2026-09-25\n");
    feed("attendance", "student,date,code,attended,open\naroha,2026-05-11,P,1,2\nben,2026-05-11,P,2,2\n");
    feed("content", "type,id,field,value\nStudent,ben,name,Benny\n");
    let manage = json!({"context": {"subject": user("both"), "role": "caseManager", "leaderApproved": true}});
    bench.does("flow", "manageStaffAccess", "Provider::\"north\"", manage);
    bench
}

#[test]
fn what_is_altered_beside_the_log_is_told() {
    let bench = full();
    let found = looked(&bench);
    assert!(found.is_sound(), "{found:#?}");
    assert!(found.versions > 10 && found.fields > 10 && found.files == 1, "{found:?}");
    let mut missed = String::new();
    let mut broken = |sql: &str, kind: &str, about: &str| {
        let mut bench = full();
        bench.store = None;
        assert!(bench.alter(sql) > 0, "{sql}");
        bench.reopen_at(bench.clock() + 60_000);
        let found = bench.store().doctor().unwrap();
        let is_told = found
            .findings
            .iter()
            .any(|one| one.is_fault && one.kind == kind && one.about.as_deref().unwrap_or_default() == about);
        if !is_told {
            missed += &format!("{sql}: {found:#?}\n");
        }
    };
    // Content.
    let of = |rest: &str| format!("UPDATE caseward_content SET {rest}");
    broken(&of("value = '\"Gone.\"' WHERE field = 'text'"), "content", "Item::\"i1\"");
    broken(&of("value = '\"x\"' WHERE field = 'name'"), "content", "Student::\"ben\"");
    broken(&of("field = 'outcome' WHERE field = 'number' AND type = 'Case'"), "content", "Case::\"c1\"");
    let gone = "DELETE FROM caseward_content WHERE field = 'attendanceTimes' AND id = 'ben'";
    broken(gone, "content", "Student::\"ben\"");
    let added =
        "INSERT INTO caseward_content (type, id, field, value) VALUES ('User', 'lead', 'name', '\"x\"')";
    broken(added, "content", "User::\"lead\"");
    // Facts, also those that nothing wrote since they were imported.
    broken("UPDATE \"case\" SET \"opened_at\" = 5 WHERE \"id\" = 'c1'", "rows", "Case::\"c1\"");
    broken("DELETE FROM \"item\" WHERE \"id\" = 'i1'", "rows", "Item::\"i1\"");
    broken("UPDATE \"student\" SET \"nsn\" = '1' WHERE \"id\" = 'eve'", "rows", "");
    broken(
        "INSERT INTO \"user_case_manager_at\" (\"user_id\", \"value\") VALUES ('lead', 'north')",
        "rows",
        "",
    );
    broken("DELETE FROM \"student\" WHERE \"id\" = 'eve'", "rows", "");
    broken("UPDATE caseward_imported SET salt = NULL WHERE name = 'User'", "imported", "");
    broken("DELETE FROM caseward_imported WHERE name = 'School'", "imported", "");
    // Rows of nobody, or twice.
    let at = "INSERT INTO \"user_workflow_lead_at\" (\"user_id\", \"value\") VALUES ('nobody', 'north')";
    broken(at, "rows", "");
    broken("INSERT INTO \"case_team\" (\"case_id\", \"value\") VALUES ('nocase', 'lead')", "rows", "");
    broken("INSERT INTO \"item_shared_with\" (\"item_id\", \"value\") VALUES ('i9', 'lead')", "rows", "");
    broken("INSERT INTO \"ministry_team\" (\"id\") VALUES ('x')", "rows", "");
    // Versions of the store's own tables, and settings.
    broken(
        "INSERT INTO caseward_migration (format, recorded, caseward) VALUES (3, 1, '0.1.0')",
        "migration",
        "",
    );
    broken("DELETE FROM caseward_migration", "migration", "");
    broken("UPDATE caseward_migration SET recorded = 0", "migration", "");
    broken("UPDATE caseward_migration SET caseward = 'x'", "migration", "");
    broken("INSERT INTO caseward_setting (name, value) VALUES ('mine', 'x')", "setting", "");
    // Their history.
    broken("DELETE FROM caseward_history WHERE id = 'i1'", "history", "Item::\"i1\"");
    broken(
        "UPDATE caseward_history SET undo = replace(undo, 'kauri', 'rata') WHERE type = 'Student' AND id = 'aroha' \
         AND name = 'enrolledAt'",
        "rows",
        "",
    );
    broken("UPDATE caseward_history SET version = 900 WHERE id = 'i1'", "history", "Item::\"i1\"");
    for version in [-1, 0, 900] {
        let of_none = format!(
            "INSERT INTO caseward_history (version, type, id, name, undo) \
             SELECT {version}, type, id, name, undo FROM caseward_history WHERE id = 'i1' AND name = ''"
        );
        broken(&of_none, "history", "Item::\"i1\"");
    }
    // By what entries are found.
    broken("DELETE FROM caseward_log_about WHERE event = 3 AND type = 'User'", "log", "");
    broken("INSERT INTO caseward_log_about (type, id, event) VALUES ('User', 'x', 3)", "log", "");
    // Feeds.
    broken("DELETE FROM caseward_feed WHERE kind = 'terms'", "feeds", "");
    broken(
        "UPDATE caseward_feed SET line = replace(line, 'rata', 'kauri') WHERE subject = 'Student::\"ben\"'",
        "feeds",
        "Student::\"ben\"",
    );
    broken(
        "DELETE FROM caseward_feed_taken WHERE kind = 'enrolment' AND subject = 'Student::\"ben\"'",
        "feeds",
        "Student::\"ben\"",
    );
    broken(
        "DELETE FROM caseward_feed_base WHERE name = 'loginActive' AND subject = 'User::\"office\"'",
        "feeds",
        "User::\"office\"",
    );
    broken("DELETE FROM caseward_due WHERE subject = 'Student::\"ben\"'", "feeds", "Student::\"ben\"");
    broken(
        "UPDATE caseward_due SET at = at + 60000 WHERE subject = 'User::\"office\"'",
        "feeds",
        "User::\"office\"",
    );
    broken(
        "UPDATE caseward_role_mark SET held = 1 - held WHERE person = 'second'",
        "roles",
        "User::\"second\"",
    );
    broken("DELETE FROM caseward_role_mark WHERE person = 'both'", "roles", "User::\"both\"");
    // What cannot all be so.
    broken("DELETE FROM caseward_flag WHERE name = 'enrolment'", "feeds", "Student::\"cara\"");
    broken("DELETE FROM caseward_flag WHERE name = 'terms'", "feeds", "");
    broken("UPDATE caseward_flag SET says = 'fine' WHERE name = 'enrolment'", "feeds", "Student::\"cara\"");
    broken(
        "INSERT INTO caseward_flag (subject, name, says) VALUES ('User::\"lead\"', 'enrolment', 'odd')",
        "feeds",
        "User::\"lead\"",
    );
    // Keys, the outbox, and what is kept of requests and of changes.
    broken("UPDATE caseward_answer SET answer = replace(answer, 'i1', 'i2')", "keys", "User::\"manager\"");
    broken("DELETE FROM caseward_answer", "keys", "User::\"manager\"");
    broken(
        "UPDATE caseward_outbox SET person = 'gone' WHERE type = 'Case' AND event = 6 AND person = 'manager'",
        "outbox",
        "Case::\"c1\"",
    );
    broken("UPDATE caseward_became SET \"case\" = 'c2'", "became", "Request::\"r1\"");
    broken("UPDATE caseward_changed SET version = version - 1 WHERE id = 'c1'", "changed", "Case::\"c1\"");
    broken("DELETE FROM caseward_changed WHERE id = 'i1'", "changed", "Item::\"i1\"");
    broken("UPDATE caseward_setting SET value = '99' WHERE name = 'version'", "log", "");
    // Policies of the start, the clock, numbers.
    broken("UPDATE caseward_policies SET from_at = 5 WHERE event = 0", "policies", "");
    broken(
        "INSERT INTO caseward_policies (from_at, event, hash) SELECT 5, 0, hash FROM caseward_policies",
        "policies",
        "",
    );
    let never = "INSERT INTO caseward_policy_text (hash, policy_hash, sources) \
                 SELECT 'x', policy_hash, sources FROM caseward_policy_text";
    broken(never, "policies", "");
    broken("UPDATE caseward_setting SET value = '0' WHERE name = 'requests'", "counter", "");
    broken("UPDATE caseward_setting SET value = '0' WHERE name = 'cases'", "counter", "");
    assert_eq!(missed, "");
}

#[test]
fn a_file_with_other_bytes_is_told_and_one_that_nothing_has() {
    if is_on_postgres() {
        return;
    }
    let bench = full();
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let path = bench.folder.path().join("cases.db-files/2c").join(hash);
    std::fs::write(&path, "hullo").unwrap();
    let found = looked(&bench);
    assert!(found.findings.iter().any(|one| one.is_fault && one.what.contains("other bytes")), "{found:#?}");
    std::fs::rename(&path, path.with_file_name("2cff")).unwrap();
    let found = looked(&bench);
    assert!(found.findings.iter().any(|one| one.is_fault && one.what.contains("is not there")), "{found:#?}");
    assert!(found.findings.iter().any(|one| !one.is_fault && one.what.contains("2cff")), "{found:#?}");
}

#[test]
fn a_damaged_page_is_told() {
    use std::os::unix::fs::FileExt as _;
    if is_on_postgres() {
        return;
    }
    let mut bench = full();
    bench.store = None;
    let path = bench.folder.path().join("cases.db");
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    // An index, of which nothing is read until something is looked for.
    let root = bench.number("SELECT rootpage FROM sqlite_master WHERE name = 'caseward_log_by_recorded'");
    file.write_all_at(&[0x55; 600], u64::try_from(root - 1).unwrap() * 4_096 + 3_400).unwrap();
    drop(file);
    bench.reopen_at(bench.clock() + 60_000);
    let found = bench.store().doctor();
    let is_told =
        found.as_ref().map_or(true, |found| found.findings.iter().any(|one| one.kind == "database"));
    assert!(is_told, "{found:#?}");
}

#[test]
fn what_was_disposed_of_is_no_damage_and_what_remains_is_compared() {
    let mut bench = full();
    let close = json!({"data": {"closureReason": "done"}});
    bench.does("south-flow", "closeCase", "Case::\"c1\"", close);
    bench.tick(bench.clock() + 60_000);
    let dispose = json!({
        "command": "disposeRecords", "as": "privacy", "on": "Student::\"aroha\"",
        "context": {"protectionInstruction": false}, "now": "2038-06-01T00:00:00Z",
    });
    bench.done(dispose);
    let later = 2_159_000_000_000;
    bench.tick(later);
    let found = bench.store().doctor().unwrap();
    assert!(found.is_sound(), "{found:#?}");
    bench.store = None;
    for sql in [
        "UPDATE \"student\" SET \"nsn\" = '1' WHERE \"id\" = 'aroha'",
        "UPDATE \"user\" SET \"login_active\" = \"login_active\" = false WHERE \"id\" = 'lead'",
        "INSERT INTO caseward_content (type, id, field, value) VALUES ('Student', 'aroha', 'name', '\"x\"')",
        "UPDATE caseward_content SET value = '\"x\"' WHERE field = 'name' AND id = 'ben'",
    ] {
        assert!(bench.alter(sql) > 0, "{sql}");
    }
    bench.reopen_at(later);
    let found = bench.store().doctor().unwrap();
    let about: Vec<String> = found
        .findings
        .iter()
        .filter(|one| one.is_fault)
        .map(|one| format!("{} {}", one.kind, one.about.as_deref().unwrap_or_default()))
        .collect();
    for one in ["rows ", "content Student::\"aroha\"", "content Student::\"ben\""] {
        assert!(about.contains(&one.to_owned()), "{one}: {found:#?}");
    }
}

#[test]
fn a_damaged_log_is_not_signed() {
    let mut bench = full();
    let key = LogKey::new("cases.example.org/test").unwrap();
    assert!(bench.store().checkpoint(&key).is_ok());
    bench.store = None;
    bench.alter("UPDATE caseward_log SET payload = '{}' WHERE event = 3");
    bench.reopen_at(bench.clock() + 60_000);
    let error = bench.store().checkpoint(&key).unwrap_err().to_string();
    assert_eq!(
        error,
        "the log is damaged, and is not signed: entry 3: its payload is not the one of which its envelope holds the hash; \
         see `caseward audit verify`"
    );
}

#[test]
fn a_clock_that_is_ahead_is_to_be_seen_to() {
    let mut bench = full();
    bench.store = None;
    let ahead = "UPDATE caseward_setting SET value = '4102444800000' WHERE name = 'clock'";
    assert!(bench.alter(ahead) > 0);
    // By the machine's clock, which is no caller's.
    let store = caseward_store::Store::open(bench.place(), &caseward_store::Options::new()).unwrap();
    let found = store.doctor().unwrap();
    let is_told = |one: &caseward_store::Finding| one.kind == "clock" && one.what.contains("2100-01-01");
    assert!(found.findings.iter().any(is_told), "{found:#?}");
}

#[test]
fn a_look_after_the_last_write_is_no_fault() {
    let mut bench = full();
    bench.reopen_at(bench.clock() + 60_000);
    let read = caseward_store::Read::new("view", bench.clock());
    bench.store().audit(read).unwrap();
    let found = looked(&bench);
    assert!(found.is_sound(), "{found:#?}");
}

/// What is kept that cannot all be so is of the lines as they stand, at whatever time that came to be.
#[test]
fn what_cannot_all_be_so_is_told_as_the_lines_stand() {
    let bench = Bench::new();
    let feed = |text: &str| {
        let text = format!("student,school,start,end\n{text}");
        bench.store().feed_at("enrolment", text.into_bytes(), 0, bench.clock()).unwrap();
    };
    let flags = || bench.number("SELECT count(*) FROM caseward_flag");
    // Today they are at one school, later at two, and then at one again.
    feed("ben,rata,2026-05-01,2026-06-03\nben,totara,2026-05-20,\n");
    feed("eve,rata,2026-05-01,\neve,totara,2026-05-01,\n");
    let day = 24 * 3_600_000;
    for (days, expected) in [(0, 1), (8, 1), (10, 2), (20, 2), (40, 1)] {
        bench.tick(crate::bench::NOW + days * day);
        let found = bench.store().doctor().unwrap();
        assert!(found.is_sound(), "after {days} days: {found:#?}");
        assert_eq!(flags(), expected, "after {days} days");
    }
    // A correction takes it back.
    feed("eve,totara,2026-05-01,2026-05-01\n");
    assert_eq!(flags(), 0);
    assert!(bench.store().doctor().unwrap().is_sound());
}

/// What no store writes into a row is a fault that names it, whether the store can be opened or not.
#[test]
fn rows_that_cannot_be_read_are_told_by_name() {
    if is_on_postgres() {
        return;
    }
    let told = |sql: &str, named: &[&str], is_looked_at: bool| {
        let mut bench = Bench::with_case();
        bench.does("lead", "addComment", "Case::\"c1\"", json!({"id": "i1", "data": {"text": "x"}}));
        bench.store = None;
        assert!(bench.alter(sql) > 0, "{sql}");
        let options = caseward_store::Options::new().trusting(Some(bench.clock() + 60_000));
        let before = std::fs::read(bench.place()).unwrap();
        let found = caseward_store::Store::check(bench.place(), &options).unwrap();
        let mut faults = found
            .findings
            .iter()
            .filter(|one| one.is_fault)
            .map(|one| format!("{} {}", one.about.as_deref().unwrap_or_default(), one.what));
        let is_named = faults.any(|fault| named.iter().all(|part| fault.contains(part)));
        assert!(is_named, "{sql}: {found:#?}");
        assert_eq!(found.entries > 0, is_looked_at, "{sql}: {found:#?}");
        assert!(before == std::fs::read(bench.place()).unwrap(), "{sql}");
    };
    let entity = |sql: &str, named: &[&str]| told(sql, named, true);
    // References that lead nowhere, and values of another type, of which the store cannot be opened.
    entity(
        "UPDATE \"student\" SET \"enrolled_at\" = 'gone' WHERE \"id\" = 'ben'",
        &["Student::\"ben\"", "gone"],
    );
    entity("DELETE FROM \"student\" WHERE \"id\" = 'aroha'", &["Student::\"aroha\""]);
    entity("UPDATE \"user\" SET \"login_active\" = 2 WHERE \"id\" = 'lead'", &["\"user\"", "User::\"lead\""]);
    entity(
        "UPDATE \"student\" SET \"nsn\" = x'00ff' WHERE \"id\" = 'eve'",
        &["\"student\"", "`eve`", "`nsn`"],
    );
    entity(
        "UPDATE \"case\" SET \"status\" = CAST(x'ff' AS TEXT)",
        &["\"case\"", "`c1`", "`status`", "UTF-8"],
    );
    entity("UPDATE \"case\" SET \"opened_at\" = 1.5", &["\"case\"", "`c1`", "`opened_at`"]);
    // Tables beside the facts.
    let content = "UPDATE caseward_content SET value = CAST(x'22ff22' AS TEXT) WHERE field = 'text'";
    entity(content, &["caseward_content", "`Item`, `i1`, `text`", "UTF-8"]);
    entity("UPDATE caseward_outbox SET type = x'00'", &["caseward_outbox"]);
    told(
        "UPDATE caseward_setting SET value = x'00' WHERE name = 'clock'",
        &["caseward_setting", "`clock`"],
        false,
    );
    told("DELETE FROM caseward_policies", &["no policies that decide"], false);
    for tree in [
        "DELETE FROM caseward_setting WHERE name = 'tree'",
        "UPDATE caseward_setting SET value = '3' WHERE name = 'event'",
    ] {
        told(tree, &["the tree of its log is not that of its entries"], false);
    }
}

/// What a log is of which the store cannot be opened is an answer too.
#[test]
fn a_log_whose_counters_were_altered_is_told() {
    if is_on_postgres() {
        return;
    }
    let mut bench = full();
    bench.store = None;
    bench.alter("DELETE FROM caseward_log WHERE event > 5");
    assert_eq!(bench.alter("UPDATE caseward_setting SET value = '5' WHERE name = 'event'"), 1);
    let options = caseward_store::Options::new().trusting(Some(bench.clock()));
    let found = caseward_store::Store::verify_at(bench.place(), &options, Vec::new()).unwrap();
    assert!(!found.is_sound() && found.entries == 0 && found.not_excluded.is_empty(), "{found:?}");
    let told: Vec<&str> = found.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(
        told,
        ["the tree of its log is not that of its entries", "the store cannot be opened: no entry was read"]
    );
}

/// What its tables are is looked at: what is missing or keyed otherwise is a fault, what is slow for it or somebody else's a notice.
#[test]
fn tables_that_are_not_as_they_were_made_are_told() {
    let told = |sql: &str| {
        let mut bench = Bench::with_case();
        bench.store = None;
        bench.alter(sql);
        bench.reopen_at(bench.clock());
        let found = looked(&bench);
        let all: Vec<String> = found.findings.iter().map(|one| one.what.clone()).collect();
        assert!(found.findings.iter().all(|one| one.kind == "database"), "{sql}: {found:#?}");
        (found.is_sound(), all)
    };
    let is_told = |sql: &str, is_sound: bool, what: &str| {
        let (is, all) = told(sql);
        assert!(is == is_sound && all.len() == 1 && all[0].contains(what), "{sql}: {is} {all:?}");
    };
    is_told(
        "DROP INDEX caseward_feed_by_subject",
        true,
        "the index `caseward_feed_by_subject` is not there, and what it serves is slow: make it again, \
         `CREATE INDEX caseward_feed_by_subject ON caseward_feed (subject, kind)`",
    );
    is_told("DROP INDEX case_by_student", true, "`CREATE INDEX \"case_by_student\" ON \"case\" (\"student\"");
    is_told(
        "ALTER TABLE \"case\" ADD COLUMN mood TEXT",
        true,
        "the column `mood` of the table `case` is none of",
    );
    is_told("CREATE TABLE yours (a TEXT)", true, "the table `yours` is none of the store's");
    is_told("CREATE INDEX yours ON \"case\" (status)", true, "the index `yours` is none of the store's");
    let keyless = match is_on_postgres() {
        true => "ALTER TABLE caseward_became DROP CONSTRAINT caseward_became_pkey",
        false => "DROP TABLE caseward_flag",
    };
    let mut bench = Bench::with_case();
    bench.store = None;
    bench.alter(keyless);
    if is_on_postgres() {
        is_told(keyless, false, "the table `caseward_became` has another primary key");
    } else {
        // A store whose own tables are not whole is not opened.
        let error =
            caseward_store::Store::open(bench.place(), &crate::bench::options()).map(drop).unwrap_err();
        assert!(error.to_string().contains("no such table: caseward_flag"), "{error}");
    }
}
