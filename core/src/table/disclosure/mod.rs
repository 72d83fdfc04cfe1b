//! Tables that tell of nobody: small counts are suppressed, or all counts are rounded at random.
//!
//! *Suppression* leaves out every count below a threshold, and with it others, so that no suppressed count can be
//! worked out from those that are told. What it promises, for one table with all of its totals: whoever knows every
//! count that is told, that the totals add up, and that no suppressed count is zero but those that are, can still not tell a suppressed
//! count from others near it: the numbers that it may be lie as far apart as three times the threshold. Whoever finds
//! out, besides, which of the suppressed counts are the small ones has still half of the small numbers to choose from,
//! where there is anything left in the table to suppress. Both are made sure of for every table (`network`). Whoever
//! knows this method too might learn from what it did *not* suppress; over all small tables that were tried this
//! gives no count away, which is a test and no proof.
//!
//! Zero is told where others are beside it: where there is nobody, nothing is told of anybody but that they are none of
//! these. Where all records of a row are in one cell, or all of a column, zeros would tell of everybody in it: one of them
//! is suppressed as a small count is (`alike`), and what was said above holds of it too, but that it may be zero. Zeros that
//! cannot be otherwise are told (a provider and its kind). What all records of a table have in common is told: a table by
//! one group with a single line says that of all of them.
//!
//! *Rounding* tells every count as a multiple of three next to it, drawn so that it is right on average. Which one
//! is drawn depends on a secret key and on which records are counted: the same records are rounded the same way in
//! every table, whatever they are grouped by, so that asking again, or in another way, tells nothing new. Totals are
//! rounded by themselves, so that they do not add up.
//!
//! A *release* (`release`) is a set of tables that are protected as one: none of them tells what another leaves out.
//!
//! What none of it protects from: suppression of one table does not know of *other* tables. Of two tables of the same
//! records by different groups, or of one made before and one after a single change, one may tell what the other
//! leaves out. Where several tables are published of the same data, publish them as a release, or round them.
//! Rounding leaves an uncertainty of up to two either way to each count by itself; whoever adds up many cells can
//! narrow that down, in a table that is no release.

mod alike;
mod network;
#[cfg(feature = "release")]
mod release;
mod round;
mod suppress;

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::model::Error;
use crate::table::Table;
#[cfg(feature = "release")]
pub(crate) use release::Together;
pub use round::RoundingKey;

/// How the counts of a table are kept from telling of anybody.
#[derive(Clone, Debug)]
pub enum Protection {
    /// Counts from 1 up to one less than this are left out, and others with them.
    Suppress {
        /// The smallest count that is told, 4 to 1,000; 6 where nothing else is asked for.
        below: u64,
    },
    /// Counts are rounded at random to multiples of three, by a secret key.
    Round(RoundingKey),
}

impl Default for Protection {
    /// Suppression below 6.
    fn default() -> Self {
        Protection::Suppress { below: 6 }
    }
}

impl Protection {
    /// Whether there is such a threshold.
    ///
    /// # Errors
    /// [`Error::is_request`]
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Protection::Suppress { below } if !(LOWEST..=HIGHEST).contains(below) => Err(Error::request(
                format!("counts are suppressed below {LOWEST} to {HIGHEST}, not below {below}"),
            )),
            _ => Ok(()),
        }
    }
}

/// What was done to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    /// Small counts, and others with them, were left out.
    Suppressed {
        /// The smallest count that is told.
        below: u64,
    },
    /// Every count was rounded at random.
    Rounded {
        /// To multiples of this.
        base: u64,
    },
}

carried!(enum Protected { 0 = Suppressed { below: below }, 1 = Rounded { base: base } });

/// The smallest count that is told. Below 3 are so few numbers that to suppress one nearly tells it.
const LOWEST: u64 = 4;
const HIGHEST: u64 = 1_000;

impl Table {
    /// The same table with counts that tell of nobody. The module's text says what that means and what it does not.
    ///
    /// Cost: rounding follows the number of lines. Suppression looks, for each count that it leaves out, for ways in
    /// which it could be another: a table of some thousand cells takes milliseconds.
    ///
    /// # Errors
    /// [`Error::is_request`] for a table that is protected already; for rounding where the table was not counted for
    /// it, as by [`Ward::count_by_protected`](crate::Ward::count_by_protected); for suppression in a table of more than two
    /// groups, of a group in which a record can count twice, or of more than 50,000 lines: round it instead.
    ///
    /// # Example
    /// ```
    /// use caseward::attendance::Sample;
    /// use caseward::{ActionName, EntityUid, Group, Protection, Query, RoundingKey, TypeName, Ward};
    ///
    /// let ward = Ward::attendance()?;
    /// let world = Sample { cases: 300, seed: 7 }.build(&ward, &mut |_| {})?;
    /// let person = EntityUid::new("User", "u00001");
    /// let by = [Group::of("school"), Group::of("status")];
    /// let cases = Query::new(person, ActionName::new("viewSummary"), TypeName::new("Case")).at(1_778_446_800_000);
    /// let table = ward.count_by(&world, &cases, &by)?;
    /// let told = table.protect(&Protection::default())?;
    /// assert!(told.cells().iter().all(|line| line.count.number().is_none_or(|n| n >= 6)));
    /// // Rounding is by which records are counted, so that it is asked for when they are.
    /// let key = Protection::Round(RoundingKey::new(*b"sixteen bytes at least")?);
    /// let rounded = ward.count_by_protected(&world, &cases, &by, &key)?;
    /// assert!(rounded.cells().iter().all(|line| line.count.number().is_some_and(|n| n % 3 == 0)));
    /// # Ok::<(), caseward::Error>(())
    /// ```
    pub fn protect(&self, how: &Protection) -> Result<Table, Error> {
        if self.protected.is_some() {
            return Err(Error::request("the table is protected already"));
        }
        how.check()?;
        match how {
            Protection::Suppress { below } => suppress::suppressed(self, *below),
            Protection::Round(key) => round::rounded(self, key),
        }
    }
}

impl fmt::Display for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Protected::Suppressed { below } => {
                write!(f, "s: suppressed, so that no count below {below} can be worked out")
            }
            Protected::Rounded { base } => write!(f, "counts are rounded at random to multiples of {base}"),
        }
    }
}

impl Serialize for Protected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Protected", 2)?;
        match self {
            Protected::Suppressed { below } => {
                fields.serialize_field("method", "suppression")?;
                fields.serialize_field("below", below)?;
            }
            Protected::Rounded { base } => {
                fields.serialize_field("method", "rounding")?;
                fields.serialize_field("base", base)?;
            }
        }
        fields.end()
    }
}
