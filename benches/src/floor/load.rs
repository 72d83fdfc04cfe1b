//! Makes the floor's structs from a world, through its public API.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::{EntityUid, Value, World};

use super::{
    CENTRAL_INVESTIGATION, Case, Floor, Item, ItemKind, NATIONAL_CONTRACTS, NONE, Numbers, PROSECUTIONS,
    Provider, ProviderKind, REGIONAL_CONTRACTS, School, Set, Status, Student, User,
};
use crate::Failure;

/// The numbers of all entities that others refer to.
struct Known<'w> {
    schools: Numbers<'w>,
    providers: Numbers<'w>,
    users: Numbers<'w>,
    students: Numbers<'w>,
    cases: Numbers<'w>,
}

fn numbers<'w>(world: &'w World, ty: &str) -> Numbers<'w> {
    (0u32..).zip(world.ids(ty).into_iter().flatten()).map(|(number, id)| (id, number)).collect()
}

/// The attributes of one entity.
struct Fields(BTreeMap<Arc<str>, Value>);

impl Fields {
    fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(Value::String(text)) => text,
            _ => "",
        }
    }

    fn is(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    fn time(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Datetime(ms)) => Some(*ms),
            _ => None,
        }
    }

    fn entity(&self, name: &str, numbers: &Numbers<'_>) -> u32 {
        match self.0.get(name) {
            Some(Value::Entity(uid)) => numbers.get(uid.id()).copied().unwrap_or(NONE),
            _ => NONE,
        }
    }

    fn uids(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = match self.0.get(name) {
            Some(Value::Set(all)) => Some(all),
            _ => None,
        };
        all.into_iter().flatten().filter_map(|value| match value {
            Value::Entity(uid) => Some(uid.id()),
            _ => None,
        })
    }

    /// Keeps a set beside the others.
    fn set(&self, name: &str, numbers: &Numbers<'_>, members: &mut Vec<u32>) -> Set {
        let start = members.len();
        members.extend(self.uids(name).filter_map(|id| numbers.get(id)));
        members[start..].sort_unstable();
        Set { start: start as u32, len: (members.len() - start) as u32 }
    }
}

/// The attributes of every entity of a type.
fn all(world: &World, ty: &'static str) -> impl Iterator<Item = Fields> {
    let name: Arc<str> = ty.into();
    let fields =
        move |id| world.attributes(&EntityUid::new(name.clone(), id)).ok().flatten().unwrap_or_default();
    world.ids(ty).into_iter().flatten().map(fields).map(Fields)
}

impl<'w> Floor<'w> {
    /// Reads all that the rules for cases and items can ask. Cost: some µs an entity.
    ///
    /// # Errors
    /// More members of sets than 32 bits can number, or one person with more than 65,535 roles.
    pub fn new(world: &'w World) -> Result<Self, Failure> {
        let known = Known {
            schools: numbers(world, "School"),
            providers: numbers(world, "Provider"),
            users: numbers(world, "User"),
            students: numbers(world, "Student"),
            cases: numbers(world, "Case"),
        };
        let mut members = Vec::new();
        let school =
            |f: Fields| School { catchment_provider: f.entity("catchmentProvider", &known.providers) };
        let schools = all(world, "School").map(school).collect();
        let providers = all(world, "Provider").map(|f| provider(&f, &known)).collect();
        let users = all(world, "User").map(|f| user(&f, &known, &mut members)).collect::<Result<_, _>>()?;
        let students = all(world, "Student").map(|f| student(&f, &known)).collect();
        let cases = all(world, "Case").map(|f| case(&f, &known, &mut members)).collect();
        let items = all(world, "Item").map(|f| item(&f, &known, &mut members)).collect();
        u32::try_from(members.len())?;
        let Known { users: user_numbers, cases: case_numbers, .. } = known;
        Ok(Floor { user_numbers, case_numbers, users, schools, providers, students, cases, items, members })
    }
}

fn provider(fields: &Fields, known: &Known<'_>) -> Provider {
    let kind = match fields.text("kind") {
        "asp" => ProviderKind::Asp,
        "isp" => ProviderKind::Isp,
        _ => ProviderKind::Unknown,
    };
    Provider { kind, school: fields.entity("school", &known.schools) }
}

fn user(fields: &Fields, known: &Known<'_>, members: &mut Vec<u32>) -> Result<User, Failure> {
    let bit = |team: &str| match team {
        "centralInvestigation" => CENTRAL_INVESTIGATION,
        "nationalContracts" => NATIONAL_CONTRACTS,
        "regionalContracts" => REGIONAL_CONTRACTS,
        "prosecutions" => PROSECUTIONS,
        _ => 0,
    };
    let sets = [
        ("attendanceLeadAt", &known.schools),
        ("primaryContactAt", &known.schools),
        ("officeSupportAt", &known.schools),
        ("workflowLeadAt", &known.providers),
        ("caseManagerAt", &known.providers),
        ("monitors", &known.providers),
    ];
    let start = members.len();
    let mut ends = [0; 6];
    for ((name, numbers), end) in sets.into_iter().zip(&mut ends) {
        fields.set(name, numbers, members);
        *end = u16::try_from(members.len() - start)?;
    }
    Ok(User {
        active: fields.is("loginActive"),
        teams: fields.uids("ministryTeams").map(bit).fold(0, |all, bit| all | bit),
        has_school_role: ends[2] > 0,
        has_provider_role: ends[4] > ends[2],
        start: u32::try_from(start)?,
        ends,
        access_from: fields.time("providerAccessFrom").unwrap_or(i64::MAX),
    })
}

fn student(fields: &Fields, known: &Known<'_>) -> Student {
    Student {
        enrolled_at: fields.entity("enrolledAt", &known.schools),
        last_school: fields.entity("lastSchool", &known.schools),
        current_provider: fields.entity("currentProvider", &known.providers),
        current_case_manager: fields.entity("currentCaseManager", &known.users),
    }
}

fn case(fields: &Fields, known: &Known<'_>, members: &mut Vec<u32>) -> Case {
    Case {
        student: fields.entity("student", &known.students),
        school: fields.entity("school", &known.schools),
        provider: fields.entity("provider", &known.providers),
        case_manager: fields.entity("caseManager", &known.users),
        primary_contact: fields.entity("primaryContact", &known.users),
        team: fields.set("team", &known.users, members),
        status: match fields.text("status") {
            "open" => Status::Open,
            "closed" => Status::Closed,
            _ => Status::Unknown,
        },
        prosecution_notified: fields.is("prosecutionNotified"),
    }
}

fn item(fields: &Fields, known: &Known<'_>, members: &mut Vec<u32>) -> Item {
    Item {
        case: fields.entity("case", &known.cases),
        author: fields.entity("author", &known.users),
        written_at: fields.entity("writtenAt", &known.schools),
        shared_with: fields.set("sharedWith", &known.schools, members),
        kind: match fields.text("kind") {
            "comment" => ItemKind::Comment,
            "file" => ItemKind::File,
            "serviceReferral" => ItemKind::ServiceReferral,
            "agencyResponse" => ItemKind::AgencyResponse,
            "note" | "activity" | "correspondence" => ItemKind::Other,
            _ => ItemKind::Unknown,
        },
        sensitive: fields.is("sensitive"),
    }
}
