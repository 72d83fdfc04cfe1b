//! Cases that are missing: what tells a policy from a changed one, found by the solver, shrunk, and run before it is
//! kept.
//!
//! INVARIANT: what is handed out passes with the policies as they are, and does not with the changed one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use caseward::author::{Case, CaseFile};
use caseward::{Source, Sources, Ward};
use toml::{Table, Value as Toml};

use crate::claim::{self, Kind, Sides, Stated};
use crate::equivalence::LIMIT;
use crate::error::Error;
use crate::model::Policies;
use crate::query::{Limits, Narrow, STACK, Verdict, Worker};
use crate::scene::Scene;
use crate::solver::Solver;
use crate::{Names, Progress, claims, story};

/// A source of one policy, and the same changed.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The source as it is.
    pub original: Source,
    /// The same, changed.
    pub changed: Source,
    /// What the case is called, after the decision: `what turns with …`.
    pub title: String,
}

/// A case that tells a pair apart; or why there is none.
pub type Found = Result<Missing, String>;

/// One case with a world of its own.
#[derive(Clone, Debug)]
pub struct Missing {
    scene: Scene,
    title: String,
}

/// Looks for a case for each pair, in their order. `names` are for the people and places in them.
///
/// # Errors
/// [`Error::NoSolver`], or what is wrong with the policies.
pub fn apart(
    original: &Sources,
    pairs: &[Pair],
    names: Names,
    progress: Progress<'_>,
) -> Result<Vec<Found>, Error> {
    let solver = Solver::find()?;
    let done = claims::counter(pairs.len(), progress);
    std::thread::scope(|scope| {
        let run = || {
            let mut sides = Sides { names, ..sides(original)? };
            let known = sides.known.clone();
            let schema = sides.now.ward.schema().clone();
            let limits = Limits { question: LIMIT, jobs: 1 };
            let mut worker = Worker::new(&solver, limits, Some(Narrow { known: &known, schema: &schema }));
            let mut found = Vec::new();
            for pair in pairs {
                found.push(one(&mut sides, original, pair, &mut worker));
                done();
            }
            Ok(found)
        };
        let spawned = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        let spawned = spawned.map_err(|e| e.to_string())?;
        spawned.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The policies on both sides: what is changed takes the place of the one of now.
fn sides(original: &Sources) -> Result<Sides, Error> {
    let none = || Sources { policies: Vec::new(), ..original.clone() };
    let stated = Stated { invariants: none(), guarantees: none() };
    let old = Policies::new(Ward::new(original)?, original)?;
    claims::sides(Ward::new(original)?, original, &stated, Some(old))
}

fn one(sides: &mut Sides, original: &Sources, pair: &Pair, worker: &mut Worker<'_>) -> Found {
    let mut sources = original.clone();
    let place = sources.policies.iter_mut().find(|source| source.name == pair.original.name);
    *place.ok_or("the policy is no source of its own")? = pair.changed.clone();
    let ward = Ward::new(&sources).map_err(|e| e.to_string())?;
    sides.now = Policies::new(ward, &sources)?;
    let old = sides.old.as_ref().ok_or("there is nothing to compare with")?;
    let mut why = "no data tells it apart by a decision".to_owned();
    for part in claim::compared(sides, old, Kind::Equivalent)?.parts {
        worker.forget();
        match worker.answer(&part) {
            Verdict::Holds => {}
            Verdict::Undecided(other) | Verdict::Faulty(other) => why = other,
            Verdict::Fails(None) => why = "the solver has no counterexample".to_owned(),
            Verdict::Fails(Some(env)) => {
                let mut scene = Scene::of(&env, &[], &sides.now.ward)?;
                if scene.replay(Kind::Equivalent, sides).is_none() {
                    why = "the engine does not confirm what the solver found".to_owned();
                    continue;
                }
                scene.shrink(Kind::Equivalent, sides);
                return Ok(Missing { scene, title: pair.title.clone() });
            }
        }
    }
    Err(why)
}

/// The cases as one file of TOML that `ward` passes; each that cannot be written, or would not pass, is left out.
///
/// # Errors
/// [`Error::Other`], where the file cannot be written so that it passes.
pub fn cases_file(head: &str, cases: Vec<Missing>, ward: &Ward) -> Result<(String, Vec<Case>), Error> {
    let mut texts = Vec::new();
    let mut names = BTreeSet::new();
    for (n, mut missing) in cases.into_iter().enumerate() {
        missing.scene.suffix(n + 1);
        let Ok((title, world, case)) = written(&missing, ward) else { continue };
        // Two changes can be told apart by the same.
        if !names.insert(title) {
            continue;
        }
        let one = text("", &[(world.clone(), case.clone())])?;
        if CaseFile::read(ward, "one", &one)
            .and_then(|file| file.run(ward))
            .is_ok_and(|wrong| wrong.is_empty())
        {
            texts.push((world, case));
        }
    }
    let text = text(head, &texts)?;
    let file = CaseFile::read(ward, "the cases", &text).map_err(|e| e.to_string())?;
    match file.run(ward).map_err(|e| e.to_string())?.first() {
        None => Ok((text, file.cases)),
        Some(wrong) => Err(Error::Other(format!("{}: {}", wrong.case, wrong.difference))),
    }
}

fn text(head: &str, cases: &[(Table, Table)]) -> Result<String, String> {
    let mut world = Table::new();
    for (of_case, _) in cases {
        for (ty, entities) in of_case {
            let all = world.entry(ty).or_insert_with(|| Toml::Table(Table::new()));
            if let (Some(all), Some(entities)) = (all.as_table_mut(), entities.as_table()) {
                all.extend(entities.clone());
            }
        }
    }
    let mut file = Table::new();
    file.insert("world".to_owned(), Toml::Table(world));
    let mut text = format!("{head}{}", toml::to_string(&file).map_err(|e| e.to_string())?);
    for (_, case) in cases {
        // As people write them: the sentence first.
        text.push_str("\n[[case]]\n");
        for key in ["name", "principal", "action", "resource", "context", "expect", "policies"] {
            if let Some(value) = case.get(key) {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
    }
    Ok(text)
}

/// What a case is about, its world and itself.
fn written(missing: &Missing, ward: &Ward) -> Result<(String, Table, Table), String> {
    let Missing { scene, title } = missing;
    let world = scene.facts.build().map_err(|e| e.to_string())?;
    let answer = ward.check(&world, &scene.request).map_err(|e| e.to_string())?;
    let (expect, done) = if answer.is_allowed() { ("allow", "allowed") } else { ("deny", "denied") };
    let title = format!("{title}: {done}");
    let mut case = Table::new();
    case.insert("name".to_owned(), Toml::String(title.clone()));
    case.extend(story::question(&scene.request, ward)?);
    case.insert("expect".to_owned(), Toml::String(expect.to_owned()));
    let policies = answer.policies.iter().map(|id| Toml::String(id.to_string()));
    case.insert("policies".to_owned(), Toml::Array(policies.collect()));
    Ok((title, story::world(&scene.facts)?, case))
}
