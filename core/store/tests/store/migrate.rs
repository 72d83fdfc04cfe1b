//! Stores of before: the store's own tables by version, and policies with another schema.

use caseward::{ActionName, EntityUid, Request, Source};
use caseward_store::{Activation, Error, Migration, Moment, Options, PolicySet, Store};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, instant, is_on_postgres, lines};

const DAY: i64 = 86_400_000;

/// Our policies with another schema.
fn with_schema(changes: &[(&str, &str)]) -> PolicySet {
    let mut set = PolicySet::attendance();
    for sources in [&mut set.sources, &mut set.fits] {
        let mut text = sources.schema.text.to_string();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        sources.schema = Source::new(sources.schema.name.to_string(), text);
    }
    // The catalogue names what the schema has, and has forms of it that its type has.
    let gone = match changes {
        [(_, "")] => "nsn = ",
        [(_, "nsn: Long,")] => "nsn = [",
        _ => return set,
    };
    if let Some(catalogue) = &mut set.sources.catalogue {
        let kept: Vec<&str> = catalogue.text.lines().filter(|line| !line.starts_with(gone)).collect();
        *catalogue = Source::new("fields.toml", kept.join("\n"));
    }
    set
}

/// A student's hapū, a type that comes with it, and a policy that asks for it.
fn with_more() -> PolicySet {
    let mut set = with_schema(&[
        (
            "nsn: String,",
            "nsn: String, pounamu?: String, hapu?: Set<Hapu>, marae?: { name: String, rohe?: Long },",
        ),
        ("entity Student", "entity Hapu { name: String };\nentity Student"),
    ]);
    let text = "@id(\"trial.X1\")\n@rule(\"X1\")\n@description(\"No comments where there is greenstone.\")\n\
                forbid (principal, action == Action::\"addComment\", resource)\n\
                when { resource.student has pounamu };\n";
    set.sources.policies.push(Source::new("trial/X1.cedar", text));
    set
}

fn said() -> Activation {
    Activation::now("the board", "D40")
}

fn closed(bench: &mut Bench) -> Options {
    bench.store = None;
    settles();
    Options::new().trusting(Some(bench.clock() + 60_000)).seeded(9)
}

/// A server takes a moment to let go of a connection that is closed.
fn settles() {
    if is_on_postgres() {
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

fn proposed(bench: &Bench, set: &PolicySet) -> Migration {
    settles();
    Store::propose(bench.place(), set, &Options::new().trusting(Some(bench.clock()))).unwrap()
}

fn refused(bench: &Bench, changes: &[(&str, &str)]) -> Vec<String> {
    let found = proposed(bench, &with_schema(changes));
    assert!(found.steps.is_empty() || !found.refused.is_empty());
    settles();
    let error = Store::migrate(
        bench.place(),
        &with_schema(changes),
        &said(),
        &Options::new().trusting(Some(bench.clock())),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("nothing was migrated:") && error.contains(&found.refused[0]), "{error}");
    found.refused
}

#[test]
fn another_schema_is_proposed_and_applied_and_the_past_stays() {
    let mut bench = Bench::with_case();
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "before"}}));
    let (before, early) = (bench.exported(), bench.clock());
    let told = |store: &Store, at: i64, clock: i64| {
        let past = store.past_at(Moment::as_of(at), clock).unwrap();
        let request = Request::new(
            EntityUid::new("User", "manager"),
            ActionName::new("addComment"),
            EntityUid::new("Case", "c1"),
        );
        (lines(&past.world), past.ward.check(&past.world, &request.at(past.now)).unwrap().is_allowed())
    };
    let was = told(bench.store(), early - 1, early);
    let root = bench.store().verify(Vec::new()).unwrap();
    let error = bench.store().activate(&with_more(), &said()).unwrap_err().to_string();
    assert!(error.contains("`caseward store migrate`"), "{error}");
    let options = closed(&mut bench);
    let found = proposed(&bench, &with_more());
    assert_eq!(
        found.steps,
        [
            "add `Student.hapu` (optional Set<Hapu>)",
            "add `Student.marae` (optional { name: String, rohe?: Long })",
            "add `Student.pounamu` (optional String)",
            "add the entity type `Hapu`",
        ]
    );
    assert!(found.refused.is_empty() && !found.is_in_force && !found.is_nothing());
    for (wrong, why) in [
        (Activation::now("", "x"), "who approved it"),
        (Activation::now("x", " "), "the reason"),
        (said().at(early + DAY), "no instant is said"),
    ] {
        settles();
        let error = Store::migrate(bench.place(), &with_more(), &wrong, &options).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(proposed(&bench, &with_more()), found, "nothing was written");
    settles();
    let done = Store::migrate(bench.place(), &with_more(), &said(), &options).unwrap();
    assert_eq!((&done.steps, &done.set), (&found.steps, &found.set));
    assert!(proposed(&bench, &with_more()).is_nothing());
    bench.reopen_at(early + 2 * DAY);
    assert_eq!(bench.exported(), before, "the facts are the same");
    assert_eq!(bench.store().activated().unwrap()[1].set, done.set);
    // It goes on, and what is new is there to be asked about.
    bench.tick(early + 2 * DAY);
    bench.does("manager", "addComment", "Case::\"c1\"", json!({"data": {"text": "after"}}));
    let pounamu = bench.store().ward().schema().type_id("Hapu");
    assert!(pounamu.is_some());
    // The log, the tree, every past moment and every decision are what they were.
    let verified = bench.store().verify(Vec::new()).unwrap();
    assert!(verified.is_sound() && verified.entries == root.entries + 2, "{verified:?}");
    let found = bench.store().doctor().unwrap();
    assert!(found.is_sound(), "{found:?}");
    assert_eq!(told(bench.store(), early - 1, bench.clock()), was, "as of before, by the schema of before");
    let today = bench.store().past_at(Moment::as_of(early - 1).by_todays_policies(), bench.clock()).unwrap();
    assert_eq!(lines(&today.world), was.0);
    assert!(today.ward.schema().type_id("Hapu").is_some() && today.world.schema().type_id("Hapu").is_some());
    let replayed = bench.store().replay(None).unwrap();
    assert_eq!((replayed.differing.as_slice(), replayed.commands), (&[][..], 6));
    // And by policies of the schema of before, or of after.
    assert!(bench.store().replay(Some(&PolicySet::attendance())).unwrap().differing.is_empty());
    assert!(bench.store().replay(Some(&with_more())).unwrap().differing.is_empty());
    bench.reopen_at(early + 3 * DAY);
    assert!(bench.store().doctor().unwrap().is_sound());
    // And back: nothing of it has a value.
    let options = closed(&mut bench);
    let back = Store::migrate(bench.place(), &PolicySet::attendance(), &said(), &options).unwrap();
    assert_eq!(back.steps.len(), 4, "{back:?}");
    bench.reopen_at(early + 4 * DAY);
    assert_eq!(told(bench.store(), early - 1, early + 4 * DAY), was);
    assert!(bench.store().doctor().unwrap().is_sound());
    assert!(bench.store().replay(None).unwrap().differing.is_empty());
}

#[test]
fn values_that_are_new_are_kept_and_gone_in_the_past() {
    let mut bench = Bench::with_case();
    let (early, school) = (bench.clock(), "nurseAt?: Set<School>,");
    let more = || {
        let schema = PolicySet::attendance().sources.schema.text.to_string();
        let at = schema.find("caseManagerAt").unwrap();
        let line = schema[at..].lines().next().unwrap().to_owned();
        with_schema(&[(&line, &format!("{school}\n  {line}"))])
    };
    let options = closed(&mut bench);
    Store::migrate(bench.place(), &more(), &said(), &options).unwrap();
    bench.reopen_at(early + DAY);
    bench.tick(early + DAY);
    let text = "user,role,at,from\nmanager,nurseAt,kauri,2026-05-10\n";
    let answers = bench.store().feed_at("staff", text.as_bytes().to_vec(), 0, bench.clock()).unwrap();
    assert_eq!(answers[0].why, None);
    assert!(bench.get("User::\"manager\"", "nurseAt").unwrap().contains("kauri"));
    bench.reopen_at(early + DAY);
    assert!(bench.store().doctor().unwrap().is_sound());
    let past = bench.store().past_at(Moment::as_of(early), bench.clock()).unwrap();
    assert!(!lines(&past.world).concat().contains("nurseAt"), "the schema of then has no such thing");
    assert!(bench.store().replay(None).unwrap().differing.is_empty());
    bench.store = None;
    let found = proposed(&bench, &PolicySet::attendance());
    assert_eq!(
        found.refused,
        ["`User.nurseAt` is removed, and there are or were values of it, which would be lost"]
    );
}

#[test]
fn what_would_lose_something_or_needs_a_value_is_refused_by_name() {
    let mut bench = Bench::with_case();
    closed(&mut bench);
    let is = |changes: &[(&str, &str)], text: &str| {
        let all = refused(&bench, changes);
        assert_eq!(all, [text]);
    };
    is(
        &[("nsn: String,", "nsn: String, pounamu: String,")],
        "`Student.pounamu` is new and required, and there are or were entities that have no value: make it optional (`pounamu?`)",
    );
    is(
        &[("nsn: String,", "nsn: Long,")],
        "`Student.nsn` is Long, and was String: values are not turned into others",
    );
    is(
        &[("@section(\"personal\")\n  nsn: String,", "")],
        "`Student.nsn` is removed: commands and feeds of the store write it",
    );
    // What is optional.
    let made = proposed(&bench, &with_schema(&[("nsn: String,", "nsn?: String,")]));
    assert_eq!(made.steps, ["make `Student.nsn` optional"]);
    let options = Options::new().trusting(Some(bench.clock() + 60_000)).seeded(9);
    settles();
    Store::migrate(bench.place(), &with_schema(&[("nsn: String,", "nsn?: String,")]), &said(), &options)
        .unwrap();
    let all = refused(&bench, &[]);
    assert_eq!(all, ["`Student.nsn` is required now: commands and feeds of the store may leave it out"]);
}

#[test]
fn policies_that_are_to_come_are_of_the_schema_that_there_is() {
    let mut bench = Bench::with_case();
    let mut later = PolicySet::attendance();
    let text = "@id(\"trial.X2\")\n@rule(\"X2\")\n@description(\"x\")\nforbid (principal, action == Action::\"addComment\", resource);\n";
    later.sources.policies.push(Source::new("trial/X2.cedar", text));
    let at = bench.clock() + 5 * DAY;
    bench.store().activate(&later, &Activation::now("the board", "later").at(at)).unwrap();
    closed(&mut bench);
    let found = proposed(&bench, &with_more());
    assert!(
        found.refused.len() == 1
            && found.refused[0]
                .contains(&format!("come into force at {}", instant(at).replace('Z', ".000Z"))),
        "{found:?}"
    );
    let options = Options::new().trusting(Some(at + DAY)).seeded(9);
    settles();
    Store::migrate(bench.place(), &with_more(), &said(), &options).unwrap();
    bench.reopen_at(at + 2 * DAY);
    assert_eq!(bench.store().activated().unwrap().len(), 3);
    assert!(bench.store().doctor().unwrap().is_sound());
}

/// A store as the first version of its tables had it.
fn of_the_first_version(bench: &mut Bench) {
    bench.store = None;
    bench.alter("DROP TABLE caseward_migration");
    bench.alter("UPDATE caseward_setting SET value = '1' WHERE name = 'format'");
}

#[test]
fn a_store_of_the_first_version_becomes_one_of_now() {
    let mut bench = Bench::with_case();
    let (before, root) = (bench.exported(), bench.store().verify(Vec::new()).unwrap());
    of_the_first_version(&mut bench);
    if !is_on_postgres() {
        let error = Store::open(bench.place(), &Options::new().read_only()).err().unwrap().to_string();
        assert!(error.contains("is of version 1") && error.contains("open it once to be written"), "{error}");
        let error = Store::backup(bench.place(), bench.folder.path().join("b")).unwrap_err().to_string();
        assert!(error.contains("is of version 1 of the store"), "{error}");
    }
    bench.reopen();
    assert_eq!((bench.exported(), bench.store().verify(Vec::new()).unwrap()), (before, root));
    assert_eq!(bench.number("SELECT count(*) FROM caseward_migration WHERE format = 2"), 1);
    assert!(bench.store().doctor().unwrap().is_sound());
    bench.reopen();
    assert_eq!(bench.number("SELECT count(*) FROM caseward_migration"), 1);
    // A migration that fails leaves the store as it was.
    bench.store = None;
    bench.alter("UPDATE caseward_setting SET value = '1' WHERE name = 'format'");
    for _ in 0..2 {
        settles();
        let error = Store::open(bench.place(), &Options::new()).err().unwrap().to_string();
        assert!(error.contains("cannot be made version 2, and is as it was"), "{error}");
    }
    bench.alter("UPDATE caseward_setting SET value = '3' WHERE name = 'format'");
    settles();
    let error = Store::open(bench.place(), &Options::new()).err().unwrap();
    assert!(matches!(error, Error::Newer { found: 3, known: 2, .. }), "{error}");
}

/// What the first stores lacked.
#[test]
fn a_store_of_before_there_were_versions_is_refused() {
    for (what, sql) in [
        ("caseward_imported", "DROP TABLE caseward_imported"),
        ("policy_hash", "ALTER TABLE caseward_policy_text DROP COLUMN policy_hash"),
        ("event", "ALTER TABLE caseward_feed_taken DROP COLUMN event"),
    ] {
        let mut bench = Bench::new();
        of_the_first_version(&mut bench);
        bench.alter(sql);
        let error = Store::open(bench.place(), &Options::new()).err().unwrap().to_string();
        assert!(error.contains("before version 1") && error.contains(what), "{error}");
        assert!(error.contains("put a backup back") && error.contains("export the facts"), "{error}");
    }
}

/// What is written about it in the log.
#[test]
fn the_log_says_what_a_migration_did() {
    let mut bench = Bench::with_case();
    let options = closed(&mut bench);
    Store::migrate(bench.place(), &with_more(), &said(), &options).unwrap();
    if is_on_postgres() {
        return;
    }
    let payload: String = rusqlite::Connection::open(bench.place())
        .unwrap()
        .query_row("SELECT payload FROM caseward_log WHERE kind = 'activation'", [], |row| row.get(0))
        .unwrap();
    let payload: Json = serde_json::from_str(&payload).unwrap();
    assert_eq!(
        (&payload["approved_by"], &payload["reason"], payload["schema"].as_array().unwrap().len()),
        (&json!("the board"), &json!("D40"), 4)
    );
}
