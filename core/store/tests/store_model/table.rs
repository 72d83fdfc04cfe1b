//! What each command takes, by the contract's table and the vocabulary: the sense that a command must make.

use serde_json::{Map, Value as Json};

use crate::facts::{Uid, reference, uid};

/// What a field of `data` is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text that says something.
    Text,
    /// A text, or nothing.
    OptionalText,
    /// The id of an entity.
    Id,
    /// The id of an entity, or null.
    OptionalId,
    /// Anything but null.
    Any,
    Truth,
    Fields,
    Bytes,
    OfItem,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) on: &'static [&'static str],
    /// Names, types, and whether they are needed.
    pub(crate) context: &'static [(&'static str, &'static str, bool)],
    pub(crate) data: &'static [(&'static str, Kind, bool)],
    pub(crate) makes: Option<&'static str>,
}

const REQUEST_CONTENT: [&str; 9] = [
    "reasonForRequest",
    "attendanceActionsToDate",
    "studentAsEntered",
    "caregiversAsEntered",
    "enrolmentAsEntered",
    "attendanceAsEntered",
    "pastoralAsEntered",
    "primaryContactPhone",
    "primaryContactEmail",
];

const RECORD_CONTENT: [&str; 6] = [
    "supportPlan",
    "narrative",
    "contextualInformation",
    "attendanceActionsToDate",
    "reasonForRequest",
    "outcome",
];

/// The student's sections summary, demographics and personal.
pub(crate) const BIOGRAPHICAL: [&str; 10] = [
    "name",
    "homeAddress",
    "enrolmentStatus",
    "dateOfBirth",
    "gender",
    "ethnicity",
    "iwi",
    "languagesSpoken",
    "caregiverNames",
    "medicalInformation",
];

const NOT_BIOGRAPHICAL: [&str; 5] =
    ["attendanceTimes", "accessHistory", "attendanceRate", "currentProvider", "nothing"];

const fn row(name: &'static str, on: &'static [&'static str]) -> Row {
    Row { name, on, context: &[], data: &[], makes: None }
}

const CASE: &[&str] = &["Case"];
const ITEM: &[&str] = &["Item"];
const REQUEST: &[&str] = &["Request"];
const PERSON: &[&str] = &["Student", "User"];
const REASON: &[(&str, Kind, bool)] = &[("reason", Kind::Text, false)];

pub(crate) const TABLE: &[Row] = &[
    Row {
        context: &[("primaryContact", "User", false)],
        makes: Some("Request"),
        ..row("createRequest", &["Student"])
    },
    Row { data: &[("primaryContact", Kind::OptionalId, false)], ..row("editRequest", REQUEST) },
    row("submitRequest", REQUEST),
    row("deleteDraft", REQUEST),
    Row { data: &[("note", Kind::Text, true)], ..row("reviewRequest", REQUEST) },
    Row { data: &[("declineReason", Kind::Text, true)], ..row("declineRequest", REQUEST) },
    row("updateRequest", REQUEST),
    Row { context: &[("assignee", "User", true)], ..row("assignRequest", REQUEST) },
    Row { context: &[("toProvider", "Provider", true)], ..row("allocateRequest", REQUEST) },
    Row { makes: Some("Case"), ..row("acceptRequest", REQUEST) },
    Row {
        data: &[("closureReason", Kind::Text, true), ("outcome", Kind::Any, false)],
        ..row("closeCase", CASE)
    },
    Row { data: &[("text", Kind::Text, true)], makes: Some("Item"), ..row("addComment", CASE) },
    Row {
        context: &[("sizeBytes", "Long", false)],
        data: &[("file", Kind::Bytes, true), ("fileName", Kind::Text, true), ("fileType", Kind::Text, true)],
        makes: Some("Item"),
        ..row("uploadFile", CASE)
    },
    Row {
        data: &[("kind", Kind::OfItem, false), ("text", Kind::Text, false)],
        makes: Some("Item"),
        ..row("updateRecord", CASE)
    },
    Row {
        data: &[("agency", Kind::Text, true), ("text", Kind::Text, true)],
        makes: Some("Item"),
        ..row("recordAgencyResponse", CASE)
    },
    Row {
        context: &[("caregiverConsent", "Bool", true)],
        data: &[("agency", Kind::Text, true), ("serviceName", Kind::Text, true), ("text", Kind::Text, false)],
        makes: Some("Item"),
        ..row("requestAdditionalSupport", CASE)
    },
    Row {
        data: &[("agency", Kind::Text, true), ("text", Kind::Text, true)],
        ..row("requestAgencyInformation", CASE)
    },
    Row { data: &[("whereabouts", Kind::Any, true)], ..row("updateWhereabouts", CASE) },
    Row {
        context: &[("consent", "Bool", true)],
        data: &[("recipient", Kind::Text, true), ("fields", Kind::Fields, true)],
        ..row("shareWithThirdParty", CASE)
    },
    Row {
        context: &[("agreementInForce", "Bool", true)],
        data: &[("recipient", Kind::Text, true), ("fields", Kind::Fields, true)],
        ..row("shareWithAgency", CASE)
    },
    Row {
        context: &[("contact", "User", true)],
        data: &[
            ("primaryContactPhone", Kind::Any, false),
            ("primaryContactEmail", Kind::Any, false),
            ("primaryContactNotes", Kind::Any, false),
        ],
        ..row("changePrimaryContact", CASE)
    },
    Row { context: &[("assignee", "User", true)], ..row("assignCaseManager", CASE) },
    Row { context: &[("assignee", "User", true)], ..row("addTeamMember", CASE) },
    Row { data: &[("member", Kind::Id, true)], ..row("removeTeamMember", CASE) },
    Row { data: REASON, ..row("notifyProsecution", CASE) },
    Row { data: REASON, ..row("withdrawProsecution", CASE) },
    Row { context: &[("toProvider", "Provider", true)], data: REASON, ..row("reallocateCase", CASE) },
    Row { context: &[("withSchool", "School", true)], ..row("shareItem", ITEM) },
    Row { data: &[("school", Kind::Id, true)], ..row("unshareItem", ITEM) },
    Row { data: REASON, ..row("labelSensitive", ITEM) },
    Row { data: REASON, ..row("unlabelSensitive", ITEM) },
    Row {
        context: &[("subject", "User", true), ("role", "String", true), ("leaderApproved", "Bool", true)],
        data: &[("end", Kind::Truth, false)],
        ..row("manageStaffAccess", &["School", "Provider"])
    },
    row("exportPersonalInformation", PERSON),
    Row {
        data: &[("field", Kind::Text, true), ("value", Kind::Any, false), ("statement", Kind::Text, false)],
        ..row("correctPersonalInformation", PERSON)
    },
    Row { data: &[("entry", Kind::Any, true)], ..row("recordAttendance", &["Register"]) },
    Row { data: &[("title", Kind::OptionalText, false)], ..row("createReport", &["Report"]) },
    Row { context: &[("approvedBy", "String", true)], ..row("disposeRegister", &["Register"]) },
    Row { context: &[("protectionInstruction", "Bool", true)], ..row("disposeRecords", &["Student"]) },
];

pub(crate) fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// Content that a command may write beside what the table names.
pub(crate) fn content_of(command: &str) -> &'static [&'static str] {
    match command {
        "createRequest" | "editRequest" | "updateRequest" => &REQUEST_CONTENT,
        "updateRecord" => &RECORD_CONTENT,
        _ => &[],
    }
}

/// A command that makes sense.
#[derive(Clone)]
pub(crate) struct Sense {
    pub(crate) command: String,
    pub(crate) person: Uid,
    pub(crate) on: Uid,
    /// In Cedar's explicit form, without `now`.
    pub(crate) context: Map<String, Json>,
    pub(crate) data: Map<String, Json>,
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) expect: Option<u64>,
    pub(crate) now: i64,
}

/// Reads a command; nothing where it makes no sense.
pub(crate) fn read(line: &Json, clock: i64) -> Option<Sense> {
    const KNOWN: [&str; 10] =
        ["command", "as", "on", "context", "data", "id", "key", "expect", "purpose", "now"];
    let all = line.as_object()?;
    if all.keys().any(|name| !KNOWN.contains(&name.as_str())) {
        return None;
    }
    let text = |name: &str| match all.get(name) {
        None => Some(None),
        Some(Json::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    let object = |name: &str| match all.get(name) {
        None => Some(Map::new()),
        Some(Json::Object(all)) => Some(all.clone()),
        Some(_) => None,
    };
    let expect = match all.get("expect") {
        None => None,
        Some(version) => Some(version.as_u64()?),
    };
    let (command, _) = (text("command")??, text("purpose")?);
    let row = find(&command)?;
    let on = parse(&text("on")??)?;
    if !row.on.contains(&on.0.as_str()) {
        return None;
    }
    // READING: an id is taken by a command that makes nothing, and means nothing.
    let (mut context, data, id) = (explicit(row, &object("context")?)?, object("data")?, text("id")?);
    let bytes = sensible(row, &on.0, &data)?;
    if let Some(size) = bytes {
        context.insert("sizeBytes".to_owned(), size.into());
    }
    let now = match text("now")? {
        None => clock,
        Some(now) => crate::time::instant(&now)?,
    };
    let person = uid("User", &text("as")??);
    Some(Sense { command, person, on, context, data, id, key: text("key")?, expect, now })
}

fn parse(text: &str) -> Option<Uid> {
    let (ty, id) = text.split_once("::\"")?;
    Some(uid(ty, id.strip_suffix('"')?))
}

/// The context that the action needs, with references as Cedar reads them without a schema.
fn explicit(row: &Row, context: &Map<String, Json>) -> Option<Map<String, Json>> {
    if context.keys().any(|name| row.context.iter().all(|(known, ..)| known != name)) {
        return None;
    }
    let mut out = Map::new();
    for (name, ty, needed) in row.context {
        let value = match (context.get(*name), needed) {
            // Whatever the caller says.
            _ if *name == "sizeBytes" => continue,
            (None, true) => return None,
            (None, false) => continue,
            (Some(value), _) => value,
        };
        let value = match *ty {
            "Bool" => value.is_boolean().then(|| value.clone())?,
            "String" => value.is_string().then(|| value.clone())?,
            entity => {
                let inner = value.get("__entity").unwrap_or(value);
                let found = uid(inner.get("type")?.as_str()?, inner.get("id")?.as_str()?);
                (found.0 == entity).then(|| reference(&found))?
            }
        };
        out.insert((*name).to_owned(), value);
    }
    Some(out)
}

/// Whether `data` makes sense; gives the size of a file.
fn sensible(row: &Row, ty: &str, data: &Map<String, Json>) -> Option<Option<i64>> {
    let content = content_of(row.name);
    let says = |value: &Json| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let mut size = None;
    for (name, value) in data {
        let Some((_, kind, _)) = row.data.iter().find(|(known, ..)| known == name) else {
            if !content.contains(&name.as_str()) || value.is_null() {
                return None;
            }
            continue;
        };
        let fits = match kind {
            Kind::Text | Kind::OptionalText | Kind::Id => says(value),
            Kind::OptionalId => value.is_null() || says(value),
            Kind::Any => !value.is_null(),
            Kind::Truth => value.is_boolean(),
            Kind::Fields => value.as_array().is_some_and(|all| {
                !all.is_empty() && all.iter().all(|one| one.as_str().is_some_and(biographical))
            }),
            Kind::Bytes => {
                size = bytes(value).map(|bytes| i64::try_from(bytes.len()).unwrap());
                size.is_some()
            }
            Kind::OfItem => {
                value.as_str().is_some_and(|kind| ["note", "activity", "correspondence"].contains(&kind))
            }
        };
        if !fits {
            return None;
        }
    }
    if row.data.iter().any(|(name, _, needed)| *needed && !data.contains_key(*name)) {
        return None;
    }
    let has = |name: &str| data.contains_key(name);
    let whole = match row.name {
        // An item, or content: one of the two.
        "updateRecord" => {
            let written = content.iter().any(|name| has(name));
            has("kind") == has("text") && has("kind") != written
        }
        "correctPersonalInformation" => {
            let field = data.get("field").and_then(Json::as_str).unwrap_or_default();
            let known: &[&str] = if ty == "User" { &["name", "email", "phone"] } else { &BIOGRAPHICAL };
            known.contains(&field) && has("value") != has("statement")
        }
        _ => true,
    };
    whole.then_some(size)
}

fn biographical(field: &str) -> bool {
    assert!(
        BIOGRAPHICAL.contains(&field) != NOT_BIOGRAPHICAL.contains(&field),
        "{field}: the model knows it"
    );
    BIOGRAPHICAL.contains(&field)
}

fn bytes(file: &Json) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let file = file.as_object().filter(|file| file.len() == 1)?;
    base64::engine::general_purpose::STANDARD.decode(file.get("base64")?.as_str()?).ok()
}
