//! The kinds of feeds, and the columns of each.

use super::read::Fields;
use crate::time;

/// One kind of feed.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The key's columns first.
    columns: &'static [&'static str],
    key: usize,
    /// The columns that a line has besides its key.
    needed: &'static [&'static str],
    /// The column of whoever or whatever a line is about.
    subject: &'static str,
    subject_type: &'static str,
}

const fn kind(
    name: &'static str,
    columns: &'static [&'static str],
    key: usize,
    needed: &'static [&'static str],
    (subject, subject_type): (&'static str, &'static str),
) -> Kind {
    Kind { name, columns, key, needed, subject, subject_type }
}

/// Every kind, in the order of the contract.
pub(crate) static KINDS: [Kind; 9] = [
    kind("organisations", &["type", "id", "kind", "catchmentProvider", "school"], 2, &["kind"], ("id", "")),
    kind("logins", &["user", "at", "active"], 2, &["active"], ("user", "User")),
    kind("staff", &["user", "role", "at", "from", "until"], 4, &[], ("user", "User")),
    kind("training", &["user", "passedAt"], 2, &[], ("user", "User")),
    kind(
        "enrolment",
        &["student", "school", "start", "nsn", "end", "yearLevel"],
        3,
        &[],
        ("student", "Student"),
    ),
    kind("terms", &["term", "start", "end"], 1, &["start", "end"], ("term", "")),
    kind(
        "attendance",
        &["student", "date", "code", "attended", "open"],
        2,
        &["attended", "open"],
        ("student", "Student"),
    ),
    kind(
        "registers",
        &["id", "school", "kind", "lastEntryAt"],
        1,
        &["school", "kind", "lastEntryAt"],
        ("id", "Register"),
    ),
    kind("content", &["type", "id", "field", "value"], 3, &["value"], ("id", "")),
];

impl Kind {
    pub(crate) fn of(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The columns of the key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.columns.iter().take(self.key).copied()
    }

    pub(crate) fn is_content(&self) -> bool {
        self.name == "content"
    }

    /// Refuses a column that the feed does not have.
    pub(crate) fn knows(&self, column: &str) -> Result<(), String> {
        match self.columns.contains(&column) {
            true => Ok(()),
            false => {
                Err(format!("`{}` has no column `{column}`; it has {}", self.name, self.columns.join(", ")))
            }
        }
    }

    /// Whether a line has what it needs; the values are looked at by whoever applies it.
    pub(crate) fn check(&self, fields: &Fields) -> Result<(), String> {
        match self.keys().chain(self.needed.iter().copied()).find(|name| !fields.contains_key(*name)) {
            Some(missing) => Err(format!("it lacks `{missing}`")),
            None => {
                let nul = fields.iter().find(|(_, value)| value.contains('\0'));
                nul.map_or(Ok(()), |(name, _)| Err(format!("`{name}` has a NUL in it")))
            }
        }
    }

    /// Writes each instant of a line in one spelling, whatever its zone and its fraction: what is one instant is one key. An
    /// instant at which a day begins is that day, where the column takes days.
    pub(crate) fn settle(&self, fields: &mut Fields) {
        let columns: &[&str] = match self.name {
            "logins" => &["at"],
            "staff" => &["from", "until"],
            "training" => &["passedAt"],
            "registers" => &["lastEntryAt"],
            _ => &[],
        };
        for (_, text) in fields.iter_mut().filter(|(name, _)| columns.contains(&name.as_str())) {
            // What is no instant is a day, or is refused by whoever applies it.
            let Some(instant) = caseward::instant(text) else { continue };
            let day = time::day_from(instant).filter(|_| self.name != "logins");
            *text = day.unwrap_or_else(|| time::rfc3339(instant).replace(".000Z", "Z"));
        }
    }

    /// What tells a line from the others.
    pub(crate) fn key(&self, fields: &Fields) -> String {
        let all: Vec<&str> = self.keys().map(|name| fields.get(name).map_or("", String::as_str)).collect();
        serde_json::to_string(&all).unwrap_or_default()
    }

    /// What a line is about: `Student::"s1"`. All lines of a feed of organisations, terms or registers are about one.
    pub(crate) fn subject(&self, fields: &Fields) -> String {
        let of = |name: &str| fields.get(name).map_or("", String::as_str);
        match self.name {
            "organisations" | "terms" => self.name.to_owned(),
            "content" => caseward::EntityUid::new(of("type"), of("id")).to_string(),
            _ => caseward::EntityUid::new(self.subject_type, of(self.subject)).to_string(),
        }
    }
}

/// An instant of a line.
pub(crate) fn instant(fields: &Fields, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    match caseward::instant(text) {
        Some(instant) => Ok(Some(instant)),
        None => Err(format!("`{name}` is `{text}`, which is no instant such as 2026-05-11T09:00:00+12:00")),
    }
}

/// A day of a line, as the midnight at which it begins.
pub(crate) fn day(fields: &Fields, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    time::midnight(text).map(Some).map_err(|why| format!("`{name}`: {why}"))
}

/// A day, or an instant.
pub(crate) fn moment(fields: &Fields, name: &str) -> Result<Option<i64>, String> {
    match day(fields, name) {
        Ok(day) => Ok(day),
        Err(_) => instant(fields, name),
    }
}

/// A whole number that is not negative.
pub(crate) fn count(fields: &Fields, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(n) if n >= 0 && n.to_string() == *text => Ok(Some(n)),
        _ => Err(format!("`{name}` is `{text}`, which is no whole number")),
    }
}

pub(crate) fn truth(fields: &Fields, name: &str) -> Result<bool, String> {
    match fields.get(name).map(String::as_str) {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        other => Err(format!("`{name}` is true or false, not `{}`", other.unwrap_or_default())),
    }
}
