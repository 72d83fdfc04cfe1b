//! Times several implementations of the same thing turn by turn.
//!
//! A noisy machine slows all of them alike, and only the time at work counts. Every answer is compared while
//! it is timed: a fast wrong answer stops the run.
//!
//! [`compare`] times decisions, [`compare_threads`] decisions on several threads at once, [`compare_work`]
//! anything else.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use crate::report::{Report, timed_at_work};

/// Who asks about what, in the floor's numbers; `at` tells the requests of a row apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub at: u32,
    pub user: u32,
    pub resource: u32,
}

/// Decides a run of requests; gives the nanoseconds that it took and how many answers were wrong.
type Run<'a> = Box<dyn FnMut(&[Pair], &[bool]) -> (f64, usize) + 'a>;

/// One implementation in a row.
pub struct Candidate<'a> {
    name: &'static str,
    /// It gets one request in so many: an engine that takes 1,000 times longer cannot have them all.
    one_in: usize,
    run: Run<'a>,
}

impl<'a> Candidate<'a> {
    /// An implementation that decides from the numbers.
    pub fn new(
        name: &'static str,
        one_in: usize,
        mut decide: impl FnMut(&Pair) -> bool + 'a,
    ) -> Candidate<'a> {
        Candidate {
            name,
            one_in,
            run: Box::new(move |pairs, expected| decide_all(pairs, expected, &mut decide)),
        }
    }

    /// An implementation that needs more than the numbers: `prepare` is not timed.
    pub fn prepared<T>(
        name: &'static str,
        one_in: usize,
        mut prepare: impl FnMut(&Pair) -> T + 'a,
        mut decide: impl FnMut(&T) -> bool + 'a,
    ) -> Candidate<'a> {
        let run = move |pairs: &[Pair], expected: &[bool]| {
            let ready: Vec<T> = pairs.iter().map(&mut prepare).collect();
            decide_all(&ready, expected, &mut decide)
        };
        Candidate { name, one_in, run: Box::new(run) }
    }

    /// An implementation that decides all requests of a turn at once; `prepare` is not timed.
    pub fn at_once<T>(
        name: &'static str,
        mut prepare: impl FnMut(&[Pair]) -> T + 'a,
        mut decide: impl FnMut(&T) -> Vec<bool> + 'a,
    ) -> Candidate<'a> {
        let run = move |pairs: &[Pair], expected: &[bool]| {
            let ready = prepare(pairs);
            let (answers, time) = timed_at_work(|| decide(black_box(&ready)));
            let wrong = answers.iter().zip(expected).filter(|(answer, expected)| answer != expected).count();
            (time, wrong + expected.len().abs_diff(answers.len()))
        };
        Candidate { name, one_in: 1, run: Box::new(run) }
    }
}

fn decide_all<T>(requests: &[T], expected: &[bool], decide: &mut impl FnMut(&T) -> bool) -> (f64, usize) {
    let (wrong, time) = timed_at_work(|| {
        let wrong = requests.iter().zip(expected).filter(|(r, e)| decide(black_box(r)) != **e);
        wrong.count()
    });
    (time, wrong)
}

/// The requests of a row and what they are answered.
pub struct Trial<'a> {
    pub name: String,
    pub pairs: &'a [Pair],
    pub expected: &'a [bool],
    /// Requests to a turn.
    pub turn: usize,
    /// How often all requests are gone through.
    pub repeats: usize,
    /// Whether every turn is gone through once untimed, since the others had the caches meanwhile.
    pub is_hot: bool,
}

/// Times every candidate; what it takes a request is recorded in nanoseconds, a turn being a sample.
///
/// # Panics
/// Where a candidate's answer is wrong.
pub fn compare(report: &mut Report, trial: &Trial<'_>, candidates: &mut [Candidate<'_>]) {
    let mut samples = vec![Vec::new(); candidates.len()];
    let mut asked = vec![(0, 0); candidates.len()];
    for _ in 0..trial.repeats {
        for (pairs, expected) in trial.pairs.chunks(trial.turn).zip(trial.expected.chunks(trial.turn)) {
            for ((candidate, samples), asked) in candidates.iter_mut().zip(&mut samples).zip(&mut asked) {
                let share = (pairs.len() / candidate.one_in).max(1);
                let (pairs, expected) = (&pairs[..share], &expected[..share]);
                if trial.is_hot {
                    (candidate.run)(pairs, expected);
                }
                let (time, wrong) = (candidate.run)(pairs, expected);
                assert_eq!(wrong, 0, "{}: {} answers otherwise", trial.name, candidate.name);
                samples.push(time / share as f64);
                asked.0 += expected.iter().filter(|allowed| **allowed).count();
                asked.1 += share;
            }
        }
    }
    for ((candidate, samples), (allowed, all)) in candidates.iter().zip(samples).zip(asked) {
        let answer = format!("{allowed} of {all} allowed");
        report.record_all(trial.name.clone(), candidate.name, "ns", samples, answer);
    }
    report.print_ratios(&trial.name);
}

/// Decides without changing anything, so that threads can share it.
pub type Shared<'a> = &'a (dyn Fn(&[Pair], &[bool]) -> usize + Sync);

/// Lets threads share an implementation.
pub fn shared<'a>(
    decide: impl Fn(&Pair) -> bool + Sync + 'a,
) -> impl Fn(&[Pair], &[bool]) -> usize + Sync + 'a {
    move |pairs, expected| pairs.iter().zip(expected).filter(|(p, e)| decide(black_box(p)) != **e).count()
}

/// Times implementations on several threads at once, each on its own part of the requests: nanoseconds of
/// the clock to a request.
///
/// # Panics
/// As [`compare`].
pub fn compare_threads(
    report: &mut Report,
    trial: &Trial<'_>,
    threads: usize,
    all: &[(&'static str, Shared<'_>)],
) {
    let mut samples = vec![Vec::new(); all.len()];
    let part = trial.pairs.len().div_ceil(threads);
    for _ in 0..trial.repeats {
        for ((name, decide), samples) in all.iter().zip(&mut samples) {
            let barrier = Barrier::new(threads);
            let work = |pairs: &[Pair], expected: &[bool]| {
                if trial.is_hot {
                    decide(pairs, expected);
                }
                barrier.wait();
                let start = Instant::now();
                let wrong = decide(pairs, expected);
                (wrong, start, Instant::now())
            };
            let parts = trial.pairs.chunks(part).zip(trial.expected.chunks(part));
            let done: Vec<_> = std::thread::scope(|scope| {
                let running: Vec<_> = parts.map(|(p, e)| scope.spawn(|| work(p, e))).collect();
                running.into_iter().filter_map(|thread| thread.join().ok()).collect()
            });
            assert_eq!(done.len(), threads, "{}: a thread of {name} failed", trial.name);
            assert!(done.iter().all(|(wrong, ..)| *wrong == 0), "{}: {name} answers otherwise", trial.name);
            let (first, last) = (done.iter().map(|d| d.1).min(), done.iter().map(|d| d.2).max());
            let time = last.zip(first).map_or(0, |(last, first)| (last - first).as_nanos());
            samples.push(time as f64 / trial.pairs.len() as f64);
        }
    }
    for ((name, _), samples) in all.iter().zip(samples) {
        report.record_all(trial.name.clone(), name, "ns", samples, format!("{threads} threads"));
    }
    report.print_ratios(&trial.name);
}

/// Rounds of [`compare_work`].
const ROUNDS: usize = 15;
/// Work that takes less than this is done many times to a sample, in nanoseconds.
const SAMPLE: f64 = 200_000.0;
/// Work that takes more than this is done [`FEW`] times only.
const SLOW: f64 = 50_000_000.0;
const FEW: usize = 3;

/// A piece of work, such as making a list; gives a number that tells whether it was done right.
pub type Work<'a> = Box<dyn FnMut() -> usize + 'a>;

/// Times pieces of work turn by turn; what each takes once is recorded in nanoseconds.
///
/// # Panics
/// Where one of them gives another number than `expected`.
pub fn compare_work(report: &mut Report, name: &str, expected: usize, all: &mut [(&'static str, Work<'_>)]) {
    let first: Vec<f64> = all.iter_mut().map(|(_, work)| timed_at_work(work).1).collect();
    let mut samples = vec![Vec::new(); all.len()];
    for round in 0..ROUNDS {
        for (((who, work), samples), first) in all.iter_mut().zip(&mut samples).zip(&first) {
            if round >= FEW && *first > SLOW {
                continue;
            }
            // The others had the caches meanwhile.
            if *first <= SLOW {
                assert_eq!(work(), expected, "{name}: {who} answers otherwise");
            }
            let times = (SAMPLE / first.max(1.0)).ceil().min(1_000.0) as usize;
            let (wrong, time) = timed_at_work(|| (0..times).filter(|_| work() != expected).count());
            assert_eq!(wrong, 0, "{name}: {who} answers otherwise");
            samples.push(time / times as f64);
        }
    }
    for ((who, _), samples) in all.iter().zip(samples) {
        report.record_all(name.to_owned(), who, "ns", samples, expected.to_string());
    }
}
