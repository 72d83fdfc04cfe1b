//! Tables that hold a world: what is read back is what was written, also after changes.

use std::collections::{BTreeMap, BTreeSet};

use caseward::sql::{Database, Dialect, Mapping, Parameter, Statement};
use caseward::testing::policies::ward as random;
use caseward::testing::{Choices, Facts, bytes, clinic_sources};
use caseward::{Error, Ward, World};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::Value as Json;

/// An entity's attributes, tags, and what it lies in at any distance.
pub(crate) type Held = (Json, Json, BTreeSet<String>);

/// What a world holds, whatever order it came in.
pub(crate) fn held(world: &World) -> BTreeMap<String, Held> {
    let mut text = Vec::new();
    world.write_json(&mut text).unwrap();
    let all: Vec<Json> = serde_json::from_slice(&text).unwrap();
    let parents: BTreeMap<String, Vec<String>> = all
        .iter()
        .map(|one| {
            (one["uid"].to_string(), one["parents"].as_array().unwrap().iter().map(Json::to_string).collect())
        })
        .collect();
    let above = |uid: &str| {
        let (mut found, mut next) = (BTreeSet::new(), vec![uid.to_owned()]);
        while let Some(uid) = next.pop() {
            for parent in parents.get(&uid).into_iter().flatten() {
                if found.insert(parent.clone()) {
                    next.push(parent.clone());
                }
            }
        }
        found
    };
    let one = |one: &Json| {
        let uid = one["uid"].to_string();
        let above = above(&uid);
        (uid, (sorted(&one["attrs"]), sorted(&one["tags"]), above))
    };
    all.iter().map(one).collect()
}

/// Sets in the order of their elements' texts.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(all) => {
            let mut all: Vec<Json> = all.iter().map(sorted).collect();
            all.sort_by_key(Json::to_string);
            Json::Array(all)
        }
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect(),
        other => other.clone(),
    }
}

pub(crate) fn bound(cell: &Option<Parameter>) -> Value {
    match cell {
        None => Value::Null,
        Some(Parameter::Boolean(is)) => Value::Integer(i64::from(*is)),
        Some(Parameter::Bigint(n)) => Value::Integer(*n),
        Some(Parameter::Text(text)) => Value::Text(text.to_string()),
        Some(other) => panic!("{other:?}"),
    }
}

fn run(connection: &Connection, statements: &[Statement]) {
    for Statement { sql, params } in statements {
        connection.execute(sql, params_from_iter(params.iter().map(bound))).unwrap();
    }
}

fn read(connection: &Connection, database: &Database) -> Result<World, Error> {
    database.read(|sql, each| {
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cell = |at| match row.get_ref(at).unwrap() {
                ValueRef::Null => None,
                ValueRef::Integer(n) => Some(Parameter::Bigint(n)),
                ValueRef::Text(text) => Some(Parameter::Text(std::str::from_utf8(text).unwrap().into())),
                other => panic!("{other:?}"),
            };
            each(&(0..width).map(cell).collect::<Vec<_>>())?;
        }
        Ok(())
    })
}

/// Whether the tables could hold the worlds of the schema at all.
fn one(ward: &Ward, seed: u64) -> bool {
    let drawn = bytes(seed, 60_000);
    let mut choices = Choices::new(&drawn);
    let (Ok(before), Ok(after)) =
        (Facts::sized(ward, &mut choices, 1, 6).build(), Facts::sized(ward, &mut choices, 1, 6).build())
    else {
        return false;
    };
    let database = Database::new(ward.schema(), &Mapping::default(), Dialect::Sqlite).unwrap();
    let connection = Connection::open_in_memory().unwrap();
    for statement in database.create() {
        connection.execute_batch(&statement).unwrap();
    }
    for table in database.rows(&before) {
        for row in &table.rows {
            connection.execute(&table.insert, params_from_iter(row.iter().map(bound))).unwrap();
        }
    }
    let Ok(again) = read(&connection, &database) else { return false };
    assert_eq!(held(&again), held(&before), "seed {seed}");
    let mut all = BTreeSet::new();
    for world in [&before, &after] {
        for ty in ward.schema().entity_types().iter().filter(|ty| ty.choices.is_none()) {
            all.extend(world.ids(&ty.name).unwrap().map(|id| caseward::EntityUid::new(ty.name.clone(), id)));
        }
    }
    for uid in &all {
        run(&connection, &database.upkeep(&after, uid, None).unwrap());
    }
    assert_eq!(held(&read(&connection, &database).unwrap()), held(&after), "seed {seed}");
    true
}

#[test]
fn what_is_read_is_what_was_written() {
    let attendance = Ward::attendance().unwrap();
    assert!((0..20).all(|seed| one(&attendance, seed)));
    let clinic = Ward::new(&clinic_sources()).unwrap();
    let clinics = (0..60).filter(|seed| one(&clinic, *seed)).count();
    assert!(clinics == 0 || clinics == 60, "{clinics}");
    let mut held = 0;
    for seed in 0..150 {
        let drawn = bytes(seed, 4_000);
        if let Some(drawn) = random(&mut Choices::new(&drawn), 1) {
            held += usize::from(one(&drawn.ward, seed));
        }
    }
    assert!(held > 40, "{held} of 150 schemas");
}
