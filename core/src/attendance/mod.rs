//! The domain of attendance case management: its sample data, its story and its matrix of decisions.

mod sample;

pub use sample::Sample;
