//! Mutants: policies with one small change each, and the cases that notice it.
//!
//! A mutant is *killed* by a case that comes out otherwise with it: by another decision, or, where the case says
//! which policies decide, by other ones. A mutant that no case kills has *survived*, unless it is proved that it
//! decides as the original does, whatever the data. Changes that make no valid policy, and such as say the same
//! as the original to the letter, are no mutants.
//!
//! INVARIANT: a mutant's fate is what its text decides: the text that is shown is the one that was run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::cases::Case;
use super::drafts::{Draft, Kind, Vocabulary, drafts};
use crate::ir::{Evaluation, Id, Program};
use crate::model::{Decision, Effect, Error, Problem, Source, Span, TypeId};
use crate::policy::{Admission, Changed, Environment};
use crate::ward::Ward;

/// How mutants are drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// At most so many mutants, drawn evenly from all; all of them where it is `None`.
    pub bounded: Option<usize>,
    /// Which mutants a bounded run draws.
    pub seed: u64,
    /// Only mutants of policies whose id contains this.
    pub policy: Option<String>,
    /// Ids of policies whose mutants are all run, besides those that a bounded run draws from the others'.
    pub whole: BTreeSet<String>,
}

/// A changed policy.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Mutant {
    /// The id of its original.
    pub policy: Arc<str>,
    /// The kind of change.
    pub kind: Kind,
    /// Where the text was changed first, in the original's source.
    #[serde(flatten)]
    pub span: Span,
    /// The original's source with the change.
    #[serde(serialize_with = "text_alone")]
    pub changed: Source,
}

fn text_alone<S: serde::Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&source.text)
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// A case comes out otherwise: its decision, or else the policies that it says decide.
    Killed {
        /// The first case that does.
        by: String,
        /// Whether the decision is another one.
        decision: bool,
    },
    /// No case notices it.
    Survived {
        /// What a solver said, where one was asked and did not prove it equivalent.
        said: Option<String>,
    },
    /// It decides as the original does, whatever the data: proved.
    Equivalent,
}

/// What a prover says of an original and a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With either, the policies decide every request over every data alike.
    Equivalent,
    /// They do not, and how.
    Different(String),
    /// The prover could not tell, and why.
    Unknown(String),
}

/// A mutant and its fate.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Mutation {
    /// The mutant.
    pub mutant: Mutant,
    /// What became of it.
    pub fate: Fate,
}

/// A run of mutants.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Mutations {
    /// Every mutant that was run, in the order of policies and places.
    pub all: Vec<Mutation>,
    /// Changes that made no mutant: not valid, or the same again.
    pub left_out: usize,
    /// Changes that a bounded run did not look at.
    pub not_drawn: usize,
}

impl Mutations {
    /// Mutants that no case kills and no proof excuses.
    pub fn survivors(&self) -> impl Iterator<Item = &Mutation> {
        self.all.iter().filter(|mutation| matches!(mutation.fate, Fate::Survived { .. }))
    }

    /// How many were killed.
    pub fn killed(&self) -> usize {
        self.all.iter().filter(|mutation| matches!(mutation.fate, Fate::Killed { .. })).count()
    }

    /// How many of the killed were noticed by which policies decide alone, the decisions being the same.
    pub fn killed_by_reasons(&self) -> usize {
        let by_reasons = |m: &&Mutation| matches!(m.fate, Fate::Killed { decision: false, .. });
        self.all.iter().filter(by_reasons).count()
    }

    /// How many were proved equivalent.
    pub fn equivalent(&self) -> usize {
        self.all.iter().filter(|mutation| mutation.fate == Fate::Equivalent).count()
    }

    /// Asks `prove_equivalent` about each survivor, with the original's source and the mutant's: whether the
    /// policies decide alike with the one in place of the other. What it cannot tell counts as survived.
    pub fn prove(&mut self, ward: &Ward, mut prove_equivalent: impl FnMut(&Source, &Source) -> Proof) {
        for mutation in &mut self.all {
            if let (Fate::Survived { said }, Some(original)) =
                (&mut mutation.fate, ward.source(&mutation.mutant.policy))
            {
                match prove_equivalent(original, &mutation.mutant.changed) {
                    Proof::Equivalent => mutation.fate = Fate::Equivalent,
                    Proof::Different(how) => *said = Some(how),
                    Proof::Unknown(why) => *said = Some(why),
                }
            }
        }
    }
}

impl Ward {
    /// Changes each policy in every small way and finds the cases that notice; see [`Mutation`].
    ///
    /// Cost: reading and validating each mutant, and for each case an evaluation of the mutants that can apply
    /// and that no case before has killed.
    ///
    /// # Errors
    /// [`Error::is_data`] where a case does not come out as expected with the policies as they are: then
    /// mutants say nothing. Else as [`Ward::check`].
    pub fn mutate<'c>(
        &self,
        cases: impl IntoIterator<Item = &'c Case>,
        drawing: &Drawing,
    ) -> Result<Mutations, Error> {
        let (all, mut left_out, not_drawn) = admitted(self, drawing);
        let (environments, differs) = environments(self, &all);
        let mut run = Run { ward: self, environments, fates: vec![None; all.len()], all };
        for case in cases {
            run.case(case)?;
        }
        let Run { all, fates, .. } = run;
        let mut mutations = Vec::new();
        for (((_, mutant), fate), differs) in all.into_iter().zip(fates).zip(differs) {
            match differs {
                true => {
                    mutations.push(Mutation { mutant, fate: fate.unwrap_or(Fate::Survived { said: None }) })
                }
                false => left_out += 1,
            }
        }
        Ok(Mutations { all: mutations, left_out, not_drawn })
    }
}

/// The mutants, the number of drafts that made none, and of those not looked at.
fn admitted(ward: &Ward, drawing: &Drawing) -> (Vec<(Changed, Mutant)>, usize, usize) {
    let structures = ward.engine.loaded.structures();
    let vocabulary = Vocabulary::new(ward, &structures);
    let (mut whole, mut all): (Vec<Draft>, Vec<Draft>) = Default::default();
    for (at, (policy, structure)) in ward.policies().iter().zip(&structures).enumerate() {
        if drawing.policy.as_ref().is_none_or(|part| policy.id.contains(part.as_str())) {
            let of = if drawing.whole.contains(policy.id.as_ref()) { &mut whole } else { &mut all };
            of.extend(drafts(ward, at, structure, &vocabulary));
        }
    }
    if drawing.bounded.is_some() {
        shuffle(&mut all, drawing.seed);
    }
    let mut admission = Admission::new(&ward.engine.loaded);
    let (mut looked_at, number) = (whole.len(), whole.len() + all.len());
    let mut mutants: Vec<_> = whole.iter().filter_map(|draft| admit(ward, &mut admission, draft)).collect();
    let bound = drawing.bounded.map_or(usize::MAX, |bound| bound.saturating_add(mutants.len()));
    for draft in all {
        if mutants.len() >= bound {
            break;
        }
        looked_at += 1;
        mutants.extend(admit(ward, &mut admission, &draft));
    }
    mutants.sort_by_key(|(changed, mutant)| (changed.policy, mutant.span.start, mutant.kind));
    let left_out = looked_at - mutants.len();
    (mutants, left_out, number - looked_at)
}

fn admit(ward: &Ward, admission: &mut Admission<'_>, draft: &Draft) -> Option<(Changed, Mutant)> {
    let policy = ward.policies().get(draft.policy)?;
    let source = ward.source(&policy.id)?;
    let text = draft.apply(&source.text);
    let changed = admission.admit(draft.policy, &text)?;
    let span = draft.edits.iter().map(|(span, _)| span.clone()).min_by_key(|span| span.start)?;
    let mutant = Mutant {
        policy: policy.id.clone(),
        kind: draft.kind,
        span: Span::of(&source.text, span),
        changed: Source::new(source.name.clone(), text),
    };
    Some((changed, mutant))
}

/// Orders by a seed alone (Fisher and Yates, numbers by splitmix64).
fn shuffle<T>(all: &mut [T], seed: u64) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    for at in (1..all.len()).rev() {
        let other = usize::try_from(next() % (at as u64 + 1)).unwrap_or(0);
        all.swap(at, other);
    }
}

struct Run<'a> {
    ward: &'a Ward,
    all: Vec<(Changed, Mutant)>,
    fates: Vec<Option<Fate>>,
    environments: Environments,
}

/// By principal type, the action's place and resource type.
type Environments = HashMap<(TypeId, usize, TypeId), Arc<Changes>>;

/// The mutants of every environment, and for each mutant whether it is another condition than its original in
/// some: one that widens a head by what the action does not take is not.
fn environments(ward: &Ward, all: &[(Changed, Mutant)]) -> (Environments, Vec<bool>) {
    let mut differs: Vec<bool> = Vec::new();
    for (changed, _) in all {
        differs
            .push(ward.policies().get(changed.policy).is_none_or(|policy| policy.effect != changed.effect));
    }
    let mut environments = HashMap::new();
    for action in ward.schema().actions() {
        for &principal in &action.principals {
            for &resource in &action.resources {
                let environment = Environment::new(ward.schema(), principal, action, resource);
                let original = ward.engine.program(principal, action, resource);
                let changes = Changes::new(ward, all, original, &environment, &mut differs);
                environments.insert((principal, action.place, resource), Arc::new(changes));
            }
        }
    }
    (environments, differs)
}

/// The mutants that can matter in one environment.
struct Changes {
    program: Program,
    /// Each with its condition; `None` where it can never hold there, though the original can.
    of: Vec<(usize, Option<Id>)>,
}

/// How policies come out for one request: how many permits and forbids hold, and how many have no value.
#[derive(Clone, Copy, Default)]
struct Tally {
    permits: usize,
    forbids: usize,
    failures: usize,
}

impl Tally {
    /// The place that counts a policy with this outcome.
    fn place(&mut self, effect: Effect, outcome: Option<bool>) -> Option<&mut usize> {
        match (outcome, effect) {
            (None, _) => Some(&mut self.failures),
            (Some(false), _) => None,
            (Some(true), Effect::Permit) => Some(&mut self.permits),
            (Some(true), Effect::Forbid) => Some(&mut self.forbids),
        }
    }

    fn decision(self) -> Decision {
        let allowed = self.permits > 0 && self.forbids == 0 && self.failures == 0;
        if allowed { Decision::Allow } else { Decision::Deny }
    }
}

impl Run<'_> {
    fn case(&mut self, case: &Case) -> Result<(), Error> {
        let ward = self.ward;
        let Some(ready) = ward.engine.examine(&case.world, &case.request)?.ready() else { return Ok(()) };
        let (principal, action, resource) = (ready.principal.0, ready.action, ready.resource.0);
        let program = ward.engine.program(principal, action, resource);
        let key = (principal, action.place, resource);
        let Some(changes) = self.environments.get(&key).cloned() else { return Ok(()) };
        let evaluation = |program| {
            let (context, resource) = (&case.request.context, Some(ready.resource));
            Evaluation::new(program, &case.world, ready.principal, resource, context.fields())
        };
        let (mut as_it_is, mut tally) = (evaluation(program), Tally::default());
        let mut outcomes: Vec<Option<bool>> = vec![Some(false); ward.policies().len()];
        for entry in &program.entries {
            let outcome = as_it_is.holds(entry.root).ok();
            tally.place(entry.effect, outcome).into_iter().for_each(|count| *count += 1);
            outcomes.get_mut(entry.policy).into_iter().for_each(|slot| *slot = outcome);
        }
        if tally.decision() != case.expect {
            let what =
                format!("case `{}` does not come out as expected; mutants tell nothing then", case.name);
            return Err(Error::data(vec![Problem::error(what)]));
        }
        let mut changed = evaluation(&changes.program);
        for &(number, root) in &changes.of {
            let (Some((mutant, _)), Some(fate)) = (self.all.get(number), self.fates.get_mut(number)) else {
                continue;
            };
            // One that other policies decide is still looked at: a decision that changes says more.
            if matches!(fate, Some(Fate::Killed { decision: true, .. })) {
                continue;
            }
            let before = outcomes.get(mutant.policy).copied().flatten();
            let after = root.map_or(Some(false), |root| changed.holds(root).ok());
            let effect = ward.policies().get(mutant.policy).map_or(mutant.effect, |policy| policy.effect);
            match noticed(case, tally, (effect, before), (mutant.effect, after)) {
                Some(Fate::Killed { decision: false, .. }) if fate.is_some() => {}
                Some(killed) => *fate = Some(killed),
                None => {}
            }
        }
        Ok(())
    }
}

/// Whether a case notices that one policy comes out otherwise.
fn noticed(
    case: &Case,
    before: Tally,
    was: (Effect, Option<bool>),
    is: (Effect, Option<bool>),
) -> Option<Fate> {
    if was == is {
        return None;
    }
    let mut after = before;
    after.place(was.0, was.1).into_iter().for_each(|count| *count -= 1);
    after.place(is.0, is.1).into_iter().for_each(|count| *count += 1);
    let killed = |decision| Some(Fate::Killed { by: case.name.clone(), decision });
    if after.decision() != before.decision() {
        return killed(true);
    }
    // The same decision, made by other policies.
    let deciding = if before.decision() == Decision::Allow { Effect::Permit } else { Effect::Forbid };
    let decides = |(effect, outcome)| effect == deciding && outcome == Some(true);
    if case.policies.is_some() && decides(was) != decides(is) { killed(false) } else { None }
}

impl Changes {
    /// Notes in `differs` the mutants whose condition here is another than the original's.
    fn new(
        ward: &Ward,
        all: &[(Changed, Mutant)],
        original: &Program,
        environment: &Environment<'_>,
        differs: &mut [bool],
    ) -> Self {
        let mutants = all.iter().map(|(changed, _)| changed);
        let lowered = Changed::program(&ward.engine.loaded, mutants, environment);
        for (differs, is_same) in differs.iter_mut().zip(&lowered.is_original) {
            *differs |= !is_same;
        }
        let roots: HashMap<usize, Id> = lowered.program.entries.iter().map(|e| (e.policy, e.root)).collect();
        let applies: HashSet<usize> = original.entries.iter().map(|entry| entry.policy).collect();
        let of = all.iter().enumerate().zip(&lowered.is_original).filter_map(
            |((number, (changed, _)), is_same)| {
                let root = roots.get(&number).copied();
                let other_effect =
                    ward.policies().get(changed.policy).is_some_and(|p| p.effect != changed.effect);
                let matters = root.is_some() || applies.contains(&changed.policy);
                (matters && (!is_same || other_effect)).then_some((number, root))
            },
        );
        Changes { of: of.collect(), program: lowered.program }
    }
}
