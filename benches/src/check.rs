//! One decision at a time: rows `check_hot/…`, a few requests over and over, and `check_cold/…`, requests
//! spread over the whole world, each asked once.
//!
//! Every implementation answers the same requests turn by turn, and caseward's answers are what is expected.

use caseward::testing::asks::environment;
use std::cell::Cell;

use caseward::{Decider, Handle, Prepared, Request};

use crate::Failure;
use crate::compare::{Candidate, Pair, Shared, Trial, compare, compare_threads, shared};
use crate::floor::Floor;
use crate::pairs::pairs;
use crate::peers::casbin::{self, Casbin};
use crate::peers::cedar::{self, Cedar};
use crate::peers::rego::{self, Rego};
use crate::peers::sqlite::{self, Sqlite};
use crate::report::Report;
use crate::world::{Data, NOW, Question};

const HOT: usize = 5_000;
const HOT_REPEATS: usize = 20;
const COLD: usize = 100_000;
/// Requests to a sample, so that all are timed turn by turn on a noisy machine; cold ones enough for each
/// turn to get over what the others left in the caches.
const HOT_TURN: usize = 1_000;
const COLD_TURN: usize = 4_000;
const THREADS: usize = 2;
const THREAD_REPEATS: usize = 9;
/// Requests that threads share, at most.
const THREADED: usize = 100_000;

/// All rows of single decisions.
///
/// # Errors
/// A peer that cannot be set up.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    summaries(data, floor, report)?;
    items(data, floor, report)
}

/// The two kinds of rows.
struct Kind {
    name: &'static str,
    requests: usize,
    turn: usize,
    repeats: usize,
    is_hot: bool,
}

const KINDS: [Kind; 2] = [
    Kind { name: "check_hot", requests: HOT, turn: HOT_TURN, repeats: HOT_REPEATS, is_hot: true },
    Kind { name: "check_cold", requests: COLD, turn: COLD_TURN, repeats: 1, is_hot: false },
];

impl Kind {
    fn trial<'a>(&self, rest: &str, pairs: &'a [Pair], expected: &'a [bool]) -> Trial<'a> {
        let name = format!("{}/{rest}", self.name);
        Trial { name, pairs, expected, turn: self.turn, repeats: self.repeats, is_hot: self.is_hot }
    }
}

/// `viewSummary` on cases, with every peer.
fn summaries(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let decide = |pair: &Pair| floor.view_summary_case(pair.user, pair.resource, NOW);
    let by_id = |(user, case): &(&str, &str)| {
        let numbers = floor.user_numbers.get(user).zip(floor.case_numbers.get(case));
        numbers.is_some_and(|(user, case)| floor.view_summary_case(*user, *case, NOW))
    };
    let ids = |pair: &Pair| (question.user_id(pair.user), question.resource_id(pair.resource));
    let input = |pair: &Pair| rego::input(floor, pair.user, pair.resource, NOW);
    let facts = |pair: &Pair| Cell::new(casbin::request(floor, pair.user, pair.resource, NOW).ok());
    let (casbin, database, mut rego) = (Casbin::new()?, Sqlite::new(floor)?, Rego::new()?);
    let mut statement = database.check()?;
    let engines = Engines::new(data, &question)?;
    for kind in KINDS {
        let pairs = pairs(floor, kind.requests, floor.cases.len(), 7, |case| case);
        let expected = answers(data, &question, &pairs)?;
        let trial = kind.trial(&format!("viewSummary/{}", data.cases), &pairs, &expected);
        let mut candidates = engines.candidates(data, &question);
        candidates.extend([
            Candidate::new("floor", 1, decide),
            Candidate::prepared("floor, string ids", 1, ids, by_id),
            Candidate::prepared("regorus", 20, input, |input| rego.allows(input)),
            Candidate::prepared("casbin", 20, facts, |facts| facts.take().is_some_and(|f| casbin.allows(f))),
            Candidate::new("sqlite", 20, |pair| {
                sqlite::allows(&mut statement, pair.user, pair.resource, NOW)
            }),
        ]);
        compare(report, &trial, &mut candidates);
        on_threads(&engines.ours, &trial, &decide, report);
    }
    Ok(())
}

/// `viewItem` on items.
fn items(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let question = Question::new(data, "viewItem", "Item", NOW);
    let decide = |pair: &Pair| floor.view_item(pair.user, pair.resource, NOW);
    let engines = Engines::new(data, &question)?;
    for kind in KINDS {
        let case_of = |item: u32| floor.items[item as usize].case;
        let pairs = pairs(floor, kind.requests, floor.items.len(), 8, case_of);
        let expected = answers(data, &question, &pairs)?;
        let trial = kind.trial(&format!("viewItem/{}", data.cases), &pairs, &expected);
        let mut candidates = engines.candidates(data, &question);
        candidates.push(Candidate::new("floor", 1, decide));
        compare(report, &trial, &mut candidates);
        on_threads(&engines.ours, &trial, &decide, report);
    }
    Ok(())
}

/// What takes any question: caseward itself, and Cedar's authorizer.
struct Engines {
    all: Cedar,
    applicable: Cedar,
    ours: Ours,
}

/// A decider with what it is asked about, found beforehand.
pub struct Ours {
    pub decider: Decider,
    pub context: Prepared,
    users: Vec<Handle>,
    resources: Vec<Handle>,
}

impl Ours {
    /// Decides a question.
    ///
    /// # Errors
    /// Never for a question about the data.
    pub fn new(data: &Data, question: &Question<'_>) -> Result<Self, Failure> {
        let decider =
            data.ward.decider(&data.world, &environment("User", question.action, question.resource_type))?;
        let context = decider.prepare(&question.context())?;
        let handles = |ty| data.all(ty).iter().filter_map(|uid| data.world.handle(uid)).collect();
        Ok(Ours { decider, context, users: handles("User"), resources: handles(question.resource_type) })
    }

    /// The person and the record.
    pub fn handles(&self, pair: &Pair) -> (Handle, Handle) {
        (self.users[pair.user as usize], self.resources[pair.resource as usize])
    }

    /// Whether it is allowed; an error is no.
    pub fn allows(&self, (user, resource): (Handle, Handle)) -> bool {
        self.decider.allows(user, resource, &self.context).unwrap_or(false)
    }
}

impl Engines {
    fn new(data: &Data, question: &Question<'_>) -> Result<Self, Failure> {
        let applicable = Cedar::applicable(&data.ward, question.action, question.resource_type)?;
        Ok(Engines { all: Cedar::new(&data.ward)?, applicable, ours: Ours::new(data, question)? })
    }

    fn candidates<'a>(&'a self, data: &'a Data, question: &'a Question<'_>) -> Vec<Candidate<'a>> {
        let request = move |pair: &Pair| question.request(pair.user, pair.resource);
        let ready = move |pair: &Pair| cedar::ready(data, &request(pair)).ok();
        let by =
            |cedar: &'a Cedar| move |r: &Option<cedar::Ready>| r.as_ref().is_some_and(|r| cedar.allows(r));
        let ours = &self.ours;
        let named = move |pair: &Pair| (question.user(pair.user), question.resource(pair.resource));
        let columns = move |pairs: &[Pair]| pairs.iter().map(|pair| ours.handles(pair)).unzip();
        vec![
            Candidate::prepared("caseward", 1, |pair| ours.handles(pair), |pair| ours.allows(*pair)),
            Candidate::prepared("caseward, string ids", 1, named, |(user, resource)| {
                ours.decider.allows_named(user, resource, &ours.context).unwrap_or(false)
            }),
            Candidate::at_once("caseward, columns", columns, |(users, resources): &(Vec<_>, Vec<_>)| {
                let decided = ours.decider.decide_columns(users, resources, &ours.context);
                decided.map_or_else(|_| Vec::new(), |decided| decided.allowed)
            }),
            Candidate::prepared("caseward, with reasons", 1, request, |request| allows(data, request)),
            Candidate::prepared("cedar, all policies", 50, ready, by(&self.all)),
            Candidate::prepared("cedar, applicable policies", 50, ready, by(&self.applicable)),
        ]
    }
}

/// Whether caseward allows it; an error is no.
pub fn allows(data: &Data, request: &Request) -> bool {
    data.ward.check(&data.world, request).is_ok_and(|answer| answer.is_allowed())
}

/// What caseward answers.
///
/// # Errors
/// Never for requests made from the data.
pub fn answers(data: &Data, question: &Question<'_>, pairs: &[Pair]) -> Result<Vec<bool>, Failure> {
    let answer = |pair: &Pair| {
        let answer = data.ward.check(&data.world, &question.request(pair.user, pair.resource))?;
        Ok(answer.is_allowed())
    };
    pairs.iter().map(answer).collect()
}

/// The same requests on one thread and on two: `check_hot_threads_2/…`. Requests are ready for both.
fn on_threads(ours: &Ours, trial: &Trial<'_>, decide: &(impl Fn(&Pair) -> bool + Sync), report: &mut Report) {
    let (kind, rest) = trial.name.split_once('/').unwrap_or((&trial.name, ""));
    let count = trial.pairs.len().min(THREADED);
    let handles: Vec<_> = trial.pairs[..count].iter().map(|pair| ours.handles(pair)).collect();
    let decider = shared(|pair: &Pair| ours.allows(handles[pair.at as usize]));
    let floors = shared(decide);
    let all: [(&str, Shared<'_>); 2] = [("caseward", &decider), ("floor", &floors)];
    for threads in 1..=THREADS {
        let name = format!("{kind}_threads_{threads}/{rest}");
        let trial = Trial {
            name,
            pairs: &trial.pairs[..count],
            expected: &trial.expected[..count],
            repeats: THREAD_REPEATS,
            ..*trial
        };
        compare_threads(report, &trial, threads, &all);
    }
}
