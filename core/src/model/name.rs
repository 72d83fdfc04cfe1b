//! Names of actions and of entity types: types of their own, so that swapped arguments do not compile.

use std::fmt;
use std::ops::Deref;

use smol_str::SmolStr;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// The name as text. Whether a schema has it is found out when it is asked with.
            pub fn new(name: impl AsRef<str>) -> Self {
                $name(SmolStr::new(name))
            }

            /// The name as text that the program holds, for constants.
            pub const fn from_static(name: &'static str) -> Self {
                $name(SmolStr::new_static(name))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        #[cfg(feature = "carry")]
        impl $crate::model::carried::Wire for $name {
            fn write(&self, out: &mut Vec<u8>) {
                std::sync::Arc::<str>::from(self.as_str()).write(out);
            }

            fn read(from: &mut $crate::model::carried::Bytes<'_>) -> Option<Self> {
                std::sync::Arc::<str>::read(from).map($name::new)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

name! {
    /// The name of an action: its id alone (`viewSummary`) or its whole name (`Action::"viewSummary"`).
    ActionName
}

name! {
    /// The name of an entity type (`Case`), with its namespace where it has one (`Clinic::Patient`).
    TypeName
}
