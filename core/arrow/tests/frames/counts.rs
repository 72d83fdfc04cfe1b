//! Tables of counts as frames: line by line what the table says.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use caseward::{ActionName, EntityUid, Group, Key, Query, TypeName, Value, Zone};
use caseward_arrow::counts;

use crate::{NOW, data};

#[test]
fn a_frame_of_counts_has_the_lines_of_the_table() {
    let (ward, world) = data();
    let by = ["status", "provider", "student.yearLevel", "month of openedAt"];
    // Of the year level only whoever sees it of every case may count by it.
    let by: Vec<Group> = by.iter().map(|text| Group::parse(text, &Zone::utc()).unwrap()).collect();
    let people = world.ids("User").unwrap().map(|id| EntityUid::new("User", id));
    let mut told = 0;
    for person in people {
        let query = Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(NOW);
        let Ok(table) = ward.count_by(&world, &query, &by) else { continue };
        {
            let batch = counts(&table).unwrap();
            assert_eq!(batch.num_rows(), table.cells().len());
            let names: Vec<String> =
                batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            assert_eq!(names, ["status", "provider", "student.yearLevel", "month of openedAt", "count"]);
            let numbers = batch.column(4).as_primitive::<UInt64Type>();
            for (row, line) in table.cells().iter().enumerate() {
                let text = |at: usize| {
                    let column = batch.column(at).as_string::<i32>();
                    column.is_valid(row).then(|| column.value(row).to_owned())
                };
                let [status, provider, year, month] = line.keys.as_slice() else { panic!("{line:?}") };
                let Key::Value(Value::String(status)) = status else { panic!("{status:?}") };
                assert_eq!(text(0).unwrap(), **status);
                match provider {
                    Key::Value(Value::Entity(uid)) => assert_eq!(text(1).unwrap(), uid.id()),
                    _ => assert_eq!(text(1), None),
                }
                if let Key::Value(Value::Long(long)) = year {
                    assert_eq!(batch.column(2).as_primitive::<Int64Type>().value(row), *long);
                }
                assert_eq!(text(3), Some(month.to_string()));
                assert_eq!(numbers.is_valid(row).then(|| numbers.value(row)), line.count.number());
                told += 1;
            }
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn what_is_not_told_is_null() {
    let (ward, world) = data();
    let person = EntityUid::new("User", "u00002");
    let query = Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(NOW);
    let by = ["status", "provider"].map(|text| Group::parse(text, &Zone::utc()).unwrap());
    let table = ward.count_by(&world, &query, &by).unwrap();
    let protected = table.protect(&caseward::Protection::Suppress { below: 4 }).unwrap();
    let (open, closed) = (counts(&table).unwrap(), counts(&protected).unwrap());
    assert_eq!((open.column(2).null_count(), open.num_columns()), (0, 3));
    assert!(closed.column(2).null_count() > 0);
    let told = closed.column(2).as_primitive::<UInt64Type>();
    for (row, line) in protected.cells().iter().enumerate() {
        assert_eq!(told.is_valid(row).then(|| told.value(row)), line.count.number());
    }
}
