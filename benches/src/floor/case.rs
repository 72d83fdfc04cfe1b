//! `viewSummary` on a case.

use super::{
    CENTRAL_INVESTIGATION, Case, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, Places, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, Status, User,
};

impl Floor<'_> {
    /// Whether the person may `viewSummary` of the case.
    ///
    /// gates G1 and G4, S1, S3, P1 to P6, M1, M3, M5.
    pub fn view_summary_case(&self, user: u32, case: u32, now: i64) -> bool {
        let (person, record) = (&self.users[user as usize], &self.cases[case as usize]);
        if !person.active || record.status == Status::Unknown {
            return false;
        }
        if person.teams != 0 && self.as_ministry(person, record) {
            return true;
        }
        if person.has_school_role && now >= ROLLED_OUT && self.as_school_staff(user, person, record) {
            return true;
        }
        person.has_provider_role && person.is_cleared(now) && self.as_provider_staff(user, person, record)
    }

    /// M1, M3, M5.
    fn as_ministry(&self, person: &User, case: &Case) -> bool {
        if person.teams & (CENTRAL_INVESTIGATION | NATIONAL_CONTRACTS) != 0 {
            return true;
        }
        if person.teams & PROSECUTIONS != 0 && case.status == Status::Open && case.prosecution_notified {
            return true;
        }
        person.teams & REGIONAL_CONTRACTS != 0
            && case.provider != NONE
            && self.is_at(person, Places::Monitors, case.provider)
            && self.providers[case.provider as usize].kind == ProviderKind::Asp
    }

    /// S1, S3. An attendance lead has by S1 what S3 gives.
    fn as_school_staff(&self, user: u32, person: &User, case: &Case) -> bool {
        let school = self.students[case.student as usize].enrolled_at;
        if school == NONE {
            return false;
        }
        self.is_at(person, Places::AttendanceLeadAt, school)
            || self.is_at(person, Places::OfficeSupportAt, school)
            || (case.primary_contact == user
                && case.status == Status::Open
                && self.is_at(person, Places::PrimaryContactAt, school))
    }

    /// P1 to P6. P1 gives a workflow lead what P2 does, P4 anybody what P3 does of an attendance service
    /// provider.
    fn as_provider_staff(&self, user: u32, person: &User, case: &Case) -> bool {
        let open = case.status == Status::Open;
        let helps = || case.case_manager == user || (open && self.members(case.team).contains(&user));
        let student = &self.students[case.student as usize];
        if case.provider != NONE
            && (self.is_at(person, Places::WorkflowLeadAt, case.provider)
                || (helps() && self.is_at(person, Places::CaseManagerAt, case.provider)))
            && self.in_school_bound(case.provider, student)
        {
            return true;
        }
        !open
            && student.current_provider != NONE
            && (self.is_at(person, Places::WorkflowLeadAt, student.current_provider)
                || (student.current_case_manager == user
                    && self.is_at(person, Places::CaseManagerAt, student.current_provider)))
            && self.in_school_bound(student.current_provider, student)
    }
}
