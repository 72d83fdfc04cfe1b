//! Columns in a form that tells less: the year of a date, part of a text, a keyed hash.
//!
//! INVARIANT: what comes out is made of the cells that it is given alone, and null stays null: what was withheld before is
//! withheld behind it.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, LargeStringBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::as_datetime;
use arrow_array::timezone::Tz;
use arrow_array::types::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::take::take;
use caseward::{ReleaseKey, Transform};
use chrono::{Datelike as _, NaiveDateTime, TimeZone as _, Utc};

use crate::error::Error;

/// A column in a form that tells less, whoever may see it: for frames whose cells are withheld elsewhere, as pandas' are.
///
/// # Errors
/// [`Error::Frame`], which names the column, for a type that the form is not made of, and for a hash without a key.
pub fn formed(
    column: &str,
    array: &ArrayRef,
    transform: Transform,
    key: Option<&ReleaseKey>,
) -> Result<ArrayRef, Error> {
    Made::new(transform, column, key)?.of(column, array)
}

/// A transform with what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Year,
    FirstPart,
    LastPart,
    Hash(ReleaseKey),
}

impl Made {
    /// # Errors
    /// [`Error::Frame`] for a hash without a key.
    pub(crate) fn new(transform: Transform, column: &str, key: Option<&ReleaseKey>) -> Result<Self, Error> {
        match (transform, key) {
            (Transform::Year, _) => Ok(Made::Year),
            (Transform::FirstPart, _) => Ok(Made::FirstPart),
            (Transform::LastPart, _) => Ok(Made::LastPart),
            (Transform::Hash, Some(key)) => Ok(Made::Hash(key.clone())),
            (Transform::Hash, None) => Err(Error::frame(format!(
                "column `{column}` is to be hashed: give the key of the release, which is drawn for it"
            ))),
            (other, _) => {
                Err(Error::frame(format!("column `{column}`: `{other}` is not known to columns yet")))
            }
        }
    }

    /// What a column of a type becomes.
    ///
    /// # Errors
    /// [`Error::Frame`], which names the column, for a type that it is not made of.
    pub(crate) fn of_type(&self, column: &str, ty: &DataType) -> Result<DataType, Error> {
        let plain = match ty {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        match (self, plain) {
            (Made::Year, DataType::Date32 | DataType::Date64 | DataType::Null) => Ok(DataType::Int32),
            (Made::Year, DataType::Timestamp(_, zone)) => match zone.as_deref().map(str::parse::<Tz>) {
                Some(Err(error)) => Err(Error::of_column(column, &error)),
                _ => Ok(DataType::Int32),
            },
            (Made::Year, _) => Err(Error::frame(format!(
                "column `{column}` holds {ty}, and a year is one of a date or a timestamp: cast it"
            ))),
            (_, DataType::LargeUtf8) => Ok(DataType::LargeUtf8),
            (_, DataType::Utf8 | DataType::Utf8View | DataType::Null) => Ok(DataType::Utf8),
            (Made::Hash(_), _) => Err(Error::frame(format!(
                "column `{column}` holds {ty}, and what is hashed is text: cast it"
            ))),
            _ => Err(Error::frame(format!("column `{column}` holds {ty}, and parts are parts of a text"))),
        }
    }

    /// The column in this form.
    ///
    /// # Errors
    /// As [`Made::of_type`]; for a date beyond what the calendar has.
    pub(crate) fn of(&self, column: &str, array: &ArrayRef) -> Result<ArrayRef, Error> {
        self.of_type(column, array.data_type())?;
        // Of values that many rows share, each is made once.
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            let values = self.of(column, dictionary.values())?;
            return take(values.as_ref(), dictionary.keys(), None)
                .map_err(|error| Error::of_column(column, &error));
        }
        match self {
            Made::Year => years(column, array),
            Made::FirstPart => {
                Ok(texts(array, |text| text.split(',').next().unwrap_or(text).trim().to_owned()))
            }
            Made::LastPart => {
                Ok(texts(array, |text| text.rsplit(',').next().unwrap_or(text).trim().to_owned()))
            }
            Made::Hash(key) => Ok(texts(array, |text| key.hash(text))),
        }
    }
}

/// A text of each, in a layout that holds nothing else.
fn texts(array: &ArrayRef, form: impl Fn(&str) -> String) -> ArrayRef {
    let small = |all: &mut dyn Iterator<Item = Option<&str>>| -> ArrayRef {
        let mut out = StringBuilder::new();
        all.for_each(|text| out.append_option(text.map(&form)));
        Arc::new(out.finish())
    };
    match array.data_type() {
        DataType::LargeUtf8 => {
            let mut out = LargeStringBuilder::new();
            array.as_string::<i64>().iter().for_each(|text| out.append_option(text.map(&form)));
            Arc::new(out.finish())
        }
        DataType::Utf8 => small(&mut array.as_string::<i32>().iter()),
        DataType::Utf8View => small(&mut array.as_string_view().iter()),
        _ => small(&mut std::iter::repeat_n(None, array.len())),
    }
}

/// The year of each: of a timestamp with a zone there, of one without as the clock showed it.
fn years(column: &str, array: &ArrayRef) -> Result<ArrayRef, Error> {
    match array.data_type() {
        DataType::Date32 => years_of::<Date32Type>(column, array, None),
        DataType::Date64 => years_of::<Date64Type>(column, array, None),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_deref().map(str::parse::<Tz>).transpose();
            let zone = zone.map_err(|error| Error::of_column(column, &error))?;
            match unit {
                TimeUnit::Second => years_of::<TimestampSecondType>(column, array, zone),
                TimeUnit::Millisecond => years_of::<TimestampMillisecondType>(column, array, zone),
                TimeUnit::Microsecond => years_of::<TimestampMicrosecondType>(column, array, zone),
                TimeUnit::Nanosecond => years_of::<TimestampNanosecondType>(column, array, zone),
            }
        }
        _ => {
            let mut out = Int32Builder::new();
            out.append_nulls(array.len());
            Ok(Arc::new(out.finish()))
        }
    }
}

fn years_of<T: ArrowPrimitiveType>(
    column: &str,
    array: &ArrayRef,
    zone: Option<Tz>,
) -> Result<ArrayRef, Error>
where
    i64: From<T::Native>,
{
    let mut out = Int32Builder::new();
    for (row, value) in array.as_primitive::<T>().iter().enumerate() {
        let year = |value| -> Option<i32> {
            let at: NaiveDateTime = as_datetime::<T>(i64::from(value))?;
            Some(zone.map_or(at, |zone| Utc.from_utc_datetime(&at).with_timezone(&zone).naive_local()).year())
        };
        match value.map(year) {
            Some(None) => {
                let why = format!("column `{column}`, row {row}: the calendar has no such date");
                return Err(Error::frame(why));
            }
            found => out.append_option(found.flatten()),
        }
    }
    Ok(Arc::new(out.finish()))
}
