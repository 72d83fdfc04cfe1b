//! How a filter is written into a query that has more in it: its parameters, and what the query calls the row.

use std::fmt;
use std::str::FromStr;

use super::dialect::Dialect;
use super::filter::Parameter;
use crate::model::Error;
use crate::model::suggest::hint;

/// The largest number that a parameter may have: PostgreSQL counts them in 16 bits, and SQLite to 32,766.
const LARGEST: usize = 32_766;

/// How parameters are written, as the drivers of databases take them.
///
/// As text it is what the first parameter looks like, or the name that Python's DB-API has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterStyle {
    /// `$1`, `$2` …
    Dollar,
    /// `?`, without numbers: `qmark`.
    Question,
    /// `?1`, `?2` …
    NumberedQuestion,
    /// `:1`, `:2` …: `numeric`.
    Numeric,
    /// `:p1`, `:p2` …: `named`.
    Named,
    /// `%s`, without numbers: `format`. A `%` that is none of them is `%%`.
    Format,
    /// `%(p1)s`, `%(p2)s` …: `pyformat`. A `%` that is none of them is `%%`.
    Pyformat,
}

impl ParameterStyle {
    /// Every style.
    pub const ALL: [ParameterStyle; 7] = [
        ParameterStyle::Dollar,
        ParameterStyle::Question,
        ParameterStyle::NumberedQuestion,
        ParameterStyle::Numeric,
        ParameterStyle::Named,
        ParameterStyle::Format,
        ParameterStyle::Pyformat,
    ];

    /// What the first parameter looks like.
    pub fn name(self) -> &'static str {
        match self {
            ParameterStyle::Dollar => "$1",
            ParameterStyle::Question => "?",
            ParameterStyle::NumberedQuestion => "?1",
            ParameterStyle::Numeric => ":1",
            ParameterStyle::Named => ":p1",
            ParameterStyle::Format => "%s",
            ParameterStyle::Pyformat => "%(p1)s",
        }
    }

    /// The name that people give it; that of Python's DB-API where it has one.
    fn word(self) -> &'static str {
        match self {
            ParameterStyle::Dollar => "dollar",
            ParameterStyle::Question => "qmark",
            ParameterStyle::NumberedQuestion => "numbered",
            ParameterStyle::Numeric => "numeric",
            ParameterStyle::Named => "named",
            ParameterStyle::Format => "format",
            ParameterStyle::Pyformat => "pyformat",
        }
    }

    /// Whether a parameter is known by its number, so that one value may stand in several places.
    pub fn is_numbered(self) -> bool {
        !matches!(self, ParameterStyle::Question | ParameterStyle::Format)
    }

    /// The sign of the parameter with this number.
    pub(super) fn sign(self, number: usize) -> String {
        match self {
            ParameterStyle::Dollar => format!("${number}"),
            ParameterStyle::Question => "?".into(),
            ParameterStyle::NumberedQuestion => format!("?{number}"),
            ParameterStyle::Numeric => format!(":{number}"),
            ParameterStyle::Named => format!(":p{number}"),
            ParameterStyle::Format => "%s".into(),
            ParameterStyle::Pyformat => format!("%(p{number})s"),
        }
    }

    /// Text between parameters.
    fn text(self, text: &str) -> String {
        match self {
            ParameterStyle::Format | ParameterStyle::Pyformat => text.replace('%', "%%"),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Display for ParameterStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ParameterStyle {
    type Err = Error;

    /// # Errors
    /// [`Error::is_request`] for what is neither a style's first parameter nor its name.
    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|style| style.name() == text || style.word() == text);
        known.ok_or_else(|| {
            let hint = match hint(text, Self::ALL.iter().map(|style| style.word())) {
                hint if hint.is_empty() => {
                    let all: Vec<String> =
                        Self::ALL.iter().map(|style| format!("`{style}` ({})", style.word())).collect();
                    format!(": they are {}", all.join(", "))
                }
                hint => hint,
            };
            Error::request(format!("there is no style of parameters `{text}`{hint}"))
        })
    }
}

/// How a filter is to be written, where its query has more in it.
///
/// # Example
/// ```
/// use caseward::sql::{FilterOptions, ParameterStyle};
///
/// let options = FilterOptions::default().first_parameter(3).alias("c");
/// let for_a_driver = FilterOptions::default().style(ParameterStyle::Format);
/// # let _ = (options, for_a_driver);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterOptions {
    first: Option<usize>,
    style: Option<ParameterStyle>,
    pub(super) alias: Option<String>,
}

impl FilterOptions {
    /// The number of the first parameter: 1 unless told, and one more than the query has where it has some.
    #[must_use]
    pub fn first_parameter(mut self, number: usize) -> Self {
        self.first = Some(number);
        self
    }

    /// How parameters are written: as [`Dialect`] tells unless told.
    #[must_use]
    pub fn style(mut self, style: ParameterStyle) -> Self {
        self.style = Some(style);
        self
    }

    /// What the query calls the row that is decided: the mapping's alias or the table's name unless told.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// What no query can have.
    pub(super) fn checked(&self) -> Result<(), Error> {
        if let Some(alias) = self.alias.as_ref().filter(|alias| alias.is_empty() || alias.contains('\0')) {
            return Err(Error::request(format!("`{}` is no name for a row", alias.escape_debug())));
        }
        match (self.first, self.style) {
            (Some(first), _) if !(1..=LARGEST).contains(&first) => Err(Error::request(format!(
                "the first parameter cannot have the number {first}: they are numbered from 1 to {LARGEST}"
            ))),
            (Some(first), Some(style)) if first != 1 && !style.is_numbered() => Err(Error::request(format!(
                "parameters written `{style}` have no numbers, and the first is to have the number {first}"
            ))),
            _ => Ok(()),
        }
    }

    /// The text with its parameters as they are to be written, their values in the order in which they are to be given,
    /// and the sign of each.
    ///
    /// In the text a parameter is the number of its value between two NULs, which no text of ours has.
    pub(super) fn written(
        &self,
        text: &str,
        values: Vec<Parameter>,
        dialect: Dialect,
    ) -> (String, Vec<Parameter>, Vec<String>) {
        let style = self.style.unwrap_or_else(|| dialect.style());
        let first = self.first.unwrap_or(1);
        let (mut out, mut given) = (String::with_capacity(text.len()), Vec::new());
        for (at, part) in text.split('\0').enumerate() {
            match part.parse::<usize>() {
                Ok(number) if at % 2 == 1 => {
                    out.push_str(&style.sign(first + number));
                    given.extend(values.get(number).cloned());
                }
                _ => out.push_str(&style.text(part)),
            }
        }
        let values = if style.is_numbered() { values } else { given };
        let signs = (0..values.len()).map(|at| style.sign(first + at)).collect();
        (out, values, signs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(options: FilterOptions, text: &str) -> (String, Vec<Parameter>, Vec<String>) {
        let values = vec![Parameter::Bigint(10), Parameter::Bigint(20)];
        options.written(text, values, Dialect::Postgres)
    }

    #[test]
    fn each_style_is_its_own_name() {
        for style in ParameterStyle::ALL {
            assert_eq!(style.name().parse::<ParameterStyle>().ok(), Some(style));
            assert_eq!(style.word().parse::<ParameterStyle>().ok(), Some(style));
        }
        let error = "qmrk".parse::<ParameterStyle>().unwrap_err();
        assert!(error.is_request() && error.to_string().contains("did you mean `qmark`?"), "{error}");
        let error = "@".parse::<ParameterStyle>().unwrap_err();
        assert!(error.to_string().contains("`%(p1)s` (pyformat)"), "{error}");
    }

    #[test]
    fn parameters_without_numbers_are_given_in_the_order_in_which_they_stand() {
        const TEXT: &str = "a % 7 = \x001\x00 AND b = \x000\x00 AND c = \x001\x00";
        let (ten, twenty) = (Parameter::Bigint(10), Parameter::Bigint(20));
        for (options, sql, values, signs) in [
            (
                FilterOptions::default(),
                "a % 7 = $2 AND b = $1 AND c = $2",
                vec![&ten, &twenty],
                vec!["$1", "$2"],
            ),
            (
                FilterOptions::default().first_parameter(3).style(ParameterStyle::Pyformat),
                "a %% 7 = %(p4)s AND b = %(p3)s AND c = %(p4)s",
                vec![&ten, &twenty],
                vec!["%(p3)s", "%(p4)s"],
            ),
            (
                FilterOptions::default().style(ParameterStyle::Format),
                "a %% 7 = %s AND b = %s AND c = %s",
                vec![&twenty, &ten, &twenty],
                vec!["%s", "%s", "%s"],
            ),
            (
                FilterOptions::default().style(ParameterStyle::Question),
                "a % 7 = ? AND b = ? AND c = ?",
                vec![&twenty, &ten, &twenty],
                vec!["?", "?", "?"],
            ),
        ] {
            let found = written(options.clone(), TEXT);
            assert_eq!(found.0, sql, "{options:?}");
            assert_eq!(found.1.iter().collect::<Vec<_>>(), values, "{options:?}");
            assert_eq!(found.2, signs, "{options:?}");
        }
    }

    #[test]
    fn what_no_query_has_is_refused() {
        for (options, part) in [
            (FilterOptions::default().first_parameter(0), "from 1"),
            (FilterOptions::default().first_parameter(40_000), "32766"),
            (
                FilterOptions::default().first_parameter(2).style(ParameterStyle::Question),
                "`?` have no numbers",
            ),
            (FilterOptions::default().alias(""), "no name for a row"),
            (FilterOptions::default().alias("a\0b"), "no name for a row"),
        ] {
            let error = options.checked().unwrap_err();
            assert!(error.is_request() && error.to_string().contains(part), "{error}");
        }
        assert!(FilterOptions::default().first_parameter(7).alias("c").checked().is_ok());
    }
}
