//! How much each lint matters.

use std::collections::BTreeMap;

use super::Lint;
use crate::model::Error;
use crate::model::suggest::hint;

/// How much a lint matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not told.
    Allow,
    /// Told.
    Warn,
    /// Told as an error.
    Deny,
}

/// The level of every lint: its own unless another was chosen.
///
/// # Example
/// ```
/// use caseward::author::{Level, Levels, Lint};
///
/// let levels = Levels::default().with("all", Level::Deny)?.with("lonely-text", Level::Allow)?;
/// assert_eq!(levels.of(Lint::LonelyText), Level::Allow);
/// assert_eq!(levels.of(Lint::ConditionWithoutName), Level::Deny);
/// assert!(Levels::default().with("lonly-text", Level::Deny).is_err());
/// # Ok::<(), caseward::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Levels {
    all: Option<Level>,
    chosen: BTreeMap<Lint, Level>,
}

impl Levels {
    /// With another level for the lint `name`, or for `all` that are not named themselves.
    ///
    /// # Errors
    /// [`Error::is_request`] for a name that no lint has, with the one that was probably meant.
    pub fn with(mut self, name: &str, level: Level) -> Result<Self, Error> {
        if name == "all" {
            self.all = Some(level);
            return Ok(self);
        }
        let lint = Lint::named(name).ok_or_else(|| {
            Error::request(format!(
                "there is no lint `{name}`{}; `caseward lint --list` tells them all",
                hint(name, Lint::ALL.map(Lint::name))
            ))
        })?;
        self.chosen.insert(lint, level);
        Ok(self)
    }

    /// The level of a lint.
    pub fn of(&self, lint: Lint) -> Level {
        self.chosen.get(&lint).copied().or(self.all).unwrap_or_else(|| lint.default_level())
    }
}
