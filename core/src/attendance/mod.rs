//! The domain of attendance case management: its events, its sample data, its story and its matrix of decisions.

mod events;
mod matrix;
mod names;
mod reports;
mod sample;
mod story;

pub use events::CaseEvent;
pub use matrix::matrix;
pub use names::names;
pub use reports::{ReportQuestion, report, report_kinds, zone};
pub use sample::Sample;
pub use story::{Moment, demo, demo_world};
