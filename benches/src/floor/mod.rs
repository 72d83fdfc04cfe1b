//! The floor: the rules for `viewSummary` on cases and `viewItem` on items, written by hand in Rust.
//!
//! This is what a good programmer would write who knows all of the rules, and nothing else, by heart: dense
//! numbers for ids, small structs, the cheapest question first, an early exit wherever the answer is known.
//! Policies that grant a part of what another one grants are left out, and a comment says which.
//!
//! INVARIANT: it obeys every policy that can apply, the gates included. `check` and `list` assert that it
//! answers as caseward does.

mod case;
mod item;
mod lists;
mod load;
mod people;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use lists::Lists;
pub use people::People;

/// No entity: an attribute that is absent.
pub const NONE: u32 = u32::MAX;

/// 2026-02-28T00:00:00+13:00: school roles count for cases and items from here (G3).
pub const ROLLED_OUT: i64 = 1_772_190_000_000;

// The ministry's teams that see cases or items, as bits.
pub const CENTRAL_INVESTIGATION: u8 = 1;
pub const NATIONAL_CONTRACTS: u8 = 2;
pub const REGIONAL_CONTRACTS: u8 = 4;
pub const PROSECUTIONS: u8 = 8;

/// A person's sets of places.
#[derive(Clone, Copy)]
pub enum Places {
    AttendanceLeadAt,
    PrimaryContactAt,
    OfficeSupportAt,
    WorkflowLeadAt,
    CaseManagerAt,
    Monitors,
}

/// Numbers in order, kept beside all other sets.
#[derive(Clone, Copy, Default)]
pub struct Set {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Open,
    Closed,
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProviderKind {
    Asp,
    Isp,
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ItemKind {
    Comment,
    File,
    ServiceReferral,
    AgencyResponse,
    /// A note, an activity or correspondence: no rule tells them apart.
    Other,
    Unknown,
}

/// A person, in half a cache line.
pub struct User {
    pub active: bool,
    /// The ministry's teams, as bits.
    pub teams: u8,
    pub has_school_role: bool,
    pub has_provider_role: bool,
    /// Where the sets start among all members, and where each ends, counted from there.
    start: u32,
    ends: [u16; 6],
    /// `i64::MAX` for somebody who has none, at whatever time.
    access_from: i64,
}

impl User {
    /// Whether the person's provider roles count (G2).
    pub fn is_cleared(&self, now: i64) -> bool {
        self.access_from <= now && self.access_from != i64::MAX
    }

    /// When provider roles begin to count.
    pub fn access_from(&self) -> Option<i64> {
        (self.access_from != i64::MAX).then_some(self.access_from)
    }
}

pub struct School {
    pub catchment_provider: u32,
}

pub struct Provider {
    pub kind: ProviderKind,
    pub school: u32,
}

pub struct Student {
    pub enrolled_at: u32,
    pub last_school: u32,
    pub current_provider: u32,
    pub current_case_manager: u32,
}

pub struct Case {
    pub student: u32,
    pub school: u32,
    pub provider: u32,
    pub case_manager: u32,
    pub primary_contact: u32,
    pub team: Set,
    pub status: Status,
    pub prosecution_notified: bool,
}

pub struct Item {
    pub case: u32,
    pub author: u32,
    pub written_at: u32,
    pub shared_with: Set,
    pub kind: ItemKind,
    pub sensitive: bool,
}

/// The numbers of entities by their ids.
pub type Numbers<'w> = HashMap<&'w str, u32>;

/// A world in the form that hand-written code would keep it. Numbers follow the order of `World::ids`.
pub struct Floor<'w> {
    pub user_numbers: Numbers<'w>,
    pub case_numbers: Numbers<'w>,
    pub users: Vec<User>,
    pub schools: Vec<School>,
    pub providers: Vec<Provider>,
    pub students: Vec<Student>,
    pub cases: Vec<Case>,
    pub items: Vec<Item>,
    members: Vec<u32>,
}

impl Floor<'_> {
    /// Bytes of all records and sets; the ids are the world's.
    pub fn bytes(&self) -> usize {
        size_of_val(self.users.as_slice())
            + size_of_val(self.schools.as_slice())
            + size_of_val(self.providers.as_slice())
            + size_of_val(self.students.as_slice())
            + size_of_val(self.cases.as_slice())
            + size_of_val(self.items.as_slice())
            + size_of_val(self.members.as_slice())
    }

    /// The members of a set, in order.
    pub fn members(&self, set: Set) -> &[u32] {
        &self.members[set.start as usize..(set.start + set.len) as usize]
    }

    /// Where a person has a role, in order.
    pub fn places(&self, user: &User, places: Places) -> &[u32] {
        let nth = places as usize;
        let from = if nth == 0 { 0 } else { user.ends[nth - 1] };
        &self.members[user.start as usize + from as usize..user.start as usize + user.ends[nth] as usize]
    }

    /// Sets are tiny but for somebody who monitors or runs very much.
    fn is_at(&self, user: &User, places: Places, place: u32) -> bool {
        let places = self.places(user, places);
        if places.len() <= 16 { places.contains(&place) } else { places.binary_search(&place).is_ok() }
    }

    /// An attendance service provider is bound by nothing, an in-school one to students of its school.
    fn in_school_bound(&self, provider: u32, student: &Student) -> bool {
        let provider = &self.providers[provider as usize];
        match provider.kind {
            ProviderKind::Asp => true,
            ProviderKind::Isp => provider.school != NONE && student.enrolled_at == provider.school,
            ProviderKind::Unknown => false,
        }
    }

    /// Whether the student is still theirs, of a provider that held a case.
    fn still_theirs(&self, provider: u32, student: &Student) -> bool {
        if self.providers[provider as usize].kind != ProviderKind::Asp {
            return self.in_school_bound(provider, student);
        }
        let school = if student.enrolled_at != NONE { student.enrolled_at } else { student.last_school };
        school != NONE && self.schools[school as usize].catchment_provider == provider
    }
}
