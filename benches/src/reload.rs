//! Policies reloaded while requests are answered: `reload/<cases>`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use caseward::{Live, Sources, Ward};

use crate::Failure;
use crate::check::answers;
use crate::floor::Floor;
use crate::pairs::pairs;
use crate::report::{Report, timed};
use crate::world::{Data, NOW, Question};

const RELOADS: usize = 15;
const REQUESTS: usize = 1_000;

/// Reloads all policies, by the clock, while another thread checks without a pause that every answer is right.
///
/// # Errors
/// Never for the policies that come with caseward.
pub fn rows(data: &Data, floor: &Floor<'_>, report: &mut Report) -> Result<(), Failure> {
    let question = Question::new(data, "viewSummary", "Case", NOW);
    let pairs = pairs(floor, REQUESTS, floor.cases.len(), 7, |case| case);
    let expected = answers(data, &question, &pairs)?;
    let requests: Vec<_> = pairs.iter().map(|pair| question.request(pair.user, pair.resource)).collect();
    let live = Live::new(data.ward.clone(), data.world.clone())?;
    let sources = Sources::attendance();
    let (done, checked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut times, mut loads, mut indices, mut firsts) = (vec![], vec![], vec![], vec![]);
    std::thread::scope(|scope| -> Result<(), Failure> {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for (request, expected) in requests.iter().zip(&expected) {
                    let now = live.now();
                    let answer = now.ward().check(now.world(), request);
                    assert_eq!(answer.is_ok_and(|answer| answer.is_allowed()), *expected, "{request:?}");
                    checked.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        for reload in 0..RELOADS {
            let (number, time) = timed(|| live.reload(&sources));
            assert_eq!(number?, reload as u64 + 2);
            times.push(time);
            let now = live.now();
            let (loaded, time) = timed(|| Ward::new(&sources));
            loads.push(time);
            assert_eq!(loaded?.policy_hash(), now.ward().policy_hash());
            let (made, time) = timed(|| now.ward().make_indices(now.world()));
            made?;
            indices.push(time);
            firsts.push(timed(|| now.ward().check(now.world(), &requests[0])).1);
        }
        done.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    let answer = format!("{} decisions meanwhile, none failed or mixed", checked.into_inner());
    let name = format!("reload/policies/{}", data.cases);
    report.record_all(name.clone(), "caseward", "ns", times, answer);
    report.record_all(name.clone(), "of it loading", "ns", loads, String::new());
    report.record_all(name.clone(), "of it finding which indices are there", "ns", indices, String::new());
    report.record_all(name.clone(), "caseward, first check after it", "ns", firsts, String::new());
    report.print_ratios(&name);
    Ok(())
}
