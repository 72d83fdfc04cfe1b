//! Texts that come from JavaScript or go there, many at a time.

use caseward::{Source, Sources};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

#[derive(Deserialize, Serialize)]
struct Text {
    name: String,
    text: String,
}

/// A schema and policies.
#[derive(Deserialize, Serialize)]
struct Texts {
    schema: Text,
    policies: Vec<Text>,
    catalogue: Option<Text>,
}

pub(crate) fn sources(json: &str) -> Result<Sources, Refusal> {
    let texts: Texts = serde_json::from_str(json).map_err(Refusal::call)?;
    let source = |Text { name, text }| Source::new(name, text);
    Ok(Sources {
        schema: source(texts.schema),
        policies: texts.policies.into_iter().map(source).collect(),
        catalogue: texts.catalogue.map(source),
    })
}

/// What [`sources`] reads.
pub(crate) fn sources_json(sources: &Sources) -> Result<String, Refusal> {
    let text = |source: &Source| Text { name: source.name.to_string(), text: source.text.to_string() };
    let policies = sources.policies.iter().map(text).collect();
    let catalogue = sources.catalogue.as_ref().map(text);
    crate::refusal::json(&Texts { schema: text(&sources.schema), policies, catalogue })
}

/// Texts as one: each behind a line feed; as a list in JSON where one of them holds a line feed.
///
/// One text crosses over faster than many.
pub(crate) fn join<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Result<String, Refusal> {
    let mut all = String::new();
    for text in texts.clone() {
        if text.contains('\n') {
            return crate::refusal::json(&texts.collect::<Vec<_>>());
        }
        all.push('\n');
        all.push_str(text);
    }
    Ok(all)
}

/// Calls `each` with every text of what [`join`] would have given.
pub(crate) fn split(texts: &str, mut each: impl FnMut(&str)) -> Result<(), Refusal> {
    match texts.strip_prefix('\n') {
        Some(texts) => texts.split('\n').for_each(each),
        None if texts.is_empty() => {}
        None => {
            let all: Vec<String> = serde_json::from_str(texts).map_err(Refusal::call)?;
            all.iter().for_each(|text| each(text));
        }
    }
    Ok(())
}
