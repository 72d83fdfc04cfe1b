//! Requests and students of the matrix.

use super::situations::{Situation, situation};

const REQUEST: (&str, &str) = ("Request", "it");
const SAM: (&str, &str) = ("Student", "sam");

pub(super) const REQUESTS: [Situation; 14] = [
    situation(
        REQUEST,
        "draft for Kauri",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=draft primaryContact=PC",
    ),
    situation(
        REQUEST,
        "draft by the regional office, for a student enrolled nowhere",
        "",
        "
        Student sam: nsn=1 lastSchool=kauri
        Request it: student=sam createdBy=RO status=draft",
    ),
    situation(
        REQUEST,
        "draft for Kauri, on 10 February 2026, before schools make requests",
        "now=2026-02-10T09:00:00+1300",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=draft primaryContact=MK",
    ),
    situation(
        REQUEST,
        "draft for Kauri, the student now at Rata",
        "",
        "
        Student sam: nsn=1 enrolledAt=rata
        Request it: student=sam createdBy=MK school=kauri status=draft primaryContact=PC",
    ),
    situation(
        REQUEST,
        "submitted for Kauri, with Harbour",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=submitted primaryContact=PC \
            provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "submitted for Kauri, with Harbour, of a student who has an open case",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Request it: student=sam createdBy=MK school=kauri status=submitted primaryContact=PC \
            provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "submitted for Kauri, with Harbour, the student now at Rata",
        "",
        "
        Student sam: nsn=1 enrolledAt=rata
        Request it: student=sam createdBy=MK school=kauri status=submitted provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "submitted, with Harbour, the student enrolled nowhere after Rata",
        "",
        "
        Student sam: nsn=1 lastSchool=rata
        Request it: student=sam createdBy=RO status=submitted provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "submitted for Kauri, with its in-school provider",
        "toProvider=harbour assignee=CK",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=submitted primaryContact=PC provider=hub \
            caseManager=CK",
    ),
    situation(
        REQUEST,
        "declined, with Harbour",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=declined primaryContact=PC \
            provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "accepted by Harbour, its case open there",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Request it: student=sam createdBy=MK school=kauri status=accepted primaryContact=PC \
            provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "accepted by Harbour, its case closed, the student still at Kauri",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri lastCaseClosedAt=2026-04-20
        Request it: student=sam createdBy=MK school=kauri status=accepted primaryContact=PC \
            provider=harbour caseManager=CM",
    ),
    situation(
        REQUEST,
        "accepted by Southern for Rata, closed, the student now at Kauri with an open case at Harbour",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Request it: student=sam createdBy=AR school=rata status=accepted provider=southern caseManager=CS",
    ),
    situation(
        REQUEST,
        "of an unknown status",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Request it: student=sam createdBy=MK school=kauri status=lost primaryContact=PC provider=harbour \
            caseManager=CM",
    ),
];

pub(super) const STUDENTS: [Situation; 6] = [
    situation(
        SAM,
        "at Kauri, year 9, attends 82 %, no case",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri yearLevel=9 attendanceRate=820",
    ),
    situation(
        SAM,
        "the same, on 20 February 2026, when makers name themselves",
        "now=2026-02-20T09:00:00+1300 primaryContact=self",
        "
        Student sam: nsn=1 enrolledAt=kauri yearLevel=9 attendanceRate=820",
    ),
    situation(
        SAM,
        "the same, on 10 February 2026, before schools make requests",
        "now=2026-02-10T09:00:00+1300 primaryContact=self",
        "
        Student sam: nsn=1 enrolledAt=kauri yearLevel=9 attendanceRate=820",
    ),
    situation(
        SAM,
        "enrolled nowhere after Kauri, no contact named",
        "primaryContact=",
        "
        Student sam: nsn=1 lastSchool=kauri yearLevel=9 attendanceRate=820",
    ),
    situation(
        SAM,
        "at Kauri, year 9, attends 65 %, the last case closed eight years ago",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri yearLevel=9 attendanceRate=650 lastCaseClosedAt=2018-04-20",
    ),
    situation(
        SAM,
        "the same, with a protection instruction in force",
        "protectionInstruction=true",
        "
        Student sam: nsn=1 enrolledAt=kauri yearLevel=9 attendanceRate=650 lastCaseClosedAt=2018-04-20",
    ),
];
