//! What the decisions say, from `annotations.toml` beside the policies.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::lint;
use crate::load::PolicyArgs;

/// By decision, the question and the reading taken; nothing for a folder that does not say it.
pub(super) fn read(policies: &PolicyArgs) -> Result<BTreeMap<String, String>, Failure> {
    let known = lint::known(policies)?;
    let all = known.iter().flat_map(|known| known.of("decision").unwrap_or_default());
    let says = all.map(|decision| {
        let question = decision.question.iter().map(|question| format!("{question}\n"));
        (decision.name.to_string(), question.chain([decision.reading.to_string()]).collect::<String>())
    });
    Ok(says.collect())
}
