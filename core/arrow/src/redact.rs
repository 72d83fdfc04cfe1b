//! The cells of a frame that a person may see.
//!
//! INVARIANT: what is withheld is in no buffer of what comes out.
//! INVARIANT: a cell that is withheld is so in every form: transforms are made of cells that are shown.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use arrow_select::zip::zip;
use caseward::{ReleaseKey, Seen, Transform, Visible};

use crate::error::Error;
use crate::fresh::fresh;
use crate::rows::{column_at, each_number, position, taken_rows};
use crate::transform::Made;

/// How a withheld cell is told from one that holds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marks {
    /// By a column beside it, of that ending: true where the cell was withheld.
    Column(String),
    /// By a text in its place, in columns of text alone.
    Text(String),
    /// Not at all: a withheld cell is null.
    None,
}

/// What a person may see of the rows of a frame, by what views of its records show them.
#[derive(Clone, Debug)]
pub struct Redaction {
    seen: Seen,
    id: String,
    /// The frame's columns, in the order of `seen.fields`.
    columns: Vec<String>,
    /// The form of each of them, where it is another than its own.
    forms: Vec<Option<Made>>,
    marks: Marks,
}

/// Where things are in a frame.
struct Layout {
    id: usize,
    /// What comes out, in the frame's order: its place, and which field it is; none for the ids.
    out: Vec<(usize, Option<usize>)>,
    schema: SchemaRef,
}

impl Redaction {
    /// Redacts by `seen`, whose fields are those of `columns` one by one; `id` is the column of ids.
    ///
    /// # Errors
    /// [`Error::Frame`] where a column is named twice, or the column of ids is mapped to a field.
    pub fn new(seen: Seen, id: &str, columns: Vec<String>, marks: Marks) -> Result<Self, Error> {
        if columns.len() != seen.fields.len() {
            return Err(Error::frame("there are more columns than fields, or fewer"));
        }
        if columns.iter().any(|column| column == id) {
            return Err(Error::frame(format!(
                "column `{id}` holds the ids, which whoever may know of a record sees: it is no field beside"
            )));
        }
        let forms = vec![None; columns.len()];
        Ok(Redaction { seen, id: id.to_owned(), columns, forms, marks })
    }

    /// The same, with some columns in a form that tells less: of cells that the person sees, and of no others. `key` is
    /// the secret of the release, by which values are hashed.
    ///
    /// # Errors
    /// [`Error::Frame`] for a column that holds no field, for a form that the catalogue does not allow of its field, and
    /// for a hash without a key.
    pub fn released(
        mut self,
        transforms: &[(String, Transform)],
        key: Option<&ReleaseKey>,
    ) -> Result<Self, Error> {
        for (column, transform) in transforms {
            let at = self.columns.iter().position(|other| other == column);
            let allowed = at.and_then(|at| self.seen.transforms.get(at));
            let (Some(allowed), Some(form)) = (allowed, at.and_then(|at| self.forms.get_mut(at))) else {
                return Err(Error::frame(format!(
                    "column `{column}` is to be released as `{transform}`, and is not among the columns of fields"
                )));
            };
            if !allowed.contains(transform) {
                let all: Vec<String> = allowed.iter().map(|form| format!("`{form}`")).collect();
                let can = match all.is_empty() {
                    true => "in no form but its own".to_owned(),
                    false => format!("as {}", all.join(", ")),
                };
                return Err(Error::frame(format!(
                    "column `{column}`: the catalogue lets its field be released {can}, and not as `{transform}`"
                )));
            }
            if form.is_some() {
                return Err(Error::frame(format!("column `{column}` is to be released in two forms")));
            }
            *form = Some(Made::new(*transform, column, key)?);
        }
        Ok(self)
    }

    fn form(&self, field: usize) -> Option<&Made> {
        self.forms.get(field).and_then(Option::as_ref)
    }

    /// The schema of what comes out.
    ///
    /// # Errors
    /// [`Error::Frame`] for a frame without one of the columns, or with two of it; for a column of marks whose name
    /// another has; for a text as mark of a column that holds none.
    pub fn schema(&self, of: &Schema) -> Result<SchemaRef, Error> {
        Ok(self.layout(of)?.schema)
    }

    fn layout(&self, schema: &Schema) -> Result<Layout, Error> {
        let id = position(schema, &self.id)?;
        let mut out = vec![(id, None)];
        for (field, column) in self.columns.iter().enumerate() {
            out.push((position(schema, column)?, Some(field)));
        }
        out.sort_unstable();
        let mut fields: Vec<Field> = Vec::new();
        for (at, field) in &out {
            let Some(given) = schema.fields().get(*at) else { continue };
            let Some(field) = *field else {
                fields.push(given.as_ref().clone());
                continue;
            };
            let given = match self.form(field) {
                None => given.as_ref().clone(),
                Some(form) => Field::new(given.name(), form.of_type(given.name(), given.data_type())?, true),
            };
            match &self.marks {
                Marks::Text(_) => {
                    let ty = plain(given.data_type()).ok_or_else(|| {
                        Error::frame(format!(
                            "column `{}` holds {}, in which no text can mark what is withheld: mark it by a column",
                            given.name(),
                            given.data_type()
                        ))
                    })?;
                    fields.push(Field::new(given.name(), ty, true));
                }
                Marks::Column(ending) => {
                    fields.push(given.clone().with_nullable(true));
                    fields.push(Field::new(format!("{}{ending}", given.name()), DataType::Boolean, false));
                }
                Marks::None => fields.push(given.with_nullable(true)),
            }
        }
        for (at, field) in fields.iter().enumerate() {
            if fields.iter().take(at).any(|other| other.name() == field.name()) {
                return Err(Error::frame(format!(
                    "two columns would be called `{}`: choose another ending for the columns of marks",
                    field.name()
                )));
            }
        }
        Ok(Layout { id, out, schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())) })
    }

    /// Refuses where a column that the frame is filtered, sorted or joined by is not shown of every row that the person
    /// may know of: it would tell what is withheld.
    ///
    /// # Errors
    /// [`Error::Frame`], which says which column and not of which rows.
    pub fn require(&self, batch: &RecordBatch, by: &[String], from: u64) -> Result<(), Error> {
        let layout = self.layout(&batch.schema())?;
        let (_, numbers) = self.known(batch, &layout, from)?;
        for column in by.iter().filter(|column| **column != self.id) {
            let field = self.columns.iter().position(|other| other == column);
            let Some(shown) = field.and_then(|field| self.seen.fields.get(field)) else {
                return Err(Error::frame(format!(
                    "column `{column}` is no field of the records, so that nobody may filter, sort or join by it"
                )));
            };
            if !numbers.iter().all(|number| shown.contains_number(*number)) {
                return Err(Error::frame(format!(
                    "column `{column}` is not shown of every row: to filter, sort or join by it would tell what is \
                    withheld"
                )));
            }
        }
        Ok(())
    }

    /// What the person may see of a batch: the rows that they may know of, the ids and the columns of fields, each cell
    /// as a view of its record shows it. `from` is the number of its first row, for errors.
    ///
    /// # Errors
    /// As [`Redaction::schema`]; [`Error::Frame`] for ids that are no text, and for a layout from which nothing can be
    /// withheld for certain.
    pub fn redacted(&self, batch: &RecordBatch, from: u64) -> Result<RecordBatch, Error> {
        let layout = self.layout(&batch.schema())?;
        let (rows, numbers) = self.known(batch, &layout, from)?;
        let places: Vec<usize> = layout.out.iter().map(|(at, _)| *at).collect();
        let kept = taken_rows(batch, &rows, &places)?;
        let mut out: Vec<ArrayRef> = Vec::new();
        for ((_, field), (array, of)) in
            layout.out.iter().zip(kept.columns().iter().zip(kept.schema().fields()))
        {
            let Some(shown) = field.and_then(|field| self.seen.fields.get(field)) else {
                out.push(array.clone());
                continue;
            };
            let refused = |error| Error::of_column(of.name(), &error);
            let cells = Cells::new(shown, &numbers);
            let array = match field.and_then(|field| self.form(field)) {
                None => array,
                Some(form) => &form.of(of.name(), &cells.only_shown(array).map_err(refused)?)?,
            };
            match &self.marks {
                Marks::Text(text) => out.push(cells.marked(array, text).map_err(refused)?),
                Marks::None => out.push(cells.only_shown(array).map_err(refused)?),
                Marks::Column(_) => {
                    out.push(cells.only_shown(array).map_err(refused)?);
                    out.push(Arc::new(cells.withheld()));
                }
            }
        }
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(layout.schema, out, &options)
            .map_err(|error| Error::of_column(&self.id, &error))
    }

    /// The rows that the person may know of, with what their records are numbered as.
    fn known(&self, batch: &RecordBatch, layout: &Layout, from: u64) -> Result<(Vec<u64>, Vec<u32>), Error> {
        let ids = column_at(batch, layout.id, from)?;
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        each_number(&self.seen.known, &ids, |row, number| {
            if let Some(number) = number.filter(|number| self.seen.known.contains_number(*number)) {
                rows.push(row);
                numbers.push(number);
            }
        });
        Ok((rows, numbers))
    }
}

/// Text in a layout that a mark can be written into.
fn plain(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(ty.clone()),
        DataType::Dictionary(_, values) => plain(values),
        _ => None,
    }
}

/// Which cells of a column are shown.
struct Cells {
    shown: Vec<bool>,
    all: bool,
}

impl Cells {
    fn new(shown: &Visible, numbers: &[u32]) -> Self {
        let shown: Vec<bool> = numbers.iter().map(|number| shown.contains_number(*number)).collect();
        Cells { all: shown.iter().all(|shown| *shown), shown }
    }

    fn withheld(&self) -> BooleanArray {
        self.shown.iter().map(|shown| Some(!shown)).collect()
    }

    /// The column with null where it is withheld.
    fn only_shown(&self, array: &ArrayRef) -> Result<ArrayRef, arrow_schema::ArrowError> {
        if self.all {
            return Ok(array.clone());
        }
        // A row that is not taken would be one of another row's, under a null; what is put together is empty there.
        let shown = BooleanArray::from(self.shown.clone());
        fresh(&zip(&shown, array, &Scalar::new(new_null_array(array.data_type(), 1)))?)
    }

    /// The column with a text where it is withheld.
    fn marked(&self, array: &ArrayRef, text: &str) -> Result<ArrayRef, arrow_schema::ArrowError> {
        let array = match array.as_any_dictionary_opt() {
            Some(dictionary) => take(dictionary.values().as_ref(), dictionary.keys(), None)?,
            None => array.clone(),
        };
        let mark = one_text(array.data_type(), text);
        let shown = BooleanArray::from(self.shown.clone());
        fresh(&zip(&shown, &array, &Scalar::new(mark))?)
    }
}

/// A text in one of the layouts of text.
fn one_text(ty: &DataType, text: &str) -> ArrayRef {
    match ty {
        DataType::LargeUtf8 => Arc::new(arrow_array::LargeStringArray::from(vec![text])),
        DataType::Utf8View => Arc::new(arrow_array::StringViewArray::from(vec![text])),
        _ => Arc::new(StringArray::from(vec![text])),
    }
}
