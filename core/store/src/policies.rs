//! The policies that a store decides by, as it keeps them.

use std::path::Path;

use caseward::{Source, Sources, Ward};
use serde::{Deserialize, Serialize};

use crate::attendance::fits::ASKED;
use crate::error::Error;
use crate::ids::sha256;

/// Policies, and who fits where a record names somebody.
#[derive(Clone, Debug)]
pub struct PolicySet {
    /// Schema, policies and catalogue.
    pub sources: Sources,
    /// Who fits: policies that are asked by actions of their own.
    pub fits: Sources,
}

/// Texts with their names, as the database keeps them.
#[derive(Serialize, Deserialize)]
struct Kept {
    schema: (String, String),
    policies: Vec<(String, String)>,
    catalogue: Option<(String, String)>,
    fits_schema: (String, String),
    fits: Vec<(String, String)>,
}

impl PolicySet {
    /// The policies of attendance case management.
    pub fn attendance() -> Self {
        PolicySet { sources: Sources::attendance(), fits: Sources::attendance_fits() }
    }

    /// Reads a folder of policies, and its folder `fits`.
    ///
    /// # Errors
    /// [`Error::Engine`] as [`Sources::read_folder`] reports it.
    pub fn read_folder(folder: &Path) -> Result<Self, Error> {
        Ok(PolicySet {
            sources: Sources::read_folder(folder, None)?,
            fits: Sources::read_fits(folder, None)?,
        })
    }

    /// Ready to be asked.
    pub(crate) fn load(&self) -> Result<(Ward, Ward), Error> {
        Ok((Ward::new(&self.sources)?, Ward::new(&self.fits)?))
    }

    /// As [`PolicySet::load`], refused where a store could not be kept by it.
    pub(crate) fn load_whole(&self) -> Result<(Ward, Ward), Error> {
        if self.sources.catalogue.is_none() {
            return Err(Error::request(
                "the policies have no `fields.toml`, which says what content there is",
            ));
        }
        if self.sources.policies.is_empty() {
            return Err(Error::request("there are no policies: nobody could do anything"));
        }
        let (ward, fits) = self.load()?;
        for action in ASKED {
            let is_asked = fits.schema().known_action(action).is_ok();
            if !is_asked || !self.fits.policies.iter().any(|source| source.text.contains(action)) {
                return Err(Error::request(format!(
                    "the folder `fits` of the policies has no policy for `{action}`: nobody would fit"
                )));
            }
        }
        Ok((ward, fits))
    }

    /// What names the set: what decides, and who fits.
    pub(crate) fn hash(ward: &Ward, fits: &Ward) -> String {
        sha256(format!("{}\n{}", ward.policy_hash(), fits.policy_hash()).as_bytes())
    }

    pub(crate) fn to_text(&self) -> String {
        let pair = |source: &Source| (source.name.to_string(), source.text.to_string());
        let kept = Kept {
            schema: pair(&self.sources.schema),
            policies: self.sources.policies.iter().map(pair).collect(),
            catalogue: self.sources.catalogue.as_ref().map(pair),
            fits_schema: pair(&self.fits.schema),
            fits: self.fits.policies.iter().map(pair).collect(),
        };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        let kept: Kept = serde_json::from_str(text)
            .map_err(|error| Error::Database(format!("its policies cannot be read: {error}")))?;
        let source = |(name, text): (String, String)| Source::new(name, text);
        Ok(PolicySet {
            sources: Sources {
                schema: source(kept.schema),
                policies: kept.policies.into_iter().map(source).collect(),
                catalogue: kept.catalogue.map(source),
            },
            fits: Sources {
                schema: source(kept.fits_schema),
                policies: kept.fits.into_iter().map(source).collect(),
                catalogue: None,
            },
        })
    }
}
