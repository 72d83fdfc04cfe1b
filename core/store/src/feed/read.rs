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
    let (mut lines, mut record) = (Vec::new(), csv::ByteRecord::new());
    loop {
        let begin = reader.position().byte();
        let read = match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(lines),
            Ok(true) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        let at = record.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
        let number = at.max(lines.last().map_or(2, |line: &Line| line.number + 1));
        match read.map(|()| between(text, begin, reader.position().byte())) {
            Err(error) => lines.push(Line { number, read: Err(error) }),
            Ok(raw) if !is_quoted_well(raw) => lines.extend(badly_quoted(number, raw)),
            Ok(_) => lines.push(Line { number, read: fields(&header, &record) }),
        }
    }
}

/// A part of a text, without blank lines around it.
fn between(text: &[u8], begin: u64, end: u64) -> &[u8] {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    text.get(at(begin)..at(end)).unwrap_or_default().trim_ascii()
}

/// Whether each value that a quote begins ends with one, before a comma or the end of the line. What reads CSV takes a quote that
/// is not closed to go on to the next, or to the end of the file, over all lines between.
fn is_quoted_well(record: &[u8]) -> bool {
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let mut at = At::Start;
    for byte in record {
        at = match (at, byte) {
            (At::Start, b'"') | (At::Closed, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) => At::Quoted,
            (_, b',' | b'\r' | b'\n') => At::Start,
            (At::Closed, _) => return false,
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    !matches!(at, At::Quoted)
}

/// The lines over which a value goes on that is not quoted well: none of them can be told from the others.
fn badly_quoted(first: usize, record: &[u8]) -> impl Iterator<Item = Line> {
    let after = record.iter().filter(|byte| **byte == b'\n').count();
    let why = move |number: usize| {
        match number == first {
        true => "a quote is not closed before a comma or the end of the line; a quote within quotes is written twice".to_owned(),
        false => format!("it lies in what a quote of line {first} begins, which is not closed as it should be"),
    }
    };
    (first..=first + after).map(move |number| Line { number, read: Err(why(number)) })
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
