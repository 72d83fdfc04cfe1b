//! Asking: claims' questions given to solver processes, two at a time, grouped so that nothing is compiled twice.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use caseward::Effect;
use cedar_policy::PolicySet;
pub(crate) use cedar_policy_symcc::Env;
use cedar_policy_symcc::err::Error as SymError;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet};

use crate::claim::{Claim, Part, Query, Sides, Slice};
use crate::model::Policy;
use crate::plausible::Known;
use crate::rewrite;
use crate::solver::{NoSolver, Session, Solver};

/// Cedar's typechecker and compiler recurse over policies whose depth the library bounds.
pub(crate) const STACK: usize = 256 << 20;

/// How one question or claim came out; the later the worse.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Holds,
    /// The solver gave up, or the question is beyond it.
    Undecided(String),
    /// The solver died, hung or spoke nonsense.
    Faulty(String),
    /// Not so; with a counterexample where one can be had.
    Fails(Option<Box<Env>>),
}

impl Verdict {
    fn rank(&self) -> u8 {
        match self {
            Verdict::Holds => 0,
            Verdict::Undecided(_) => 1,
            Verdict::Faulty(_) => 2,
            Verdict::Fails(_) => 3,
        }
    }
}

/// How a claim came out.
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// The kinds of request in which it does not hold, or is not known to.
    pub(crate) places: Vec<String>,
    /// Questions asked.
    pub(crate) asked: usize,
}

/// How much a solver may spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time that the solver may take over one question.
    pub question: Duration,
    /// Solver processes at once, up to 64.
    pub jobs: usize,
}

impl Default for Limits {
    /// 20 seconds, and two processes.
    fn default() -> Self {
        Limits { question: Duration::from_secs(20), jobs: 2 }
    }
}

/// Asks everything about the claims at `chosen`; outcomes are in that order.
pub(crate) fn ask(
    sides: &Sides,
    claims: &[Claim],
    chosen: &[usize],
    solver: &Solver,
    limits: Limits,
    progress: &(dyn Fn() + Sync),
) -> Vec<Outcome> {
    let mut units: HashMap<_, Vec<(usize, &Part)>> = HashMap::new();
    for (place, claim) in chosen.iter().enumerate().filter_map(|(place, at)| Some((place, claims.get(*at)?)))
    {
        for part in &claim.parts {
            units.entry((part.model.name.as_str(), part.environment.key())).or_default().push((place, part));
        }
    }
    // The longest first, so that nobody is left with one at the end; then by name, always in the same order.
    let mut units: Vec<_> = units.into_iter().collect();
    units.sort_by(|a, b| (b.1.len(), a.0).cmp(&(a.1.len(), b.0)));
    let board = Board {
        settled: chosen.iter().map(|_| AtomicBool::new(false)).collect(),
        answers: Mutex::new(chosen.iter().map(|_| Vec::new()).collect()),
        known: Mutex::new(HashMap::new()),
        schema: sides.now.ward.schema(),
    };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..limits.jobs.clamp(1, 64) {
            let work = || {
                let mut worker =
                    Worker::new(solver, limits, Some(Narrow { known: &sides.known, schema: board.schema }));
                while let Some((_, parts)) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                    worker.compiled.clear();
                    for &(place, part) in parts {
                        let any =
                            chosen.get(place).and_then(|at| claims.get(*at)).is_some_and(|claim| claim.any);
                        board.settle(place, any, part, &mut worker);
                        progress();
                    }
                }
            };
            let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            // Where no thread can be had, its share is done by the others; with none, all stays undecided.
            drop(spawned);
        }
    });
    let answers = board.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let pairs = chosen.iter().zip(answers);
    pairs.filter_map(|(at, answers)| Some(outcome(claims.get(*at)?, answers))).collect()
}

struct Board<'a> {
    /// Claims that one good answer has settled.
    settled: Vec<AtomicBool>,
    answers: Mutex<Vec<Vec<(String, Verdict)>>>,
    /// Answers by what they depend on: kinds of request often differ in nothing that is asked.
    known: Mutex<HashMap<String, Verdict>>,
    schema: &'a caseward::Schema,
}

impl Board<'_> {
    fn settle(&self, place: usize, any: bool, part: &Part, worker: &mut Worker<'_>) {
        let settled = self.settled.get(place);
        if any && settled.is_some_and(|settled| settled.load(Ordering::Relaxed)) {
            return;
        }
        let question = part.question(self.schema);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&question).cloned();
        let verdict = before.unwrap_or_else(|| {
            let verdict = worker.answer(part);
            known().insert(question, verdict.clone());
            verdict
        });
        if let (true, Verdict::Holds, Some(settled)) = (any, &verdict, settled) {
            settled.store(true, Ordering::Relaxed);
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answers) = answers.get_mut(place) {
            answers.push((part.environment.shown(), verdict));
        }
    }
}

/// What the answers come to.
fn outcome(claim: &Claim, mut answers: Vec<(String, Verdict)>) -> Outcome {
    // Threads answer in any order.
    answers.sort_by(|a, b| a.0.cmp(&b.0));
    let asked = answers.len();
    if let Some(why) = &claim.refused {
        answers.push((String::new(), Verdict::Undecided(why.clone())));
    }
    if claim.any {
        let good = answers.iter().any(|(_, verdict)| matches!(verdict, Verdict::Holds));
        let open = answers
            .into_iter()
            .map(|(_, v)| v)
            .find(|v| matches!(v, Verdict::Undecided(_) | Verdict::Faulty(_)));
        let verdict = match (good, open) {
            (true, _) => Verdict::Holds,
            (false, Some(open)) => open,
            (false, None) => Verdict::Fails(None),
        };
        return Outcome { verdict, places: Vec::new(), asked };
    }
    if asked < claim.parts.len() {
        answers.push((String::new(), Verdict::Undecided("not everything could be asked".to_owned())));
    }
    let worst = answers.iter().map(|(_, verdict)| verdict.rank()).max().unwrap_or(0);
    let mut places: Vec<String> = Vec::new();
    let mut verdict = Verdict::Holds;
    for (place, found) in answers.into_iter().filter(|(_, found)| found.rank() == worst && worst > 0) {
        if !places.contains(&place) && !place.is_empty() {
            places.push(place);
        }
        if matches!(verdict, Verdict::Holds) {
            verdict = found;
        }
    }
    Outcome { verdict, places, asked }
}

/// What narrows counterexamples to those that can be.
#[derive(Clone, Copy)]
pub(crate) struct Narrow<'a> {
    pub(crate) known: &'a Known,
    pub(crate) schema: &'a caseward::Schema,
}

impl Narrow<'_> {
    fn forbid(&self, policies: &[&Policy], part: &Part) -> Option<Policy> {
        self.known.only_plausible(policies, &part.environment, self.schema)
    }
}

/// A solver process with what was compiled for the kind of request at hand.
pub(crate) struct Worker<'a> {
    solver: &'a Solver,
    limits: Limits,
    narrow: Option<Narrow<'a>>,
    session: Option<CedarSymCompiler<Session>>,
    compiled: HashMap<String, Rc<CompiledPolicySet>>,
}

impl<'a> Worker<'a> {
    /// Counterexamples are sought among what can be first, where `narrow` says what that is.
    pub(crate) fn new(solver: &'a Solver, limits: Limits, narrow: Option<Narrow<'a>>) -> Self {
        Worker { solver, limits, narrow, session: None, compiled: HashMap::new() }
    }

    /// Forgets what was compiled: for another kind of request.
    pub(crate) fn forget(&mut self) {
        self.compiled.clear();
    }

    pub(crate) fn answer(&mut self, part: &Part) -> Verdict {
        let asked = match &part.query {
            Query::Implies(a, b) => self.implies(part, a, b),
            Query::NeverErrs(slice) => self.never_errs(part, slice),
            Query::SomeMatch(slice) => {
                compile_one(slice, part).map(|policy| self.ask(Question::SomeMatch(&policy)))
            }
            Query::SomeAllowed(slice) => {
                self.compile(part, slice).map(|set| self.ask(Question::SomeAllowed(&set)))
            }
        };
        asked.unwrap_or_else(Verdict::Undecided)
    }

    fn never_errs(&mut self, part: &Part, slice: &Slice) -> Result<Verdict, String> {
        let verdict = self.ask(Question::NeverErrs(&compile_one(slice, part)?));
        let (Verdict::Fails(_), Some(policy)) = (&verdict, slice.policies.first()) else {
            return Ok(verdict);
        };
        let only = self.narrow.and_then(|narrow| narrow.forbid(&[policy], part));
        let narrowed = only.and_then(|only| rewrite::behind(policy, &only).ok());
        let narrowed = narrowed.map(|policy| Slice::new("(what can be)", vec![policy], slice.asks_action));
        let narrowed = narrowed.and_then(|slice| compile_one(&slice, part).ok());
        Ok(match narrowed.map(|policy| self.ask(Question::NeverErrs(&policy))) {
            Some(found @ Verdict::Fails(Some(_))) => found,
            _ => verdict,
        })
    }

    /// Whether the first allows only what the second does; a counterexample is one that can be, where there is one.
    fn implies(&mut self, part: &Part, a: &Slice, b: &Slice) -> Result<Verdict, String> {
        let verdict = self.implies_at_all(part, a, b)?;
        if !matches!(verdict, Verdict::Fails(_)) {
            return Ok(verdict);
        }
        let read: Vec<&Policy> = a.policies.iter().chain(b.policies.iter()).collect();
        let Some(only) = self.narrow.and_then(|narrow| narrow.forbid(&read, part)) else {
            return Ok(verdict);
        };
        // One more forbid: what it allows the whole allows too, so that a counterexample is one of the whole.
        let policies = a.policies.iter().cloned().chain([only]).collect();
        let narrowed = Slice::new(format!("{} where it can be", a.name), policies, a.asks_action);
        let (Ok(narrowed), Ok(other)) = (self.compile(part, &narrowed), self.compile(part, b)) else {
            return Ok(verdict);
        };
        Ok(match self.ask(Question::Implies(&narrowed, &other)) {
            found @ Verdict::Fails(Some(_)) => found,
            _ => verdict,
        })
    }

    /// As a whole, and where that is beyond the solver, permit by permit: a set allows what its permits allow, each
    /// with all of its forbids.
    fn implies_at_all(&mut self, part: &Part, a: &Slice, b: &Slice) -> Result<Verdict, String> {
        let (whole, other) = (self.compile(part, a)?, self.compile(part, b)?);
        let verdict = self.ask(Question::Implies(&whole, &other));
        let permits = a.policies.iter().filter(|policy| effect(policy) == Effect::Permit);
        if !matches!(verdict, Verdict::Undecided(_)) || permits.clone().count() < 2 {
            return Ok(verdict);
        }
        for permit in permits {
            let forbids = a.policies.iter().filter(|policy| effect(policy) == Effect::Forbid);
            let policies = forbids.chain([permit]).cloned().collect();
            let one = Slice::new(format!("{} by {}", a.name, permit.id()), policies, a.asks_action);
            let one = self.compile(part, &one)?;
            match self.ask(Question::Implies(&one, &other)) {
                Verdict::Holds => {}
                // The counterexample is one of the whole too: more permits allow no less.
                other => return Ok(other),
            }
        }
        Ok(Verdict::Holds)
    }

    fn compile(&mut self, part: &Part, slice: &Slice) -> Result<Rc<CompiledPolicySet>, String> {
        if let Some(compiled) = self.compiled.get(&slice.name) {
            return Ok(compiled.clone());
        }
        let set = PolicySet::from_policies(slice.policies.iter().cloned()).map_err(|e| e.to_string())?;
        let compiled = CompiledPolicySet::compile(&set, &part.environment.cedar, &part.model.schema)
            .map_err(|e| chain(&e))?;
        let compiled = Rc::new(compiled);
        self.compiled.insert(slice.name.clone(), compiled.clone());
        Ok(compiled)
    }

    fn ask(&mut self, question: Question<'_>) -> Verdict {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => match Session::start(self.solver, self.limits.question) {
                Ok(session) => match CedarSymCompiler::new(session) {
                    Ok(session) => session,
                    Err(error) => return Verdict::Faulty(chain(&error)),
                },
                Err(NoSolver::Faulty(why) | NoSolver::Missing(why)) => return Verdict::Faulty(why),
            },
        };
        let answer = wait(question.put(&mut session)).unwrap_or(Err(SymError::SolverUnknown));
        let fault = session.solver().fault().map(str::to_owned);
        if fault.is_none() {
            self.session = Some(session);
        }
        match answer {
            Ok(None) => Verdict::Holds,
            Ok(Some(found)) => Verdict::Fails(found),
            Err(SymError::SolverUnknown) => {
                let seconds = self.limits.question.as_secs_f64();
                Verdict::Undecided(format!("the solver did not decide it within {seconds} s"))
            }
            Err(SymError::SolverError(error)) => Verdict::Faulty(fault.unwrap_or_else(|| chain(&error))),
            Err(error) => Verdict::Undecided(chain(&error)),
        }
    }
}

/// A question to the solver's compiler.
enum Question<'a> {
    Implies(&'a CompiledPolicySet, &'a CompiledPolicySet),
    NeverErrs(&'a CompiledPolicy),
    SomeAllowed(&'a CompiledPolicySet),
    SomeMatch(&'a CompiledPolicy),
}

/// `None` where it is so, the counterexample where not.
type Answer = Result<Option<Option<Box<Env>>>, SymError>;

impl Question<'_> {
    async fn put(&self, session: &mut CedarSymCompiler<Session>) -> Answer {
        let counter = |found: Option<Env>| found.map(|env| Some(Box::new(env)));
        let not = |never: bool| never.then_some(None);
        Ok(match self {
            // Most of what is asked holds, and is told faster where no counterexample is to be kept in mind.
            Question::Implies(a, b) => match session.check_implies_opt(a, b).await? {
                true => None,
                false => counter(session.check_implies_with_counterexample_opt(a, b).await?).or(Some(None)),
            },
            Question::NeverErrs(policy) => match session.check_never_errors_opt(policy).await? {
                true => None,
                false => {
                    counter(session.check_never_errors_with_counterexample_opt(policy).await?).or(Some(None))
                }
            },
            Question::SomeAllowed(set) => not(session.check_always_denies_opt(set).await?),
            Question::SomeMatch(policy) => not(session.check_never_matches_opt(policy).await?),
        })
    }
}

/// Runs a future that waits for nothing: what it writes goes to memory, what it reads is read by blocking.
fn wait<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn compile_one(slice: &Slice, part: &Part) -> Result<CompiledPolicy, String> {
    let policy = slice.policies.first().ok_or("no policy to ask about")?;
    CompiledPolicy::compile(policy, &part.environment.cedar, &part.model.schema).map_err(|e| chain(&e))
}

fn effect(policy: &Policy) -> Effect {
    match policy.effect() {
        cedar_policy::Effect::Permit => Effect::Permit,
        cedar_policy::Effect::Forbid => Effect::Forbid,
    }
}

/// An error with those behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text.replace('\n', " ")
}
