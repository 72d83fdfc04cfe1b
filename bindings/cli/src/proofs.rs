//! Asking the solver whether changed policies decide as the originals do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use caseward::author::Proof;
use caseward::{Source, Sources};

use crate::progress;
use crate::terminal::Terminal;

/// A policy's id and a changed source.
pub(crate) type Question = (Arc<str>, Source);

/// What is known of changed policies.
pub(crate) struct Proofs(HashMap<(Arc<str>, Arc<str>), Proof>);

/// How proofs are sought.
#[derive(clap::Args)]
pub(crate) struct ProofArgs {
    /// Seconds that the solver may spend on one question.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3600))]
    limit: u32,
    /// Solver processes at once.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
}

impl Proofs {
    /// What was said of a policy with that id, changed to that source.
    pub(crate) fn of(&self, id: &str, changed: &Source) -> Proof {
        let proof = self.0.get(&(id.into(), changed.text.clone()));
        proof.cloned().unwrap_or_else(|| Proof::Unknown("it was not asked".to_owned()))
    }

    /// Asks about each, on several solver processes.
    ///
    /// # Errors
    /// Why there is no solver to ask.
    #[cfg(feature = "prove")]
    pub(crate) fn seek(
        sources: &Sources,
        questions: &[Question],
        args: &ProofArgs,
        terminal: &Terminal,
    ) -> Result<Self, String> {
        use crate::prove::Prover;

        let binary = Prover::solver().map_err(|trouble| trouble.to_string())?;
        let bar = progress::parts(terminal, "proving", questions.len() as u64);
        let limit = Duration::from_secs(args.limit.into());
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut prover = Prover::new(sources, &binary, limit)?;
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((id, changed)) = questions.get(at) else { return Ok(answers) };
                let proof = proof(prover.equivalent(id, &changed.text));
                answers.push(((id.clone(), changed.text.clone()), proof));
                bar.inc(1);
            }
        };
        let answers = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
            let gave_up = || Err("a worker gave up".to_owned());
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| gave_up())).collect::<Vec<_>>()
        });
        bar.finish_and_clear();
        let mut known = HashMap::new();
        for answers in answers {
            known.extend(answers?);
        }
        Ok(Proofs(known))
    }

    /// This command was built without the feature that asks a solver.
    #[cfg(not(feature = "prove"))]
    pub(crate) fn seek(_: &Sources, _: &[Question], _: &ProofArgs, _: &Terminal) -> Result<Self, String> {
        Err("this command was built without `prove`".to_owned())
    }
}

#[cfg(feature = "prove")]
fn proof(found: crate::prove::Equivalence) -> Proof {
    use crate::prove::Equivalence;

    match found {
        Equivalence::Equivalent => Proof::Equivalent,
        Equivalence::Different => {
            Proof::Different("the solver finds a request that it decides otherwise".to_owned())
        }
        Equivalence::Unknown(why) => Proof::Unknown(format!("the solver could not tell: {why}")),
    }
}
