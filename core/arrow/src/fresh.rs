//! Arrays that hold nothing besides what their rows show.
//!
//! A filtered array may share its memory with what was filtered out: a dictionary keeps values that no row has any
//! more, and views keep whole buffers of text. What leaves for somebody who may not see those must not carry them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, StructArray,
};
use arrow_schema::{ArrowError, DataType};
use arrow_select::dictionary::garbage_collect_any_dictionary;
use arrow_select::take::take;

/// The same rows, with no memory beside them: as `take` and `filter` leave fixed and offset layouts, so are views and
/// dictionaries here, at any depth.
///
/// # Errors
/// [`ArrowError`] for layouts that it cannot look into, such as unions and runs: what is in them is not let out.
pub fn fresh(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let whole = match dictionary.values().is_empty() {
                true => array.clone(),
                false => garbage_collect_any_dictionary(dictionary)?,
            };
            let dictionary = whole.as_any_dictionary();
            let values = fresh(dictionary.values())?;
            dictionary.with_values(values)
        }
        DataType::List(_) => list::<i32>(array)?,
        DataType::LargeList(_) => list::<i64>(array)?,
        DataType::FixedSizeList(field, size) => {
            let of = array.as_fixed_size_list();
            let values = fresh(of.values())?;
            Arc::new(FixedSizeListArray::try_new(field.clone(), *size, values, of.nulls().cloned())?)
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let of = array.as_struct();
            let columns = of.columns().iter().map(fresh).collect::<Result<_, _>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, of.nulls().cloned())?)
        }
        DataType::Map(field, sorted) => {
            let of = array.as_map();
            let entries: ArrayRef = Arc::new(of.entries().clone());
            let entries = fresh(&entries)?.as_struct().clone();
            let map = MapArray::try_new(
                field.clone(),
                of.offsets().clone(),
                entries,
                of.nulls().cloned(),
                *sorted,
            )?;
            Arc::new(map)
        }
        DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Union(..)
        | DataType::RunEndEncoded(..) => {
            return Err(ArrowError::NotYetImplemented(format!(
                "a column of {} may carry along what its rows do not show: cast it first",
                array.data_type()
            )));
        }
        _ => array.clone(),
    })
}

/// A list whose child holds the entries of its rows and no others.
fn list<O: OffsetSizeTrait>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let of = array.as_list::<O>();
    let (DataType::List(field) | DataType::LargeList(field)) = array.data_type() else {
        return Ok(array.clone());
    };
    let values = fresh(of.values())?;
    Ok(Arc::new(GenericListArray::<O>::try_new(
        field.clone(),
        of.offsets().clone(),
        values,
        of.nulls().cloned(),
    )?))
}

/// The rows of those numbers, none of them null: what is not taken is not in the result's memory.
pub(crate) fn taken(array: &ArrayRef, rows: &arrow_array::UInt64Array) -> Result<ArrayRef, ArrowError> {
    fresh(&take(array.as_ref(), rows, None)?)
}
