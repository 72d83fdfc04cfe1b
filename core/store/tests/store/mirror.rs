//! A mirror of tables that another program changes: after each of its transactions the mirror is what the tables hold.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use caseward::attendance::Sample;
use caseward::sql::{Database, Mapping, Statement};
use caseward::testing::policies::ward as random;
use caseward::testing::{Choices, Facts, bytes, clinic_sources};
use caseward::{ActionName, EntityUid, Query, Source, Sources, TypeName, Ward, World};
use caseward_store::{Error, Mirror, MirrorOptions};

use crate::bench::is_on_postgres;
use crate::tables::held;
use crate::yours::{Yours, connected};

const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> MirrorOptions {
    let mut options = MirrorOptions::default();
    options.every = Duration::from_millis(20);
    options
}

/// Worlds of a schema, drawn.
fn worlds(ward: &Ward, seed: u64) -> Option<Vec<World>> {
    let drawn = bytes(seed, 90_000);
    let mut choices = Choices::new(&drawn);
    let worlds: Option<Vec<World>> =
        (0..4).map(|_| Facts::sized(ward, &mut choices, 1, 6).build().ok()).collect();
    // A NUL is in no text of PostgreSQL's.
    let has_nul = |world: &World| {
        let shown = format!("{:?}", held(world));
        shown.contains("\\0") || shown.contains("u0000")
    };
    worlds.filter(|worlds| !is_on_postgres() || !worlds.iter().any(has_nul))
}

/// What makes the tables hold another world.
fn statements(database: &Database, from: &World, to: &World) -> Vec<Statement> {
    let mut all = std::collections::BTreeSet::new();
    for world in [from, to] {
        for ty in to.schema().entity_types().iter().filter(|ty| ty.choices.is_none()) {
            all.extend(world.ids(&ty.name).unwrap().map(|id| EntityUid::new(ty.name.clone(), id)));
        }
    }
    all.iter().flat_map(|uid| database.upkeep(to, uid, None).unwrap()).collect()
}

/// What is seen; `None` where the tables have no place for something of the schema, such as a set of sets.
fn held_by<T>(seen: impl Fn(Duration) -> Result<T, Error>) -> Option<T> {
    for _ in 0..40 {
        match seen(PATIENCE / 40) {
            Err(Error::Stale { what, .. })
                if what.contains("has no place") || what.contains("has no table") =>
            {
                return None;
            }
            Err(Error::Stale { .. }) => {}
            seen => return Some(seen.unwrap()),
        }
    }
    Some(seen(PATIENCE).unwrap())
}

/// Another program moves from world to world, also in transactions that it takes back; whether the tables can hold them.
fn one(ward: &Ward, seed: u64, worlds: Option<Vec<World>>) -> bool {
    let Some(worlds) = worlds else { return false };
    let mut yours = Yours::new();
    let database = Database::new(ward.schema(), &Mapping::default(), yours.dialect).unwrap();
    database.create().iter().for_each(|statement| yours.run(statement));
    yours.outbox(&database);
    let empty = caseward::WorldBuilder::new(ward.schema()).finish().unwrap();
    let mirror = match Mirror::open(&yours.place, ward, &Mapping::default(), &options()) {
        Ok(mirror) => mirror,
        Err(Error::Engine(error)) => {
            assert!(error.to_string().contains("has no"), "{error}");
            return false;
        }
        Err(error) => panic!("{error}"),
    };
    let mut before = &empty;
    for (round, world) in worlds.iter().chain([&empty, &worlds[0]]).enumerate() {
        let taken_back = round % 2 == 0;
        let all = statements(&database, before, world);
        yours.run("BEGIN");
        all.iter().for_each(|statement| yours.by.keep(statement));
        if taken_back {
            yours.run("ROLLBACK");
            let Some(seen) = held_by(|within| mirror.newest(within)) else { return false };
            assert_eq!(held(seen.world()), held(before), "seed {seed}, round {round}: taken back");
            drop(seen);
            yours.run("BEGIN");
            all.iter().for_each(|statement| yours.by.keep(statement));
        }
        let position = yours.by.position();
        assert!(!mirror.reading().unwrap().has(position) || all.is_empty(), "seed {seed}: not committed");
        yours.run("COMMIT");
        let Some(seen) = held_by(|within| mirror.at_least(position, within)) else { return false };
        assert_eq!(held(seen.world()), held(world), "seed {seed}, round {round}");
        before = world;
    }
    true
}

#[test]
fn after_each_transaction_the_mirror_is_what_the_tables_hold() {
    let attendance = Ward::attendance().unwrap();
    let town = |seed| Sample { cases: 6, seed }.build(&attendance, &mut |_| {}).unwrap();
    assert!(one(&attendance, 1, Some((1..4).map(town).collect())));
    if !is_on_postgres() {
        assert!((0..3).all(|seed| one(&attendance, seed, worlds(&attendance, seed))));
    }
    let clinic = Ward::new(&clinic_sources()).unwrap();
    let _ = one(&clinic, 1, worlds(&clinic, 1));
    let mut mirrored = 0;
    for seed in 0..30 {
        let drawn = bytes(seed, 4_000);
        if let Some(drawn) = random(&mut Choices::new(&drawn), 1) {
            mirrored += usize::from(one(&drawn.ward, seed, worlds(&drawn.ward, seed)));
        }
    }
    // Of texts with a NUL PostgreSQL keeps none.
    assert!(mirrored > if is_on_postgres() { 0 } else { 5 }, "{mirrored} of 30 schemas");
}

/// A small schema with something of everything, in tables of one's own.
fn shop() -> (Ward, Mapping) {
    let schema = "entity Team; \
        entity Person in [Team] { name: String, boss?: Person, level: Long, words: Set<String> } tags Long; \
        entity Doc { owner: Person }; \
        action read appliesTo { principal: Person, resource: Doc };";
    let policy = "@id(\"own\") permit (principal, action == Action::\"read\", resource) when { resource.owner == principal };";
    let ward = Ward::new(&Sources {
        schema: Source::new("shop.cedarschema", schema),
        policies: vec![Source::new("own.cedar", policy)],
        catalogue: None,
    });
    let mapping = Mapping::from_toml(
        r#"
        [types.Team]
        table = "groups"
        id = "code"
        [types.Person]
        table = "people"
        id = "login"
        [types.Person.attributes]
        boss = "manager"
        words = { table = "people_words", id = "who", value = "word" }
        [types.Person.tags]
        table = "labels"
        id = "who"
        tag = "label"
        value = "count"
        [types.Person.ancestors.Team]
        table = "membership"
        id = "who"
        ancestor = "code"
        [types.Doc]
        table = "documents"
        "#,
    );
    (ward.unwrap(), mapping.unwrap())
}

/// The tables of a program, which are more than the mapping names.
fn tables(yours: &mut Yours) {
    // In SQLite names that differ in case are one name to the program: they are not to the mirror.
    let text = if is_on_postgres() { "TEXT" } else { "TEXT COLLATE NOCASE" };
    for statement in [
        "CREATE TABLE groups (code TEXT PRIMARY KEY, note TEXT)".to_owned(),
        format!("CREATE TABLE people (login TEXT PRIMARY KEY, name {text} NOT NULL, manager TEXT REFERENCES people (login), level BIGINT NOT NULL, seen BIGINT)"),
        "CREATE TABLE people_words (who TEXT NOT NULL REFERENCES people (login) ON DELETE CASCADE ON UPDATE CASCADE, word TEXT NOT NULL)".to_owned(),
        "CREATE TABLE labels (who TEXT NOT NULL REFERENCES people (login) ON DELETE CASCADE ON UPDATE CASCADE, label TEXT NOT NULL, count BIGINT NOT NULL)".to_owned(),
        "CREATE TABLE membership (who TEXT NOT NULL REFERENCES people (login) ON DELETE CASCADE ON UPDATE CASCADE, code TEXT NOT NULL)".to_owned(),
        "CREATE TABLE documents (id TEXT PRIMARY KEY, owner TEXT NOT NULL)".to_owned(),
    ] {
        yours.run(&statement);
    }
    for statement in [
        "INSERT INTO groups (code) VALUES ('a'), ('b')",
        "INSERT INTO people (login, name, manager, level) VALUES ('ana', 'Ana', NULL, 1), ('ben', 'Ben', 'ana', 2)",
        "INSERT INTO people_words VALUES ('ana', 'x'), ('ana', 'y')",
        "INSERT INTO labels VALUES ('ana', 'n', 7)",
        "INSERT INTO membership VALUES ('ben', 'a')",
        "INSERT INTO documents VALUES ('d1', 'ana')",
    ] {
        yours.run(statement);
    }
}

struct Shop {
    yours: Yours,
    ward: Ward,
    mapping: Mapping,
    database: Database,
}

impl Shop {
    fn new() -> Self {
        let (ward, mapping) = shop();
        let mut yours = Yours::new();
        tables(&mut yours);
        let database = Database::new(ward.schema(), &mapping, yours.dialect).unwrap();
        yours.outbox(&database);
        Shop { yours, ward, mapping, database }
    }

    fn mirror(&self) -> Mirror {
        self.mirror_with(&options()).unwrap()
    }

    fn mirror_with(&self, options: &MirrorOptions) -> Result<Mirror, Error> {
        Mirror::open(&self.yours.place, &self.ward, &self.mapping, options)
    }

    /// After what the program commits, the mirror is what one is that is made anew.
    #[track_caller]
    fn follows(&mut self, mirror: &Mirror, statements: &[&str]) {
        let position = self.yours.commits(statements);
        let seen = mirror.at_least(position, PATIENCE).unwrap();
        assert_eq!(held(seen.world()), held(self.mirror().world()), "{statements:?}");
    }
}

fn level(mirror: &Mirror, who: &str) -> Option<String> {
    let seen = mirror.newest(PATIENCE).unwrap();
    let value = seen.world().attribute(&EntityUid::new("Person", who), "level").unwrap();
    value.map(|value| serde_json::to_string(&value).unwrap())
}

#[test]
fn each_kind_of_change_is_seen() {
    let mut shop = Shop::new();
    let mirror = shop.mirror();
    let asked = |mirror: &Mirror, ward: &Ward, who: &str| {
        let query = Query::new(EntityUid::new("Person", who), ActionName::new("read"), TypeName::new("Doc"));
        ward.list(mirror.newest(PATIENCE).unwrap().world(), &query).unwrap().len()
    };
    assert_eq!((asked(&mirror, &shop.ward, "ana"), asked(&mirror, &shop.ward, "ben")), (1, 0));
    shop.follows(&mirror, &["UPDATE documents SET owner = 'ben'"]);
    assert_eq!((asked(&mirror, &shop.ward, "ana"), asked(&mirror, &shop.ward, "ben")), (0, 1));
    for statement in [
        "UPDATE people SET level = 5 WHERE login = 'ben'",
        // Only in case, in a column that takes no heed of it.
        "UPDATE people SET name = 'ANA' WHERE login = 'ana'",
        "UPDATE people SET manager = NULL WHERE login = 'ben'",
        "INSERT INTO people_words VALUES ('ben', 'z')",
        "UPDATE people_words SET who = 'ben' WHERE word = 'x'",
        "DELETE FROM people_words WHERE word = 'y'",
        "UPDATE labels SET count = 8",
        "UPDATE labels SET label = 'm'",
        "INSERT INTO membership VALUES ('ben', 'b'), ('ana', 'b')",
        "UPDATE membership SET code = 'a' WHERE who = 'ana'",
        // A new name, with all that goes with it.
        "UPDATE people SET login = 'bea' WHERE login = 'ben'; UPDATE documents SET owner = 'bea'",
        "INSERT INTO documents VALUES ('d2', 'ana'), ('d3', 'ana')",
        "DELETE FROM documents WHERE id IN ('d1', 'd3')",
        // With what refers to it.
        "DELETE FROM people WHERE login = 'bea'",
        "DELETE FROM documents",
        "INSERT INTO documents VALUES ('d4', 'ana') ON CONFLICT (id) DO UPDATE SET owner = excluded.owner",
    ] {
        let parts: Vec<&str> = statement.split("; ").collect();
        shop.follows(&mirror, &parts);
    }
    if is_on_postgres() {
        shop.follows(&mirror, &["TRUNCATE documents"]);
        shop.follows(&mirror, &["TRUNCATE people CASCADE"]);
        assert!(!mirror.world().contains(&EntityUid::new("Person", "ana")));
    }
    let rows = "SELECT count(*) FROM caseward_mirror_outbox";
    let before = shop.yours.count(rows);
    shop.yours.run("UPDATE people SET seen = 1");
    shop.yours.run("UPDATE people SET level = level");
    assert_eq!(shop.yours.count(rows), before, "what is nobody's fact leaves no row");
    // Rows that are no longer needed may go.
    shop.yours.run("DELETE FROM caseward_mirror_outbox");
    shop.follows(&mirror, &["INSERT INTO groups (code) VALUES ('c')"]);
}

#[test]
fn a_big_transaction_is_one() {
    let mut shop = Shop::new();
    let mirror = shop.mirror();
    let many: Vec<String> = (0..3_000).map(|n| format!("('p{n}', 'P', 'ana', {n})")).collect();
    let people = format!("INSERT INTO people (login, name, manager, level) VALUES {}", many.join(", "));
    let words: Vec<String> = (0..3_000).map(|n| format!("('p{n}', 'w{n}')")).collect();
    let words = format!("INSERT INTO people_words VALUES {}", words.join(", "));
    shop.follows(&mirror, &[&people, &words]);
    shop.follows(&mirror, &["UPDATE people SET level = -level", "DELETE FROM people WHERE level < -1500"]);
    assert_eq!(mirror.world().count("Person").unwrap(), 1_503);
}

#[test]
fn nobody_sees_half_a_transaction() {
    let mut shop = Shop::new();
    let mirror = shop.mirror();
    let (done, place) = (AtomicBool::new(false), shop.yours.place.clone());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut looks = 0;
                while !done.load(Ordering::Acquire) || looks == 0 {
                    let seen = mirror.reading().unwrap();
                    let of = |who| seen.world().attribute(&EntityUid::new("Person", who), "level").unwrap();
                    let (Some(caseward::Value::Long(a)), Some(caseward::Value::Long(b))) =
                        (of("ana"), of("ben"))
                    else {
                        panic!("nobody is gone")
                    };
                    assert_eq!(a + b, 3, "half a transaction");
                    looks += 1;
                }
            });
        }
        let other = scope.spawn(|| {
            let mut by = connected(&place);
            for n in 0..60 {
                by.run(if is_on_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" });
                by.run("UPDATE people SET level = level + 1 WHERE login = 'ana'");
                std::thread::sleep(Duration::from_millis(3));
                by.run("UPDATE people SET level = level - 1 WHERE login = 'ben'");
                by.run(if n % 3 == 0 { "ROLLBACK" } else { "COMMIT" });
            }
        });
        other.join().unwrap();
        done.store(true, Ordering::Release);
    });
    shop.follows(&mirror, &["UPDATE people SET level = 0"]);
    assert_eq!(level(&mirror, "ana").as_deref(), Some("0"));
}

#[test]
fn transactions_that_are_committed_out_of_their_order_are_all_seen() {
    if !is_on_postgres() {
        return;
    }
    let mut shop = Shop::new();
    let mirror = shop.mirror();
    let mut other = connected(&shop.yours.place);
    other.run("BEGIN");
    other.run("UPDATE people SET level = 50 WHERE login = 'ana'");
    let earlier = other.position();
    let later = shop.yours.commits(&["UPDATE people SET level = 60 WHERE login = 'ben'"]);
    assert!(earlier < later);
    assert!(mirror.at_least(later, PATIENCE).unwrap().has(later));
    let refused = mirror.at_least(earlier, Duration::from_millis(100)).map(drop).unwrap_err().to_string();
    assert!(refused.contains(&format!("has not seen position {earlier}")), "{refused}");
    assert_eq!((level(&mirror, "ana").as_deref(), level(&mirror, "ben").as_deref()), (Some("1"), Some("60")));
    other.run("COMMIT");
    drop(mirror.at_least(earlier, PATIENCE).unwrap());
    assert_eq!(level(&mirror, "ana").as_deref(), Some("50"));
    // A part that is taken back within a transaction is no part of it.
    shop.follows(
        &mirror,
        &[
            "SAVEPOINT s",
            "DELETE FROM documents",
            "ROLLBACK TO s",
            "UPDATE people SET level = 9 WHERE login = 'ana'",
        ],
    );
    // One that writes nothing has a position too.
    let position = shop.yours.commits(&[]);
    drop(mirror.at_least(position, PATIENCE).unwrap());
}

#[test]
fn what_no_world_can_hold_is_said_and_passes() {
    let mut shop = Shop::new();
    let mut options = options();
    options.stale = Duration::from_millis(300);
    let mirror = shop.mirror_with(&options).unwrap();
    let position = shop.yours.commits(&["INSERT INTO documents VALUES ('d2', 'nobody')"]);
    let told = mirror.at_least(position, Duration::from_millis(200)).map(drop).unwrap_err().to_string();
    assert!(told.contains("nobody"), "{told}");
    std::thread::sleep(Duration::from_millis(400));
    let told = mirror.reading().map(drop).unwrap_err();
    assert!(matches!(&told, Error::Stale { what, .. } if what.contains("nobody")), "{told}");
    assert!(mirror.newest(Duration::from_millis(50)).is_err());
    // A mirror that is made now is refused likewise.
    assert!(matches!(shop.mirror_with(&options), Err(Error::Engine(error)) if error.is_data()));
    shop.follows(&mirror, &["INSERT INTO people (login, name, level) VALUES ('nobody', 'N', 1)"]);
    assert!(mirror.reading().is_ok());
}

#[test]
fn tables_without_their_triggers_are_refused() {
    let (ward, mapping) = shop();
    let mut yours = Yours::new();
    tables(&mut yours);
    let told = |yours: &Yours, mapping: &Mapping| {
        Mirror::open(&yours.place, &ward, mapping, &options()).map(drop).unwrap_err().to_string()
    };
    assert!(
        told(&yours, &mapping)
            .starts_with("the tables have no outbox: run what `caseward tables --triggers`")
    );
    let database = Database::new(ward.schema(), &mapping, yours.dialect).unwrap();
    yours.outbox(&database);
    let mirror = Mirror::open(&yours.place, &ward, &mapping, &options()).unwrap();
    // The statements may be run again.
    yours.outbox(&database);
    drop(Mirror::open(&yours.place, &ward, &mapping, &options()).unwrap());
    let mut other = mapping.clone();
    other
        .types
        .get_mut("Doc")
        .unwrap()
        .attributes
        .insert("owner".into(), caseward::sql::Place::Column("id".into()));
    assert!(told(&yours, &other).starts_with("the tables have the triggers of another mapping or schema"));
    let trigger = database
        .outbox()
        .unwrap()
        .triggers
        .into_iter()
        .find(|name| name.contains("documents_update"))
        .unwrap();
    match is_on_postgres() {
        true => yours.run(&format!("ALTER TABLE documents DISABLE TRIGGER {trigger}")),
        false => yours.run(&format!("DROP TRIGGER {trigger}")),
    }
    let lacks = format!("the tables lack the trigger `{trigger}`, or it is off");
    assert!(told(&yours, &mapping).starts_with(&lacks));
    drop(mirror);
    let mut known = mapping.clone();
    known.types.get_mut("Doc").unwrap().from = caseward::sql::Facts::World;
    assert!(told(&yours, &known).contains("a mirror takes all facts from tables"));
}

#[test]
fn a_database_that_is_put_back_or_cut_off_is_read_anew() {
    let mut shop = Shop::new();
    let mirror = shop.mirror();
    shop.follows(&mirror, &["UPDATE people SET level = 4"]);
    match is_on_postgres() {
        true => {
            let mut other = connected(&shop.yours.place);
            for n in 0..3 {
                other.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = 'caseward' AND datname = current_database()",
                );
                shop.yours.run("DELETE FROM caseward_mirror_outbox");
                let change = format!("UPDATE people SET level = {n} WHERE login = 'ben'");
                shop.follows(&mirror, &[&change]);
            }
        }
        false => {
            // As an older copy of the file would be.
            shop.yours.run(
                "BEGIN; UPDATE people SET level = 99; DELETE FROM caseward_mirror_outbox; \
                 UPDATE sqlite_sequence SET seq = 1 WHERE name = 'caseward_mirror_outbox'; COMMIT",
            );
            assert_eq!(level(&mirror, "ana").as_deref(), Some("99"));
            shop.follows(&mirror, &["UPDATE people SET level = 3"]);
        }
    }
}

#[test]
fn a_database_that_goes_away_is_said_to_have() {
    if is_on_postgres() {
        return;
    }
    let shop = Shop::new();
    let (ward, mapping) = (&shop.ward, &shop.mapping);
    let told =
        |place: &Path| Mirror::open(place, ward, mapping, &options()).map(drop).unwrap_err().to_string();
    let none = shop.yours.folder.path().join("none.db");
    assert_eq!(told(&none), format!("there is no database `{}`", none.display()));
    std::fs::write(&none, "no database").unwrap();
    assert!(told(&none).contains("it is no database of SQLite"), "{}", told(&none));
    assert!(shop.database.outbox().is_ok());
    // Nothing is written by the mirror.
    let mirror = shop.mirror();
    drop(mirror.clone());
    assert!(mirror.newest(PATIENCE).is_ok());
}
