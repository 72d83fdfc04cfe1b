//! The domain of attendance case management: its events, its sample data, its story and its matrix of decisions.

mod events;
mod matrix;
mod names;
#[cfg(feature = "release")]
mod release;
mod reports;
mod sample;
mod story;

pub use events::CaseEvent;
pub use matrix::matrix;
pub use names::names;
#[cfg(feature = "release")]
pub use release::{Release, release};
pub use reports::{ReportKind, ReportQuestion, report, report_kinds, zone};
pub use sample::Sample;
pub use story::{Moment, demo, demo_world};
