//! The cases whose summary a person may see, by bitmaps.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::{
    CENTRAL_INVESTIGATION, Case, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, Status, User,
};

/// Cases by the number of somebody or some place.
type Index = Vec<RoaringBitmap>;

/// Cases by the number of somebody, and for each by a place that they must have a role at: next to nobody
/// has cases at more than a few.
type PairIndex = Vec<Vec<(u32, RoaringBitmap)>>;

/// Hand-written indices for lists of cases. A case of unknown status is in none of them.
pub struct Lists<'f> {
    floor: &'f Floor<'f>,
    all: RoaringBitmap,
    open_notified: RoaringBitmap,
    /// By the school where the student is enrolled now.
    by_school: Index,
    by_provider: Index,
    /// Closed cases by who works with the student now.
    closed_by_current_provider: Index,
    /// By contact and the student's school.
    open_by_contact: PairIndex,
    /// By case manager and provider.
    by_manager: PairIndex,
    /// By team member and provider.
    open_by_member: PairIndex,
    /// By the student's case manager and provider of now.
    closed_by_current_manager: PairIndex,
}

fn bitmap(cases: Vec<u32>) -> RoaringBitmap {
    let mut bitmap: RoaringBitmap = cases.into_iter().collect();
    bitmap.optimize();
    bitmap
}

/// Makes an index of cases, each with what it is found under.
fn index(size: usize, cases: impl Iterator<Item = (u32, u32)>) -> Index {
    let mut found = vec![Vec::new(); size];
    for (case, key) in cases.filter(|(_, key)| *key != NONE) {
        found[key as usize].push(case);
    }
    found.into_iter().map(bitmap).collect()
}

/// As [`index`], for somebody and a place.
fn pair_index(size: usize, cases: impl Iterator<Item = (u32, u32, u32)>) -> PairIndex {
    let mut found: Vec<BTreeMap<u32, Vec<u32>>> = vec![BTreeMap::new(); size];
    for (case, who, place) in cases.filter(|(_, who, place)| *who != NONE && *place != NONE) {
        found[who as usize].entry(place).or_default().push(case);
    }
    let bitmaps = |places: BTreeMap<u32, Vec<u32>>| {
        places.into_iter().map(|(place, cases)| (place, bitmap(cases))).collect()
    };
    found.into_iter().map(bitmaps).collect()
}

fn at(index: &PairIndex, who: u32, place: u32) -> Option<&RoaringBitmap> {
    index[who as usize].iter().find(|(at, _)| *at == place).map(|(_, cases)| cases)
}

impl<'f> Lists<'f> {
    /// Indexes all cases.
    pub fn new(floor: &'f Floor<'f>) -> Self {
        let (users, providers) = (floor.users.len(), floor.providers.len());
        let cases = || (0u32..).zip(&floor.cases).filter(|(_, case)| case.status != Status::Unknown);
        let open = || cases().filter(|(_, case)| case.status == Status::Open);
        let closed = || cases().filter(|(_, case)| case.status == Status::Closed);
        let student = |case: &Case| &floor.students[case.student as usize];
        let contact = |(n, case): (u32, &Case)| (n, case.primary_contact, student(case).enrolled_at);
        let manager = |(n, case): (u32, &Case)| (n, case.case_manager, case.provider);
        let members = |(n, case): (u32, &'f Case)| {
            floor.members(case.team).iter().map(move |member| (n, *member, case.provider))
        };
        let now_with = |(n, case): (u32, &Case)| (n, student(case).current_provider);
        let now_by =
            |(n, case): (u32, &Case)| (n, student(case).current_case_manager, student(case).current_provider);
        Lists {
            floor,
            all: bitmap(cases().map(|(n, _)| n).collect()),
            open_notified: bitmap(open().filter(|(_, c)| c.prosecution_notified).map(|(n, _)| n).collect()),
            by_school: index(floor.schools.len(), cases().map(|(n, c)| (n, student(c).enrolled_at))),
            by_provider: index(providers, cases().map(|(n, case)| (n, case.provider))),
            closed_by_current_provider: index(providers, closed().map(now_with)),
            open_by_contact: pair_index(users, open().map(contact)),
            by_manager: pair_index(users, cases().map(manager)),
            open_by_member: pair_index(users, open().flat_map(members)),
            closed_by_current_manager: pair_index(users, closed().map(now_by)),
        }
    }

    /// Bytes that the indices take when written, near what they take in memory.
    pub fn bytes(&self) -> usize {
        let bytes = |bitmap: &RoaringBitmap| bitmap.serialized_size() + size_of::<RoaringBitmap>();
        let indices = [&self.by_school, &self.by_provider, &self.closed_by_current_provider];
        let pairs =
            [&self.open_by_contact, &self.by_manager, &self.open_by_member, &self.closed_by_current_manager];
        let indexed: usize = indices.into_iter().flatten().map(bytes).sum();
        let paired: usize = pairs.into_iter().flatten().flatten().map(|(_, cases)| bytes(cases) + 8).sum();
        indexed + paired + bytes(&self.all) + bytes(&self.open_notified)
    }

    /// The cases of which the person may `viewSummary`.
    pub fn view_summary_cases(&self, user: u32, now: i64) -> RoaringBitmap {
        let person = &self.floor.users[user as usize];
        if !person.active {
            return RoaringBitmap::new();
        }
        if person.teams & (CENTRAL_INVESTIGATION | NATIONAL_CONTRACTS) != 0 {
            return self.all.clone();
        }
        let mut found = RoaringBitmap::new();
        if person.teams != 0 {
            self.add_ministry(person, &mut found);
        }
        if person.has_school_role && now >= ROLLED_OUT {
            self.add_school(user, person, &mut found);
        }
        if person.has_provider_role && person.is_cleared(now) {
            self.add_provider(user, person, &mut found);
        }
        found
    }

    /// M3, M5.
    fn add_ministry(&self, person: &User, found: &mut RoaringBitmap) {
        if person.teams & PROSECUTIONS != 0 {
            add(found, &self.open_notified);
        }
        if person.teams & REGIONAL_CONTRACTS != 0 {
            for &provider in self.floor.places(person, Places::Monitors) {
                if self.floor.providers[provider as usize].kind == ProviderKind::Asp {
                    add(found, &self.by_provider[provider as usize]);
                }
            }
        }
    }

    /// S1, S3.
    fn add_school(&self, user: u32, person: &User, found: &mut RoaringBitmap) {
        for places in [Places::AttendanceLeadAt, Places::OfficeSupportAt] {
            for &school in self.floor.places(person, places) {
                add(found, &self.by_school[school as usize]);
            }
        }
        for &school in self.floor.places(person, Places::PrimaryContactAt) {
            at(&self.open_by_contact, user, school).into_iter().for_each(|cases| add(found, cases));
        }
    }

    /// P1 to P6.
    fn add_provider(&self, user: u32, person: &User, found: &mut RoaringBitmap) {
        for &provider in self.floor.places(person, Places::WorkflowLeadAt) {
            self.add_bound(found, &self.by_provider[provider as usize], provider);
            self.add_bound(found, &self.closed_by_current_provider[provider as usize], provider);
        }
        for &provider in self.floor.places(person, Places::CaseManagerAt) {
            for index in [&self.by_manager, &self.open_by_member, &self.closed_by_current_manager] {
                if let Some(cases) = at(index, user, provider) {
                    self.add_bound(found, cases, provider);
                }
            }
        }
    }

    /// Adds cases, of an in-school provider only those of students at its school.
    fn add_bound(&self, found: &mut RoaringBitmap, cases: &RoaringBitmap, provider: u32) {
        let provider = &self.floor.providers[provider as usize];
        match provider.kind {
            ProviderKind::Asp => add(found, cases),
            ProviderKind::Isp if provider.school != NONE => {
                *found |= cases & &self.by_school[provider.school as usize];
            }
            _ => {}
        }
    }
}

/// A union with nothing is a copy.
fn add(found: &mut RoaringBitmap, cases: &RoaringBitmap) {
    if found.is_empty() { found.clone_from(cases) } else { *found |= cases }
}
