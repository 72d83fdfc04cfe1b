//! Reading entities takes exactly what Cedar's own parser takes, and nothing that dangles.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::Extent;
use super::run::{Counts, over};
use crate::policy::Sources;
use crate::testing::{Cedar, Choices, Facts, clinic_sources, corrupt, entities_json, plain_json};
use crate::ward::Ward;

/// Bytes for the facts, for the forms that they are written in, and for what is broken in the text.
const FACTS: usize = 1_800;
const FORMS: usize = 64;
const BREAKS: usize = 64;

/// Who took a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Cedar and this crate.
    Both,
    /// Cedar alone: a reference dangles, or a value is unknown.
    CedarAlone,
    /// Neither.
    Neither,
}

pub(super) fn attendance(extent: &Extent) -> Result<Counts, String> {
    run(extent, &Sources::attendance())
}

pub(super) fn clinic(extent: &Extent) -> Result<Counts, String> {
    run(extent, &clinic_sources())
}

fn run(extent: &Extent, sources: &Sources) -> Result<Counts, String> {
    let ward = Ward::new(sources).map_err(|e| e.to_string())?;
    let cedar = Cedar::new(&ward, sources)?;
    over(extent, FACTS + FORMS + BREAKS, |bytes| {
        let start = std::time::Instant::now();
        let mut counts = Counts::default();
        let (first, rest) = bytes.split_at_checked(FACTS).ok_or("too few bytes")?;
        let (forms, breaks) = rest.split_at_checked(FORMS).ok_or("too few bytes")?;
        let facts = Facts::new(&ward, &mut Choices::new(first));
        let text = entities_json(&facts, &mut Choices::new(forms));
        let whole = read_as_cedar(&ward, &cedar, &text)?;
        if whole != Taken::Both {
            return Err(format!("whole text, and taken by {whole:?}:\n{text}"));
        }
        counts.worlds = 1;
        let mut choices = Choices::new(breaks);
        for _ in 0..8 {
            let broken = corrupt(&text, &mut choices);
            match read_as_cedar(&ward, &cedar, &broken)? {
                Taken::Both => counts.taken += 1,
                Taken::CedarAlone => counts.dangling += 1,
                Taken::Neither => counts.not_taken += 1,
            }
        }
        if let Some(circle) = in_a_circle(facts) {
            let taken = read_as_cedar(&ward, &cedar, &plain_json(&circle).to_string())?;
            if taken != Taken::Neither {
                return Err(format!("a circle is taken by {taken:?}: {}", plain_json(&circle)));
            }
            counts.not_taken += 1;
        }
        counts.whole = start.elapsed();
        Ok(counts)
    })
}

/// The facts with an entity that lies in itself, through its parent; `None` where none lies in one of its type.
fn in_a_circle(mut facts: Facts) -> Option<Facts> {
    let (child, parent) = facts.parents.iter().find_map(|(child, parents)| {
        let same = parents.iter().find(|parent| parent.type_name() == child.type_name())?;
        Some((child.clone(), same.clone()))
    })?;
    facts.parents.entry(parent).or_default().push(child);
    Some(facts)
}

/// The first name in a world, as it is written, of what is not there.
fn dangling(ward: &Ward, world: &Json) -> Option<String> {
    let name = |of: &Json| Some((of.get("type")?.as_str()?.to_owned(), of.get("id")?.as_str()?.to_owned()));
    let all = world.as_array()?;
    let mut there: HashSet<_> = all.iter().filter_map(|entity| name(entity.get("uid")?)).collect();
    for ty in ward.schema().entity_types() {
        there.extend(ty.choices.iter().flatten().map(|id| (ty.name.to_string(), id.to_string())));
    }
    let mut open: Vec<&Json> = all.iter().collect();
    while let Some(json) = open.pop() {
        let named = json.get("__entity").unwrap_or(json);
        if let Some(named) = name(named).filter(|named| !there.contains(named)) {
            return Some(format!("{}::\"{}\"", named.0, named.1));
        }
        match json {
            Json::Array(all) => open.extend(all),
            Json::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    None
}

/// Reads `text` both ways and compares.
///
/// # Errors
/// Where the two do not agree, save for what dangles or is unknown.
pub fn read_as_cedar(ward: &Ward, cedar: &Cedar, text: &str) -> Result<Taken, String> {
    match (ward.read_world(text.as_bytes()), cedar.read(text)) {
        (Ok(world), Ok(entities)) => {
            let mut json = Vec::new();
            world.write_json(&mut json).map_err(|e| e.to_string())?;
            let parsed: Json = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
            if let Some(name) = dangling(ward, &parsed) {
                return Err(format!("taken, though {name} is not in the data\n{text}"));
            }
            let written = cedar.read(&String::from_utf8_lossy(&json));
            match written.map_err(|e| format!("Cedar refuses what was written: {e}\n{text}"))? {
                written if written == entities => Ok(Taken::Both),
                written => Err(format!("other entities than Cedar's\n{text}\n{written:?}\n{entities:?}")),
            }
        }
        (Ok(_), Err(error)) => Err(format!("taken, and Cedar refuses it: {error}\n{text}")),
        (Err(error), Ok(_)) => {
            let is_ours = |message: &str| {
                message.ends_with("is not in the data")
                    || message.ends_with("holds an unknown, which data may not")
            };
            match error.problems().iter().all(|problem| is_ours(&problem.message)) {
                true => Ok(Taken::CedarAlone),
                false => Err(format!("refused, and Cedar takes it: {error}\n{text}")),
            }
        }
        (Err(error), Err(_)) if error.is_data() && !error.problems().is_empty() => Ok(Taken::Neither),
        (Err(error), Err(_)) => Err(format!("refused without a problem: {error}\n{text}")),
    }
}
