//! What random worlds do not have: rows that only a database can hold, other forms of columns, long lists.

use std::collections::BTreeSet;

use caseward::Context;
use caseward::sql::{Database, Mapping};
use caseward::testing::asks::query;
use caseward::{EntityUid, Source, Sources, Value, Ward, World, WorldBuilder};

use crate::law::Engine;

const SCHEMA: &str = "entity Place = { kind: String };
    entity Person = { places: Set<Place> };
    entity Note = { at: datetime, place?: Place, text: String, size: Long };
    action read, touch, find appliesTo { principal: Person, resource: Note, context: { now: datetime } };";

const POLICIES: &str = r#"
    @id("read") permit (principal, action == Action::"read", resource)
    when { resource.at < context.now || resource.at == datetime("1969-12-31T23:59:59.999Z") };
    @id("touch") permit (principal, action == Action::"touch", resource)
    when { resource has place && principal.places.contains(resource.place) };
    @id("broken") forbid (principal, action == Action::"touch", resource)
    when { resource has place && resource.place.kind == "closed" };
    @id("find") permit (principal, action == Action::"find", resource)
    when { resource.text like "A*b_%\*~[x]*c" && resource.size * resource.size >= 0 };
"#;

fn ward() -> Ward {
    let policies = vec![Source::new("all", POLICIES)];
    Ward::new(&Sources { schema: Source::new("schema", SCHEMA), policies, catalogue: None }).unwrap()
}

fn note(id: &str) -> EntityUid {
    EntityUid::new("Note", id)
}

fn place(n: usize) -> EntityUid {
    EntityUid::new("Place", format!("p{n}"))
}

/// Notes with these attributes, `places` places that the person knows, and one that is closed.
fn world(ward: &Ward, notes: &[(&str, i64, Option<usize>, &str, i64)], places: usize) -> World {
    let mut builder = WorldBuilder::new(ward.schema());
    let known = (0..places).map(|n| Value::Entity(place(n)));
    builder.add(&EntityUid::new("Person", "p"), [("places", Value::set(known))]);
    for n in 0..=places {
        let kind = if n == 1 { "closed" } else { "open" };
        builder.add(&place(n), [("kind", Value::from(kind))]);
    }
    for (id, at, of, text, size) in notes {
        let mut attributes =
            vec![("at", Value::Datetime(*at)), ("text", Value::from(*text)), ("size", Value::Long(*size))];
        attributes.extend(of.map(|n| ("place", Value::Entity(place(n)))));
        builder.add(&note(id), attributes);
    }
    builder.finish().unwrap()
}

fn found(
    engine: &mut impl Engine,
    ward: &Ward,
    world: &World,
    (action, now): (&str, i64),
    mapping: &Mapping,
) -> BTreeSet<String> {
    let database = Database::new(ward.schema(), mapping, engine.dialect()).unwrap();
    let context = Context::from([("now", Value::Datetime(now))]);
    let person = EntityUid::new("Person", "p");
    let filter = ward.filter(world, &query(&person, action, "Note", &context), &database).unwrap();
    engine.ids(&database.select("Note").unwrap(), &filter).unwrap()
}

fn listed(ward: &Ward, world: &World, action: &str, now: i64) -> BTreeSet<String> {
    let context = Context::from([("now", Value::Datetime(now))]);
    let list = ward.list(world, &query(&EntityUid::new("Person", "p"), action, "Note", &context)).unwrap();
    list.iter().map(|uid| uid.id().to_owned()).collect()
}

/// A datetime in the database's own timestamps is the same, before 1970 too.
///
/// # Panics
/// Where it is not.
pub fn timestamps(engine: &mut impl Engine) {
    let ward = ward();
    let now = 1_778_446_800_123;
    let at = [-1, -2, -86_400_000, 0, now - 1, now, now + 1, 253_402_300_799_999];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let notes: Vec<_> = names.iter().zip(at).map(|(id, at)| (*id, at, None, "", 0)).collect();
    let world = world(&ward, &notes, 0);
    let toml = "[types.Note.attributes]\nat = { column = 'at', as = 'timestamp' }";
    for mapping in [Mapping::default(), Mapping::from_toml(toml).unwrap()] {
        let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
        engine.fill(&database, &world).unwrap();
        for now in [now, 0, -2] {
            let expected = listed(&ward, &world, "read", now);
            assert_eq!(found(engine, &ward, &world, ("read", now), &mapping), expected, "{mapping:?}");
        }
    }
}

/// Patterns are looked at letter by letter, and numbers that are too large deny.
///
/// # Panics
/// Where it is not so.
pub fn patterns_and_overflow(engine: &mut impl Engine) {
    let ward = ward();
    let texts = [
        ("exact", "Ab_%*~[x]c", 0),
        ("between", "A\nb_%*~[x]\u{1f600}c", 3_037_000_499),
        ("case", "ab_%*~[x]c", 0),
        ("wildcard", "Abx%*~[x]c", 0),
        ("class", "Ab_%*~xc", 0),
        ("short", "Ab_%*~[x]", 0),
        ("overflow", "Ab_%*~[x]c", 3_037_000_500),
        ("least", "Ab_%*~[x]c", i64::MIN),
    ];
    let notes: Vec<_> = texts.iter().map(|(id, text, size)| (*id, 0, None, *text, *size)).collect();
    let world = world(&ward, &notes, 0);
    let database = Database::new(ward.schema(), &Mapping::default(), engine.dialect()).unwrap();
    engine.fill(&database, &world).unwrap();
    let found = found(engine, &ward, &world, ("find", 0), &Mapping::default());
    assert_eq!(found, listed(&ward, &world, "find", 0));
    assert_eq!(found, BTreeSet::from(["exact".to_owned(), "between".to_owned()]));
}

/// Ten thousand places are as one.
///
/// # Panics
/// Where they are not.
pub fn long_lists(engine: &mut impl Engine) {
    let ward = ward();
    let notes = [("a", 0, Some(9_999), "", 0), ("b", 0, Some(10_000), "", 0), ("c", 0, Some(1), "", 0)];
    let world = world(&ward, &notes, 10_000);
    let database = Database::new(ward.schema(), &Mapping::default(), engine.dialect()).unwrap();
    engine.fill(&database, &world).unwrap();
    let found = found(engine, &ward, &world, ("touch", 0), &Mapping::default());
    assert_eq!(found, BTreeSet::from(["a".to_owned()]));
}

/// Where a column compares without regard to case, `collations` has filters compare by bytes.
///
/// # Panics
/// Where they do not.
pub fn collations<E: Engine>(engine: &mut E, run: impl Fn(&mut E, &str) -> Result<(), String>) {
    let ward = ward();
    let world = world(&ward, &[("a", 0, Some(0), "", 0), ("A", 0, Some(2), "", 0)], 3);
    let mapping = Mapping { collations: true, ..Mapping::default() };
    let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
    engine.fill(&database, &world).unwrap();
    run(engine, "ALTER TABLE \"note\" RENAME TO \"plain\"").unwrap();
    run(
        engine,
        "CREATE TABLE \"note\" (id TEXT, place TEXT COLLATE NOCASE, at INTEGER, text TEXT, size INTEGER)",
    )
    .unwrap();
    run(engine, "INSERT INTO \"note\" SELECT id, upper(place), at, text, size FROM \"plain\"").unwrap();
    let trusted = Mapping { foreign_keys: true, ..mapping };
    for mapping in [&trusted, &Mapping { foreign_keys: false, ..trusted.clone() }] {
        assert_eq!(found(engine, &ward, &world, ("touch", 0), mapping), BTreeSet::new(), "`P0` is not `p0`");
    }
}

/// A row whose reference leads nowhere is left out where the filter reads through it.
///
/// # Panics
/// Where it is not.
pub fn dangling<E: Engine>(engine: &mut E, run: impl Fn(&mut E, &str) -> Result<(), String>) {
    let ward = ward();
    let notes = [("a", 0, Some(0), "", 0), ("b", 0, Some(2), "", 0), ("c", 0, None, "", 0)];
    let world = world(&ward, &notes, 3);
    let mapping = Mapping::default();
    let database = Database::new(ward.schema(), &mapping, engine.dialect()).unwrap();
    engine.fill(&database, &world).unwrap();
    let both = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    assert_eq!(found(engine, &ward, &world, ("touch", 0), &mapping), both);
    run(engine, "DELETE FROM \"place\" WHERE \"id\" = 'p0'").unwrap();
    let one = BTreeSet::from(["b".to_owned()]);
    assert_eq!(found(engine, &ward, &world, ("touch", 0), &mapping), one);
    // `read` does not read the place.
    let all = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(found(engine, &ward, &world, ("read", 1), &mapping), BTreeSet::from(all));
}
