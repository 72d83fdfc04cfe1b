//! Columns and batches of Arrow, between frames and `caseward-arrow`.
//!
//! What kind of frame somebody has is the business of `caseward/_kinds.py`; here are columns, batches and streams.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use caseward::{ActionName, Query, RequestEnvironment, Transform, TypeName};
use caseward_arrow::{Keeping, Marks, Masking, Redaction, ReleaseKey, Side, Trusting};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyString, PyTuple};
use pyo3_arrow::{PyArray, PyChunkedArray, PyRecordBatchReader};

use crate::batches::{self, Batches, Reader};
use crate::decisions::Decisions;
use crate::error::{DataError, OrRaise};
use crate::gate::released;
use crate::question;
use crate::uid;
use crate::ward::Ward;
use crate::world::World;

impl<T> OrRaise<T> for Result<T, caseward_arrow::Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| match error {
            caseward_arrow::Error::Caseward(error) => match Err::<(), _>(error).or_raise(py) {
                Err(raised) => raised,
                Ok(()) => DataError::new_err("the columns could not be read"),
            },
            other => DataError::new_err(other.to_string()),
        })
    }
}

/// Names the column of a frame that holds ids of entities of a type: who asks, in `ward.mask` and `ward.keep`.
///
/// >>> Column("User", "worker")
/// Column('User', 'worker')
#[pyclass(frozen, eq, hash, module = "caseward")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Column {
    ty: String,
    name: String,
}

#[pymethods]
impl Column {
    #[new]
    #[pyo3(signature = (r#type, name))]
    fn new(r#type: String, name: String) -> Self {
        Column { ty: r#type, name }
    }

    /// The entity type, with its namespace.
    #[getter]
    fn r#type(&self) -> &str {
        &self.ty
    }

    /// The column's name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn __getnewargs__(&self) -> (&str, &str) {
        (&self.ty, &self.name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let quoted = |text: &str| PyString::new(py, text).repr().map(|text| text.to_string());
        Ok(format!("Column({}, {})", quoted(&self.ty)?, quoted(&self.name)?))
    }
}

/// Hands a call on to the module that knows kinds of frames, which no other call imports.
pub(crate) fn python<'py>(
    ward: &Bound<'py, Ward>,
    name: &str,
    given: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = ward.py();
    let all = std::iter::once(Ok(ward.clone().into_any())).chain(given.try_iter()?);
    let all = PyTuple::new(py, all.collect::<PyResult<Vec<_>>>()?)?;
    py.import("caseward._frames")?.getattr(name)?.call(all, named)
}

/// The question of a call: the action's name, the type, the circumstances.
type Asked<'py> = (String, String, Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// Decides rows: `ids` is a column of ids, `who` one entity, or a type and a column of ids.
#[pyfunction]
#[pyo3(signature = (ward, world, ids, who, asked, names))]
pub(crate) fn _mask<'py>(
    py: Python<'py>,
    ward: &Bound<'py, Ward>,
    world: &Bound<'py, World>,
    ids: &Bound<'py, PyAny>,
    who: &Bound<'py, PyAny>,
    asked: Asked<'py>,
    names: (String, String),
) -> PyResult<Decisions> {
    let (action, resource_type, context, now) = asked;
    let (ward, world) = (&ward.get().ward, &world.get().world);
    let action = ActionName::new(action);
    let context = question::context(ward, &action, context.as_ref(), now.as_ref(), py)?;
    let resources = Side::Column(ids_of(py, ids, &names.0)?);
    let (ty, principals) = match typed(who)? {
        Some((ty, of)) => (ty, Side::Column(ids_of(py, &of, &names.1)?)),
        None => {
            let uid = uid::of(who)?;
            (uid.type_name().to_owned(), Side::One(uid.id().to_owned()))
        }
    };
    let environment = RequestEnvironment::new(TypeName::new(&ty), action, TypeName::new(resource_type));
    let masking = Masking { ward, world, environment: &environment, context: &context };
    let mask = released(py, || guarded(|| masking.mask(&principals, &resources)));
    let mask = mask.or_raise(py)?;
    let bytes = bytes(py, &mask.allowed);
    let provenance = mask.provenance;
    Ok(Decisions::again(bytes.unbind(), provenance.policy_hash.to_string(), provenance.version))
}

/// A type and a column of ids, where that is what is given.
fn typed<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<(String, Bound<'py, PyAny>)>> {
    let Ok(pair) = given.cast::<PyTuple>() else { return Ok(None) };
    if pair.len() != 2 {
        return Ok(None);
    }
    let (ty, ids) = (pair.get_item(0)?, pair.get_item(1)?);
    match ty.cast::<PyString>() {
        Ok(ty) if !ids.is_instance_of::<PyString>() => Ok(Some((ty.to_str()?.to_owned(), ids))),
        _ => Ok(None),
    }
}

/// Decides rows by columns of their own: `columns` says which attribute of the record each holds.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "who asks what of which frame, and what its columns hold")]
pub(crate) fn _trusted<'py>(
    py: Python<'py>,
    ward: &Bound<'py, Ward>,
    world: &Bound<'py, World>,
    stream: &Bound<'py, PyAny>,
    who: &Bound<'py, PyAny>,
    asked: Asked<'py>,
    id: &str,
    columns: BTreeMap<String, String>,
) -> PyResult<Decisions> {
    let (action, resource_type, context, now) = asked;
    let (ward, world) = (&ward.get().ward, &world.get().world);
    let action = ActionName::new(action);
    let context = question::context(ward, &action, context.as_ref(), now.as_ref(), py)?;
    let query = Query::new(uid::of(who)?, action, TypeName::new(resource_type)).in_context(context);
    let trusting = released(py, || Trusting::new(ward, world, &query, id, &columns)).or_raise(py)?;
    let (mut allowed, mut from) = (Vec::new(), 0u64);
    let reader = reader(stream)?;
    let empty = RecordBatch::new_empty(reader.schema());
    trusting.decided(&empty, 0).or_raise(py)?;
    for batch in batches::read(reader) {
        py.check_signals()?;
        let batch = batch.map_err(|error| DataError::new_err(batches::told(&error)))?;
        allowed.extend(released(py, || guarded(|| trusting.decided(&batch, from))).or_raise(py)?);
        from = from.saturating_add(batch.num_rows() as u64);
    }
    let provenance = trusting.provenance();
    let (hash, version) = (provenance.policy_hash.to_string(), provenance.version);
    Ok(Decisions::again(bytes(py, &allowed).unbind(), hash, version))
}

/// Keeps the rows of a stream of batches that one person may do something to.
#[pyfunction]
pub(crate) fn _kept<'py>(
    py: Python<'py>,
    ward: &Bound<'py, Ward>,
    world: &Bound<'py, World>,
    stream: &Bound<'py, PyAny>,
    who: &Bound<'py, PyAny>,
    asked: Asked<'py>,
    id: &str,
) -> PyResult<Batches> {
    let (action, resource_type, context, now) = asked;
    let (ward, world) = (&ward.get().ward, &world.get().world);
    let action = ActionName::new(action);
    let context = question::context(ward, &action, context.as_ref(), now.as_ref(), py)?;
    let query = Query::new(uid::of(who)?, action, TypeName::new(resource_type)).in_context(context);
    let reader = reader(stream)?;
    let visible = released(py, || ward.visible(world, &query)).or_raise(py)?;
    let keeping = Keeping::new(visible, id);
    // Of no batch, what is wrong with the schema is told all the same.
    let schema = reader.schema();
    let empty = arrow_array::RecordBatch::new_empty(schema.clone());
    keeping.kept(&empty, 0).or_raise(py)?;
    Ok(Batches::once(Reader::new(reader, schema, Arc::new(move |batch, from| keeping.kept(batch, from)))))
}

/// The rows of a stream of batches that were decided to stay.
#[pyfunction]
pub(crate) fn _chosen(stream: &Bound<'_, PyAny>, decided: &Bound<'_, Decisions>) -> PyResult<Batches> {
    let reader = reader(stream)?;
    let schema = reader.schema();
    let stays = decided.get().to_bools(stream.py());
    let choose = move |batch: &arrow_array::RecordBatch, from: u64| {
        let start = usize::try_from(from).unwrap_or(usize::MAX);
        let end = start.saturating_add(batch.num_rows());
        caseward_arrow::chosen(batch, stays.get(start..end).unwrap_or_default())
    };
    Ok(Batches::once(Reader::new(reader, schema, Arc::new(choose))))
}

/// How a frame is redacted, as `caseward/_frames.py` has it.
#[derive(FromPyObject)]
pub(crate) struct How {
    /// The column of ids.
    id: String,
    /// The columns with their fields.
    columns: Vec<(String, String)>,
    /// A text that marks what is withheld.
    marker: Option<String>,
    /// Or the ending of the columns that do.
    ending: Option<String>,
    /// The columns that the frame is filtered, sorted or joined by.
    by: Vec<String>,
    /// The columns that are released in another form.
    transforms: Vec<(String, String)>,
    /// The secret by which values are hashed.
    release_key: Option<PyBackedBytes>,
}

impl How {
    /// A redaction in the forms that the caller asks for and the catalogue allows.
    fn released(&self, py: Python<'_>, redaction: Redaction) -> PyResult<Redaction> {
        let forms = self.transforms.iter().map(|(column, form)| Ok((column.clone(), form.parse()?)));
        let forms: Vec<(String, Transform)> = forms.collect::<Result<_, caseward::Error>>().or_raise(py)?;
        redaction.released(&forms, release_key(py, self.release_key.as_ref())?.as_ref()).or_raise(py)
    }
}

fn release_key(py: Python<'_>, bytes: Option<&PyBackedBytes>) -> PyResult<Option<ReleaseKey>> {
    bytes.map(|bytes| ReleaseKey::new(bytes)).transpose().or_raise(py)
}

/// Redacts a stream of batches; or only looks whether it is in order to filter, sort or join by some of its columns.
#[pyfunction]
#[pyo3(signature = (ward, world, stream, who, asked, how, look = false))]
#[expect(clippy::too_many_arguments, reason = "who sees what of which frame, and how")]
pub(crate) fn _redacted<'py>(
    py: Python<'py>,
    ward: &Bound<'py, Ward>,
    world: &Bound<'py, World>,
    stream: &Bound<'py, PyAny>,
    who: &Bound<'py, PyAny>,
    asked: Asked<'py>,
    how: How,
    look: bool,
) -> PyResult<Option<Batches>> {
    let marks = match (how.marker.clone(), how.ending.clone()) {
        (Some(text), _) => Marks::Text(text),
        (None, Some(ending)) => Marks::Column(ending),
        (None, None) => Marks::None,
    };
    let reader = reader(stream)?;
    let (columns, fields): (Vec<String>, Vec<String>) = how.columns.iter().cloned().unzip();
    let seen = seen(py, ward, world, who, asked, &fields)?;
    let redaction = how.released(py, Redaction::new(seen, &how.id, columns, marks).or_raise(py)?)?;
    let schema = redaction.schema(&reader.schema()).or_raise(py)?;
    if !look {
        let redact = move |batch: &_, from| redaction.redacted(batch, from);
        return Ok(Some(Batches::once(Reader::new(reader, schema, Arc::new(redact)))));
    }
    let empty = arrow_array::RecordBatch::new_empty(reader.schema());
    redaction.require(&empty, &how.by, 0).or_raise(py)?;
    let nothing = arrow_array::RecordBatch::new_empty(schema.clone());
    let require = move |batch: &_, from| redaction.require(batch, &how.by, from).map(|()| nothing.clone());
    let mut all = Reader::new(reader, schema, Arc::new(require));
    let failed = released(py, || all.find_map(Result::err));
    failed.map_or(Ok(None), |error| Err(DataError::new_err(batches::told(&error))))
}

fn seen(
    py: Python<'_>,
    ward: &Bound<'_, Ward>,
    world: &Bound<'_, World>,
    who: &Bound<'_, PyAny>,
    asked: Asked<'_>,
    fields: &[String],
) -> PyResult<caseward::Seen> {
    let (_, resource_type, context, now) = asked;
    let (ward, world) = (&ward.get().ward, &world.get().world);
    let (who, ty) = (uid::of(who)?, TypeName::new(&resource_type));
    let (context, now) = (context.as_ref(), now.as_ref());
    let any = caseward::EntityUid::new(resource_type, "");
    let context = question::context_for(ward, (&who, &any), context, now, py)?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    released(py, || ward.seen(world, &who, &ty, &fields, &context)).or_raise(py)
}

/// Of the rows of a column of ids, which the person may know of, and of which each field is shown: a byte a row.
#[pyfunction]
pub(crate) fn _seen<'py>(
    py: Python<'py>,
    ward: &Bound<'py, Ward>,
    world: &Bound<'py, World>,
    ids: &Bound<'py, PyAny>,
    who: &Bound<'py, PyAny>,
    asked: Asked<'py>,
    how: How,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    let ids = ids_of(py, ids, &how.id)?;
    let (columns, fields): (Vec<String>, Vec<String>) = how.columns.iter().cloned().unzip();
    let seen = seen(py, ward, world, who, asked, &fields)?;
    how.released(py, Redaction::new(seen.clone(), &how.id, columns, Marks::None).or_raise(py)?)?;
    let (known, fields) = released(py, || caseward_arrow::seen_of(&seen, &ids));
    Ok((bytes(py, &known), fields.iter().map(|shown| bytes(py, shown)).collect()))
}

/// The one column of a stream, of cells that are shown, in a form that tells less.
#[pyfunction]
pub(crate) fn _formed(
    py: Python<'_>,
    stream: &Bound<'_, PyAny>,
    transform: &str,
    key: Option<PyBackedBytes>,
) -> PyResult<Batches> {
    let transform: Transform = transform.parse::<Transform>().or_raise(py)?;
    let (reader, key) = (reader(stream)?, release_key(py, key.as_ref())?);
    let form = move |batch: &RecordBatch| {
        let given = batch.schema();
        let of = given.fields().iter().zip(batch.columns());
        let of = of.map(|(field, column)| {
            let formed = caseward_arrow::formed(field.name(), column, transform, key.as_ref())?;
            Ok((field.name().clone(), formed, true))
        });
        let columns: Vec<_> = of.collect::<Result<_, caseward_arrow::Error>>()?;
        RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| caseward_arrow::Error::Frame(error.to_string()))
    };
    let schema = form(&RecordBatch::new_empty(reader.schema())).or_raise(py)?.schema();
    Ok(Batches::once(Reader::new(reader, schema, Arc::new(move |batch, _| form(batch)))))
}

/// A type, its rows, the column of ids, and columns that are called otherwise than their attribute, or left out.
type Given<'py> = (String, Bound<'py, PyAny>, String, BTreeMap<String, Option<String>>);

/// A world of frames, each of the entities of a type.
#[pyfunction]
pub(crate) fn _world(py: Python<'_>, ward: &Bound<'_, Ward>, given: Vec<Given<'_>>) -> PyResult<World> {
    let mut loading = caseward_arrow::Loading::new(&ward.get().ward);
    for (ty, stream, id, named) in given {
        let (columns, mut from) = (caseward_arrow::Columns { id, named }, 0u64);
        let of_type = |error: caseward_arrow::Error| match error {
            caseward_arrow::Error::Frame(why) => caseward_arrow::Error::Frame(format!("`{ty}`: {why}")),
            other => other,
        };
        let reader = reader(&stream)?;
        let empty = arrow_array::RecordBatch::new_empty(reader.schema());
        loading.take(&ty, &columns, &empty, 0).map_err(of_type).or_raise(py)?;
        for batch in batches::read(reader) {
            py.check_signals()?;
            let batch =
                batch.map_err(|error| DataError::new_err(format!("`{ty}`: {}", batches::told(&error))))?;
            let rows = batch.num_rows() as u64;
            released(py, || guarded(|| loading.take(&ty, &columns, &batch, from)))
                .map_err(of_type)
                .or_raise(py)?;
            from = from.saturating_add(rows);
        }
    }
    released(py, || loading.finish()).or_raise(py).map(World::from)
}

fn bytes<'py>(py: Python<'py>, all: &[bool]) -> Bound<'py, PyBytes> {
    let all: Vec<u8> = all.iter().map(|is| u8::from(*is)).collect();
    PyBytes::new(py, &all)
}

/// A stream of batches.
fn reader(given: &Bound<'_, PyAny>) -> PyResult<Box<dyn arrow_array::RecordBatchReader + Send>> {
    let read = || given.extract::<PyRecordBatchReader>()?.into_reader();
    let refuse = |why: String| DataError::new_err(format!("the frame is no stream of batches: {why}"));
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(reader) => reader.map_err(|error| refuse(error.to_string())),
        Err(_) => Err(refuse("it is not what its schema says".to_owned())),
    }
}

/// A column of ids: by Arrow's interface where it has that, else one by one.
fn ids_of(py: Python<'_>, given: &Bound<'_, PyAny>, name: &str) -> PyResult<caseward_arrow::Column> {
    let has = |what| given.hasattr(what);
    let chunks = match has("__arrow_c_stream__")? || has("__arrow_c_array__")? {
        true => chunks(given, name)?,
        false => vec![one_by_one(given, name)?],
    };
    released(py, || guarded(|| caseward_arrow::Column::new(name, chunks))).or_raise(py)
}

fn chunks(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<ArrayRef>> {
    let read = || match given.hasattr("__arrow_c_stream__")? {
        true => given.extract::<PyChunkedArray>().map(|all| all.into_inner().0),
        false => given.extract::<PyArray>().map(|one| vec![one.into_inner().0]),
    };
    let refuse = |why: String| DataError::new_err(format!("column `{name}`: {why}"));
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error: PyErr| refuse(error.to_string())),
        Err(_) => Err(refuse("it is not what its schema says".to_owned())),
    }
}

/// Ids as Python has them: None, NaN and what pandas has for nothing are null.
fn one_by_one(given: &Bound<'_, PyAny>, name: &str) -> PyResult<ArrayRef> {
    let mut all = LargeStringBuilder::new();
    for (row, id) in given.try_iter()?.enumerate() {
        let id = id?;
        if let Ok(text) = id.cast::<PyString>() {
            all.append_value(text.to_str()?);
        } else if id.is_none() || is_nothing(&id)? {
            all.append_null();
        } else {
            return Err(DataError::new_err(format!(
                "column `{name}`, row {row}: an id is text, found {}",
                id.get_type().name()?
            )));
        }
    }
    Ok(Arc::new(all.finish()))
}

fn is_nothing(id: &Bound<'_, PyAny>) -> PyResult<bool> {
    if let Ok(number) = id.cast::<PyFloat>() {
        return Ok(number.value().is_nan());
    }
    let name = id.get_type().name()?;
    Ok(matches!(name.to_str()?, "NAType" | "NaTType"))
}

/// What panics within Arrow, of an array that is not what it says, is an error like any other.
pub(crate) fn guarded<T>(
    work: impl FnOnce() -> Result<T, caseward_arrow::Error>,
) -> Result<T, caseward_arrow::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(caseward_arrow::Error::Frame("a column is not what its schema says".to_owned()))
    })
}

/// The decisions as Arrow's array, from a byte each.
pub(crate) fn booleans(bytes: &[u8]) -> BooleanArray {
    let all: Vec<bool> = bytes.iter().map(|byte| *byte == 1).collect();
    let array = BooleanArray::from(all);
    debug_assert_eq!(array.null_count(), 0);
    array
}
