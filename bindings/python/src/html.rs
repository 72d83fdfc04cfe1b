//! Results as HTML for notebooks. Whatever comes from data or policies is escaped.

use std::fmt::{self, Write as _};

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
pub(crate) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
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
