//! The Python module `caseward._caseward`: each class wraps a type of the crate `caseward` and translates.
//!
//! INVARIANT: nothing is decided here. What comes in becomes the crate's own values, what goes out is its own
//! answer; JSON and messages are the crate's, to the byte.
//! INVARIANT: whatever may take longer than a microsecond runs with the interpreter released (`gate`), and holds no
//! lock of this module while it takes the interpreter back.

mod answer;
mod batches;
mod cases;
mod changes;
mod decisions;
mod error;
mod explanation;
mod filter;
mod frames;
mod gate;
mod html;
mod matrix;
mod mirror;
mod pickle;
mod policy;
mod question;
mod questions;
mod schema;
mod sorted;
mod store;
mod table;
mod time;
mod uid;
mod value;
mod view;
mod visible;
mod ward;
mod watch;
mod whole;
mod world;
mod zone;

use pyo3::pymodule;

/// Who may see and do what in attendance case management, decided by Cedar policies.
#[pymodule]
mod _caseward {
    #[pymodule_export]
    use crate::answer::{ActionAnswer, Answer};
    #[pymodule_export]
    use crate::batches::Batches;
    #[pymodule_export]
    use crate::cases::{Case, CaseFile, Mismatch};
    #[pymodule_export]
    use crate::changes::Changes;
    #[pymodule_export]
    use crate::decisions::Decisions;
    #[pymodule_export]
    use crate::error::{
        CasewardError, DataError, MappingError, PolicyError, ReadError, RequestError, SchemaError,
        SnapshotError, StoreError, TranslationError, VersionTimeoutError,
    };
    #[pymodule_export]
    use crate::explanation::{Condition, Edit, Explanation, Instead, Kept, Operand, Reason};
    #[pymodule_export]
    use crate::filter::{Database, Filter, Setup};
    #[pymodule_export]
    use crate::frames::{_chosen, _formed, _kept, _mask, _redacted, _seen, _trusted, _world, Column};
    #[pymodule_export]
    use crate::matrix::Matrix;
    #[pymodule_export]
    use crate::mirror::{Mirror, Mirrored};
    #[pymodule_export]
    use crate::pickle::{_answer, _carried, _decisions, _problem};
    #[pymodule_export]
    use crate::policy::{Policy, Problem, diagnose, format};
    #[pymodule_export]
    use crate::question::Request;
    #[pymodule_export]
    use crate::schema::{Action, Attribute, EntityType, Schema, Type};
    #[pymodule_export]
    use crate::sorted::{Sorted, SortedPage};
    #[pymodule_export]
    use crate::store::{Done, LineAnswer, Past, Store};
    #[pymodule_export]
    use crate::table::{Line, Table};
    #[pymodule_export]
    use crate::uid::EntityUid;
    #[pymodule_export]
    use crate::view::{Field, Item, Need, Next, Section, View};
    #[pymodule_export]
    use crate::visible::{Granted, Page, Visible};
    #[pymodule_export]
    use crate::ward::Ward;
    #[pymodule_export]
    use crate::watch::{Seen, Watch};
    #[pymodule_export]
    use crate::world::World;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // An error that has no problems has none: every exception of the tree can be asked.
        module.getattr("CasewardError")?.setattr("problems", ())?;
        crate::gate::watch_forks(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
