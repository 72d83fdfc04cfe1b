#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

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

/// Says how a structure or an enumeration goes into bytes, field by field: each has to be named. A field of a tuple is
/// named by its number, and a variant by a number of its own. Without the feature `carry` it says nothing.
macro_rules! carried {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        #[cfg(feature = "carry")]
        impl $crate::model::carried::Wire for $name {
            const NAME: &'static str = stringify!($name);

            fn write(&self, out: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::model::carried::Wire::write($field, out);)*
            }

            fn read(from: &mut $crate::model::carried::Bytes<'_>) -> Option<Self> {
                $(let $field = $crate::model::carried::Wire::read(from)?;)*
                Some($name { $($field),* })
            }
        }
    };
    (enum $name:ident { $($tag:literal = $variant:ident { $($at:tt: $field:ident),* }),* $(,)? }) => {
        #[cfg(feature = "carry")]
        impl $crate::model::carried::Wire for $name {
            const NAME: &'static str = stringify!($name);

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant { $($at: $field),* } => {
                        out.push($tag);
                        $($crate::model::carried::Wire::write($field, out);)*
                    })*
                }
            }

            fn read(from: &mut $crate::model::carried::Bytes<'_>) -> Option<Self> {
                match <u8 as $crate::model::carried::Wire>::read(from)? {
                    $($tag => {
                        $(let $field = $crate::model::carried::Wire::read(from)?;)*
                        Some($name::$variant { $($at: $field),* })
                    })*
                    _ => None,
                }
            }
        }
    };
}

/// The guide: each question that policies and data answer, with code that runs.
///
#[doc = include_str!("guide.md")]
pub mod guide {}

#[cfg(feature = "attendance")]
pub mod attendance;
#[cfg(feature = "author")]
pub mod author;
mod cache;
mod cedar;
mod count;
mod decide;
mod engine;
mod explain;
#[cfg(any(feature = "author", feature = "testing"))]
pub mod facts;
mod ir;
pub mod matrix;
mod model;
#[cfg(feature = "mutants")]
#[doc(hidden)]
pub mod mutants;
mod policy;
mod sorted;
pub mod sql;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod view;
mod visible;
mod ward;
mod world;

pub use decide::actions::{ActionAnswer, Need};
pub use decide::{Decider, Decisions, Prepared, Reads};
pub use explain::{
    Composition, Condition, Deed, Disclosure, Edit, Explanation, Grant, Instead, Kept, Operand, Reason,
    Shown, Sight, Turn, Viewer,
};
#[cfg(feature = "carry")]
pub use model::carried;
#[doc(hidden)]
pub use model::object;
pub use model::{
    Action, ActionName, ActionQuery, AlertQuery, Answer, AttrId, Attribute, Context, Decision, Effect,
    EntityType, EntityUid, Error, ErrorKind, Fault, Ip, Period, PrincipalQuery, Problem, Provenance, Query,
    ReleaseKey, Request, RequestEnvironment, Schema, Severity, Source, Span, Transform, Type, TypeId,
    TypeName, Unit, Value, Zone, instant, interrupt, words,
};
#[cfg(feature = "fs")]
pub use policy::FilePart;
#[cfg(feature = "fs")]
pub use policy::files;
pub use policy::{Policy, Sources, claims, format};
pub use sorted::{Listing, Sorted, SortedCursor, SortedPage};
pub use table::disclosure::{Protected, Protection, RoundingKey};
pub use table::group::Group;
pub use table::{Count, Key, Line, Part, Table};
pub use view::{Field, Item, Next, Section, Seen, View};
pub use visible::{Cursor, Granted, Page, Sighted, Visible, Watched};
pub use ward::Ward;
#[cfg(feature = "bundle")]
pub use ward::bundle;
pub use ward::live::{Generation, Live};
pub use world::{Changes, Columns, Draft, Handle, Row, Texts, World, WorldBuilder};
