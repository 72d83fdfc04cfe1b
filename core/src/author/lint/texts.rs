//! Texts that attributes are compared with, and dates.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Lint, Looked, Looker};
use crate::model::suggest::nearest;
use crate::policy::tokens;

/// Who compares an attribute with a text, by the place where they do.
type Comparisons<'a> = BTreeMap<(&'a str, usize), &'a Looker<'a>>;

/// A text that stands nowhere else, or a pattern that no text matches.
pub(super) fn lonely(looked: &Looked<'_>) -> Vec<Finding> {
    let mut by_text: BTreeMap<(&str, &str), Comparisons<'_>> = BTreeMap::new();
    for one in looked.all() {
        for compared in one.survey.texts.iter().filter(|compared| compared.pattern.is_none()) {
            let place = (one.policy.source.as_ref(), compared.span.start);
            by_text.entry((&compared.attribute, &compared.text)).or_default().insert(place, one);
        }
    }
    let told = told(&looked.subject.sources.schema.text);
    let mut all = unmatched(looked, &by_text, &told);
    let found = by_text.iter().filter_map(|((attribute, text), places)| {
        let (_, one) = places.iter().next().filter(|_| places.len() == 1)?;
        if told.contains(*text) {
            return None;
        }
        let others = by_text.keys().filter(|(of, other)| of == attribute && other != text);
        let near = nearest(text, others.map(|(_, other)| *other))
            .or_else(|| nearest(text, told.iter().map(String::as_str)));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `\"{near}\"`?"));
        let compared =
            one.survey.texts.iter().find(|c| c.text.as_ref() == *text && c.attribute.as_ref() == *attribute)?;
        let message = format!("`{attribute}` is compared with `\"{text}\"` here and nowhere else{hint}");
        let finding =
            Finding::new(Lint::LonelyText, one.file(), Some(compared.span.clone()), message);
        Some(finding.help(format!(
            "where it is meant, say in a comment of the schema which values `{attribute}` has: `// \"{text}\"`"
        )))
    });
    all.extend(found);
    all
}

/// Patterns of attributes that are compared with texts elsewhere, none of which they match.
fn unmatched(
    looked: &Looked<'_>,
    by_text: &BTreeMap<(&str, &str), Comparisons<'_>>,
    told: &BTreeSet<String>,
) -> Vec<Finding> {
    let all = looked.all().flat_map(|one| one.survey.texts.iter().map(move |compared| (one, compared)));
    let found = all.filter_map(|(one, compared)| {
        let pattern = compared.pattern.as_ref()?;
        let texts = by_text.keys().filter(|(of, _)| *of == compared.attribute.as_ref()).map(|(_, text)| *text);
        let texts: Vec<&str> = texts.collect();
        let mut known = texts.iter().copied().chain(told.iter().map(String::as_str));
        if texts.is_empty() || known.any(|text| pattern.matches(text)) {
            return None;
        }
        let (attribute, text) = (&compared.attribute, &compared.text);
        let message =
            format!("`like \"{text}\"` matches none of the texts that `{attribute}` is compared with elsewhere");
        let finding = Finding::new(Lint::LonelyText, one.file(), Some(compared.span.clone()), message);
        Some(finding.help(format!(
            "where it is meant, say in a comment of the schema which values `{attribute}` has, in quotation marks"
        )))
    });
    found.collect()
}

/// Every text in quotes that the schema has, in its comments too.
fn told(schema: &str) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for line in schema.lines() {
        // What stands between the first and the second quotation mark, the third and the fourth …
        told.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    told.extend(tokens(schema).iter().filter(|t| t.starts_with('"')).map(|t| t.trim_matches('"').to_owned()));
    told
}

/// A date without a time, which is midnight in UTC.
pub(super) fn dates(looked: &Looked<'_>) -> Vec<Finding> {
    let all = looked.all().flat_map(|one| one.survey.datetimes.iter().map(move |date| (one, date)));
    let found = all.filter(|(_, (text, _))| !text.contains('T')).map(|(one, (text, span))| {
        let message = format!("`datetime(\"{text}\")` is midnight in UTC, when it is noon or later in New Zealand");
        let finding = Finding::new(Lint::DateWithoutTime, one.file(), Some(span.clone()), message);
        finding.help(format!(
            "write the time and the offset that are meant: `datetime(\"{text}T00:00:00+1300\")` is midnight in New \
             Zealand in summer, `+1200` in winter, and `datetime(\"{text}T00:00:00Z\")` what this is now"
        ))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_comments_of_the_schema_say_is_known() {
        let told = told("// \"open\" or \"closed\"\nentity A enum [\"x\", \"y\"];");
        for text in ["open", "closed", "x", "y"] {
            assert!(told.contains(text), "{text}");
        }
        assert!(!told.contains(" or "));
    }
}
