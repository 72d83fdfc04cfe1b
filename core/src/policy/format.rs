//! Policy text in Cedar's standard layout.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

use crate::cedar::limits;
use crate::cedar::limits::Language;
use crate::model::{Error, Problem, Source};

/// Columns of a line.
const LINE_WIDTH: usize = 100;

/// The text of `source` in Cedar's standard layout, comments kept.
///
/// # Errors
/// [`Error::is_policies`] where the text is not policies.
pub fn format(source: &Source) -> Result<String, Error> {
    limits::check(&source.text, Language::Policy)
        .map_err(|p| Error::policies(vec![p.in_source(&source.name)]))?;
    // The formatter reports in a general type; parsing first gives the spans.
    if let Err(error) = source.text.parse::<cedar_policy::PolicySet>() {
        return Err(Error::policies(super::load::problems_of(&error, source)));
    }
    let config = Config { line_width: LINE_WIDTH, indent_width: 2 };
    policies_str_to_pretty(&source.text, &config)
        .map_err(|e| Error::policies(vec![Problem::error(e.to_string()).in_source(&source.name)]))
}
