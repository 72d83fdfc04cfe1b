//! Worlds from and to Cedar's entities JSON.
//!
//! Reading takes exactly what Cedar's own parser takes, and refuses dangling references besides. A fast
//! reader recognises the usual forms; whatever it does not recognise goes to Cedar's parser, entity by
//! entity, whose word is final.

mod changes;
mod diagnose;
mod elements;
mod read;
mod write;

pub(crate) use changes::read_changes;
pub(crate) use read::{context_fields, read};
