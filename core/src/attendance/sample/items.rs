//! What was added to the records of cases, and who may read along.

use super::ITEM;
use super::cases::Case;
use super::organisations::Organisations;
use super::people::People;
use super::writer::Writer;
use crate::model::random::Random;

/// Kinds and how many of 1,000 items are of each; the rest are comments.
const KINDS: [(u64, &str); 6] = [
    (250, "note"),
    (130, "activity"),
    (120, "file"),
    (80, "correspondence"),
    (50, "serviceReferral"),
    (20, "agencyResponse"),
];

/// Writes 5 to 10 items of a case, the first with this number; returns the number after the last.
pub(super) fn write(
    first: usize,
    (case_number, case): (usize, &Case),
    (places, people): (&Organisations, &People),
    writer: &mut Writer,
    random: &mut Random,
) -> usize {
    let next = first + 5 + random.number(6);
    for number in first..next {
        let kind = random.among(&KINDS, "comment");
        // Of a student who moved, most of the record is from the time before.
        let earlier = case.earlier_school.filter(|_| random.chance(700));
        let school = earlier.or(case.school);
        let by_school = matches!(kind, "comment" | "file") && random.chance(350);
        let staff = school.filter(|_| by_school).and_then(|s| school_author(s, places, random));
        let can_be_shared = staff.is_none() && matches!(kind, "comment" | "file" | "serviceReferral");
        let shared = if can_be_shared && random.chance(400) { school } else { None };
        let also = case.school.filter(|_| shared.is_some() && random.chance(100));
        let audience = [shared, also];
        let audience: &[Option<usize>] = if shared.is_some() { &audience } else { &[] };

        writer.begin(writer.names.item.ty, ITEM.0, ITEM.1, number);
        writer.entity(writer.names.item.case, case_number);
        writer.text(writer.names.item.kind, kind);
        let author = staff.unwrap_or_else(|| provider_author(kind, case, places, people, random));
        writer.entity(writer.names.item.author, author);
        writer.entity(writer.names.item.written_at, school.filter(|_| staff.is_some()));
        writer.entities(writer.names.item.shared_with, audience.iter().flatten().copied());
        // An item can be labelled sensitive after it was shared.
        writer.bool(writer.names.item.sensitive, random.chance(if kind == "note" { 60 } else { 25 }));
        writer.take();
    }
    next
}

fn school_author(school: usize, places: &Organisations, random: &mut Random) -> Option<usize> {
    let school = places.school(school)?;
    let staff = random.among(&[(400, &school.leads), (400, &school.contacts)], &school.supports);
    random.pick(staff)
}

/// Other agencies' answers come from central investigation; the rest from the case manager, now and then
/// the team or a workflow lead.
fn provider_author(
    kind: &str,
    case: &Case,
    places: &Organisations,
    people: &People,
    random: &mut Random,
) -> usize {
    let central = random.pick(&people.central).unwrap_or(0);
    if kind == "agencyResponse" {
        return central;
    }
    let helper = if random.chance(200) { random.pick(&case.team) } else { None };
    let lead = case.provider.and_then(|p| random.pick(&places.provider(p)?.workflow_leads));
    let manager = case.manager.filter(|_| random.chance(850));
    helper.or(manager).or(lead).unwrap_or(central)
}
