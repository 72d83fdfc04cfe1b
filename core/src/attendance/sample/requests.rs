//! Requests for support: one behind every case, and those that are no case or not yet.

use super::cases::{Case, spread};
use super::organisations::Organisations;
use super::people::People;
use super::students::Student;
use super::writer::Writer;
use super::{REQUEST, Sizes};
use crate::model::random::Random;

struct Request {
    student: usize,
    created_by: usize,
    school: Option<usize>,
    status: &'static str,
    contact: Option<usize>,
    provider: Option<usize>,
    manager: Option<usize>,
}

/// The request that became the case with this number, and has the same number.
///
/// It keeps the school that it was made for; provider, case manager and contact follow the case.
pub(super) fn write_accepted(
    number: usize,
    case: &Case,
    (places, people): (&Organisations, &People),
    writer: &mut Writer,
    random: &mut Random,
) {
    let school = case.earlier_school.or(case.school);
    let request = Request {
        student: case.student,
        created_by: maker(school, places, people, random),
        school,
        status: "accepted",
        contact: case.contact,
        provider: case.provider,
        manager: case.manager,
    };
    request.write(number, writer);
}

/// Drafts, one for 20 cases; submitted and declined requests, each one for 25. Nobody has two submitted.
pub(super) fn write_others(
    sizes: &Sizes,
    students: &[Student],
    (places, people): (&Organisations, &People),
    writer: &mut Writer,
    random: &mut Random,
) {
    let (drafts, rest) = (sizes.cases / 20, sizes.cases / 25);
    let start = random.number(students.len());
    let statuses = [("draft", drafts), ("submitted", rest), ("declined", rest)];
    let all = statuses.into_iter().flat_map(|(status, count)| (0..count).map(move |nth| (status, nth)));
    for (number, (status, nth)) in (sizes.cases..).zip(all) {
        let at = if status == "submitted" {
            spread(start, nth, sizes.students)
        } else {
            random.number(sizes.students)
        };
        let Some(student) = students.get(at) else { continue };
        let moved = student.enrolled.is_some() && random.chance(60);
        let school = if moved { places.by_roll.pick(random) } else { student.enrolled };
        let staff = school.filter(|_| school == student.enrolled).and_then(|s| places.school(s));
        let provider = school.and_then(|s| places.school(s)?.provider()).filter(|_| status != "draft");
        let holder = provider.and_then(|p| places.provider(p)).filter(|_| status == "submitted");
        let named = if status == "draft" { random.chance(600) } else { random.chance(960) };
        let assigned = random.chance(400);
        let request = Request {
            student: at,
            created_by: maker(school, places, people, random),
            school,
            status,
            contact: staff.filter(|_| named).and_then(|s| random.pick(&s.contacts)),
            provider,
            manager: holder.filter(|_| assigned).and_then(|p| random.pick(&p.managers)),
        };
        request.write(number, writer);
    }
}

/// Staff of the school; or of a regional office, always where there is no school.
fn maker(school: Option<usize>, places: &Organisations, people: &People, random: &mut Random) -> usize {
    let regional = random.pick(&people.regional).unwrap_or(0);
    let Some(school) = school.filter(|_| !random.chance(50)).and_then(|s| places.school(s)) else {
        return regional;
    };
    let staff = random.among(&[(450, &school.leads), (300, &school.contacts)], &school.supports);
    random.pick(staff).unwrap_or(regional)
}

impl Request {
    fn write(&self, number: usize, writer: &mut Writer) {
        writer.begin(writer.names.request.ty, REQUEST.0, REQUEST.1, number);
        writer.entity(writer.names.request.student, self.student);
        writer.entity(writer.names.request.created_by, self.created_by);
        writer.entity(writer.names.request.school, self.school);
        writer.text(writer.names.request.status, self.status);
        writer.entity(writer.names.request.contact, self.contact);
        writer.entity(writer.names.request.provider, self.provider);
        writer.entity(writer.names.request.manager, self.manager);
        writer.take();
    }
}
