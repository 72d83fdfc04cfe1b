//! What annotations may name: the file `annotations.toml` of a policy folder.
//!
//! ```toml
//! [gate]                                   # the values that `@gate` may have, each with what it says
//! G2 = "Nobody before the training."
//!
//! [decision.D1]                            # or with the question that it answers
//! question = "Who leads?"
//! reading = "The attendance lead."
//! ```
//!
//! Each table is called after an annotation, one's own (`[x_owner]`) too. An annotation without a table may say
//! anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::cedar::limits::taken;
use crate::model::object;
use crate::model::{Error, Problem, Source};

/// What annotations may name, and what that says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// By annotation.
    values: BTreeMap<Arc<str>, Vec<KnownValue>>,
}

/// A value of an annotation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KnownValue {
    /// As annotations name it: `D6`.
    pub name: Arc<str>,
    /// The question that it answers, where it answers one.
    pub question: Option<Arc<str>>,
    /// What it says.
    pub reading: Arc<str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Says(String),
    #[serde(deserialize_with = "object::one")]
    Answers(Answer),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    question: Option<String>,
    reading: String,
}

impl Known {
    /// The name of the file in a policy folder.
    pub const FILE: &str = "annotations.toml";

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::is_data`], with what is wrong and where.
    pub fn read(source: &Source) -> Result<Self, Error> {
        let refuse = |problem: Problem| Error::data(vec![problem.in_source(&source.name)]);
        taken(&source.text).map_err(refuse)?;
        let raw: BTreeMap<String, BTreeMap<String, Spanned<toml::Value>>> = toml::from_str(&source.text)
            .map_err(|error| {
                refuse(Problem::error(error.message()).at(&source.text, error.span().unwrap_or(0..0)))
            })?;
        let mut values = BTreeMap::new();
        for (annotation, all) in raw {
            let mut named = Vec::new();
            for (name, value) in all {
                let span = value.span();
                let read = match value.into_inner().try_into::<Raw>() {
                    Ok(Raw::Says(reading)) => Answer { question: None, reading },
                    Ok(Raw::Answers(answer)) => answer,
                    Err(_) => {
                        let why = format!(
                            "`{name}` is what it says, as a text, or a table with `reading` and `question`"
                        );
                        return Err(refuse(Problem::error(why).at(&source.text, span)));
                    }
                };
                if !read.reading.chars().any(char::is_alphanumeric) {
                    let why = format!("`{name}` says nothing: say what it means");
                    return Err(refuse(Problem::error(why).at(&source.text, span)));
                }
                named.push(KnownValue {
                    name: name.into(),
                    question: read.question.map(Into::into),
                    reading: read.reading.into(),
                });
            }
            named.sort_by(|a, b| in_order(&a.name).cmp(&in_order(&b.name)));
            values.insert(annotation.into(), named);
        }
        Ok(Known { values })
    }

    /// The values of an annotation, `D2` before `D10`; `None` where it may say anything.
    pub fn of(&self, annotation: &str) -> Option<&[KnownValue]> {
        self.values.get(annotation).map(Vec::as_slice)
    }

    /// A decision, by its name.
    pub fn decision(&self, name: &str) -> Option<&KnownValue> {
        self.of("decision")?.iter().find(|value| value.name.as_ref() == name)
    }
}

/// A key that puts names with a number at their end in the order of the numbers.
fn in_order(name: &str) -> (&str, usize, &str) {
    let start = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (letters, digits) = name.split_at(start);
    (letters, digits.parse().unwrap_or(usize::MAX), name)
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::model::Source;

    #[test]
    fn the_decisions_stand_in_the_order_of_their_numbers() {
        let known = Known::attendance().expect("it is read");
        let names: Vec<String> =
            known.of("decision").expect("decisions").iter().map(|d| d.name.to_string()).collect();
        assert_eq!(names, (1..=29).map(|n| format!("D{n}")).collect::<Vec<_>>());
        assert!(known.decision("D6").is_some_and(|d| d.reading.starts_with("It is withheld")));
        assert_eq!(known.decision("D61"), None);
        assert_eq!(known.of("x_owner"), None);
    }

    #[test]
    fn what_is_neither_text_nor_table_is_refused() {
        for text in [
            "[gate]\nG2 = 1",
            "[decision.D1]\nquestion = \"?\"",
            "gate = 1",
            "[decision.D1]\nreading = \"a\"\nredaing = \"b\"",
        ] {
            let error = Known::read(&Source::new("annotations.toml", text)).expect_err(text);
            assert!(error.is_data() && error.problems().iter().all(|p| p.span.is_some()), "{text}: {error}");
        }
    }
}
