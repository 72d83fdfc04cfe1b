//! Masks, ids and redacted batches against `check` and `view`, row by row.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod counts;
mod release;
mod trusted;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::builder::StringViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int16Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, LargeStringArray, NullArray, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema};
use caseward::attendance::Sample;
use caseward::{
    ActionName, ActionQuery, Changes, Context, EntityUid, Query, Request, RequestEnvironment, TypeName,
    Value, Ward, World,
};
use caseward_arrow::{Column, Error, Ids, Keeping, Marks, Masking, Redaction, Rules, Side, fresh};

const NOW: i64 = 1_778_446_800_000;

fn data() -> (Ward, World) {
    let ward = Ward::attendance().unwrap();
    let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {}).unwrap();
    (ward, world)
}

fn allowed(ward: &Ward, world: &World, person: &str, case: &str) -> bool {
    let (person, case) = (EntityUid::new("User", person), EntityUid::new("Case", case));
    let request = Request::new(person, ActionName::new("viewSummary"), case).at(NOW);
    ward.check(world, &request).unwrap().is_allowed()
}

/// Somebody who sees some cases and not most.
fn worker(ward: &Ward, world: &World) -> String {
    let some = world.ids("User").unwrap().find(|id| {
        let query = query(id);
        (3..=60).contains(&ward.count(world, &query).unwrap())
    });
    some.unwrap().to_owned()
}

fn query(person: &str) -> Query {
    let person = EntityUid::new("User", person);
    Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(NOW)
}

/// The same ids in every layout.
fn layouts(ids: &[Option<&str>]) -> Vec<ArrayRef> {
    let mut views = StringViewBuilder::new();
    ids.iter().for_each(|id| views.append_option(*id));
    let dictionary: DictionaryArray<Int16Type> = ids.iter().copied().collect();
    // With a null among its values, too.
    let values: Vec<Option<&str>> = [None].into_iter().chain(ids.iter().copied()).collect();
    let keys = (1i16..).take(ids.len()).collect::<Vec<_>>();
    let with_nulls = DictionaryArray::<Int16Type>::new(keys.into(), Arc::new(LargeStringArray::from(values)));
    vec![
        Arc::new(StringArray::from(ids.to_vec())),
        Arc::new(LargeStringArray::from(ids.to_vec())),
        Arc::new(views.finish()),
        Arc::new(dictionary),
        Arc::new(with_nulls),
    ]
}

/// In two chunks, the second of them a slice.
fn chunked(array: &ArrayRef) -> Vec<ArrayRef> {
    let half = array.len() / 3;
    vec![array.slice(0, half), array.slice(half, array.len() - half)]
}

#[test]
fn masks_are_checks_in_every_layout() {
    let (ward, world) = data();
    let worker = worker(&ward, &world);
    let cases: Vec<Option<&str>> =
        world.ids("Case").unwrap().take(90).map(Some).chain([None, Some("nobody"), Some("")]).collect();
    let users: Vec<&str> = world.ids("User").unwrap().collect();
    let people: Vec<Option<&str>> = users.iter().cycle().take(92).copied().map(Some).chain([None]).collect();
    let environment =
        RequestEnvironment::new(TypeName::new("User"), ActionName::new("viewSummary"), TypeName::new("Case"));
    let context = Context::at(NOW);
    let masking = Masking { ward: &ward, world: &world, environment: &environment, context: &context };
    for (of_cases, of_people) in layouts(&cases).iter().zip(layouts(&people).iter().rev()) {
        let ids = Side::Column(Column::new("case", chunked(of_cases)).unwrap());
        let mask = masking.mask(&Side::One(worker.clone()), &ids).unwrap();
        let one: Vec<bool> =
            cases.iter().map(|case| case.is_some_and(|case| allowed(&ward, &world, &worker, case))).collect();
        assert_eq!(mask.allowed, one);
        assert!(one.contains(&true) && one.contains(&false));
        assert_eq!(mask.to_array(), BooleanArray::from(one));
        let from = Side::Column(Column::new("person", vec![of_people.clone()]).unwrap());
        let mask = masking.mask(&from, &ids).unwrap();
        let pairs = people.iter().zip(&cases);
        let many: Vec<bool> = pairs
            .map(|(person, case)| {
                person.zip(*case).is_some_and(|(person, case)| allowed(&ward, &world, person, case))
            })
            .collect();
        assert_eq!(mask.allowed, many);
    }
    let nothing = Side::Column(Column::new("case", vec![Arc::new(NullArray::new(3))]).unwrap());
    assert_eq!(masking.mask(&Side::One(worker.clone()), &nothing).unwrap().allowed, [false; 3]);
    let none = Side::Column(Column::new("case", Vec::new()).unwrap());
    let mask = masking.mask(&Side::One(worker.clone()), &none).unwrap();
    assert_eq!((mask.allowed.len(), mask.provenance.version), (0, world.version()));
    let short = Side::Column(Column::new("person", layouts(&[Some("a")])).unwrap());
    let long = Side::Column(Column::new("case", layouts(&[Some("a"), None])).unwrap());
    let error = masking.mask(&short, &long).unwrap_err().to_string();
    assert_eq!(error, "column `person` has 5 rows, and `case` has 10");
}

#[test]
fn masks_are_of_one_version_while_batches_come_in() {
    let (ward, world) = data();
    let cases: Vec<&str> = world.ids("Case").unwrap().collect();
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(cases.iter().cycle().take(200_000)));
    let ids = Side::Column(Column::new("case", vec![ids]).unwrap());
    let environment =
        RequestEnvironment::new(TypeName::new("User"), ActionName::new("viewSummary"), TypeName::new("Case"));
    let context = Context::at(NOW);
    let masking = Masking { ward: &ward, world: &world, environment: &environment, context: &context };
    let all = |on: bool| {
        let set = |changes: Changes, case: &&str| {
            changes.set(&EntityUid::new("Case", *case), "prosecutionNotified", Value::Bool(on))
        };
        world.apply(&cases.iter().fold(Changes::new(), set)).unwrap();
    };
    // Somebody who sees cases of which prosecution was notified, and no others.
    all(true);
    let seen: Vec<usize> =
        world.ids("User").unwrap().map(|id| ward.count(&world, &query(id)).unwrap()).collect();
    all(false);
    let mut people = world.ids("User").unwrap().zip(seen);
    let (person, _) =
        people.find(|(id, seen)| *seen > 0 && ward.count(&world, &query(id)).unwrap() == 0).unwrap();
    // All cases change at once: of one version, all rows of a case are alike.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                all(round % 2 == 0);
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        for _ in 0..3 {
            let mask = masking.mask(&Side::One(person.to_owned()), &ids).unwrap();
            let (first, rest) = mask.allowed.split_at(cases.len());
            assert!(rest.chunks(cases.len()).all(|again| again == &first[..again.len()]));
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_column_of_no_ids_is_refused_by_name() {
    let numbers: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1]));
    let error = Column::new("case", vec![numbers]).unwrap_err().to_string();
    assert_eq!(
        error,
        "column `case` holds Int64, and ids are text: cast it, or name the column that holds the ids"
    );
}

#[test]
fn ids_are_batches_with_the_rules_behind_them() {
    let (ward, world) = data();
    let worker = worker(&ward, &world);
    let visible = ward.visible(&world, &query(&worker)).unwrap();
    let rules = Rules {
        ward: ward.clone(),
        world: world.clone(),
        principal: EntityUid::new("User", worker.as_str()),
        action: ActionName::new("viewSummary"),
        context: Context::at(NOW),
    };
    let ids = Ids::new(visible.clone(), "case", Some(rules.clone())).unwrap();
    let [batch] = ids.batches().unwrap().try_into().unwrap();
    assert_eq!(batch.schema(), ids.schema());
    let listed: Vec<Option<&str>> = batch.column(0).as_string::<i32>().iter().collect();
    assert_eq!(listed, visible.ids().map(Some).collect::<Vec<_>>());
    let rules_of = batch.column(1).as_list::<i32>();
    assert!((0..rules_of.len()).all(|row| !rules_of.value(row).is_empty()));
    assert!(matches!(Ids::new(visible.clone(), "rules", Some(rules.clone())), Err(Error::Frame(_))));
    let case = EntityUid::new("Case", visible.ids().next().unwrap());
    world.apply(&Changes::new().set(&case, "prosecutionNotified", Value::Bool(true))).unwrap();
    assert!(matches!(Ids::new(visible, "case", Some(rules)).unwrap().batches(), Err(Error::Changed)));
}

/// A batch of cases with what no memory of a redacted batch may hold.
fn batch(cases: &[Option<&str>]) -> RecordBatch {
    let text = |what: &str| -> Vec<String> {
        cases.iter().map(|case| format!("{what} of {}, which is long", case.unwrap_or("nobody"))).collect()
    };
    let mut views = StringViewBuilder::new();
    text("birth").iter().for_each(|text| views.append_value(text));
    let plans = text("plan");
    let plans: DictionaryArray<Int16Type> = plans.iter().map(String::as_str).collect();
    let fields = vec![
        Field::new("case", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, false),
        Field::new("born", DataType::Utf8View, false),
        Field::new("plan", plans.data_type().clone(), false),
        Field::new("state", DataType::Utf8, false),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(cases.to_vec())),
        Arc::new(StringArray::from(text("note"))),
        Arc::new(views.finish()),
        Arc::new(plans),
        Arc::new(StringArray::from(text("state"))),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn memory(batch: &RecordBatch) -> Vec<u8> {
    fn within(data: &arrow_data::ArrayData, all: &mut Vec<u8>) {
        data.buffers().iter().for_each(|buffer| all.extend_from_slice(buffer));
        data.child_data().iter().for_each(|child| within(child, all));
    }
    let mut all = Vec::new();
    batch.columns().iter().for_each(|column| within(&column.to_data(), &mut all));
    all
}

fn holds(memory: &[u8], text: &str) -> bool {
    memory.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn kept_rows_are_those_of_the_list_and_carry_nothing_of_the_others() {
    let (ward, world) = data();
    let worker = worker(&ward, &world);
    let visible = ward.visible(&world, &query(&worker)).unwrap();
    let cases: Vec<Option<&str>> =
        world.ids("Case").unwrap().map(Some).chain([None, Some("nobody")]).collect();
    let kept = Keeping::new(visible.clone(), "case").kept(&batch(&cases), 0).unwrap();
    let ids: Vec<Option<&str>> = kept.column(0).as_string::<i32>().iter().collect();
    assert_eq!(ids, visible.ids().map(Some).collect::<Vec<_>>());
    let memory = memory(&kept);
    for case in cases.iter().flatten() {
        let is_kept = visible.contains(&EntityUid::new("Case", *case));
        for what in ["note", "birth", "plan", "state"] {
            assert_eq!(holds(&memory, &format!("{what} of {case},")), is_kept);
        }
    }
    let error = Keeping::new(visible, "id").kept(&batch(&cases), 0).unwrap_err().to_string();
    assert_eq!(error, "the frame has no column `id`: it has `case`, `note`, `born`, `plan`, `state`");
}

#[test]
fn redacted_cells_are_those_of_views_and_the_others_are_in_no_memory() {
    let (ward, world) = data();
    let cases: Vec<Option<&str>> = world.ids("Case").unwrap().take(80).map(Some).chain([None]).collect();
    let fields = ["student.dateOfBirth", "supportPlan", "Case.status"];
    let (mut shown_cells, mut withheld_cells) = (0, 0);
    for person in world.ids("User").unwrap().step_by(7) {
        let who = EntityUid::new("User", person);
        let seen = ward.seen(&world, &who, &TypeName::new("Case"), &fields, &Context::at(NOW)).unwrap();
        let columns = ["born", "plan", "state"].map(str::to_owned).to_vec();
        let redaction = Redaction::new(seen, "case", columns, Marks::Column("_withheld".to_owned())).unwrap();
        let out = redaction.redacted(&batch(&cases), 0).unwrap();
        assert_eq!(out.schema(), redaction.schema(&batch(&cases).schema()).unwrap());
        let memory = memory(&out);
        let mut rows = 0;
        for case in cases.iter().flatten() {
            let query = ActionQuery::new(who.clone(), EntityUid::new("Case", *case)).at(NOW);
            let view = ward.view(&world, &query).unwrap();
            let is_known = !view.sections().is_empty() || !view.withheld().is_empty();
            rows += usize::from(is_known);
            let all = view.sections().iter().flat_map(|section| &section.fields);
            let names: Vec<&str> = all.map(|field| field.name.as_ref()).collect();
            for (what, field) in
                [("birth", "student.dateOfBirth"), ("plan", "supportPlan"), ("state", "status")]
            {
                let is_shown = names.contains(&field);
                assert_eq!(
                    holds(&memory, &format!("{what} of {case},")),
                    is_shown,
                    "{person} {case} {field}"
                );
                shown_cells += usize::from(is_shown);
                withheld_cells += usize::from(is_known && !is_shown);
            }
        }
        assert_eq!(out.num_rows(), rows);
        assert!(!holds(&memory, "note of"));
        for name in ["born", "plan", "state"] {
            let cells = out.column_by_name(name).unwrap().logical_nulls();
            let marks = out.column_by_name(&format!("{name}_withheld")).unwrap().as_boolean();
            assert!(
                (0..rows).all(|row| cells.as_ref().is_some_and(|all| all.is_null(row)) == marks.value(row))
            );
        }
    }
    assert!(shown_cells > 100 && withheld_cells > 100);
}

#[test]
fn what_cannot_be_looked_into_is_not_let_out() {
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let ends = arrow_array::Int32Array::from(vec![1, 2]);
    let runs: ArrayRef =
        Arc::new(arrow_array::RunArray::<arrow_array::types::Int32Type>::try_new(&ends, &values).unwrap());
    assert!(fresh(&runs).unwrap_err().to_string().contains("cast it first"));
}
