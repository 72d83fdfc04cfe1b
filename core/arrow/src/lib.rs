#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod counts;
mod error;
mod fresh;
mod ids;
mod mask;
mod redact;
mod rows;
mod text;
mod transform;
mod trusted;
mod world;

pub use caseward::ReleaseKey;
pub use counts::counts;
pub use error::Error;
pub use fresh::fresh;
pub use ids::{Ids, Rules};
pub use mask::{Mask, Masking, Side};
pub use redact::{Marks, Redaction};
pub use rows::{Keeping, chosen, seen_of};
pub use text::Column;
pub use transform::formed;
pub use trusted::Trusting;
pub use world::{Columns, Loading};
