//! The policies of attendance case management, which come with this crate.

use once_cell::sync::OnceCell;

#[cfg(feature = "author")]
use crate::author::Known;
use crate::model::{Error, Source};
use crate::policy::Sources;
use crate::ward::Ward;

impl Ward {
    /// The rules of attendance case management, which come with this crate.
    ///
    /// They are loaded once a process; every call gives the same ward, and what was found out about policies and a world
    /// is shared too. A load that fails is tried again by the next call.
    ///
    /// # Errors
    /// [`Error::is_policies`], never for a released crate: its tests load them. [`Error::is_interrupted`], where the
    /// [interrupt](crate::interrupt) ends the load.
    pub fn attendance() -> Result<Self, Error> {
        static LOADED: OnceCell<Ward> = OnceCell::new();
        LOADED.get_or_try_init(|| Ward::new(&Sources::attendance())).cloned()
    }
}

impl Sources {
    /// The rules of attendance case management, as text.
    pub fn attendance() -> Self {
        embedded(caseward_policies::POLICIES)
    }

    /// The invariants of attendance case management: what its policies must never allow, in the form of policies.
    pub fn attendance_invariants() -> Self {
        embedded(caseward_policies::INVARIANTS)
    }

    /// The guarantees of attendance case management: what its policies must always allow, in the form of policies.
    /// They are claims and grant nothing: a ward that is to decide is never made of them.
    pub fn attendance_guarantees() -> Self {
        embedded(caseward_policies::GUARANTEES)
    }

    /// Who fits where a record of attendance case management names somebody: what a case store asks, beside the policies.
    pub fn attendance_fits() -> Self {
        let fits = Sources { catalogue: None, ..embedded(caseward_policies::FITS) };
        fits.asked_by(&Source::new("fits/actions.cedarschema", caseward_policies::FIT_ACTIONS))
    }
}

#[cfg(feature = "author")]
impl Known {
    /// What the annotations of the attendance policies may name.
    ///
    /// # Errors
    /// [`Error::is_data`], never for a released crate: its tests read them.
    pub fn attendance() -> Result<Self, Error> {
        Self::read(&Source::new(Self::FILE, caseward_policies::ANNOTATIONS))
    }
}

fn embedded(texts: &[(&'static str, &'static str)]) -> Sources {
    Sources {
        schema: Source::new("schema.cedarschema", caseward_policies::SCHEMA),
        policies: texts.iter().map(|(name, text)| Source::new(*name, *text)).collect(),
        catalogue: Some(Source::new("fields.toml", caseward_policies::CATALOGUE)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_policies_are_loaded_once() {
        let load = || std::thread::spawn(|| Ward::attendance().expect("the policies load"));
        let all = [load(), load(), load()].map(|thread| thread.join().expect("it loads"));
        assert!(all.iter().all(|ward| Arc::ptr_eq(&ward.engine, &all[0].engine)));
        // One that is loaded by hand is another, and says the same.
        let own = Ward::new(&Sources::attendance()).expect("the policies load");
        assert!(!Arc::ptr_eq(&own.engine, &all[0].engine) && own.policy_hash() == all[0].policy_hash());
    }
}
