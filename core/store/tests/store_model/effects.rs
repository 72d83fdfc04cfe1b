//! What each command does.

use std::collections::BTreeSet;

use caseward_store::Answer;
use serde_json::{Map, Value as Json, json};

use crate::facts::{Uid, instant, reference, uid, written};
use crate::model::{Expected, Model};
use crate::table::{self, Sense};

impl Model {
    pub(crate) fn effect(&mut self, sense: &Sense, answer: &Answer, expected: &mut Expected) {
        let on = &sense.on;
        match sense.command.as_str() {
            "createRequest" | "editRequest" | "submitRequest" | "deleteDraft" | "declineRequest"
            | "updateRequest" | "assignRequest" | "allocateRequest" | "acceptRequest" => {
                self.on_request(sense, answer, expected);
            }
            // Kept in the log, or with the decision.
            "reviewRequest" => {}
            "shareWithThirdParty" | "shareWithAgency" => {
                let student = self.facts.entity(on, "student").unwrap();
                let recipient = sense.data["recipient"].as_str().unwrap().to_owned();
                self.disclosed.entry(student).or_default().push(recipient);
            }
            "addComment"
            | "uploadFile"
            | "updateRecord"
            | "recordAgencyResponse"
            | "requestAdditionalSupport" => self.on_record(sense, answer, expected),
            "shareItem" | "unshareItem" | "labelSensitive" | "unlabelSensitive" => {
                self.on_item(sense, expected);
            }
            "manageStaffAccess" => self.manage_staff(sense),
            "exportPersonalInformation" => expected.exported = Some(self.export(on)),
            "correctPersonalInformation" => {
                // READING: a value takes the place of what stood there, a statement stands beside it.
                let field = sense.data["field"].as_str().unwrap();
                if let Some(value) = sense.data.get("value") {
                    self.write(on, field, value.clone());
                }
                if let Some(statement) = sense.data.get("statement").and_then(Json::as_str) {
                    self.disclosed.entry(on.clone()).or_default().push(statement.to_owned());
                }
            }
            "recordAttendance" => {
                self.facts.set(on, "lastEntryAt", Some(instant(sense.now)));
                self.append(on, "entries", sense.data["entry"].clone());
            }
            "createReport" => {
                self.write_named(on, sense);
                self.append(on, "figures", Json::Null);
            }
            "disposeRegister" => self.forget(on),
            "disposeRecords" => self.dispose(on, sense.now),
            _ => self.on_case(sense, expected),
        }
        // READING: what is added to a case changes its `lastChangedAt`, and so its content.
        if on.0 == "Case" && !self.facts.touched.is_empty() {
            self.write(on, "lastChangedAt", instant(sense.now));
        }
    }

    fn on_request(&mut self, sense: &Sense, answer: &Answer, expected: &mut Expected) {
        let on = &sense.on;
        let from_context = |name: &str| sense.context.get(name).cloned();
        match sense.command.as_str() {
            "createRequest" => {
                let request = self.made_name("Request", sense, answer);
                self.facts.make(
                    &request,
                    json!({"student": reference(on), "createdBy": reference(&sense.person), "status": "draft"}),
                );
                let school = self.facts.entity(on, "enrolledAt");
                self.facts.refer(&request, "school", school.as_ref());
                self.facts.set(&request, "primaryContact", from_context("primaryContact"));
                self.write_content(&request, sense);
                expected.made.push(written(&request));
            }
            "editRequest" => {
                if let Some(contact) = sense.data.get("primaryContact") {
                    let contact = contact.as_str().map(|id| uid("User", id));
                    self.facts.refer(on, "primaryContact", contact.as_ref());
                }
                self.write_content(on, sense);
            }
            "updateRequest" => self.write_content(on, sense),
            "submitRequest" => {
                let student = self.facts.entity(on, "student").unwrap();
                let provider = self.route(&student);
                self.facts.set(on, "status", Some("submitted".into()));
                self.facts.refer(on, "provider", provider.as_ref());
            }
            "deleteDraft" => self.drop_draft(on),
            "declineRequest" => {
                self.facts.set(on, "status", Some("declined".into()));
                self.write(on, "declineReason", sense.data["declineReason"].clone());
            }
            "assignRequest" => self.facts.set(on, "caseManager", from_context("assignee")),
            "allocateRequest" => {
                self.facts.set(on, "provider", from_context("toProvider"));
                self.facts.set(on, "caseManager", None);
            }
            _ => {
                let case = self.made_name("Case", sense, answer);
                self.accept(on, &case, sense.now);
                expected.made.push(written(&case));
            }
        }
    }

    fn accept(&mut self, request: &Uid, case: &Uid, now: i64) {
        let student = self.facts.entity(request, "student").unwrap();
        let school = self.facts.entity(&student, "enrolledAt");
        let meets = |model: &Self, contact: &Uid| {
            let active = model.facts.get(contact, "loginActive") == Some(&Json::Bool(true));
            active && school.as_ref().is_some_and(|school| model.contact_at(contact, school))
        };
        let contact = self.facts.entity(request, "primaryContact").filter(|contact| meets(self, contact));
        let (provider, manager) =
            (self.facts.entity(request, "provider"), self.facts.entity(request, "caseManager"));
        self.facts.make(
            case,
            json!({
                "student": reference(&student), "status": "open", "openedAt": instant(now),
                "team": [], "prosecutionNotified": false,
            }),
        );
        for (name, value) in [
            ("school", &school),
            ("provider", &provider),
            ("caseManager", &manager),
            ("primaryContact", &contact),
        ] {
            self.facts.refer(case, name, value.as_ref());
        }
        self.facts.set(request, "status", Some("accepted".into()));
        self.facts.refer(&student, "currentProvider", provider.as_ref());
        self.facts.refer(&student, "currentCaseManager", manager.as_ref());
        self.facts.set(&student, "lastCaseClosedAt", None);
        for field in ["reasonForRequest", "attendanceActionsToDate"] {
            if let Some(value) = self.content.get(request).and_then(|all| all.get(field)).cloned() {
                self.write(case, field, value);
            }
        }
        self.write(case, "lastChangedAt", instant(now));
        self.became.insert(request.clone(), case.clone());
    }

    fn on_record(&mut self, sense: &Sense, answer: &Answer, expected: &mut Expected) {
        let kind = match sense.command.as_str() {
            "addComment" => "comment",
            "uploadFile" => "file",
            "recordAgencyResponse" => "agencyResponse",
            "requestAdditionalSupport" => "serviceReferral",
            _ => match sense.data.get("kind").and_then(Json::as_str) {
                Some(kind) => kind,
                None => return self.write_content(&sense.on, sense),
            },
        };
        let item = self.made_name("Item", sense, answer);
        self.facts.make(
            &item,
            json!({
                "case": reference(&sense.on), "kind": kind, "author": reference(&sense.person),
                "sharedWith": [], "sensitive": false,
            }),
        );
        if ["comment", "file"].contains(&kind) {
            let student = self.facts.entity(&sense.on, "student").unwrap();
            let school = self.facts.entity(&student, "enrolledAt").filter(|school| {
                ["attendanceLeadAt", "primaryContactAt", "officeSupportAt"]
                    .iter()
                    .any(|role| self.facts.contains(&sense.person, role, school))
            });
            self.facts.refer(&item, "writtenAt", school.as_ref());
        }
        for field in ["text", "agency", "serviceName", "fileName", "fileType"] {
            if let Some(value) = sense.data.get(field) {
                self.write(&item, field, value.clone());
            }
        }
        expected.made.push(written(&item));
        if ["comment", "file"].contains(&kind) {
            self.alert(&sense.on, Some(&item), sense, expected);
        }
    }

    fn on_item(&mut self, sense: &Sense, expected: &mut Expected) {
        let (item, before) = (&sense.on, self.facts.touched.len());
        let case = self.facts.entity(item, "case").unwrap();
        match sense.command.as_str() {
            "shareItem" => {
                let school = crate::facts::named(&sense.context["withSchool"]).unwrap();
                self.facts.set_member(item, "sharedWith", &school, true);
                if self.facts.touched.len() > before {
                    self.alert(&case, Some(item), sense, expected);
                }
            }
            "unshareItem" => {
                let school = uid("School", sense.data["school"].as_str().unwrap());
                self.facts.set_member(item, "sharedWith", &school, false);
            }
            name => self.facts.set(item, "sensitive", Some((name == "labelSensitive").into())),
        }
    }

    fn on_case(&mut self, sense: &Sense, expected: &mut Expected) {
        let case = &sense.on;
        let assignee = sense.context.get("assignee").and_then(crate::facts::named);
        let student = self.facts.entity(case, "student").unwrap();
        match sense.command.as_str() {
            "closeCase" => self.close(sense, expected),
            "requestAgencyInformation" => {
                self.append(case, "informationRequestsToAgencies", Json::Object(sense.data.clone()));
            }
            "updateWhereabouts" => self.append(case, "whereabouts", sense.data["whereabouts"].clone()),
            "notifyProsecution" => self.facts.set(case, "prosecutionNotified", Some(true.into())),
            "withdrawProsecution" => self.facts.set(case, "prosecutionNotified", Some(false.into())),
            "addTeamMember" => self.facts.set_member(case, "team", &assignee.unwrap(), true),
            "removeTeamMember" => {
                let member = uid("User", sense.data["member"].as_str().unwrap());
                self.facts.set_member(case, "team", &member, false);
            }
            "changePrimaryContact" => {
                // READING: how to reach the contact is of the contact.
                self.facts.set(case, "primaryContact", sense.context.get("contact").cloned());
                self.write_named(case, sense);
                if !self.facts.touched.is_empty() {
                    self.alert(case, None, sense, expected);
                }
            }
            "assignCaseManager" => {
                // READING: who is case manager already does not become it, and stays where they are.
                if self.facts.entity(case, "caseManager") != assignee {
                    self.manage(case, assignee.as_ref());
                    self.facts.set_member(case, "team", &assignee.unwrap(), false);
                    self.alert(case, None, sense, expected);
                }
            }
            "reallocateCase" => {
                let to = crate::facts::named(&sense.context["toProvider"]).unwrap();
                self.hold(case, &to);
                self.manage(case, None);
                self.facts.set(case, "team", Some(json!([])));
                self.facts.set(&student, "currentCaseManager", None);
                self.alert(case, None, sense, expected);
            }
            other => panic!("the model has no effect of {other}"),
        }
    }

    fn close(&mut self, sense: &Sense, expected: &mut Expected) {
        let case = &sense.on;
        let told = self.who_is_told(case, sense.now);
        let student = self.facts.entity(case, "student").unwrap();
        self.facts.set(case, "status", Some("closed".into()));
        self.facts.set(case, "closedAt", Some(instant(sense.now)));
        self.facts.set(&student, "currentProvider", None);
        self.facts.set(&student, "currentCaseManager", None);
        self.facts.set(&student, "lastCaseClosedAt", Some(instant(sense.now)));
        self.write_named(case, sense);
        let mut sees = |person: &String| {
            self.ask((&uid("User", person), "viewSummary", case), &Map::new(), sense.now).permitted
        };
        expected.alerts =
            told.into_iter().filter(|person| *person != sense.person.1 && sees(person)).collect();
    }

    /// Whoever may receive alerts about the case, and see the item; but who did it.
    fn alert(&mut self, case: &Uid, item: Option<&Uid>, sense: &Sense, expected: &mut Expected) {
        for person in self.who_is_told(case, sense.now) {
            let sees = item.is_none_or(|item| {
                self.ask((&uid("User", &person), "viewItem", item), &Map::new(), sense.now).permitted
            });
            if sees && person != sense.person.1 {
                expected.alerts.push(person);
            }
        }
    }

    fn manage_staff(&mut self, sense: &Sense) {
        let subject = crate::facts::named(&sense.context["subject"]).unwrap();
        let role = format!("{}At", sense.context["role"].as_str().unwrap());
        let held = sense.data.get("end") != Some(&Json::Bool(true));
        // READING: what is granted to who holds it already is granted all the same, and outlasts the feed's line.
        let key = (subject.1.clone(), role, sense.on.1.clone());
        self.lines.marks.entry(key).or_default().insert(sense.now, held);
        self.stand_person(&subject.1, sense.now);
    }

    /// Writes the content that a command may write beside what the table names.
    fn write_content(&mut self, on: &Uid, sense: &Sense) {
        for (name, value) in &sense.data {
            if table::content_of(&sense.command).contains(&name.as_str()) {
                self.write(on, name, value.clone());
            }
        }
    }

    fn write_named(&mut self, on: &Uid, sense: &Sense) {
        for (name, value) in &sense.data {
            self.write(on, name, value.clone());
        }
    }

    /// Everything that is kept of a student's records, by what it is kept of.
    fn records(&self, student: &Uid) -> Vec<Uid> {
        let cases = self.cases_of(student);
        let items: Vec<Uid> = cases.iter().flat_map(|case| self.items_of(case)).collect();
        [cases, self.requests_of(student), items].concat()
    }

    fn forget(&mut self, uid: &Uid) {
        self.disposed.extend(self.texts(uid));
        self.drop_draft(uid);
    }

    /// It is gone; the log keeps that there was one.
    fn drop_draft(&mut self, uid: &Uid) {
        self.facts.remove(uid);
        self.content.remove(uid);
        self.became.retain(|request, case| request != uid && case != uid);
        self.used.insert(uid.clone());
    }

    fn dispose(&mut self, student: &Uid, now: i64) {
        for uid in self.records(student) {
            self.forget(&uid);
        }
        self.disposed.extend(self.texts(student));
        if self.content.remove(student).is_some() {
            self.facts.touched.insert(student.clone());
        }
        self.lines.attendance.retain(|(who, _), _| *who != student.1);
        // READING: what was taken of them is not known any more; days before it are not taken again.
        self.lines.taken.retain(|(kind, line)| match kind.as_str() {
            "attendance" => line["student"] != student.1,
            "content" => (line["type"].as_str(), &line["id"]) != ("Student", &student.1),
            _ => true,
        });
        self.lines.disposed.insert(student.1.clone(), now);
        for recipient in self.disclosed.remove(student).into_iter().flatten() {
            self.disposed.insert(recipient);
        }
        self.facts.set(student, "attendanceRate", None);
    }

    /// The texts of what is kept of something.
    fn texts(&self, uid: &Uid) -> BTreeSet<String> {
        fn walk(value: &Json, out: &mut BTreeSet<String>) {
            match value {
                Json::String(text) if text.starts_with("says ") => drop(out.insert(text.clone())),
                Json::Array(all) => all.iter().for_each(|one| walk(one, out)),
                Json::Object(all) => all.values().for_each(|one| walk(one, out)),
                _ => {}
            }
        }
        let mut out = BTreeSet::new();
        self.content
            .get(uid)
            .into_iter()
            .flat_map(|all| all.values())
            .for_each(|value| walk(value, &mut out));
        out
    }

    /// What an export of somebody has to tell, and what is others'.
    fn export(&self, on: &Uid) -> (BTreeSet<String>, BTreeSet<String>) {
        let of = |uid: &Uid| {
            let mut all: BTreeSet<String> = self.texts(uid);
            all.extend(self.records(uid).iter().flat_map(|record| self.texts(record)));
            all.extend(self.disclosed.get(uid).into_iter().flatten().cloned());
            all
        };
        let others: BTreeSet<String> = self.facts.of(&on.0).filter(|uid| *uid != on).flat_map(of).collect();
        let theirs = of(on);
        let others = others.difference(&theirs).cloned().collect();
        (theirs, others)
    }
}
