//! `viewItem` on an item.

use super::{
    CENTRAL_INVESTIGATION, Case, Floor, Item, ItemKind, NONE, PROSECUTIONS, Places, ProviderKind, ROLLED_OUT,
    Status, User,
};

impl Floor<'_> {
    /// Whether the person may `viewItem`.
    ///
    /// G1 and G4, S4, S4b, I1 to I3, M1c, M5.
    pub fn view_item(&self, user: u32, item: u32, now: i64) -> bool {
        let (person, item) = (&self.users[user as usize], &self.items[item as usize]);
        if !person.active || item.kind == ItemKind::Unknown {
            return false;
        }
        let case = &self.cases[item.case as usize];
        if case.status == Status::Unknown {
            return false;
        }
        if person.teams & (CENTRAL_INVESTIGATION | PROSECUTIONS) != 0 && as_ministry(user, person, item, case)
        {
            return true;
        }
        if person.has_school_role
            && !item.sensitive
            && now >= ROLLED_OUT
            && self.reads_at_school(user, person, item, case)
        {
            return true;
        }
        person.has_provider_role && person.is_cleared(now) && self.reads_at_provider(user, person, item, case)
    }

    /// S4, S4b.
    fn reads_at_school(&self, user: u32, person: &User, item: &Item, case: &Case) -> bool {
        let school = self.students[case.student as usize].enrolled_at;
        let is_shareable =
            matches!(item.kind, ItemKind::Comment | ItemKind::File | ItemKind::ServiceReferral);
        if school == NONE || !is_shareable {
            return false;
        }
        let written_here = item.written_at == school;
        let reads = || {
            self.is_at(person, Places::AttendanceLeadAt, school)
                || (case.primary_contact == user
                    && case.status == Status::Open
                    && self.is_at(person, Places::PrimaryContactAt, school))
        };
        if (written_here || self.members(item.shared_with).contains(&school)) && reads() {
            return true;
        }
        written_here
            && item.author == user
            && item.kind != ItemKind::ServiceReferral
            && self.is_at(person, Places::OfficeSupportAt, school)
    }

    /// I1 to I3.
    fn reads_at_provider(&self, user: u32, person: &User, item: &Item, case: &Case) -> bool {
        let open = case.status == Status::Open;
        let student = &self.students[case.student as usize];
        if case.provider != NONE
            && (self.is_at(person, Places::WorkflowLeadAt, case.provider)
                || (case.case_manager == user && self.is_at(person, Places::CaseManagerAt, case.provider)))
            && if open {
                self.in_school_bound(case.provider, student)
            } else {
                self.still_theirs(case.provider, student)
            }
        {
            return true;
        }
        if item.sensitive || item.kind == ItemKind::AgencyResponse {
            return false;
        }
        if open {
            return self.members(case.team).contains(&user)
                && case.provider != NONE
                && self.is_at(person, Places::CaseManagerAt, case.provider)
                && self.in_school_bound(case.provider, student);
        }
        let now_with = student.current_provider;
        now_with != NONE
            && (self.is_at(person, Places::WorkflowLeadAt, now_with)
                || (student.current_case_manager == user
                    && self.is_at(person, Places::CaseManagerAt, now_with)))
            && self.in_school_bound(now_with, student)
            && (self.providers[now_with as usize].kind == ProviderKind::Asp
                || case.school == self.providers[now_with as usize].school)
    }
}

/// M1c, M5.
fn as_ministry(user: u32, person: &User, item: &Item, case: &Case) -> bool {
    case.status == Status::Open
        && !item.sensitive
        && ((person.teams & PROSECUTIONS != 0 && case.prosecution_notified)
            || (person.teams & CENTRAL_INVESTIGATION != 0
                && item.kind == ItemKind::AgencyResponse
                && item.author == user))
}
