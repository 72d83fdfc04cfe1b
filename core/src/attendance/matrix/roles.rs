//! The columns of the matrix: one person for each role.

/// A column: a heading, what it stands for, and the attributes of the person called by the heading.
pub(super) struct Role {
    pub(super) heading: &'static str,
    pub(super) legend: &'static str,
    pub(super) facts: &'static str,
}

const fn role(heading: &'static str, legend: &'static str, facts: &'static str) -> Role {
    Role { heading, legend, facts }
}

/// INVARIANT: headings are two letters, and the ids of the people in the situations.
pub(super) const ROLES: [Role; 26] = [
    role("AL", "attendance lead at Kauri", "loginActive=true attendanceLeadAt=kauri"),
    role("PC", "primary contact at Kauri, named on the record", "loginActive=true primaryContactAt=kauri"),
    role("OS", "office support at Kauri", "loginActive=true officeSupportAt=kauri"),
    role(
        "MK",
        "primary contact at Kauri, not named; maker of the request",
        "loginActive=true primaryContactAt=kauri",
    ),
    role("DA", "delegated authoriser at Kauri", "loginActive=true delegatedAuthoriserAt=kauri"),
    role("AR", "attendance lead at Rata, another school", "loginActive=true attendanceLeadAt=rata"),
    role(
        "WL",
        "workflow lead at Harbour",
        "loginActive=true providerAccessFrom=2026-01-19 workflowLeadAt=harbour",
    ),
    role(
        "CM",
        "case manager at Harbour, assigned",
        "loginActive=true providerAccessFrom=2026-01-19 caseManagerAt=harbour",
    ),
    role(
        "TM",
        "case manager at Harbour, on the team",
        "loginActive=true providerAccessFrom=2026-01-19 caseManagerAt=harbour",
    ),
    role(
        "OC",
        "another case manager at Harbour",
        "loginActive=true providerAccessFrom=2026-01-19 caseManagerAt=harbour",
    ),
    role(
        "AO",
        "attendance officer at Harbour",
        "loginActive=true providerAccessFrom=2026-01-19 attendanceOfficerAt=harbour",
    ),
    role("DH", "delegated authoriser for Harbour", "loginActive=true delegatedAuthoriserFor=harbour"),
    role(
        "WS",
        "workflow lead at Southern",
        "loginActive=true providerAccessFrom=2026-01-19 workflowLeadAt=southern",
    ),
    role(
        "CS",
        "case manager at Southern, assigned there",
        "loginActive=true providerAccessFrom=2026-01-19 caseManagerAt=southern",
    ),
    role(
        "WK",
        "workflow lead at Kauri Hub",
        "loginActive=true providerAccessFrom=2026-01-19 workflowLeadAt=hub",
    ),
    role(
        "CK",
        "case manager at Kauri Hub, assigned there",
        "loginActive=true providerAccessFrom=2026-01-19 caseManagerAt=hub",
    ),
    role("CI", "central investigation", "loginActive=true ministryTeams=centralInvestigation"),
    role("NC", "national contracts", "loginActive=true ministryTeams=nationalContracts"),
    role(
        "RC",
        "regional contract manager of Harbour and Kauri Hub",
        "loginActive=true ministryTeams=regionalContracts monitors=harbour,hub",
    ),
    role("RO", "regional office", "loginActive=true ministryTeams=regionalOffice"),
    role("PR", "prosecutions", "loginActive=true ministryTeams=prosecutions"),
    role("PV", "privacy", "loginActive=true ministryTeams=privacy"),
    role("RA", "resourcing audit", "loginActive=true ministryTeams=resourcingAudit"),
    role("RS", "research", "loginActive=true ministryTeams=research"),
    role(
        "UT",
        "workflow lead and case manager at Harbour, not trained",
        "loginActive=true workflowLeadAt=harbour caseManagerAt=harbour",
    ),
    role(
        "EN",
        "every role at Kauri and Harbour and every team, but the login has ended",
        "loginActive=false providerAccessFrom=2026-01-19 attendanceLeadAt=kauri primaryContactAt=kauri \
         officeSupportAt=kauri delegatedAuthoriserAt=kauri workflowLeadAt=harbour caseManagerAt=harbour \
         attendanceOfficerAt=harbour delegatedAuthoriserFor=harbour monitors=harbour \
         ministryTeams=centralInvestigation,nationalContracts,regionalContracts,regionalOffice,\
         prosecutions,privacy,resourcingAudit,research",
    ),
];
