//! The people who may see the summary of a case, by index.

use roaring::RoaringBitmap;

use super::{
    CENTRAL_INVESTIGATION, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, Status, Student, User,
};

/// Hand-written indices over people. Somebody whose login is not active is in none of them.
pub struct People<'f> {
    floor: &'f Floor<'f>,
    /// Central investigation and national contracts.
    nation: RoaringBitmap,
    prosecutions: RoaringBitmap,
    /// Attendance leads and office support, by school.
    by_school: Vec<Vec<u32>>,
    /// Workflow leads, by provider.
    workflow_leads: Vec<Vec<u32>>,
    /// Regional contract managers, by provider.
    monitors: Vec<Vec<u32>>,
}

impl<'f> People<'f> {
    /// Indexes all people.
    pub fn new(floor: &'f Floor<'f>) -> Self {
        let users = || (0u32..).zip(&floor.users).filter(|(_, user)| user.active);
        let of_team = |team: u8| users().filter(|(_, u)| u.teams & team != 0).map(|(n, _)| n).collect();
        let mut people = People {
            floor,
            nation: of_team(CENTRAL_INVESTIGATION | NATIONAL_CONTRACTS),
            prosecutions: of_team(PROSECUTIONS),
            by_school: vec![Vec::new(); floor.schools.len()],
            workflow_leads: vec![Vec::new(); floor.providers.len()],
            monitors: vec![Vec::new(); floor.providers.len()],
        };
        for (number, user) in users() {
            for places in [Places::AttendanceLeadAt, Places::OfficeSupportAt] {
                floor.places(user, places).iter().for_each(|at| people.by_school[*at as usize].push(number));
            }
            for at in floor.places(user, Places::WorkflowLeadAt) {
                people.workflow_leads[*at as usize].push(number);
            }
            if user.teams & REGIONAL_CONTRACTS != 0 {
                floor
                    .places(user, Places::Monitors)
                    .iter()
                    .for_each(|at| people.monitors[*at as usize].push(number));
            }
        }
        people
    }

    /// Who may `viewSummary` of the case: the gates, S1, S3, P1 to P6, M1, M3, M5.
    pub fn view_summary_case(&self, case: u32, now: i64) -> RoaringBitmap {
        let floor = self.floor;
        let record = &floor.cases[case as usize];
        if record.status == Status::Unknown {
            return RoaringBitmap::new();
        }
        let (open, student) = (record.status == Status::Open, &floor.students[record.student as usize]);
        let mut found = self.nation.clone();
        if open && record.prosecution_notified {
            found |= &self.prosecutions;
        }
        if record.provider != NONE && floor.providers[record.provider as usize].kind == ProviderKind::Asp {
            found.extend(self.monitors[record.provider as usize].iter().copied());
        }
        if now >= ROLLED_OUT && student.enrolled_at != NONE {
            found.extend(self.by_school[student.enrolled_at as usize].iter().copied());
            let is_contact = |user: &User| floor.is_at(user, Places::PrimaryContactAt, student.enrolled_at);
            self.add_if(&mut found, if open { record.primary_contact } else { NONE }, is_contact);
        }
        let team = if open { floor.members(record.team) } else { &[] };
        self.add_provider(
            &mut found,
            (record.provider, now),
            student,
            [record.case_manager].iter().chain(team),
        );
        if !open {
            let manager = [student.current_case_manager];
            self.add_provider(&mut found, (student.current_provider, now), student, manager.iter());
        }
        found
    }

    fn add_if(&self, found: &mut RoaringBitmap, user: u32, is: impl Fn(&User) -> bool) {
        if user != NONE && self.floor.users[user as usize].active && is(&self.floor.users[user as usize]) {
            found.insert(user);
        }
    }

    /// The workflow leads of a provider, and those who manage the case there.
    fn add_provider<'n>(
        &self,
        found: &mut RoaringBitmap,
        (provider, now): (u32, i64),
        student: &Student,
        managers: impl Iterator<Item = &'n u32>,
    ) {
        let floor = self.floor;
        if provider == NONE || !floor.in_school_bound(provider, student) {
            return;
        }
        let leads = &self.workflow_leads[provider as usize];
        found.extend(leads.iter().copied().filter(|lead| floor.users[*lead as usize].is_cleared(now)));
        for &manager in managers {
            let is_manager =
                |user: &User| user.is_cleared(now) && floor.is_at(user, Places::CaseManagerAt, provider);
            self.add_if(found, manager, is_manager);
        }
    }
}
