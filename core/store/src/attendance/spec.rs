//! What each command takes: the table of the store's contract.

use std::sync::Arc;

use caseward::{EntityUid, Ward};
use serde_json::Value as Json;

/// What a command takes in its `data`, beside content.
pub(crate) struct Spec {
    /// The action of the same name.
    pub(crate) name: &'static str,
    pub(crate) data: &'static [Datum],
    pub(crate) content: Content,
}

/// A field of a command's data.
pub(crate) struct Datum {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// What a field may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text that says something.
    Text,
    /// The id of somebody, or null for nobody.
    PersonOrNull,
    /// An id.
    Id,
    Bool,
    /// `{"base64": …}`, or where the caller may name files `{"path": …}`.
    File,
    /// Names of fields.
    Names,
    /// Anything but null.
    Any,
}

/// Which content a command may write, by the catalogue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    None,
    /// Of a request: the section `request`.
    Request,
    /// Of a case.
    Record,
    /// Of a case, those named.
    Named(&'static [&'static str]),
}

/// Content that the store alone sets.
const OWN: [&str; 8] =
    ["number", "type", "createdAt", "submittedAt", "decidedAt", "lastChangedAt", "accessHistory", "fileSize"];
const RECORD: [&str; 6] = [
    "supportPlan",
    "narrative",
    "contextualInformation",
    "attendanceActionsToDate",
    "reasonForRequest",
    "outcome",
];
/// The sections whose fields are biographical.
const BIOGRAPHICAL: [&str; 3] = ["summary", "demographics", "personal"];
const CONTACT: [&str; 3] = ["primaryContactPhone", "primaryContactEmail", "primaryContactNotes"];

const fn must(name: &'static str, kind: Kind) -> Datum {
    Datum { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Datum {
    Datum { name, kind, required: false }
}

const fn spec(name: &'static str, data: &'static [Datum], content: Content) -> Spec {
    Spec { name, data, content }
}

/// Every command, in the order of the contract.
pub(crate) static SPECS: &[Spec] = &[
    spec("createRequest", &[], Content::Request),
    spec("editRequest", &[may("primaryContact", Kind::PersonOrNull)], Content::Request),
    spec("submitRequest", &[], Content::None),
    spec("deleteDraft", &[], Content::None),
    spec("reviewRequest", &[must("note", Kind::Text)], Content::None),
    spec("declineRequest", &[must("declineReason", Kind::Text)], Content::None),
    spec("updateRequest", &[], Content::Request),
    spec("assignRequest", &[], Content::None),
    spec("allocateRequest", &[], Content::None),
    spec("acceptRequest", &[], Content::None),
    spec("closeCase", &[must("closureReason", Kind::Text), may("outcome", Kind::Any)], Content::None),
    spec("addComment", &[must("text", Kind::Text)], Content::None),
    spec(
        "uploadFile",
        &[must("file", Kind::File), must("fileName", Kind::Text), must("fileType", Kind::Text)],
        Content::None,
    ),
    spec("updateRecord", &[may("kind", Kind::Text), may("text", Kind::Text)], Content::Record),
    spec("recordAgencyResponse", &[must("agency", Kind::Text), must("text", Kind::Text)], Content::None),
    spec(
        "requestAdditionalSupport",
        &[must("agency", Kind::Text), must("serviceName", Kind::Text), may("text", Kind::Text)],
        Content::None,
    ),
    spec("requestAgencyInformation", &[must("agency", Kind::Text), must("text", Kind::Text)], Content::None),
    spec("updateWhereabouts", &[must("whereabouts", Kind::Any)], Content::None),
    spec("shareWithThirdParty", &[must("recipient", Kind::Text), must("fields", Kind::Names)], Content::None),
    spec("shareWithAgency", &[must("recipient", Kind::Text), must("fields", Kind::Names)], Content::None),
    spec("changePrimaryContact", &[], Content::Named(&CONTACT)),
    spec("assignCaseManager", &[], Content::None),
    spec("addTeamMember", &[], Content::None),
    spec("removeTeamMember", &[must("member", Kind::Id)], Content::None),
    spec("notifyProsecution", &[may("reason", Kind::Text)], Content::None),
    spec("withdrawProsecution", &[may("reason", Kind::Text)], Content::None),
    spec("reallocateCase", &[may("reason", Kind::Text)], Content::None),
    spec("shareItem", &[], Content::None),
    spec("unshareItem", &[must("school", Kind::Id)], Content::None),
    spec("labelSensitive", &[may("reason", Kind::Text)], Content::None),
    spec("unlabelSensitive", &[may("reason", Kind::Text)], Content::None),
    spec("manageStaffAccess", &[may("end", Kind::Bool)], Content::None),
    spec("exportPersonalInformation", &[], Content::None),
    spec(
        "correctPersonalInformation",
        &[must("field", Kind::Text), may("value", Kind::Any), may("statement", Kind::Text)],
        Content::None,
    ),
    spec("recordAttendance", &[must("entry", Kind::Any)], Content::None),
    spec("createReport", &[may("title", Kind::Text)], Content::None),
    spec("disposeRegister", &[], Content::None),
    spec("disposeRecords", &[], Content::None),
];

impl Spec {
    pub(crate) fn of(name: &str) -> Option<&'static Spec> {
        SPECS.iter().find(|spec| spec.name == name)
    }

    /// What is wrong with a command's data, given the type of what it is on.
    pub(crate) fn check(
        &self,
        data: &serde_json::Map<String, Json>,
        on: &str,
        ward: &Ward,
    ) -> Result<(), String> {
        for datum in self.data {
            match data.get(datum.name) {
                None if datum.required => return Err(format!("`data` lacks `{}`", datum.name)),
                None => {}
                Some(value) => datum.check(value)?,
            }
        }
        for (name, value) in data {
            if self.data.iter().any(|datum| datum.name == name) {
                continue;
            }
            if !self.writes(name, ward) {
                let known = self.data.iter().map(|datum| datum.name.to_owned());
                let known: Vec<String> =
                    known.chain(self.fields(ward).iter().map(ToString::to_string)).collect();
                return Err(format!(
                    "`data` has `{name}`, which `{}` does not take; it takes {}",
                    self.name,
                    listed(&known)
                ));
            }
            if value.is_null() {
                return Err(format!("`{name}` is null"));
            }
        }
        self.check_fields(data, on, ward)?;
        self.check_together(data, ward)
    }

    /// Whether the fields that the data names are there: biographical ones, or content that can be corrected.
    fn check_fields(
        &self,
        data: &serde_json::Map<String, Json>,
        on: &str,
        ward: &Ward,
    ) -> Result<(), String> {
        match self.name {
            "shareWithThirdParty" | "shareWithAgency" => {
                let known = ward.fields("Student");
                let is_known = |field: &str| {
                    known.iter().any(|(name, section)| {
                        name.as_ref() == field && BIOGRAPHICAL.contains(&section.as_ref())
                    })
                };
                let named = data.get("fields").and_then(Json::as_array).into_iter().flatten();
                match named.filter_map(Json::as_str).find(|name| !is_known(biographical(name))) {
                    Some(name) => Err(format!("`{name}` is no biographical field of a student")),
                    None => Ok(()),
                }
            }
            "correctPersonalInformation" => {
                let field = data.get("field").and_then(Json::as_str).unwrap_or_default();
                let known = ward.content(on);
                match field != "accessHistory" && known.iter().any(|(name, _)| name.as_ref() == field) {
                    true => Ok(()),
                    false => Err(format!("`{field}` is no content of a `{on}`")),
                }
            }
            _ => Ok(()),
        }
    }

    /// What the fields ask of each other.
    fn check_together(&self, data: &serde_json::Map<String, Json>, ward: &Ward) -> Result<(), String> {
        match self.name {
            "updateRecord" => {
                let writes = data.keys().any(|name| self.writes(name, ward));
                match (data.get("kind").and_then(Json::as_str), data.contains_key("text"), writes) {
                    (Some("note" | "activity" | "correspondence"), true, false) | (None, false, true) => {
                        Ok(())
                    }
                    (Some(kind), true, false) => {
                        Err(format!("`kind` is note, activity or correspondence, not `{kind}`"))
                    }
                    _ => Err("`data` has `kind` and `text`, or content of the record".to_owned()),
                }
            }
            "correctPersonalInformation" if data.contains_key("value") == data.contains_key("statement") => {
                Err("`data` has `value` or `statement`, one of both".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Who the data names and the command writes.
    pub(crate) fn names<'a>(
        &'a self,
        data: &'a serde_json::Map<String, Json>,
    ) -> impl Iterator<Item = EntityUid> + 'a {
        let people = self.data.iter().filter(|datum| datum.kind == Kind::PersonOrNull);
        people.filter_map(|datum| Some(EntityUid::new("User", data.get(datum.name)?.as_str()?)))
    }

    /// Whether it may write a field of content.
    pub(crate) fn writes(&self, field: &str, ward: &Ward) -> bool {
        self.fields(ward).iter().any(|name| name.as_ref() == field)
    }

    fn fields(&self, ward: &Ward) -> Vec<Arc<str>> {
        let ty = match self.content {
            Content::None => return Vec::new(),
            Content::Request => "Request",
            Content::Record | Content::Named(_) => "Case",
        };
        let is_taken = |field: &str, section: &str| match self.content {
            Content::None => false,
            // Why it is declined is said when it is.
            Content::Request => section == "request" && field != "declineReason",
            Content::Record => RECORD.contains(&field),
            Content::Named(names) => names.contains(&field),
        };
        let all = ward.content(ty).into_iter();
        all.filter(|(field, section)| is_taken(field, section) && !OWN.contains(&field.as_ref()))
            .map(|(field, _)| field)
            .collect()
    }
}

/// A field of a student, also where it is named as a case shows it.
pub(super) fn biographical(name: &str) -> &str {
    name.strip_prefix("student.").unwrap_or(name)
}

impl Datum {
    fn check(&self, value: &Json) -> Result<(), String> {
        let says = |text: &str| !text.trim().is_empty();
        let is_it = match self.kind {
            Kind::Text | Kind::Id => value.as_str().is_some_and(says),
            Kind::PersonOrNull => value.is_null() || value.as_str().is_some_and(says),
            Kind::Bool => value.is_boolean(),
            Kind::File => is_file(value),
            Kind::Names => value
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(|one| one.as_str().is_some_and(says))),
            Kind::Any => !value.is_null(),
        };
        if is_it { Ok(()) } else { Err(format!("`{}` is {}", self.name, self.kind.wanted())) }
    }
}

fn is_file(value: &Json) -> bool {
    let Some(file) = value.as_object() else { return false };
    let mut fields = file.iter();
    let is_known =
        |(name, text): (&String, &Json)| matches!(name.as_str(), "base64" | "path") && text.is_string();
    fields.next().is_some_and(is_known) && fields.next().is_none()
}

impl Kind {
    fn wanted(self) -> &'static str {
        match self {
            Kind::Text => "to be a text that says something",
            Kind::PersonOrNull => "to be the id of a user, or null",
            Kind::Id => "to be an id",
            Kind::Bool => "to be true or false",
            Kind::File => "to be {\"base64\": a text} or {\"path\": a path}",
            Kind::Names => "to be a list of names, one at least",
            Kind::Any => "not to be null",
        }
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
