//! Whether what the cases say can never decide is proved so: by the lock file, or by a solver.

use std::path::Path;

use caseward::author::{Claim, Proof};
use caseward::{Sources, Ward};

use crate::failure::Failure;
use crate::proofs::{Proofs, Question};
use crate::terminal::Terminal;

/// The lock file of a policy folder.
pub(crate) const LOCK: &str = "proofs.lock";

/// Who is asked.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "prove"), expect(dead_code, reason = "the prover alone reads it"))]
pub(crate) struct Asked<'a> {
    /// The lock file of what was proved before.
    pub(crate) lock: Option<&'a Path>,
    /// That of a change and of the version before, where there is one: of what the change's says, only what the other says too
    /// is believed.
    #[cfg(feature = "prove")]
    pub(crate) since: Option<&'a crate::prove::Since>,
    /// Whether nobody else answers.
    pub(crate) locked: bool,
}

/// How the claims came out.
pub(crate) enum Settled {
    /// As the claims; and what a change adds to the lock file that was not proved with it.
    Proofs(Vec<Proof>, Vec<String>),
    /// Why there was nobody to ask.
    NoSolver(String),
}

/// What has to be asked to prove a claim.
fn questions(ward: &Ward, claim: &Claim) -> Vec<Question> {
    let original = ward.source(&claim.policy).cloned();
    let changed = claim.changed(ward).into_iter();
    changed.filter_map(|changed| Some((original.clone()?, changed))).collect()
}

/// Settles the claims; what a solver proves is kept in the lock file.
#[cfg(feature = "prove")]
pub(crate) fn settle(
    ward: &Ward,
    sources: &Sources,
    claims: &[Claim],
    asked: Asked<'_>,
    terminal: &Terminal,
) -> Result<Settled, Failure> {
    use crate::prove::{Part, believed, equivalence_keys, read_lock, solver_name, unfounded, write_lock};

    let written = asked.lock.map(read_lock).transpose()?.unwrap_or_default();
    let lock = believed(&written, asked.since, Part::Unreachable);
    let all: Vec<Vec<Question>> = claims.iter().map(|claim| questions(ward, claim)).collect();
    let solver = if asked.locked { Ok(lock.solver().to_owned()) } else { solver_name() };
    // Without a solver the lock file still says what was proved, and by which.
    let name = solver.clone().unwrap_or_else(|_| lock.solver().to_owned());
    let keys = equivalence_keys(sources, &all, &name)?;
    let names: Vec<String> = claims.iter().map(|claim| named(ward, claim)).collect();
    let known: Vec<bool> =
        names.iter().zip(&keys).map(|(name, key)| lock.has(Part::Unreachable, name, key)).collect();
    let open: Vec<Question> =
        all.iter().zip(&known).filter(|(_, known)| !**known).flat_map(|(asked, _)| asked.clone()).collect();
    let proofs = match solver {
        _ if open.is_empty() && known.iter().all(|known| *known) => None,
        _ if asked.locked => None,
        Err(why) => return Ok(Settled::NoSolver(why)),
        Ok(_) => match Proofs::seek(sources, &open, terminal) {
            Ok(proofs) => Some(proofs),
            Err(why) => return Ok(Settled::NoSolver(why)),
        },
    };
    let mut after = lock.anew(Part::Unreachable, &name);
    let mut settled = Vec::new();
    for (((claim, name), key), known) in claims.iter().zip(&names).zip(keys).zip(known) {
        let proof = match (&proofs, known) {
            (_, true) => Proof::Equivalent,
            (None, false) => Proof::Unknown("the lock file does not have it of these policies".to_owned()),
            (Some(proofs), false) => claim.prove(ward, |_, changed| proofs.of(changed)),
        };
        if proof == Proof::Equivalent {
            after.add(Part::Unreachable, name, key);
        }
        settled.push(proof);
    }
    if let (Some(path), false) = (asked.lock, asked.locked) {
        write_lock(path, &after, &written)?;
    }
    let unfounded = unfounded(asked.since, &after, Part::Unreachable);
    Ok(Settled::Proofs(settled, unfounded))
}

/// This command was built without the feature that asks a solver.
#[cfg(not(feature = "prove"))]
pub(crate) fn settle(
    ward: &Ward,
    sources: &Sources,
    claims: &[Claim],
    _: Asked<'_>,
    terminal: &Terminal,
) -> Result<Settled, Failure> {
    let questions: Vec<Question> = claims.iter().flat_map(|claim| questions(ward, claim)).collect();
    match Proofs::seek(sources, &questions, terminal) {
        Ok(proofs) => Ok(Settled::Proofs(
            claims.iter().map(|claim| claim.prove(ward, |_, changed| proofs.of(changed))).collect(),
            Vec::new(),
        )),
        Err(why) => Ok(Settled::NoSolver(why)),
    }
}

/// What a claim is called in the lock file: by its text, so that a line more above it changes nothing.
#[cfg(feature = "prove")]
fn named(ward: &Ward, claim: &Claim) -> String {
    let text = ward.source(&claim.policy).map(|source| source.text.clone()).unwrap_or_default();
    let condition = text.get(claim.span.clone()).unwrap_or_default();
    let one_line = condition.split_whitespace().collect::<Vec<_>>().join(" ");
    // Which of those that read alike.
    let before = text.get(..claim.span.start).unwrap_or_default();
    let nth = 1 + before.matches(condition).count();
    format!("{}: `{one_line}` ({nth}) is never {}", claim.policy, claim.decides)
}
