//! Results as HTML for notebooks. Whatever comes from data or policies is escaped.

use std::fmt::{self, Write as _};

use caseward::Value;
use pyo3::prelude::*;

use crate::value;

/// A value as people read it: texts without quotes, sets one after the other, all else as Python writes it.
pub(crate) fn words(py: Python<'_>, value: &Value) -> PyResult<String> {
    match value {
        Value::Set(values) => {
            let all = values.iter().map(|value| words(py, value)).collect::<PyResult<Vec<_>>>()?;
            Ok(all.join(", "))
        }
        Value::Record(fields) => {
            let named = |(name, value)| Ok(format!("{name}: {}", words(py, value)?));
            Ok(fields.iter().map(named).collect::<PyResult<Vec<_>>>()?.join(", "))
        }
        value => Ok(value::to_python(py, value)?.str()?.to_str()?.to_owned()),
    }
}

/// A text with the characters escaped that mean something in HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#x27;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A table; headings and cells are plain text.
pub(crate) fn table<'a>(
    headings: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item: IntoIterator<Item = String>>,
) -> String {
    let mut out = String::from("<table><thead><tr>");
    for heading in headings {
        let _ = write!(out, "<th>{}</th>", Escaped(heading));
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", Escaped(&cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

/// A line of text above a table.
pub(crate) fn titled(title: &str, body: &str) -> String {
    format!("<p><b>{}</b></p>{body}", Escaped(title))
}
