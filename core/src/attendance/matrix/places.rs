//! Schools, providers, registers, reports and people of the matrix.

use super::situations::{Situation, situation};

const REGISTER: (&str, &str) = ("Register", "it");
const REPORT: (&str, &str) = ("Report", "it");

pub(super) const PLACES: [Situation; 6] = [
    situation(("School", "kauri"), "Kauri", "", ""),
    situation(("School", "kauri"), "Kauri, without a leader's approval", "leaderApproved=false", ""),
    situation(("School", "kauri"), "Kauri, the person's own access", "subject=self", ""),
    situation(("Provider", "harbour"), "Harbour", "role=workflowLead", ""),
    situation(
        ("Provider", "harbour"),
        "Harbour, the person's own access",
        "role=workflowLead subject=self",
        "",
    ),
    situation(("Provider", "hub"), "Kauri Hub", "role=caseManager", ""),
];

pub(super) const REGISTERS: [Situation; 4] = [
    situation(
        REGISTER,
        "attendance at Kauri, in use",
        "",
        "Register it: school=kauri kind=attendance lastEntryAt=2026-05-08",
    ),
    situation(
        REGISTER,
        "audit documents at Kauri",
        "",
        "Register it: school=kauri kind=audit lastEntryAt=2026-03-03",
    ),
    situation(
        REGISTER,
        "leavers at Kauri, last entry eight years ago, disposal approved by the board",
        "",
        "Register it: school=kauri kind=leavers lastEntryAt=2018-05-08",
    ),
    situation(
        REGISTER,
        "the same, approved by a manager",
        "approvedBy=manager",
        "Register it: school=kauri kind=leavers lastEntryAt=2018-05-08",
    ),
];

pub(super) const REPORTS: [Situation; 9] = [
    situation(
        REPORT,
        "caseload of Harbour's case manager",
        "",
        "Report it: kind=caseload owner=CM provider=harbour",
    ),
    situation(REPORT, "school, of Kauri", "", "Report it: kind=school school=kauri"),
    situation(
        REPORT,
        "the same, on 20 February 2026",
        "now=2026-02-20T09:00:00+1300",
        "Report it: kind=school school=kauri",
    ),
    situation(REPORT, "provider, of Harbour", "", "Report it: kind=provider provider=harbour"),
    situation(REPORT, "provider, of Kauri Hub", "", "Report it: kind=provider provider=hub"),
    situation(REPORT, "national", "", "Report it: kind=national"),
    situation(REPORT, "performance", "", "Report it: kind=performance"),
    situation(REPORT, "prosecutions", "", "Report it: kind=prosecutions"),
    situation(REPORT, "anonymised", "", "Report it: kind=anonymised"),
];

pub(super) const USERS: [Situation; 1] = [situation(("User", "new"), "a member of staff", "", "")];
