//! What is claimed of the policies, and what has to be asked to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use caseward::claims;
pub(crate) use caseward::claims::{Form, Implied};
use caseward::{Effect, Sources, Ward};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::Names;
use crate::model::{self, Environment, Model, Policies, Policy, Rule};
use crate::plausible::Known;
use crate::rewrite::{self, After, Scope};

/// What must never be allowed, as a file of the folder `invariants` describes it; or always, as one of `guarantees`.
pub(crate) struct Invariant {
    /// The policy that it is written as; it grants and denies nothing.
    pub(crate) rule: Rule,
    /// The number or rule that it writes down.
    pub(crate) number: String,
    pub(crate) sentence: String,
    pub(crate) form: Form,
}

/// The texts of invariants and guarantees: policies that grant and deny nothing.
#[derive(Clone, Debug)]
pub struct Stated {
    /// What must never be allowed.
    pub invariants: Sources,
    /// What must always be allowed.
    pub guarantees: Sources,
}

/// Invariants and guarantees.
pub(crate) struct Invariants {
    /// Apart, since a decision over both would name the forbids alone.
    pub(crate) never: Policies,
    pub(crate) always: Policies,
    /// As the rules of the first, then those of the second.
    pub(crate) all: Vec<Invariant>,
}

impl Invariants {
    pub(crate) fn new(stated: &Stated) -> Result<Self, String> {
        let read = |what: &str, sources: &Sources| {
            let ward = Ward::new(sources).map_err(|e| format!("the {what}s: {e}"))?;
            Policies::new(ward, sources)
        };
        let (never, always) =
            (read("invariant", &stated.invariants)?, read("guarantee", &stated.guarantees)?);
        let mut all = Vec::new();
        for rule in &never.rules {
            all.push(read_claim(rule, &never.ward).map_err(|why| format!("invariant `{}`: {why}", rule.id))?);
        }
        for rule in &always.rules {
            all.push(
                read_claim(rule, &always.ward).map_err(|why| format!("guarantee `{}`: {why}", rule.id))?,
            );
        }
        Ok(Invariants { never, always, all })
    }

    /// The policies among which it stands.
    pub(crate) fn beside(&self, invariant: &Invariant) -> &Policies {
        if invariant.is_guarantee() { &self.always } else { &self.never }
    }
}

impl Invariant {
    pub(crate) fn is_guarantee(&self) -> bool {
        self.form == Form::Always
    }

    /// What it is called.
    fn what(&self) -> &'static str {
        if self.is_guarantee() { "guarantee" } else { "invariant" }
    }
}

fn read_claim(rule: &Rule, ward: &Ward) -> Result<Invariant, String> {
    let policy = ward.policy(&rule.id).ok_or("it was not loaded")?;
    let read = claims::Invariant::read(policy, ward.schema()).map_err(|unclear| unclear.message)?;
    let (number, sentence) = (read.number.to_string(), read.sentence.to_string());
    Ok(Invariant { rule: rule.clone(), number, sentence, form: read.form })
}

/// Everything that is claimed about.
pub(crate) struct Sides {
    pub(crate) now: Policies,
    pub(crate) invariants: Invariants,
    /// The version that this one is compared with.
    pub(crate) old: Option<Policies>,
    pub(crate) model: Arc<Model>,
    /// The texts that all of these compare attributes with.
    pub(crate) known: Arc<Known>,
    /// What stories call people and places.
    pub(crate) names: Names,
}

impl Sides {
    /// The same, with the texts that they compare attributes with.
    pub(crate) fn with_known(mut self) -> Self {
        let sets =
            [Some(&self.now), Some(&self.invariants.never), Some(&self.invariants.always), self.old.as_ref()];
        let sets: Vec<&Policies> = sets.into_iter().flatten().collect();
        self.known = Arc::new(Known::of(&sets, &self.model, self.now.ward.schema()));
        self
    }
}

/// What kind of claim it is; places are those in [`Sides`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invariant(usize),
    /// The same of what is always allowed.
    Guarantee(usize),
    /// The invariant speaks of something: its own policy can match.
    Sound(usize),
    /// The invariant's own policy never errs: one that does is passed over.
    Precise(usize),
    NotMore,
    /// It allows all that the other version allows.
    NotLess,
    Equivalent,
    NeverErrs(usize),
    CanDecide(usize),
    SomebodyMay(usize),
}

/// A claim, and the questions that settle it.
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) sentence: String,
    /// Whether one good answer settles it, and not only all of them.
    pub(crate) any: bool,
    pub(crate) parts: Vec<Part>,
    /// Why it cannot be asked.
    pub(crate) refused: Option<String>,
}

/// One question, in one kind of request.
pub(crate) struct Part {
    pub(crate) model: Arc<Model>,
    pub(crate) environment: Environment,
    pub(crate) query: Query,
}

/// What is asked.
pub(crate) enum Query {
    /// Whatever the first allows the second allows.
    Implies(Slice, Slice),
    NeverErrs(Slice),
    /// Something is allowed.
    SomeAllowed(Slice),
    /// Something matches.
    SomeMatch(Slice),
}

impl Query {
    /// What it is called, and the policies that it is about.
    pub(crate) fn about(&self) -> (&'static str, [Option<&Slice>; 2]) {
        match self {
            Query::Implies(a, b) => ("implies", [Some(a), Some(b)]),
            Query::NeverErrs(a) => ("never errs", [Some(a), None]),
            Query::SomeAllowed(a) => ("some allowed", [Some(a), None]),
            Query::SomeMatch(a) => ("some match", [Some(a), None]),
        }
    }
}

impl Part {
    /// What the answer depends on, in one run; the same for kinds of request that differ in nothing that is asked.
    pub(crate) fn question(&self, schema: &caseward::Schema) -> String {
        let (what, slices) = self.query.about();
        let (principal, action, resource) = self.environment.key();
        let context = schema.action(action).map(|action| format!("{:?}", action.context)).unwrap_or_default();
        let mut question = format!("{what} | {} | {principal} | {resource} | {context}", self.model.name);
        let mut asks_action = false;
        for slice in slices.into_iter().flatten() {
            let ids: Vec<String> = slice.policies.iter().map(|policy| policy.id().to_string()).collect();
            question = format!("{question} | {}: {}", slice.name, ids.join(" "));
            asks_action |= slice.asks_action;
        }
        if asks_action { format!("{question} | {action}") } else { question }
    }
}

/// Policies for one kind of request; `name` tells slices of one model and kind of request apart.
#[derive(Clone)]
pub(crate) struct Slice {
    pub(crate) name: String,
    pub(crate) policies: Arc<Vec<Policy>>,
    /// Whether what it allows can depend on the action, once it is known to apply.
    pub(crate) asks_action: bool,
}

impl Slice {
    pub(crate) fn new(name: impl Into<String>, policies: Vec<Policy>, asks_action: bool) -> Self {
        Slice { name: name.into(), policies: Arc::new(policies), asks_action }
    }

    fn of(name: &str, rules: &[&Rule]) -> Result<Self, String> {
        // An empty set would not be taken.
        let mut policies = vec![model::everything(false)?];
        policies.extend(rules.iter().map(|rule| rule.policy.clone()));
        Ok(Slice::new(name, policies, rules.iter().any(|rule| rule.asks_action)))
    }
}

impl Claim {
    fn new(id: String, kind: Kind, sentence: String) -> Self {
        Claim { id, kind, sentence, any: false, parts: Vec::new(), refused: None }
    }

    /// What the answer follows from: the schema, every policy asked about, and who answers.
    pub(crate) fn key(&self, schema: &str, solver: &str) -> String {
        let mut hash = Key::new();
        let mut part = |text: &str| hash.part(text);
        part(solver);
        part(schema);
        part(&self.id);
        for asked in &self.parts {
            let (principal, action, resource) = asked.environment.key();
            [&asked.model.name, principal, action, resource].into_iter().for_each(&mut part);
            let (what, slices) = asked.query.about();
            part(what);
            for slice in slices.into_iter().flatten() {
                part("of");
                slice.policies.iter().for_each(|policy| part(&policy.to_string()));
            }
        }
        hash.finish()
    }
}

/// The SHA-256 of all that an answer follows from.
pub(crate) struct Key(Sha256);

impl Key {
    pub(crate) fn new() -> Self {
        let mut key = Key(Sha256::new());
        key.part("caseward proof 2, cedar-policy-symcc 0.8");
        key
    }

    pub(crate) fn part(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Every claim about the policies themselves, and their invariants.
pub(crate) fn claims(sides: &Sides) -> Result<Vec<Claim>, String> {
    let mut claims = Vec::new();
    for at in 0..sides.invariants.all.len() {
        claims.extend(of_invariant(sides, at)?);
    }
    for (at, rule) in sides.now.rules.iter().enumerate() {
        claims.extend(of_rule(sides, at, rule)?);
    }
    for (at, environment) in sides.model.environments.iter().enumerate() {
        let rules = sides.now.applying(environment, &sides.model);
        let sentence = format!("somebody may {}", environment.shown());
        let mut claim =
            Claim::new(format!("somebody may: {}", environment.shown()), Kind::SomebodyMay(at), sentence);
        claim.any = true;
        for rule in rules.iter().filter(|rule| rule.effect == Effect::Permit) {
            let query = Query::SomeAllowed(alone(rule, &rules)?);
            claim.parts.push(Part { model: sides.model.clone(), environment: environment.clone(), query });
        }
        claims.push(claim);
    }
    Ok(claims)
}

/// The claim that the policies allow nothing that the old ones did not, or just the same.
pub(crate) fn compared(sides: &Sides, old: &Policies, kind: Kind) -> Result<Claim, String> {
    let (id, sentence) = match kind {
        Kind::Equivalent => ("equivalent", "under this version's schema, both versions allow just the same"),
        _ => (
            "not more than",
            "under this version's schema, it allows nothing that the other version does not",
        ),
    };
    let mut claim = Claim::new(id.to_owned(), kind, sentence.to_owned());
    for environment in &sides.model.environments {
        let (new, before) =
            (sides.now.applying(environment, &sides.model), old.applying(environment, &sides.model));
        if same(&new, &before) {
            continue;
        }
        let (a, b) = (Slice::of("now", &new)?, Slice::of("old", &before)?);
        let mut ask = |from: &Slice, to: &Slice| {
            let query = Query::Implies(from.clone(), to.clone());
            claim.parts.push(Part { model: sides.model.clone(), environment: environment.clone(), query });
        };
        ask(&a, &b);
        if kind == Kind::Equivalent {
            ask(&b, &a);
        }
    }
    Ok(claim)
}

/// For each kind of request in which the versions differ: that nothing is allowed which was not, and that nothing is
/// not which was. Kinds that differ in nothing that is asked are one claim; the places of each are told with it.
pub(crate) fn changes(sides: &Sides, old: &Policies) -> Result<Vec<(Claim, Vec<Environment>)>, String> {
    let mut all: Vec<(Claim, Vec<Environment>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for environment in &sides.model.environments {
        let (new, before) =
            (sides.now.applying(environment, &sides.model), old.applying(environment, &sides.model));
        if same(&new, &before) {
            continue;
        }
        let (now, old) = (Slice::of("now", &new)?, Slice::of("old", &before)?);
        for (kind, from, to, has) in
            [(Kind::NotMore, &now, &old, has_permit(&new)), (Kind::NotLess, &old, &now, has_permit(&before))]
        {
            if !has {
                continue;
            }
            let query = Query::Implies(from.clone(), to.clone());
            let part = Part { model: sides.model.clone(), environment: environment.clone(), query };
            let question = part.question(sides.now.ward.schema());
            let at = *known.entry(question).or_insert_with(|| {
                let what = if kind == Kind::NotMore { "gains" } else { "loses" };
                let id = format!("nobody {what}: {}", environment.shown());
                let mut claim = Claim::new(id.clone(), kind, id);
                claim.parts.push(part);
                all.push((claim, Vec::new()));
                all.len() - 1
            });
            all.get_mut(at).into_iter().for_each(|(_, places)| places.push(environment.clone()));
        }
    }
    Ok(all)
}

/// Whether the very same policies apply.
fn same(new: &[&Rule], before: &[&Rule]) -> bool {
    new.len() == before.len() && new.iter().zip(before).all(|(a, b)| a.id == b.id && a.text == b.text)
}

/// A permit with all forbids: what it allows of itself.
fn alone(permit: &Rule, rules: &[&Rule]) -> Result<Slice, String> {
    let with = rules.iter().filter(|rule| rule.effect == Effect::Forbid || rule.id == permit.id);
    Slice::of(&format!("only {}", permit.id), &with.copied().collect::<Vec<_>>())
}

/// One policy, as it is.
fn one(rule: &Rule) -> Slice {
    Slice::new(rule.id.clone(), vec![rule.policy.clone()], rule.asks_action)
}

fn has_permit(rules: &[&Rule]) -> bool {
    rules.iter().any(|rule| rule.effect == Effect::Permit)
}

fn of_rule(sides: &Sides, at: usize, rule: &Rule) -> Result<Vec<Claim>, String> {
    let mut errs = Claim::new(
        format!("never errs: {}", rule.id),
        Kind::NeverErrs(at),
        format!("policy `{}` never errs", rule.id),
    );
    let (id, sentence) =
        (format!("can decide: {}", rule.id), format!("policy `{}` can decide something", rule.id));
    let mut decides = Claim::new(id, Kind::CanDecide(at), sentence);
    decides.any = true;
    for environment in &sides.model.environments {
        let rules = sides.now.applying(environment, &sides.model);
        if !rules.iter().any(|other| other.id == rule.id) {
            continue;
        }
        let part = |query| Part { model: sides.model.clone(), environment: environment.clone(), query };
        errs.parts.push(part(Query::NeverErrs(one(rule))));
        decides.parts.push(part(match rule.effect {
            Effect::Forbid => Query::SomeMatch(one(rule)),
            Effect::Permit => Query::SomeAllowed(alone(rule, &rules)?),
        }));
    }
    Ok(vec![errs, decides])
}

fn of_invariant(sides: &Sides, at: usize) -> Result<Vec<Claim>, String> {
    let Some(invariant) = sides.invariants.all.get(at) else { return Ok(Vec::new()) };
    let (rule, what) = (&invariant.rule, invariant.what());
    let kind = if invariant.is_guarantee() { Kind::Guarantee(at) } else { Kind::Invariant(at) };
    let mut holds = Claim::new(rule.id.clone(), kind, invariant.sentence.clone());
    let mut sound = Claim::new(
        format!("can match: {}", rule.id),
        Kind::Sound(at),
        format!("{what} `{}` speaks of something", rule.id),
    );
    sound.any = true;
    let mut precise = Claim::new(
        format!("never errs: {}", rule.id),
        Kind::Precise(at),
        format!("{what} `{}` never errs", rule.id),
    );
    let ghostly = match &invariant.form {
        Form::Change(steps, _) => {
            let ghosts: Vec<_> =
                steps.iter().filter_map(|step| rewrite::ghost(step, sides.now.ward.schema())).collect();
            Arc::new(Model::with(&sides.now.schema_text, &ghosts)?)
        }
        _ => sides.model.clone(),
    };
    for environment in &sides.model.environments {
        let beside = sides.invariants.beside(invariant).applying(environment, &sides.model);
        if beside.iter().all(|other| other.id != rule.id) {
            continue;
        }
        let plain = |query| Part { model: sides.model.clone(), environment: environment.clone(), query };
        sound.parts.push(plain(Query::SomeMatch(one(rule))));
        // Where nothing is ever permitted, nothing can go against an invariant, and everything against a guarantee.
        if !invariant.is_guarantee() && !has_permit(&sides.now.applying(environment, &sides.model)) {
            continue;
        }
        precise.parts.push(plain(Query::NeverErrs(one(rule))));
        match question(sides, environment, &ghostly, invariant) {
            Ok(part) => holds.parts.push(part),
            Err(why) => holds.refused = Some(format!("it cannot be asked of {}: {why}", environment.shown())),
        }
    }
    Ok(vec![holds, sound, precise])
}

/// What has to be asked of an invariant in one kind of request.
fn question(
    sides: &Sides,
    environment: &Environment,
    ghostly: &Arc<Model>,
    invariant: &Invariant,
) -> Result<Part, String> {
    let rule = &invariant.rule;
    let rules = sides.now.applying(environment, &sides.model);
    let now = Slice::of("now", &rules)?;
    let asked = || rewrite::all_that_is_asked(&model::to_json(&rule.policy)?);
    let only_there = || model::from_json("(only where)", rewrite::only_where(asked()?));
    let schema = sides.now.ward.schema();
    match &invariant.form {
        Form::Never => {
            let policies = vec![model::everything(true)?, rule.policy.clone()];
            let but = Slice::new(format!("all but {}", rule.id), policies, rule.asks_action);
            let query = Query::Implies(now, but);
            Ok(Part { model: sides.model.clone(), environment: environment.clone(), query })
        }
        Form::Always => Ok(Part {
            model: sides.model.clone(),
            environment: environment.clone(),
            query: Query::Implies(one(rule), now),
        }),
        Form::Implies(what) => {
            let mut there: Vec<Policy> = now.policies.to_vec();
            there.push(only_there()?);
            let query = Query::Implies(
                Slice::new(format!("where {}", rule.id), there, now.asks_action || rule.asks_action),
                implied(sides, environment, rule, what)?,
            );
            Ok(Part { model: sides.model.clone(), environment: environment.clone(), query })
        }
        Form::Change(steps, what) => {
            let before = match what {
                Some(what) => implied(sides, environment, rule, what)?,
                None => now.clone(),
            };
            let scope =
                Scope::new(schema, &environment.principal, &environment.action, &environment.resource)
                    .ok_or("the schema lacks a type of it")?;
            let after = After { scope: &scope, steps };
            let mut later = vec![only_there()?];
            for rule in &rules {
                let json = after
                    .policy(model::to_json(&rule.policy)?)
                    .map_err(|why| format!("{}: {why}", rule.id))?;
                later.push(model::from_json(&rule.id, json)?);
            }
            let environment = ghostly.environments.iter().find(|other| other.key() == environment.key());
            let environment = environment.ok_or("the changed schema lacks it")?.clone();
            let query = Query::Implies(
                Slice::new(format!("after {}", rule.id), later, now.asks_action || rule.asks_action),
                before,
            );
            Ok(Part { model: ghostly.clone(), environment, query })
        }
    }
}

/// The policies on `action` and what `path` leads to, as policies on a kind of request that has both at hand.
fn implied(sides: &Sides, here: &Environment, rule: &Rule, what: &Implied) -> Result<Slice, String> {
    let Implied { action, path } = what;
    let schema = sides.now.ward.schema();
    let scope = Scope::new(schema, &here.principal, &here.action, &here.resource)
        .ok_or("the schema lacks a type of it")?;
    let record = path.iter().fold(json!({ "Var": "resource" }), |record, name| rewrite::get(&record, name));
    let resource = match scope.type_of(&record) {
        Some(caseward::Type::Entity(of)) => schema.entity_type(of).map(|ty| ty.name.to_string()),
        _ => None,
    };
    let resource = resource.ok_or_else(|| format!("`resource.{}` leads to no entity", path.join(".")))?;
    let there = sides.model.environments.iter();
    let there = there
        .clone()
        .find(|e| e.principal == here.principal && e.action == *action && e.resource == resource);
    let there = there.ok_or_else(|| format!("{action} does not apply to {resource}"))?;
    let fields =
        |action: &str| schema.action(action).map(|action| action.context.clone()).unwrap_or_default();
    let (mine, theirs): (Arc<BTreeMap<_, _>>, _) = (fields(&here.action), fields(&there.action));
    if let Some((lacking, _)) = theirs.iter().find(|(name, field)| mine.get(*name) != Some(*field)) {
        return Err(format!(
            "the context of {action} has `{lacking}`, which that of {} has not",
            here.action
        ));
    }
    let action = entity(&there.cedar.action().clone());
    let mut implied = vec![model::everything(false)?];
    for rule in sides.now.applying(there, &sides.model) {
        let json = rewrite::elsewhere(model::to_json(&rule.policy)?, &action, &record)?;
        implied.push(model::from_json(&rule.id, json)?);
    }
    Ok(Slice::new(format!("implied by {}", rule.id), implied, false))
}

fn entity(uid: &model::CedarUid) -> Json {
    let id: &str = uid.id().as_ref();
    json!({ "Value": { "__entity": { "type": uid.type_name().to_string(), "id": id } } })
}
