//! The forms in which a field may be released, beside as it is and not at all.
//!
//! INVARIANT: a form tells less than the field itself, and is made of what the person may see: it opens nothing.

use std::fmt;
use std::str::FromStr;

use super::{Error, Type};

/// A form of a field that tells less than the field: what somebody who may see it hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// `year`: of a date or an instant, the year.
    Year,
    /// `first part`: of a text, what stands before the first comma.
    FirstPart,
    /// `last part`: of a text, what stands behind the last comma.
    LastPart,
    /// `hash`: a keyed hash, by which equal values can be joined within one release.
    Hash,
}

impl Transform {
    const ALL: [(&str, Transform); 4] = [
        ("year", Transform::Year),
        ("first part", Transform::FirstPart),
        ("last part", Transform::LastPart),
        ("hash", Transform::Hash),
    ];

    /// What the catalogue calls all of them.
    #[cfg(feature = "author")]
    pub(crate) fn names() -> [&'static str; 4] {
        Transform::ALL.map(|(name, _)| name)
    }

    /// As the catalogue calls it.
    pub fn name(self) -> &'static str {
        Transform::ALL.iter().find(|(_, transform)| *transform == self).map_or("", |(name, _)| name)
    }

    /// Whether an attribute of a type can be told in this form.
    pub(crate) fn fits(self, ty: &Type) -> bool {
        match self {
            Transform::Year => *ty == Type::Datetime,
            Transform::FirstPart | Transform::LastPart => *ty == Type::String,
            Transform::Hash => matches!(ty, Type::String | Type::Entity(_)),
        }
    }

    /// What it is made of, in words.
    pub(crate) fn takes(self) -> &'static str {
        match self {
            Transform::Year => "a datetime",
            Transform::FirstPart | Transform::LastPart => "a String",
            Transform::Hash => "a String or an entity",
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Transform {
    type Err = Error;

    /// Reads a transform as the catalogue calls it.
    ///
    /// # Errors
    /// [`Error::is_request`] for a text that is none.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Transform::ALL.iter().find(|(name, _)| *name == text).map(|(_, transform)| *transform);
        found.ok_or_else(|| {
            let all: Vec<String> = Transform::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
            Error::request(format!("`{text}` is no transform of a field: write one of {}", all.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transform_is_read_by_its_name() {
        for (name, transform) in Transform::ALL {
            assert_eq!(name.parse::<Transform>().unwrap(), transform);
            assert_eq!(transform.to_string(), name);
        }
        let error = "years".parse::<Transform>().unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            "`years` is no transform of a field: write one of `year`, `first part`, `last part`, `hash`"
        );
    }
}
