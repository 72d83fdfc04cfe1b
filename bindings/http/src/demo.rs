//! A store with the data of the story that the command tells, to try the service on.

use std::path::Path;

use caseward::attendance::{Moment, demo_world};
use caseward_store::{Options, PolicySet, Store};

use crate::error::Error;

/// Makes a store with the data of the story of `caseward demo`, before the student changes school.
///
/// # Errors
/// [`Error::Store`] where there is one already, or where it cannot be written.
pub fn demo_store(path: &Path) -> Result<Store, Error> {
    let store = Store::init(path, &PolicySet::attendance(), &Options::new())?;
    let mut json = Vec::new();
    let world = demo_world(&store.ward(), Moment::Before)?;
    world.write_json(&mut json).map_err(|error| Error::file(path, error))?;
    store.import(json.as_slice())?;
    Ok(store)
}
