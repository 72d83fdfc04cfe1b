//! All that is claimed, put to a solver, to a lock file or to random worlds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caseward::{Sources, Ward};

use crate::claim::{self, Claim, Form, Invariants, Kind, Sides, Stated};
use crate::error::Error;
use crate::lock::{Lock, Part};
use crate::model::{Model, Policies};
use crate::query::{self, Limits, Outcome, Verdict};
use crate::report::{Finding, Report, Standing};
use crate::scene::Scene;
use crate::solver::{NoSolver, Solver};
use crate::{Names, Progress, random, story};

/// Worlds that the claims are tried on where no solver can be asked.
const WORLDS: u64 = 100;

/// What is claimed of policies.
pub struct Claims {
    sides: Sides,
    all: Vec<Claim>,
    /// Instead of all else: how this version compares with another.
    compared: Option<Kind>,
    /// How many invariants and guarantees are stated.
    stated: (usize, usize),
    /// Whether some of the claims were left out.
    is_narrowed: bool,
}

impl Claims {
    /// That each invariant and each guarantee holds and speaks of something, that no policy errs, that each can decide
    /// something, and that each action is allowed to somebody. `ward` is made of `sources`.
    ///
    /// # Errors
    /// [`Error::Other`] for an invariant or a guarantee that is none.
    pub fn new(ward: Ward, sources: &Sources, stated: &Stated) -> Result<Self, Error> {
        let sides = sides(ward, sources, stated, None)?;
        let all = claim::claims(&sides)?;
        Ok(Claims::of(sides, all, None, stated))
    }

    /// That the policies allow nothing that those of `old` do not, under the schema of `sources`.
    ///
    /// # Errors
    /// As [`Claims::new`]; and [`Error::Policies`] where `old` cannot be used under that schema.
    pub fn not_more_than(
        ward: Ward,
        sources: &Sources,
        stated: &Stated,
        old: &Sources,
    ) -> Result<Self, Error> {
        Claims::compared(ward, sources, stated, old, Kind::NotMore)
    }

    /// That the policies allow just what those of `old` allow, under the schema of `sources`.
    ///
    /// # Errors
    /// As [`Claims::not_more_than`].
    pub fn equivalent(ward: Ward, sources: &Sources, stated: &Stated, old: &Sources) -> Result<Self, Error> {
        Claims::compared(ward, sources, stated, old, Kind::Equivalent)
    }

    fn compared(
        ward: Ward,
        sources: &Sources,
        stated: &Stated,
        old: &Sources,
        kind: Kind,
    ) -> Result<Self, Error> {
        let old = other_version(old, sources)?;
        let sides = sides(ward, sources, stated, Some(old))?;
        let all = match &sides.old {
            Some(old) => vec![claim::compared(&sides, old, kind)?],
            None => Vec::new(),
        };
        Ok(Claims::of(sides, all, Some(kind), stated))
    }

    fn of(sides: Sides, all: Vec<Claim>, compared: Option<Kind>, stated: &Stated) -> Self {
        let stated = (stated.invariants.policies.len(), stated.guarantees.policies.len());
        Claims { sides, all, compared, stated, is_narrowed: false }
    }

    /// Only those whose names contain one of the texts; all where there is no text.
    ///
    /// # Errors
    /// [`Error::Other`] where none is left.
    pub fn only(mut self, texts: &[String]) -> Result<Self, Error> {
        if texts.is_empty() {
            return Ok(self);
        }
        self.all.retain(|claim| texts.iter().any(|text| claim.id.contains(text.as_str())));
        self.is_narrowed = true;
        match self.all.is_empty() {
            true => Err(Error::Other(format!("no claim's name contains `{}`", texts.join("` or `")))),
            false => Ok(self),
        }
    }

    /// Gives the people and places of stories names.
    pub fn with_names(mut self, names: Names) -> Self {
        self.sides.names = names;
        self
    }

    /// What a lock file says, and nothing else.
    pub fn from_lock(&self, lock: &Lock) -> Report {
        let mut report = self.report(Report::new(lock.solver().to_owned()));
        for claim in &self.all {
            let key = claim.key(&self.sides.now.schema_text, lock.solver());
            report.findings.push(if lock.has(Part::Proved, &claim.id, &key) {
                Finding::locked(claim)
            } else {
                let mut finding = Finding::new(claim, Vec::new());
                finding.undecided(
                    "the lock file does not have it of these policies: prove it without --locked".to_owned(),
                );
                finding
            });
        }
        report
    }

    /// Nothing, for want of a solver.
    pub fn unasked(&self, why: NoSolver) -> Report {
        self.report(Report::without_solver(&self.all, why))
    }

    /// Asks a solver, but for what `before` has of these very policies. Beside the report comes the lock of what is
    /// proved now; none where only some of the claims were asked, or there was no lock before.
    pub fn prove(
        &self,
        solver: &Solver,
        limits: Limits,
        before: Option<&Lock>,
        progress: Progress<'_>,
    ) -> (Report, Option<Lock>) {
        let none = Lock::default();
        let known = before.unwrap_or(&none);
        // Its version alone: another machine with the same one answers alike, whoever built it.
        let name = solver.name();
        let mut after = known.anew(Part::Proved, &name);
        let keys: Vec<String> =
            self.all.iter().map(|claim| claim.key(&self.sides.now.schema_text, &name)).collect();
        let mut open = Vec::new();
        for (at, (claim, key)) in self.all.iter().zip(&keys).enumerate() {
            if known.has(Part::Proved, &claim.id, key) {
                after.add(Part::Proved, &claim.id, key.clone());
            } else {
                open.push(at);
            }
        }
        let questions = open.iter().filter_map(|at| self.all.get(*at)).map(|claim| claim.parts.len()).sum();
        let done = counter(questions, progress);
        let outcomes = query::ask(&self.sides, &self.all, &open, solver, limits, &done);
        let mut report = self.report(Report::new(name));
        let mut settled = open.iter().zip(outcomes).peekable();
        for (at, (claim, key)) in self.all.iter().zip(keys).enumerate() {
            match settled.next_if(|(open, _)| **open == at) {
                Some((_, outcome)) => {
                    report.questions += outcome.asked;
                    if matches!(outcome.verdict, Verdict::Holds) {
                        after.add(Part::Proved, &claim.id, key);
                    }
                    report.findings.push(finding(&self.sides, claim, outcome));
                }
                None => report.findings.push(Finding::locked(claim)),
            }
        }
        // What was left out stays as it was: it is compared with its own hash when it is asked again.
        (report, before.filter(|_| !self.is_narrowed).map(|_| after))
    }

    /// Tries the claims on so many random worlds, and puts what speaks against them into the report; by default on 100
    /// where something was not proved.
    pub fn try_worlds(&self, report: &mut Report, worlds: Option<u64>, progress: Progress<'_>) {
        let unproved = report.findings.iter().any(|finding| !finding.holds());
        let worlds = worlds.unwrap_or(if report.trouble.is_some() || unproved { WORLDS } else { 0 });
        if worlds == 0 {
            return;
        }
        let done = counter(usize::try_from(worlds).unwrap_or(usize::MAX), progress);
        let tried = random::run(&self.sides, worlds, self.compared, &done);
        report.worlds = tried.worlds;
        report.tried = tried.allowed;
        for (kind, scene) in tried.found {
            let places = self.all.iter().zip(&mut report.findings);
            let concerned = places.filter(|(claim, _)| claim.kind == kind).map(|(_, finding)| finding);
            for finding in concerned.filter(|finding| finding.standing != Standing::Refuted) {
                finding.why = None;
                tell(&self.sides, kind, scene.clone(), finding);
            }
        }
    }

    /// A report with how much is stated, where that was asked.
    fn report(&self, report: Report) -> Report {
        let stated = |n: usize| self.compared.is_none().then_some(n);
        Report { invariants: stated(self.stated.0), guarantees: stated(self.stated.1), ..report }
    }
}

/// Says, each time that it is called, that one more of `total` is done.
pub(crate) fn counter(total: usize, progress: Progress<'_>) -> impl Fn() + Sync {
    let done = AtomicUsize::new(0);
    progress(0, total);
    move || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total)
}

/// The policies of another version, read under the schema of this one.
pub(crate) fn other_version(old: &Sources, now: &Sources) -> Result<Policies, Error> {
    let old = Sources { schema: now.schema.clone(), policies: old.policies.clone(), catalogue: None };
    let which = "the other version, under the schema of this one";
    let ward = Ward::new(&old).map_err(|error| Error::Policies { which, error })?;
    Ok(Policies::new(ward, &old)?)
}

pub(crate) fn sides(
    ward: Ward,
    sources: &Sources,
    stated: &Stated,
    old: Option<Policies>,
) -> Result<Sides, Error> {
    let sides = Sides {
        now: Policies::new(ward, sources)?,
        invariants: Invariants::new(stated)?,
        old,
        model: Arc::new(Model::new(&sources.schema.text)?),
        known: Arc::default(),
        names: |_| &[],
    };
    Ok(sides.with_known())
}

/// What is told of a claim: counterexamples are replayed first.
fn finding(sides: &Sides, claim: &Claim, outcome: Outcome) -> Finding {
    let mut finding = Finding::new(claim, outcome.places);
    match outcome.verdict {
        Verdict::Holds => finding.standing = Standing::Proved,
        Verdict::Undecided(why) => finding.undecided(why),
        Verdict::Faulty(why) => {
            finding.standing = Standing::SolverFault;
            finding.why = Some(why);
        }
        Verdict::Fails(None) if claim.any => finding.standing = Standing::Refuted,
        Verdict::Fails(None) => {
            finding.standing = Standing::SolverFault;
            finding.why = Some("it says that the claim fails, and then that it holds".to_owned());
        }
        Verdict::Fails(Some(env)) => {
            let steps = match claim.kind {
                Kind::Invariant(at) => sides.invariants.all.get(at).map(|invariant| match &invariant.form {
                    Form::Change(steps, _) => steps.as_slice(),
                    _ => &[],
                }),
                _ => None,
            };
            match Scene::of(&env, steps.unwrap_or_default(), &sides.now.ward) {
                Ok(scene) => tell(sides, claim.kind, scene, &mut finding),
                Err(why) => finding.undecided(format!("the solver's counterexample cannot be read: {why}")),
            }
        }
    }
    finding
}

/// Replays, shrinks and tells a scene.
fn tell(sides: &Sides, kind: Kind, mut scene: Scene, finding: &mut Finding) {
    if scene.replay(kind, sides).is_none() {
        finding.undecided("the solver has a counterexample that the engine does not confirm".to_owned());
        return;
    }
    scene.shrink(kind, sides);
    finding.standing = Standing::Refuted;
    if let Some(replay) = scene.replay(kind, sides) {
        finding.story = Some(story::tell(&scene, &replay, kind, sides));
        finding.case = story::case(&scene, &replay, kind, sides).ok();
    }
}
