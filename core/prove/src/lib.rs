//! What Cedar policies allow on all data, proved or refuted by a solver.
//!
//! [`Claims`] are made of policies and of what is [`Stated`] about them: what must never be allowed, and what must always
//! be. A [`Solver`], which is cvc5 as a process of its own, proves each or finds a counterexample. A counterexample is
//! replayed through [`Ward`](caseward::Ward), made smaller, and told as a story before it counts. What was proved can be
//! kept in a [`Lock`]. Where there is no solver, [`Claims::try_worlds`] tries the claims on random worlds.
//!
//! Besides, [`compare`] asks what one version of policies allows and another does not, a [`Prover`] whether a changed
//! policy decides as its original does, and [`apart`] for a case that tells the two apart.
//!
//! # Example
//! ```
//! use caseward::{Source, Sources, Ward};
//! use caseward_prove::{Claims, Limits, Solver, Standing, Stated};
//!
//! let schema = Source::new("schema.cedarschema", "
//!     entity User;
//!     entity Doc { owner: User };
//!     action view appliesTo { principal: User, resource: Doc };
//! ");
//! let of = |name: &str, text: &str| Sources {
//!     schema: schema.clone(),
//!     policies: vec![Source::new(name, text)],
//!     catalogue: None,
//! };
//! let policies = of("own", r#"@id("own") permit (principal, action, resource) when { resource.owner == principal };"#);
//! let invariants = of("invariants/others", r#"
//!     @id("invariants.others") @invariant("1") @description("Nobody sees what belongs to others.")
//!     forbid (principal, action, resource) unless { resource.owner == principal };
//! "#);
//! let stated = Stated { invariants, guarantees: Sources { policies: Vec::new(), ..policies.clone() } };
//! let claims = Claims::new(Ward::new(&policies)?, &policies, &stated)?;
//! let mut report = match Solver::find() {
//!     Ok(solver) => claims.prove(&solver, Limits::default(), None, &|_, _| {}).0,
//!     Err(missing) => claims.unasked(missing),
//! };
//! claims.try_worlds(&mut report, Some(5), &|_, _| {});
//! assert!(report.findings.iter().all(|finding| finding.standing != Standing::Refuted));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apart;
mod claim;
mod claims;
mod compare;
mod equivalence;
mod error;
mod lock;
mod model;
mod plausible;
mod query;
mod random;
mod report;
mod rewrite;
mod scene;
mod solver;
mod story;

pub use apart::{Found, Missing, Pair, apart, cases_file};
pub use claim::Stated;
pub use claims::Claims;
pub use compare::{Compared, compare};
pub use equivalence::{Prover, equivalence_keys, with_prover};
pub use error::Error;
pub use lock::{Lock, Part};
pub use query::Limits;
pub use report::{Finding, Report, Standing, Subject};
pub use solver::{NoSolver, Solver};

/// Names that stories give to entities of a type, in the order in which they are taken; where there are none, or too
/// few, plain names are made up. `caseward::attendance::names` is one.
pub type Names = fn(&str) -> &'static [&'static str];

/// Hears, now and then, how much of the work is done, and of how much.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);
