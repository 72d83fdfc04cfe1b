//! `like` in each dialect: exact, with regard to case, over any text.

use super::dialect::Dialect;
use super::filter::Parameter;
use super::print::Printer;
use super::tree::Scalar;
use crate::ir::Pattern;

impl Printer<'_> {
    pub(super) fn like(&mut self, scalar: &Scalar, pattern: &Pattern) -> String {
        let has_nul = pattern.parts().iter().any(|part| part.contains('\0'));
        match self.dialect() {
            // It holds no text with a NUL in it.
            Dialect::Postgres if has_nul => "FALSE".into(),
            Dialect::Sqlite => self.like_bytes(scalar, pattern),
            _ => {
                let text = self.scalar(scalar);
                let escaped: Vec<String> = pattern.parts().iter().map(|part| escaped(part)).collect();
                let sign = self.parameter(Parameter::Text(escaped.join("%").into()));
                format!("{text} LIKE {sign} ESCAPE '~'")
            }
        }
    }

    /// SQLite's own patterns end at a NUL, and look at letters without regard to case: bytes are compared.
    fn like_bytes(&mut self, scalar: &Scalar, pattern: &Pattern) -> String {
        let bytes = format!("CAST({} AS BLOB)", self.scalar(scalar));
        let (Some(first), last) = (pattern.parts().first(), pattern.parts().last()) else {
            return "FALSE".into();
        };
        let last = last.filter(|_| pattern.parts().len() > 1);
        let Some(last) = last else {
            let sign = self.parameter(Parameter::Text(first.as_str().into()));
            return format!("{bytes} = CAST({sign} AS BLOB)");
        };
        let between: Vec<&String> = pattern
            .parts()
            .iter()
            .skip(1)
            .take(pattern.parts().len() - 2)
            .filter(|part| !part.is_empty())
            .collect();
        let mut all = Vec::new();
        // So that neither takes a part of the other.
        if !first.is_empty() && !last.is_empty() || !between.is_empty() && !last.is_empty() {
            all.push(format!("length({bytes}) >= {}", first.len() + last.len()));
        }
        if !first.is_empty() {
            let sign = self.parameter(Parameter::Text(first.as_str().into()));
            all.push(format!("substr({bytes}, 1, {}) = CAST({sign} AS BLOB)", first.len()));
        }
        if !last.is_empty() {
            let sign = self.parameter(Parameter::Text(last.as_str().into()));
            all.push(format!("substr({bytes}, -{}) = CAST({sign} AS BLOB)", last.len()));
        }
        if !between.is_empty() {
            // What lies between the first and the last, cut off behind each part in turn.
            let (from, length) = (first.len() + 1, first.len() + last.len());
            let mut rest = format!("SELECT substr({bytes}, {from}, length({bytes}) - {length}) AS rest");
            for part in between {
                let sign = self.parameter(Parameter::Text(part.as_str().into()));
                let found = format!("instr(rest, CAST({sign} AS BLOB))");
                rest = format!(
                    "SELECT CASE WHEN {found} > 0 THEN substr(rest, {found} + {}) END AS rest FROM ({rest})",
                    part.len()
                );
            }
            all.push(format!("(SELECT rest IS NOT NULL FROM ({rest}))"));
        }
        match all.as_slice() {
            [] => format!("{bytes} IS NOT NULL"),
            [only] => only.clone(),
            all => format!("({})", all.join(" AND ")),
        }
    }
}

/// A text that stands for itself in a pattern.
fn escaped(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        if matches!(c, '~' | '%' | '_') {
            out.push('~');
        }
        out.push(c);
    }
    out
}
