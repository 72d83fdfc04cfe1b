//! The lines of a feed: CSV with a header, or JSON lines of the same names.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::kind::Kind;
use crate::command::distinct;

/// The fields of a line that say something.
pub(crate) type Fields = BTreeMap<String, String>;

/// A line of a file, by its number, from 1.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) read: Result<Fields, String>,
}

/// Reads a whole file: each line, or why it cannot be read.
///
/// # Errors
/// Why nothing of it can be read: a header with a column that the feed does not have, or without one that it needs.
pub(crate) fn lines(kind: &Kind, text: &[u8]) -> Result<Vec<Line>, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Ok(Vec::new()),
        Some(b'{') => Ok(json_lines(kind, text)),
        Some(_) => csv_lines(kind, text),
    }
}

fn csv_lines(kind: &Kind, text: &[u8]) -> Result<Vec<Line>, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => return Err(format!("the header cannot be read: {error}")),
    };
    for (at, name) in header.iter().enumerate() {
        kind.knows(name)?;
        if header.iter().take(at).any(|before| before == name) {
            return Err(format!("the column `{name}` stands twice"));
        }
    }
    if let Some(missing) = kind.keys().find(|key| !header.iter().any(|name| name == key)) {
        return Err(format!("the header lacks the column `{missing}`"));
    }
    let mut lines = Vec::new();
    for record in reader.byte_records() {
        let read = record.map_err(|error| error.to_string());
        let number = read.as_ref().ok().and_then(|record| record.position()).map_or(0, |at| at.line());
        let number =
            usize::try_from(number).unwrap_or(0).max(lines.last().map_or(2, |line: &Line| line.number + 1));
        lines.push(Line { number, read: read.and_then(|record| fields(&header, &record)) });
    }
    Ok(lines)
}

fn fields(header: &[String], record: &csv::ByteRecord) -> Result<Fields, String> {
    if record.len() != header.len() {
        return Err(format!("it has {} fields, and the header has {}", record.len(), header.len()));
    }
    let mut fields = Fields::new();
    for (name, value) in header.iter().zip(record) {
        let value = std::str::from_utf8(value).map_err(|_| format!("`{name}` is not UTF-8"))?.trim();
        if !value.is_empty() {
            fields.insert(name.clone(), value.to_owned());
        }
    }
    Ok(fields)
}

fn json_lines(kind: &Kind, text: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if !line.iter().all(u8::is_ascii_whitespace) {
            lines.push(Line { number: at + 1, read: json_line(kind, line) });
        }
    }
    lines
}

fn json_line(kind: &Kind, line: &[u8]) -> Result<Fields, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    distinct(line)?;
    let all: BTreeMap<String, Json> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut fields = Fields::new();
    for (name, value) in all {
        kind.knows(&name)?;
        let text = match value {
            Json::Null => continue,
            Json::String(text) => text.trim().to_owned(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::Array(_) | Json::Object(_) if kind.is_content() => value.to_string(),
            _ => return Err(format!("`{name}` is a list or an object")),
        };
        if !text.is_empty() {
            fields.insert(name, text);
        }
    }
    Ok(fields)
}
