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

/// Says how a structure or an enumeration goes into bytes, field by field: each has to be named. A field of a tuple is
/// named by its number, and a variant by a number of its own. Without the feature `carry` it says nothing.
macro_rules! carried {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        #[cfg(feature = "carry")]
        impl $crate::carried::Wire for $name {
            const NAME: &'static str = stringify!($name);

            fn write(&self, out: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::carried::Wire::write($field, out);)*
            }

            fn read(from: &mut $crate::carried::Bytes<'_>) -> Option<Self> {
                $(let $field = $crate::carried::Wire::read(from)?;)*
                Some($name { $($field),* })
            }
        }
    };
    (enum $name:ident { $($tag:literal = $variant:ident { $($at:tt: $field:ident),* }),* $(,)? }) => {
        #[cfg(feature = "carry")]
        impl $crate::carried::Wire for $name {
            const NAME: &'static str = stringify!($name);

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant { $($at: $field),* } => {
                        out.push($tag);
                        $($crate::carried::Wire::write($field, out);)*
                    })*
                }
            }

            fn read(from: &mut $crate::carried::Bytes<'_>) -> Option<Self> {
                match <u8 as $crate::carried::Wire>::read(from)? {
                    $($tag => {
                        $(let $field = $crate::carried::Wire::read(from)?;)*
                        Some($name::$variant { $($at: $field),* })
                    })*
                    _ => None,
                }
            }
        }
    };
}

mod actions;
mod answer;
pub mod attendance;
#[cfg(feature = "author")]
pub mod author;
#[cfg(feature = "bundle")]
pub mod bundle;
#[cfg(feature = "carry")]
pub mod carried;
mod decide;
mod disclosure;
mod error;
mod explain;
#[cfg(feature = "fs")]
pub mod files;
pub mod interrupt;
mod ir;
mod link;
mod live;
pub mod matrix;
#[cfg(feature = "mutants")]
#[doc(hidden)]
pub mod mutants;
#[doc(hidden)]
pub mod object;
mod policy;
mod random;
mod request;
mod scene;
mod schema;
mod slice;
mod span;
pub mod sql;
mod suggest;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod uid;
mod value;
mod view;
mod visible;
mod ward;
pub mod words;
mod world;
mod zone;

pub use actions::{ActionAnswer, Need};
pub use answer::{Answer, Decision, Fault};
pub use decide::{Context, Decider, Decisions};
pub use disclosure::{Protected, Protection, RoundingKey};
pub use error::{Error, Problem, Severity};
pub use explain::{
    Composition, Condition, Deed, Disclosure, Edit, Explanation, Grant, Instead, Kept, Operand, Reason,
    Shown, Sight, Turn, Viewer,
};
pub use live::{Generation, Live};
#[cfg(feature = "fs")]
pub use policy::FilePart;
pub use policy::{Effect, Policy, Source, Sources, claims, format};
pub use request::Request;
pub use schema::{Action, AttrId, Attribute, EntityType, Schema, Type, TypeId};
pub use span::Span;
pub use table::{Count, Key, Line, Part, Table};
pub use time::instant;
pub use uid::EntityUid;
pub use value::{Ip, Value};
pub use view::{Field, Item, Next, Section, View};
pub use visible::{Counting, Cursor, Granted, Group, Page, Visible};
pub use ward::Ward;
pub use world::{Changes, Columns, Draft, Handle, Row, World, WorldBuilder};
pub use zone::{Period, Unit, Zone};
