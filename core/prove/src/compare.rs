//! What a solver says of two versions of policies: for each kind of request that differs, what is gained and lost.

use caseward::{Sources, Value, Ward};

use crate::claim::{self, Claim, Kind, Sides, Stated};
use crate::error::Error;
use crate::model::Environment;
use crate::query::{self, Limits, Outcome, Verdict};
use crate::report::Standing;
use crate::scene::{Replay, Scene};
use crate::solver::Solver;
use crate::{Names, Progress, claims, story};

/// Kinds of request that differ alike, and what is gained in them, or lost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Compared {
    /// Whether it is about what is gained.
    pub gained: bool,
    /// Actions with the types of their records.
    pub kinds: Vec<(String, String)>,
    /// `Proved` where there is nothing, `Refuted` where there is a story.
    pub standing: Standing,
    /// Why it is not known.
    pub why: Option<String>,
    /// Somebody who gains or loses, as the engine confirms it.
    pub story: Option<String>,
    /// The policies that are responsible there.
    pub policies: Vec<String>,
    /// The roles that matter there: attributes of the person that these read, which hold something.
    pub roles: Vec<String>,
}

/// Asks about every kind of request in which `ward`'s policies are not those of `old`, read under one schema. `names` are
/// for the stories.
///
/// # Errors
/// [`Error::NoSolver`], or what is wrong with the policies.
pub fn compare(
    ward: Ward,
    sources: &Sources,
    old: &Sources,
    names: Names,
    progress: Progress<'_>,
) -> Result<Vec<Compared>, Error> {
    let solver = Solver::find()?;
    let none = Sources { schema: sources.schema.clone(), policies: Vec::new(), catalogue: None };
    let nothing = Stated { invariants: none.clone(), guarantees: none };
    let old = claims::other_version(old, sources)?;
    let sides = Sides { names, ..claims::sides(ward, sources, &nothing, Some(old))? };
    let changes = match &sides.old {
        Some(old) => claim::changes(&sides, old)?,
        None => Vec::new(),
    };
    let (claims, places): (Vec<Claim>, Vec<Vec<Environment>>) = changes.into_iter().unzip();
    let chosen: Vec<usize> = (0..claims.len()).collect();
    let done = claims::counter(claims.len(), progress);
    let outcomes = query::ask(&sides, &claims, &chosen, &solver, Limits::default(), &done);
    let all = claims.iter().zip(places).zip(outcomes);
    Ok(all.map(|((claim, places), outcome)| compared(&sides, claim, &places, outcome)).collect())
}

fn compared(sides: &Sides, claim: &Claim, places: &[Environment], outcome: Outcome) -> Compared {
    let kinds = places.iter().map(|place| (place.action_id.clone(), place.resource.clone())).collect();
    let gained = claim.kind == Kind::NotMore;
    let mut compared = Compared {
        gained,
        kinds,
        standing: Standing::Proved,
        why: None,
        story: None,
        policies: Vec::new(),
        roles: Vec::new(),
    };
    let unknown = |compared: &mut Compared, standing, why: String| {
        compared.standing = standing;
        compared.why = Some(why);
    };
    match outcome.verdict {
        Verdict::Holds => {}
        Verdict::Undecided(why) => unknown(&mut compared, Standing::Undecided, why),
        Verdict::Faulty(why) => unknown(&mut compared, Standing::SolverFault, why),
        Verdict::Fails(None) => {
            let why = "it says that there is a difference, and gives none".to_owned();
            unknown(&mut compared, Standing::SolverFault, why);
        }
        Verdict::Fails(Some(env)) => match Scene::of(&env, &[], &sides.now.ward) {
            Ok(scene) => tell(sides, claim.kind, scene, &mut compared),
            Err(why) => {
                let why = format!("the solver's example cannot be read: {why}");
                unknown(&mut compared, Standing::Undecided, why);
            }
        },
    }
    compared
}

/// Replays, shrinks and tells a scene.
fn tell(sides: &Sides, kind: Kind, mut scene: Scene, compared: &mut Compared) {
    if scene.replay(kind, sides).is_none() {
        compared.standing = Standing::Undecided;
        compared.why = Some("the solver has an example that the engine does not confirm".to_owned());
        return;
    }
    scene.shrink(kind, sides);
    let Some(replay) = scene.replay(kind, sides) else { return };
    compared.standing = Standing::Refuted;
    compared.story = Some(story::tell(&scene, &replay, kind, sides));
    compared.policies = responsible(&replay);
    compared.roles = roles(sides, &scene, &compared.policies);
}

/// The policies that decide in either version.
fn responsible(replay: &Replay) -> Vec<String> {
    let beside = replay.beside.iter().flat_map(|(_, answer)| &answer.policies);
    let mut all: Vec<String> = replay.wrong.policies.iter().chain(beside).map(ToString::to_string).collect();
    all.sort();
    all.dedup();
    all
}

fn roles(sides: &Sides, scene: &Scene, policies: &[String]) -> Vec<String> {
    let wards = [Some(&sides.now.ward), sides.old.as_ref().map(|old| &old.ward)];
    let texts: Vec<_> = wards
        .into_iter()
        .flatten()
        .flat_map(|ward| policies.iter().filter_map(|id| ward.source(id)))
        .collect();
    let reads = |name: &str| {
        let read = format!("principal.{name}");
        texts.iter().any(|source| {
            source.text.match_indices(&read).any(|(at, _)| {
                let rest = source.text.get(at + read.len()..).and_then(|rest| rest.chars().next());
                rest.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        })
    };
    let attributes = scene.facts.entities.get(&scene.request.principal).into_iter().flatten();
    let held = attributes.filter(|(name, value)| {
        matches!(value, Value::Set(all) if !all.is_empty() && all.iter().all(|v| matches!(v, Value::Entity(_))))
            && reads(name)
    });
    held.map(|(name, _)| name.to_string()).collect()
}
