//! The people of the story, and its two worlds: before Leo changes school and after.

/// Somebody whose access the story follows.
pub(super) struct Person {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    facts: &'static str,
}

const fn person(id: &'static str, name: &'static str, role: &'static str, facts: &'static str) -> Person {
    Person { id, name, role, facts }
}

impl Person {
    /// The person as a line of a scene. Everybody has a login, and training where the role asks for it.
    pub(super) fn line(&self) -> String {
        format!("User {}: loginActive=true {}", self.id, self.facts)
    }
}

pub(super) const PEOPLE: [Person; 13] = [
    person("aroha.ngata", "Aroha Ngata", "attendance lead at Kōwhai High School", "attendanceLeadAt=kowhai"),
    person(
        "hemi.walker",
        "Hemi Walker",
        "primary contact at Kōwhai High School, named on the open case",
        "primaryContactAt=kowhai",
    ),
    person("mele.taufa", "Mele Taufa", "office support at Kōwhai High School", "officeSupportAt=kowhai"),
    person(
        "sione.fonua",
        "Sione Fonua",
        "attendance lead at Rātā College; named on the case after the move",
        "attendanceLeadAt=rata",
    ),
    person(
        "wiremu.kahu",
        "Wiremu Kahu",
        "workflow lead at Harbour Attendance Service",
        "workflowLeadAt=harbour providerAccessFrom=2026-01-19",
    ),
    person(
        "ngaire.scott",
        "Ngaire Scott",
        "case manager at Harbour, who has both cases before the move",
        "caseManagerAt=harbour providerAccessFrom=2026-01-19",
    ),
    person(
        "rangi.moana",
        "Rangi Moana",
        "case manager at Harbour, on the team of the open case",
        "caseManagerAt=harbour providerAccessFrom=2026-01-19",
    ),
    person(
        "priya.sharma",
        "Priya Sharma",
        "workflow lead at Southern Attendance Service",
        "workflowLeadAt=southern providerAccessFrom=2026-01-19",
    ),
    person(
        "tom.henare",
        "Tom Henare",
        "case manager at Southern, who has the open case after the move",
        "caseManagerAt=southern providerAccessFrom=2026-01-19",
    ),
    person(
        "grace.lim",
        "Grace Lim",
        "central investigation, who recorded the agency's answer",
        "ministryTeams=centralInvestigation",
    ),
    person("david.chen", "David Chen", "prosecutions", "ministryTeams=prosecutions"),
    person(
        "ana.faleolo",
        "Ana Faleolo",
        "regional contract manager of Harbour",
        "ministryTeams=regionalContracts monitors=harbour",
    ),
    person("ruth.cameron", "Ruth Cameron", "privacy team", "ministryTeams=privacy"),
];

/// A record that the story looks at, and what it is called there.
pub(super) struct Record {
    pub(super) ty: &'static str,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
}

pub(super) const RECORDS: [Record; 5] = [
    Record { ty: "Case", id: "leo-2026", name: "open case" },
    Record { ty: "Case", id: "leo-2025", name: "earlier case" },
    Record { ty: "Item", id: "comment", name: "comment" },
    Record { ty: "Item", id: "note", name: "sensitive note" },
    Record { ty: "Item", id: "answer", name: "agency's answer" },
];

pub(super) const INTRODUCTION: &str = "\
Leo Tipene, year 9, changes school
==================================

On 11 May 2026 Leo is at Kōwhai High School, in the catchment of Harbour Attendance Service. He has an
open case, which Harbour holds, and an earlier one, which Harbour closed last year. On the open case are
a comment that Harbour shared with Kōwhai, a sensitive note, and another agency's answer.

Then Leo moves to Rātā College, in the catchment of Southern Attendance Service. The open case goes with
him to Southern, where a case manager takes it on and the workflow lead notifies it for prosecution.

What each person may do before and after, by which rules, and why it changed. A rule is quoted where it
comes up first.
";

/// What does not change.
pub(super) const SCENERY: &str = "
    School kowhai: kind=state catchmentProvider=harbour
    School rata: kind=state catchmentProvider=southern
    Provider harbour: kind=asp
    Provider southern: kind=asp
    Case leo-2025: student=leo school=kowhai status=closed openedAt=2025-03-10 closedAt=2025-08-22 \
        provider=harbour caseManager=ngaire.scott
    Item comment: case=leo-2026 kind=comment author=ngaire.scott sharedWith=kowhai
    Item note: case=leo-2026 kind=note author=ngaire.scott sensitive=true
    Item answer: case=leo-2026 kind=agencyResponse author=grace.lim";

pub(super) const BEFORE: &str = "
    Student leo: nsn=1000000001 enrolledAt=kowhai yearLevel=9 attendanceRate=540 currentProvider=harbour \
        currentCaseManager=ngaire.scott
    Case leo-2026: student=leo school=kowhai status=open openedAt=2026-03-16 provider=harbour \
        caseManager=ngaire.scott team=rangi.moana primaryContact=hemi.walker";

/// The contact and the team, whose roles no longer fit, are gone.
pub(super) const AFTER: &str = "
    Student leo: nsn=1000000001 enrolledAt=rata yearLevel=9 attendanceRate=540 currentProvider=southern \
        currentCaseManager=tom.henare
    Case leo-2026: student=leo school=rata status=open openedAt=2026-03-16 provider=southern \
        caseManager=tom.henare primaryContact=sione.fonua prosecutionNotified=true";

pub(super) const CONTEXT: &str = "now=2026-05-11T09:00:00+1200 sizeBytes=4096 caregiverConsent=true consent=true \
    agreementInForce=true";
/// Whom and what people would name before, and after.
pub(super) const NAMED_BEFORE: &str =
    "contact=aroha.ngata assignee=rangi.moana toProvider=southern withSchool=kowhai";
pub(super) const NAMED_AFTER: &str =
    "contact=sione.fonua assignee=tom.henare toProvider=harbour withSchool=rata";
