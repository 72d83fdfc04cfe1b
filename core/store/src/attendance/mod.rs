//! The commands of attendance case management: what each takes, and what it does.

mod doing;
mod effects;
pub(crate) mod fits;
pub(crate) mod routing;
mod spec;

pub(crate) use doing::{Doing, Making, Stop};
pub(crate) use effects::apply;
pub(crate) use spec::Spec;
