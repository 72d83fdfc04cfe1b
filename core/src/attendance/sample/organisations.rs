//! Schools with their catchments, and providers of both kinds.

use super::skew::{Skew, zipf};
use super::writer::Writer;
use super::{PROVIDER, SCHOOL, Sizes};
use crate::model::random::Random;

/// Schools and providers, each known by its place here, and who works there.
pub(super) struct Organisations {
    pub(super) schools: Vec<School>,
    pub(super) providers: Vec<Provider>,
    /// How many of the providers, from the first, are attendance service providers.
    pub(super) asps: usize,
    /// Schools by the size of their roll.
    pub(super) by_roll: Skew,
    /// Attendance service providers by the size of their catchment.
    pub(super) by_catchment: Skew,
}

/// A school. Who works there is filled in when the people are made.
#[derive(Default)]
pub(super) struct School {
    pub(super) kind: &'static str,
    pub(super) catchment: Option<usize>,
    pub(super) in_school: Option<usize>,
    pub(super) leads: Vec<usize>,
    pub(super) contacts: Vec<usize>,
    pub(super) supports: Vec<usize>,
}

/// A provider. Who works there is filled in when the people are made.
#[derive(Default)]
pub(super) struct Provider {
    /// The one school of an in-school provider; `None` for an attendance service provider.
    pub(super) school: Option<usize>,
    pub(super) workflow_leads: Vec<usize>,
    /// Case managers to whom cases can be given: those whose training is done.
    pub(super) managers: Vec<usize>,
    /// How cases spread over `managers`.
    pub(super) caseloads: Skew,
}

impl School {
    /// Where a request made for this school goes.
    pub(super) fn provider(&self) -> Option<usize> {
        self.in_school.or(self.catchment)
    }
}

impl Organisations {
    pub(super) fn new(sizes: &Sizes, random: &mut Random) -> Self {
        let asps = sizes.providers * 57 / 80;
        let by_catchment = Skew::new((0..asps).map(|rank| zipf(rank, asps / 8)));
        let mut providers: Vec<Provider> = (0..sizes.providers).map(|_| Provider::default()).collect();
        let mut schools: Vec<School> =
            (0..sizes.schools).map(|n| school(n, asps, &by_catchment, random)).collect();
        // In-school providers lie in catchments too, seven schools apart.
        for (nth, (number, provider)) in providers.iter_mut().enumerate().skip(asps).enumerate() {
            let place = (asps + nth * 7) % sizes.schools.max(1);
            if let Some(school) = schools.get_mut(place) {
                school.in_school = Some(number);
                school.catchment = school.catchment.or(Some(0));
                provider.school = Some(place);
            }
        }
        let mut ranks: Vec<usize> = (0..sizes.schools).collect();
        random.shuffle(&mut ranks);
        let by_roll = Skew::new(ranks.into_iter().map(|rank| zipf(rank, sizes.schools / 25)));
        Organisations { schools, providers, asps, by_roll, by_catchment }
    }

    pub(super) fn school(&self, number: usize) -> Option<&School> {
        self.schools.get(number)
    }

    pub(super) fn provider(&self, number: usize) -> Option<&Provider> {
        self.providers.get(number)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for (number, school) in self.schools.iter().enumerate() {
            let (ty, kind, catchment) =
                (writer.names.school.ty, writer.names.school.kind, writer.names.school.catchment);
            writer.begin(ty, SCHOOL.0, SCHOOL.1, number);
            writer.text(kind, school.kind);
            writer.entity(catchment, school.catchment);
            writer.take();
        }
        for (number, provider) in self.providers.iter().enumerate() {
            let (ty, kind, school) =
                (writer.names.provider.ty, writer.names.provider.kind, writer.names.provider.school);
            writer.begin(ty, PROVIDER.0, PROVIDER.1, number);
            writer.text(kind, if provider.school.is_some() { "isp" } else { "asp" });
            writer.entity(school, provider.school);
            writer.take();
        }
    }
}

/// Of 25 schools 21 are state, 3 state-integrated and 1 private, near the shares of 2024; every attendance
/// service provider has a school, and one school in 49, such as a distance school, is in no catchment.
fn school(number: usize, asps: usize, by_catchment: &Skew, random: &mut Random) -> School {
    let kind = match number % 25 {
        24 => "private",
        21..=23 => "stateIntegrated",
        _ => "state",
    };
    let catchment = match number {
        first if first < asps => Some(first),
        other if other % 49 == 48 => None,
        _ => by_catchment.pick(random),
    };
    School { kind, catchment, ..School::default() }
}
