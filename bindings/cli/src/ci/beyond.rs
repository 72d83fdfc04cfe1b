//! Gains beyond those that are announced: a solver gives one example of a gain, which an announcement may cover while
//! another gain of the same kind is covered by none.
//!
//! INVARIANT: what is announced of some policies or of one role is taken out of the new version, and the solver is asked
//! again; nothing passes for announced that was not asked about so.

use std::collections::BTreeSet;

use caseward::author::Diff;
use caseward::{Source, Sources, Ward};

use super::Change;
use crate::diff::Limit;
use crate::failure::Failure;
use crate::prove::{self, Standing};
use crate::terminal::Terminal;

/// An action and the type of its records.
pub(super) type Kind = (String, String);

/// Announcements of one kind of request that are taken apart; more are not told apart.
const MOST: usize = 4;

/// What a solver finds of one kind of request beyond its announcements.
pub(super) struct Beyond {
    pub(super) kind: Kind,
    /// Somebody who gains what nobody announced.
    pub(super) story: Option<String>,
    /// Why it is not known whether anybody does.
    pub(super) why: Option<String>,
}

/// How one announcement is taken out of the new version.
#[derive(Clone, Copy)]
enum Without<'e> {
    /// The policies that it names are as they were.
    Policies(&'e Limit),
    /// Who holds the role that it names may do nothing.
    Role(&'e str),
}

/// Asks about kinds of request with gains that are all announced.
pub(super) fn seek(
    change: &Change<'_>,
    diff: &Diff,
    base: &Sources,
    kinds: &BTreeSet<Kind>,
    terminal: &Terminal,
) -> Result<Vec<Beyond>, Failure> {
    let mut beyond = Vec::new();
    let Some(expected) = &change.expected else { return Ok(beyond) };
    // Kinds of the same announcements are asked about together.
    let mut alike: Vec<(Vec<Limit>, BTreeSet<Kind>)> = Vec::new();
    for kind in kinds {
        let limits = expected.limits(&kind.0, &kind.1);
        // One that names no policy, no rule and no role is of whatever is gained there.
        if limits.iter().any(|limit| !limit.names_policies() && limit.role.is_none()) {
            continue;
        }
        match alike.iter_mut().find(|(known, _)| *known == limits) {
            Some((_, kinds)) => drop(kinds.insert(kind.clone())),
            None => alike.push((limits, BTreeSet::from([kind.clone()]))),
        }
    }
    for (limits, mut kinds) in alike {
        if limits.len() > MOST {
            let why = format!("more than {MOST} announcements speak of it, which are not told apart");
            beyond.extend(kinds.into_iter().map(|kind| Beyond { kind, story: None, why: Some(why.clone()) }));
            continue;
        }
        for way in ways(&limits) {
            for more in ask(change, diff, base, (&kinds, &way), terminal)? {
                // One example of each kind is enough.
                kinds.remove(&more.kind);
                beyond.push(more);
            }
        }
    }
    Ok(beyond)
}

/// Every way to take all announcements out: each by its policies or by its role. What is gained and announced by none is
/// gained in one of them.
fn ways<'e>(limits: &'e [Limit]) -> Vec<Vec<Without<'e>>> {
    let mut ways = vec![Vec::new()];
    for limit in limits {
        let policies = limit.names_policies().then_some(Without::Policies(limit));
        let role = limit.role.as_deref().map(Without::Role);
        let with = |way: &Vec<Without<'e>>, one| way.iter().copied().chain([one]).collect::<Vec<_>>();
        ways = ways
            .iter()
            .flat_map(|way| policies.into_iter().chain(role).map(move |one| with(way, one)))
            .collect();
    }
    ways
}

fn ask(
    change: &Change<'_>,
    diff: &Diff,
    base: &Sources,
    (kinds, way): (&BTreeSet<Kind>, &[Without<'_>]),
    terminal: &Terminal,
) -> Result<Vec<Beyond>, Failure> {
    let mut without = change.sources.clone();
    for (number, one) in way.iter().enumerate() {
        match one {
            Without::Policies(limit) => as_before(&mut without, diff, base, limit),
            Without::Role(role) => {
                for kind in kinds {
                    forbid(&mut without, diff.ward(), kind, (role, number));
                }
            }
        }
    }
    let compared = prove::compare(Ward::new(&without)?, &without, base, terminal)?;
    let mut found = Vec::new();
    for one in compared.into_iter().filter(|one| one.gained && one.standing != Standing::Proved) {
        let why = one.why.unwrap_or_else(|| "no reason is given".to_owned());
        let why = one.story.is_none().then_some(why);
        let of = one.kinds.into_iter().filter(|kind| kinds.contains(kind));
        found.extend(of.map(|kind| Beyond { kind, story: one.story.clone(), why: why.clone() }));
    }
    Ok(found)
}

/// Puts the policies that an announcement names back as they were, or away where they are new.
fn as_before(sources: &mut Sources, diff: &Diff, base: &Sources, limit: &Limit) {
    let all = diff.ward().policies().iter().chain(diff.old().policies());
    let named = all.filter(|policy| limit.is_of(&policy.id, policy.rule.as_deref()));
    let files: BTreeSet<&str> = named.map(|policy| policy.source.as_ref()).collect();
    sources.policies.retain(|source| !files.contains(source.name.as_ref()));
    sources
        .policies
        .extend(base.policies.iter().filter(|source| files.contains(source.name.as_ref())).cloned());
}

/// Forbids the kind to whoever holds a role: an attribute that is a set.
fn forbid(sources: &mut Sources, ward: &Ward, (action, resource): &Kind, (role, number): (&str, usize)) {
    let schema = ward.schema();
    let Some(action) = schema.action(action) else { return };
    for ty in action.principals.iter().filter_map(|ty| schema.entity_type(*ty)) {
        let is_set = |of: &caseward::Type| matches!(of, caseward::Type::Set(_));
        if ty.attribute(role).is_none_or(|(_, attribute)| !is_set(&attribute.ty)) {
            continue;
        }
        let id = format!("announced-{number}-{}-{}-{resource}", ty.name, action.uid.id());
        let text = format!(
            "@id({id:?})\nforbid (principal is {}, action == {}, resource is {resource})\n\
             when {{ principal has {role} && !principal.{role}.isEmpty() }};\n",
            ty.name, action.uid
        );
        sources.policies.push(Source::new(format!("{id}.cedar"), text));
    }
}
