//! Cases and items of the matrix.

use super::situations::{Situation, situation};

const CASE: (&str, &str) = ("Case", "it");
const ITEM: (&str, &str) = ("Item", "it");

pub(super) const CASES: [Situation; 18] = [
    situation(
        CASE,
        "open at Kauri, held by Harbour",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=CM \
            team=TM primaryContact=PC",
    ),
    situation(
        CASE,
        "the same, on 20 February 2026, before schools see cases",
        "now=2026-02-20T09:00:00+1300",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=kauri status=open openedAt=2026-02-10 provider=harbour caseManager=CM \
            team=TM primaryContact=PC",
    ),
    situation(
        CASE,
        "open, nobody assigned or named",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour",
    ),
    situation(
        CASE,
        "open, its case manager not trained",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=UT
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=UT",
    ),
    situation(
        CASE,
        "open, the login of its case manager ended",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=EN
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=EN",
    ),
    situation(
        CASE,
        "open, without a provider",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 primaryContact=PC",
    ),
    situation(
        CASE,
        "open, notified for prosecution",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=CM \
            team=TM primaryContact=PC prosecutionNotified=true",
    ),
    situation(
        CASE,
        "open, held by Harbour, the student enrolled nowhere after Kauri",
        "",
        "
        Student sam: nsn=1 lastSchool=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam status=open openedAt=2026-03-16 provider=harbour caseManager=CM team=TM",
    ),
    situation(
        CASE,
        "open, held by Harbour, the student moved from Kauri to Rata",
        "contact=AR",
        "
        Student sam: nsn=1 enrolledAt=rata currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=rata status=open openedAt=2026-03-16 provider=harbour caseManager=CM \
            team=TM",
    ),
    situation(
        CASE,
        "open at Kauri, moved from Harbour to Southern",
        "assignee=CS toProvider=harbour",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=southern currentCaseManager=CS
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=southern caseManager=CS \
            primaryContact=PC",
    ),
    situation(
        CASE,
        "open at Kauri, held by its in-school provider",
        "assignee=CK toProvider=harbour",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=hub currentCaseManager=CK
        Case it: student=sam school=kauri status=open openedAt=2026-03-16 provider=hub caseManager=CK \
            primaryContact=PC",
    ),
    situation(
        CASE,
        "open, held by Kauri's in-school provider, the student moved to Rata",
        "assignee=CK toProvider=southern contact=AR",
        "
        Student sam: nsn=1 enrolledAt=rata currentProvider=hub currentCaseManager=CK
        Case it: student=sam school=rata status=open openedAt=2026-03-16 provider=hub caseManager=CK",
    ),
    situation(
        CASE,
        "closed at Kauri by Harbour, the student still there",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri lastCaseClosedAt=2026-04-20
        Case it: student=sam school=kauri status=closed openedAt=2026-03-16 closedAt=2026-04-20 \
            provider=harbour caseManager=CM team=TM primaryContact=PC",
    ),
    situation(
        CASE,
        "closed at Kauri by Harbour, the student now at Rata",
        "contact=AR",
        "
        Student sam: nsn=1 enrolledAt=rata lastCaseClosedAt=2026-04-20
        Case it: student=sam school=kauri status=closed openedAt=2026-03-16 closedAt=2026-04-20 \
            provider=harbour caseManager=CM team=TM primaryContact=PC",
    ),
    situation(
        CASE,
        "closed at Rata by Southern, the student now at Kauri with an open case at Harbour",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=rata status=closed openedAt=2025-03-16 closedAt=2025-09-20 \
            provider=southern caseManager=CS",
    ),
    situation(
        CASE,
        "closed at Rata by Southern, the student now at Kauri with an open case at Kauri Hub",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=hub currentCaseManager=CK
        Case it: student=sam school=rata status=closed openedAt=2025-03-16 closedAt=2025-09-20 \
            provider=southern caseManager=CS",
    ),
    situation(
        CASE,
        "closed at Kauri by Kauri Hub, the student still there",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri lastCaseClosedAt=2026-04-20
        Case it: student=sam school=kauri status=closed openedAt=2026-03-16 closedAt=2026-04-20 \
            provider=hub caseManager=CK primaryContact=PC",
    ),
    situation(
        CASE,
        "of an unknown status",
        "",
        "
        Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
        Case it: student=sam school=kauri status=paused openedAt=2026-03-16 provider=harbour \
            caseManager=CM team=TM primaryContact=PC",
    ),
];

const OPEN: &str = "
    Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
    Case c: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=CM \
        team=TM primaryContact=PC";
const NOTIFIED: &str = "
    Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
    Case c: student=sam school=kauri status=open openedAt=2026-03-16 provider=harbour caseManager=CM \
        team=TM primaryContact=PC prosecutionNotified=true";
const CLOSED: &str = "
    Student sam: nsn=1 enrolledAt=kauri lastCaseClosedAt=2026-04-20
    Case c: student=sam school=kauri status=closed openedAt=2026-03-16 closedAt=2026-04-20 \
        provider=harbour caseManager=CM team=TM primaryContact=PC";
const EARLIER: &str = "
    Student sam: nsn=1 enrolledAt=kauri currentProvider=harbour currentCaseManager=CM
    Case c: student=sam school=rata status=closed openedAt=2025-03-16 closedAt=2025-09-20 \
        provider=southern caseManager=CS";

const fn item(title: &'static str, case: &'static str, item: &'static str) -> Situation {
    Situation { record: ITEM, title, context: "", facts: [case, item] }
}

pub(super) const ITEMS: [Situation; 14] = [
    item(
        "comment by the case manager, not shared; open case",
        OPEN,
        "Item it: case=c kind=comment author=CM",
    ),
    item(
        "comment by the case manager, shared with Kauri; open case",
        OPEN,
        "Item it: case=c kind=comment author=CM sharedWith=kauri",
    ),
    item(
        "comment by office support at Kauri; open case",
        OPEN,
        "Item it: case=c kind=comment author=OS writtenAt=kauri",
    ),
    item(
        "comment by Rata's lead before the student moved to Kauri; open case",
        OPEN,
        "Item it: case=c kind=comment author=AR writtenAt=rata sharedWith=rata",
    ),
    item("sensitive comment; open case", OPEN, "Item it: case=c kind=comment author=CM sensitive=true"),
    item(
        "sensitive comment, shared with Kauri before it was labelled; open case",
        OPEN,
        "Item it: case=c kind=comment author=CM sensitive=true sharedWith=kauri",
    ),
    item("note; open case", OPEN, "Item it: case=c kind=note author=CM"),
    item(
        "another agency's answer, recorded by central investigation; open case",
        OPEN,
        "Item it: case=c kind=agencyResponse author=CI",
    ),
    item("note; open case notified for prosecution", NOTIFIED, "Item it: case=c kind=note author=CM"),
    item(
        "comment shared with Kauri; case closed there by Harbour",
        CLOSED,
        "Item it: case=c kind=comment author=CM sharedWith=kauri",
    ),
    item(
        "sensitive comment; case closed at Kauri by Harbour",
        CLOSED,
        "Item it: case=c kind=comment author=CM sensitive=true",
    ),
    item(
        "comment shared with Rata; case closed there by Southern, the student now at Kauri with Harbour",
        EARLIER,
        "Item it: case=c kind=comment author=CS sharedWith=rata",
    ),
    item(
        "another agency's answer; case closed at Rata by Southern, the student now at Kauri with Harbour",
        EARLIER,
        "Item it: case=c kind=agencyResponse author=CI",
    ),
    item("of an unknown kind; open case", OPEN, "Item it: case=c kind=poem author=CM"),
];
