//! Checks and lists on a small world, under Criterion: `subject/implementation/cases`.

use caseward::testing::asks::query;
use std::hint::black_box;

use caseward_benches::Failure;
use caseward_benches::check::allows;
use caseward_benches::compare::Pair;
use caseward_benches::floor::{Floor, Lists};
use caseward_benches::list::people;
use caseward_benches::pairs::pairs;
use caseward_benches::world::{Data, NOW, Question};
use criterion::{BenchmarkId, Criterion, Throughput};

const CASES: usize = 10_000;
const REQUESTS: usize = 5_000;

/// How many of the requests an implementation allows.
fn count<T>(requests: &[T], decide: impl Fn(&T) -> bool) -> usize {
    requests.iter().filter(|request| decide(black_box(request))).count()
}

fn checks(c: &mut Criterion, data: &Data, floor: &Floor<'_>) {
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let pairs = pairs(floor, REQUESTS, floor.cases.len(), 7, |case| case);
    let requests: Vec<_> = pairs.iter().map(|pair| question.request(pair.user, pair.resource)).collect();
    let decide = |pair: &Pair| floor.view_summary_case(pair.user, pair.resource, NOW);
    let expected = count(&pairs, decide);
    let mut group = c.benchmark_group("check/viewSummary");
    group.throughput(Throughput::Elements(REQUESTS as u64));
    group.bench_function(BenchmarkId::new("caseward", CASES), |b| {
        b.iter(|| assert_eq!(count(&requests, |request| allows(data, request)), expected));
    });
    group.bench_function(BenchmarkId::new("floor", CASES), |b| {
        b.iter(|| assert_eq!(count(&pairs, decide), expected));
    });
    group.finish();
}

fn lists(c: &mut Criterion, data: &Data, floor: &Floor<'_>) {
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let lists = Lists::new(floor);
    for (who, user, _) in people(floor, &lists) {
        let (person, context) = (question.user(user), question.context());
        let expected = lists.view_summary_cases(user, NOW).len();
        let mut group = c.benchmark_group(format!("list/{who}"));
        group.bench_function(BenchmarkId::new("caseward", CASES), |b| {
            b.iter(|| {
                let count = data.ward.count(&data.world, &query(&person, "viewSummary", "Case", &context));
                assert_eq!(count.ok(), Some(expected as usize));
            });
        });
        group.bench_function(BenchmarkId::new("floor", CASES), |b| {
            b.iter(|| assert_eq!(lists.view_summary_cases(user, NOW).len(), expected));
        });
        group.finish();
    }
}

fn main() -> Result<(), Failure> {
    let data = Data::small(CASES)?;
    let floor = Floor::new(&data.world)?;
    let mut criterion = Criterion::default().configure_from_args();
    checks(&mut criterion, &data, &floor);
    lists(&mut criterion, &data, &floor);
    criterion.final_summary();
    Ok(())
}
