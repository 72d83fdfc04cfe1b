//! `like` in each dialect: exact, with regard to case, over any text.

use super::dialect::Dialect;
use super::filter::Parameter;
use super::lists::json_list;
use super::print::{Printer, Written};
use super::tree::{Constant, Scalar};
use crate::ir::Pattern;

/// Parts between a pattern's ends that are looked for by queries within one another, at most: SQLite's parser takes few.
const NESTED: usize = 3;

impl Printer<'_> {
    pub(super) fn like(&mut self, scalar: &Scalar, pattern: &Pattern) -> Written {
        let has_nul = pattern.parts().iter().any(|part| part.contains('\0'));
        match self.dialect() {
            // It holds no text with a NUL in it; the world may.
            Dialect::Postgres if has_nul => {
                self.refuse_odd(scalar);
                Written::two("FALSE")
            }
            Dialect::Sqlite => self.like_bytes(scalar, pattern),
            _ => {
                let (text, collation) = (self.scalar(scalar), self.collation(scalar, scalar));
                let escaped: Vec<String> = pattern.parts().iter().map(|part| escaped(part)).collect();
                let sign = self.parameter(Parameter::Text(escaped.join("%").into()));
                Written::three(format!("{text}{collation} LIKE {sign} ESCAPE '~'"))
            }
        }
    }

    /// SQLite's own patterns end at a NUL, and look at letters without regard to case: bytes are compared.
    ///
    /// What is cut out of no bytes is NULL there: lengths are asked for first, which are there wherever the text is.
    fn like_bytes(&mut self, scalar: &Scalar, pattern: &Pattern) -> Written {
        let bytes = format!("CAST({} AS BLOB)", self.scalar(scalar));
        let parts: Vec<&str> = pattern.parts().iter().map(String::as_str).collect();
        let (first, between, last) = match parts.as_slice() {
            [] => return Written::two("FALSE"),
            [only] => {
                let sign = self.parameter(Parameter::Text((*only).into()));
                return Written::three(format!("{bytes} = CAST({sign} AS BLOB)"));
            }
            [first, between @ .., last] => (*first, between, *last),
        };
        let between: Vec<&str> = between.iter().copied().filter(|part| !part.is_empty()).collect();
        let ends = first.len() + last.len();
        if ends == 0 && between.is_empty() {
            return Written::two(format!("{bytes} IS NOT NULL"));
        }
        let mut all = Vec::new();
        // So that neither takes a part of the other.
        if ends > 0 {
            all.push(format!("length({bytes}) >= {ends}"));
        }
        if !first.is_empty() {
            let sign = self.parameter(Parameter::Text(first.into()));
            all.push(format!("substr({bytes}, 1, {}) = CAST({sign} AS BLOB)", first.len()));
        }
        if !last.is_empty() {
            let sign = self.parameter(Parameter::Text(last.into()));
            all.push(format!("substr({bytes}, -{}) = CAST({sign} AS BLOB)", last.len()));
        }
        let is_found =
            (!between.is_empty()).then(|| self.found_between(&bytes, (first.len(), ends), &between));
        let values = if is_found.is_some() { Written::two } else { Written::three };
        all.extend(is_found);
        match all.as_slice() {
            [only] => values(only.clone()),
            all => values(format!("({})", all.join(" AND "))),
        }
    }

    /// That the parts are found one behind the other, between what the text begins and ends with: what is left is cut
    /// off behind each in turn, and is NULL from where one is missing.
    fn found_between(&mut self, bytes: &str, (first, ends): (usize, usize), parts: &[&str]) -> String {
        let start = format!("substr({bytes}, {}, length({bytes}) - {ends})", first + 1);
        if parts.len() > NESTED {
            return self.found_in_turn(&start, parts);
        }
        let mut rest = format!("SELECT {start} AS rest");
        for part in parts {
            let sign = self.parameter(Parameter::Text((*part).into()));
            let found = format!("instr(rest, CAST({sign} AS BLOB))");
            rest = format!(
                "SELECT CASE WHEN {found} > 0 THEN substr(rest, {found} + {}) END AS rest FROM ({rest})",
                part.len()
            );
        }
        format!("(SELECT rest IS NOT NULL FROM ({rest}))")
    }

    /// The same of any number of parts, in a query that goes through their list.
    fn found_in_turn(&mut self, start: &str, parts: &[&str]) -> String {
        let list: Vec<Constant> = parts.iter().map(|part| Constant::Text((*part).into())).collect();
        let (json, value) = json_list(&list);
        let sign = self.parameter(Parameter::Text(json.into()));
        let part = format!("CAST({value} AS BLOB)");
        let found = format!("instr(rest, {part})");
        let next = format!("CASE WHEN {found} > 0 THEN substr(rest, {found} + length({part})) END");
        let steps = format!("SELECT n + 1, {next} FROM caseward_rest JOIN json_each({sign}) ON key = n");
        format!(
            "(WITH RECURSIVE caseward_rest(n, rest) AS (SELECT 0, {start} UNION ALL {steps} WHERE rest IS NOT NULL) \
             SELECT count(*) > 0 FROM caseward_rest WHERE n = {} AND rest IS NOT NULL)",
            parts.len()
        )
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
