//! For those who write policies: cases, what they cover, and the changes of policy that they notice.
//! Feature `author`.

mod cases;
mod coverage;
mod diff;
mod drafts;
mod mutation;
mod paths;
mod reach;
mod unreachable;

pub use cases::{Case, CaseFile, Mismatch};
pub use coverage::{ConditionCoverage, Coverage, PolicyCoverage, Side};
pub use diff::{Changed, Diff, Difference};
pub use drafts::Kind;
pub use mutation::{Drawing, Fate, Mutant, Mutation, Mutations, Proof};
pub use unreachable::Claim;
