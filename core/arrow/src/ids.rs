//! Ids to join with.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use caseward::{ActionName, Context, EntityUid, Request, Visible, Ward, World};

use crate::error::Error;

/// Rows of a batch.
const ROWS: usize = 65_536;
/// Bytes of text in a batch, about: its offsets have 31 bits.
const BYTES: usize = 1 << 28;

/// The entities that a person may do something to, as a table of one column of ids, or of ids with the rules behind them.
#[derive(Clone, Debug)]
pub struct Ids {
    visible: Visible,
    schema: SchemaRef,
    rules: Option<Rules>,
}

/// Who asked for what, so that it can be said why.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The policies.
    pub ward: Ward,
    /// The data.
    pub world: World,
    /// Who asked.
    pub principal: EntityUid,
    /// To do what.
    pub action: ActionName,
    /// The circumstances.
    pub context: Context,
}

impl Ids {
    /// The ids in a column of that name, with `rules` beside it as lists of text where it is known who asked.
    ///
    /// # Errors
    /// [`Error::Frame`] where both columns would have one name.
    pub fn new(visible: Visible, name: &str, rules: Option<Rules>) -> Result<Self, Error> {
        let mut fields = vec![Field::new(name, DataType::Utf8, false)];
        if rules.is_some() {
            if name == "rules" {
                return Err(Error::frame(
                    "`rules` is the name of the column of rules: name that of the ids otherwise",
                ));
            }
            let item = Field::new_list_field(DataType::Utf8, true);
            fields.push(Field::new("rules", DataType::List(Arc::new(item)), false));
        }
        Ok(Ids { visible, schema: Arc::new(Schema::new(fields)), rules })
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The table, in batches.
    ///
    /// # Errors
    /// [`Error::Caseward`] as `Ward::check`; [`Error::Changed`] where the data is not what the ids were found in any more,
    /// so that the rules could be others.
    pub fn batches(&self) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        let mut all = self.visible.ids().peekable();
        while all.peek().is_some() {
            let (mut ids, mut bytes) = (Vec::new(), 0);
            while ids.len() < ROWS && bytes < BYTES {
                let Some(id) = all.next() else { break };
                bytes += id.len();
                ids.push(id);
            }
            let mut columns: Vec<ArrayRef> = Vec::new();
            if let Some(rules) = &self.rules {
                columns.push(rules.of(&ids, &self.visible)?);
            }
            columns.insert(0, Arc::new(StringArray::from(ids)));
            let batch = RecordBatch::try_new(self.schema(), columns);
            batches.push(batch.map_err(|error: ArrowError| Error::frame(error.to_string()))?);
        }
        Ok(batches)
    }
}

impl Rules {
    fn of(&self, ids: &[&str], visible: &Visible) -> Result<ArrayRef, Error> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for id in ids {
            let resource = EntityUid::new(visible.type_name(), *id);
            let request = Request::new(self.principal.clone(), self.action.clone(), resource);
            let answer = self.ward.check(&self.world, &request.in_context(self.context.clone()))?;
            if answer.provenance.version != visible.provenance().version || !answer.is_allowed() {
                return Err(Error::Changed);
            }
            answer.rules.iter().for_each(|rule| lists.values().append_value(rule));
            lists.append(true);
        }
        Ok(Arc::new(lists.finish()))
    }
}
