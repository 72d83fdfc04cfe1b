//! Cases, open and closed, and what they say of their students.
//!
//! INVARIANT: a student has at most one open case, which has a provider and lies where the student is
//! enrolled; the student's cases do not overlap in time.

use super::organisations::{Organisations, Provider};
use super::students::Student;
use super::writer::Writer;
use super::{CASE, DAY, MINUTE, Sizes, TODAY};
use crate::model::random::Random;

/// Closed cases lie between these, in as many equal parts as the student has closed cases.
const CLOSED_FROM: i64 = TODAY - 830 * DAY;
const CLOSED_TO: i64 = TODAY - 223 * DAY;
/// Some closed cases are so old that their records may be disposed of.
const OLD_FROM: i64 = TODAY - 3_300 * DAY;
const OLD_TO: i64 = TODAY - 2_600 * DAY;

/// Which student a case is about, and whether it is open.
pub(super) struct Planned {
    pub(super) student: usize,
    open: bool,
}

pub(super) struct Case {
    pub(super) student: usize,
    pub(super) school: Option<usize>,
    /// The school before, where the student moved while the case was open.
    pub(super) earlier_school: Option<usize>,
    pub(super) provider: Option<usize>,
    pub(super) manager: Option<usize>,
    pub(super) team: Vec<usize>,
    pub(super) contact: Option<usize>,
    opened: i64,
    closed: Option<i64>,
    notified: bool,
}

/// Two cases in five are open, each of another student, and the closed ones fall to anybody.
pub(super) fn plan(sizes: &Sizes, students: &mut [Student], random: &mut Random) -> Vec<Planned> {
    let start = random.number(students.len());
    let mut opened = 0;
    let planned = (0..sizes.cases).map(|number| {
        let open = number % 5 < 2 && opened < sizes.students;
        let student =
            if open { spread(start, opened, sizes.students) } else { random.number(sizes.students) };
        opened += usize::from(open);
        if let Some(of) = students.get_mut(student) {
            of.open |= open;
            of.closed += u32::from(!open);
        }
        Planned { student, open }
    });
    planned.collect()
}

/// The n-th of `count` things in an order that scatters them: no two of the first `count` are the same.
///
/// 1,000,003 is prime and greater than any count of students, hence without a factor in common.
pub(super) fn spread(start: usize, nth: usize, count: usize) -> usize {
    ((start as u64 + nth as u64 * 1_000_003) % count.max(1) as u64) as usize
}

impl Case {
    /// Makes the next case of the student, and keeps in the student what the store keeps there.
    pub(super) fn new(
        planned: &Planned,
        student: &mut Student,
        places: &Organisations,
        random: &mut Random,
    ) -> Self {
        let mut case = if planned.open {
            open(planned.student, student, places, random)
        } else {
            closed(planned.student, student, places, random)
        };
        let holder = case.provider.and_then(|p| places.provider(p));
        let staff = case.school.and_then(|s| places.school(s));
        if random.chance(950) {
            case.manager = holder.and_then(|p| manager(p, random));
        }
        if random.chance(250) {
            let team = (0..1 + random.below(3)).filter_map(|_| random.pick(&holder?.managers));
            case.team = team.filter(|member| Some(*member) != case.manager).collect();
        }
        if random.chance(920) {
            let (contacts, leads) = staff.map_or((&[][..], &[][..]), |s| (&s.contacts, &s.leads));
            let from = if random.chance(700) { contacts } else { leads };
            case.contact = random.pick(from);
        }
        if planned.open {
            (student.provider, student.manager) = (case.provider, case.manager);
        } else {
            student.last_closed = student.last_closed.max(case.closed);
            if random.chance(30) {
                // Somebody who works elsewhere now.
                let elsewhere = places.by_catchment.pick(random).and_then(|p| places.provider(p));
                case.manager = elsewhere.and_then(|p| manager(p, random)).or(case.manager);
            }
        }
        case
    }

    pub(super) fn write(&self, number: usize, writer: &mut Writer) {
        writer.begin(writer.names.case.ty, CASE.0, CASE.1, number);
        writer.entity(writer.names.case.student, self.student);
        writer.entity(writer.names.case.school, self.school);
        writer.text(writer.names.case.status, if self.closed.is_some() { "closed" } else { "open" });
        writer.long(writer.names.case.opened, self.opened);
        writer.long(writer.names.case.closed, self.closed);
        writer.entity(writer.names.case.provider, self.provider);
        writer.entity(writer.names.case.manager, self.manager);
        writer.entities(writer.names.case.team, self.team.iter().copied());
        writer.entity(writer.names.case.contact, self.contact);
        writer.bool(writer.names.case.notified, self.notified);
        writer.take();
    }
}

fn manager(provider: &Provider, random: &mut Random) -> Option<usize> {
    provider.managers.get(provider.caseloads.pick(random)?).copied()
}

fn open(number: usize, student: &Student, places: &Organisations, random: &mut Random) -> Case {
    let moved = student.enrolled.is_some() && random.chance(40);
    let earlier_school = if moved { places.by_roll.pick(random) } else { None };
    let catchment = |school: Option<usize>| school.and_then(|s| places.school(s)?.catchment);
    let provider = match student.enrolled.and_then(|s| places.school(s)) {
        // After a move, a case stays with its provider, goes to the new school's, or where it is sent.
        Some(_) if moved && random.chance(500) => catchment(earlier_school),
        Some(_) if random.chance(25) => None,
        Some(school) => school.provider(),
        None => catchment(student.last),
    };
    Case {
        student: number,
        school: student.enrolled,
        earlier_school,
        provider: provider.or_else(|| places.by_catchment.pick(random)),
        manager: None,
        team: Vec::new(),
        contact: None,
        opened: CLOSED_TO + MINUTE * random.below(220 * 24 * 60) as i64,
        closed: None,
        notified: random.chance(70),
    }
}

fn closed(number: usize, student: &mut Student, places: &Organisations, random: &mut Random) -> Case {
    let school = match student.enrolled.or(student.last) {
        None => None,
        Some(_) if student.enrolled.is_none() && random.chance(100) => None,
        Some(_) if random.chance(300) => places.by_roll.pick(random),
        now => now,
    };
    let provider = school.and_then(|s| places.school(s)?.provider()).filter(|_| !random.chance(30));
    let (mut from, mut to) = (CLOSED_FROM, CLOSED_TO);
    if student.closed == 1 && !student.open && number % 97 < 3 {
        (from, to) = (OLD_FROM, OLD_TO);
    }
    let slot = (to - from) / MINUTE / i64::from(student.closed.max(1));
    let opened = from + MINUTE * (slot * i64::from(student.made) + random.below(slot as u64 / 2) as i64);
    let end = from + MINUTE * slot * i64::from(student.made + 1);
    student.made += 1;
    Case {
        student: number,
        school,
        earlier_school: None,
        provider: provider.or_else(|| places.by_catchment.pick(random)),
        manager: None,
        team: Vec::new(),
        contact: None,
        opened,
        closed: Some(end - MINUTE * random.below(slot as u64 / 2) as i64),
        notified: random.chance(10),
    }
}
