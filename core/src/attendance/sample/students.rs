//! Students: where they are enrolled, and what their open case says of them.

use super::organisations::Organisations;
use super::writer::Writer;
use super::{STUDENT, Sizes};
use crate::model::random::Random;

/// A student. The second half is filled in as cases are made.
#[derive(Clone, Default)]
pub(super) struct Student {
    pub(super) enrolled: Option<usize>,
    /// INVARIANT: present only while `enrolled` is not.
    pub(super) last: Option<usize>,
    /// Closed cases, and how many of them are made already.
    pub(super) closed: u32,
    pub(super) made: u32,
    pub(super) open: bool,
    pub(super) provider: Option<usize>,
    pub(super) manager: Option<usize>,
    pub(super) last_closed: Option<i64>,
}

/// Of 100 students two left a school and one never enrolled; the others spread as rolls do.
pub(super) fn students(sizes: &Sizes, places: &Organisations, random: &mut Random) -> Vec<Student> {
    let student = |number: usize| {
        let school = places.by_roll.pick(random);
        match number % 100 {
            13 | 57 => Student { last: school, ..Student::default() },
            83 => Student::default(),
            _ => Student { enrolled: school, ..Student::default() },
        }
    };
    (0..sizes.students).map(student).collect()
}

pub(super) fn write(students: &[Student], writer: &mut Writer, random: &mut Random) {
    for (number, student) in students.iter().enumerate() {
        writer.begin(writer.names.student.ty, STUDENT.0, STUDENT.1, number);
        // Ten digits, as a National Student Number has at most; 7 has no factor in common with the count.
        writer.text(writer.names.student.nsn, &(1_000_000_003 + 7 * number as u64).to_string());
        writer.entity(writer.names.student.enrolled_at, student.enrolled);
        writer.entity(writer.names.student.last_school, student.last);
        if number % 70 != 69 {
            writer.long(writer.names.student.year, random.below(14) as i64);
        }
        if student.enrolled.is_some() && number % 40 != 39 {
            writer.long(writer.names.student.rate, rate(random));
        }
        writer.entity(writer.names.student.provider, student.provider);
        writer.entity(writer.names.student.manager, student.manager);
        if !student.open {
            writer.long(writer.names.student.last_closed, student.last_closed);
        }
        writer.take();
    }
}

/// Half attend regularly; the rest fall into the ministry's bands of irregular, moderate and chronic absence.
fn rate(random: &mut Random) -> i64 {
    let (from, band) = random.among(&[(530, (901, 100)), (260, (801, 100)), (110, (701, 100))], (0, 701));
    from + random.below(band) as i64
}
