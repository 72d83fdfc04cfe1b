//! A world from frames: a type each, an entity a row, an attribute a column.
//!
//! INVARIANT: no cell is guessed. What does not fit its attribute exactly is an error that names column and row, and a
//! column that is no attribute is one too: a condition that is misspelt would else hold for nobody, and might open more.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::take::take;
use caseward::{EntityType, EntityUid, Ip, Schema, Type, Value, Ward, World, WorldBuilder};

use crate::error::Error;
use crate::rows::{column_at, position};

/// A world that is read from batches.
pub struct Loading {
    schema: Arc<Schema>,
    builder: WorldBuilder,
}

/// Which attribute each column of a frame holds.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The column of ids.
    pub id: String,
    /// The columns that are called otherwise than their attribute; none for one that is left out.
    pub named: BTreeMap<String, Option<String>>,
}

/// Where a cell is, for errors.
pub(crate) struct Cell<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) column: &'a str,
    pub(crate) row: u64,
}

impl Loading {
    /// Nothing yet.
    pub fn new(ward: &Ward) -> Self {
        Loading { schema: ward.schema().clone(), builder: WorldBuilder::new(ward.schema()) }
    }

    /// Takes an entity of each row. `from` is the number of the batch's first row, for errors.
    ///
    /// # Errors
    /// [`Error::Frame`] for a column that is no attribute and not left out, for an attribute in two columns, for an id
    /// that is null, and for a cell that does not fit its attribute. [`Error::Caseward`] for a type that the schema lacks.
    pub fn take(
        &mut self,
        type_name: &str,
        columns: &Columns,
        batch: &RecordBatch,
        from: u64,
    ) -> Result<(), Error> {
        let schema = self.schema.clone();
        let ty = schema.known_type(type_name)?;
        let Some(of) = schema.entity_type(ty) else { return Ok(()) };
        let at = position(&batch.schema(), &columns.id)?;
        let ids = column_at(batch, at, from)?;
        let attributes = attributes(of, columns, batch)?;
        let mut blocks = ids.blocks(usize::MAX);
        let mut all = Vec::new();
        blocks.fill(&mut all, batch.num_rows());
        for (row, id) in all.into_iter().enumerate() {
            let number = from.saturating_add(row as u64);
            let id = id.ok_or_else(|| {
                Error::frame(format!(
                    "column `{}`, row {number}: an entity has an id, found null",
                    columns.id
                ))
            })?;
            let mut values: Vec<(&str, Value)> = Vec::with_capacity(attributes.len());
            for (name, column, ty, array) in &attributes {
                let cell = Cell { schema: &schema, column, row: number };
                if let Some(value) = cell.value(ty, array.as_ref(), row)? {
                    values.push((name, value));
                }
            }
            self.builder.add(&EntityUid::new(of.name.clone(), id), values);
        }
        Ok(())
    }

    /// The world.
    ///
    /// # Errors
    /// [`Error::Caseward`] with every problem: references to entities that no frame has, required attributes that are
    /// null, an entity that comes twice and differs.
    pub fn finish(self) -> Result<World, Error> {
        Ok(self.builder.finish()?)
    }
}

/// An attribute, the column that holds it, its type and the cells.
type Held<'a> = (&'a str, String, &'a Type, ArrayRef);

fn attributes<'a>(
    of: &'a EntityType,
    columns: &Columns,
    batch: &RecordBatch,
) -> Result<Vec<Held<'a>>, Error> {
    let schema = batch.schema();
    for name in columns.named.keys() {
        position(&schema, name)?;
    }
    let mut held: Vec<Held<'a>> = Vec::new();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let column = field.name();
        if *column == columns.id {
            continue;
        }
        position(&schema, column)?;
        let name = match columns.named.get(column) {
            Some(None) => continue,
            Some(Some(name)) => name,
            None => column,
        };
        let Some((name, attribute)) = of.attributes.iter().find(|(known, _)| **known == **name) else {
            return Err(Error::frame(format!(
                "column `{column}`: `{}` has no attribute `{name}`: say which attribute it holds, or that it is left out",
                of.name
            )));
        };
        if held.iter().any(|(other, ..)| **other == **name) {
            return Err(Error::frame(format!(
                "column `{column}`: the attribute `{name}` is in another column too"
            )));
        }
        held.push((
            name,
            column.clone(),
            &attribute.ty,
            whole(array).map_err(|error| Error::of_column(column, &error))?,
        ));
    }
    Ok(held)
}

/// A dictionary's values in their rows.
pub(crate) fn whole(array: &ArrayRef) -> Result<ArrayRef, arrow_schema::ArrowError> {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values().as_ref(), dictionary.keys(), None),
        None => Ok(array.clone()),
    }
}

impl Cell<'_> {
    pub(crate) fn refused(&self, why: impl std::fmt::Display) -> Error {
        Error::frame(format!("column `{}`, row {}: {why}", self.column, self.row))
    }

    /// The value of a cell as an attribute's; `None` for null.
    pub(crate) fn value(&self, ty: &Type, array: &dyn Array, row: usize) -> Result<Option<Value>, Error> {
        if array.is_null(row) || *array.data_type() == DataType::Null {
            return Ok(None);
        }
        let found = match ty {
            Type::Bool => array.as_boolean_opt().map(|all| Value::Bool(all.value(row))),
            Type::Long => self.long(array, row)?.map(Value::Long),
            Type::String => text(array, row).map(Value::string),
            Type::Entity(of) => text(array, row).map(|id| {
                let name = self.schema.entity_type(*of).map_or("", |of| of.name.as_ref());
                Value::Entity(EntityUid::new(name, id))
            }),
            Type::Set(of) => self.set(of, array, row)?,
            Type::Record(fields) => match array.as_struct_opt() {
                None => None,
                Some(record) => {
                    let mut values = BTreeMap::new();
                    for (name, cells) in record.column_names().into_iter().zip(record.columns()) {
                        let field = fields
                            .get(name)
                            .ok_or_else(|| self.refused(format!("it has no field `{name}`")))?;
                        if let Some(value) = self.value(&field.ty, cells.as_ref(), row)? {
                            values.insert(Arc::from(name), value);
                        }
                    }
                    Some(Value::Record(values))
                }
            },
            Type::Decimal => self.decimal(array, row)?.map(Value::Decimal),
            Type::Ip => text(array, row).map(|text| self.ip(text)).transpose()?,
            Type::Datetime => self.datetime(array, row)?.map(Value::Datetime),
            Type::Duration => self.duration(array, row)?.map(Value::Duration),
        };
        match found {
            Some(value) => Ok(Some(value)),
            None => {
                Err(self.refused(format!("expected {}, found {}", self.schema.show(ty), array.data_type())))
            }
        }
    }

    fn long(&self, array: &dyn Array, row: usize) -> Result<Option<i64>, Error> {
        macro_rules! of {
            ($($ty:ident),*) => {
                $(if let Some(all) = array.as_primitive_opt::<$ty>() {
                    return Ok(Some(all.value(row).into()));
                })*
            };
        }
        of!(Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type);
        let Some(all) = array.as_primitive_opt::<UInt64Type>() else { return Ok(None) };
        let value = i64::try_from(all.value(row));
        value.map(Some).map_err(|_| self.refused(format!("{} is more than a Long can hold", all.value(row))))
    }

    fn set(&self, of: &Type, array: &dyn Array, row: usize) -> Result<Option<Value>, Error> {
        let entries = match array.data_type() {
            DataType::List(_) => array.as_list::<i32>().value(row),
            DataType::LargeList(_) => array.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
            _ => return Ok(None),
        };
        let entries = whole(&entries).map_err(|error| Error::of_column(self.column, &error))?;
        let entry = |at| {
            let value = self.value(of, entries.as_ref(), at)?;
            value.ok_or_else(|| self.refused("a set has no null among its elements"))
        };
        Ok(Some(Value::Set((0..entries.len()).map(entry).collect::<Result<_, _>>()?)))
    }

    fn decimal(&self, array: &dyn Array, row: usize) -> Result<Option<i64>, Error> {
        let (Some(all), DataType::Decimal128(_, scale)) =
            (array.as_primitive_opt::<Decimal128Type>(), array.data_type())
        else {
            return Ok(None);
        };
        let (value, shift) = (all.value(row), 4 - i32::from(*scale));
        let factor = 10i128.checked_pow(shift.unsigned_abs());
        let scaled = match (shift >= 0, factor) {
            (true, Some(factor)) => value.checked_mul(factor),
            (false, Some(factor)) if value % factor == 0 => Some(value / factor),
            _ => None,
        };
        let fits = scaled.and_then(|value| i64::try_from(value).ok());
        let why = "a decimal has up to four places and 15 digits before them";
        fits.map(Some).ok_or_else(|| self.refused(why))
    }

    fn ip(&self, text: &str) -> Result<Value, Error> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, rest)| (address, Some(rest)));
        let refuse = || self.refused(format!("`{text}` is no address"));
        let address: std::net::IpAddr = address.parse().map_err(|_| refuse())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), |prefix| prefix.parse().map_err(|_| refuse()))?;
        if prefix > most { Err(refuse()) } else { Ok(Value::Ip(Ip { address, prefix })) }
    }

    /// Milliseconds, down to the whole one.
    fn datetime(&self, array: &dyn Array, row: usize) -> Result<Option<i64>, Error> {
        let DataType::Timestamp(unit, zone) = array.data_type() else { return Ok(None) };
        if zone.is_none() {
            return Err(
                self.refused("the timestamp has no zone, so that it does not say which instant it is")
            );
        }
        let value = match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
            TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
        };
        self.milliseconds(value, *unit).map(Some)
    }

    fn duration(&self, array: &dyn Array, row: usize) -> Result<Option<i64>, Error> {
        let DataType::Duration(unit) = array.data_type() else { return Ok(None) };
        let value = match unit {
            TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row),
            TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row),
            TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
            TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row),
        };
        self.milliseconds(value, *unit).map(Some)
    }

    fn milliseconds(&self, value: i64, unit: TimeUnit) -> Result<i64, Error> {
        match unit {
            TimeUnit::Second => value.checked_mul(1_000).ok_or_else(|| {
                self.refused(format!("{value} seconds are more milliseconds than 64 bits can hold"))
            }),
            TimeUnit::Millisecond => Ok(value),
            TimeUnit::Microsecond => Ok(value.div_euclid(1_000)),
            TimeUnit::Nanosecond => Ok(value.div_euclid(1_000_000)),
        }
    }
}

fn text(array: &dyn Array, row: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(array.as_string_view().value(row)),
        _ => None,
    }
}
