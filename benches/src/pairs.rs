//! Which requests are timed: people who have to do with a record, and strangers.

use crate::compare::Pair;
use crate::floor::{Floor, NONE, Places};
use crate::random::Random;

/// Who works where, by place.
struct Staff {
    attendance_leads: Vec<Vec<u32>>,
    office_support: Vec<Vec<u32>>,
    workflow_leads: Vec<Vec<u32>>,
}

impl Staff {
    fn new(floor: &Floor<'_>) -> Self {
        let mut staff = Staff {
            attendance_leads: vec![Vec::new(); floor.schools.len()],
            office_support: vec![Vec::new(); floor.schools.len()],
            workflow_leads: vec![Vec::new(); floor.providers.len()],
        };
        for (number, user) in (0u32..).zip(&floor.users) {
            let add = |at: &mut Vec<Vec<u32>>, places: &[u32]| {
                places.iter().for_each(|place| at[*place as usize].push(number));
            };
            add(&mut staff.attendance_leads, floor.places(user, Places::AttendanceLeadAt));
            add(&mut staff.office_support, floor.places(user, Places::OfficeSupportAt));
            add(&mut staff.workflow_leads, floor.places(user, Places::WorkflowLeadAt));
        }
        staff
    }

    /// Somebody who has to do with the case, where there is such a person.
    fn of(&self, floor: &Floor<'_>, case: u32, random: &mut Random) -> Option<u32> {
        let case = &floor.cases[case as usize];
        let known = |user: u32| (user != NONE).then_some(user);
        let at = |places: &[Vec<u32>], place: u32, random: &mut Random| {
            random.pick(places.get(place as usize).map_or(&[], Vec::as_slice))
        };
        let student = &floor.students[case.student as usize];
        match random.below(7) {
            0 | 1 => known(case.case_manager),
            2 => known(case.primary_contact),
            3 => at(&self.attendance_leads, student.enrolled_at, random),
            4 => at(&self.office_support, student.enrolled_at, random),
            5 => at(&self.workflow_leads, case.provider, random),
            _ => random.pick(floor.members(case.team)),
        }
    }
}

/// Requests about `count` records drawn from `records`, half of them by people who have to do with the case
/// that `case_of` says the record belongs to.
pub fn pairs(
    floor: &Floor<'_>,
    count: usize,
    records: usize,
    seed: u64,
    case_of: impl Fn(u32) -> u32,
) -> Vec<Pair> {
    let staff = Staff::new(floor);
    let mut random = Random(seed);
    let pair = |at| {
        let resource = random.below(records) as u32;
        let related =
            if random.below(2) == 0 { staff.of(floor, case_of(resource), &mut random) } else { None };
        let user = related.unwrap_or_else(|| random.below(floor.users.len()) as u32);
        Pair { at, user, resource }
    };
    (0..count as u32).map(pair).collect()
}
