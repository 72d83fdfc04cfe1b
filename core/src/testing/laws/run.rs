//! Runs a law on many cases at once, counts what was seen, and makes a failing case small.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::Extent;
use crate::testing::bytes;

/// How often a condition came out in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It held.
    pub yes: u64,
    /// It did not.
    pub no: u64,
    /// It had no value.
    pub failed: u64,
}

/// What the cases of a law came to.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Sets of policies.
    pub wards: u64,
    /// Policies in them.
    pub policies: u64,
    /// Policies that decided something.
    pub deciding: u64,
    /// Policies that validation refused.
    pub refused: u64,
    /// Worlds.
    pub worlds: u64,
    /// Decisions compared.
    pub decisions: u64,
    /// Decisions that were allows.
    pub allows: u64,
    /// Decisions in which a policy could not be evaluated.
    pub errors: u64,
    /// Decisions on a principal, resource or context that names an absent entity.
    pub absent: u64,
    /// Lists compared with checks.
    pub lists: u64,
    /// Records in these lists.
    pub listed: u64,
    /// People found for records, and compared with checks.
    pub people: u64,
    /// Decisions on actions that were left open, for want of a part of their context.
    pub open: u64,
    /// Those of them that were allowed, once all was given.
    pub opened: u64,
    /// Broken texts of entities that Cedar and this crate took all the same.
    pub taken: u64,
    /// Broken texts that neither took.
    pub not_taken: u64,
    /// Broken texts that were refused for what dangles, or is unknown.
    pub dangling: u64,
    /// Decisions that a change of three facts at most was found to turn.
    pub turned: u64,
    /// Of these, denials.
    pub denials_turned: u64,
    /// Edits of these changes.
    pub edits: u64,
    /// Searches for a change that reached their limit.
    pub gave_up: u64,
    /// Combinations of edits that were tried to beat what was found.
    pub tried: u64,
    /// Explanations of one decision on facts that differ where the viewer may not see it.
    pub compared: u64,
    /// Decisions on others that differ by a fact that the viewer may not see.
    pub apart: u64,
    /// Explanations in which something was withheld.
    pub withheld: u64,
    /// Entities that a viewer may not know of compared with one that is not there, by where they are named.
    pub unseen: BTreeMap<&'static str, u64>,
    /// How often each operator stood in a policy.
    pub uses: BTreeMap<String, u64>,
    /// How each operator alone came out.
    pub operators: BTreeMap<&'static str, Seen>,
    /// Processor time in Cedar's authorizer.
    pub cedar: Duration,
    /// Processor time in this crate's checks.
    pub checks: Duration,
    /// Processor time in this crate's lists.
    pub listing: Duration,
    /// Processor time in explanations.
    pub explaining: Duration,
    /// Processor time in all of it, the making of policies and worlds too.
    pub whole: Duration,
}

impl Counts {
    /// Adds what other cases came to.
    pub fn add(&mut self, other: &Counts) {
        self.wards += other.wards;
        self.policies += other.policies;
        self.deciding += other.deciding;
        self.refused += other.refused;
        self.worlds += other.worlds;
        self.decisions += other.decisions;
        self.allows += other.allows;
        self.errors += other.errors;
        self.absent += other.absent;
        self.lists += other.lists;
        self.listed += other.listed;
        self.people += other.people;
        self.open += other.open;
        self.opened += other.opened;
        self.taken += other.taken;
        self.not_taken += other.not_taken;
        self.dangling += other.dangling;
        self.turned += other.turned;
        self.denials_turned += other.denials_turned;
        self.edits += other.edits;
        self.gave_up += other.gave_up;
        self.tried += other.tried;
        self.compared += other.compared;
        self.apart += other.apart;
        self.withheld += other.withheld;
        for (place, count) in &other.unseen {
            *self.unseen.entry(place).or_default() += count;
        }
        for (name, count) in &other.uses {
            *self.uses.entry(name.clone()).or_default() += count;
        }
        for (name, seen) in &other.operators {
            let all = self.operators.entry(name).or_default();
            all.yes += seen.yes;
            all.no += seen.no;
            all.failed += seen.failed;
        }
        self.cedar += other.cedar;
        self.checks += other.checks;
        self.listing += other.listing;
        self.explaining += other.explaining;
        self.whole += other.whole;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.decisions == 0 {
            return write!(
                f,
                "{} worlds, {} broken texts taken by both, {} by neither, {} refused as dangling",
                self.worlds, self.taken, self.not_taken, self.dangling
            );
        }
        if !self.unseen.is_empty() {
            let places: Vec<String> = self.unseen.iter().map(|(place, n)| format!("{place} {n}")).collect();
            return write!(
                f,
                "{} unknowable entities in {} worlds compared with absent ones: {}",
                self.compared,
                self.worlds,
                places.join(", ")
            );
        }
        if self.apart > 0 {
            return write!(
                f,
                "{} explanations of others' requests in {} worlds, with another value of what the viewer may not see: \
                {} decided otherwise",
                self.compared, self.worlds, self.apart
            );
        }
        if self.turned > 0 {
            return write!(
                f,
                "{} explanations in {} worlds ({} of allows, {} on errors): {} turned, {} of them denials, by {} edits, {} \
                searches gave up, {} combinations tried; {} with something withheld, {} compared; processor seconds: explaining {:.1}, in all {:.1}",
                self.decisions,
                self.worlds,
                self.allows,
                self.errors,
                self.turned,
                self.denials_turned,
                self.edits,
                self.gave_up,
                self.tried,
                self.withheld,
                self.compared,
                self.explaining.as_secs_f64(),
                self.whole.as_secs_f64(),
            );
        }
        let percent = |part: u64| part as f64 * 100.0 / self.decisions.max(1) as f64;
        write!(
            f,
            "{} decisions ({:.1} % allows, {:.1} % with errors, {:.1} % on something absent), {} lists of {} records and {} people; \
            {} wards, {} policies ({} refused, {} decided something), {} worlds; \
            processor seconds: Cedar {:.1}, checks {:.1}, lists {:.1}, in all {:.1}",
            self.decisions,
            percent(self.allows),
            percent(self.errors),
            percent(self.absent),
            self.lists,
            self.listed,
            self.people,
            self.wards,
            self.policies,
            self.refused,
            self.deciding,
            self.worlds,
            self.cedar.as_secs_f64(),
            self.checks.as_secs_f64(),
            self.listing.as_secs_f64(),
            self.whole.as_secs_f64(),
        )
    }
}

/// A case of a law, made from bytes.
pub(super) trait Case: Fn(&[u8]) -> Result<Counts, String> + Sync {}
impl<F: Fn(&[u8]) -> Result<Counts, String> + Sync> Case for F {}

/// Runs the cases on all processors.
///
/// # Errors
/// A case that fails, made small.
pub(super) fn over(extent: &Extent, len: usize, case: impl Case) -> Result<Counts, String> {
    let (next, stop, failure) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(None));
    let work = || {
        let mut counts = Counts::default();
        while !stop.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= extent.cases {
                break;
            }
            let drawn = bytes(extent.seed.wrapping_mul(1 << 32).wrapping_add(n), len);
            match guarded(&case, &drawn) {
                Ok(seen) => counts.add(&seen),
                Err(why) => {
                    stop.store(true, Ordering::Relaxed);
                    let (small, why) = shrink(&case, drawn, why, extent.tries);
                    let used = small.iter().filter(|byte| **byte != 0).count();
                    let text =
                        format!("case {n} of seed {}, with {used} bytes that are not 0:\n{why}", extent.seed);
                    if let Ok(mut failure) = failure.lock() {
                        failure.get_or_insert(text);
                    }
                }
            }
        }
        counts
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = Counts::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            if let Ok(seen) = thread.join() {
                counts.add(&seen);
            }
        }
    });
    match failure.into_inner() {
        Ok(None) => Ok(counts),
        Ok(Some(why)) => Err(why),
        Err(_) => Err("a case could not be made small".to_owned()),
    }
}

/// A panic is a failure like any other.
fn guarded(case: &impl Case, bytes: &[u8]) -> Result<Counts, String> {
    catch_unwind(AssertUnwindSafe(|| case(bytes))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Zeroes what it can, larger stretches first: a byte of 0 is the first choice, and the smallest.
fn shrink(case: &impl Case, mut bytes: Vec<u8>, mut why: String, most: u32) -> (Vec<u8>, String) {
    let (mut tries, mut stretch) = (0, bytes.len() / 2);
    while stretch > 0 && tries < most {
        for at in (0..bytes.len()).step_by(stretch) {
            let mut smaller = bytes.clone();
            let Some(part) = smaller.get_mut(at..(at + stretch).min(bytes.len())) else { continue };
            if part.iter().all(|byte| *byte == 0) || tries >= most {
                continue;
            }
            part.fill(0);
            tries += 1;
            if let Err(still) = guarded(case, &smaller) {
                (bytes, why) = (smaller, still);
            }
        }
        stretch /= 2;
    }
    (bytes, why)
}
