//! For those who write policies: cases, what they cover, and the changes of policy that they notice.
//! Feature `author`.
//!
//! # Example
//! ```
//! use caseward::Ward;
//! use caseward::author::{CaseFile, Drawing, Proof};
//!
//! let ward = Ward::attendance()?;
//! let file = CaseFile::read(&ward, "emergency.toml", r#"
//!     [world.School.northcote]
//!     kind = "state"
//!     [world.User.mere]
//!     loginActive = true
//!     officeSupportAt = ["northcote"]
//!     [[case]]
//!     name = "E5: office support see who should be at their school"
//!     principal = "User.mere"
//!     action = "viewEmergencyRoll"
//!     resource = "School.northcote"
//!     now = "2026-05-11T09:00:00+12:00"
//!     expect = "allow"
//!     rules = ["E5"]
//! "#)?;
//! assert!(file.run(&ward)?.is_empty());
//!
//! // What does it show of the policy, and what could be changed without its notice?
//! let coverage = ward.coverage(&file.cases)?;
//! let policy = coverage.policies.iter().find(|of| of.policy.id.as_ref() == "registers.E5");
//! assert!(policy.is_some_and(|of| of.held == 1 && of.sides().0 < of.sides().1));
//!
//! let drawing = Drawing { policy: Some("registers.E5".to_owned()), ..Drawing::default() };
//! let mut mutations = ward.mutate(&file.cases, &drawing)?;
//! let survived = mutations.survivors().count();
//! assert!(survived > 0 && mutations.killed() > 0);
//!
//! // A prover may find some of them to change nothing; what it cannot tell counts as survived.
//! mutations.prove(&ward, |_original, _changed| Proof::Unknown("no solver".to_owned()));
//! assert_eq!(mutations.survivors().count(), survived);
//! # Ok::<(), caseward::Error>(())
//! ```

mod cases;
mod coverage;
mod diff;
mod drafts;
#[cfg(feature = "fs")]
pub mod editor;
#[cfg(feature = "fs")]
mod forms;
mod kinds;
mod known;
mod lint;
mod madeup;
mod mutation;
mod paths;
mod reach;
mod role;
mod shown;
mod unreachable;

#[cfg(feature = "fs")]
pub use cases::CasePath;
pub use cases::{Acceptance, Accepted, Case, CaseFile, Left, Mismatch};
pub use coverage::{ConditionCoverage, Coverage, PolicyCoverage, Side};
pub use diff::{Changed, Diff, Difference, Instants, Moved, Seen, Way};
pub use drafts::Kind;
pub use kinds::RequestKind;
pub use known::{Known, KnownValue};
pub use lint::{Finding, Level, Levels, Lint, Page, Subject};
pub use madeup::{Drawn, MadeUp};
pub use mutation::{Drawing, Fate, Mutant, Mutation, Mutations, Proof};
pub use role::{Role, Rule};
pub use shown::{EntriesShown, Shown, ShownTo};
pub use unreachable::Claim;
