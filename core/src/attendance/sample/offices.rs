//! Statutory registers and reports.

use super::organisations::Organisations;
use super::people::People;
use super::writer::Writer;
use super::{DAY, REGISTER, REPORT, TODAY};
use crate::model::random::Random;

/// Four registers a school; one register in ten was ended long ago, so that it may be disposed of.
pub(super) fn write_registers(places: &Organisations, writer: &mut Writer, random: &mut Random) {
    let kinds = ["attendance", "admissions", "leavers", "audit"];
    let all = (0..places.schools.len()).flat_map(|school| kinds.map(|kind| (school, kind)));
    for (number, (school, kind)) in all.enumerate() {
        let ended = if number % 10 == 7 { 2_600 } else { 0 };
        writer.begin(writer.names.register.ty, REGISTER.0, REGISTER.1, number);
        writer.entity(writer.names.register.school, school);
        writer.text(writer.names.register.kind, kind);
        writer.long(writer.names.register.last_entry, TODAY - DAY * (ended + random.below(60) as i64));
        writer.take();
    }
}

/// What a report covers.
#[derive(Clone, Copy, Default)]
struct Report {
    kind: &'static str,
    owner: Option<usize>,
    school: Option<usize>,
    provider: Option<usize>,
}

/// A caseload report for everybody who has cases, one report a school and a provider, and the ministry's.
pub(super) fn write_reports(places: &Organisations, people: &People, writer: &mut Writer) {
    let caseloads = people.all.iter().enumerate().flat_map(|(owner, person)| {
        let at = person.with_cases_at();
        at.map(move |p| Report {
            kind: "caseload",
            owner: Some(owner),
            provider: Some(p),
            ..Report::default()
        })
    });
    let schools = 0..places.schools.len();
    let schools = schools.map(|s| Report { kind: "school", school: Some(s), ..Report::default() });
    let providers = (0..places.providers.len()).flat_map(|p| {
        ["provider", "performance"].map(|kind| Report { kind, provider: Some(p), ..Report::default() })
    });
    let ministry = ["national", "performance", "prosecutions", "anonymised"];
    let ministry = ministry.map(|kind| Report { kind, ..Report::default() });
    for (number, report) in ministry.into_iter().chain(providers).chain(schools).chain(caseloads).enumerate()
    {
        writer.begin(writer.names.report.ty, REPORT.0, REPORT.1, number);
        writer.text(writer.names.report.kind, report.kind);
        writer.entity(writer.names.report.owner, report.owner);
        writer.entity(writer.names.report.school, report.school);
        writer.entity(writer.names.report.provider, report.provider);
        writer.take();
    }
}
