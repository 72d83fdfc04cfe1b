//! People and their roles.
//!
//! Oddities come by turns and not by chance, so that the smallest world has each of them: ended logins,
//! people who are not trained yet, people with roles at several places, people with none.

use super::organisations::Organisations;
use super::skew::{Skew, zipf};
use super::writer::Writer;
use super::{DAY, Sizes, TODAY, USER};
use crate::model::random::Random;

/// The ids of the ministry's teams, in the order of the vocabulary.
pub(super) const TEAMS: [&str; 8] = [
    "centralInvestigation",
    "nationalContracts",
    "regionalContracts",
    "regionalOffice",
    "prosecutions",
    "privacy",
    "resourcingAudit",
    "research",
];

/// A person, known by their place in [`People::all`].
#[derive(Default)]
pub(super) struct Person {
    ended: bool,
    access_from: Option<i64>,
    lead_at: Vec<usize>,
    contact_at: Vec<usize>,
    support_at: Vec<usize>,
    workflow_lead_at: Vec<usize>,
    manager_at: Vec<usize>,
    officer_at: Vec<usize>,
    authoriser_at: Vec<usize>,
    authoriser_for: Vec<usize>,
    teams: Vec<&'static str>,
    monitors: Vec<usize>,
}

/// Everybody, and the ministry's teams that make records.
pub(super) struct People {
    pub(super) all: Vec<Person>,
    pub(super) central: Vec<usize>,
    pub(super) regional: Vec<usize>,
}

impl People {
    /// Makes everybody, and tells the organisations who works there.
    pub(super) fn new(sizes: &Sizes, places: &mut Organisations, random: &mut Random) -> Self {
        let ministry = (sizes.staff * 3 / 100).max(16);
        let providers = (sizes.staff * 12 / 100).max(sizes.providers * 5);
        let schools = sizes.staff.saturating_sub(ministry + providers);
        let mut all: Vec<Person> = (0..ministry).map(|turn| ministry_person(turn, places)).collect();
        all.extend((0..providers).map(|turn| provider_person(turn, places, random)));
        all.extend((0..schools).map(|turn| school_person(turn, places, random)));
        employ(&all, places);
        let in_team = |team| {
            let members = all.iter().enumerate().filter(|(_, p)| p.teams.contains(&team) && !p.ended);
            members.map(|(number, _)| number).collect()
        };
        People { central: in_team("centralInvestigation"), regional: in_team("regionalOffice"), all }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for (number, person) in self.all.iter().enumerate() {
            writer.begin(writer.names.user.ty, USER.0, USER.1, number);
            writer.bool(writer.names.user.active, !person.ended);
            writer.long(writer.names.user.access_from, person.access_from);
            writer.entities(writer.names.user.lead_at, person.lead_at.iter().copied());
            writer.entities(writer.names.user.contact_at, person.contact_at.iter().copied());
            writer.entities(writer.names.user.support_at, person.support_at.iter().copied());
            writer.entities(writer.names.user.workflow_lead_at, person.workflow_lead_at.iter().copied());
            writer.entities(writer.names.user.manager_at, person.manager_at.iter().copied());
            writer.entities(writer.names.user.officer_at, person.officer_at.iter().copied());
            writer.entities(writer.names.user.authoriser_at, person.authoriser_at.iter().copied());
            writer.entities(writer.names.user.authoriser_for, person.authoriser_for.iter().copied());
            writer.teams(writer.names.user.teams, &person.teams);
            writer.entities(writer.names.user.monitors, person.monitors.iter().copied());
            writer.take();
        }
    }
}

impl Person {
    /// Where the person is case manager or workflow lead, each provider once.
    pub(super) fn with_cases_at(&self) -> impl Iterator<Item = usize> + '_ {
        let leads = self.workflow_lead_at.iter().filter(|at| !self.manager_at.contains(at));
        leads.chain(&self.manager_at).copied()
    }
}

fn ministry_person(turn: usize, places: &Organisations) -> Person {
    let mut person = Person { ended: turn % 40 == 33, ..Person::default() };
    let team = |nth: usize| TEAMS.get(nth % TEAMS.len()).copied();
    person.teams.extend(team(turn));
    if turn % 24 == 9 {
        person.teams.extend(team(turn + 3));
    }
    if person.teams.contains(&"regionalContracts") {
        let first = turn / TEAMS.len() * 3;
        person.monitors = (first..first + 2 + turn % 5).map(|n| n % places.asps.max(1)).collect();
        // The in-school providers of a region are on the contract manager's list as well.
        person.monitors.extend((places.asps..places.providers.len()).nth(turn / TEAMS.len()));
    }
    person
}

fn provider_person(turn: usize, places: &Organisations, random: &mut Random) -> Person {
    let count = places.providers.len().max(1);
    let mut person =
        Person { access_from: Some(TODAY - DAY * (20 + random.below(700) as i64)), ..Person::default() };
    // Every provider has a workflow lead and two case managers, trained and with a login.
    match turn / count {
        0 => {
            person.workflow_lead_at.push(turn);
            if turn.is_multiple_of(2) {
                person.authoriser_for.push(turn);
            }
            return person;
        }
        1 | 2 => {
            person.manager_at.push(turn % count);
            return person;
        }
        _ => {}
    }
    let turn = turn - 3 * count;
    let at = places.by_catchment.pick(random).unwrap_or(0);
    match turn % 20 {
        3 | 11 => person.workflow_lead_at.push(at),
        5 | 15 => person.officer_at.push(at),
        8 => {
            person.workflow_lead_at.push(at);
            person.manager_at.push(at);
        }
        18 => person.authoriser_for.push(at),
        _ => person.manager_at.push(at),
    }
    match turn % 19 {
        4 => person.access_from = None,
        9 => person.access_from = Some(TODAY + DAY * (1 + random.below(90) as i64)),
        _ => {}
    }
    person.ended = turn % 13 == 6;
    if turn % 17 == 2 {
        person.manager_at.extend(places.by_catchment.pick(random));
        person.manager_at.dedup();
    }
    person
}

fn school_person(turn: usize, places: &Organisations, random: &mut Random) -> Person {
    let mut person = Person::default();
    // Every school has a lead, a contact and an office, with logins.
    let home = turn / 3;
    if home < places.schools.len() {
        match turn % 3 {
            0 => person.lead_at.push(home),
            1 => person.contact_at.push(home),
            _ => person.support_at.push(home),
        }
        if turn.is_multiple_of(3) && home % 5 < 2 {
            person.authoriser_at.push(home);
        }
        return person;
    }
    let turn = turn - 3 * places.schools.len();
    if turn % 80 == 79 {
        return person;
    }
    let mut at = vec![places.by_roll.pick(random).unwrap_or(0)];
    if turn % 8 == 5 {
        at.extend(places.by_roll.pick(random));
        at.dedup();
    }
    match turn % 20 {
        0 | 1 => person.lead_at = at,
        2 | 3 => (person.lead_at, person.contact_at) = (at.clone(), at),
        4..=7 => person.support_at = at,
        8 => (person.contact_at, person.support_at) = (at.clone(), at),
        9..=11 => person.authoriser_at = at,
        _ => person.contact_at = at,
    }
    person.ended = turn % 20 == 13;
    if turn % 50 == 12 {
        person.access_from = Some(TODAY - 60 * DAY);
        person.manager_at.extend(places.by_catchment.pick(random));
    }
    if turn % 60 == 31 {
        person.teams.push("regionalOffice");
    }
    person
}

/// Tells the organisations who works there. Cases go to trained people only, some of whom have left since.
fn employ(all: &[Person], places: &mut Organisations) {
    for (number, person) in all.iter().enumerate() {
        let trained = person.access_from.is_some_and(|from| from <= TODAY);
        for &at in &person.lead_at {
            places.schools.get_mut(at).into_iter().for_each(|s| s.leads.push(number));
        }
        for &at in &person.contact_at {
            places.schools.get_mut(at).into_iter().for_each(|s| s.contacts.push(number));
        }
        for &at in &person.support_at {
            places.schools.get_mut(at).into_iter().for_each(|s| s.supports.push(number));
        }
        for &at in person.workflow_lead_at.iter().filter(|_| trained) {
            places.providers.get_mut(at).into_iter().for_each(|p| p.workflow_leads.push(number));
        }
        for &at in person.manager_at.iter().filter(|_| trained) {
            let known = places.providers.get_mut(at).filter(|p| !p.managers.contains(&number));
            known.into_iter().for_each(|p| p.managers.push(number));
        }
    }
    for provider in &mut places.providers {
        let count = provider.managers.len();
        // A few have thousands of cases, most have hundreds, and the newest quarter has just begun.
        let weight =
            |rank| if count > 3 && rank >= count - count / 4 { zipf(rank, 5) / 20 } else { zipf(rank, 5) };
        provider.caseloads = Skew::new((0..count).map(weight));
    }
}
