//! The cases whose summary a person may see, by bitmaps.

use roaring::RoaringBitmap;

use super::{
    CENTRAL_INVESTIGATION, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, Status, User,
};

/// Cases by the number of somebody or some place.
type Index = Vec<RoaringBitmap>;

/// Hand-written indices for lists of cases. A case of unknown status is in none of them.
pub struct Lists<'f> {
    floor: &'f Floor<'f>,
    all: RoaringBitmap,
    open_notified: RoaringBitmap,
    /// By the school where the student is enrolled now.
    by_school: Index,
    open_by_contact: Index,
    by_provider: Index,
    by_manager: Index,
    open_by_member: Index,
    /// Closed cases by who works with the student now.
    closed_by_current_provider: Index,
    closed_by_current_manager: Index,
}

/// Makes an index: `keys` gives what a case is found under.
fn index(size: usize, cases: impl Iterator<Item = (u32, u32)>) -> Index {
    let mut found = vec![Vec::new(); size];
    for (case, key) in cases.filter(|(_, key)| *key != NONE) {
        found[key as usize].push(case);
    }
    let bitmap = |cases| {
        let mut bitmap = RoaringBitmap::from_sorted_iter(cases).unwrap_or_default();
        bitmap.optimize();
        bitmap
    };
    found.into_iter().map(bitmap).collect()
}

impl<'f> Lists<'f> {
    /// Indexes all cases.
    pub fn new(floor: &'f Floor<'f>) -> Self {
        let (users, providers) = (floor.users.len(), floor.providers.len());
        let cases = || (0u32..).zip(&floor.cases).filter(|(_, case)| case.status != Status::Unknown);
        let open = || cases().filter(|(_, case)| case.status == Status::Open);
        let closed = || cases().filter(|(_, case)| case.status == Status::Closed);
        let student = |case: &super::Case| &floor.students[case.student as usize];
        let members = |(n, case): (u32, &super::Case)| {
            floor.members(case.team).iter().map(move |&user| (n, user)).collect::<Vec<_>>()
        };
        let mut all: RoaringBitmap = cases().map(|(n, _)| n).collect();
        all.optimize();
        Lists {
            floor,
            all,
            open_notified: open().filter(|(_, case)| case.prosecution_notified).map(|(n, _)| n).collect(),
            by_school: index(floor.schools.len(), cases().map(|(n, c)| (n, student(c).enrolled_at))),
            open_by_contact: index(users, open().map(|(n, case)| (n, case.primary_contact))),
            by_provider: index(providers, cases().map(|(n, case)| (n, case.provider))),
            by_manager: index(users, cases().map(|(n, case)| (n, case.case_manager))),
            open_by_member: index(users, open().flat_map(members)),
            closed_by_current_provider: index(
                providers,
                closed().map(|(n, case)| (n, student(case).current_provider)),
            ),
            closed_by_current_manager: index(
                users,
                closed().map(|(n, case)| (n, student(case).current_case_manager)),
            ),
        }
    }

    /// Bytes that the indices take when written, near what they take in memory.
    pub fn bytes(&self) -> usize {
        let indices = [
            &self.by_school,
            &self.open_by_contact,
            &self.by_provider,
            &self.by_manager,
            &self.open_by_member,
            &self.closed_by_current_provider,
            &self.closed_by_current_manager,
        ];
        let bytes = |bitmap: &RoaringBitmap| bitmap.serialized_size() + size_of::<RoaringBitmap>();
        let indexed: usize = indices.into_iter().flatten().map(bytes).sum();
        indexed + bytes(&self.all) + bytes(&self.open_notified)
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
        let named = &self.open_by_contact[user as usize];
        if !named.is_empty() {
            for &school in self.floor.places(person, Places::PrimaryContactAt) {
                *found |= named & &self.by_school[school as usize];
            }
        }
    }

    /// P1 to P6.
    fn add_provider(&self, user: u32, person: &User, found: &mut RoaringBitmap) {
        for &provider in self.floor.places(person, Places::WorkflowLeadAt) {
            self.add_bound(found, &self.by_provider[provider as usize], provider);
            self.add_bound(found, &self.closed_by_current_provider[provider as usize], provider);
        }
        let person_at = user as usize;
        for &provider in self.floor.places(person, Places::CaseManagerAt) {
            let place = provider as usize;
            let held = [&self.by_manager, &self.open_by_member];
            for theirs in held.map(|index| &index[person_at]).into_iter().filter(|b| !b.is_empty()) {
                self.add_bound(found, &(theirs & &self.by_provider[place]), provider);
            }
            let now_theirs = &self.closed_by_current_manager[person_at];
            if !now_theirs.is_empty() {
                let held = now_theirs & &self.closed_by_current_provider[place];
                self.add_bound(found, &held, provider);
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
