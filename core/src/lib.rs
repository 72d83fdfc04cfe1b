#![doc = include_str!("../README.md")]

/// Whether a deliberate bug is active: never, without the feature `mutants`.
macro_rules! mutant {
    ($name:ident) => {{
        #[cfg(feature = "mutants")]
        let active = $crate::mutants::is($crate::mutants::Mutant::$name);
        #[cfg(not(feature = "mutants"))]
        let active = false;
        active
    }};
}

/// The guide: each question that policies and data answer, with code that runs.
///
#[doc = include_str!("guide.md")]
pub mod guide {}

pub mod attendance;
#[cfg(feature = "author")]
pub mod author;
mod cache;
mod cedar;
mod count;
mod decide;
mod engine;
mod explain;
mod ir;
pub mod matrix;
mod model;
#[cfg(feature = "mutants")]
#[doc(hidden)]
pub mod mutants;
mod policy;
pub mod sql;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod view;
mod visible;
mod ward;
mod world;

pub use decide::actions::{ActionAnswer, Need};
pub use decide::{Decider, Decisions, Prepared};
pub use explain::{
    Composition, Condition, Deed, Disclosure, Edit, Explanation, Grant, Instead, Kept, Operand, Reason,
    Shown, Sight, Turn, Viewer,
};
pub use model::{
    Action, ActionName, ActionQuery, AlertQuery, Answer, AttrId, Attribute, Context, Decision, Effect,
    EntityType, EntityUid, Error, Fault, Ip, Period, PrincipalQuery, Problem, Query, Request,
    RequestEnvironment, Schema, Severity, Source, Span, Type, TypeId, TypeName, Unit, Value, Zone, instant,
    interrupt, words,
};
#[cfg(feature = "fs")]
pub use policy::FilePart;
#[cfg(feature = "fs")]
pub use policy::files;
pub use policy::{Policy, Sources, claims, format};
pub use table::disclosure::{Protected, Protection, RoundingKey};
pub use table::group::Group;
pub use table::{Count, Key, Line, Part, Table};
pub use view::{Field, Item, Next, Section, View};
pub use visible::{Cursor, Granted, Page, Visible};
pub use ward::Ward;
#[cfg(feature = "bundle")]
pub use ward::bundle;
pub use ward::live::{Generation, Live};
pub use world::{Changes, Columns, Draft, Handle, Row, World, WorldBuilder};
