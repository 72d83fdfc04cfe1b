//! Streams of batches, out to whoever reads Arrow.
//!
//! INVARIANT: nothing panics behind the interface of C, where it would end the process.
//! INVARIANT: nothing asks for the interpreter there. A library that calls back may have released it without a word, on a
//! thread that has it as far as this module knows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use caseward_arrow::{Error, Ids};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::{ArrayIterator, to_stream_pycapsule};

use crate::error::OrRaise;
use crate::gate::{called_back, released};
use crate::pickle;

/// What is done with each batch, given the number of its first row.
type Work = Arc<dyn Fn(&RecordBatch, u64) -> Result<RecordBatch, Error> + Send + Sync>;

/// A stream whose batches are gone through one by one, as they are asked for.
pub(crate) struct Reader {
    from: Box<dyn RecordBatchReader + Send>,
    schema: SchemaRef,
    work: Work,
    at: u64,
    /// What is left of a batch.
    open: Option<RecordBatch>,
    is_over: bool,
}

/// Rows that are gone through at once.
const ROWS: usize = 262_144;

impl Reader {
    pub(crate) fn new(from: Box<dyn RecordBatchReader + Send>, schema: SchemaRef, work: Work) -> Self {
        Reader { from, schema, work, at: 0, open: None, is_over: false }
    }

    /// The next rows of the stream, some at a time: a batch may be as long as the frame.
    fn next_rows(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let batch = match self.open.take() {
            Some(batch) => batch,
            None => match self.from.next()? {
                Ok(batch) => batch,
                Err(error) => {
                    let why = format!("the frame's stream failed behind row {}: {}", self.at, told(&error));
                    return Some(Err(ArrowError::ExternalError(why.into())));
                }
            },
        };
        let rows = batch.num_rows().min(ROWS);
        if rows < batch.num_rows() {
            self.open = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        Some(Ok(batch.slice(0, rows)))
    }

    fn step(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let batch = match self.next_rows()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let (at, work) = (self.at, self.work.clone());
        self.at = self.at.saturating_add(batch.num_rows() as u64);
        let done = called_back(|| checked(&batch, at).and_then(|()| work(&batch, at)));
        Some(
            done.map_err(|error| {
                ArrowError::ExternalError(error.to_string().replace('\0', "\u{fffd}").into())
            }),
        )
    }
}

/// The batches of a stream, as long as they are what its schema says.
pub(crate) fn read(
    from: Box<dyn RecordBatchReader + Send>,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
    let schema = from.schema();
    Reader::new(from, schema, Arc::new(|batch, _| Ok(batch.clone())))
}

/// Refuses a batch whose columns are not what its schema says.
fn checked(batch: &RecordBatch, at: u64) -> Result<(), Error> {
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        column.to_data().validate_full().map_err(|error| {
            Error::Frame(format!("column `{}`, in the batch from row {at}: {error}", field.name()))
        })?;
    }
    Ok(())
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = catch_unwind(AssertUnwindSafe(|| self.step())).unwrap_or_else(|_| {
            let why = format!("the batch from row {} is not what its schema says", self.at);
            Some(Err(ArrowError::ExternalError(why.into())))
        });
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// What an error says, without the names of Arrow's own kinds of errors.
pub(crate) fn told(error: &ArrowError) -> String {
    match error {
        ArrowError::ExternalError(error) => error.to_string(),
        ArrowError::CDataInterface(why) => why.clone(),
        other => other.to_string(),
    }
    .replace('\0', "\u{fffd}")
}

/// Batches of Arrow for any library that reads them: `polars.DataFrame(batches)`, `pyarrow.table(batches)`, DuckDB by
/// the name of the variable.
///
/// What comes of a stream can be read once, as the stream itself.
#[pyclass(frozen, module = "caseward")]
pub(crate) struct Batches {
    of: Of,
}

enum Of {
    /// Boxed: it is moved out to be read.
    Once(Mutex<Option<Box<Reader>>>),
    Ids(Box<Ids>),
}

impl Batches {
    pub(crate) fn once(reader: Reader) -> Self {
        Batches { of: Of::Once(Mutex::new(Some(Box::new(reader)))) }
    }

    pub(crate) fn ids(ids: Ids) -> Self {
        Batches { of: Of::Ids(Box::new(ids)) }
    }
}

#[pymethods]
impl Batches {
    /// The batches by Arrow's interface of C.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        match &self.of {
            Of::Ids(ids) => stream_of_ids(py, ids, requested_schema),
            Of::Once(reader) => {
                let taken = reader.lock().unwrap_or_else(PoisonError::into_inner).take();
                let reader = taken.ok_or_else(|| {
                    PyValueError::new_err("the stream was read before, and can be read once: make it anew")
                })?;
                stream(py, reader.schema.clone(), reader, requested_schema)
            }
        }
    }

    fn __reduce__(&self) -> PyResult<()> {
        pickle::refused("Batches", "it is a stream; read it into a frame, which can be pickled")
    }

    fn __repr__(&self) -> String {
        let schema = match &self.of {
            Of::Ids(ids) => Some(ids.schema()),
            Of::Once(reader) => {
                let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                reader.as_ref().map(|reader| reader.schema.clone())
            }
        };
        let Some(schema) = schema else { return "<Batches: read>".to_owned() };
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        format!("<Batches: {}>", names.join(", "))
    }
}

/// The ids as a stream, found as they are now.
pub(crate) fn stream_of_ids<'py>(
    py: Python<'py>,
    ids: &Ids,
    requested: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let batches = released(py, || ids.batches()).or_raise(py)?;
    stream(py, ids.schema(), batches.into_iter().map(Ok), requested)
}

/// One batch as a stream.
pub(crate) fn stream_of<'py>(
    py: Python<'py>,
    batch: RecordBatch,
    requested: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    stream(py, batch.schema(), std::iter::once(Ok(batch)), requested)
}

fn stream<'py>(
    py: Python<'py>,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    requested: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = Field::new("", DataType::Struct(schema.fields().clone()), false);
    let field = Arc::new(field.with_metadata(schema.metadata().clone()));
    let arrays = batches.map(|batch| batch.map(|batch| Arc::new(StructArray::from(batch)) as ArrayRef));
    Ok(to_stream_pycapsule(py, Box::new(ArrayIterator::new(arrays, field)), requested)?)
}
