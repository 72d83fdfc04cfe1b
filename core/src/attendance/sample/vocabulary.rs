//! The names of the attendance vocabulary, looked up once in the schema of a ward.
//!
//! INVARIANT: every attribute found has the type that the generator writes into it.

use crate::model::{AttrId, Error, Problem, Schema, TypeId};

macro_rules! vocabulary {
    ($($field:ident: $name:ident { $($attr:ident: $text:literal $ty:literal),* $(,)? })*) => {
        /// The entity types that the generator writes.
        pub(super) struct Vocabulary {
            $(pub(super) $field: $name,)*
            pub(super) team: TypeId,
        }

        $(
            pub(super) struct $name {
                pub(super) ty: TypeId,
                $(pub(super) $attr: AttrId,)*
            }
        )*

        impl Vocabulary {
            /// # Errors
            /// [`Error::is_policies`], with everything that the schema lacks.
            pub(super) fn find(schema: &Schema) -> Result<Self, Error> {
                let mut search = Search { schema, missing: Vec::new() };
                let found = Vocabulary {
                    $($field: $name {
                        ty: search.entity_type(stringify!($name)),
                        $($attr: search.attribute(stringify!($name), $text, $ty),)*
                    },)*
                    team: search.entity_type("MinistryTeam"),
                };
                if search.missing.is_empty() { Ok(found) } else { Err(Error::policies(search.missing)) }
            }
        }
    };
}

vocabulary! {
    school: School { kind: "kind" "String", catchment: "catchmentProvider" "Provider" }
    provider: Provider { kind: "kind" "String", school: "school" "School" }
    user: User {
        active: "loginActive" "Bool",
        access_from: "providerAccessFrom" "datetime",
        lead_at: "attendanceLeadAt" "Set<School>",
        contact_at: "primaryContactAt" "Set<School>",
        support_at: "officeSupportAt" "Set<School>",
        workflow_lead_at: "workflowLeadAt" "Set<Provider>",
        manager_at: "caseManagerAt" "Set<Provider>",
        officer_at: "attendanceOfficerAt" "Set<Provider>",
        authoriser_at: "delegatedAuthoriserAt" "Set<School>",
        authoriser_for: "delegatedAuthoriserFor" "Set<Provider>",
        teams: "ministryTeams" "Set<MinistryTeam>",
        monitors: "monitors" "Set<Provider>",
    }
    student: Student {
        nsn: "nsn" "String",
        enrolled_at: "enrolledAt" "School",
        last_school: "lastSchool" "School",
        year: "yearLevel" "Long",
        rate: "attendanceRate" "Long",
        provider: "currentProvider" "Provider",
        manager: "currentCaseManager" "User",
        last_closed: "lastCaseClosedAt" "datetime",
    }
    request: Request {
        student: "student" "Student",
        created_by: "createdBy" "User",
        school: "school" "School",
        status: "status" "String",
        contact: "primaryContact" "User",
        provider: "provider" "Provider",
        manager: "caseManager" "User",
    }
    case: Case {
        student: "student" "Student",
        school: "school" "School",
        status: "status" "String",
        opened: "openedAt" "datetime",
        closed: "closedAt" "datetime",
        provider: "provider" "Provider",
        manager: "caseManager" "User",
        team: "team" "Set<User>",
        contact: "primaryContact" "User",
        notified: "prosecutionNotified" "Bool",
    }
    item: Item {
        case: "case" "Case",
        kind: "kind" "String",
        author: "author" "User",
        written_at: "writtenAt" "School",
        shared_with: "sharedWith" "Set<School>",
        sensitive: "sensitive" "Bool",
    }
    register: Register { school: "school" "School", kind: "kind" "String", last_entry: "lastEntryAt" "datetime" }
    report: Report {
        kind: "kind" "String",
        owner: "owner" "User",
        school: "school" "School",
        provider: "provider" "Provider",
    }
}

struct Search<'a> {
    schema: &'a Schema,
    missing: Vec<Problem>,
}

impl Search<'_> {
    fn entity_type(&mut self, name: &str) -> TypeId {
        self.schema.type_id(name).unwrap_or_else(|| {
            self.lacks(format!("the sample needs the entity type `{name}`, which the schema lacks"));
            TypeId(0)
        })
    }

    fn attribute(&mut self, entity: &str, name: &str, ty: &str) -> AttrId {
        let of = self.schema.type_id(entity).and_then(|id| self.schema.entity_type(id));
        match of.map(|of| of.attribute(name)) {
            // The entity type itself is missing, which is said already.
            None => AttrId(0),
            Some(Some((attr, attribute))) if self.schema.show(&attribute.ty) == ty => attr,
            Some(_) => {
                self.lacks(format!("the sample needs `{name}` of `{entity}` to be there, of type `{ty}`"));
                AttrId(0)
            }
        }
    }

    fn lacks(&mut self, message: String) {
        self.missing.push(Problem::error(message));
    }
}
