//! The domain of attendance case management: its policies, its events, its sample data, its story and its matrix of
//! decisions. Feature `attendance`, which is on by default: the rest of the crate knows nothing of attendance.

mod events;
mod matrix;
mod names;
mod policies;
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
