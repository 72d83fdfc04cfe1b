//! Conditions by their names: one name, one text.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Lint, Looked, Looker};
use crate::model::{Schema, Type};
use crate::policy::ClauseText as Clause;

/// References, one behind the other, that count as the resource.
const MOST_REFERENCES: usize = 3;

/// A condition that has a name, with every text that counts as its own.
struct Named<'a> {
    one: &'a Looker<'a>,
    clause: &'a Clause,
    /// Its own text, and the texts in which a reference of the resource counts as the resource.
    texts: BTreeSet<String>,
    own: String,
}

pub(super) fn lint(looked: &Looked<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in [&looked.policies, &looked.claims] {
        let mut by_name: BTreeMap<&str, Vec<Named<'_>>> = BTreeMap::new();
        for one in group {
            for clause in &one.survey.clauses {
                match &clause.name {
                    Some(name) => by_name.entry(name).or_default().push(named(one, clause)),
                    None => found.push(nameless(one, clause)),
                }
            }
        }
        for (name, all) in by_name {
            found.extend(differing(name, &all));
        }
    }
    found
}

fn nameless(one: &Looker<'_>, clause: &Clause) -> Finding {
    let message = "the condition has no name: there is no comment line above it".to_owned();
    Finding::new(Lint::ConditionWithoutName, one.file(), Some(clause.span.clone()), message)
        .help("name it in a comment, such as `// open`, as the policies name what they share")
}

fn named<'a>(one: &'a Looker<'a>, clause: &'a Clause) -> Named<'a> {
    let own = body(clause);
    let references = references(one.ward.schema());
    let mut texts = BTreeSet::from([own.join(" ")]);
    let mut open = vec![own.clone()];
    // `resource.case.student` is `resource.student` to the case, and `resource` to the student.
    for _ in 0..MOST_REFERENCES {
        let next: Vec<Vec<&str>> = open.iter().flat_map(|text| shortened(text, &references)).collect();
        texts.extend(next.iter().map(|text| text.join(" ")));
        open = next;
    }
    Named { one, clause, texts, own: own.join(" ") }
}

/// The tokens of a condition, the same behind `when` as behind `unless`: its name says what holds, not what follows.
fn body(clause: &Clause) -> Vec<&str> {
    let all = clause.tokens.iter().map(AsRef::as_ref);
    all.skip_while(|token| matches!(*token, "when" | "unless")).collect()
}

/// The texts in which one reference of the resource counts as the resource, wherever it is read.
fn shortened<'a>(tokens: &[&'a str], references: &BTreeSet<&str>) -> Vec<Vec<&'a str>> {
    let read: BTreeSet<&str> = tokens
        .windows(3)
        .filter_map(|three| match three {
            ["resource", ".", name] if references.contains(name) => Some(*name),
            _ => None,
        })
        .collect();
    let without = |reference: &str| {
        let mut other = Vec::with_capacity(tokens.len());
        let mut rest = tokens;
        while let Some((first, after)) = rest.split_first() {
            other.push(*first);
            rest = match rest {
                ["resource", ".", name, after @ ..] if *name == reference => after,
                _ => after,
            };
        }
        other
    };
    read.into_iter().map(without).collect()
}

/// The attributes that refer to one entity.
fn references(schema: &Schema) -> BTreeSet<&str> {
    let attributes = schema.entity_types().iter().flat_map(|ty| &ty.attributes);
    attributes
        .filter(|(_, attribute)| matches!(attribute.ty, Type::Entity(_)))
        .map(|(name, _)| name.as_ref())
        .collect()
}

/// Those that share no text with the others: every condition but those of the text that most have.
fn differing(name: &str, all: &[Named<'_>]) -> Vec<Finding> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in all.iter().flat_map(|named| &named.texts) {
        *counts.entry(text).or_default() += 1;
    }
    // Of texts that equally many have, the first of the policies says which is meant.
    let first = all.first().map_or("", |named| named.own.as_str());
    let usual = counts.iter().max_by_key(|(text, count)| (**count, **text == first)).map(|(text, _)| *text);
    let Some(usual) = usual else { return Vec::new() };
    let sharing = |named: &&Named<'_>| named.texts.contains(usual);
    let Some(example) = all.iter().find(sharing) else { return Vec::new() };
    let others = all.iter().filter(|named| !sharing(named)).map(|named| {
        let message = format!(
            "the condition `{name}` has another text than in `{}`{}",
            example.one.policy.id,
            match all.iter().filter(sharing).count() {
                0 | 1 => String::new(),
                n => format!(" and {} more", n - 1),
            }
        );
        Finding::new(Lint::ConditionName, named.one.file(), Some(named.clause.span.clone()), message)
            .help("write the same text, or give what is another condition another name")
    });
    others.collect()
}
