//! The domain of attendance case management: its sample data, its story and its matrix of decisions.

mod disclosure;
mod matrix;
mod sample;
mod scene;
mod story;

pub use disclosure::disclosure;
pub use matrix::{Matrix, matrix};
pub use sample::Sample;
pub use story::demo;
