//! The rows of a frame that a person may do something to.

use arrow_array::{RecordBatch, UInt64Array};
use arrow_schema::Schema;
use caseward::Visible;

use crate::error::Error;
use crate::fresh::taken;
use crate::text::Column;

/// Ids that are looked up together.
const TOGETHER: usize = 256;

/// Keeps the rows of batches whose ids are among the entities that were found: all of them of one version of the data,
/// however long the stream is.
#[derive(Clone, Debug)]
pub struct Keeping {
    visible: Visible,
    id: String,
}

impl Keeping {
    /// Keeps rows by the ids in the column `id`.
    pub fn new(visible: Visible, id: &str) -> Self {
        Keeping { visible, id: id.to_owned() }
    }

    /// The rows of a batch that stay. `from` is the number of its first row, for errors.
    ///
    /// # Errors
    /// [`Error::Frame`] for a batch without that column, with two of them, or with one that holds no text.
    pub fn kept(&self, batch: &RecordBatch, from: u64) -> Result<RecordBatch, Error> {
        let at = position(&batch.schema(), &self.id)?;
        let ids = column_at(batch, at, from)?;
        let mut rows = Vec::new();
        each_number(&self.visible, &ids, |row, number| {
            if number.is_some_and(|number| self.visible.contains_number(number)) {
                rows.push(row);
            }
        });
        taken_rows(batch, &rows, &all(batch))
    }
}

/// The rows of a batch that were decided to stay, with nothing of the others in memory.
///
/// # Errors
/// [`Error::Frame`] where there are more decisions than rows, or fewer, and for layouts that cannot be looked into.
pub fn chosen(batch: &RecordBatch, stays: &[bool]) -> Result<RecordBatch, Error> {
    if stays.len() != batch.num_rows() {
        return Err(Error::frame(format!("{} rows, and {} decisions", batch.num_rows(), stays.len())));
    }
    let rows: Vec<u64> = (0u64..).zip(stays).filter(|(_, stays)| **stays).map(|(row, _)| row).collect();
    taken_rows(batch, &rows, &all(batch))
}

/// The places of every column.
fn all(batch: &RecordBatch) -> Vec<usize> {
    (0..batch.num_columns()).collect()
}

/// Some rows of some columns, with nothing of the others in memory: a copy also where all rows stay, since a batch may be
/// a slice of a longer one.
pub(crate) fn taken_rows(batch: &RecordBatch, rows: &[u64], columns: &[usize]) -> Result<RecordBatch, Error> {
    let schema = batch.schema();
    let refused = |error| Error::of_column("…", &error);
    let of = batch.project(columns).map_err(refused)?;
    let rows = UInt64Array::from(rows.to_vec());
    let taken = of.columns().iter().zip(columns).map(|(column, &at)| {
        let name = schema.fields().get(at).map_or("", |field| field.name().as_str());
        taken(column, &rows).map_err(|error| Error::of_column(name, &error))
    });
    let taken = taken.collect::<Result<Vec<_>, _>>()?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(of.schema(), taken, &options).map_err(refused)
}

/// Where a column is, which there must be one of.
pub(crate) fn position(schema: &Schema, name: &str) -> Result<usize, Error> {
    let mut places = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
    match (places.next(), places.next()) {
        (Some((at, _)), None) => Ok(at),
        (Some(_), Some(_)) => {
            Err(Error::frame(format!("the frame has two columns `{name}`: name each once")))
        }
        (None, _) => {
            let all = schema.fields().iter().map(|field| format!("`{}`", field.name()));
            let all = all.take(20).collect::<Vec<_>>().join(", ");
            Err(Error::frame(format!("the frame has no column `{name}`: it has {all}")))
        }
    }
}

/// The ids of a batch.
pub(crate) fn column_at(batch: &RecordBatch, at: usize, from: u64) -> Result<Column, Error> {
    let schema = batch.schema();
    let name = schema.fields().get(at).map_or("", |field| field.name().as_str());
    let Some(array) = batch.columns().get(at) else {
        return Err(Error::frame(format!("the frame has no column `{name}`")));
    };
    Column::new(name, vec![array.clone()]).map_err(|error| match from {
        0 => error,
        from => Error::frame(format!("{error} (in the batch from row {from})")),
    })
}

/// What the id of each row is numbered as; none for null, and for an id that nothing ever had.
pub(crate) fn each_number(of: &Visible, ids: &Column, mut then: impl FnMut(u64, Option<u32>)) {
    let mut blocks = ids.blocks(TOGETHER);
    let (mut row, mut block) = (0u64, Vec::new());
    loop {
        blocks.fill(&mut block, TOGETHER);
        if block.is_empty() {
            return;
        }
        let there: Vec<&str> = block.iter().filter_map(|id| *id).collect();
        let mut numbers = of.numbers(&there).into_iter();
        for id in &block {
            then(row, id.and_then(|_| numbers.next().flatten()));
            row += 1;
        }
    }
}

/// Of each row of a column of ids, whether the person may know of its record, and for each field whether it is shown.
pub fn seen_of(seen: &caseward::Seen, ids: &Column) -> (Vec<bool>, Vec<Vec<bool>>) {
    let mut known = Vec::with_capacity(ids.len());
    let mut fields = vec![Vec::with_capacity(ids.len()); seen.fields.len()];
    each_number(&seen.known, ids, |_, number| {
        let among = |all: &Visible| number.is_some_and(|number| all.contains_number(number));
        known.push(among(&seen.known));
        seen.fields.iter().zip(&mut fields).for_each(|(all, shown)| shown.push(among(all)));
    });
    (known, fields)
}
