//! The domain of attendance case management: its events, its sample data, its story and its matrix of decisions.

mod events;
mod matrix;
mod reports;
mod sample;
mod scene;
mod story;

pub use events::CaseEvent;
pub use matrix::{Matrix, matrix};
pub use reports::{ReportQuestion, report, report_kinds, zone};
pub use sample::Sample;
pub use story::demo;
