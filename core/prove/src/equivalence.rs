//! Whether one policy in place of another changes any decision at all: for mutants.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use caseward::author::Proof;
use caseward::{Effect, Source, Sources, Ward};

use crate::claim::{Key, Part, Query, Slice};
use crate::error::Error;
use crate::model::{self, Environment, Model, Policies, Policy};
use crate::query::{Limits, STACK, Verdict, Worker};
use crate::solver::Solver;

/// How long one question about two policies may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Whether two sets of policies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Equivalence {
    /// No request on any data is decided otherwise.
    Equivalent,
    /// Some request is.
    Different,
    /// It could not be told, and why.
    Unknown(String),
}

/// Proves policies equivalent, one after the other, with one solver process.
pub struct Prover<'a> {
    original: Policies,
    model: Arc<Model>,
    worker: Worker<'a>,
    schema: Source,
}

impl<'a> Prover<'a> {
    /// For policies that take the place of some of `original`; a question is given up after `limit`.
    pub(crate) fn new(original: &Sources, solver: &'a Solver, limit: Duration) -> Result<Self, String> {
        let ward = Ward::new(original).map_err(|e| e.to_string())?;
        Ok(Prover {
            model: Arc::new(Model::new(&original.schema.text)?),
            original: Policies::new(ward, original)?,
            worker: Worker::new(solver, Limits { question: limit, jobs: 1 }, None),
            schema: original.schema.clone(),
        })
    }

    /// Whether the policy of one source decides as that of another, in whose place it stands: each source holds one.
    pub fn proof(&mut self, original: &Source, mutant: &Source) -> Proof {
        let mut named = self.original.ward.policies().iter().filter(|policy| policy.source == original.name);
        let id = match (named.next(), named.next()) {
            (Some(policy), None) => policy.id.to_string(),
            _ => return Proof::Unknown("the source holds several policies".to_owned()),
        };
        match self.equivalent(&id, &mutant.text) {
            Equivalence::Equivalent => Proof::Equivalent,
            Equivalence::Different => {
                Proof::Different("a solver tells them apart: a case can, too".to_owned())
            }
            Equivalence::Unknown(why) => Proof::Unknown(why),
        }
    }

    /// Whether `mutant`, the text of a policy, decides just as the policy `id` that it takes the place of.
    fn equivalent(&mut self, id: &str, mutant: &str) -> Equivalence {
        match self.compare(id, mutant) {
            Ok(equivalence) => equivalence,
            Err(why) => Equivalence::Unknown(why),
        }
    }

    fn compare(&mut self, id: &str, mutant: &str) -> Result<Equivalence, String> {
        let mutant = alone(&self.schema, mutant)?;
        let model = self.model.clone();
        for environment in &model.environments {
            let (old, new) =
                (self.original.applying(environment, &model), mutant.applying(environment, &model));
            let before: Vec<Policy> = old.iter().map(|rule| rule.policy.clone()).collect();
            let has = old.iter().any(|rule| rule.id == id);
            if !has && new.is_empty() {
                continue;
            }
            let rest = old.iter().filter(|rule| rule.id != id).copied();
            let rest: Vec<_> = rest.chain(new).collect();
            if rest.iter().chain(&old).all(|rule| rule.effect == Effect::Forbid) {
                continue;
            }
            let after: Vec<Policy> = rest.iter().map(|rule| rule.policy.clone()).collect();
            self.worker.forget();
            match self.both_ways(environment, before, after) {
                Equivalence::Equivalent => {}
                other => return Ok(other),
            }
        }
        Ok(Equivalence::Equivalent)
    }

    fn both_ways(
        &mut self,
        environment: &Environment,
        before: Vec<Policy>,
        after: Vec<Policy>,
    ) -> Equivalence {
        let slice = |name: &str, policies| Slice::new(name, with_one(policies), true);
        let (before, after) = (slice("before", before), slice("after", after));
        for (from, to) in [(&before, &after), (&after, &before)] {
            let part = Part {
                model: self.model.clone(),
                environment: environment.clone(),
                query: Query::Implies(from.clone(), to.clone()),
            };
            match self.worker.answer(&part) {
                Verdict::Holds => {}
                Verdict::Fails(_) => return Equivalence::Different,
                Verdict::Undecided(why) | Verdict::Faulty(why) => return Equivalence::Unknown(why),
            }
        }
        Equivalence::Equivalent
    }
}

/// One policy as a set of its own.
fn alone(schema: &Source, text: &str) -> Result<Policies, String> {
    // A name that is no path: the text may carry any `@id`.
    let policies = vec![Source::new("mutant", text)];
    let sources = Sources { schema: schema.clone(), policies, catalogue: None };
    let ward = Ward::new(&sources).map_err(|e| e.to_string())?;
    Policies::new(ward, &sources)
}

/// For each group of originals and what takes their place: the hash of all that their equivalence follows from, which
/// is the schema, the solver, and every policy that can apply where one of them can.
///
/// # Errors
/// What is wrong with the policies.
pub fn equivalence_keys(
    original: &Sources,
    groups: &[Vec<(Source, Source)>],
    solver: &str,
) -> Result<Vec<String>, Error> {
    let ward = Ward::new(original)?;
    let (model, all) = (Model::new(&original.schema.text)?, Policies::new(ward, original)?);
    let key = |group: &Vec<(Source, Source)>| {
        let mut key = Key::new();
        ["equivalent", solver, &model.meaning].into_iter().for_each(|text| key.part(text));
        let mut beside = BTreeSet::new();
        for (from, to) in group {
            let changed = alone(&original.schema, &to.text)?;
            let was = all.rules.iter().filter(|rule| rule.text == from.text);
            was.chain(&changed.rules).for_each(|rule| key.part(&model::meaning(&rule.policy)));
            for environment in &model.environments {
                let applying = all.applying(environment, &model);
                let concerned = applying.iter().any(|rule| rule.text == from.text)
                    || !changed.applying(environment, &model).is_empty();
                beside.extend(applying.iter().filter(|_| concerned).map(|rule| model::meaning(&rule.policy)));
            }
        }
        beside.iter().for_each(|text| key.part(text));
        Ok::<_, String>(key.finish())
    };
    groups.iter().map(|group| Ok(key(group)?)).collect()
}

/// The policies, never none.
fn with_one(mut policies: Vec<Policy>) -> Vec<Policy> {
    policies.extend(model::everything(false));
    policies
}

/// Does `work` with a prover for policies that take the place of some of `original`.
///
/// # Errors
/// [`Error::NoSolver`], or what is wrong with the policies.
pub fn with_prover<T: Send>(
    original: &Sources,
    work: impl FnOnce(&mut Prover<'_>) -> T + Send,
) -> Result<T, Error> {
    let solver = Solver::find()?;
    thread::scope(|scope| {
        let run = || Ok(work(&mut Prover::new(original, &solver, LIMIT)?));
        let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        let spawned = spawned.map_err(|e| e.to_string())?;
        spawned.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
