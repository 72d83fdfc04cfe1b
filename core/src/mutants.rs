//! Deliberate bugs, to test the tests: each is a place in the engine that goes wrong when it is told to.
//!
//! A place asks `mutant!(Name)`, which is `false`, and costs nothing, without the feature `mutants`. With it, one
//! mutant at most is active in the whole process: the one that `CASEWARD_MUTANT` names, or that a test activates.
//! `tests/mutants.rs` holds that every mutant is caught by some law. Never turn the feature on in a service.
//!
//! INVARIANT: this module is there with the feature alone; without it nothing can be activated.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

macro_rules! mutants {
    ($($name:ident: $says:literal,)*) => {
        /// A bug that can be activated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Mutant {
            $(#[doc = $says] $name,)*
        }

        impl Mutant {
            /// Every bug.
            pub const ALL: &[Mutant] = &[$(Mutant::$name),*];

            /// Its name, as `CASEWARD_MUTANT` gives it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Mutant::$name => stringify!($name),)*
                }
            }

            /// What goes wrong.
            pub fn says(self) -> &'static str {
                match self {
                    $(Mutant::$name => $says,)*
                }
            }
        }
    };
}

mutants! {
    // Deciding.
    DropForbid: "a forbid that holds is not counted",
    IgnoreFailure: "a policy that cannot be evaluated is skipped, as Cedar does",
    IgnoreForbidFailure: "a forbid that cannot be evaluated is skipped, a permit is not",
    ForgetLastPolicy: "the last policy of a program is never evaluated",
    AbsentResourceAsks: "a list is made for someone whose context names what is not there",
    StopAtPermit: "a list stops at the first permit, even where a later policy fails",
    // Values.
    AddWraps: "addition wraps around",
    SubtractWraps: "subtraction wraps around",
    MultiplyWraps: "multiplication wraps around",
    NegateWraps: "negation wraps around",
    OffsetSaturates: "a datetime is moved no further than the last one there is",
    LessIsLessEqual: "less than takes equal for less",
    AbsentEqualsAbsent: "two entities that are not there are the same",
    AbsentLiesInItsType: "an entity that is not there lies in every other of its type",
    HasIsAlways: "every optional attribute is there, though reading it fails",
    OptionalIsZero: "an optional attribute that is absent reads as nought",
    HasTagSwallows: "a test for a tag is false where what it asks of cannot be evaluated",
    TagOfAnyName: "an entity with any tag has them all",
    IsTakesAny: "every entity is of the type asked for",
    InIsEqual: "an entity lies in itself alone",
    InNotItself: "an entity does not lie in itself",
    InParentsAlone: "an entity lies in its parents, not in theirs",
    ContainsAllIsAny: "containsAll is containsAny",
    ContainsAnyOfNothing: "a set contains some of an empty one",
    EmptyContainsNothing: "a set does not contain all of an empty one",
    LikeIgnoresEnd: "a pattern need not match to the end of the text",
    LikeWantsOne: "a wildcard does not stand for the empty text",
    DecimalsAreWhole: "decimals are compared by what stands before the point",
    RangeIsFirstAddress: "a range is its first address alone",
    LoopbackIgnoresPrefix: "a range that begins as a loopback is one",
    MulticastIgnoresPrefix: "a range that begins as multicast is one",
    DateRoundsToZero: "before 1970 a date is the day after",
    TimeIsNegative: "before 1970 a time of day is negative",
    HoursRoundUp: "a duration in hours is rounded up",
    SinceIsUntil: "durationSince is the wrong way round",
    AndEvaluatesBoth: "`&&` evaluates its right side though the left is false",
    OrEvaluatesBoth: "`||` evaluates its right side though the left is true",
    IfEvaluatesBoth: "`if` evaluates both of its branches",
    // Making programs.
    FoldFallible: "`x && false` is false, though x may fail",
    GroupsAreForgotten: "an action lies in no group",
    DifferentTypesDoNotFail: "entities of two types are unequal without being evaluated",
    // What is kept and found.
    KeepAcrossRecords: "what was computed for one record serves the next",
    KeepFailures: "a value that failed once is false the next time",
    IndexForgetsLast: "an index leaves out the last record",
    OrTakesLeft: "a list finds of `||` the left side alone",
    ListForgetsForbids: "a list holds what a forbid takes away",
    NarrowTakesFirst: "of the values that a path can have only the first is looked at",
    MirrorForgetsResource: "who may do something is asked with the record in both places",
    FactorDropsLess: "of two permits the one that asks less is left out",
    WalkStopsEarly: "a path is walked without its last step",
    ReasonsForgetFailures: "an answer with reasons takes no notice of policies that fail",
    ReasonsNameOne: "an answer names one policy where several decide",
    GraphForgetsFailures: "a decision without reasons takes no notice of policies that fail",
    GraphExcludesTooMuch: "what is not one of several things is none at all",
    EmptySetsHold: "a class holds nothing of sets that are not empty",
    ClassIsKept: "a change does not reach the class of a person",
    OverlayForgetsOthers: "through changes only the changed records themselves are decided anew",
    // The data.
    DanglingIsTaken: "data may name what is not there",
    TwiceIsTaken: "an entity given twice with other attributes is taken",
    CirclesAreTaken: "an entity may lie in itself",
    ParentsAreForgotten: "ancestors end at the second step",
    StaleIndex: "a change does not reach the indices",
    StaleResidual: "a change does not reach what is left of policies for a person",
    HalfABatch: "a batch that is refused leaves its first change behind",
    VersionStays: "a change leaves the version as it was",
    WindowOffByOne: "the last instant of a window lies outside it",
}

/// No mutant is active.
const NONE: u8 = u8::MAX;
/// None is active, and it is noted which ones are asked for.
const NOTE: u8 = u8::MAX - 1;
/// The environment has not been looked at.
const UNREAD: u8 = u8::MAX - 2;

static ACTIVE: AtomicU8 = AtomicU8::new(UNREAD);
/// A bit for each mutant.
static ASKED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

const _: () = assert!(Mutant::ALL.len() <= 64 * ASKED.len(), "`ASKED` has a bit for each");

/// Where a mutant's bit is, and the bit.
fn bit(mutant: Mutant) -> (&'static AtomicU64, u64) {
    let [first, second] = &ASKED;
    let number = mutant as u8;
    (if number < 64 { first } else { second }, 1 << (number % 64))
}

/// Whether a mutant is active.
pub fn is(mutant: Mutant) -> bool {
    match ACTIVE.load(Ordering::Relaxed) {
        NONE => false,
        NOTE => {
            let (word, bit) = bit(mutant);
            word.fetch_or(bit, Ordering::Relaxed);
            false
        }
        UNREAD => {
            let name = std::env::var("CASEWARD_MUTANT").unwrap_or_default();
            activate(Mutant::ALL.iter().copied().find(|mutant| mutant.name() == name));
            is(mutant)
        }
        active => active == mutant as u8,
    }
}

/// Makes one mutant active in the whole process, or none.
pub fn activate(mutant: Option<Mutant>) {
    ACTIVE.store(mutant.map_or(NONE, |mutant| mutant as u8), Ordering::SeqCst);
}

/// Runs `work` without a mutant; those that it came by a place of.
pub fn asked_for<T>(work: impl FnOnce() -> T) -> (T, Vec<Mutant>) {
    ASKED.iter().for_each(|word| word.store(0, Ordering::SeqCst));
    ACTIVE.store(NOTE, Ordering::SeqCst);
    let result = work();
    activate(None);
    let was_met = |mutant: &Mutant| {
        let (word, bit) = bit(*mutant);
        word.load(Ordering::SeqCst) & bit != 0
    };
    (result, Mutant::ALL.iter().copied().filter(was_met).collect())
}
