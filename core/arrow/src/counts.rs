//! Counts by group as a frame.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use caseward::{Key, Table, Value};

use crate::error::Error;

/// The counts of a table, a row for each group in it, without totals: a column for each of its groups, and `count`.
///
/// Columns are Booleans, numbers or text, by what they are grouped by; entities are their ids, periods as `2026-05`. Null is a
/// group without such a value or element, and in `count` a number that is not told.
///
/// # Errors
/// [`Error::Frame`] where a group is called `count`, as the counts are.
pub fn counts(table: &Table) -> Result<RecordBatch, Error> {
    let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
    for (at, name) in table.by().iter().enumerate() {
        if **name == *"count" {
            return Err(Error::frame(
                "a group is called `count`, and so are the counts: read the table by its lines",
            ));
        }
        let keys: Vec<Option<&Key>> = table.cells().iter().map(|line| line.keys.get(at)).collect();
        let column = column(&keys);
        fields.push(Field::new(name.as_ref(), column.data_type().clone(), true));
        columns.push(column);
    }
    let told: UInt64Array = table.cells().iter().map(|line| line.count.number()).collect();
    fields.push(Field::new("count", DataType::UInt64, true));
    columns.push(Arc::new(told));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::frame(error.to_string()))
}

/// A column of keys: of what all of them are that have a value, else of text.
fn column(keys: &[Option<&Key>]) -> ArrayRef {
    let values = || keys.iter().map(|key| if let Some(Key::Value(value)) = key { Some(value) } else { None });
    let all = |is: fn(&Value) -> bool| {
        let has_periods = keys.iter().any(|key| matches!(key, Some(Key::Period(_))));
        !has_periods && values().flatten().next().is_some() && values().flatten().all(is)
    };
    if all(|value| matches!(value, Value::Bool(_))) {
        let bools = values().map(|value| value.map(|value| *value == Value::Bool(true)));
        return Arc::new(bools.collect::<BooleanArray>());
    }
    if all(|value| matches!(value, Value::Long(_))) {
        let long = |value: &Value| if let Value::Long(long) = value { Some(*long) } else { None };
        return Arc::new(values().map(|value| value.and_then(long)).collect::<Int64Array>());
    }
    let text = |key: &Option<&Key>| match key {
        Some(Key::Value(Value::Entity(uid))) => Some(uid.id().to_owned()),
        Some(Key::Value(Value::String(text))) => Some(text.to_string()),
        Some(Key::Empty | Key::Absent | Key::All) | None => None,
        Some(key) => Some(key.to_string()),
    };
    Arc::new(keys.iter().map(text).collect::<StringArray>())
}
