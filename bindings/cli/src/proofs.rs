//! Asking a solver whether changed policies decide as the originals do, several at once.

use std::collections::HashMap;
use std::sync::Arc;

use caseward::author::Proof;
use caseward::{Source, Sources};

use crate::terminal::Terminal;

/// An original's source and a changed one.
pub(crate) type Question = (Source, Source);

/// What is known of changed sources, by name and text.
pub(crate) struct Proofs(HashMap<(Arc<str>, Arc<str>), Proof>);

impl Proofs {
    /// What was said of a changed source.
    pub(crate) fn of(&self, changed: &Source) -> Proof {
        let proof = self.0.get(&(changed.name.clone(), changed.text.clone()));
        proof.cloned().unwrap_or_else(|| Proof::Unknown("it was not asked".to_owned()))
    }

    /// Asks about each, of two solver processes.
    ///
    /// # Errors
    /// Why there is no solver to ask.
    #[cfg(feature = "prove")]
    pub(crate) fn seek(
        sources: &Sources,
        questions: &[Question],
        terminal: &Terminal,
    ) -> Result<Self, String> {
        use std::sync::atomic::{AtomicUsize, Ordering};

        const SOLVERS: usize = 2;
        let bar = crate::progress::parts(terminal, "proving", questions.len() as u64);
        let next = AtomicUsize::new(0);
        let work = || {
            crate::prove::with_prover(sources, |prover| {
                let mut answers = Vec::new();
                while let Some((original, changed)) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let key = (changed.name.clone(), changed.text.clone());
                    answers.push((key, prover.proof(original, changed)));
                    bar.inc(1);
                }
                answers
            })
            .map_err(|why| why.to_string())
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..SOLVERS.min(questions.len())).map(|_| scope.spawn(work)).collect();
            let gave_up = || Err("a worker gave up".to_owned());
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| gave_up())).collect()
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
    pub(crate) fn seek(_: &Sources, _: &[Question], _: &Terminal) -> Result<Self, String> {
        Err(crate::unproved::WHY.to_owned())
    }
}
