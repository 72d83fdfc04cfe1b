//! Texts that policies and schemas are read from, and what a policy does.

use std::sync::Arc;

/// A text, and what it is called in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A path below the policy folder, such as `school/S1.cedar`; or any name for a text that is no file.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// A text called `name`.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Source { name: name.into(), text: text.into() }
    }

    /// The id that a policy of this source must carry: its path with dots. `None` where the name is no path.
    pub(crate) fn expected_id(&self) -> Option<String> {
        let path = self.name.strip_suffix(".cedar")?;
        Some(path.replace(['/', '\\'], "."))
    }
}

/// Whether a policy allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The policy allows what it matches.
    Permit,
    /// The policy denies what it matches, whatever else allows it.
    Forbid,
}

carried!(enum Effect { 0 = Permit {}, 1 = Forbid {} });
