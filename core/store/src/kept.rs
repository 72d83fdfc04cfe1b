//! What the data keeps: of every store in every version, and of what is imported.

use std::collections::{BTreeMap, BTreeSet};

use caseward::{ActionName, EntityUid, Request, Ward, World};

use crate::doctor::Checkup;
use crate::error::Error;
use crate::facts::{entities, entity, uids};

/// Looks at each open case; gives them by their students.
pub(crate) fn open_cases(
    checkup: &mut Checkup,
    fits: &Ward,
    world: &World,
) -> Result<BTreeMap<EntityUid, EntityUid>, Error> {
    let mut open: BTreeMap<EntityUid, EntityUid> = BTreeMap::new();
    for case in uids(world, "Case")? {
        if world.attribute(&case, "status")? != Some("open".into()) {
            continue;
        }
        checkup.open_cases += 1;
        let Some(student) = entity(world, &case, "student")? else { continue };
        if let Some(other) = open.insert(student.clone(), case.clone()) {
            checkup.fault("open-case", Some(&student), format!("{other} and {case} are both open"));
        }
        let school = entity(world, &student, "enrolledAt")?;
        if school.is_some() && entity(world, &case, "school")? != school {
            checkup.fault("open-case", Some(&case), "its school is not the student's");
        }
        for (mine, theirs) in [("provider", "currentProvider"), ("caseManager", "currentCaseManager")] {
            if entity(world, &case, mine)? != entity(world, &student, theirs)? {
                checkup.fault("open-case", Some(&case), format!("its {mine} is not the student's {theirs}"));
            }
        }
        if entity(world, &case, "provider")?.is_none() {
            checkup.fault("open-case", Some(&case), "it has no provider");
        }
        people_fit(checkup, fits, world, &case)?;
    }
    Ok(open)
}

fn people_fit(checkup: &mut Checkup, fits: &Ward, world: &World, case: &EntityUid) -> Result<(), Error> {
    let one = |name| entity(world, case, name);
    let manager = one("caseManager")?;
    let team: BTreeSet<EntityUid> = entities(world, case, "team")?;
    let contact = one("primaryContact")?.into_iter().map(|person| (person, "fitsContact", "contact"));
    let manager = manager.into_iter().map(|person| (person, "fitsCaseManager", "case manager"));
    let team = team.into_iter().map(|person| (person, "fitsTeam", "team member"));
    for (person, action, what) in contact.chain(manager).chain(team) {
        let request = Request::new(person.clone(), ActionName::from_static(action), case.clone());
        if !fits.check(world, &request)?.is_allowed() {
            checkup.fault("fits", Some(case), format!("{person} does not fit as its {what}"));
        }
    }
    Ok(())
}

/// Looks at each student, given the open cases.
pub(crate) fn students(
    checkup: &mut Checkup,
    world: &World,
    open: &BTreeMap<EntityUid, EntityUid>,
) -> Result<(), Error> {
    for student in uids(world, "Student")? {
        checkup.students += 1;
        let is_there = |name| world.attribute(&student, name).map(|value| value.is_some());
        if !open.contains_key(&student) {
            for name in ["currentProvider", "currentCaseManager"] {
                if is_there(name)? {
                    checkup.fault("student", Some(&student), format!("a {name} without an open case"));
                }
            }
        }
        if is_there("enrolledAt")? && is_there("lastSchool")? {
            checkup.fault("student", Some(&student), "a school attended last while enrolled");
        }
    }
    Ok(())
}
