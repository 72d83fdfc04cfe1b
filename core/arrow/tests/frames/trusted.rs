//! Decisions over columns, without the records, are those of a world that has the records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use caseward::testing::clinic_sources;
use caseward::{ActionName, Changes, EntityUid, Query, Type, TypeName, Value, Ward, World};
use caseward_arrow::{Error, Trusting};

use crate::{NOW, data};

/// The same people, schools and providers, and no records.
fn without_records() -> World {
    let (_, world) = data();
    let types = ["Item", "Request", "Case", "Student"];
    let ids = types.into_iter().flat_map(|ty| world.ids(ty).unwrap().map(move |id| EntityUid::new(ty, id)));
    let none = ids.fold(Changes::new(), |changes, uid| changes.remove(&uid));
    world.apply(&none).unwrap();
    assert_eq!(world.count("Case").unwrap() + world.count("Student").unwrap(), 0);
    world
}

/// What a world has at the end of a path from an entity.
fn at(world: &World, from: &EntityUid, path: &str) -> Option<Value> {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let value = world.attributes(from).unwrap()?.get(step).cloned()?;
    match (rest, &value) {
        (None, _) => Some(value),
        (Some(rest), Value::Entity(to)) => at(world, to, rest),
        _ => panic!("{path}"),
    }
}

fn type_of(ward: &Ward, ty: &str, path: &str) -> Type {
    let schema = ward.schema();
    let mut of = schema.entity_type(schema.type_id(ty).unwrap()).unwrap();
    let steps: Vec<&str> = path.split('.').collect();
    let (last, before) = steps.split_last().unwrap();
    for step in before {
        let Type::Entity(next) = of.attribute(step).unwrap().1.ty else { panic!("{path}") };
        of = schema.entity_type(next).unwrap();
    }
    of.attribute(last).unwrap().1.ty.clone()
}

fn id_of(value: &Value) -> String {
    match value {
        Value::Entity(uid) => uid.id().to_owned(),
        Value::String(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A column of values.
fn column(ty: &Type, values: &[Option<Value>]) -> ArrayRef {
    match ty {
        Type::Entity(_) | Type::String => {
            Arc::new(values.iter().map(|value| value.as_ref().map(id_of)).collect::<StringArray>())
        }
        Type::Bool => Arc::new(
            values
                .iter()
                .map(|value| value.as_ref().map(|value| *value == Value::Bool(true)))
                .collect::<BooleanArray>(),
        ),
        Type::Long => Arc::new(
            values
                .iter()
                .map(|value| {
                    value.as_ref().map(|value| if let Value::Long(long) = value { *long } else { 0 })
                })
                .collect::<Int64Array>(),
        ),
        Type::Datetime => Arc::new(
            values
                .iter()
                .map(|value| {
                    value.as_ref().map(|value| if let Value::Datetime(at) = value { *at } else { 0 })
                })
                .collect::<TimestampMillisecondArray>()
                .with_timezone("UTC"),
        ),
        Type::Set(_) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values {
                if let Some(Value::Set(all)) = value {
                    all.iter().for_each(|value| lists.values().append_value(id_of(value)));
                }
                lists.append(value.is_some());
            }
            Arc::new(lists.finish())
        }
        other => panic!("{other:?}"),
    }
}

/// A frame of records, with ids that no world has, and a column for each path.
fn frame(ward: &Ward, world: &World, ty: &str, paths: &BTreeSet<String>) -> RecordBatch {
    let ids: Vec<EntityUid> = world.ids(ty).unwrap().map(|id| EntityUid::new(ty, id)).collect();
    let names: StringArray = (0..ids.len()).map(|row| Some(format!("row {row}"))).collect();
    let mut columns: Vec<(String, ArrayRef, bool)> = vec![("id".to_owned(), Arc::new(names), true)];
    for path in paths {
        let values: Vec<Option<Value>> = ids.iter().map(|id| at(world, id, path)).collect();
        columns.push((format!("column {path}"), column(&type_of(ward, ty, path), &values), true));
    }
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn mapping(paths: &BTreeSet<String>) -> BTreeMap<String, String> {
    paths.iter().map(|path| (format!("column {path}"), path.clone())).collect()
}

/// Paths, but for those of which the world says what is there: one that is before them is a column.
fn shortest(paths: &[Arc<str>]) -> BTreeSet<String> {
    let is_below = |path: &str| paths.iter().any(|other| path.starts_with(&format!("{other}.")));
    paths.iter().filter(|path| !is_below(path)).map(ToString::to_string).collect()
}

#[test]
fn rows_are_decided_as_the_records_would_be() {
    let (ward, world) = data();
    let reference = without_records();
    let (mut allowed, mut denied, mut read) = (0, 0, BTreeSet::new());
    let asked = [
        (
            "Case",
            &["viewSummary", "viewRecord", "viewDemographics", "closeCase", "receiveAlert", "addComment"][..],
        ),
        ("Student", &["viewAttendancePattern"][..]),
        ("Request", &["viewRequest", "acceptRequest"][..]),
        ("Item", &["viewItem"][..]),
    ];
    for (ty, actions) in asked {
        let ids: Vec<EntityUid> = world.ids(ty).unwrap().map(|id| EntityUid::new(ty, id)).collect();
        for (action, id) in actions
            .iter()
            .flat_map(|action| world.ids("User").unwrap().step_by(19).map(move |id| (*action, id)))
        {
            let query = Query::new(EntityUid::new("User", id), ActionName::new(action), TypeName::new(ty));
            let query = query.at(NOW);
            let paths = shortest(&ward.reads(&reference, &query).unwrap().paths);
            let trusting = Trusting::new(&ward, &reference, &query, "id", &mapping(&paths)).unwrap();
            let decided = trusting.decided(&frame(&ward, &world, ty, &paths), 0).unwrap();
            let visible = ward.visible(&world, &query).unwrap();
            let should: Vec<bool> = ids.iter().map(|id| visible.contains(id)).collect();
            assert_eq!(decided, should, "{id} {action} {paths:?}");
            allowed += should.iter().filter(|is| **is).count();
            denied += should.iter().filter(|is| !**is).count();
            read.extend(paths);
        }
    }
    assert!(allowed > 500 && denied > 5_000 && read.len() > 8, "{allowed} {denied} {read:?}");
    // Nothing of it is in the world.
    assert_eq!(reference.count("Case").unwrap() + reference.count("Student").unwrap(), 0);
}

#[test]
fn what_no_column_holds_is_refused_by_name() {
    let (ward, world) = data();
    let reference = without_records();
    // A workflow lead: what they see hangs on the provider and the status.
    let lead = world.ids("User").unwrap().find(|id| {
        let user = world.attributes(&EntityUid::new("User", *id)).unwrap().unwrap();
        matches!(user.get("workflowLeadAt"), Some(Value::Set(all)) if !all.is_empty())
    });
    let query = Query::new(
        EntityUid::new("User", lead.unwrap()),
        ActionName::new("viewSummary"),
        TypeName::new("Case"),
    );
    let query = query.at(NOW);
    let paths = shortest(&ward.reads(&reference, &query).unwrap().paths);
    assert!(paths.len() > 2 && paths.contains("provider"), "{paths:?}");
    for left_out in &paths {
        let some: BTreeSet<String> = paths.iter().filter(|path| *path != left_out).cloned().collect();
        let error =
            Trusting::new(&ward, &reference, &query, "id", &mapping(&some)).err().unwrap().to_string();
        assert!(error.contains(&format!("the rules read `{left_out}`, and no column holds it")), "{error}");
    }
    let new = |change: &[(&str, &str)]| {
        let mut columns = mapping(&paths);
        columns.extend(change.iter().map(|(column, path)| ((*column).to_owned(), (*path).to_owned())));
        Trusting::new(&ward, &reference, &query, "id", &columns)
    };
    let refused = |change: &[(&str, &str)]| new(change).err().unwrap().to_string();
    assert_eq!(refused(&[("x", "provider")]), "columns `column provider` and `x` both hold `provider`");
    assert_eq!(refused(&[("x", "providr")]), "column `x`, `providr`: `Case` has no attribute `providr`");
    assert!(
        refused(&[("x", "provider.kind")])
            .ends_with("is in a column itself, so that the world says what it has")
    );
    assert!(
        refused(&[("x", "status.kind")])
            .ends_with("`status` refers to no entity whose attributes columns could hold")
    );
    // Cells, by column and row.
    let trusting = new(&[]).unwrap();
    let whole = frame(&ward, &world, "Case", &paths);
    let with = |name: &str, column: ArrayRef| {
        let schema = whole.schema();
        let columns = schema.fields().iter().zip(whole.columns()).map(|(field, old)| {
            let new = if field.name() == name { column.clone() } else { old.clone() };
            (field.name().clone(), new, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap();
        trusting.decided(&batch, 100)
    };
    let rows = whole.num_rows();
    let one = |odd: Option<&str>| -> ArrayRef {
        let there = world.ids("Provider").unwrap().next().unwrap().to_owned();
        Arc::new(
            (0..rows)
                .map(|row| if row == 7 { odd.map(str::to_owned) } else { Some(there.clone()) })
                .collect::<StringArray>(),
        )
    };
    let error = with("column provider", one(Some("nobody"))).unwrap_err().to_string();
    assert_eq!(error, "column `column provider`, row 107: Provider::\"nobody\" is not in the world");
    let error = with("column status", one(None)).unwrap_err().to_string();
    assert_eq!(error, "column `column status`, row 107: every `Case` has `status`, found null");
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
    let error = with("column status", numbers).unwrap_err().to_string();
    assert_eq!(error, "column `column status`, row 100: expected String, found Int64");
    // A row without an id is denied, and one that is of no world is not.
    let denied = with("id", one(None)).unwrap();
    assert!(!denied[7] && denied.contains(&true));
    let error = trusting.decided(&whole.project(&[0]).unwrap(), 0).unwrap_err().to_string();
    assert!(error.starts_with("the frame has no column `column "), "{error}");
    // Another version of the data, and of the person's own facts.
    reference
        .apply(&Changes::new().put(&EntityUid::new("School", "new"), [("kind", Value::from("state"))]))
        .unwrap();
    assert!(matches!(trusting.decided(&whole, 0), Err(Error::Changed)));
}

/// What somebody reads of the record itself is in no column: what it lies in, say.
#[test]
fn what_hangs_on_the_record_itself_is_refused() {
    let ward = Ward::new(&clinic_sources()).unwrap();
    let world = ward
        .read_world(
            r#"[{"uid": {"type": "Clinic::Team", "id": "0"}, "attrs": {}, "parents": []}]"#.as_bytes(),
        )
        .unwrap();
    let query = Query::new(
        EntityUid::new("Clinic::Team", "0"),
        ActionName::new("Clinic::Action::\"open\""),
        TypeName::new("Clinic::Ward"),
    );
    let context: std::collections::BTreeMap<Arc<str>, Value> = [("code".into(), Value::Long(7))].into();
    let query = query.in_context(context);
    assert!(ward.reads(&world, &query).unwrap().itself);
    let error = Trusting::new(&ward, &world, &query, "id", &BTreeMap::new()).err().unwrap().to_string();
    assert!(error.contains("the rules read which record it is, or what it lies in"), "{error}");
}
