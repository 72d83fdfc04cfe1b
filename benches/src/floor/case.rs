//! `viewSummary` on a case.

use super::{
    CENTRAL_INVESTIGATION, Case, Floor, NATIONAL_CONTRACTS, NONE, PROSECUTIONS, PROVIDER_ROLES, ProviderKind,
    REGIONAL_CONTRACTS, ROLLED_OUT, SCHOOL_ROLES, Status, User,
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
        if person.roles & SCHOOL_ROLES != 0 && now >= ROLLED_OUT && self.as_school_staff(user, person, record)
        {
            return true;
        }
        person.roles & PROVIDER_ROLES != 0
            && person.access_from.is_some_and(|from| from <= now)
            && self.as_provider_staff(user, person, record)
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
            && self.has(person.monitors, case.provider)
            && self.providers[case.provider as usize].kind == ProviderKind::Asp
    }

    /// S1, S3. An attendance lead has by S1 what S3 gives.
    fn as_school_staff(&self, user: u32, person: &User, case: &Case) -> bool {
        let school = self.students[case.student as usize].enrolled_at;
        if school == NONE {
            return false;
        }
        self.has(person.attendance_lead_at, school)
            || self.has(person.office_support_at, school)
            || (case.primary_contact == user
                && case.status == Status::Open
                && self.has(person.primary_contact_at, school))
    }

    /// P1 to P6. P1 gives a workflow lead what P2 does, P4 anybody what P3 does of an attendance service
    /// provider.
    fn as_provider_staff(&self, user: u32, person: &User, case: &Case) -> bool {
        let open = case.status == Status::Open;
        let helps = || case.case_manager == user || (open && self.members(case.team).contains(&user));
        let student = &self.students[case.student as usize];
        if case.provider != NONE
            && (self.has(person.workflow_lead_at, case.provider)
                || (helps() && self.has(person.case_manager_at, case.provider)))
            && self.in_school_bound(case.provider, student)
        {
            return true;
        }
        !open
            && student.current_provider != NONE
            && (self.has(person.workflow_lead_at, student.current_provider)
                || (student.current_case_manager == user
                    && self.has(person.case_manager_at, student.current_provider)))
            && self.in_school_bound(student.current_provider, student)
    }
}
