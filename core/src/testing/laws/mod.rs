//! What must hold over all worlds, policies and requests, as functions: tests run them at length, and briefly
//! against an engine with a bug in it, which they must find.

mod actions;
mod changes;
mod domains;
mod entities;
mod explaining;
mod groups;
mod operators;
mod others;
mod own;
mod random;
mod run;
mod sweep;
mod unseen;
mod windows;

#[cfg(not(target_arch = "wasm32"))]
pub(super) use changes::batch;
pub use changes::change_sequence;
pub use entities::{Taken, read_as_cedar};
pub use own::Own;
pub use run::{Counts, Seen};

/// How much of a law is run.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many cases: each a ward with worlds, or a world, as the law has it.
    pub cases: u64,
    /// Which ones; the same seed draws the same cases on every machine.
    pub seed: u64,
    /// How often to try to make a case that fails smaller.
    pub tries: u32,
}

impl Extent {
    /// So many cases of a seed; what fails is made small.
    pub fn new(cases: u64, seed: u64) -> Self {
        Extent { cases, seed, tries: 400 }
    }
}

/// Something that must hold.
#[derive(Clone, Copy, Debug)]
pub struct Law {
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// Cases that find a gross bug, in a second or so.
    pub few: u64,
    run: fn(&Extent) -> Result<Counts, String>,
}

impl Law {
    /// Tries the law on so many cases; what was seen.
    ///
    /// # Errors
    /// The first case found in which it does not hold, made small, with all that is needed to see it again.
    pub fn holds(&self, extent: &Extent) -> Result<Counts, String> {
        (self.run)(extent).map_err(|why| format!("{}: {}\n{why}", self.name, self.says))
    }
}

/// Every law.
pub const ALL: [Law; 17] = [
    RANDOM,
    OPERATORS,
    ATTENDANCE,
    CLINIC,
    CHANGES,
    WINDOWS,
    ACTIONS,
    ATTENDANCE_JSON,
    CLINIC_JSON,
    TURNS,
    ATTENDANCE_TURNS,
    CLINIC_TURNS,
    VIEWERS,
    UNSEEN,
    DOMAINS_UNSEEN,
    OTHERS,
    DOMAINS_OTHERS,
];

/// Random schemas, policies and worlds.
pub const RANDOM: Law = Law {
    name: "random",
    says: "under any policies, checks decide as Cedar's authorizer, failing closed, and lists hold what checks allow",
    few: 60,
    run: random::run,
};

/// Each operator of the language alone.
pub const OPERATORS: Law = Law {
    name: "operators",
    says: "a policy that is one operator is true, false and in error where Cedar has it so",
    few: 12,
    run: operators::run,
};

/// The rules of attendance.
pub const ATTENDANCE: Law = Law {
    name: "attendance",
    says: "under the attendance rules, checks decide as Cedar's authorizer, and lists hold what checks allow",
    few: 4,
    run: domains::attendance,
};

/// A second domain, with hierarchies, tags, records, decimals and addresses.
pub const CLINIC: Law = Law {
    name: "clinic",
    says: "under the rules of a clinic, checks decide as Cedar's authorizer, and lists hold what checks allow",
    few: 20,
    run: domains::clinic,
};

/// Batch after batch.
pub const CHANGES: Law = Law {
    name: "changes",
    says: "a world that was changed batch by batch answers as one that was made so, and a batch is taken or refused \
        as a whole; seen through a batch it answers as after it",
    few: 40,
    run: changes::run,
};

/// One instant after the other.
pub const WINDOWS: Law = Law {
    name: "windows",
    says: "what is kept of a person for the next list holds at every instant for which it is used",
    few: 60,
    run: windows::run,
};

/// All actions at once, with and without what their contexts ask for.
pub const ACTIONS: Law = Law {
    name: "actions",
    says: "what is said of all actions at once is what checks say of each, whatever is still given",
    few: 60,
    run: actions::run,
};

/// Entities of attendance.
pub const ATTENDANCE_JSON: Law = Law {
    name: "attendance_json",
    says: "entities of attendance are read and refused as Cedar does it, save for dangling references",
    few: 6,
    run: entities::attendance,
};

/// Entities of a clinic.
pub const CLINIC_JSON: Law = Law {
    name: "clinic_json",
    says: "entities of a clinic are read and refused as Cedar does it, save for dangling references",
    few: 30,
    run: entities::clinic,
};

/// What would turn a decision, under random policies.
pub const TURNS: Law = Law {
    name: "turns",
    says: "conditions come out as the policies that they make up; the change that an explanation finds turns the \
        decision to Cedar too, none of its edits is without need, and no fewer of the edits that the policies suggest \
        do it",
    few: 12,
    run: explaining::turns,
};

/// The same under the rules of attendance.
pub const ATTENDANCE_TURNS: Law =
    Law { name: "attendance_turns", few: 2, run: explaining::attendance_turns, ..TURNS };

/// The same under the rules of a clinic.
pub const CLINIC_TURNS: Law = Law { name: "clinic_turns", few: 4, run: explaining::clinic_turns, ..TURNS };

/// What a viewer is told.
pub const VIEWERS: Law = Law {
    name: "viewers",
    says: "an explanation for a viewer is the same whatever the facts are that they may not see, as long as the \
        decision is; a record that they may not know of is explained as one that is not there",
    few: 12,
    run: explaining::viewers,
};

/// What a person may not know of.
pub const UNSEEN: Law = Law {
    name: "unseen",
    says: "under any catalogue, what a person may not know of is told of as what is not there, to the byte: by \
        explanations for a viewer, views and alerts, as principal, as resource and in a context",
    few: 40,
    run: unseen::random,
};

/// The same under the rules of attendance and of a clinic.
pub const DOMAINS_UNSEEN: Law = Law { name: "domains_unseen", few: 4, run: unseen::domains, ..UNSEEN };

/// What a person is told of others.
pub const OTHERS: Law = Law {
    name: "others",
    says: "under any catalogue, what a person is told of somebody else's request, who may not see who may do what to \
        the record, is the same whatever any fact is that they may not see, the decision too",
    few: 40,
    run: others::random,
};

/// The same under the rules of attendance and of a clinic.
pub const DOMAINS_OTHERS: Law = Law { name: "domains_others", few: 4, run: others::domains, ..OTHERS };
