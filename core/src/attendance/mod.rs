//! The domain of attendance case management: its sample data, its story and its matrix of decisions.

mod matrix;
mod names;
mod sample;
mod scene;
mod story;

pub use matrix::{Mark, Matrix, Row, matrix};
pub use names::names;
pub use sample::Sample;
pub use story::demo;
